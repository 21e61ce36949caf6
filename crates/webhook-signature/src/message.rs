//! Headers for tests.

use crate::{Clock, Fields, Secret};

/// Names and values.
pub(crate) struct Headers<'h>(pub(crate) &'h [(&'h str, &'h [u8])]);

impl Fields for Headers<'_> {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        let pairs = self.0.iter();
        pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| *value)
            .collect()
    }
}

pub(crate) fn secrets(texts: &[&str]) -> Vec<Secret> {
    let secrets = texts.iter().map(|text| Secret::new(text.as_bytes()));
    secrets.map(Result::unwrap).collect()
}

pub(crate) fn clock(now: u64) -> Clock {
    Clock {
        now,
        tolerance: 300,
    }
}
