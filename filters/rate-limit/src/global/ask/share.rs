//! Leases: charging them, and asking for shares before they have run out.

use super::super::calls::{Leased, Purpose};
use super::super::held::Held;
use super::super::outcome::Told;
use super::super::{Global, descriptor};
use super::{Asked, Question, standing};
use crate::decision::Finding;
use crate::filter::{Findings, InForce};
use crate::store::{ATTEMPTS, Failure, host_failed};
use gatehouse_host::{Request, StreamId, Timestamp};
use gatehouse_lease::{Ask, Lost, Taken, Turn};
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
        let Some(wanted) = &question.lease else {
            continue;
        };
        let (leased, now) = (wanted.leased, wanted.held.now());
        let timeout = global.service.timeout;
        // A clock that was set back ends it too.
        let waited = now.checked_sub(*asked.since.get_or_insert(now));
        let has_waited = waited.is_none_or(|waited| u128::from(waited) >= timeout.as_nanos());
        if !in_force.is_enforced() || wanted.share.is_none() || has_waited {
            continue;
        }
        let stream = request.stream();
        let waits = match global.calls.join(leased.address, stream, question.cost) {
            Some(began) => Some(global.calls.deadline(began, timeout)),
            None => {
                let stream = Some(stream);
                ask_for_share(global, in_force, finding, stream, subject, request)
            }
        };
        until = until.max(waits);
    }
    until
}

/// Asks for a share, if nobody else does. What is found may be another thing then: another worker's share has
/// arrived.
pub(super) fn ask_for_share<'l>(
    global: &Global,
    in_force: &InForce,
    finding: &mut Finding<'l>,
    stream: Option<StreamId>,
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
        let (ask, marked) = wanted.share?;
        let stored = match (ask.turn, stream) {
            // Nothing is marked.
            (Turn::Further, Some(_)) => Ok(Some(Lost::Nothing)),
            // Nobody waits: there is no need of more than a share.
            (Turn::Second | Turn::Further, None) => return None,
            _ => wanted.held.store(&marked, host),
        };
        match stored {
            Ok(Some(lost)) => {
                in_force.count_lost(lost, host);
                let leased = wanted.leased;
                let waits = stream.map(|stream| (stream, *cost));
                return send_for_share(global, in_force, leased, ask, waits, subject, request);
            }
            Ok(None) => {
                let leased = wanted.leased;
                *finding = match Held::read(leased.address, wanted.held.now(), host) {
                    Ok(held) => global.look_at(allowance, *cost, held, leased),
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
    ask: Ask,
    waits: Option<(StreamId, u64)>,
    subject: &mut Subject,
    request: &mut Request<'_>,
) -> Option<Timestamp> {
    let host = request.host();
    let purpose = Purpose::Share {
        limit: in_force.place,
        leased,
        ask,
        streams: waits.iter().map(|(stream, _)| *stream).collect(),
        costs: waits.map_or(0, |(_, cost)| cost),
    };
    let sent = descriptor::of(&in_force.limit, ask.units, subject, request)
        .and_then(|descriptor| Ok((descriptor, request.now()?)))
        .map_err(|error| {
            in_force.failed(host_failed(error), host);
        })
        .and_then(|(descriptor, now)| global.call(vec![descriptor], now, purpose, host));
    if sent.is_err() {
        in_force.update(leased, host, &|lease, _| lease.ended(ask));
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
            Finding::Open(_) => is_open = true,
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
        let waiting = global.calls.waiting_for(leased.address);
        let taken = lent
            .held
            .lease()
            .take(&leased.terms, now, lent.cost, waiting);
        let Taken::Served { lease, ask } = taken else {
            return;
        };
        // Nothing changes for a cost of nothing.
        let stored = match lent.cost {
            0 => Ok(Some(Lost::Nothing)),
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
                if let Some(ask) = ask {
                    send_for_share(global, in_force, leased, ask, None, subject, request);
                }
                *finding = found;
                return;
            }
            Ok(None) => match Held::read(leased.address, now, host) {
                Ok(held) => global.look_at(lent.allowance, lent.cost, held, leased),
                Err(failure) => in_force.failed(failure, host),
            },
            Err(failure) => in_force.failed(failure, host),
        };
    }
    *finding = in_force.failed(Failure::Contended, host);
}
