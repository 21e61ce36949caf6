//! The filter over the host traits.

mod charge;
mod in_flight;
mod in_force;
mod look;
mod settle;
mod verdict;

use crate::cost::{CostStats, Debt};
use crate::fields::Fields;
use crate::global::{self, Asked, Global, GlobalStats};
use crate::key;
use crate::stats::{Cause, Stats};
use crate::store::{Table, write_part};
use charge::make_readable;
use gatehouse_config::load;
use gatehouse_denial::DenialShape;
use gatehouse_host::{
    Answer, CalloutId, ConfigureError, Host, HttpFilter, Module, Request, Response, ResponseChunk,
    Result, StreamId, Verdict,
};
use gatehouse_limit_config::{Config, ResponseHeaders, Source};
use gatehouse_limit_table::{Permits, Ticket};
use gatehouse_request_match::{Index, Subject, compile_all};
pub(crate) use in_force::InForce;
use std::cell::Cell;
use std::time::Duration;
pub(crate) use verdict::{Findings, denies};

/// The rate-limit filter with its configuration.
pub struct Filter {
    limits: Vec<InForce>,
    index: Index,
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
        let index = Index::new(config.limits.iter().map(|limit| Some(&limit.matches)));
        let table = Table::open(config.slots, host)?;
        let capacities = config.limits.iter();
        let capacities = capacities.filter_map(|limit| limit.allowance.capacity());
        let tick_period = match config.global {
            // In flight counts only what is in this Envoy.
            Some(_) => Some(global::TICK),
            None => Permits::tick_period(capacities),
        };
        let mut seeded = table.hasher();
        if let Some(service) = &config.global {
            // What another service has given away is no share of this one's.
            write_part(&mut seeded, service.cluster.as_bytes());
            write_part(&mut seeded, service.domain.as_bytes());
        }
        let is_global = config.global.is_some();
        let limits = config.limits.into_iter().enumerate().map(|(place, limit)| {
            let mut hasher = seeded;
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
            index,
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
        let mut findings;
        if let (Some(global), Some(asked)) = (&self.global, asked) {
            if let Some(until) = global.learn(&self.limits, request, asked) {
                return Ok(Verdict::Wait { until });
            }
            findings = self.findings(&mut subject, request, Some(&mut *asked));
            if !denies(&findings)
                && let Some(until) = global.ask(&mut findings, &mut subject, request, asked)
            {
                return Ok(Verdict::Wait { until });
            }
            pending.asked = None;
        } else {
            findings = self.findings(&mut subject, request, None);
        }
        if !denies(&findings) {
            self.charge(&mut findings, pending, host);
        }
        if !denies(&findings) && self.reads_body(pending) {
            make_readable(&mut findings, request);
        }
        Ok(self.verdict(&findings, pending, host))
    }

    fn foresee(&self, request: &mut Request<'_>) {
        let mut subject = Subject::new(self.trusted_hops);
        for in_force in self.candidates(&mut subject, request) {
            in_force.limit.matches.foresee(&mut subject, request);
        }
    }

    fn wants_response(&self, pending: &Pending) -> bool {
        pending.fields.is_some() || !pending.debts.is_empty()
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
