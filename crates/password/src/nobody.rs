//! Users who do not exist.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Whose hash stands in for a user who does not exist.
///
/// If an unknown user were denied at once, and a known one with a wrong password after 100 ms, anybody
/// could find out who has an account. So a password is verified for an unknown user too, with
/// [`verify_nobody`](crate::PasswordHash::verify_nobody), against the hash of a user who exists.
///
/// Whose hash that is matters where hashes differ in cost: always taking the same one would make
/// unknown users look alike, and known ones not. Here each name has a stand-in of its own, always
/// the same one, so that unknown users differ from each other just as known ones do. It
/// depends on the name and on the configured hashes, which strangers don't know: not on random
/// bytes, so all workers agree, also after a restart.
///
/// What else tells them apart is the caller's: limits on failed attempts and memories of verified
/// passwords must treat unknown users as known ones, and the answer must be the same. Without any user
/// there is no stand-in, and nothing to find out.
pub struct Nobody {
    key: Zeroizing<[u8; 32]>,
    users: usize,
}

impl Nobody {
    /// From the texts of the hashes of all users, in the order in which they are configured.
    pub fn new<'t>(hashes: impl IntoIterator<Item = &'t str>) -> Self {
        let mut digest = Sha256::new();
        let mut users: usize = 0;
        for hash in hashes {
            digest.update(hash);
            // No hash has a NUL, so two lists do not run together.
            digest.update([0]);
            users = users.saturating_add(1);
        }
        Self {
            key: Zeroizing::new(digest.finalize().into()),
            users,
        }
    }

    /// The place, among the hashes, of the one that stands in for `user`; `None` if there are none.
    pub fn stand_in(&self, user: &str) -> Option<usize> {
        let digest = Sha256::new()
            .chain_update(*self.key)
            .chain_update(user)
            .finalize();
        let (start, _) = digest.split_first_chunk::<8>()?;
        let users = u64::try_from(self.users).ok()?;
        let place = u64::from_le_bytes(*start).checked_rem(users)?;
        usize::try_from(place).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["ann", "bob", "", "ü", "root"];

    #[test]
    fn a_name_has_one_stand_in() {
        let one = Nobody::new(["a", "b", "c"]);
        let other = Nobody::new(["a", "b", "c"]);
        for name in NAMES {
            assert_eq!(one.stand_in(name), other.stand_in(name), "{name}");
        }
    }

    #[test]
    fn every_user_stands_in_for_some() {
        let nobody = Nobody::new(["a", "b", "c"]);
        let mut counts = [0; 3];
        for number in 0..3_000 {
            counts[nobody.stand_in(&format!("user{number}")).unwrap()] += 1;
        }
        for count in counts {
            assert!((900..1_100).contains(&count), "{counts:?}");
        }
    }

    #[test]
    fn the_hashes_are_the_key() {
        let places = |hashes: &[&str]| {
            let nobody = Nobody::new(hashes.iter().copied());
            (0..100)
                .map(|number| nobody.stand_in(&format!("user{number}")))
                .collect::<Vec<_>>()
        };
        assert_ne!(places(&["a", "b"]), places(&["a", "c"]));
        assert_ne!(places(&["ab", "c"]), places(&["a", "bc"]));
        assert_ne!(places(&["a", "b"]), places(&["b", "a"]));
    }

    #[test]
    fn few_users() {
        for name in NAMES {
            assert_eq!(Nobody::new([]).stand_in(name), None, "{name}");
            assert_eq!(Nobody::new(["a"]).stand_in(name), Some(0), "{name}");
        }
    }
}
