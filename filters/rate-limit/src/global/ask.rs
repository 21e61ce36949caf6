//! What a request asks, and waits for.

mod report;
mod share;

use super::calls::{Item, Leased, Purpose};
use super::held::Held;
use super::outcome::Told;
use super::{Global, descriptor};
use crate::decision::Finding;
use crate::filter::{Findings, InForce, denies};
use crate::store::{ATTEMPTS, Address, Bucket, Failure, host_failed};
use gatehouse_host::{Host, Request, Timestamp};
use gatehouse_lease::{Ask, Lease, Taken};
use gatehouse_limit_config::{Allowance, OnServiceError};
use gatehouse_limit_table::{Retry, Standing};
use gatehouse_request_match::Subject;
use report::report;
use share::{ask_for_shares, charge_leases};
use std::rc::Rc;

/// What a request knows by now, over its waits.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// By the places of limits in the configuration.
    told: Vec<(usize, Told)>,
    /// Whether limits apply that can be about the request, in the order of the configuration. Found out before it
    /// waits: Envoy evaluates expressions (`when`) about a request only in the callbacks of its own stream, not in
    /// those of a call.
    applies: Vec<(usize, Result<bool, Failure>)>,
    /// When it began to wait for shares.
    since: Option<u64>,
    /// For so long it waits at most, where it does.
    until: Option<Timestamp>,
    has_waited: bool,
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
    /// What is to be asked for, with the mark that it is; nothing where a share would not be enough.
    share: Option<(Ask, Lease)>,
}

/// A lease that has enough, before it is charged.
pub(crate) struct Lent<'l> {
    pub(crate) allowance: &'l Rc<Allowance>,
    cost: u64,
    held: Held,
    leased: Leased,
}

impl Asked {
    /// What is known of a limit.
    pub(crate) fn of(&self, place: usize) -> Option<Told> {
        let mut told = self.told.iter();
        told.find(|(limit, _)| *limit == place)
            .map(|(_, told)| *told)
    }

    /// Whether a limit applies, if that is known.
    pub(crate) fn applies(&self, in_force: &InForce) -> Option<Result<bool, Failure>> {
        let place = |(place, _): &(usize, _)| *place;
        let at = self.applies.binary_search_by_key(&in_force.place, place);
        self.applies.get(at.ok()?).map(|(_, applies)| *applies)
    }

    /// Notes whether the next limit applies.
    pub(crate) fn note_applies(&mut self, in_force: &InForce, applies: Result<bool, Failure>) {
        self.applies.push((in_force.place, applies));
    }

    /// Whether the request has not waited yet.
    pub(crate) fn is_new(&self) -> bool {
        !self.has_waited
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
        Ok(self.look_at(allowance, cost, held, Leased { address, terms }))
    }

    /// What a lease says of a request, going by what was read.
    fn look_at<'l>(
        &self,
        allowance: &'l Rc<Allowance>,
        cost: u64,
        held: Held,
        leased: Leased,
    ) -> Finding<'l> {
        let lease = held.lease();
        let waiting = self.calls.waiting_for(leased.address).saturating_sub(cost);
        let share = match lease.take(&leased.terms, held.now(), cost, waiting) {
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
            Taken::Alone => None,
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
        // Once for what is open, and once more whenever others were faster with a lease.
        for _ in 0..ATTEMPTS {
            if request.wait_is_over() {
                fail(self, findings, asked, request);
            } else {
                let until = ask_for_shares(self, findings, subject, request, asked);
                let until = until.or_else(|| ask_alone(self, findings, subject, request, asked));
                if until.is_some() {
                    asked.until = until;
                    asked.has_waited = true;
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
        fail(self, findings, asked, request);
        None
    }
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
                let found = bucket.check(&**allowance, cost, host)?;
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

impl Told {
    /// What is found of a limit that was asked about; nothing where it is to be decided on in this Envoy.
    pub(crate) fn finding<'l>(
        self,
        in_force: &'l InForce,
        global: &Global,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Option<Finding<'l>> {
        let limit = &in_force.limit;
        // For what the response says of it, no more.
        let allowance = limit.allowance_for(subject, request);
        let allowance = allowance.unwrap_or(&limit.allowance);
        Some(match self {
            Self::Admitted(stated) => {
                let shown = stated.map(|stated| stated.shown(&in_force.limit.name));
                Finding::Told(allowance, shown, None)
            }
            Self::Over(stated, reset_ns) => {
                let retry = reset_ns.map_or(Retry::Unknown, Retry::After);
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
