//! Passwords that were verified, and wrong ones that were tried.
//!
//! 1. What stands for a user and a password is their HMAC under a key that each VM draws for itself:
//!    a dump of the memory holds no password, and nothing to try passwords against but with the key.
//! 2. A good password is remembered until it was not used for so long. A user's password is what the
//!    configuration says, and nothing is remembered beyond a configuration, so it is no less true
//!    later; and who is at work stays let in while strangers use up the limits of this name.
//! 3. A wrong one is remembered as wrong, for so long from when it was hashed: a client that was not
//!    told of the new password costs one hash, not one a request. It is also remembered of users who
//!    do not exist.
//! 4. Good and wrong ones have room of their own: no number of wrong ones makes a good one forgotten.
//! 5. Where the clock went back to before it was remembered, it is verified anew.

use super::keyed::{KEY_BYTES, Keyed};
use gatehouse_expiring_map::{Bounds as MapBounds, ExpiringMap, Found};
use gatehouse_host::{Entropy, HostError};
use gatehouse_password::basic::Credentials;
use std::cell::RefCell;
use zeroize::Zeroizing;

/// More than an entry takes.
const ENTRY_BYTES: usize = 256;

/// How much is remembered, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// So many good passwords and so many wrong ones; with zero, none.
    pub(super) size: usize,
    pub(super) ttl_ns: u64,
}

/// What stands for a user and a password.
pub(super) type Mark = [u8; 32];

/// What is known of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recalled {
    /// It is this user's, as was known at that time.
    Good { user: usize, since: u64 },
    /// It is nobody's.
    Wrong,
}

/// What a worker remembers.
pub(super) struct Memory {
    keyed: Keyed,
    bounds: Bounds,
    /// The user's place, and since when. Neither map is borrowed across a host call.
    good: RefCell<ExpiringMap<(usize, u64)>>,
    wrong: RefCell<ExpiringMap<()>>,
}

impl Memory {
    /// Nothing is remembered yet.
    pub(super) fn new(
        bounds: Bounds,
        entropy: &(impl Entropy + ?Sized),
    ) -> Result<Self, HostError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill_random(&mut *key)?;
        let of_map = MapBounds {
            entries: bounds.size,
            bytes: bounds.size.saturating_mul(ENTRY_BYTES),
        };
        Ok(Self {
            keyed: Keyed::new(&*key)?,
            bounds,
            good: RefCell::new(ExpiringMap::new(of_map)),
            wrong: RefCell::new(ExpiringMap::new(of_map)),
        })
    }

    /// What stands for these; nothing where nothing is remembered.
    pub(super) fn mark(&self, credentials: &Credentials) -> Option<Mark> {
        if self.bounds.size == 0 {
            return None;
        }
        let parts = [credentials.user().as_bytes(), credentials.password()];
        Some(self.keyed.of(&parts))
    }

    /// What is known of a mark.
    pub(super) fn recall(&self, mark: &Mark, now: u64) -> Option<Recalled> {
        if let Found::Valid((user, since)) = self.good.borrow_mut().find(mark, now) {
            return Some(Recalled::Good { user, since });
        }
        match self.wrong.borrow_mut().find(mark, now) {
            Found::Valid(()) => Some(Recalled::Wrong),
            Found::Expired | Found::Unknown => None,
        }
    }

    /// Whether what was remembered then is soon forgotten.
    pub(super) fn is_half_over(&self, since: u64, now: u64) -> bool {
        now.saturating_sub(since) >= self.bounds.ttl_ns / 2
    }

    /// Remembers a password of this user.
    pub(super) fn remember_good(&self, mark: &Mark, user: usize, now: u64) {
        let when = now..now.saturating_add(self.bounds.ttl_ns);
        let weight = size_of::<(usize, u64)>();
        self.good
            .borrow_mut()
            .insert(mark, (user, now), weight, when);
    }

    /// Remembers a password that is wrong.
    pub(super) fn remember_wrong(&self, mark: &Mark, now: u64) {
        let when = now..now.saturating_add(self.bounds.ttl_ns);
        self.wrong.borrow_mut().insert(mark, (), 0, when);
    }

    /// How many good and how many wrong ones are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.good.borrow().len(), self.wrong.borrow().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64, Encoding as _};
    use gatehouse_host_fake::FakeHost;

    fn memory(size: usize) -> Memory {
        let bounds = Bounds { size, ttl_ns: 100 };
        Memory::new(bounds, &FakeHost::default()).unwrap()
    }

    fn credentials(text: &str) -> Credentials {
        let encoded = Base64::encode_string(text.as_bytes());
        gatehouse_password::basic::decode(encoded.as_bytes()).unwrap()
    }

    fn mark(memory: &Memory, text: &str) -> Mark {
        memory.mark(&credentials(text)).unwrap()
    }

    const ANN: Option<Recalled> = Some(Recalled::Good { user: 7, since: 50 });

    #[test]
    fn for_how_long() {
        let memory = memory(10);
        let good = mark(&memory, "ann:secret");
        let wrong = mark(&memory, "ann:guess");
        memory.remember_good(&good, 7, 50);
        memory.remember_wrong(&wrong, 50);
        // At 150 they are gone, so the last are about nothing.
        for (now, known) in [
            (50, true),
            (149, true),
            (49, false),
            (149, true),
            (150, false),
            (60, false),
        ] {
            let expected = ANN.filter(|_| known);
            assert_eq!(memory.recall(&good, now), expected, "{now}");
            let expected = known.then_some(Recalled::Wrong);
            assert_eq!(memory.recall(&wrong, now), expected, "{now}");
        }
        for (now, expected) in [
            (0, false),
            (50, false),
            (99, false),
            (100, true),
            (u64::MAX, true),
        ] {
            assert_eq!(memory.is_half_over(50, now), expected, "{now}");
        }
    }

    #[test]
    fn wrong_ones_take_no_room_of_good_ones() {
        let memory = memory(10);
        let good = mark(&memory, "ann:secret");
        memory.remember_good(&good, 7, 50);
        for number in 0..10_000 {
            memory.remember_wrong(&mark(&memory, &format!("ann:guess{number}")), 60);
        }
        let (goods, wrongs) = memory.len();
        assert_eq!(goods, 1);
        assert!((5..=10).contains(&wrongs), "{wrongs}");
        assert_eq!(memory.recall(&good, 60), ANN);
        for number in 0..10_000 {
            memory.remember_good(&mark(&memory, &format!("user{number}:secret")), number, 60);
        }
        let (goods, _) = memory.len();
        assert!((5..=10).contains(&goods), "{goods}");
    }

    #[test]
    fn user_and_password_are_told_apart() {
        let memory = memory(10);
        memory.remember_good(&mark(&memory, "ann:b:c"), 7, 50);
        for (text, expected) in [
            ("ann:b:c", ANN),
            ("ann:b", None),
            ("annb:c", None),
            ("ann:c:b", None),
        ] {
            assert_eq!(memory.recall(&mark(&memory, text), 50), expected, "{text}");
        }
    }

    #[test]
    fn nothing_is_remembered_without_room() {
        assert_eq!(memory(0).mark(&credentials("ann:secret")), None);
    }

    #[test]
    fn each_worker_has_its_own_key() {
        let host = FakeHost::default();
        let bounds = Bounds { size: 2, ttl_ns: 1 };
        let [one, other] = [0, 0].map(|_| Memory::new(bounds, &host).unwrap());
        assert_ne!(mark(&one, "ann:secret"), mark(&other, "ann:secret"));
    }
}
