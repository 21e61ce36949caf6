//! The filters, one after the other.
//!
//! A filter that lets a request wait is the one that is asked about it anew: those before it have
//! decided, and are not asked twice.

use crate::{Config, FilterConfig};
use gatehouse_host::{
    Answer, CalloutId, ConfigureError, Host, HostError, HttpFilter, Module, Request, Response,
    Result, Status, StreamId, Verdict,
};
use std::time::Duration;

/// The configured filters.
pub struct Filter {
    chain: Vec<Link>,
}

enum Link {
    /// Much larger than the others.
    Auth(Box<gatehouse_auth::Filter>),
    RateLimit(gatehouse_rate_limit::Filter),
    Headers(gatehouse_headers::Filter),
}

/// What the filters keep from a request for its response: for each that saw it, in their order. The
/// last of them may not have decided yet.
#[derive(Default)]
pub struct Pending {
    kept: Vec<LinkPending>,
    /// How many have let the request go on.
    passed: usize,
}

enum LinkPending {
    Auth(<gatehouse_auth::Filter as HttpFilter>::Pending),
    RateLimit(<gatehouse_rate_limit::Filter as HttpFilter>::Pending),
    Headers(<gatehouse_headers::Filter as HttpFilter>::Pending),
}

impl Filter {
    /// The filters of a configuration.
    ///
    /// # Errors
    /// Where the proxy does not compile an expression, or refuses a metric.
    pub fn new(config: Config, host: &dyn Host) -> std::result::Result<Self, ConfigureError> {
        let link = |(place, config)| {
            Ok(match config {
                FilterConfig::Auth(config) => {
                    let filter = gatehouse_auth::Filter::new(config, host);
                    Link::Auth(Box::new(
                        filter.map_err(|error| within(place, "auth", error))?,
                    ))
                }
                FilterConfig::RateLimit(config) => {
                    Link::RateLimit(gatehouse_rate_limit::Filter::new(config, host)?)
                }
                FilterConfig::Headers(config) => {
                    Link::Headers(gatehouse_headers::Filter::new(config, host)?)
                }
            })
        };
        Ok(Self {
            chain: config
                .filters
                .0
                .into_iter()
                .enumerate()
                .map(link)
                .collect::<std::result::Result<_, ConfigureError>>()?,
        })
    }
}

/// Problems of one filter's configuration as those of the whole.
fn within(place: usize, filter: &str, error: ConfigureError) -> ConfigureError {
    match error {
        ConfigureError::Configuration(problems) => {
            let lines = problems.lines();
            let lines = lines.map(|problem| format!("filters[{place}].{filter}.{problem}"));
            ConfigureError::Configuration(lines.collect::<Vec<_>>().join("\n"))
        }
        other => other,
    }
}

impl Module for Filter {
    const NAME: &'static str = "gateway";

    fn configure(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
        host: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        let config: Config = gatehouse_config::load(configuration, &environment)
            .map_err(|problems| ConfigureError::Configuration(problems.to_string()))?;
        Self::new(config, host)
    }
}

impl HttpFilter for Filter {
    type Pending = Pending;

    const WANTS_END: bool = gatehouse_auth::Filter::WANTS_END
        || gatehouse_rate_limit::Filter::WANTS_END
        || gatehouse_headers::Filter::WANTS_END;

    fn request(&self, request: &mut Request<'_>, pending: &mut Pending) -> Result<Verdict> {
        pending.kept.reserve_exact(self.chain.len());
        for (place, link) in self.chain.iter().enumerate().skip(pending.passed) {
            if pending.kept.len() <= place {
                pending.kept.push(link.pending());
            }
            let Some(kept) = pending.kept.get_mut(place) else {
                continue;
            };
            match link.request(request, kept)? {
                Verdict::Continue => pending.passed = place + 1,
                other => return Ok(other),
            }
        }
        Ok(Verdict::Continue)
    }

    fn response(&self, response: &mut Response<'_>, pending: &mut Pending) -> Result<()> {
        let mut failed: Option<HostError> = None;
        for (link, kept) in self.chain.iter().zip(&mut pending.kept).rev() {
            if let Err(error) = link.response(response, kept) {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Where it matters to one of those that saw the request.
    fn wants_end(&self, pending: &Pending) -> bool {
        let mut seen = self.chain.iter().zip(&pending.kept);
        seen.any(|(link, kept)| link.wants_end(kept))
    }

    fn ended(&self, host: &dyn Host, pending: Pending) {
        for (link, kept) in self.chain.iter().zip(pending.kept) {
            if link.wants_end(&kept) {
                link.ended(host, kept);
            }
        }
    }

    /// Each filter knows its own callouts.
    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        for link in &self.chain {
            match link {
                Link::Auth(filter) => filter.answered(callout, answer, wake),
                Link::RateLimit(filter) => filter.answered(callout, answer, wake),
                Link::Headers(filter) => filter.answered(callout, answer, wake),
            }
        }
    }

    fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
        for link in &self.chain {
            match link {
                Link::Auth(filter) => filter.tick(host, wake),
                Link::RateLimit(filter) => filter.tick(host, wake),
                Link::Headers(filter) => filter.tick(host, wake),
            }
        }
    }

    /// As often as the most impatient filter wants it.
    fn tick_period(&self) -> Option<Duration> {
        let periods = self.chain.iter().filter_map(|link| match link {
            Link::Auth(filter) => filter.tick_period(),
            Link::RateLimit(filter) => filter.tick_period(),
            Link::Headers(filter) => filter.tick_period(),
        });
        periods.min()
    }
}

impl Link {
    fn pending(&self) -> LinkPending {
        match self {
            Self::Auth(_) => LinkPending::Auth(gatehouse_auth::Memo::default()),
            Self::RateLimit(_) => LinkPending::RateLimit(Default::default()),
            Self::Headers(_) => LinkPending::Headers(Default::default()),
        }
    }

    fn request(&self, request: &mut Request<'_>, kept: &mut LinkPending) -> Result<Verdict> {
        match (self, kept) {
            (Self::Auth(filter), LinkPending::Auth(kept)) => filter.request(request, kept),
            (Self::RateLimit(filter), LinkPending::RateLimit(kept)) => {
                filter.request(request, kept)
            }
            (Self::Headers(filter), LinkPending::Headers(kept)) => filter.request(request, kept),
            // What a link keeps is at the link's own place.
            _ => Err(HostError {
                call: "pending",
                status: Status::Malformed,
            }),
        }
    }

    fn response(&self, response: &mut Response<'_>, kept: &mut LinkPending) -> Result<()> {
        match (self, kept) {
            (Self::Auth(filter), LinkPending::Auth(kept)) => filter.response(response, kept),
            (Self::RateLimit(filter), LinkPending::RateLimit(kept)) => {
                filter.response(response, kept)
            }
            (Self::Headers(filter), LinkPending::Headers(kept)) => filter.response(response, kept),
            // As in `request`.
            _ => Ok(()),
        }
    }

    fn wants_end(&self, kept: &LinkPending) -> bool {
        match (self, kept) {
            (Self::Auth(filter), LinkPending::Auth(kept)) => wants_end(&**filter, kept),
            (Self::RateLimit(filter), LinkPending::RateLimit(kept)) => wants_end(filter, kept),
            (Self::Headers(filter), LinkPending::Headers(kept)) => wants_end(filter, kept),
            _ => false,
        }
    }

    fn ended(&self, host: &dyn Host, kept: LinkPending) {
        match (self, kept) {
            (Self::Auth(filter), LinkPending::Auth(kept)) => filter.ended(host, kept),
            (Self::RateLimit(filter), LinkPending::RateLimit(kept)) => filter.ended(host, kept),
            (Self::Headers(filter), LinkPending::Headers(kept)) => filter.ended(host, kept),
            _ => {}
        }
    }
}

fn wants_end<F: HttpFilter>(filter: &F, kept: &F::Pending) -> bool {
    F::WANTS_END && filter.wants_end(kept)
}
