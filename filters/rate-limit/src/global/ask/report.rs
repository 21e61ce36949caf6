//! Limits in report mode: asked about, and waited for by nobody.

use super::super::calls::{Item, Purpose};
use super::super::{Global, descriptor};
use super::share::{ask_for_share, charge_lease};
use super::unanswered;
use crate::decision::Finding;
use crate::filter::Findings;
use crate::store::host_failed;
use gatehouse_host::Request;
use gatehouse_request_match::Subject;

/// Asks for limits in report mode, and waits for nothing.
pub(super) fn report(
    global: &Global,
    findings: &mut Findings<'_>,
    subject: &mut Subject,
    request: &mut Request<'_>,
) {
    let host = request.host();
    for (in_force, finding) in findings.iter_mut() {
        if in_force.is_enforced() {
            continue;
        }
        charge_lease(global, in_force, finding, subject, request);
        ask_for_share(global, in_force, finding, None, subject, request);
        // Another worker's share may have arrived just now: then it is charged after all.
        charge_lease(global, in_force, finding, subject, request);
        let Finding::Open(question) = &*finding else {
            continue;
        };
        let parts = question.parts();
        let item = Item {
            limit: in_force.place,
            cost: question.cost,
            leased: question.leased(),
        };
        let purpose = Purpose::Own {
            stream: None,
            items: vec![item],
        };
        let descriptor = descriptor::of(&in_force.limit, question.cost, subject, request);
        let sent = descriptor.and_then(|descriptor| Ok((descriptor, request.now()?)));
        *finding = match sent {
            Err(error) => in_force.failed(host_failed(error), host),
            Ok((descriptor, now)) => match global.call(vec![descriptor], now, purpose, host) {
                Ok(_) => Finding::Later,
                Err(()) => {
                    in_force.count_service_failed(host);
                    unanswered(global, in_force, parts, request)
                }
            },
        };
    }
}
