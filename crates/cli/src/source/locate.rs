//! From the path of a problem to where that stands.

use super::{Entry, Node, Position};

impl Node {
    /// Where a path as `gatehouse_config` writes it leads to: `rules[1].match["a b"]`. Where it leads to something that
    /// is missing, what should have it. `key` asks for the field's name rather than its value.
    pub(crate) fn locate(&self, path: &str, key: bool) -> Position {
        self.locate_from(path, self.at, key)
    }

    /// The node at the path's end, where there is one.
    pub(crate) fn find(&self, path: &str) -> Option<&Node> {
        if path.is_empty() {
            return Some(self);
        }
        let (child, _, rest) = self.step(path)?;
        child.find(rest)
    }

    fn locate_from(&self, path: &str, name_at: Position, key: bool) -> Position {
        if path.is_empty() {
            // What stands over several lines is better known by its name.
            let by_name = key || self.text().is_none();
            return if by_name { name_at } else { self.at };
        }
        match self.step(path) {
            Some((child, name_at, rest)) => child.locate_from(rest, name_at, key),
            None => name_at,
        }
    }

    /// The child that a path begins with, where its name stands, and the rest of the path. The names of the
    /// children are written as they would be in a path: so none has to be read.
    fn step<'p>(&self, path: &'p str) -> Option<(&Node, Position, &'p str)> {
        let ends = |rest: &&str| rest.is_empty() || rest.starts_with(['.', '[']);
        let mut indexed = self.items().iter().enumerate();
        if let Some(found) = indexed.find_map(|(index, item)| {
            let rest = path.strip_prefix(&format!("[{index}]")).filter(ends)?;
            Some((item, item.at, rest))
        }) {
            return Some(found);
        }
        let path_of_key = path.strip_prefix('.').unwrap_or(path);
        self.entries().iter().rev().find_map(|entry| {
            let Entry { key, key_at, value } = entry;
            let quoted = format!("[{key:?}]");
            let rest = path_of_key
                .strip_prefix(key.as_str())
                .filter(|_| !key.is_empty())
                .filter(ends)
                .or_else(|| path.strip_prefix(&quoted).filter(ends))?;
            Some((value, *key_at, rest))
        })
    }
}
