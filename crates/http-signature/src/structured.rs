//! Structured fields (RFC 9651): read from lines, and written in their one strict form.

use std::convert::Infallible;
use std::fmt;

use sfv::visitor::{DictionaryVisitor, EntryVisitor};
use sfv::{Dictionary, FieldType as _, Item, KeyRef, List, ListEntry, ListSerializer, Parser};

use crate::fields::canonical;

/// Longer values are not read as structured fields: 16 KiB in all lines.
const MAX_BYTES: usize = 16 * 1024;

/// The type of a structured field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of RFC 9651")]
pub enum StructuredType {
    Item,
    List,
    Dictionary,
}

/// The fields that are known to be structured, which the parameter `sf` asks for (RFC 9421, section
/// 2.1.1): those that are registered as such and occur in requests, and those that are added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StructuredFields {
    added: Vec<(String, StructuredType)>,
}

/// Why lines are no structured field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    TooLong,
    Malformed,
    /// A key of a dictionary occurs twice. RFC 9651 takes the last one; others take the first.
    Repeated,
}

impl StructuredFields {
    /// Adds a field, or changes its type. Names are compared without case.
    pub fn add(&mut self, name: &str, kind: StructuredType) {
        self.added.insert(0, (name.to_ascii_lowercase(), kind));
    }

    /// The type of a field, whose name is in lower case.
    pub(crate) fn kind(&self, name: &str) -> Option<StructuredType> {
        let added = self.added.iter().find(|(known, _)| known == name);
        if let Some((_, kind)) = added {
            return Some(*kind);
        }
        Some(match name {
            "accept-signature"
            | "cdn-cache-control"
            | "content-digest"
            | "priority"
            | "repr-digest"
            | "signature"
            | "signature-input"
            | "want-content-digest"
            | "want-repr-digest" => StructuredType::Dictionary,
            "accept-ch" | "cache-status" | "client-cert-chain" | "proxy-status" => {
                StructuredType::List
            }
            "capsule-protocol" | "client-cert" => StructuredType::Item,
            _ => return None,
        })
    }
}

/// Reads the lines of a dictionary. A key may occur once only, within a line or in two.
///
/// Lines are read one by one: a member that is spread over two of them is refused, as RFC 9651
/// (section 4.2) allows.
pub(crate) fn dictionary(lines: &[&[u8]]) -> Result<Dictionary, Unreadable> {
    check_length(lines)?;
    let mut dictionary = Dictionary::new();
    let mut repeated = false;
    for line in lines {
        let visitor = Unique {
            dictionary: &mut dictionary,
            repeated: &mut repeated,
        };
        let line = canonical(line);
        let read = Parser::new(&line).parse_dictionary_with_visitor(visitor);
        if repeated {
            return Err(Unreadable::Repeated);
        }
        read.map_err(|_| Unreadable::Malformed)?;
    }
    Ok(dictionary)
}

/// The strict form of a whole field.
pub(crate) fn serialized(lines: &[&[u8]], kind: StructuredType) -> Result<String, Unreadable> {
    match kind {
        // An empty list or dictionary has no form (section 4.1): the empty text stands for it.
        StructuredType::Dictionary => Ok(dictionary(lines)?.serialize().unwrap_or_default()),
        StructuredType::List => Ok(list(lines)?.serialize().unwrap_or_default()),
        StructuredType::Item => {
            check_length(lines)?;
            let [line] = lines else {
                return Err(Unreadable::Malformed);
            };
            let line = canonical(line);
            let item: Item = Parser::new(&line)
                .parse()
                .map_err(|_| Unreadable::Malformed)?;
            Ok(item.serialize())
        }
    }
}

/// The strict form of a member: an item or an inner list, with its parameters.
pub(crate) fn member(entry: &ListEntry) -> String {
    let mut serializer = ListSerializer::new();
    serializer.members([entry]);
    serializer.finish().unwrap_or_default()
}

fn list(lines: &[&[u8]]) -> Result<List, Unreadable> {
    check_length(lines)?;
    let mut list = List::new();
    for line in lines {
        let line = canonical(line);
        list = Parser::new(&line)
            .parse_list_with_visitor(list)
            .map_err(|_| Unreadable::Malformed)?;
    }
    Ok(list)
}

fn check_length(lines: &[&[u8]]) -> Result<(), Unreadable> {
    let length: usize = lines.iter().map(|line| line.len()).sum();
    if length > MAX_BYTES {
        return Err(Unreadable::TooLong);
    }
    Ok(())
}

/// Adds to a dictionary, and stops at a key that it has.
struct Unique<'u> {
    dictionary: &'u mut Dictionary,
    repeated: &'u mut bool,
}

#[derive(Debug)]
struct KeyRepeated;

impl fmt::Display for KeyRepeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key is repeated")
    }
}

impl std::error::Error for KeyRepeated {}

impl<'de> DictionaryVisitor<'de> for Unique<'_> {
    type Out = ();
    type Error = KeyRepeated;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, KeyRepeated> {
        if self.dictionary.contains_key(key) {
            *self.repeated = true;
            return Err(KeyRepeated);
        }
        DictionaryVisitor::entry(&mut *self.dictionary, key)
            .map_err(|never: Infallible| match never {})
    }

    fn finish(self) -> Result<(), KeyRepeated> {
        Ok(())
    }
}
