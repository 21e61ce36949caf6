//! Header fields.

use crate::Refusal;

/// The longest value of a header that is read: 16 KiB.
const MAX_BYTES: usize = 16 * 1024;

/// Where header fields come from.
pub trait Fields {
    /// All values of a field in the order of the wire, one for each line; none where it is absent.
    /// `name` is in lower case.
    fn values(&self, name: &str) -> Vec<&[u8]>;
}

/// Names in lower case, and values.
impl Fields for &[(&[u8], &[u8])] {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        self.iter()
            .filter(|(key, _)| *key == name.as_bytes())
            .map(|(_, value)| *value)
            .collect()
    }
}

/// The value of a header that may be there once, without whitespace around it: printable ASCII and
/// tabs, so that it can't have a new line in it. `None` where it is absent.
pub(crate) fn only<'f>(fields: &'f dyn Fields, name: &str) -> Result<Option<&'f str>, Refusal> {
    let values = fields.values(name);
    let value = match values.as_slice() {
        [] => return Ok(None),
        [value] => *value,
        _ => return Err(Refusal::HeaderRepeated),
    };
    if value.len() > MAX_BYTES {
        return Err(Refusal::HeaderTooLong);
    }
    let text = std::str::from_utf8(value).map_err(|_| Refusal::HeaderMalformed)?;
    let is_text = |byte: u8| matches!(byte, b'\t' | b' '..=b'~');
    if !text.bytes().all(is_text) {
        return Err(Refusal::HeaderMalformed);
    }
    Ok(Some(text.trim_matches([' ', '\t'])))
}
