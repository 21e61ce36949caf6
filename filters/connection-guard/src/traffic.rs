//! The bytes of a connection, counted as they pass.
//!
//! They are added up here, without a host call and without looking at one of them. What a source may have in a
//! window is charged in batches, and the rest when the connection ends: a 64th of the window at a time, from 16 KiB to
//! 1 MiB. So a source may have a batch more than its limit for each connection that it has at once.

use crate::limiter::{Limit, Limiter};
use gatehouse_host::{Host, Side};
use gatehouse_limit_table::{Address, Failure};
use std::net::IpAddr;

const BATCHES: u64 = 64;
const LEAST_BATCH: u64 = 16 << 10;
const MOST_BATCH: u64 = 1 << 20;
const KIB: u64 = 1024;

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Traffic {
    received: Meter,
    sent: Meter,
}

/// One direction.
#[derive(Debug, Default)]
struct Meter {
    passed: u64,
    /// Nothing for no limit.
    most: Option<u64>,
    /// Where the source's are counted, and how many are charged at a time.
    source: Option<(Address, u64)>,
    uncharged: u64,
}

/// What came of counting.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// It may go on.
    Fine,
    Over(Limit),
    Failed(Limit, Failure),
}

impl Traffic {
    /// Nothing has passed yet. `most` is what may, from the client and to it.
    pub(crate) fn new(
        most: [Option<u64>; 2],
        source: Option<IpAddr>,
        limiter: Option<&Limiter>,
    ) -> Self {
        let (addresses, quotas) = match limiter {
            Some(limiter) => (limiter.byte_addresses(source), limiter.byte_quotas()),
            None => ([None; 2], [None; 2]),
        };
        let meter = |most: Option<u64>, address: Option<Address>, quota: Option<u64>| Meter {
            most,
            source: address.zip(quota).map(|(address, quota)| {
                let batch = quota.saturating_mul(KIB) / BATCHES;
                (address, batch.clamp(LEAST_BATCH, MOST_BATCH))
            }),
            ..Meter::default()
        };
        let ([received, sent], [from, to], [quota_from, quota_to]) = (most, addresses, quotas);
        Self {
            received: meter(received, from, quota_from),
            sent: meter(sent, to, quota_to),
        }
    }

    /// Counts what passes.
    pub(crate) fn count(
        &mut self,
        side: Side,
        bytes: usize,
        limiter: Option<&Limiter>,
        host: &dyn Host,
    ) -> Counted {
        let (meter, place, own, shared) = match side {
            Side::Downstream => (
                &mut self.received,
                0,
                Limit::Received,
                Limit::ReceivedPerSource,
            ),
            Side::Upstream => (&mut self.sent, 1, Limit::Sent, Limit::SentPerSource),
        };
        let bytes = bytes as u64;
        meter.passed = meter.passed.saturating_add(bytes);
        meter.uncharged = meter.uncharged.saturating_add(bytes);
        if meter.most.is_some_and(|most| meter.passed > most) {
            return Counted::Over(own);
        }
        let Some((address, batch)) = meter.source else {
            return Counted::Fine;
        };
        if meter.uncharged < batch {
            return Counted::Fine;
        }
        let kibibytes = meter.uncharged / KIB;
        meter.uncharged %= KIB;
        match limiter.map(|limiter| limiter.charge_bytes(place, address, kibibytes, host)) {
            None | Some(Ok(true)) => Counted::Fine,
            Some(Ok(false)) => Counted::Over(shared),
            Some(Err(failure)) => Counted::Failed(shared, failure),
        }
    }

    /// Charges what was not: a connection that had any pays 1 KiB at least.
    ///
    /// # Errors
    /// The limits that could not be charged.
    pub(crate) fn settle(self, limiter: &Limiter, host: &dyn Host) -> Vec<Limit> {
        let directions = [
            (self.received, Limit::ReceivedPerSource),
            (self.sent, Limit::SentPerSource),
        ];
        let mut failed = Vec::new();
        for (place, (meter, limit)) in directions.into_iter().enumerate() {
            let kibibytes = meter.uncharged.div_ceil(KIB);
            if let (Some((address, _)), 1..) = (meter.source, kibibytes)
                && limiter
                    .charge_bytes(place, address, kibibytes, host)
                    .is_err()
            {
                failed.push(limit);
            }
        }
        failed
    }
}
