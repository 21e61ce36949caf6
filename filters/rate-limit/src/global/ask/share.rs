//! Leases: charging them, and asking for shares before they have run out.

use super::super::calls::{Leased, Purpose};
use super::super::held::Held;
use super::super::outcome::Told;
use super::super::{Global, descriptor};
use super::{Asked, Findings, Question, look_at, standing};
use crate::decision::Finding;
use crate::filter::InForce;
use crate::store::{ATTEMPTS, Failure, host_failed};
use gatehouse_host::{Request, StreamId, Timestamp};
use gatehouse_lease::Taken;
use gatehouse_request_match::Subject;

/// Asks for shares of the quotas of which leases have not enough, or waits for those that are asked for.
pub(super) fn ask_for_shares(
    global: &Global,
    findings: &mut Findings<'_>,
    subject: &mut Subject,
    request: &mut Request<'_>,
    asked: &mut Asked,
) -> Option<Timestamp> {
    let mut until = None;
    for (in_force, finding) in findings.iter_mut() {
        let Finding::Open(question) = &*finding else {
            continue;
        };
        let Some(leased) = question.leased() else {
            continue;
        };
        if !in_force.is_enforced() || asked.joined.contains(&in_force.place) {
            continue;
        }
        let stream = request.stream();
        let waits = match global.calls.join(leased.address, stream) {
            Some(began) => Some(global.calls.deadline(began, global.service.timeout)),
            None => {
                let streams = vec![stream];
                ask_for_share(global, in_force, finding, streams, subject, request)
            }
        };
        if waits.is_some() {
            asked.joined.push(in_force.place);
            until = until.max(waits);
        }
    }
    until
}

/// Asks for a share, if nobody else does. What is found may be another thing then: another worker's share has
/// arrived.
pub(super) fn ask_for_share<'l>(
    global: &Global,
    in_force: &InForce,
    finding: &mut Finding<'l>,
    streams: Vec<StreamId>,
    subject: &mut Subject,
    request: &mut Request<'_>,
) -> Option<Timestamp> {
    let host = request.host();
    for _ in 0..ATTEMPTS {
        let Finding::Open(Question {
            allowance,
            cost,
            lease: Some(wanted),
            ..
        }) = finding
        else {
            return None;
        };
        let (units, marked) = wanted.share?;
        match wanted.held.store(&marked, host) {
            Ok(Some(lost)) => {
                in_force.count_lost(lost, host);
                let leased = wanted.leased;
                return send_for_share(global, in_force, leased, units, streams, subject, request);
            }
            Ok(None) => {
                let leased = wanted.leased;
                *finding = match Held::read(leased.address, wanted.held.now(), host) {
                    Ok(held) => look_at(allowance, *cost, held, leased),
                    Err(failure) => in_force.failed(failure, host),
                };
            }
            Err(failure) => {
                *finding = in_force.failed(failure, host);
                return None;
            }
        }
    }
    *finding = in_force.failed(Failure::Contended, host);
    None
}

/// Sends the call for a share that is marked as asked for.
fn send_for_share(
    global: &Global,
    in_force: &InForce,
    leased: Leased,
    units: u64,
    streams: Vec<StreamId>,
    subject: &mut Subject,
    request: &mut Request<'_>,
) -> Option<Timestamp> {
    let host = request.host();
    let purpose = Purpose::Share {
        limit: in_force.place,
        leased,
        units,
        streams,
    };
    let sent = descriptor::of(&in_force.limit, units, subject, request)
        .and_then(|descriptor| Ok((descriptor, request.now()?)))
        .map_err(|error| {
            in_force.failed(host_failed(error), host);
        })
        .and_then(|(descriptor, now)| global.call(vec![descriptor], now, purpose, host));
    if sent.is_err() {
        in_force.update(leased, host, &|lease, _| lease.unanswered());
    }
    sent.ok()
}

/// Charges leases. Says whether one has not enough any more, and is to be asked about.
pub(super) fn charge_leases(
    global: &Global,
    findings: &mut Findings<'_>,
    subject: &mut Subject,
    request: &mut Request<'_>,
    asked: &mut Asked,
) -> bool {
    let mut is_open = false;
    for (in_force, finding) in findings.iter_mut() {
        if !in_force.is_enforced() || !matches!(finding, Finding::Lent(_)) {
            continue;
        }
        charge_lease(global, in_force, finding, subject, request);
        match finding {
            Finding::Used(_, standing, None) => {
                asked.told.push((in_force.place, Told::Leased(*standing)));
            }
            Finding::Open(_) => {
                // No waiting for one more share.
                asked.joined.push(in_force.place);
                is_open = true;
            }
            _ => {}
        }
        // Another worker took the last of it in the meantime.
        if finding.denies(&in_force.limit) {
            return false;
        }
    }
    is_open
}

/// Charges one lease, and asks for the next share ahead of need.
pub(super) fn charge_lease<'l>(
    global: &Global,
    in_force: &InForce,
    finding: &mut Finding<'l>,
    subject: &mut Subject,
    request: &mut Request<'_>,
) {
    let host = request.host();
    for _ in 0..ATTEMPTS {
        let Finding::Lent(lent) = finding else {
            return;
        };
        let (now, leased) = (lent.held.now(), lent.leased);
        let Taken::Served { lease, ask } = lent.held.lease().take(&leased.terms, now, lent.cost)
        else {
            return;
        };
        // Nothing changes for a cost of nothing.
        let stored = match lent.cost {
            0 => Ok(Some(gatehouse_lease::Lost::Nothing)),
            _ => lent.held.store(&lease, host),
        };
        *finding = match stored {
            Ok(Some(lost)) => {
                in_force.count_lost(lost, host);
                in_force.count_cost(lent.cost, host);
                if let Some(stats) = &in_force.global {
                    host.increment(stats.leased, 1);
                }
                let found = Finding::Used(lent.allowance, standing(&lease, &leased, now), None);
                if let Some(units) = ask {
                    send_for_share(
                        global,
                        in_force,
                        leased,
                        units,
                        Vec::new(),
                        subject,
                        request,
                    );
                }
                *finding = found;
                return;
            }
            Ok(None) => match Held::read(leased.address, now, host) {
                Ok(held) => look_at(lent.allowance, lent.cost, held, leased),
                Err(failure) => in_force.failed(failure, host),
            },
            Err(failure) => in_force.failed(failure, host),
        };
    }
    *finding = in_force.failed(Failure::Contended, host);
}
