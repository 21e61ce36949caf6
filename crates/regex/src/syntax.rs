//! The pattern's text to a tree.
//!
//! Branches of parts of atoms, each of them perhaps repeated ([`repeat`]): a character, an escape ([`escape`]), a
//! class ([`bracket`]), or a group with branches of its own ([`group`]).

mod bracket;
mod escape;
mod group;
mod repeat;

use crate::class::ByteSet;
use crate::look::Look;
use crate::{Error, Result};
use escape::Item;
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
}
