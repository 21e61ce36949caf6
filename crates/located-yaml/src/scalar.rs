//! What scalars without quotes mean, to whoever reads the file.
//!
//! Envoy (`parseYamlNode` in `source/common/protobuf/yaml_utility.cc`, with yaml-cpp) knows truth values, and whole
//! numbers of 32 bits. Every other number becomes a text, which protobuf turns into a number where a message has
//! one; a `Struct` has whatever it is given, and there it stays a text.
//!
//! Kubernetes turns YAML 1.1 into JSON: numbers are numbers. So does a bare configuration here, which says
//! nothing about how it will be delivered, and JSON, which has no other plain scalars.
//!
//! What Gatehouse alone reads is what the core schema of YAML 1.2.2 (section 10.3.2) makes of it.

use crate::{Entry, Kind, Node, Scalar};
use serde_json::{Map, Number, Value};

/// Who reads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Envoy, of its own files.
    Envoy,
    /// Whoever makes JSON of it first, as Kubernetes does.
    Json,
    /// Gatehouse, of files that nobody else reads.
    Core,
}

impl Node {
    /// The value that the reader sees. Of a key that is there twice, the last.
    pub fn value(&self, reader: Reader) -> Value {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.value(reader),
            Kind::List(items) => {
                Value::Array(items.iter().map(|item| item.value(reader)).collect())
            }
            Kind::Object(entries) => {
                let entry = |Entry { key, value, .. }: &Entry| (key.clone(), value.value(reader));
                Value::Object(entries.iter().map(entry).collect::<Map<_, _>>())
            }
        }
    }
}

impl Scalar {
    /// The value that the reader sees.
    pub fn value(&self, reader: Reader) -> Value {
        let text = self.text.as_str();
        if !self.is_plain {
            return Value::from(text);
        }
        if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Value::Null;
        }
        if let Some(truth) = truth(text, reader) {
            return Value::Bool(truth);
        }
        if reader == Reader::Core {
            return core(text).map_or_else(|| Value::from(text), Value::Number);
        }
        match (reader, whole(text)) {
            (Reader::Envoy, Some(number)) if i32::try_from(number).is_ok() => Value::from(number),
            // Hexadecimal and octal numbers too become decimal ones.
            (Reader::Envoy, Some(number)) => Value::from(number.to_string()),
            (Reader::Envoy, None) => Value::from(text),
            (_, Some(number)) => Value::from(number),
            (_, None) => number(text).map_or_else(|| Value::from(text), Value::Number),
        }
    }

    /// Whether it is a number to everybody but Envoy, to whom it is a text.
    pub fn is_text_to_envoy_only(&self) -> bool {
        self.value(Reader::Envoy).is_string() && self.value(Reader::Json).is_number()
    }
}

/// In lower case, upper case, or with one capital (YAML 1.1). yaml-cpp has `y` and `n` too.
fn truth(text: &str, reader: Reader) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let rest = text.get(1..)?;
    let is_one_case =
        text == lower || text == text.to_ascii_uppercase() || (rest == rest.to_ascii_lowercase());
    if !is_one_case {
        return None;
    }
    match lower.as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ if reader == Reader::Core => None,
        "yes" | "on" => Some(true),
        "no" | "off" => Some(false),
        "y" if reader == Reader::Envoy => Some(true),
        "n" if reader == Reader::Envoy => Some(false),
        _ => None,
    }
}

/// A whole number: decimal, hexadecimal, or octal with its zero.
fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    if !digits.starts_with(|digit: char| digit.is_ascii_hexdigit()) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// A number of YAML 1.1.
fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return None;
    }
    let unsigned = text.parse::<u64>().ok().map(Number::from);
    unsigned.or_else(|| Number::from_f64(text.parse::<f64>().ok()?))
}

/// A number of the core schema.
fn core(text: &str) -> Option<Number> {
    let radix = |digits: &str, radix| match digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        true => u64::from_str_radix(digits, radix).ok().map(Number::from),
        false => None,
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    // What parses as a number and starts otherwise is a word: inf, nan, infinity.
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let exact = match text.strip_prefix('-') {
            Some(_) => text.parse::<i64>().ok().map(Number::from),
            None => unsigned.parse::<u64>().ok().map(Number::from),
        };
        if exact.is_some() {
            return exact;
        }
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}
