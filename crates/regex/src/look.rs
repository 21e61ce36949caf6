//! Conditions on the place between two bytes: `^`, `$`, `\A`, `\z`, `\b`, `\B`.

/// What stands on one side of a place, as far as a condition cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The text's end, or its beginning.
    Edge,
    /// A line feed.
    Line,
    /// A letter, a digit or `_`.
    Word,
    /// Any other byte, and every byte where no condition asks.
    Other,
}

impl Side {
    pub(crate) const ALL: [Self; 4] = [Self::Edge, Self::Line, Self::Word, Self::Other];

    pub(crate) fn of(byte: u8) -> Self {
        match byte {
            b'\n' => Self::Line,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => Self::Word,
            _ => Self::Other,
        }
    }
}

/// A condition on a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Start,
    End,
    LineStart,
    LineEnd,
    Boundary,
    NoBoundary,
}

impl Look {
    pub(crate) fn holds(self, before: Side, after: Side) -> bool {
        match self {
            Self::Start => before == Side::Edge,
            Self::End => after == Side::Edge,
            Self::LineStart => matches!(before, Side::Edge | Side::Line),
            Self::LineEnd => matches!(after, Side::Edge | Side::Line),
            Self::Boundary => (before == Side::Word) != (after == Side::Word),
            Self::NoBoundary => (before == Side::Word) == (after == Side::Word),
        }
    }
}
