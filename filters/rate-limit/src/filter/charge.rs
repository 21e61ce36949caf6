//! Charges a request that no limit refuses, and has it ask for an answer that can be read where that is what it costs.

use super::{Filter, Findings, Pending};
use crate::cost::Debt;
use crate::decision::Finding;
use crate::store::host_failed;
use gatehouse_host::{Host, Request, Result};
use std::rc::Rc;

impl Filter {
    /// Charges what there is room for, and holds what is to be given back or paid later.
    pub(super) fn charge(
        &self,
        findings: &mut Findings<'_>,
        pending: &mut Pending,
        host: &dyn Host,
    ) {
        for (in_force, finding) in findings {
            let Finding::Room(allowance, bucket, cost, found) = finding else {
                continue;
            };
            let charged = in_force.charge(*found, allowance, bucket, *cost, host);
            let ticket = self.hold(in_force.place, allowance, bucket, &charged);
            pending.held.extend(ticket);
            if in_force.limit.cost.comes_later() && matches!(charged, Finding::Charged(_)) {
                pending.debts.push(Debt {
                    limit: in_force.place,
                    allowance: Rc::clone(allowance),
                    address: bucket.address(),
                    meter: None,
                });
            }
            *finding = charged;
            // Another worker took the last of it in the meantime.
            if finding.denies(&in_force.limit) {
                break;
            }
        }
    }
}

/// Has the upstream answer with what limits can be charged by. Where that cannot be asked for, they fail.
pub(super) fn make_readable(findings: &mut Findings<'_>, request: &mut Request<'_>) {
    let Err(error) = ask_for_readable(request) else {
        return;
    };
    for (in_force, finding) in findings {
        if in_force.reads_body() && matches!(finding, Finding::Charged(_)) {
            let failed = in_force.failed(host_failed(error), request.host());
            // One that lets the request through all the same is charged.
            if failed.denies(&in_force.limit) {
                *finding = failed;
            }
        }
    }
}

/// Has the upstream answer with a whole body that is not compressed.
fn ask_for_readable(request: &mut Request<'_>) -> Result<()> {
    let choices = ["accept-encoding", "accept-charset", "range", "if-range"];
    choices
        .into_iter()
        .try_for_each(|choice| request.remove(choice))
}
