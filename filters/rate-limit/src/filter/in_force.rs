//! A limit at work.

use crate::cost::CostStats;
use crate::decision::Finding;
use crate::global::GlobalStats;
use crate::stats::{Cause, Stats};
use crate::store::{Address, Bucket, Failure, Found, Table};
use gatehouse_host::{Host, Level};
use gatehouse_limit_config::{Allowance, Limit, Mode, Part, Source};
use gatehouse_limit_slot::Lost;
use siphasher::sip128::SipHasher13;
use std::cell::Cell;

/// A limit with what belongs to it in this VM.
pub(crate) struct InForce {
    pub(crate) limit: Limit,
    /// In the configuration.
    pub(crate) place: usize,
    /// With the seed, the name and the shape of the key written.
    pub(super) hasher: SipHasher13,
    pub(crate) stats: Stats,
    /// Where not all requests cost the same.
    pub(super) cost_stats: Option<CostStats>,
    /// Where there is a service.
    pub(crate) global: Option<GlobalStats>,
    /// Whether the log says that it could not be decided on. Once: a counter says how often.
    pub(super) failure_is_logged: Cell<bool>,
}

impl InForce {
    /// Where the bucket is of a key of this limit. Clients make up keys, and with enough of them drive others out; what
    /// all of them go by stays.
    pub(super) fn address(&self, table: &Table, hasher: &SipHasher13) -> Address {
        let is_named = |part: &Part| matches!(part, Part::Const(_) | Part::Route);
        match self.limit.key.iter().all(is_named) {
            true => table.address_apart(hasher),
            false => table.address(hasher),
        }
    }

    /// Whether it is charged by the body of the response, and for that changes what is asked for.
    pub(super) fn reads_body(&self) -> bool {
        let limit = &self.limit;
        limit.mode == Mode::Enforce && matches!(limit.cost.source, Source::ResponseJson(_))
    }

    /// Charges what there is room for.
    pub(super) fn charge<'l>(
        &self,
        found: Found<'l>,
        allowance: &'l Allowance,
        bucket: &mut Bucket,
        cost: u64,
        host: &dyn Host,
    ) -> Finding<'l> {
        match bucket.charge(found, allowance, cost, host) {
            Ok(charged) => {
                if charged.lost == Lost::Entry {
                    self.stats.count_cause(Cause::Evicted, host);
                }
                if charged.found.decision.refused.is_none() {
                    self.count_cost(cost, host);
                }
                Finding::of(charged.found)
            }
            Err(failure) => self.failed(failure.into(), host),
        }
    }

    /// Counts what was charged, where not all requests cost the same.
    pub(crate) fn count_cost(&self, cost: u64, host: &dyn Host) {
        if let Some(stats) = &self.cost_stats {
            stats.count_cost(cost, host);
        }
    }

    /// Counts that the limit could not be decided on, and logs it once.
    pub(crate) fn failed<'l>(&self, failure: Failure, host: &dyn Host) -> Finding<'l> {
        self.stats.count_cause(failure.cause(), host);
        if !self.failure_is_logged.replace(true) {
            let name = &self.limit.name;
            let message = match failure {
                Failure::Contended => format!("limit \"{name}\": the store is contended"),
                Failure::Host(_, error) => format!("limit \"{name}\": {error}"),
            };
            host.log(Level::Error, &message);
        }
        Finding::Failed(failure)
    }
}
