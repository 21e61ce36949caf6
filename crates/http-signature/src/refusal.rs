//! Why a signature is refused.

use std::fmt;

use crate::ComponentError;
use crate::structured::Unreadable;

/// Why a request's signature is refused before any key is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no signature: no credential, rather than a bad one.
    NotSigned,
    /// `Signature-Input` without `Signature`, or the other way round.
    HalfSigned,
    /// One of the two headers is too long.
    HeaderTooLong,
    /// One of the two headers is not a dictionary.
    HeaderMalformed,
    /// A label occurs twice.
    LabelRepeated,
    /// A label is in one of the two headers only.
    LabelUnmatched,
    /// There is no signature with the label that is asked for.
    LabelUnknown,
    /// There are too many signatures.
    TooManySignatures,
    /// There are several signatures, and none fits.
    NoneFits,
    /// The input of a signature is not a list in parentheses.
    InputNotAList,
    /// A signature is not a byte sequence.
    SignatureNotBytes,
    /// A signature has no bytes.
    SignatureEmpty,
    /// A parameter of the signature is of the wrong type or out of range.
    ParameterMalformed,
    /// `alg` is not supported.
    AlgorithmUnsupported,
    /// Too many components are covered.
    TooManyComponents,
    /// A component that is covered is not one, or not one of requests.
    Component(ComponentError),
    /// A component is covered twice.
    ComponentRepeated,
    /// A field that is covered is not there.
    FieldMissing,
    /// A field that is covered has bytes that can't be signed.
    FieldNotText,
    /// A field is not the structured field that it is taken for.
    FieldNotStructured,
    /// It is not known which structured field a field is.
    StructureUnknown,
    /// A member of a dictionary is not there.
    MemberMissing,
    /// A query parameter is not there.
    QueryParamMissing,
    /// A query parameter occurs more than once.
    QueryParamRepeated,
    /// Something can't be derived from this request.
    NotDerivable,
    /// What was signed would be too long.
    BaseTooLong,
    /// The signature is for another application.
    TagMismatch,
    /// `created` is missing.
    CreatedMissing,
    /// `expires` is missing.
    ExpiresMissing,
    /// `nonce` is missing or empty.
    NonceMissing,
    /// It was made in the future.
    CreatedInFuture,
    /// It has expired.
    Expired,
    /// It is older than the operator allows.
    TooOld,
    /// It covers less than the operator requires.
    NotCovered,
}

impl Refusal {
    /// A stable name for metrics and logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotSigned => "signature_missing",
            Self::HalfSigned
            | Self::HeaderTooLong
            | Self::HeaderMalformed
            | Self::LabelRepeated
            | Self::LabelUnmatched
            | Self::TooManySignatures
            | Self::InputNotAList
            | Self::SignatureNotBytes
            | Self::SignatureEmpty
            | Self::ParameterMalformed
            | Self::TooManyComponents
            | Self::Component(_)
            | Self::ComponentRepeated => "signature_malformed",
            Self::LabelUnknown | Self::NoneFits | Self::TagMismatch => "signature_not_for_us",
            Self::AlgorithmUnsupported => "algorithm_unsupported",
            Self::FieldMissing
            | Self::FieldNotText
            | Self::FieldNotStructured
            | Self::StructureUnknown
            | Self::MemberMissing
            | Self::QueryParamMissing
            | Self::QueryParamRepeated
            | Self::NotDerivable
            | Self::BaseTooLong => "component_unavailable",
            Self::CreatedMissing | Self::ExpiresMissing | Self::NonceMissing => {
                "signature_parameter_missing"
            }
            Self::CreatedInFuture => "signature_not_yet_valid",
            Self::Expired | Self::TooOld => "signature_expired",
            Self::NotCovered => "signature_covers_too_little",
        }
    }
}

impl From<Unreadable> for Refusal {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::TooLong => Self::BaseTooLong,
            Unreadable::Malformed | Unreadable::Repeated => Self::FieldNotStructured,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSigned => "there is no signature",
            Self::HalfSigned => "one of signature-input and signature is missing",
            Self::HeaderTooLong => "signature-input or signature is too long",
            Self::HeaderMalformed => "signature-input or signature is not a dictionary",
            Self::LabelRepeated => "a label occurs twice",
            Self::LabelUnmatched => "a label is in one of signature-input and signature only",
            Self::LabelUnknown => "no signature has the label",
            Self::TooManySignatures => "there are too many signatures",
            Self::NoneFits => "none of the signatures fits",
            Self::InputNotAList => "the input of the signature is not a list in parentheses",
            Self::SignatureNotBytes => "the signature is not a byte sequence",
            Self::SignatureEmpty => "the signature is empty",
            Self::ParameterMalformed => "a parameter of the signature is malformed",
            Self::AlgorithmUnsupported => "the algorithm (alg) is not supported",
            Self::TooManyComponents => "too many components are covered",
            Self::Component(error) => return write!(f, "a component that is covered {error}"),
            Self::ComponentRepeated => "a component is covered twice",
            Self::FieldMissing => "a field that is covered is not there",
            Self::FieldNotText => "a field that is covered has bytes that can't be signed",
            Self::FieldNotStructured => "a field is not the structured field it is taken for",
            Self::StructureUnknown => "it is not known which structured field a field is",
            Self::MemberMissing => "a member of a field that is covered is not there",
            Self::QueryParamMissing => "a query parameter that is covered is not there",
            Self::QueryParamRepeated => "a query parameter that is covered occurs more than once",
            Self::NotDerivable => "a component can't be derived from this request",
            Self::BaseTooLong => "what is signed is too long",
            Self::TagMismatch => "the signature is for another application (tag)",
            Self::CreatedMissing => "the signature does not say when it was made (created)",
            Self::ExpiresMissing => "the signature does not say when it ends (expires)",
            Self::NonceMissing => "the signature has no nonce",
            Self::CreatedInFuture => "the signature was made in the future (created)",
            Self::Expired => "the signature has expired (expires)",
            Self::TooOld => "the signature is too old (created)",
            Self::NotCovered => "the signature covers less than is required",
        })
    }
}

impl std::error::Error for Refusal {}
