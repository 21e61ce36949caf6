//! What an operator demands of a signature.
//!
//! Refused, in this order:
//!
//! 1. a signature for another application (`tag`);
//! 2. one without `created`, `expires` or `nonce` where that is required; a largest age requires
//!    `created`;
//! 3. one made in the future, beyond the tolerance;
//! 4. one that has expired, beyond the tolerance, whether `expires` is required or not;
//! 5. one older than the largest age, beyond the tolerance;
//! 6. one that covers less than is required, or nothing at all: it would be good for every request
//!    (section 7.2.1).

use crate::{Component, Refusal, Signature};

/// The demands. All times are in seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// What must be covered, by itself or by a [component that has it in it](Component::covers).
    pub required: Vec<Component>,
    /// How long a signature is good for after `created`.
    pub max_age: Option<u64>,
    /// How far the clocks may differ.
    pub tolerance: u64,
    /// Whether `created` is required even without a largest age.
    pub require_created: bool,
    /// Whether `expires` is required.
    pub require_expires: bool,
    /// Whether a nonce is required, and not an empty one.
    pub require_nonce: bool,
    /// The tag that is required.
    pub tag: Option<String>,
}

impl Policy {
    /// Whether a signature meets the demands at `now`, in seconds since the epoch.
    ///
    /// # Errors
    /// The first demand of this module's documentation that it does not meet.
    pub fn check(&self, signature: &Signature, now: u64) -> Result<(), Refusal> {
        if self.tag.is_some() && self.tag != signature.tag {
            return Err(Refusal::TagMismatch);
        }
        if signature.created.is_none() && (self.require_created || self.max_age.is_some()) {
            return Err(Refusal::CreatedMissing);
        }
        if signature.expires.is_none() && self.require_expires {
            return Err(Refusal::ExpiresMissing);
        }
        if self.require_nonce && signature.nonce.as_deref().unwrap_or_default().is_empty() {
            return Err(Refusal::NonceMissing);
        }
        self.check_times(signature, now)?;
        let missing = |required: &Component| !signature.covers(required);
        if signature.components.is_empty() || self.required.iter().any(missing) {
            return Err(Refusal::NotCovered);
        }
        Ok(())
    }

    /// The last second at which [`check`](Self::check) passes a signature: so long must it be
    /// remembered for a replay to be seen. `None`: for ever.
    pub fn valid_until(&self, signature: &Signature) -> Option<u64> {
        let by_age = match (signature.created, self.max_age) {
            (Some(created), Some(age)) => Some(created.saturating_add(age)),
            _ => None,
        };
        let end = match (by_age, signature.expires) {
            (Some(age), Some(expires)) => Some(age.min(expires)),
            (age, expires) => age.or(expires),
        };
        end.map(|end| end.saturating_add(self.tolerance))
    }

    fn check_times(&self, signature: &Signature, now: u64) -> Result<(), Refusal> {
        let latest = now.saturating_add(self.tolerance);
        let earliest = now.saturating_sub(self.tolerance);
        if signature.created.is_some_and(|created| created > latest) {
            return Err(Refusal::CreatedInFuture);
        }
        if signature.expires.is_some_and(|expires| expires < earliest) {
            return Err(Refusal::Expired);
        }
        if let (Some(created), Some(age)) = (signature.created, self.max_age)
            && created.saturating_add(age) < earliest
        {
            return Err(Refusal::TooOld);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
