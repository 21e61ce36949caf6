//! What follows a `\`.

use super::{Parser, fail};
use crate::class::{self, ByteSet};
use crate::look::Look;
use crate::{Error, Result};

/// A part of a class, or what an escape stands for.
pub(super) enum Item {
    Char(char),
    /// A byte that is no character: `\xff`.
    Byte(u8),
    Set(ByteSet),
    Look(Look),
}

impl Parser<'_> {
    /// What follows a `\`.
    pub(super) fn escape(&mut self) -> Result<Item> {
        let Some(c) = self.rest.next() else {
            return fail("incomplete escape sequence, reached end of pattern prematurely");
        };
        Ok(match c {
            'd' | 's' | 'w' => Item::Set(class::perl(c)),
            'D' | 'S' | 'W' => Item::Set(class::perl(c.to_ascii_lowercase()).negated()),
            'a' => Item::Char('\x07'),
            'f' => Item::Char('\x0c'),
            't' => Item::Char('\t'),
            'n' => Item::Char('\n'),
            'r' => Item::Char('\r'),
            'v' => Item::Char('\x0b'),
            'A' => Item::Look(Look::Start),
            'z' => Item::Look(Look::End),
            'b' | 'B' if self.peek() == Some('{') => {
                return fail("special word boundaries are not supported");
            }
            'b' => Item::Look(Look::Boundary),
            'B' => Item::Look(Look::NoBoundary),
            'x' | 'u' | 'U' => return self.hexadecimal(c),
            'p' | 'P' => return fail("Unicode not allowed here"),
            '0'..='9' => return fail("backreferences are not supported"),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '<' | '>') => {
                Item::Char(c)
            }
            _ => return fail("unrecognized escape sequence"),
        })
    }

    /// `\x41`, `\u0041`, `\U00000041`, `\x{41}`. Two digits are a byte, all others a character.
    fn hexadecimal(&mut self, kind: char) -> Result<Item> {
        const INVALID: &str = "invalid hexadecimal digits";
        let text = self.rest.as_str();
        let (digits, after) = match text.strip_prefix('{') {
            Some(inside) => inside.split_once('}').ok_or(Error::Syntax(INVALID))?,
            None => {
                let count = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                text.split_at_checked(count).ok_or(Error::Syntax(INVALID))?
            }
        };
        let is_byte = kind == 'x' && !text.starts_with('{');
        self.rest = after.chars();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return fail(INVALID);
        }
        let code = u32::from_str_radix(digits, 16).map_err(|_| Error::Syntax(INVALID))?;
        match (char::from_u32(code), u8::try_from(code)) {
            (_, Ok(byte)) if is_byte && !byte.is_ascii() => Ok(Item::Byte(byte)),
            (Some(c), _) => Ok(Item::Char(c)),
            (None, _) => fail("hexadecimal digits that are no character"),
        }
    }
}
