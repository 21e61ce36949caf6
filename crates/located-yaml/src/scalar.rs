//! What a scalar is: the core schema of YAML 1.2.2, section 10.3.2.

use serde_json::{Number, Value};

/// A plain scalar.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
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
