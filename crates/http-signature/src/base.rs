//! The signature base (RFC 9421, section 2.5).
//!
//! For each component that is covered, in order, its identifier, `: `, its value and a line feed;
//! then `"@signature-params": ` and the parameters in their strict form. No base is built
//!
//! 1. where a field is not there;
//! 2. where a value has bytes other than printable ASCII, spaces and tabs: no new line may forge
//!    another line of the base, and section 2.5 knows no obs-text. `bs` takes any bytes;
//! 3. where a field is not the structured field that `sf` or `key` takes it for, where its type is not
//!    known (`sf`), where it has no such member, or has a member twice;
//! 4. where something can't be derived: see [`Request`];
//! 5. where it would be longer than [`MAX_BASE_BYTES`].
//!
//! A field or query that several components take members of is taken apart once.

use base64ct::{Base64, Encoding as _};
use sha2::{Digest as _, Sha256};

use crate::component::{Component, Form, Source};
use crate::fields::{canonical, is_text};
use crate::query::Parameters;
use crate::structured::{dictionary, member, serialized};
use crate::{Refusal, Request, Signature, StructuredFields};
use sfv::Dictionary;

/// The longest signature base: 64 KiB.
pub const MAX_BASE_BYTES: usize = 64 * 1024;

impl Signature {
    /// The bytes that were signed, if this request is the one. `structured` says which fields the
    /// parameter `sf` may be used with.
    ///
    /// # Errors
    /// By the rules of this module's documentation.
    pub fn base(
        &self,
        request: &Request<'_>,
        structured: &StructuredFields,
    ) -> Result<Vec<u8>, Refusal> {
        let mut base = Vec::new();
        let mut taken = Taken::default();
        for component in &self.components {
            let value = value(component, request, structured, &mut taken)?;
            if !is_text(&value) {
                return Err(Refusal::FieldNotText);
            }
            push(&mut base, component.identifier().as_bytes())?;
            push(&mut base, b": ")?;
            push(&mut base, &value)?;
            push(&mut base, b"\n")?;
        }
        push(&mut base, b"\"@signature-params\": ")?;
        push(&mut base, self.serialized.as_bytes())?;
        Ok(base)
    }
}

/// What names a signature among those seen: the SHA-256 of its base, which has key, time and nonce
/// in it.
///
/// The bytes of the signature would not do: an ECDSA signature can be turned into a second valid one
/// by anybody. Nor would the nonce alone: two signers may choose the same.
///
/// Two signatures of the same signer over the same components within a second have the same base,
/// unless they have a nonce. Who counts on being told apart must send one.
pub fn replay_key(base: &[u8]) -> [u8; 32] {
    Sha256::digest(base).into()
}

/// What was taken apart of a request.
#[derive(Default)]
struct Taken<'c> {
    /// By the names of their fields.
    dictionaries: Vec<(&'c str, Dictionary)>,
    query: Option<Parameters>,
}

fn value<'c>(
    component: &'c Component,
    request: &Request<'_>,
    structured: &StructuredFields,
    taken: &mut Taken<'c>,
) -> Result<Vec<u8>, Refusal> {
    let (name, form) = match &component.source {
        Source::Field(name, Form::Member(key)) => {
            return taken.member(name, key, request).map(String::into_bytes);
        }
        Source::Field(name, form) => (name, form),
        Source::QueryParam(name) => return taken.parameter(name, request).map(String::into_bytes),
        source => return request.derive(source),
    };
    let lines = lines(request, name)?;
    // What is longer can't end up in a base either, so nothing is copied in vain.
    if lines.iter().map(|line| line.len()).sum::<usize>() > MAX_BASE_BYTES {
        return Err(Refusal::BaseTooLong);
    }
    Ok(match form {
        Form::Joined => join(lines.iter().map(|line| canonical(line))),
        Form::Wrapped => join(lines.iter().map(|line| {
            let encoded = Base64::encode_string(&canonical(line));
            format!(":{encoded}:").into_bytes()
        })),
        Form::Structured => {
            let kind = structured.kind(name).ok_or(Refusal::StructureUnknown)?;
            serialized(&lines, kind)?.into_bytes()
        }
        // Taken above.
        Form::Member(_) => return Err(Refusal::NotDerivable),
    })
}

fn lines<'r>(request: &Request<'r>, name: &str) -> Result<Vec<&'r [u8]>, Refusal> {
    let lines = request.lines(name);
    match lines.is_empty() {
        true => Err(Refusal::FieldMissing),
        false => Ok(lines),
    }
}

impl<'c> Taken<'c> {
    /// A member of the dictionary that a field is.
    fn member(
        &mut self,
        name: &'c str,
        key: &str,
        request: &Request<'_>,
    ) -> Result<String, Refusal> {
        let known = self
            .dictionaries
            .iter()
            .position(|(known, _)| *known == name);
        let place = match known {
            Some(place) => place,
            None => {
                let read = dictionary(&lines(request, name)?)?;
                self.dictionaries.push((name, read));
                self.dictionaries.len().saturating_sub(1)
            }
        };
        let key = sfv::KeyRef::from_str(key).map_err(|_| Refusal::MemberMissing)?;
        let entry = self.dictionaries.get(place);
        let entry = entry.and_then(|(_, dictionary)| dictionary.get(key));
        entry.map(member).ok_or(Refusal::MemberMissing)
    }

    fn parameter(&mut self, name: &str, request: &Request<'_>) -> Result<String, Refusal> {
        let parameters = match self.query.take() {
            Some(parameters) => parameters,
            None => request.parameters()?,
        };
        self.query.insert(parameters).value(name)
    }
}

fn join(values: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    values.collect::<Vec<_>>().join(b", ".as_slice())
}

fn push(base: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Refusal> {
    if base.len().saturating_add(bytes.len()) > MAX_BASE_BYTES {
        return Err(Refusal::BaseTooLong);
    }
    base.extend_from_slice(bytes);
    Ok(())
}
