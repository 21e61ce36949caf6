//! What a fetched document says, for the log.

/// A text from elsewhere, for the log.
pub(super) fn shown(text: &str) -> String {
    let start: String = text.chars().take(100).collect();
    format!("{start:?}")
}
