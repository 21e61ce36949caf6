//! One expression against whole texts.

use crate::Result;
use crate::set::Set;

/// An expression that must match a text from its first byte to its last.
#[derive(Debug, Clone)]
pub struct Whole(Set);

impl Whole {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Where it is no regular expression, or its table takes more than 1 MiB.
    pub fn new(pattern: &str) -> Result<Self> {
        Set::compile(&[pattern], crate::set::LIMITS).map(Self)
    }

    /// Whether it matches this text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        !self.0.matches(text).is_empty()
    }

    /// The bytes that its table takes.
    pub fn size(&self) -> usize {
        self.0.size()
    }
}
