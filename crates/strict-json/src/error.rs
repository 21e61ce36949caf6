//! Why a text was refused, and where.

use std::fmt;

/// Why a text was refused, and where. Displayed as `duplicate key "a" at line 1 column 12`.
///
/// Names of members appear in it, escaped; values never do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    line: usize,
    column: usize,
}

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A byte that is not part of UTF-8 text.
    NotUtf8,
    /// The text starts with U+FEFF.
    ByteOrderMark,
    /// An object has a second member of this name (escapes decoded).
    DuplicateKey(String),
    /// Arrays and objects are nested deeper than [`MAX_DEPTH`](crate::MAX_DEPTH).
    TooDeep,
    /// Not JSON, or more than one value; the text says what was met.
    Syntax(String),
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, line: usize, column: usize) -> Self {
        Self { kind, line, column }
    }

    pub(crate) fn at_offset(kind: ErrorKind, bytes: &[u8], offset: usize) -> Self {
        let before = bytes.get(..offset).unwrap_or(bytes);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let in_line = before.rsplit(|byte| *byte == b'\n').next();
        Self::new(kind, line, 1 + in_line.map_or(0, <[u8]>::len))
    }

    pub(crate) fn syntax(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let message = text
            .strip_suffix(&format!(" at line {line} column {column}"))
            .unwrap_or(&text);
        Self::new(ErrorKind::Syntax(message.to_owned()), line, column)
    }

    /// Why the text was refused.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in bytes, from 1, at which the reader stood: the closing quote of a duplicate key,
    /// the bracket that is one too many or the one that closes it. 0 if the line has not begun.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("not UTF-8"),
            Self::ByteOrderMark => f.write_str("starts with a byte order mark"),
            Self::DuplicateKey(key) => write!(f, "duplicate key {key:?}"),
            Self::TooDeep => write!(f, "nested deeper than {} levels", crate::MAX_DEPTH),
            Self::Syntax(message) => f.write_str(message),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at line {} column {}",
            self.kind, self.line, self.column
        )
    }
}

impl std::error::Error for Error {}
