//! From the path of a problem to where that stands.

use crate::{Entry, Kind, Node, Position};

impl Node {
    /// Where a path as `gatehouse_config` writes it leads to: `rules[1].match["a b"]`. Where it leads to something that
    /// is missing, what should have it. What stands over several lines is known by its name; `key` asks for the name of
    /// anything.
    pub fn locate(&self, path: &str, key: bool) -> Position {
        let (node, name_at, is_all) = self.nearest(path);
        match key || !is_all || node.text().is_none() {
            true => name_at.unwrap_or(node.at),
            false => node.at,
        }
    }

    /// Where the value at a path begins; the nearest around it, where there is none.
    pub fn value_position(&self, path: &str) -> Position {
        self.nearest(path).0.at
    }

    /// As [`Node::value_position`], but where the key stands, for what has one.
    pub fn key_position(&self, path: &str) -> Position {
        let (node, name_at, _) = self.nearest(path);
        name_at.unwrap_or(node.at)
    }

    /// The node at the path's end, where there is one.
    pub fn find(&self, path: &str) -> Option<&Node> {
        match self.nearest(path) {
            (node, _, true) => Some(node),
            _ => None,
        }
    }

    /// How far a path leads: the last node on it, where its name stands, and whether that is the path's end.
    fn nearest(&self, path: &str) -> (&Node, Option<Position>, bool) {
        let (mut node, mut name_at, mut path) = (self, None, path);
        while !path.is_empty() {
            let Some((child, at, rest)) = node.step(path) else {
                return (node, name_at, false);
            };
            (node, name_at, path) = (child, at, rest);
        }
        (node, name_at, true)
    }

    /// The child that a path begins with, where its name stands, and the rest of the path. The names of fields
    /// are written as they would be in a path: so none has to be read.
    fn step<'p>(&self, path: &'p str) -> Option<(&Node, Option<Position>, &'p str)> {
        let ends = |rest: &&str| rest.is_empty() || rest.starts_with(['.', '[']);
        match &self.kind {
            Kind::Scalar(_) => None,
            Kind::List(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let item = items.get(index.parse::<usize>().ok()?)?;
                ends(&rest).then_some((item, None, rest))
            }
            Kind::Object(entries) => {
                let plain = path.strip_prefix('.').unwrap_or(path);
                let is_quoted = path.starts_with("[\"");
                entries.iter().rev().find_map(|entry| {
                    let Entry {
                        key, key_at, value, ..
                    } = entry;
                    let rest = match is_quoted {
                        true => path.strip_prefix(&format!("[{key:?}]")),
                        false if key.is_empty() => None,
                        false => plain.strip_prefix(key.as_str()),
                    };
                    Some((value, Some(*key_at), rest.filter(ends)?))
                })
            }
        }
    }
}
