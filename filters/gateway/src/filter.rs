//! The filters, one after the other.

use crate::{Config, FilterConfig};
use gatehouse_host::{
    ConfigureError, Host, HostError, HttpFilter, Module, Request, Response, Result, Verdict,
};

/// The configured filters.
pub struct Filter {
    chain: Vec<Link>,
}

enum Link {
    Auth(gatehouse_auth::Filter),
    RateLimit(gatehouse_rate_limit::Filter),
    Headers(gatehouse_headers::Filter),
}

/// What the filters keep from a request for its response: for each that saw it, in their order.
#[derive(Default)]
pub struct Pending(Vec<LinkPending>);

enum LinkPending {
    Auth(<gatehouse_auth::Filter as HttpFilter>::Pending),
    RateLimit(<gatehouse_rate_limit::Filter as HttpFilter>::Pending),
    Headers(<gatehouse_headers::Filter as HttpFilter>::Pending),
}

impl Filter {
    /// The filters of a configuration.
    ///
    /// # Errors
    /// Where the host refuses a metric.
    pub fn new(config: Config, host: &dyn Host) -> Result<Self> {
        let link = |config| {
            Ok(match config {
                FilterConfig::Auth(config) => {
                    Link::Auth(gatehouse_auth::Filter::new(config, host)?)
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
                .map(link)
                .collect::<Result<_>>()?,
        })
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
        Ok(Self::new(config, host)?)
    }
}

impl HttpFilter for Filter {
    type Pending = Pending;

    fn request(&self, request: &mut Request<'_>, pending: &mut Pending) -> Result<Verdict> {
        pending.0.reserve_exact(self.chain.len());
        for link in &self.chain {
            let (verdict, kept) = link.request(request);
            pending.0.push(kept);
            match verdict? {
                Verdict::Continue => {}
                Verdict::Deny(reply) => return Ok(Verdict::Deny(reply)),
            }
        }
        Ok(Verdict::Continue)
    }

    fn response(&self, response: &mut Response<'_>, pending: &mut Pending) -> Result<()> {
        let mut failed: Option<HostError> = None;
        for (link, kept) in self.chain.iter().zip(&mut pending.0).rev() {
            if let Err(error) = link.response(response, kept) {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Link {
    fn request(&self, request: &mut Request<'_>) -> (Result<Verdict>, LinkPending) {
        match self {
            Self::Auth(filter) => {
                let (verdict, kept) = ask(filter, request);
                (verdict, LinkPending::Auth(kept))
            }
            Self::RateLimit(filter) => {
                let (verdict, kept) = ask(filter, request);
                (verdict, LinkPending::RateLimit(kept))
            }
            Self::Headers(filter) => {
                let (verdict, kept) = ask(filter, request);
                (verdict, LinkPending::Headers(kept))
            }
        }
    }

    fn response(&self, response: &mut Response<'_>, kept: &mut LinkPending) -> Result<()> {
        match (self, kept) {
            (Self::Auth(filter), LinkPending::Auth(kept)) => filter.response(response, kept),
            (Self::RateLimit(filter), LinkPending::RateLimit(kept)) => {
                filter.response(response, kept)
            }
            (Self::Headers(filter), LinkPending::Headers(kept)) => filter.response(response, kept),
            // `request` pushes what a link keeps at the link's own place.
            _ => Ok(()),
        }
    }
}

/// What a filter says of a request, and what it keeps of it for the response.
fn ask<F: HttpFilter>(filter: &F, request: &mut Request<'_>) -> (Result<Verdict>, F::Pending) {
    let mut kept = F::Pending::default();
    (filter.request(request, &mut kept), kept)
}
