//! How often an atom is repeated.

use super::{Node, Parser, fail};
use crate::Result;

impl Parser<'_> {
    pub(super) fn repeated(&mut self, mut node: Node) -> Result<Node> {
        loop {
            self.skip_space();
            let (least, most) = match self.peek() {
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('?') => (0, Some(1)),
                Some('{') => self.counts()?,
                _ => return Ok(node),
            };
            // As in the regex crate, only a count may have space before its `?`.
            if self.rest.next() == Some('}') {
                self.skip_space();
            }
            let lazy = self.eat("?");
            self.deeper()?;
            node = Node::Repeat {
                node: Box::new(node),
                least,
                most,
                greedy: lazy == self.flags.swap_greed,
            };
        }
    }

    /// What stands between `{` and `}`, which is left.
    fn counts(&mut self) -> Result<(u32, Option<u32>)> {
        self.rest.next();
        let least = self.count()?;
        let most = match self.eat(",") {
            false => Some(least),
            true => {
                self.skip_space();
                match self.peek() {
                    Some('}') => None,
                    _ => Some(self.count()?),
                }
            }
        };
        if self.peek() != Some('}') {
            return fail("unclosed counted repetition");
        }
        if most.is_some_and(|most| most < least) {
            return fail("invalid repetition count range, the start must be <= the end");
        }
        Ok((least, most))
    }

    fn count(&mut self) -> Result<u32> {
        self.skip_space();
        let text = self.rest.as_str();
        let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = text.strip_suffix(after).unwrap_or_default();
        self.rest = after.chars();
        self.skip_space();
        match digits.parse() {
            Ok(count) => Ok(count),
            Err(_) if digits.is_empty() && after.is_empty() => fail("unclosed counted repetition"),
            Err(_) => fail("repetition quantifier expects a valid decimal"),
        }
    }
}
