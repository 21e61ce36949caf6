//! Limits on connections, in the table that all workers share ([`gatehouse_limit_table`]).
//!
//! A new connection is asked of, in this order:
//!
//! 1. the bytes of its source: whether any are left; nothing is charged,
//! 2. the rates of its source: each is charged when it has room,
//! 3. the connections of its source, then all: a place in each is held until the connection ends.
//!
//! A connection that a later one refuses gives its places back, and stays charged to the rates: it was an attempt.
//!
//! What there is of sources shares the slots of the table, where a full one loses the entry that constrains least: a counter
//! says so. The places there are in all have a slot apart, so that nothing drives them out.

use crate::config::Limits;
use gatehouse_config::PrefixLengths;
use gatehouse_host::{Counter, Host, Result};
use gatehouse_limit_table::{
    Address, Algorithm, Bucket, Failure, Held, Lost, Metered, Permits, Table, Ticket, Windows,
    write_part,
};
use gatehouse_trace::trace;
use siphasher::sip128::SipHasher13;
use std::net::IpAddr;
use std::time::Duration;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    ConnectionRate,
    ConcurrentPerSource,
    ConcurrentTotal,
    Received,
    Sent,
    ReceivedPerSource,
    SentPerSource,
    Duration,
    Idle,
    FirstDataTime,
    FirstDataSize,
    HeldBytes,
}

impl Limit {
    /// All of them, with their names in metrics and reasons.
    pub(crate) const ALL: [(Self, &str); 12] = [
        (Self::ConnectionRate, "connection_rate"),
        (Self::ConcurrentPerSource, "concurrent_per_source"),
        (Self::ConcurrentTotal, "concurrent_total"),
        (Self::Received, "received_per_connection"),
        (Self::Sent, "sent_per_connection"),
        (Self::ReceivedPerSource, "received_per_source"),
        (Self::SentPerSource, "sent_per_source"),
        (Self::Duration, "duration"),
        (Self::Idle, "idle"),
        (Self::FirstDataTime, "first_data_time"),
        (Self::FirstDataSize, "first_data_size"),
        (Self::HeldBytes, "held_bytes"),
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(limit, _)| *limit == self)
            .map_or("", |(_, name)| name)
    }
}

/// Why a connection is refused, or cannot be decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Over(Limit),
    Failed(Limit, Failure),
}

/// One algorithm over buckets of its own.
struct Counted {
    algorithm: Algorithm,
    limit: Limit,
    /// With its name in it, and what else tells its entries from others'.
    hasher: SipHasher13,
    prefixes: Option<PrefixLengths>,
}

impl Metered for Counted {
    fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    fn salt(&self) -> u64 {
        0
    }
}

impl Windows for Counted {
    type Window = Self;

    fn windows(&self) -> (&Self, &[Self]) {
        (self, &[])
    }
}

/// What is kept in the table.
pub(crate) struct Limiter {
    table: Table,
    rates: Vec<Counted>,
    places: Vec<Counted>,
    received: Option<Counted>,
    sent: Option<Counted>,
    permits: Permits,
    /// Counts the entries of sources that were lost for others'.
    evicted: Counter,
}

/// The places that a connection holds.
pub(crate) type Tickets = Vec<Ticket>;

impl Limiter {
    /// Begins or joins the table; nothing where nothing is kept in it.
    ///
    /// # Errors
    /// Where the host refuses shared data or randomness.
    pub(crate) fn open(
        limits: &Limits,
        slots: u32,
        evicted: Counter,
        host: &dyn Host,
    ) -> Result<Option<Self>> {
        let concurrent = limits.concurrent;
        let bytes = limits.bytes;
        let any = !limits.connection_rates.is_empty()
            || concurrent.per_source.is_some()
            || concurrent.total.is_some()
            || bytes.prefixes.is_some();
        if !any {
            return Ok(None);
        }
        let table = Table::open(slots, host)?;
        let counted =
            |algorithm: Algorithm, limit: Limit, prefixes: Option<PrefixLengths>, place: u64| {
                // Counters of another period mean something else. A bucket is full when it is, but only for
                // quotas of its class.
                let period = match algorithm {
                    Algorithm::Gcra(quota) => quota.class(),
                    Algorithm::Window(window) => window.period_ns(),
                    Algorithm::Concurrency(capacity) => capacity.lifetime_ns(),
                };
                let mut hasher = table.hasher();
                write_part(&mut hasher, b"connection_guard");
                write_part(&mut hasher, limit.name().as_bytes());
                write_part(&mut hasher, &period.to_le_bytes());
                // Of several of one kind, each has buckets of its own.
                write_part(&mut hasher, &place.to_le_bytes());
                write_part(&mut hasher, format!("{prefixes:?}").as_bytes());
                Counted {
                    algorithm,
                    limit,
                    hasher,
                    prefixes,
                }
            };
        let rates = limits
            .connection_rates
            .iter()
            .zip(0_u64..)
            .map(|(rate, place)| {
                let algorithm = Algorithm::Gcra(rate.quota);
                counted(algorithm, Limit::ConnectionRate, Some(rate.prefixes), place)
            });
        let per_source = concurrent.per_source.map(|(capacity, prefixes)| {
            let algorithm = Algorithm::Concurrency(capacity);
            counted(algorithm, Limit::ConcurrentPerSource, Some(prefixes), 0)
        });
        let total = concurrent.total.map(|capacity| {
            counted(
                Algorithm::Concurrency(capacity),
                Limit::ConcurrentTotal,
                None,
                0,
            )
        });
        let window = |rate: Option<crate::config::ByteRate>, limit| {
            rate.map(|rate| counted(Algorithm::Window(rate.0), limit, bytes.prefixes, 0))
        };
        Ok(Some(Self {
            rates: rates.collect(),
            places: per_source.into_iter().chain(total).collect(),
            received: window(bytes.source_received, Limit::ReceivedPerSource),
            sent: window(bytes.source_sent, Limit::SentPerSource),
            permits: Permits::default(),
            evicted,
            table,
        }))
    }

    /// Takes what a new connection needs.
    pub(crate) fn admit(
        &self,
        source: Option<IpAddr>,
        now: u64,
        host: &dyn Host,
    ) -> std::result::Result<Tickets, Refused> {
        for counted in self.received.iter().chain(&self.sent) {
            let failed = |failure| Refused::Failed(counted.limit, failure);
            let bucket = self.bucket(counted, source, now, host).map_err(failed)?;
            if bucket.look(counted).decision.standing.remaining == 0 {
                trace!(("limit {}", counted.limit.name()), ("over"));
                return Err(Refused::Over(counted.limit));
            }
        }
        for counted in &self.rates {
            self.take(counted, source, now, host)?;
        }
        let mut tickets = Tickets::new();
        for counted in &self.places {
            match self.take(counted, source, now, host) {
                Ok(held) => tickets.extend(held.map(|held| self.permits.hold(held))),
                Err(refused) => {
                    // What cannot be given back expires.
                    let _ = self.release(tickets, host);
                    return Err(refused);
                }
            }
        }
        Ok(tickets)
    }

    /// Gives places back.
    ///
    /// # Errors
    /// The number of those that could not be: they expire.
    pub(crate) fn release(
        &self,
        tickets: Tickets,
        host: &dyn Host,
    ) -> std::result::Result<(), u64> {
        let held = tickets
            .into_iter()
            .filter_map(|ticket| self.permits.take(ticket));
        match held.filter(|held| held.release(host).is_err()).count() {
            0 => Ok(()),
            failed => Err(failed as u64),
        }
    }

    /// Where the bytes of a source are counted, from it and to it.
    pub(crate) fn byte_addresses(&self, source: Option<IpAddr>) -> [Option<Address>; 2] {
        let address = |counted: &Counted| self.address(counted, source);
        [
            self.received.as_ref().map(address),
            self.sent.as_ref().map(address),
        ]
    }

    /// Charges so many KiB; whether the source has any left. The place is that of [`Limiter::byte_addresses`].
    pub(crate) fn charge_bytes(
        &self,
        place: usize,
        address: Address,
        kibibytes: u64,
        host: &dyn Host,
    ) -> std::result::Result<bool, Failure> {
        let counted = match place {
            0 => self.received.as_ref(),
            _ => self.sent.as_ref(),
        };
        let Some(counted) = counted else {
            return Ok(true);
        };
        let now = host.now().map_err(Failure::Host)?.as_nanos();
        let charged = Bucket::read(address, now, host)?.owe(counted, kibibytes, host)?;
        self.note(charged.lost, host);
        Ok(charged.found.decision.standing.remaining > 0)
    }

    /// The most KiB a source has in a window, of each direction.
    pub(crate) fn byte_quotas(&self) -> [Option<u64>; 2] {
        [&self.received, &self.sent].map(|counted| match counted.as_ref()?.algorithm {
            Algorithm::Window(window) => Some(window.count()),
            _ => None,
        })
    }

    /// Goes on counting what is held for long.
    pub(crate) fn renew(&self, host: &dyn Host) {
        for _ in self.permits.renew(host) {
            self.note(Lost::Entry, host);
        }
    }

    fn note(&self, lost: Lost, host: &dyn Host) {
        if lost == Lost::Entry {
            host.increment(self.evicted, 1);
        }
    }

    /// How often that is wanted.
    pub(crate) fn renewal_period(&self) -> Option<Duration> {
        let capacities = self
            .places
            .iter()
            .filter_map(|counted| match counted.algorithm {
                Algorithm::Concurrency(capacity) => Some(capacity),
                _ => None,
            });
        Permits::tick_period(capacities)
    }

    fn address(&self, counted: &Counted, source: Option<IpAddr>) -> Address {
        let mut hasher = counted.hasher;
        if let Some(prefixes) = counted.prefixes {
            match source.map(|source| prefixes.network(source)) {
                Some(IpAddr::V4(network)) => write_part(&mut hasher, &network.octets()),
                Some(IpAddr::V6(network)) => write_part(&mut hasher, &network.octets()),
                // All that have no address share a bucket.
                None => write_part(&mut hasher, b""),
            }
            return self.table.address(&hasher);
        }
        // There is one for all sources.
        self.table.address_apart(&hasher)
    }

    fn bucket(
        &self,
        counted: &Counted,
        source: Option<IpAddr>,
        now: u64,
        host: &dyn Host,
    ) -> std::result::Result<Bucket, Failure> {
        Bucket::read(self.address(counted, source), now, host)
    }

    fn take(
        &self,
        counted: &Counted,
        source: Option<IpAddr>,
        now: u64,
        host: &dyn Host,
    ) -> std::result::Result<Option<Held>, Refused> {
        let failed = |failure| Refused::Failed(counted.limit, failure);
        let mut bucket = self.bucket(counted, source, now, host).map_err(failed)?;
        let found = bucket.check(counted, 1, host).map_err(failed)?;
        let charged = bucket.charge(found, counted, 1, host).map_err(failed)?;
        self.note(charged.lost, host);
        let decision = charged.found.decision;
        if let Some(_retry) = decision.refused {
            trace!(
                ("limit {}", counted.limit.name()),
                (
                    "over{}",
                    match _retry {
                        gatehouse_limit_table::Retry::After(nanos) =>
                            format!(": room again in {} s", nanos.div_ceil(1_000_000_000)),
                        _ => String::new(),
                    }
                )
            );
            return Err(Refused::Over(counted.limit));
        }
        trace!(
            ("limit {}", counted.limit.name()),
            ("charged: {} left", decision.standing.remaining)
        );
        let Algorithm::Concurrency(capacity) = counted.algorithm else {
            return Ok(None);
        };
        Ok(decision.permit.map(|permit| Held {
            address: bucket.address(),
            capacity,
            permit,
            limit: 0,
        }))
    }
}
