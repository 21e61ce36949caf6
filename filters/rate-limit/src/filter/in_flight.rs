//! What requests hold of limits on what is in flight.

use super::Filter;
use crate::decision::Finding;
use crate::stats::Cause;
use crate::store::Bucket;
use gatehouse_host::Host;
use gatehouse_limit_config::Allowance;
use gatehouse_limit_table::{Held, Ticket};

impl Filter {
    /// Holds what a charge took until the request is over.
    pub(super) fn hold(
        &self,
        limit: usize,
        allowance: &Allowance,
        bucket: &Bucket,
        finding: &Finding<'_>,
    ) -> Option<Ticket> {
        let capacity = allowance.capacity()?;
        let Finding::Charged(found) = finding else {
            return None;
        };
        Some(self.permits.hold(Held {
            address: bucket.address_of(found.window),
            capacity,
            permit: found.decision.permit?,
            limit,
        }))
    }

    /// Gives back what a request holds.
    pub(super) fn release(&self, held: Vec<Ticket>, host: &dyn Host) {
        for ticket in held {
            let Some(held) = self.permits.take(ticket) else {
                continue;
            };
            if held.release(host).is_err()
                && let Some(in_force) = self.limits.get(held.limit)
            {
                in_force.stats.count_cause(Cause::NotReleased, host);
            }
        }
    }
}
