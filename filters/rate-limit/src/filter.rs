//! The filter over the host traits.

mod in_flight;
mod in_force;
mod settle;

use crate::cost::{self, CostStats, Debt};
use crate::decision::{Finding, Refusal};
use crate::fields::Fields;
use crate::global::{self, Asked, Global, GlobalStats};
use crate::key::{self, NoKey};
use crate::stats::{Cause, Stats};
use crate::store::{Bucket, Failure, Table, host_failed};
use gatehouse_config::load;
use gatehouse_denial::DenialShape;
use gatehouse_host::{
    Answer, CalloutId, ConfigureError, Host, HttpFilter, Module, Request, Response, ResponseChunk,
    Result, StreamId, Verdict,
};
use gatehouse_limit_config::{Config, IfAbsent, Mode, ResponseHeaders, Source};
use gatehouse_limit_table::{Permits, Ticket};
use gatehouse_request_match::{Subject, compile_all};
use gatehouse_trace::{because, trace};
pub(crate) use in_force::InForce;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The rate-limit filter with its configuration.
pub struct Filter {
    limits: Vec<InForce>,
    table: Table,
    /// Where the buckets are somewhere else.
    global: Option<Global>,
    permits: Permits,
    tick_period: Option<Duration>,
    response_headers: ResponseHeaders,
    trusted_hops: u32,
    denial: DenialShape,
}

/// What a request leaves: what its response says of limits, what it holds until it is over, and what it
/// has still to pay. By default, nothing.
#[derive(Debug, Default)]
pub struct Pending {
    fields: Option<Fields>,
    held: Vec<Ticket>,
    debts: Vec<Debt>,
    /// Only while it waits for a service.
    asked: Option<Box<Asked>>,
}

impl Filter {
    /// Begins or joins the table, and defines the metrics.
    ///
    /// # Errors
    /// Where an expression does not compile, or the host refuses one of them.
    pub fn new(mut config: Config, host: &dyn Host) -> std::result::Result<Self, ConfigureError> {
        let limits = config.limits.iter_mut();
        compile_all(limits.map(|limit| &mut limit.matches), host)?;
        let table = Table::open(config.slots, host)?;
        let capacities = config.limits.iter();
        let capacities = capacities.filter_map(|limit| limit.allowance.capacity());
        let tick_period = match config.global {
            // In flight counts only what is in this Envoy.
            Some(_) => Some(global::TICK),
            None => Permits::tick_period(capacities),
        };
        let is_global = config.global.is_some();
        let limits = config.limits.into_iter().enumerate().map(|(place, limit)| {
            let mut hasher = table.hasher();
            key::write_shape(&limit.name, &limit.key, &mut hasher);
            let cost_stats = match limit.cost.source {
                Source::Constant => None,
                _ => Some(CostStats::define(&limit.name, host)?),
            };
            Ok(InForce {
                stats: Stats::define(&limit.name, host)?,
                cost_stats,
                global: match is_global {
                    true => Some(GlobalStats::define(&limit.name, host)?),
                    false => None,
                },
                hasher,
                failure_is_logged: Cell::new(false),
                limit,
                place,
            })
        });
        Ok(Self {
            limits: limits.collect::<Result<_>>()?,
            table,
            global: match config.global {
                Some(service) => Some(Global::new(service, host)?),
                None => None,
            },
            permits: Permits::default(),
            tick_period,
            response_headers: config.response_headers,
            trusted_hops: config.trusted_hops,
            denial: config.denial,
        })
    }

    /// Whether a limit applies to a request.
    fn applies(
        in_force: &InForce,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> std::result::Result<bool, Failure> {
        let matched = in_force.limit.matches.matches(subject, request);
        matched.map_err(|error| match subject.take_failed_expression() {
            true => Failure::Host(Cause::ExpressionFailed, error),
            false => host_failed(error),
        })
    }

    /// What a limit that applies finds out about a request, without charging it; nothing where it does not apply
    /// after all.
    fn check<'l>(
        &self,
        in_force: &'l InForce,
        subject: &mut Subject,
        request: &mut Request<'_>,
        asked: Option<&Asked>,
    ) -> std::result::Result<Option<Finding<'l>>, Failure> {
        let limit = &in_force.limit;
        let told = asked.and_then(|asked| asked.of(in_force.place));
        // What the request itself is like was counted before it waited.
        let counts = asked.is_none_or(Asked::is_new);
        if let (Some(global), Some(told)) = (&self.global, told)
            && let Some(finding) = told.finding(in_force, global, subject, request)
        {
            return Ok(Some(finding));
        }
        let mut hasher = in_force.hasher;
        let empty_if_missing = limit.if_absent == IfAbsent::Empty;
        let written = key::write_parts(
            &limit.key,
            &limit.matches,
            empty_if_missing,
            subject,
            request,
            &mut hasher,
        );
        match written.map_err(host_failed)? {
            Ok(()) => {}
            Err(NoKey::Missing(_part)) if limit.if_absent == IfAbsent::Skip => {
                because!("the request has no {_part}");
                return Ok(None);
            }
            Err(no_key) => {
                if counts {
                    in_force.stats.count_cause(no_key.cause(), request.host());
                }
                return Ok(Some(Finding::NoKey(no_key)));
            }
        }
        let allowance = limit.allowance_for(subject, request).map_err(host_failed)?;
        let now = request.now().map_err(host_failed)?.as_nanos();
        let address = self.table.address(&hasher);
        let bill = cost::up_front(&limit.cost, request).map_err(host_failed)?;
        let count_doubt = || {
            if let (Some(stats), Some(doubt), true) = (&in_force.cost_stats, bill.doubt, counts) {
                stats.count_doubt(doubt, request.host());
            }
        };
        if let (Some(global), None) = (&self.global, told) {
            count_doubt();
            let looked = global.look(allowance, bill.cost, address, now, request.host());
            return looked.map(Some);
        }
        let mut bucket = Bucket::read(address, now, request.host())?;
        let found = bucket.check(&**allowance, bill.cost, request.host())?;
        Ok(Some(match found.decision.refused {
            None => {
                // What is refused costs nothing.
                count_doubt();
                Finding::Room(allowance, bucket, bill.cost, found)
            }
            Some(_) => Finding::of(found),
        }))
    }

    fn findings<'l>(
        &'l self,
        subject: &mut Subject,
        request: &mut Request<'_>,
        mut asked: Option<&mut Asked>,
    ) -> Vec<(&'l InForce, Finding<'l>)> {
        let mut findings = Vec::with_capacity(self.limits.len());
        for in_force in &self.limits {
            let known = asked.as_ref().and_then(|asked| asked.applies(in_force));
            let applies = known.unwrap_or_else(|| Self::applies(in_force, subject, request));
            if let (Some(asked), None) = (&mut asked, known) {
                asked.note_applies(applies);
            }
            let found = match applies {
                Ok(true) => self.check(in_force, subject, request, asked.as_deref()),
                Ok(false) => Ok(None),
                Err(failure) => Err(failure),
            };
            match found {
                Ok(None) => {
                    trace!(("limit {}", in_force.limit.name), ("does not apply"));
                }
                Ok(Some(finding)) => findings.push((in_force, finding)),
                // It was counted before the request waited.
                Err(failure) if known.is_some_and(|applies| applies.is_err()) => {
                    findings.push((in_force, Finding::Failed(failure)));
                }
                Err(failure) => findings.push((in_force, in_force.failed(failure, request.host()))),
            }
        }
        findings
    }

    /// What the response says of the limits in force.
    fn fields(&self, findings: &[(&InForce, Finding<'_>)]) -> Option<Fields> {
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

/// Has the upstream answer with a whole body that is not compressed.
fn ask_for_readable(request: &mut Request<'_>) -> Result<()> {
    let choices = ["accept-encoding", "range", "if-range"];
    choices
        .into_iter()
        .try_for_each(|choice| request.remove(choice))
}

impl HttpFilter for Filter {
    type Pending = Pending;

    const WANTS_END: bool = true;
    const WANTS_RESPONSE_BODY: bool = true;

    fn request(&self, request: &mut Request<'_>, pending: &mut Pending) -> Result<Verdict> {
        gatehouse_trace::enter!("rate_limit");
        let host = request.host();
        // Nothing, but for a request that is asked about anew.
        self.release(std::mem::take(&mut pending.held), host);
        pending.debts.clear();
        let asked = match &self.global {
            Some(_) => Some(&mut **pending.asked.get_or_insert_default()),
            None => None,
        };
        let mut subject = Subject::new(self.trusted_hops);
        let refuses =
            |(in_force, finding): &(&InForce, Finding<'_>)| finding.denies(&in_force.limit);
        let mut findings;
        if let (Some(global), Some(asked)) = (&self.global, asked) {
            if let Some(until) = global.learn(&self.limits, request, asked) {
                return Ok(Verdict::Wait { until });
            }
            findings = self.findings(&mut subject, request, Some(&mut *asked));
            if !findings.iter().any(refuses)
                && let Some(until) = global.ask(&mut findings, &mut subject, request, asked)
            {
                return Ok(Verdict::Wait { until });
            }
            pending.asked = None;
        } else {
            findings = self.findings(&mut subject, request, None);
        }
        if !findings.iter().any(refuses) {
            for (in_force, finding) in &mut findings {
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
        if !findings.iter().any(refuses)
            && self.reads_body(pending)
            && let Err(error) = ask_for_readable(request)
        {
            for (in_force, finding) in &mut findings {
                if in_force.reads_body() && matches!(finding, Finding::Charged(_)) {
                    let failed = in_force.failed(host_failed(error), host);
                    // One that lets the request through all the same is charged.
                    if failed.denies(&in_force.limit) {
                        *finding = failed;
                    }
                }
            }
        }
        for (_in_force, _finding) in &findings {
            trace!(("limit {}", _in_force.limit.name), ("{_finding}"));
        }
        let fields = self.fields(&findings);
        // The first of those that weigh the same.
        let gravest = findings.iter().rev().filter(|found| refuses(found));
        let refusal = gravest
            .max_by_key(|(_, finding)| finding.gravity())
            .and_then(|(in_force, finding)| Refusal::of(finding, &in_force.limit));
        for (in_force, finding) in &findings {
            if let Some(fate) = finding.fate(&in_force.limit, refusal.is_some()) {
                in_force.stats.count_fate(fate, host);
            }
        }
        let Some(refusal) = refusal else {
            pending.fields = fields;
            return Ok(Verdict::Continue);
        };
        self.release(std::mem::take(&mut pending.held), host);
        pending.debts.clear();
        let denial = refusal.denial(fields.as_ref());
        Ok(Verdict::Deny(self.denial.reply(denial)))
    }

    fn foresee(&self, request: &mut Request<'_>) {
        let mut subject = Subject::new(self.trusted_hops);
        for in_force in &self.limits {
            in_force.limit.matches.foresee(&mut subject, request);
        }
    }

    fn response(&self, response: &mut Response<'_>, pending: &mut Pending) -> Result<()> {
        let noted = self.note_response(response, pending);
        // Taken out: the own reply to a refused request has them already, and a second callback of a
        // stream finds nothing.
        if let Some(fields) = pending.fields.take() {
            fields.put(&mut |name, value| match value {
                Some(value) => response.set(name, value.as_bytes()),
                None => response.remove(name),
            })?;
        }
        noted
    }

    fn wants_response_body(&self, pending: &Pending) -> bool {
        pending.debts.iter().any(|debt| debt.meter.is_some())
    }

    fn response_body(&self, chunk: &mut ResponseChunk<'_>, pending: &mut Pending) {
        self.note_chunk(chunk, pending);
    }

    fn wants_end(&self, pending: &Pending) -> bool {
        !pending.held.is_empty() || !pending.debts.is_empty()
    }

    fn ended(&self, host: &dyn Host, mut pending: Pending) {
        self.settle_all(&mut pending, host);
        self.release(pending.held, host);
    }

    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        if let Some(global) = &self.global {
            global.answered(&self.limits, callout, answer, wake);
        }
    }

    /// Only permits and a service need ticks.
    fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
        for limit in self.permits.renew(host) {
            if let Some(in_force) = self.limits.get(limit) {
                in_force.stats.count_cause(Cause::Evicted, host);
            }
        }
        if let Some(global) = &self.global {
            global.tick(&self.limits, host, wake);
        }
    }

    fn tick_period(&self) -> Option<Duration> {
        self.tick_period
    }
}

impl Module for Filter {
    const NAME: &'static str = "rate_limit";

    fn configure(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
        host: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        let config = load(configuration, &environment)
            .map_err(|problems| ConfigureError::Configuration(problems.to_string()))?;
        Self::new(config, host)
    }
}
