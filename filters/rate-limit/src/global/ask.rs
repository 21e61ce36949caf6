//! What a request asks, and waits for.

use super::calls::{Item, Leased, Purpose};
use super::held::Held;
use super::outcome::Told;
use super::{Global, descriptor};
use crate::algorithm::{Retry, Standing};
use crate::config::{Allowance, OnServiceError};
use crate::decision::Finding;
use crate::filter::InForce;
use crate::store::{ATTEMPTS, Address, Bucket, Failure, host_failed};
use gatehouse_host::{Host, Request, Timestamp};
use gatehouse_lease::{Lease, Taken};
use gatehouse_request_match::Subject;
use std::rc::Rc;

/// What a request knows by now, over its waits.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// By the places of limits in the configuration.
    told: Vec<(usize, Told)>,
    /// The limits for which it has waited for a share.
    joined: Vec<usize>,
    /// For so long it waits at most, where it does.
    until: Option<Timestamp>,
}

/// What the service is to be asked.
pub(crate) struct Question<'l> {
    pub(crate) allowance: &'l Rc<Allowance>,
    pub(crate) cost: u64,
    address: Address,
    lease: Option<Wanted>,
}

/// A lease that has not enough.
struct Wanted {
    held: Held,
    leased: Leased,
    /// So much is to be asked for, with the mark that it is.
    share: Option<(u64, Lease)>,
}

/// A lease that has enough, before it is charged.
pub(crate) struct Lent<'l> {
    pub(crate) allowance: &'l Rc<Allowance>,
    cost: u64,
    held: Held,
    leased: Leased,
}

type Findings<'l> = [(&'l InForce, Finding<'l>)];

impl Asked {
    /// What is known of a limit.
    pub(crate) fn of(&self, place: usize) -> Option<Told> {
        let mut told = self.told.iter();
        told.find(|(limit, _)| *limit == place)
            .map(|(_, told)| *told)
    }

    fn learn(&mut self, in_force: &InForce, told: Told, host: &dyn Host) {
        if told == Told::Failed {
            in_force.count_service_failed(host);
        }
        self.told.push((in_force.place, told));
    }
}

impl Lent<'_> {
    /// What is left, going by what was read.
    pub(crate) fn standing(&self) -> Standing {
        standing(&self.held.lease(), &self.leased, self.held.now())
    }
}

fn standing(lease: &Lease, leased: &Leased, now: u64) -> Standing {
    Standing {
        remaining: lease.remaining(&leased.terms, now),
        more_in_ns: Some(lease.reset_ns(&leased.terms, now)),
    }
}

impl Global {
    /// Takes what came of the calls that a request waited for. Says until when it waits, if it still does:
    /// then somebody else woke it.
    pub(crate) fn learn(
        &self,
        limits: &[InForce],
        request: &Request<'_>,
        asked: &mut Asked,
    ) -> Option<Timestamp> {
        let until = asked.until?;
        if self.calls.is_waiting(request.stream()) && !request.wait_is_over() {
            return Some(until);
        }
        asked.until = None;
        for (limit, told) in self.calls.landed(request.stream()) {
            if let Some(in_force) = limits.get(limit) {
                asked.learn(in_force, told, request.host());
            }
        }
        None
    }

    /// What is found out of a limit that nothing is known of yet. Asks nobody.
    pub(crate) fn look<'l>(
        &self,
        allowance: &'l Rc<Allowance>,
        cost: u64,
        address: Address,
        now: u64,
        host: &dyn Host,
    ) -> Result<Finding<'l>, Failure> {
        let Some(terms) = self.terms(allowance) else {
            return Ok(Finding::Open(Question {
                allowance,
                cost,
                address,
                lease: None,
            }));
        };
        let held = Held::read(address, now, host)?;
        Ok(look_at(allowance, cost, held, Leased { address, terms }))
    }
}

/// What a lease says of a request, going by what was read.
fn look_at<'l>(allowance: &'l Rc<Allowance>, cost: u64, held: Held, leased: Leased) -> Finding<'l> {
    let lease = held.lease();
    let share = match lease.take(&leased.terms, held.now(), cost) {
        Taken::Served { .. } => {
            return Finding::Lent(Lent {
                allowance,
                cost,
                held,
                leased,
            });
        }
        Taken::Over { retry_after_ns } => {
            let standing = standing(&lease, &leased, held.now());
            return Finding::Used(allowance, standing, Some(Retry::After(retry_after_ns)));
        }
        Taken::Short { ask, lease } => Some((ask, lease)),
        Taken::Alone { .. } => None,
    };
    Finding::Open(Question {
        allowance,
        cost,
        address: leased.address,
        lease: Some(Wanted {
            held,
            leased,
            share,
        }),
    })
}

impl Global {
    /// Asks what has to be asked, and charges leases. Says until when the request waits, if it does.
    #[inline(never)]
    pub(crate) fn ask(
        &self,
        findings: &mut Findings<'_>,
        subject: &mut Subject,
        request: &mut Request<'_>,
        asked: &mut Asked,
    ) -> Option<Timestamp> {
        if request.wait_is_over() {
            self.calls.give_up(request.stream());
        }
        // Once for what is open, and once more for each lease that others were faster with.
        for _ in 0..=findings.len() {
            if request.wait_is_over() {
                fail(self, findings, asked, request);
            } else {
                let until = ask_for_shares(self, findings, subject, request, asked);
                let until = until.or_else(|| ask_alone(self, findings, subject, request, asked));
                if until.is_some() {
                    asked.until = until;
                    return until;
                }
            }
            if denies(findings) {
                return None;
            }
            if !charge_leases(self, findings, subject, request, asked) {
                if !denies(findings) {
                    report(self, findings, subject, request);
                }
                return None;
            }
        }
        // Not reached: each lease is open once.
        fail(self, findings, asked, request);
        None
    }
}

fn denies(findings: &Findings<'_>) -> bool {
    let mut findings = findings.iter();
    findings.any(|(in_force, finding)| finding.denies(&in_force.limit))
}

/// Nothing more can be waited for.
fn fail<'l>(
    global: &Global,
    findings: &mut Findings<'l>,
    asked: &mut Asked,
    request: &Request<'_>,
) {
    for (in_force, finding) in findings.iter_mut() {
        if let Finding::Open(question) = finding
            && in_force.is_enforced()
        {
            asked.learn(in_force, Told::Failed, request.host());
            let (allowance, cost, address) = question.parts();
            *finding = unanswered(global, in_force, (allowance, cost, address), request);
        }
    }
}

impl<'l> Question<'l> {
    fn parts(&self) -> (&'l Rc<Allowance>, u64, Address) {
        (self.allowance, self.cost, self.address)
    }

    fn leased(&self) -> Option<Leased> {
        self.lease.as_ref().map(|wanted| wanted.leased)
    }
}

/// What a limit finds that the service said nothing of.
fn unanswered<'l>(
    global: &Global,
    in_force: &InForce,
    (allowance, cost, address): (&'l Rc<Allowance>, u64, Address),
    request: &Request<'_>,
) -> Finding<'l> {
    let host = request.host();
    match global.on_error() {
        OnServiceError::Deny => Finding::Unanswered { refuses: true },
        OnServiceError::Allow => Finding::Unanswered { refuses: false },
        OnServiceError::Local => {
            let found = host.now().map_err(host_failed).and_then(|now| {
                let mut bucket = Bucket::read(address, now.as_nanos(), host)?;
                let found = bucket.check(allowance, cost, host)?;
                Ok((bucket, found))
            });
            match found {
                Ok((bucket, found)) if found.decision.refused.is_none() => {
                    Finding::Room(allowance, bucket, cost, found)
                }
                Ok((_, found)) => Finding::of(found),
                Err(failure) => in_force.failed(failure, host),
            }
        }
    }
}

/// Asks for shares of the quotas of which leases have not enough, or waits for those that are asked for.
fn ask_for_shares(
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
fn ask_for_share<'l>(
    global: &Global,
    in_force: &InForce,
    finding: &mut Finding<'l>,
    streams: Vec<gatehouse_host::StreamId>,
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
    streams: Vec<gatehouse_host::StreamId>,
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

/// Asks for what the request costs, of all limits in force that are still open.
fn ask_alone(
    global: &Global,
    findings: &mut Findings<'_>,
    subject: &mut Subject,
    request: &mut Request<'_>,
    asked: &mut Asked,
) -> Option<Timestamp> {
    let host = request.host();
    let (mut items, mut descriptors) = (Vec::new(), Vec::new());
    for (in_force, finding) in findings.iter_mut() {
        let Finding::Open(question) = &*finding else {
            continue;
        };
        if !in_force.is_enforced() {
            continue;
        }
        match descriptor::of(&in_force.limit, question.cost, subject, request) {
            Ok(descriptor) => {
                descriptors.push(descriptor);
                items.push(Item {
                    limit: in_force.place,
                    cost: question.cost,
                    leased: question.leased(),
                });
            }
            Err(error) => *finding = in_force.failed(host_failed(error), host),
        }
    }
    if items.is_empty() {
        return None;
    }
    let purpose = Purpose::Own {
        stream: Some(request.stream()),
        items,
    };
    let sent = request
        .now()
        .map_err(|_| ())
        .and_then(|now| global.call(descriptors, now, purpose, host));
    if sent.is_err() {
        fail(global, findings, asked, request);
    }
    sent.ok()
}

/// Charges leases. Says whether one has not enough any more, and is to be asked about.
fn charge_leases(
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
fn charge_lease<'l>(
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

/// Asks for limits in report mode, and waits for nothing.
fn report(
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
        ask_for_share(global, in_force, finding, Vec::new(), subject, request);
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

impl Told {
    /// What is found of a limit that was asked about; nothing where it is to be decided on in this Envoy.
    pub(crate) fn finding<'l>(self, in_force: &'l InForce, global: &Global) -> Option<Finding<'l>> {
        let allowance = &in_force.limit.allowance;
        Some(match self {
            Self::Admitted(stated) => {
                let shown = stated.map(|stated| stated.shown(&in_force.limit.name));
                Finding::Told(allowance, shown, None)
            }
            Self::Over(stated, reset_ns) => {
                let retry = reset_ns.map_or(Retry::Never, Retry::After);
                let shown = stated.map(|stated| stated.shown(&in_force.limit.name));
                Finding::Told(allowance, shown, Some(retry))
            }
            Self::Leased(standing) => Finding::Used(allowance, standing, None),
            Self::Failed => match global.on_error() {
                OnServiceError::Deny => Finding::Unanswered { refuses: true },
                OnServiceError::Allow => Finding::Unanswered { refuses: false },
                OnServiceError::Local => return None,
            },
        })
    }
}
