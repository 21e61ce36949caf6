//! The pattern's text to a tree.

use crate::class::{self, ByteSet};
use crate::look::Look;
use crate::{Error, Result};
use std::str::Chars;

/// How deep groups and repetitions can be nested.
const MAX_DEPTH: usize = 64;

/// One part of an expression.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Empty,
    /// One byte of these.
    Bytes(ByteSet),
    Look(Look),
    Concat(Vec<Node>),
    /// The first that leads to a match.
    Either(Vec<Node>),
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
        greedy: bool,
    },
    /// A group with a number, the first of which is 1.
    Group(usize, Box<Node>),
}

impl Node {
    /// Whether it can match no byte at all.
    pub(crate) fn can_be_empty(&self) -> bool {
        match self {
            Self::Empty | Self::Look(_) => true,
            Self::Bytes(_) => false,
            Self::Concat(nodes) => nodes.iter().all(Self::can_be_empty),
            Self::Either(nodes) => nodes.iter().any(Self::can_be_empty),
            Self::Repeat { node, least, .. } => *least == 0 || node.can_be_empty(),
            Self::Group(_, node) => node.can_be_empty(),
        }
    }
}

/// A pattern, taken apart.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) node: Node,
    /// The names of its groups, in order; nothing for one without.
    pub(crate) names: Vec<Option<Box<str>>>,
}

/// The tree of a pattern.
pub(crate) fn parse(pattern: &str) -> Result<Parsed> {
    let mut parser = Parser {
        rest: pattern.chars(),
        names: Vec::new(),
        flags: Flags {
            dot_is_any: true,
            ..Flags::default()
        },
        depth: 0,
    };
    let node = parser.either()?;
    match parser.rest.next() {
        None => Ok(Parsed {
            node,
            names: parser.names,
        }),
        Some(_) => fail("unopened group"),
    }
}

fn fail<T>(reason: &'static str) -> Result<T> {
    Err(Error::Syntax(reason))
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    any_case: bool,
    lines: bool,
    dot_is_any: bool,
    swap_greed: bool,
    spaced: bool,
}

struct Parser<'p> {
    rest: Chars<'p>,
    names: Vec<Option<Box<str>>>,
    flags: Flags,
    depth: usize,
}

/// A part of a class, or what an escape stands for.
enum Item {
    Char(char),
    /// A byte that is no character: `\xff`.
    Byte(u8),
    Set(ByteSet),
    Look(Look),
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.as_str().strip_prefix(text) {
            Some(rest) => {
                self.rest = rest.chars();
                true
            }
            None => false,
        }
    }

    /// White space and comments, under `(?x)`.
    fn skip_space(&mut self) {
        while self.flags.spaced {
            match self.peek() {
                Some(c) if c.is_whitespace() => {
                    self.rest.next();
                }
                Some('#') => {
                    let after = self.rest.as_str().split_once('\n');
                    self.rest = after.map_or("", |(_, after)| after).chars();
                }
                _ => return,
            }
        }
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        match self.depth > MAX_DEPTH {
            true => fail("groups and repetitions are nested too deep"),
            false => Ok(()),
        }
    }

    fn either(&mut self) -> Result<Node> {
        let mut branches = vec![self.concat()?];
        while self.eat("|") {
            branches.push(self.concat()?);
        }
        if branches.len() == 1 {
            return Ok(branches.pop().unwrap_or(Node::Empty));
        }
        let single = branches.iter().map(|branch| match branch {
            Node::Bytes(set) => Some(*set),
            _ => None,
        });
        // One byte or another is one byte of both, and no fork.
        let union = single
            .reduce(|one, other| Some(one?.union(other?)))
            .flatten();
        Ok(union.map_or(Node::Either(branches), Node::Bytes))
    }

    fn concat(&mut self) -> Result<Node> {
        let mut nodes = Vec::new();
        loop {
            self.skip_space();
            if matches!(self.peek(), None | Some('|' | ')')) {
                return Ok(match nodes.len() {
                    1 => nodes.pop().unwrap_or(Node::Empty),
                    _ => Node::Concat(nodes),
                });
            }
            let depth = self.depth;
            if let Some(node) = self.atom()? {
                let node = self.repeated(node)?;
                nodes.push(node);
            }
            self.depth = depth;
        }
    }

    fn repeated(&mut self, mut node: Node) -> Result<Node> {
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

    /// Nothing where it only sets flags.
    fn atom(&mut self) -> Result<Option<Node>> {
        let lines = self.flags.lines;
        Ok(Some(match self.rest.next() {
            None => Node::Empty,
            Some('(') => return self.group(),
            Some('[') => Node::Bytes(self.class()?),
            Some('.') if self.flags.dot_is_any => Node::Bytes(ByteSet::ALL),
            Some('.') => Node::Bytes(ByteSet::of(&[(b'\n', b'\n')]).negated()),
            Some('^') if lines => Node::Look(Look::LineStart),
            Some('^') => Node::Look(Look::Start),
            Some('$') if lines => Node::Look(Look::LineEnd),
            Some('$') => Node::Look(Look::End),
            Some('*' | '+' | '?' | '{') => return fail("repetition operator missing expression"),
            Some('\\') => match self.escape()? {
                Item::Char(c) => self.literal(c),
                Item::Byte(byte) => Node::Bytes(ByteSet::of(&[(byte, byte)])),
                Item::Set(set) => Node::Bytes(set),
                Item::Look(look) => Node::Look(look),
            },
            Some(c) => self.literal(c),
        }))
    }

    /// A character: its bytes in UTF-8.
    fn literal(&self, c: char) -> Node {
        let mut buffer = [0; 4];
        let bytes = c.encode_utf8(&mut buffer).bytes();
        let mut nodes: Vec<Node> = bytes
            .map(|byte| Node::Bytes(self.cased(ByteSet::of(&[(byte, byte)]))))
            .collect();
        match nodes.len() {
            1 => nodes.pop().unwrap_or(Node::Empty),
            _ => Node::Concat(nodes),
        }
    }

    fn cased(&self, set: ByteSet) -> ByteSet {
        match self.flags.any_case {
            true => set.in_both_cases(),
            false => set,
        }
    }

    fn group(&mut self) -> Result<Option<Node>> {
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

    /// What follows a `\`.
    fn escape(&mut self) -> Result<Item> {
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

    /// What follows a `[`.
    fn class(&mut self) -> Result<ByteSet> {
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
