//! How often a password may be wrong: for each user, and for each client address.
//!
//! 1. One count for all workers, in Envoy's shared data, which has neither delete nor expiry: a fixed
//!    number of keys ([`SLOTS`]), each with the failures of up to [`gatehouse_limit_slot::ENTRIES`] users or addresses.
//!    Where a slot is full, the one that has most left is forgotten: half a megabyte, however many
//!    names strangers make up.
//! 2. Where a user's failures are, an HMAC over provider and name decides, under a key that the first
//!    worker to start leaves for the others: nobody outside can aim at a slot, or make two names one.
//! 3. Users who do not exist are counted as those who do.
//! 4. An address is a client's, beyond `trusted_hops` proxies; of an IPv6 address the first 64 bits,
//!    which is what one customer has to itself. Requests without an address (a Unix socket) are one
//!    client.
//! 5. A failure is charged before the password is hashed, and given back where the password is good.
//!    Were it charged afterwards, each worker would let one attempt in whenever the limit has room for
//!    one. What has no room is not charged anything, so who is refused uses up nothing of a user's.
//! 6. Where other workers come first [`ATTEMPTS`] times, no password is looked at.
//! 7. Where shared data does not work, no password is looked at: the request is denied with 500.

use super::keyed::{KEY_BYTES, Keyed};
use gatehouse_gcra::{Decision, Quota, Tat, decide};
use gatehouse_host::{Cas, Host, HostError, Result, Status};
use gatehouse_limit_slot::{Slot, State};
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

/// Whether a password may be wrong.
pub(super) enum Room {
    /// Once more, if that is charged.
    For(Attempt),
    /// Not before so long has passed.
    After(Duration),
}

/// What became of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    /// It was made.
    Made,
    /// Other workers have used up what was left; not before so long has passed.
    NoRoom(Duration),
    /// Other workers came first, every time.
    Contended,
}

/// A password that may be wrong.
pub(super) struct Attempt {
    buckets: Vec<Bucket>,
}

/// Where the failures of a user or of an address are, and the slot around them as it was read.
struct Bucket {
    quota: Quota,
    name: String,
    fingerprint: u64,
    slot: Slot,
    version: Cas,
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

    /// Looks at the limits. Charges nothing.
    ///
    /// # Errors
    /// Where shared data does not work.
    pub(super) fn look(&self, who: &Who<'_>, now: u64, host: &dyn Host) -> Result<Room> {
        let mut longest = None;
        let mut buckets: Vec<Bucket> = self.buckets(who).collect();
        for bucket in &mut buckets {
            bucket.refresh(host)?;
            longest = longest.max(bucket.wait(now, host)?);
        }
        Ok(match longest {
            Some(wait) => Room::After(wait),
            None => Room::For(Attempt { buckets }),
        })
    }

    fn buckets<'f>(&'f self, who: &Who<'f>) -> impl Iterator<Item = Bucket> + use<'f> {
        let client = who.client.map(network);
        let client = client.map(|network| network.to_be_bytes());
        let of_user = self.limits.per_user.map(|quota| {
            let user = who.user.as_bytes();
            self.bucket(quota, b"user", user)
        });
        let of_client = self.limits.per_client.map(|quota| {
            let client = client.as_ref().map_or(&b""[..], |network| network);
            self.bucket(quota, b"client", client)
        });
        of_user.flatten().into_iter().chain(of_client.flatten())
    }

    /// That of quotas of one class only: while a listener is drained, another configuration serves as well.
    fn bucket(&self, quota: Quota, what: &[u8], which: &[u8]) -> Option<Bucket> {
        let class = quota.class().to_be_bytes();
        let keyed = self.keyed.as_ref()?;
        let hash = keyed.of(&[self.provider.as_bytes(), what, which, &class]);
        let (fingerprint, rest) = hash.split_first_chunk::<8>()?;
        let (place, _) = rest.split_first_chunk::<4>()?;
        let slot = u32::from_be_bytes(*place) % SLOTS;
        Some(Bucket {
            quota,
            name: format!("gatehouse.auth.failures.{slot}"),
            fingerprint: u64::from_be_bytes(*fingerprint),
            slot: Slot::default(),
            version: Cas::CREATE,
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

impl Attempt {
    /// Charges a failure; all of it, or nothing.
    ///
    /// # Errors
    /// Where shared data does not work.
    pub(super) fn charge(&mut self, now: u64, host: &dyn Host) -> Result<Charge> {
        for place in 0..self.buckets.len() {
            let Some(bucket) = self.buckets.get_mut(place) else {
                continue;
            };
            let charge = bucket.charge(now, host)?;
            if charge != Charge::Made {
                for made in self.buckets.iter_mut().take(place) {
                    made.refund(now, host);
                }
                return Ok(charge);
            }
        }
        Ok(Charge::Made)
    }

    /// Gives back what was charged at that time. A failure that cannot be given back is forgotten as
    /// others are.
    pub(super) fn refund(mut self, charged: u64, host: &dyn Host) {
        for bucket in &mut self.buckets {
            bucket.refund(charged, host);
        }
    }
}

impl Bucket {
    /// How long until one more failure fits, going by what was read.
    fn wait(&self, now: u64, host: &dyn Host) -> Result<Option<Duration>> {
        let state = self.failures();
        let mut decision = decide(&self.quota, state, now, 1);
        if repaired(&decision).is_some() {
            // The clock was set back; or this worker was held up between the clock and the slot,
            // while others charged it. A reading that is newer than that of the slot tells which.
            decision = decide(&self.quota, state, host.now()?.as_nanos(), 1);
        }
        if let Some(repaired) = repaired(&decision) {
            // If this fails, the next attempt asks for it again.
            let slot = self.slot_with(repaired);
            let _ = host.swap_shared(&self.name, slot.as_bytes(), self.version);
        }
        Ok(refused(&decision))
    }

    /// Takes one failure from what is left, decided anew whenever another worker came between.
    fn charge(&mut self, now: u64, host: &dyn Host) -> Result<Charge> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.refresh(host)?;
            }
            let decision = decide(&self.quota, self.failures(), now, 1);
            let Decision::Admitted { next, .. } = decision else {
                return Ok(Charge::NoRoom(refused(&decision).unwrap_or_default()));
            };
            let slot = self.slot_with(next);
            if host.swap_shared(&self.name, slot.as_bytes(), self.version)? {
                return Ok(Charge::Made);
            }
        }
        Ok(Charge::Contended)
    }

    fn refund(&mut self, charged: u64, host: &dyn Host) {
        for _ in 0..ATTEMPTS {
            if self.refresh(host).is_err() {
                return;
            }
            // Forgotten for others meanwhile, perhaps.
            let Some(state) = self.failures() else {
                return;
            };
            let before = state.to_bits().saturating_sub(self.quota.interval_ns());
            // Without a failure there is no entry: were the clock set back, it would look like many.
            let slot = match before <= charged {
                true => self.slot_without(),
                false => self.slot_with(Tat::from_bits(before)),
            };
            match host.swap_shared(&self.name, slot.as_bytes(), self.version) {
                Ok(false) => {}
                Ok(true) | Err(_) => return,
            }
        }
    }

    fn failures(&self) -> Option<Tat> {
        let state = self.slot.find(self.fingerprint)?;
        Some(Tat::from_bits(state.until))
    }

    /// The slot with its failures forgotten at that time.
    fn slot_with(&self, until: Tat) -> Slot {
        let mut slot = self.slot.clone();
        // Whose failures are forgotten for these, where there is no room, nobody counts.
        let state = State {
            until: until.to_bits(),
            ..State::default()
        };
        slot.put(self.fingerprint, state, 0);
        slot
    }

    fn slot_without(&self) -> Slot {
        let mut slot = self.slot.clone();
        slot.remove(self.fingerprint);
        slot
    }

    fn refresh(&mut self, host: &dyn Host) -> Result<()> {
        let Some((bytes, version)) = host.shared(&self.name)? else {
            (self.slot, self.version) = (Slot::default(), Cas::CREATE);
            return Ok(());
        };
        if let Some(slot) = Slot::decode(bytes) {
            (self.slot, self.version) = (slot, version);
            return Ok(());
        }
        // Something that shares the `vm_id` wrote over the slot. What it held is lost, so this one
        // attempt fails, and the slot begins anew: refusing for good would need a restart to mend.
        let _ = host.swap_shared(&self.name, Slot::default().as_bytes(), version);
        Err(malformed())
    }
}

/// After how long one more fits, where none does now.
fn refused(decision: &Decision) -> Option<Duration> {
    match decision {
        Decision::Admitted { .. } => None,
        Decision::Refused { retry_after_ns, .. } => {
            Some(Duration::from_nanos(retry_after_ns.unwrap_or(u64::MAX)))
        }
    }
}

/// What is to be stored since the clock was set back.
fn repaired(decision: &Decision) -> Option<Tat> {
    match decision {
        Decision::Refused { repaired, .. } => *repaired,
        Decision::Admitted { .. } => None,
    }
}
