//! What stands within `[` and `]`.

use super::escape::Item;
use super::{Parser, fail};
use crate::Result;
use crate::class::{self, ByteSet};

impl Parser<'_> {
    /// What follows a `[`.
    pub(super) fn class(&mut self) -> Result<ByteSet> {
        self.skip_space();
        let negated = self.eat("^");
        let mut set = ByteSet::default();
        let mut first = true;
        self.skip_space();
        // In front of all others it begins no range.
        while !self.rest.as_str().starts_with("--") && self.eat("-") {
            set.insert(b'-', b'-');
            first = false;
            self.skip_space();
        }
        loop {
            self.skip_space();
            if self.rest.as_str().is_empty() {
                return fail("unclosed character class");
            }
            if !first && self.eat("]") {
                break;
            }
            first = false;
            const OPERATORS: [&str; 3] = ["&&", "--", "~~"];
            if OPERATORS
                .iter()
                .any(|op| self.rest.as_str().starts_with(op))
            {
                return fail("operators of classes are not supported: write such characters once");
            }
            let item = self.class_item()?;
            self.skip_space();
            let after = self.rest.as_str().strip_prefix('-').unwrap_or_default();
            let after = match self.flags.spaced {
                true => after.trim_start(),
                false => after,
            };
            // The regex crate takes what the comment says for the end of the range, or not.
            if self.flags.spaced && after.starts_with('#') {
                return fail("a comment after a \"-\" in a character class is not supported");
            }
            let ranged = self.peek() == Some('-') && !after.starts_with([']', '-']);
            if !ranged {
                set = set.union(match item {
                    Item::Set(inner) => inner,
                    item => {
                        let byte = item.byte()?;
                        ByteSet::of(&[(byte, byte)])
                    }
                });
                continue;
            }
            self.rest.next();
            self.skip_space();
            if self.rest.as_str().is_empty() {
                return fail("unclosed character class");
            }
            let (low, high) = (item.byte()?, self.class_item()?.byte()?);
            if low > high {
                return fail("invalid character class range, the start must be <= the end");
            }
            set.insert(low, high);
        }
        let set = self.cased(set);
        Ok(if negated { set.negated() } else { set })
    }

    fn class_item(&mut self) -> Result<Item> {
        if self.eat("[:") {
            let Some((name, after)) = self.rest.as_str().split_once(":]") else {
                return fail("unclosed character class");
            };
            self.rest = after.chars();
            let (name, negated) = match name.strip_prefix('^') {
                Some(name) => (name, true),
                None => (name, false),
            };
            // Both cases first: else what is no upper case letter would be any byte under `(?i)`.
            return match class::posix(name).map(|set| self.cased(set)) {
                Some(set) if negated => Ok(Item::Set(set.negated())),
                Some(set) => Ok(Item::Set(set)),
                None => fail("no ASCII class has this name"),
            };
        }
        match self.rest.next() {
            Some('[') => fail("a \"[\" in a character class is written \"\\[\""),
            Some('\\') => match self.escape()? {
                Item::Look(_) => fail("invalid escape sequence found in character class"),
                item => Ok(item),
            },
            Some(c) => Ok(Item::Char(c)),
            None => fail("unclosed character class"),
        }
    }
}

impl Item {
    /// The byte that it is within a class.
    fn byte(&self) -> Result<u8> {
        match self {
            Self::Char(c) if c.is_ascii() => Ok(u8::try_from(*c).unwrap_or_default()),
            Self::Char(_) => fail("Unicode not allowed here"),
            Self::Byte(byte) => Ok(*byte),
            Self::Set(_) | Self::Look(_) => fail("invalid range boundary, must be a literal"),
        }
    }
}
