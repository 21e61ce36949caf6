//! A number of a JSON text, as a whole number of units.

/// Longer numbers are none: what counts tokens or bytes has twenty digits at most.
pub(crate) const LONGEST: usize = 64;

/// The bytes of a number, as they arrive.
#[derive(Debug, Clone)]
pub(crate) struct Digits {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Digits {
    pub(crate) const NONE: Self = Self {
        bytes: [0; LONGEST],
        length: 0,
    };

    /// Takes one more; says whether there is room for it.
    pub(crate) fn push(&mut self, byte: u8) -> bool {
        let Some(place) = self.bytes.get_mut(self.length) else {
            return false;
        };
        *place = byte;
        self.length += 1;
        true
    }

    /// The number, rounded up; `u64::MAX` where it is larger. Nothing where it is negative, or is none
    /// as RFC 8259, 6 has them.
    pub(crate) fn value(&self) -> Option<u64> {
        let text = self.bytes.get(..self.length)?;
        let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            None => (text, 0),
            Some(at) => {
                let (mantissa, rest) = text.split_at_checked(at)?;
                (mantissa, exponent(rest.get(1..)?)?)
            }
        };
        let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
            None => (mantissa, None),
            Some(at) => {
                let (whole, rest) = mantissa.split_at_checked(at)?;
                (whole, Some(rest.get(1..)?))
            }
        };
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with(b"0")) {
            return None;
        }
        if fraction.is_some_and(<[u8]>::is_empty) {
            return None;
        }
        let fraction = fraction.unwrap_or_default();
        let digits = whole.iter().chain(fraction);
        if !digits.clone().all(u8::is_ascii_digit) {
            return None;
        }
        // So many digits stand before the point.
        let point = i64::try_from(whole.len()).ok()?.saturating_add(exponent);
        let count = i64::try_from(whole.len() + fraction.len()).ok()?;
        let (mut value, mut rest) = (0_u64, false);
        for (at, digit) in (0_i64..).zip(digits) {
            let digit = u64::from(digit - b'0');
            match at < point {
                true => value = value.saturating_mul(10).saturating_add(digit),
                false => rest |= digit > 0,
            }
        }
        // Of zero nothing grows, and of anything else twenty digits more are too many.
        for _ in count..point.min(count.saturating_add(20)) {
            value = value.saturating_mul(10);
        }
        Some(value.saturating_add(u64::from(rest)))
    }
}

/// Clamped to what makes any number of [`LONGEST`] digits 0 or too large.
fn exponent(text: &[u8]) -> Option<i64> {
    let (digits, is_negative) = match text {
        [b'-', digits @ ..] => (digits, true),
        [b'+', digits @ ..] => (digits, false),
        digits => (digits, false),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exponent = digits.iter().fold(0_i64, |sum, digit| {
        (sum * 10 + i64::from(digit - b'0')).min(1_000)
    });
    Some(match is_negative {
        true => -exponent,
        false => exponent,
    })
}
