//! What follows a `(`: a group, with a name or flags of its own, or flags for what comes after it.

use super::{Node, Parser, fail};
use crate::Result;

impl Parser<'_> {
    pub(super) fn group(&mut self) -> Result<Option<Node>> {
        const LOOKS: [&str; 4] = ["?=", "?!", "?<=", "?<!"];
        if LOOKS
            .iter()
            .any(|look| self.rest.as_str().starts_with(look))
        {
            return fail("look-around, including look-ahead and look-behind, is not supported");
        }
        let outside = self.flags;
        let number = if self.eat("?P<") || self.eat("?<") {
            let name = self.name()?;
            self.names.push(Some(name));
            Some(self.names.len())
        } else if self.eat("?") {
            match self.flags()? {
                ':' => None,
                _ => return Ok(None),
            }
        } else {
            self.names.push(None);
            Some(self.names.len())
        };
        self.deeper()?;
        let node = self.either()?;
        if !self.eat(")") {
            return fail("unclosed group");
        }
        self.flags = outside;
        Ok(Some(match number {
            Some(number) => Node::Group(number, Box::new(node)),
            None => node,
        }))
    }

    fn name(&mut self) -> Result<Box<str>> {
        let Some((name, after)) = self.rest.as_str().split_once('>') else {
            return fail("unclosed capture group name");
        };
        self.rest = after.chars();
        let valid = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if name.is_empty() {
            return fail("empty capture group name");
        }
        if !valid {
            return fail("invalid capture group character");
        }
        if self.names.iter().flatten().any(|known| **known == *name) {
            return fail("duplicate capture group name");
        }
        Ok(name.into())
    }

    /// The flags up to `:` or `)`, whichever it is.
    fn flags(&mut self) -> Result<char> {
        let mut on = true;
        let mut last = '?';
        let mut seen = String::new();
        loop {
            let flag = self.rest.next();
            let flags = &mut self.flags;
            match flag {
                Some(flag) if flag != '-' && seen.contains(flag) => return fail("duplicate flag"),
                None => return fail("unclosed group"),
                Some(':') if last != '-' => return Ok(':'),
                Some(')') if last != '-' && last != '?' => return Ok(')'),
                Some(')') if last == '?' => return fail("repetition operator missing expression"),
                Some(':' | ')') => return fail("dangling flag negation operator"),
                Some('-') if on => on = false,
                Some('-') => return fail("flag negation operator repeated"),
                Some('i') => flags.any_case = on,
                Some('m') => flags.lines = on,
                Some('s') => flags.dot_is_any = on,
                Some('U') => flags.swap_greed = on,
                Some('x') => flags.spaced = on,
                Some('u') if !on => {}
                Some('u') => return fail("Unicode not allowed here"),
                Some(_) => return fail("unrecognized flag"),
            }
            last = flag.unwrap_or_default();
            seen.push(last);
        }
    }
}
