//! The global store: a service that several Envoys share, asked as Envoy's own filter asks it.
//!
//! What becomes of a limit of a request, in this order:
//!
//! 1. Its key is read as for a table of our own. What is wrong with a key refuses the request before
//!    anybody is asked.
//! 2. With `lease`, what is held of the key's quota decides ([`gatehouse_lease`]): there is enough, or the
//!    service said that there is no more, or it has to be asked. Without, it has to be asked.
//! 3. If a limit in force refuses by then, nobody is asked and no lease is charged.
//! 4. Shares of quotas are asked for, one call at a time for each key and for all requests of this worker that need
//!    it ([`calls`]). The request waits, and is then decided on anew. That can be so several times, until it has
//!    waited for as long as the service's `timeout`.
//! 5. What is still to be asked is asked in one call, with a descriptor for each limit ([`descriptor`]),
//!    and the request waits. If the service says that one is over its limit, the request is refused; what the
//!    service has charged to others by then is its own affair.
//! 6. Then leases are charged. One that another worker was faster with is asked about as in 4 or 5, and what is
//!    charged by then stays so.
//! 7. Limits in report mode are last, and only for requests that are not refused: nobody waits for them.
//!    Each has a call of its own, since one that is over its limit would refuse the others.
//! 8. Where the service says nothing that could be gone by ([`outcome`]), `on_error` of the store holds.
//!    With `local`, the limit is decided on by the table of this Envoy.

mod ask;
mod calls;
mod descriptor;
mod held;
mod outcome;
mod stats;

pub(crate) use ask::{Asked, Lent, Question};
pub(crate) use calls::TICK;
pub(crate) use outcome::{Shown, Told};
pub(crate) use stats::GlobalStats;

use crate::filter::InForce;
use crate::stats::Fate;
use calls::{Call, Calls, GRACE, Item, Leased, Purpose};
use gatehouse_host::{Answer, CalloutId, GrpcCallout, Host, Result, StreamId, Timestamp};
use gatehouse_lease::{Ask, Terms, Turn};
use gatehouse_limit_config::{Allowance, Global as Service, Mode, OnServiceError};
use gatehouse_outage::Outage;
use gatehouse_rate_limit_service::{self as service, Descriptor};
use outcome::{Failure, GRPC_UNAVAILABLE};
use stats::ServiceStats;

/// The service, and what this worker is asking it.
pub(crate) struct Global {
    service: Service,
    calls: Calls,
    stats: ServiceStats,
    outage: Outage,
}

impl Global {
    /// Defines the metrics.
    ///
    /// # Errors
    /// Where the host refuses one of them.
    pub(crate) fn new(service: Service, host: &dyn Host) -> Result<Self> {
        Ok(Self {
            service,
            calls: Calls::default(),
            stats: ServiceStats::define(host)?,
            outage: Outage::new("rate_limit: calls of the service"),
        })
    }

    /// What holds where the service says nothing.
    pub(crate) fn on_error(&self) -> OnServiceError {
        self.service.on_error
    }

    /// How an allowance is leased; nothing where it is not.
    fn terms(&self, allowance: &Allowance) -> Option<Terms> {
        let share = self.service.lease?;
        let (count, period_ns) = allowance.shortest()?;
        let patience = self.service.timeout.saturating_add(GRACE);
        Some(Terms {
            share: share.of(count),
            period_ns,
            patience_ns: u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX),
        })
    }

    /// Sends a call, for which the request waits no longer than until then.
    fn call(
        &self,
        descriptors: Vec<Descriptor>,
        now: Timestamp,
        purpose: Purpose,
        host: &dyn Host,
    ) -> std::result::Result<Timestamp, ()> {
        let sent = match self.calls.has_room() {
            true => host
                .call_grpc(&self.question(descriptors))
                .map_err(Failure::NotSent),
            false => Err(Failure::Full),
        };
        match sent {
            Ok(callout) => {
                self.stats.count_call(host);
                self.calls.sent(callout, Call::new(now, purpose));
                Ok(self.calls.deadline(now, self.service.timeout))
            }
            Err(failure) => {
                self.failed(&failure, host);
                Err(())
            }
        }
    }

    fn question(&self, descriptors: Vec<Descriptor>) -> GrpcCallout {
        GrpcCallout {
            cluster: self.service.cluster.clone(),
            service: service::SERVICE.to_owned(),
            method: service::METHOD.to_owned(),
            metadata: Vec::new(),
            message: service::request(&self.service.domain, descriptors),
            timeout: self.service.timeout,
        }
    }

    /// Of its own timeout Envoy says UNAVAILABLE, as of a connection that broke: what tells them apart is the
    /// time that has passed. Its timers go by the time at which a round of its loop began, so they are early
    /// by what was done in that round. Any other status is the service's own, however late.
    fn timed_out(&self, failure: Failure, began: Timestamp, host: &dyn Host) -> Failure {
        let most = self.service.timeout.saturating_mul(3) / 4;
        let is_late = || host.now().is_ok_and(|now| now >= began.after(most));
        match failure {
            Failure::Status(GRPC_UNAVAILABLE, _) if is_late() => Failure::TimedOut,
            failure => failure,
        }
    }

    fn failed(&self, failure: &Failure, host: &dyn Host) {
        self.stats.count_failure(failure, host);
        self.outage.failed(failure, host);
    }

    /// Takes what came of a call, if it is one of ours.
    pub(crate) fn answered(
        &self,
        limits: &[InForce],
        callout: CalloutId,
        answer: &Answer<'_>,
        wake: &mut Vec<StreamId>,
    ) {
        let Some(Call { began, purpose }) = self.calls.answered(callout) else {
            return;
        };
        let host = answer.host();
        let asked = match &purpose {
            Purpose::Share { .. } => 1,
            Purpose::Own { items, .. } => items.len(),
        };
        let read = outcome::read(answer, asked);
        let read = read.map_err(|failure| self.timed_out(failure, began, host));
        match &read {
            Ok(_) => self.outage.over(host),
            Err(failure) => self.failed(failure, host),
        }
        self.landed(limits, purpose, read.ok().as_ref(), host, wake);
    }

    /// Ends the calls that should have been answered.
    pub(crate) fn tick(&self, limits: &[InForce], host: &dyn Host, wake: &mut Vec<StreamId>) {
        for purpose in self.calls.overdue(host, self.service.timeout) {
            self.failed(&Failure::TimedOut, host);
            self.landed(limits, purpose, None, host, wake);
        }
    }

    fn landed(
        &self,
        limits: &[InForce],
        purpose: Purpose,
        answer: Option<&service::Answer>,
        host: &dyn Host,
        wake: &mut Vec<StreamId>,
    ) {
        match purpose {
            Purpose::Share {
                limit,
                leased,
                ask,
                streams,
                costs,
            } => {
                let Some(in_force) = limits.get(limit) else {
                    return;
                };
                self.share(in_force, leased, ask, answer, host);
                let came = match answer {
                    Some(answer) if answer.is_admitted => ask.units,
                    _ => 0,
                };
                let unserved = costs.saturating_sub(came);
                self.calls.note_unserved(leased.address, unserved);
                for stream in streams {
                    if answer.is_none() {
                        self.calls.land(stream, limit, Told::Failed);
                    }
                    self.calls.ended(stream, wake);
                }
            }
            Purpose::Own { stream, items } => {
                self.own(limits, stream, &items, answer, host);
                if let Some(stream) = stream {
                    self.calls.ended(stream, wake);
                }
            }
        }
    }

    /// What becomes of a lease.
    fn share(
        &self,
        in_force: &InForce,
        leased: Leased,
        ask: Ask,
        answer: Option<&service::Answer>,
        host: &dyn Host,
    ) {
        let standing = answer.and_then(|answer| answer.standings.first());
        let told = standing.and_then(|standing| Some(standing.limit?.remaining.into()));
        let reset_ns = standing.and_then(|standing| standing.reset_ns);
        in_force.note_unlimited(standing, host);
        in_force.update(leased, host, &|lease, now| match answer {
            None => lease.ended(ask),
            Some(answer) if answer.is_admitted => {
                lease.granted(&leased.terms, now, ask, reset_ns, told)
            }
            Some(_) => lease.refused(&leased.terms, now, ask, reset_ns, told),
        });
    }

    /// What becomes of what one request asked.
    fn own(
        &self,
        limits: &[InForce],
        stream: Option<StreamId>,
        items: &[Item],
        answer: Option<&service::Answer>,
        host: &dyn Host,
    ) {
        for (place, item) in items.iter().enumerate() {
            let Some(in_force) = limits.get(item.limit) else {
                continue;
            };
            let told = match answer {
                Some(answer) => outcome::of(answer, place),
                None => Told::Failed,
            };
            let standing = answer.and_then(|answer| answer.standings.get(place));
            in_force.note_unlimited(standing, host);
            if answer.is_some_and(|answer| answer.is_admitted) {
                in_force.count_cost(item.cost, host);
            }
            // Which of several is over is known only where the service says so.
            let is_known = standing.is_some() || items.len() == 1;
            if let (Told::Over(stated, reset_ns), Some(leased), true) =
                (told, item.leased, is_known)
            {
                let left = stated.map(|stated| stated.standing.remaining);
                let ask = Ask {
                    units: item.cost,
                    turn: Turn::Further,
                };
                in_force.update(leased, host, &|lease, now| {
                    lease.refused(&leased.terms, now, ask, reset_ns, left)
                });
            }
            match stream {
                Some(stream) => self.calls.land(stream, item.limit, told),
                None => self.report(in_force, told, host),
            }
        }
    }

    /// Counts what would have become of a request that has gone on long since.
    fn report(&self, in_force: &InForce, told: Told, host: &dyn Host) {
        let fate = match told {
            Told::Admitted(_) | Told::Leased(_) => Fate::Admitted,
            Told::Over(..) => Fate::WouldRefuse,
            Told::Failed => {
                in_force.count_service_failed(host);
                match self.service.on_error {
                    OnServiceError::Deny => Fate::WouldRefuse,
                    OnServiceError::Allow => Fate::Admitted,
                    // It would be decided on in this Envoy, where it is too late now.
                    OnServiceError::Local => return,
                }
            }
        };
        in_force.stats.count_fate(fate, host);
    }
}

impl InForce {
    fn is_enforced(&self) -> bool {
        self.limit.mode == Mode::Enforce
    }

    fn count_service_failed(&self, host: &dyn Host) {
        if let Some(stats) = &self.global {
            host.increment(stats.service_failed, 1);
        }
    }

    /// An operator's mistake that nothing else shows: in the service, the limit has another name, or the
    /// domain has.
    fn note_unlimited(&self, standing: Option<&service::Standing>, host: &dyn Host) {
        let is_unlimited = standing.is_some_and(|standing| standing.limit.is_none());
        if let (true, Some(stats)) = (is_unlimited, &self.global) {
            host.increment(stats.unlimited, 1);
        }
    }

    /// Changes a lease. Where that fails, what was granted is lost.
    fn update(
        &self,
        leased: Leased,
        host: &dyn Host,
        change: &dyn Fn(&gatehouse_lease::Lease, u64) -> gatehouse_lease::Lease,
    ) {
        let updated = host
            .now()
            .map_err(crate::store::host_failed)
            .and_then(|now| {
                let now = now.as_nanos();
                held::update(leased.address, now, host, &|lease| change(lease, now))
            });
        match updated {
            Ok(lost) => self.count_lost(lost, host),
            Err(failure) => {
                self.failed(failure, host);
            }
        }
    }

    fn count_lost(&self, lost: gatehouse_lease::Lost, host: &dyn Host) {
        if let Some(cause) = held::cause(lost) {
            self.stats.count_cause(cause, host);
        }
    }
}
