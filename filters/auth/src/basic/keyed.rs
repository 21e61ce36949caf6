//! What stands for a secret, or for a name that strangers choose: HMAC-SHA-256 under a random key.

use gatehouse_host::{HostError, Status};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

/// HMAC-SHA-256 with its key in it.
#[derive(Clone)]
pub(super) struct Keyed(Hmac<Sha256>);

impl Keyed {
    /// With this key.
    pub(super) fn new(key: &[u8]) -> Result<Self, HostError> {
        let mac = Hmac::new_from_slice(key);
        // HMAC takes keys of any length.
        mac.map(Self).map_err(|_| HostError {
            call: "random_get",
            status: Status::Malformed,
        })
    }

    /// Over parts, each with its length before it: no two lists of parts have one text.
    pub(super) fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            // A length in memory fits 64 bits.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_keys_are_told_apart() {
        let keyed = Keyed::new(&[1; KEY_BYTES]).unwrap();
        let cases: [&[&[u8]]; 6] = [
            &[],
            &[b""],
            &[b"ab", b"c"],
            &[b"a", b"bc"],
            &[b"abc"],
            &[b"abc", b""],
        ];
        for (place, parts) in cases.iter().enumerate() {
            for other in &cases[place + 1..] {
                assert_ne!(keyed.of(parts), keyed.of(other), "{parts:?} {other:?}");
            }
            let other = Keyed::new(&[2; KEY_BYTES]).unwrap();
            assert_ne!(keyed.of(parts), other.of(parts), "{parts:?}");
        }
    }

    /// Python: `hmac.new(b"\x01" * 32, b"\0" * 7 + b"\3ann" + b"\0" * 7 + b"\6secret", "sha256")`.
    #[test]
    fn it_is_hmac_sha_256() {
        let keyed = Keyed::new(&[1; KEY_BYTES]).unwrap();
        let expected = "7e6106910e8db8e9814b6b2dd815b187000a6a4bd8f7a089dba838cdb5236de5";
        let mark = keyed.of(&[b"ann", b"secret"]);
        let hex: String = mark.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }
}
