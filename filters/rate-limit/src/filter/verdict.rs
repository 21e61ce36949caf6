//! What becomes of a request by all that its limits found out, and what its response says of them.

use super::{Filter, InForce, Pending};
use crate::decision::{Finding, Refusal};
use crate::fields::Fields;
use gatehouse_host::{Host, Verdict};
use gatehouse_limit_config::{Mode, ResponseHeaders};
use gatehouse_trace::trace;

/// The limits that apply to a request, in their order, with what each found out.
pub(crate) type Findings<'l> = [(&'l InForce, Finding<'l>)];

/// Whether one of them refuses it.
pub(crate) fn denies(findings: &Findings<'_>) -> bool {
    let mut findings = findings.iter();
    findings.any(|(in_force, finding)| finding.denies(&in_force.limit))
}

impl Filter {
    /// Counts what becomes of the request by each limit. A refusal gives back what the request holds.
    pub(super) fn verdict(
        &self,
        findings: &Findings<'_>,
        pending: &mut Pending,
        host: &dyn Host,
    ) -> Verdict {
        for (_in_force, _finding) in findings {
            trace!(("limit {}", _in_force.limit.name), ("{_finding}"));
        }
        let fields = self.fields(findings);
        // The first of those that weigh the same.
        let refusing =
            |(in_force, finding): &&(&InForce, Finding<'_>)| finding.denies(&in_force.limit);
        let gravest = findings.iter().rev().filter(refusing);
        let refusal = gravest
            .max_by_key(|(_, finding)| finding.gravity())
            .and_then(|(in_force, finding)| Refusal::of(finding, &in_force.limit));
        for (in_force, finding) in findings {
            if let Some(fate) = finding.fate(&in_force.limit, refusal.is_some()) {
                in_force.stats.count_fate(fate, host);
            }
        }
        let Some(refusal) = refusal else {
            pending.fields = fields;
            return Verdict::Continue;
        };
        self.release(std::mem::take(&mut pending.held), host);
        pending.debts.clear();
        let denial = refusal.denial(fields.as_ref());
        Verdict::Deny(self.denial.reply(denial))
    }

    /// What the response says of the limits in force.
    fn fields(&self, findings: &Findings<'_>) -> Option<Fields> {
        let mut fields = None;
        if self.response_headers == ResponseHeaders::None {
            return fields;
        }
        for (in_force, finding) in findings {
            let limit = &in_force.limit;
            if limit.mode == Mode::Enforce
                && let Some(found) = finding.standing()
            {
                fields = Fields::add(fields, self.response_headers, &limit.name, &found);
            }
        }
        fields
    }
}
