//! The headers `Signature-Input` and `Signature` (RFC 9421, section 4).
//!
//! Refused as a whole:
//!
//! 1. a header without the other, or more than [`MAX_HEADER_BYTES`] in all lines of one;
//! 2. a header that is not a dictionary (RFC 9651). Its lines are read one by one;
//! 3. a label that occurs twice in a header, in one line or in two: readers differ on which one
//!    counts;
//! 4. more than [`MAX_SIGNATURES`] signatures;
//! 5. a label that is in one header only.
//!
//! Refused by itself, while other signatures stand:
//!
//! 6. a signature whose input is not a list in parentheses, or that is not a byte sequence, or empty;
//! 7. parameters of the wrong type: `created` and `expires` are integers and not negative, `alg`,
//!    `keyid`, `nonce` and `tag` strings;
//! 8. an `alg` that is not an [`Algorithm`];
//! 9. more components than allowed, one that is not [of requests](crate::Component), or the same twice.
//!
//! Other parameters are signed along and ignored. So are parameters of what `Signature` has, which
//! are not signed.

use std::fmt;

use sfv::{BareItem, Dictionary, InnerList, ListEntry};

use crate::structured::{Unreadable, dictionary, member};
use crate::{Algorithm, Component, Fields, Refusal};

/// The most signatures that a request may have.
pub const MAX_SIGNATURES: usize = 5;
/// The longest `Signature-Input` and the longest `Signature`, all lines together: 16 KiB.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// How many components a signature may cover, if nothing else is said.
pub const MAX_COMPONENTS: usize = 32;

/// The signatures of a request. Nothing about them is verified.
#[derive(Debug)]
pub struct Signatures(Vec<(String, Result<Signature, Refusal>)>);

/// A signature and what it says of itself. Nothing about it is verified.
#[derive(Clone)]
#[non_exhaustive]
pub struct Signature {
    /// Its label. Not signed: anybody on the way may change it.
    pub label: String,
    /// The name of the key. Chosen by the client.
    pub keyid: Option<String>,
    /// The algorithm it says it is by.
    pub alg: Option<Algorithm>,
    /// When it was made, in seconds since the epoch.
    pub created: Option<u64>,
    /// When it ends, in seconds since the epoch.
    pub expires: Option<u64>,
    /// A value that no other signature has.
    pub nonce: Option<String>,
    /// The application it is for.
    pub tag: Option<String>,
    /// What it covers, in order.
    pub components: Vec<Component>,
    /// The signature proper.
    pub signature: Vec<u8>,
    /// The strict form of components and parameters.
    pub(crate) serialized: String,
}

impl Signatures {
    /// Reads the two headers, by the rules of this module's documentation. `max_components` is usually
    /// [`MAX_COMPONENTS`].
    ///
    /// # Errors
    /// [`Refusal::NotSigned`] where neither header is there, another one where they are refused as a
    /// whole.
    pub fn parse(fields: &dyn Fields, max_components: usize) -> Result<Self, Refusal> {
        let inputs = fields.values("signature-input");
        let signatures = fields.values("signature");
        match (inputs.is_empty(), signatures.is_empty()) {
            (true, true) => return Err(Refusal::NotSigned),
            (false, false) => {}
            _ => return Err(Refusal::HalfSigned),
        }
        let inputs = read(&inputs)?;
        let mut signatures = read(&signatures)?;
        if inputs.len() > MAX_SIGNATURES || signatures.len() > MAX_SIGNATURES {
            return Err(Refusal::TooManySignatures);
        }
        if inputs.is_empty() && signatures.is_empty() {
            return Err(Refusal::NotSigned);
        }
        if inputs.len() != signatures.len() {
            return Err(Refusal::LabelUnmatched);
        }
        let mut entries = Vec::with_capacity(inputs.len());
        for (label, input) in inputs {
            let Some(signature) = signatures.swap_remove(&label) else {
                return Err(Refusal::LabelUnmatched);
            };
            let label = label.as_str().to_owned();
            let parsed = Signature::parse(&label, &input, &signature, max_components);
            entries.push((label, parsed));
        }
        Ok(Self(entries))
    }

    /// The signatures to look at:
    ///
    /// 1. the one that is labelled so, if a label is given;
    /// 2. the only one, if there is one, whether it fits or not: the caller can say what is wrong
    ///    with it;
    /// 3. those that fit, in the order of `Signature-Input`: at least one.
    ///
    /// # Errors
    /// Where there is none to look at, or the one there is is refused.
    pub fn candidates(
        &self,
        label: Option<&str>,
        fits: &dyn Fn(&Signature) -> bool,
    ) -> Result<Vec<&Signature>, Refusal> {
        let Self(entries) = self;
        if let Some(label) = label {
            let named = entries.iter().find(|(name, _)| name == label);
            let (_, parsed) = named.ok_or(Refusal::LabelUnknown)?;
            return Ok(vec![parsed.as_ref().map_err(|refusal| *refusal)?]);
        }
        if let [(_, parsed)] = entries.as_slice() {
            return Ok(vec![parsed.as_ref().map_err(|refusal| *refusal)?]);
        }
        let parsed = entries
            .iter()
            .filter_map(|(_, parsed)| parsed.as_ref().ok());
        let fitting: Vec<_> = parsed.filter(|signature| fits(signature)).collect();
        match fitting.is_empty() {
            true => Err(Refusal::NoneFits),
            false => Ok(fitting),
        }
    }

    /// The labels, in the order of `Signature-Input`.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(label, _)| label.as_str())
    }
}

impl Signature {
    fn parse(
        label: &str,
        input: &ListEntry,
        signature: &ListEntry,
        max_components: usize,
    ) -> Result<Self, Refusal> {
        let ListEntry::InnerList(list) = input else {
            return Err(Refusal::InputNotAList);
        };
        let ListEntry::Item(signature) = signature else {
            return Err(Refusal::SignatureNotBytes);
        };
        let BareItem::ByteSequence(bytes) = &signature.bare_item else {
            return Err(Refusal::SignatureNotBytes);
        };
        if bytes.is_empty() {
            return Err(Refusal::SignatureEmpty);
        }
        let mut parsed = Self {
            label: label.to_owned(),
            keyid: None,
            alg: None,
            created: None,
            expires: None,
            nonce: None,
            tag: None,
            components: Vec::new(),
            signature: bytes.clone(),
            serialized: member(input),
        };
        parsed.read_parameters(list)?;
        parsed.read_components(list, max_components)?;
        Ok(parsed)
    }

    fn read_parameters(&mut self, list: &InnerList) -> Result<(), Refusal> {
        for (key, value) in &list.params {
            match key.as_str() {
                "keyid" => self.keyid = Some(text(value)?),
                "nonce" => self.nonce = Some(text(value)?),
                "tag" => self.tag = Some(text(value)?),
                "created" => self.created = Some(seconds(value)?),
                "expires" => self.expires = Some(seconds(value)?),
                "alg" => {
                    let algorithm = Algorithm::from_name(&text(value)?);
                    self.alg = Some(algorithm.ok_or(Refusal::AlgorithmUnsupported)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_components(&mut self, list: &InnerList, max: usize) -> Result<(), Refusal> {
        if list.items.len() > max {
            return Err(Refusal::TooManyComponents);
        }
        for item in &list.items {
            let component = Component::from_item(item).map_err(Refusal::Component)?;
            if self.components.contains(&component) {
                return Err(Refusal::ComponentRepeated);
            }
            self.components.push(component);
        }
        Ok(())
    }

    /// Whether a component is covered, by itself or by one that has it in it.
    pub fn covers(&self, required: &Component) -> bool {
        self.components
            .iter()
            .any(|component| component.covers(required))
    }
}

/// Without the signature: who can read it can use it.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature")
            .field("label", &self.label)
            .field("input", &self.serialized)
            .finish_non_exhaustive()
    }
}

fn read(lines: &[&[u8]]) -> Result<Dictionary, Refusal> {
    let length: usize = lines.iter().map(|line| line.len()).sum();
    if length > MAX_HEADER_BYTES {
        return Err(Refusal::HeaderTooLong);
    }
    dictionary(lines).map_err(|unreadable| match unreadable {
        Unreadable::Repeated => Refusal::LabelRepeated,
        Unreadable::Malformed | Unreadable::TooLong => Refusal::HeaderMalformed,
    })
}

fn text(value: &BareItem) -> Result<String, Refusal> {
    match value {
        BareItem::String(text) => Ok(text.as_str().to_owned()),
        _ => Err(Refusal::ParameterMalformed),
    }
}

fn seconds(value: &BareItem) -> Result<u64, Refusal> {
    match value {
        BareItem::Integer(seconds) => {
            u64::try_from(*seconds).map_err(|_| Refusal::ParameterMalformed)
        }
        _ => Err(Refusal::ParameterMalformed),
    }
}

#[cfg(test)]
mod tests;
