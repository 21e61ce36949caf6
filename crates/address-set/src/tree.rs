//! A radix tree of prefixes: a bit a branch, runs without a branch in one node.

/// An address as bits, the first one the highest.
pub(crate) trait Bits: Copy + Eq + Default {
    /// How many leading bits two have in common.
    fn common(self, other: Self) -> u8;

    /// The bit at a place, 0 or 1.
    fn bit(self, place: u8) -> usize;
}

impl Bits for u32 {
    fn common(self, other: Self) -> u8 {
        (self ^ other).leading_zeros() as u8
    }

    fn bit(self, place: u8) -> usize {
        (self.rotate_left(u32::from(place) + 1) & 1) as usize
    }
}

impl Bits for u128 {
    fn common(self, other: Self) -> u8 {
        (self ^ other).leading_zeros() as u8
    }

    fn bit(self, place: u8) -> usize {
        (self.rotate_left(u32::from(place) + 1) & 1) as usize
    }
}

/// The root, which is nobody's child.
const NONE: u32 = 0;

#[derive(Debug, Clone, Copy)]
struct Node<K> {
    key: K,
    /// By the next bit.
    children: [u32; 2],
    /// Which combination of labels.
    labels: u32,
    length: u8,
}

#[derive(Debug, Clone)]
pub(crate) struct Tree<K>(Vec<Node<K>>);

impl<K: Bits> Default for Tree<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Bits> Tree<K> {
    /// Puts a prefix in. `add` makes of the labels it has those it is to have.
    pub(crate) fn insert(&mut self, key: K, length: u8, add: &mut dyn FnMut(u32) -> u32) {
        if self.0.is_empty() {
            self.push(K::default(), 0, 0);
        }
        let mut place = 0;
        while let Some(node) = self.0.get_mut(place).copied() {
            let common = key.common(node.key).min(length).min(node.length);
            if common < node.length {
                // It branches off within the run: what was here goes one down.
                let below = self.push(node.key, node.length, node.labels);
                if let Some(moved) = self.0.get_mut(below as usize) {
                    moved.children = node.children;
                }
                let labels = if common == length { add(0) } else { 0 };
                let mut children = [NONE; 2];
                set(&mut children, node.key.bit(common), below);
                if common < length {
                    let leaf = self.push(key, length, add(0));
                    set(&mut children, key.bit(common), leaf);
                }
                self.replace(place, key, common, labels, children);
                return;
            }
            if common == length {
                self.replace(place, node.key, length, add(node.labels), node.children);
                return;
            }
            let side = key.bit(node.length);
            match node.children.get(side) {
                Some(&child) if child != NONE => place = child as usize,
                _ => {
                    let leaf = self.push(key, length, add(0));
                    let mut children = node.children;
                    set(&mut children, side, leaf);
                    self.replace(place, node.key, node.length, node.labels, children);
                    return;
                }
            }
        }
    }

    /// Gives each node the labels of all above it too. `hand_down` makes of those from above and its own
    /// those it is to have.
    pub(crate) fn hand_down(&mut self, hand_down: &mut dyn FnMut(u32, u32) -> u32) {
        self.0.shrink_to_fit();
        let mut waiting = vec![(0_u32, 0_u32)];
        while let Some((place, from)) = waiting.pop() {
            let Some(node) = self.0.get_mut(place as usize) else {
                continue;
            };
            node.labels = hand_down(from, node.labels);
            let labels = node.labels;
            let children = node.children.into_iter().filter(|child| *child != NONE);
            waiting.extend(children.map(|child| (child, labels)));
        }
    }

    /// The labels of the longest prefix that covers an address; 0 for none.
    pub(crate) fn find(&self, address: K) -> u32 {
        let (mut place, mut labels) = (0, 0);
        while let Some(node) = self.0.get(place) {
            if address.common(node.key) < node.length {
                break;
            }
            labels = node.labels;
            // A node of full length has no children.
            match node.children.get(address.bit(node.length)) {
                Some(&child) if child != NONE => place = child as usize,
                _ => break,
            }
        }
        labels
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    fn push(&mut self, key: K, length: u8, labels: u32) -> u32 {
        let place = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push(Node {
            key,
            children: [NONE; 2],
            labels,
            length,
        });
        place
    }

    fn replace(&mut self, place: usize, key: K, length: u8, labels: u32, children: [u32; 2]) {
        if let Some(node) = self.0.get_mut(place) {
            *node = Node {
                key,
                children,
                labels,
                length,
            };
        }
    }
}

fn set(children: &mut [u32; 2], side: usize, child: u32) {
    if let Some(place) = children.get_mut(side) {
        *place = child;
    }
}
