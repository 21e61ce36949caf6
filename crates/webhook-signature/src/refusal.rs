//! Why a request is refused.

use std::fmt;

/// Why a request's signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no signature: no credential, rather than a bad one.
    Missing,
    /// A header that counts is there more than once.
    HeaderRepeated,
    /// A header that counts is too long.
    HeaderTooLong,
    /// A header that counts is not printable ASCII.
    HeaderMalformed,
    /// A header that is signed is not there.
    HeaderMissing,
    /// The signature is not written as it should be.
    SignatureMalformed,
    /// There are too many signatures.
    TooManySignatures,
    /// No signature is of a version that is supported.
    VersionUnsupported,
    /// The identifier is missing.
    IdMissing,
    /// The identifier is malformed.
    IdMalformed,
    /// The time is missing.
    TimestampMissing,
    /// The time is malformed, or there twice.
    TimestampMalformed,
    /// It was signed too long ago.
    TimestampTooOld,
    /// It was signed in the future.
    TimestampInFuture,
    /// The nonce is missing.
    NonceMissing,
    /// The nonce is empty, too long or malformed.
    NonceMalformed,
    /// A part of the request has bytes that can't be signed.
    PartMalformed,
    /// A part of the request has the separator in it.
    PartHasSeparator,
    /// No signature is by one of the secrets.
    Mismatch,
}

impl Refusal {
    /// A stable name for metrics and logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::HeaderRepeated
            | Self::HeaderTooLong
            | Self::HeaderMalformed
            | Self::SignatureMalformed
            | Self::TooManySignatures
            | Self::IdMalformed
            | Self::TimestampMalformed
            | Self::NonceMalformed => "signature_malformed",
            Self::VersionUnsupported => "algorithm_unsupported",
            Self::HeaderMissing | Self::PartMalformed | Self::PartHasSeparator => {
                "component_unavailable"
            }
            Self::IdMissing | Self::TimestampMissing | Self::NonceMissing => {
                "signature_parameter_missing"
            }
            Self::TimestampTooOld => "signature_expired",
            Self::TimestampInFuture => "signature_not_yet_valid",
            Self::Mismatch => "signature_invalid",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no signature",
            Self::HeaderRepeated => "a header of the signature is there more than once",
            Self::HeaderTooLong => "a header of the signature is too long",
            Self::HeaderMalformed => "a header of the signature is not printable ASCII",
            Self::HeaderMissing => "a header that is signed is not there",
            Self::SignatureMalformed => "the signature is malformed",
            Self::TooManySignatures => "there are too many signatures",
            Self::VersionUnsupported => "no signature is of a version that is supported",
            Self::IdMissing => "the identifier is missing",
            Self::IdMalformed => "the identifier is malformed",
            Self::TimestampMissing => "the time of the signature is missing",
            Self::TimestampMalformed => "the time of the signature is malformed",
            Self::TimestampTooOld => "the signature is too old",
            Self::TimestampInFuture => "the signature was made in the future",
            Self::NonceMissing => "the nonce is missing",
            Self::NonceMalformed => "the nonce is malformed",
            Self::PartMalformed => "a part of the request has bytes that can't be signed",
            Self::PartHasSeparator => "a part of the request has the separator in it",
            Self::Mismatch => "the signature is by none of the secrets",
        })
    }
}

impl std::error::Error for Refusal {}
