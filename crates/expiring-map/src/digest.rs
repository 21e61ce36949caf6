//! What stands for a key that is a secret, or for one of several parts.

use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of parts, each with its length before it: no two lists of parts have one text,
/// `["ab", "c"]` and `["a", "bc"]` among them.
pub fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        // A length in memory fits 64 bits.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
