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
