//! What requests still have to pay, once their responses say what they cost (`cost.rs`).

use super::{Filter, InForce, Pending};
use crate::cost::{self, Debt, Reading};
use crate::stats::Cause;
use crate::store::{Bucket, Failure, host_failed};
use gatehouse_host::{Host, Response, ResponseChunk, Result};

use gatehouse_limit_slot::Lost;

/// So much of a body is in this VM's memory at once.
const PIECE: usize = 16 * 1024;

impl Filter {
    /// Whether a limit in force is charged by the body of the response.
    pub(super) fn reads_body(&self, pending: &Pending) -> bool {
        let mut limits = pending.debts.iter().map(|debt| self.limits.get(debt.limit));
        limits.any(|in_force| in_force.is_some_and(InForce::reads_body))
    }

    /// Settles what the headers of a response say, and looks where the rest will stand.
    pub(super) fn note_response(
        &self,
        response: &mut Response<'_>,
        pending: &mut Pending,
    ) -> Result<()> {
        if pending.debts.is_empty() {
            return Ok(());
        }
        let (host, has_body) = (response.host(), response.has_body());
        let headers = response.headers()?;
        for mut debt in std::mem::take(&mut pending.debts) {
            let Some(in_force) = self.limits.get(debt.limit) else {
                continue;
            };
            match cost::on_response(&in_force.limit.cost, headers, has_body) {
                Ok(meter) => {
                    debt.meter = Some(meter);
                    pending.debts.push(debt);
                }
                Err(reading) => self.settle(&debt, reading, host),
            }
        }
        Ok(())
    }

    /// Reads a piece of a body, and settles what it says.
    pub(super) fn note_chunk(&self, chunk: &ResponseChunk<'_>, pending: &mut Pending) {
        let host = chunk.host();
        let mut start = 0;
        while start < chunk.len() && !pending.debts.is_empty() {
            let bytes = match chunk.bytes(start, PIECE) {
                Ok(bytes) if !bytes.is_empty() => bytes,
                Ok(_) => break,
                Err(error) => {
                    // What was read before it is no longer the beginning of what comes after it.
                    for debt in pending.debts.drain(..) {
                        if let Some(in_force) = self.limits.get(debt.limit) {
                            in_force.failed(Failure::Host(Cause::HostFailed, error), host);
                        }
                        self.settle(&debt, Reading::Malformed, host);
                    }
                    return;
                }
            };
            start = start.saturating_add(bytes.len());
            for debt in &mut pending.debts {
                if let Some(meter) = &mut debt.meter {
                    meter.read(&bytes);
                }
            }
            self.settle_those(pending, host, &|debt| {
                debt.meter.as_ref().is_some_and(|meter| meter.is_over())
            });
        }
        if chunk.is_last() {
            self.settle_all(pending, host);
        }
    }

    /// Settles what is left when a stream is over, by what is known.
    pub(super) fn settle_all(&self, pending: &mut Pending, host: &dyn Host) {
        self.settle_those(pending, host, &|_| true);
    }

    fn settle_those(&self, pending: &mut Pending, host: &dyn Host, is_due: &dyn Fn(&Debt) -> bool) {
        while let Some(place) = pending.debts.iter().position(is_due) {
            let mut debt = pending.debts.swap_remove(place);
            let meter = debt.meter.as_mut();
            let reading = meter.map_or(Reading::Absent, |meter| meter.end());
            self.settle(&debt, reading, host);
        }
    }

    /// Charges what a request costs beyond what it has paid up front.
    fn settle(&self, debt: &Debt, reading: Reading, host: &dyn Host) {
        let Some(in_force) = self.limits.get(debt.limit) else {
            return;
        };
        let bill = cost::bill(&in_force.limit.cost, reading);
        if let (Some(stats), Some(doubt)) = (&in_force.cost_stats, bill.doubt) {
            stats.count_doubt(doubt, host);
        }
        let rest = bill.cost.saturating_sub(1);
        if rest == 0 {
            return;
        }
        // Of now: the request may have come hours ago.
        let owed = host.now().map_err(host_failed).and_then(|now| {
            let mut bucket = Bucket::read(debt.address, now.as_nanos(), host)?;
            let charged = bucket.owe(&*debt.allowance, rest, host)?;
            Ok(charged.lost)
        });
        match owed {
            Ok(lost) => {
                if lost == Lost::Entry {
                    in_force.stats.count_cause(Cause::Evicted, host);
                }
                in_force.count_cost(rest, host);
            }
            Err(failure) => {
                in_force.failed(failure, host);
            }
        }
    }
}
