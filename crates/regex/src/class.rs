//! Sets of bytes.

/// Some of the 256 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub(crate) struct ByteSet([u128; 2]);

impl ByteSet {
    pub(crate) const ALL: Self = Self([u128::MAX; 2]);

    pub(crate) fn of(ranges: &[(u8, u8)]) -> Self {
        let mut set = Self::default();
        for (first, last) in ranges {
            set.insert(*first, *last);
        }
        set
    }

    /// With all bytes of a range, its ends among them.
    pub(crate) fn insert(&mut self, first: u8, last: u8) {
        for byte in first..=last {
            let [low, high] = &mut self.0;
            *(if byte < 128 { low } else { high }) |= 1 << (byte & 127);
        }
    }

    pub(crate) fn contains(&self, byte: u8) -> bool {
        let [low, high] = self.0;
        (if byte < 128 { low } else { high }) >> (byte & 127) & 1 == 1
    }

    pub(crate) fn union(self, other: Self) -> Self {
        let ([a, b], [c, d]) = (self.0, other.0);
        Self([a | c, b | d])
    }

    pub(crate) fn negated(self) -> Self {
        Self(self.0.map(|half| !half))
    }

    /// With the other case of each ASCII letter.
    pub(crate) fn in_both_cases(self) -> Self {
        let mut both = self;
        for byte in b'a'..=b'z' {
            let upper = byte.to_ascii_uppercase();
            if self.contains(byte) || self.contains(upper) {
                both.insert(byte, byte);
                both.insert(upper, upper);
            }
        }
        both
    }
}

/// `\d`, `\s` and `\w`, by their letters.
pub(crate) fn perl(letter: char) -> ByteSet {
    match letter {
        'd' => ByteSet::of(&[(b'0', b'9')]),
        's' => ByteSet::of(&[(b'\t', b'\r'), (b' ', b' ')]),
        _ => ByteSet::of(&[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')]),
    }
}

/// What stands between `[:` and `:]`.
pub(crate) fn posix(name: &str) -> Option<ByteSet> {
    let ranges: &[(u8, u8)] = match name {
        "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        "ascii" => &[(0, 0x7f)],
        "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        "cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
        "digit" => &[(b'0', b'9')],
        "graph" => &[(b'!', b'~')],
        "lower" => &[(b'a', b'z')],
        "print" => &[(b' ', b'~')],
        "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        "space" => &[(b'\t', b'\r'), (b' ', b' ')],
        "upper" => &[(b'A', b'Z')],
        "word" => return Some(perl('w')),
        "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return None,
    };
    Some(ByteSet::of(ranges))
}
