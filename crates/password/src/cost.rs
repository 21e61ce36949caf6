//! What a verification takes.

use std::fmt;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// What one verification takes at most, estimated. How, the documentation of this crate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Milliseconds of a worker, rounded up: comparable between schemes, and no promise for a
    /// particular machine.
    pub millis: u32,
    /// Memory in KiB; 0 but for argon2.
    pub memory_kib: u32,
}

impl Cost {
    /// The cost of `count` steps of `nanos` each.
    pub(crate) fn of(count: u64, nanos: u64) -> Self {
        let millis = count.saturating_mul(nanos).div_ceil(NANOS_PER_MILLI);
        Self {
            millis: u32::try_from(millis).unwrap_or(u32::MAX),
            memory_kib: 0,
        }
    }

    pub(crate) fn with_memory_kib(self, memory_kib: u32) -> Self {
        Self { memory_kib, ..self }
    }
}

/// `about 295 ms of a worker and 65536 KiB of its memory`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "about {} ms of a worker", self.millis)?;
        if self.memory_kib > 0 {
            write!(f, " and {} KiB of its memory", self.memory_kib)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::PasswordHash;

    #[test]
    fn costs() {
        let b53 = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let b43 = "wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";
        let c43 = "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
        let c86 = "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
        let cases = [
            (format!("$2b$04${b53}"), 2, 0),
            (format!("$2b$05${b53}"), 4, 0),
            (format!("$2b$10${b53}"), 101, 0),
            (format!("$2b$15${b53}"), 3231, 0),
            (
                format!("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ${b43}"),
                1,
                8,
            ),
            (
                format!("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ${b43}"),
                59,
                19456,
            ),
            (
                format!("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ${b43}"),
                295,
                65536,
            ),
            (
                format!("$argon2d$v=19$m=65536,t=32,p=16$c29tZXNhbHQ${b43}"),
                3146,
                65536,
            ),
            (format!("$pbkdf2-sha256$1$c29tZXNhbHQ${b43}"), 1, 0),
            (format!("$pbkdf2-sha256$600000$c29tZXNhbHQ${b43}"), 318, 0),
            (format!("$pbkdf2-sha256$6000000$c29tZXNhbHQ${b43}"), 3180, 0),
            (format!("$5$saltstring${c43}"), 15, 0),
            (format!("$5$rounds=1000000$saltstring${c43}"), 3000, 0),
            (format!("$6$saltstring${c86}"), 13, 0),
            (format!("$6$rounds=1000000$saltstring${c86}"), 2600, 0),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=".to_owned(), 1, 0),
        ];
        for (text, millis, memory_kib) in cases {
            let cost = PasswordHash::parse(&text).unwrap().cost();
            assert_eq!(
                (cost.millis, cost.memory_kib),
                (millis, memory_kib),
                "{text}"
            );
        }
    }

    #[test]
    fn printed() {
        let cases = [
            (
                super::Cost {
                    millis: 101,
                    memory_kib: 0,
                },
                "about 101 ms of a worker",
            ),
            (
                super::Cost {
                    millis: 295,
                    memory_kib: 65536,
                },
                "about 295 ms of a worker and 65536 KiB of its memory",
            ),
        ];
        for (cost, expected) in cases {
            assert_eq!(cost.to_string(), expected);
        }
    }

    #[test]
    fn no_overflow() {
        let most = super::Cost::of(u64::MAX, u64::MAX);
        assert_eq!(most.millis, u32::MAX);
    }
}
