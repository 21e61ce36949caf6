//! How often a password may be wrong: for each user, and for each client address.
//!
//! 1. One count for all workers, in Envoy's shared data, which has neither delete nor expiry: a fixed
//!    number of keys ([`SLOTS`]), each with the failures of up to [`slot::ENTRIES`] users or addresses.
//!    Where a slot is full, the one that has most left is forgotten: half a megabyte, however many
//!    names strangers make up.
//! 2. Where a user's failures are, an HMAC over provider and name decides, under a key that the first
//!    worker to start leaves for the others: nobody outside can aim at a slot, or make two names one.
//! 3. Users who do not exist are counted as those who do.
//! 4. An address is a client's, beyond `trusted_hops` proxies; of an IPv6 address the first 64 bits,
//!    which is what one customer has to itself. Requests without an address (a Unix socket) are one
//!    client.
//! 5. Only failures are charged ([`Failures::charge`]); before a password is hashed, the limits are
//!    only looked at. Where other workers come first [`ATTEMPTS`] times, a failure is not charged: its
//!    password was refused all the same.
//! 6. Where shared data does not work, no password is looked at: the request is denied with 500.

mod slot;

use super::keyed::{KEY_BYTES, Keyed};
use gatehouse_gcra::{Decision, Quota, Tat, decide};
use gatehouse_host::{Cas, Host, HostError, Result, Status};
use slot::Slot;
use std::net::IpAddr;
use std::time::Duration;

/// How many keys of shared data there are at most, beside that of the key.
pub(super) const SLOTS: u32 = 1024;

/// How often a failure is charged against other workers. For each lost attempt another worker's
/// succeeded.
pub(super) const ATTEMPTS: usize = 64;

const SECRET_KEY: &str = "gatehouse.auth.failures.key";

/// How many failures, and how often. Nothing is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) per_user: Option<Quota>,
    pub(super) per_client: Option<Quota>,
}

/// Who tries a password.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who<'r> {
    /// The user's name as it was sent.
    pub(super) user: &'r str,
    /// Where from.
    pub(super) client: Option<IpAddr>,
}

/// The failures of one provider.
pub(super) struct Failures {
    provider: String,
    limits: Limits,
    /// Nothing where there are no limits.
    keyed: Option<Keyed>,
}

/// Where the failures of a user or of an address are.
struct Bucket {
    quota: Quota,
    name: String,
    fingerprint: u64,
}

impl Failures {
    /// Finds the table, or begins it.
    ///
    /// # Errors
    /// Where shared data or randomness is not to be had, or where something else wrote the key.
    pub(super) fn open(provider: &str, limits: Limits, host: &dyn Host) -> Result<Self> {
        let keyed = match limits.per_user.or(limits.per_client) {
            Some(_) => Some(Keyed::new(&secret(host)?)?),
            None => None,
        };
        Ok(Self {
            provider: provider.to_owned(),
            limits,
            keyed,
        })
    }

    /// Whether it matters where a request is from.
    pub(super) fn needs_client(&self) -> bool {
        self.limits.per_client.is_some()
    }

    /// How long a password is not to be looked at.
    ///
    /// # Errors
    /// Where shared data does not work.
    pub(super) fn wait(
        &self,
        who: &Who<'_>,
        now: u64,
        host: &dyn Host,
    ) -> Result<Option<Duration>> {
        let mut longest = None;
        for bucket in self.buckets(who) {
            if let Some(wait) = bucket.wait(now, host)? {
                longest = longest.max(Some(wait));
            }
        }
        Ok(longest)
    }

    /// Counts a wrong password; says whether it could be counted.
    pub(super) fn charge(&self, who: &Who<'_>, now: u64, host: &dyn Host) -> bool {
        let mut all = true;
        for bucket in self.buckets(who) {
            all &= bucket.charge(now, host) == Ok(true);
        }
        all
    }

    fn buckets<'f>(&'f self, who: &Who<'f>) -> impl Iterator<Item = Bucket> + use<'f> {
        let client = who.client.map(network);
        let client = client.map(|network| network.to_be_bytes());
        let of_user = self.limits.per_user.map(|quota| {
            let user = who.user.as_bytes();
            self.bucket(quota, &[b"user", user])
        });
        let of_client = self.limits.per_client.map(|quota| {
            let client = client.as_ref().map_or(&b""[..], |network| network);
            self.bucket(quota, &[b"client", client])
        });
        of_user.flatten().into_iter().chain(of_client.flatten())
    }

    fn bucket(&self, quota: Quota, of: &[&[u8]; 2]) -> Option<Bucket> {
        let [what, which] = of;
        let hash = self
            .keyed
            .as_ref()?
            .of(&[self.provider.as_bytes(), what, which]);
        let (fingerprint, rest) = hash.split_first_chunk::<8>()?;
        let (place, _) = rest.split_first_chunk::<4>()?;
        let slot = u32::from_be_bytes(*place) % SLOTS;
        Some(Bucket {
            quota,
            name: format!("gatehouse.auth.failures.{slot}"),
            fingerprint: u64::from_be_bytes(*fingerprint),
        })
    }
}

/// The bits of an address that count; an IPv4 address as the IPv6 address that maps it.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() & !u128::from(u64::MAX),
    }
}

/// The key that all workers share. The first leaves it for the others.
fn secret(host: &dyn Host) -> Result<Vec<u8>> {
    let key = match host.shared(SECRET_KEY)? {
        Some((key, _)) => key,
        None => {
            let mut key = vec![0; KEY_BYTES];
            host.fill_random(&mut key)?;
            match host.swap_shared(SECRET_KEY, &key, Cas::CREATE)? {
                true => key,
                false => host
                    .shared(SECRET_KEY)?
                    .map_or_else(Vec::new, |(key, _)| key),
            }
        }
    };
    match key.len() == KEY_BYTES {
        true => Ok(key),
        false => Err(malformed()),
    }
}

fn malformed() -> HostError {
    HostError {
        call: "proxy_get_shared_data",
        status: Status::Malformed,
    }
}

impl Bucket {
    /// How long until one more failure would fit.
    fn wait(&self, now: u64, host: &dyn Host) -> Result<Option<Duration>> {
        let (slot, version) = self.read(host)?;
        let state = slot.find(self.fingerprint);
        let mut now = now;
        let mut decision = decide(&self.quota, state, now, 1);
        if repaired(&decision).is_some() {
            // The clock was set back; or this worker was held up between the clock and the slot,
            // while others charged it. A reading that is newer than that of the slot tells which.
            now = host.now()?.as_nanos();
            decision = decide(&self.quota, state, now, 1);
        }
        if let Some(repaired) = repaired(&decision) {
            // If this fails, the next attempt asks for it again.
            let slot = slot.with(self.fingerprint, repaired);
            let _ = host.swap_shared(&self.name, slot.as_bytes(), version);
        }
        Ok(match decision {
            Decision::Admitted { .. } => None,
            Decision::Refused { retry_after_ns, .. } => {
                Some(Duration::from_nanos(retry_after_ns.unwrap_or(u64::MAX)))
            }
        })
    }

    /// Takes one failure from what is left, if anything is; says whether that was done.
    fn charge(&self, now: u64, host: &dyn Host) -> Result<bool> {
        for _ in 0..ATTEMPTS {
            let (slot, version) = self.read(host)?;
            let decision = decide(&self.quota, slot.find(self.fingerprint), now, 1);
            let Some(next) = decision.to_store(None) else {
                // Other workers' failures have used it up meanwhile.
                return Ok(true);
            };
            let slot = slot.with(self.fingerprint, next);
            if host.swap_shared(&self.name, slot.as_bytes(), version)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read(&self, host: &dyn Host) -> Result<(Slot, Cas)> {
        let Some((bytes, version)) = host.shared(&self.name)? else {
            return Ok((Slot::default(), Cas::CREATE));
        };
        if let Some(slot) = Slot::decode(bytes) {
            return Ok((slot, version));
        }
        // Something that shares the `vm_id` wrote over the slot. What it held is lost, so this one
        // attempt fails, and the slot begins anew: refusing for good would need a restart to mend.
        let _ = host.swap_shared(&self.name, Slot::default().as_bytes(), version);
        Err(malformed())
    }
}

/// What is to be stored since the clock was set back.
fn repaired(decision: &Decision) -> Option<Tat> {
    match decision {
        Decision::Refused { repaired, .. } => *repaired,
        Decision::Admitted { .. } => None,
    }
}
