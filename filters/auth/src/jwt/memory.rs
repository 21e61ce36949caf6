//! What is remembered of tokens, for as long as the keys are the same.

use super::cache::{Cache, Entry, Found};
use super::{Source, Tokens};
use crate::identity::Identity;
use gatehouse_host::Timestamp;
use gatehouse_jose::JwkSet;
use std::rc::Rc;

/// What is remembered, and the keys that it was verified by.
pub(super) struct Memory {
    size: usize,
    keys: Option<Rc<JwkSet>>,
    cache: Cache,
}

impl Memory {
    /// Room for so many tokens.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            keys: None,
            cache: Cache::new(size),
        }
    }

    /// What was verified by these keys; whatever others verified is forgotten.
    fn of(&mut self, keys: &Rc<JwkSet>) -> &mut Cache {
        let same = self
            .keys
            .as_ref()
            .is_some_and(|known| Rc::ptr_eq(known, keys));
        if !same {
            self.keys = Some(keys.clone());
            self.cache = Cache::new(self.size);
        }
        &mut self.cache
    }
}

impl Tokens {
    /// What is remembered of a token, by the keys of now.
    pub(super) fn recall(&self, token: &[u8], now: Timestamp) -> Found {
        let keys = match &self.keys {
            Source::Written(keys) => Some(keys.clone()),
            Source::Fetched(feed) => feed.document(now),
        };
        match keys {
            Some(keys) => self.memory.borrow_mut().of(&keys).find(token, now),
            None => Found::Unknown,
        }
    }

    pub(super) fn remember(
        &self,
        token: &[u8],
        keys: &Rc<JwkSet>,
        identity: &Rc<Identity>,
        now: Timestamp,
    ) {
        let Ok(Some(until)) = gatehouse_jose::expiry_ns(&identity.consumer.claims) else {
            return;
        };
        let until = Timestamp::from_nanos(until).after(self.rules.clock_skew);
        let entry = Entry::new(identity.clone(), now, until);
        self.memory.borrow_mut().of(keys).remember(token, entry);
    }
}
