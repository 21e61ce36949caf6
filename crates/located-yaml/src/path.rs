//! Paths as `gatehouse-config` writes them.

use std::fmt::Write as _;

/// The path of what stands under `key` in the mapping at `parent`.
pub fn key(parent: &str, key: &str) -> String {
    let plain = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    match (plain, parent.is_empty()) {
        (false, _) => format!("{parent}[{key:?}]"),
        (true, true) => key.to_owned(),
        (true, false) => format!("{parent}.{key}"),
    }
}

/// The path of element `index` of the list at `parent`.
pub fn index(parent: &str, index: usize) -> String {
    let mut path = parent.to_owned();
    // Writing to a String cannot fail.
    let _ = write!(path, "[{index}]");
    path
}

/// The path one step up.
pub(crate) fn parent(path: &str) -> Option<&str> {
    if path.is_empty() {
        return None;
    }
    let end = match path.ends_with("\"]") {
        // A quoted key may hold anything, with its own quotes escaped.
        true => path
            .char_indices()
            .rev()
            .skip(2)
            .find(|(at, character)| {
                let before = path.get(..*at).unwrap_or_default();
                let escapes = before.bytes().rev().take_while(|b| *b == b'\\').count();
                *character == '"' && escapes % 2 == 0 && before.ends_with('[')
            })
            .map_or(0, |(at, _)| at.saturating_sub(1)),
        false => path.rfind(['.', '[']).unwrap_or(0),
    };
    path.get(..end)
}
