//! Who has which password.

use crate::identity::{ClaimHeader, Identity};
use gatehouse_host::Consumer;
use gatehouse_password::{Nobody, PasswordHash, Scheme};
use std::collections::HashMap;
use std::rc::Rc;
use zeroize::Zeroizing;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// A user as it is configured.
pub(super) struct Account {
    pub(super) consumer: Consumer,
    pub(super) hash: PasswordHash,
    /// What the hash was read from.
    pub(super) text: Zeroizing<String>,
}

/// The users of a provider, by their places.
pub(super) struct Users {
    places: HashMap<String, usize>,
    users: Vec<User>,
    nobody: Nobody,
}

struct User {
    identity: Rc<Identity>,
    hash: PasswordHash,
}

/// What came of hashing a password.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verification {
    /// Whose it is.
    pub(super) user: Option<usize>,
    /// What that was expected to take, in nanoseconds.
    pub(super) cost: u64,
}

impl Users {
    /// With what `forward.claim_headers` asks for.
    pub(super) fn new(accounts: Vec<Account>, provider: &str, headers: &[ClaimHeader]) -> Self {
        let nobody = Nobody::new(accounts.iter().map(|account| account.text.as_str()));
        let users = accounts.into_iter().filter_map(|account| {
            let mut consumer = account.consumer;
            provider.clone_into(&mut consumer.provider);
            // A configured name is safe, and there are no claims: never refused.
            let identity = Identity::new(consumer, headers).ok()?;
            Some(User {
                identity: Rc::new(identity),
                hash: account.hash,
            })
        });
        let users: Vec<User> = users.collect();
        let names = users.iter().map(|user| user.identity.consumer.name.clone());
        Self {
            places: names.zip(0..).collect(),
            users,
            nobody,
        }
    }

    /// Hashes a password, also for a user who does not exist.
    pub(super) fn verify(&self, name: &str, password: &[u8]) -> Verification {
        let place = self.places.get(name).copied();
        let hashed = place.or_else(|| self.nobody.stand_in(name));
        let Some(user) = hashed.and_then(|place| self.users.get(place)) else {
            return Verification {
                user: None,
                cost: 0,
            };
        };
        let good = match place {
            Some(_) => user.hash.verify(password),
            None => user.hash.verify_nobody(password),
        };
        Verification {
            user: place.filter(|_| good),
            cost: u64::from(user.hash.cost().millis).saturating_mul(NANOS_PER_MILLI),
        }
    }

    /// Who has this place.
    pub(super) fn identity(&self, place: usize) -> Option<&Rc<Identity>> {
        self.users.get(place).map(|user| &user.identity)
    }

    /// The names of those whose hash everybody can look up.
    pub(super) fn with_unsalted_hashes(&self) -> impl Iterator<Item = &str> {
        let unsalted = |user: &&User| user.hash.scheme() == Scheme::Sha1;
        let users = self.users.iter().filter(unsalted);
        users.map(|user| user.identity.consumer.name.as_str())
    }
}
