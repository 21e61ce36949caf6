//! What a decision does to the request.

use crate::config::{Config, Forward, Mode, Told};
use crate::decision::{Decision, Memo, OwnReply, Refusal, decide};
use crate::identity::Identity;
use crate::provider::{Provider, Wait};
use crate::reason::Reason;
use crate::spelling;
use crate::stats::{ProviderStats, Stats};
use gatehouse_config::HeaderName;
use gatehouse_denial::{Denial, grpc};
use gatehouse_host::{
    Answer, Audience, CalloutId, ConfigureError, Host, HttpFilter, Level, LocalReply, Module,
    Request, Response, Result, StreamId, Verdict,
};
use gatehouse_request_match::Subject;
use gatehouse_trace::trace;
use std::borrow::Cow;
use std::time::Duration;

/// The configured filter: one in each worker's VM.
pub struct Filter {
    config: Config,
    stats: Stats,
}

impl Filter {
    /// The filter of a configuration.
    ///
    /// # Errors
    /// Where an expression does not compile, or the host refuses a metric.
    pub fn new(mut config: Config, host: &dyn Host) -> std::result::Result<Self, ConfigureError> {
        config.compile(host)?;
        for provider in &mut config.providers {
            provider.kind.start(config.trusted_hops, host)?;
        }
        let providers = config.providers.iter();
        let providers = providers.map(|provider| (&*provider.name, provider.kind.counters()));
        let stats = Stats::define(host, providers, config.mode == Mode::Report)?;
        Ok(Self { config, stats })
    }

    fn enforce(&self, request: &mut Request<'_>, memo: &mut Memo) -> Result<Verdict> {
        match decide(&self.config, &self.stats, request, memo)? {
            Decision::Wait(wait) => return Ok(wait.into()),
            Decision::Anonymous => {
                self.config.forward.apply(request, None)?;
                self.stats.allowed_anonymous(request.host());
            }
            Decision::Allowed(vouched) => {
                self.config
                    .forward
                    .apply(request, Some(&vouched.identity))?;
                self.establish(request, &vouched.identity)?;
                self.stats.allowed(request.host(), vouched.provider);
            }
            Decision::Denied(refusal) => {
                if let Some(identity) = &refusal.consumer {
                    self.establish(request, identity)?;
                }
                self.stats.refused(request.host(), refusal.reason);
                return Ok(Verdict::Deny(self.reply(&refusal)));
            }
        }
        Ok(Verdict::Continue)
    }

    fn report(&self, request: &mut Request<'_>, memo: &mut Memo) -> Result<Verdict> {
        match decide(&self.config, &self.stats, request, memo)? {
            Decision::Wait(wait) => return Ok(wait.into()),
            Decision::Anonymous => self.stats.allowed_anonymous(request.host()),
            Decision::Allowed(vouched) => {
                self.establish(request, &vouched.identity)?;
                self.stats.allowed(request.host(), vouched.provider);
            }
            Decision::Denied(refusal) => {
                if let Some(identity) = &refusal.consumer {
                    self.establish(request, identity)?;
                }
                trace!(
                    ("mode: report"),
                    (
                        "lets through what would be denied: {}",
                        refusal.reason.as_str()
                    )
                );
                self.stats.refused(request.host(), refusal.reason);
            }
        }
        Ok(Verdict::Continue)
    }

    fn establish(&self, request: &mut Request<'_>, identity: &Identity) -> Result<()> {
        let to = match self.config.forward.identity {
            Told::Filters => Audience::Filters,
            Told::Logs => Audience::Logs,
            Told::Modules => Audience::Modules(&identity.json),
        };
        request.establish(identity.consumer.clone(), to)
    }

    fn providers(&self) -> impl Iterator<Item = (&Provider, &ProviderStats)> {
        self.config.providers.iter().zip(self.stats.providers())
    }

    fn reply(&self, refusal: &Refusal) -> LocalReply {
        let (status, grpc_status) = refusal.reason.status();
        let refused = (refusal.reason != Reason::CredentialMissing).then_some(refusal.reason);
        let mut challenges = Vec::new();
        for place in &refusal.challenged {
            if let Some(provider) = self.config.providers.get(*place) {
                let challenge = match refusal.reason {
                    Reason::ForbiddenScope => provider.kind.insufficient_scope(&refusal.scopes),
                    _ => provider.kind.challenge(refused),
                };
                challenges.extend(challenge.filter(|challenge| !challenges.contains(challenge)));
            }
        }
        let mut status = status;
        if let Some(own) = &refusal.own {
            match &own.body {
                Some(body) => return own_reply(refusal.reason, own, body),
                None => status = own.status,
            }
        }
        let header = |challenge: Cow<'static, str>| {
            let value = challenge.into_owned().into_bytes();
            ("www-authenticate".to_owned(), value)
        };
        let retry_after = refusal.retry_after.map(|wait| {
            // RFC 9110, 10.2.3: whole seconds. Who comes a little late is let in, who comes early not.
            let seconds = wait.as_nanos().div_ceil(1_000_000_000).max(1);
            ("retry-after".to_owned(), seconds.to_string().into_bytes())
        });
        self.config.denial.reply(Denial {
            filter: Self::NAME,
            reason: refusal.reason.as_str(),
            status,
            grpc_status,
            detail: refusal.reason.detail(),
            headers: challenges
                .into_iter()
                .map(header)
                .chain(retry_after)
                .collect(),
        })
    }
}

impl From<Wait> for Verdict {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::Callout(until) => Self::Wait { until },
            Wait::Body(most, until) => Self::WaitForBody { most, until },
        }
    }
}

/// What a provider wants the client to get, as it is.
fn own_reply(reason: Reason, own: &OwnReply, body: &[u8]) -> LocalReply {
    LocalReply {
        status: own.status,
        headers: own.headers.clone(),
        body: body.to_vec(),
        grpc_status: Some(grpc_status(own.status)),
        details: format!("gatehouse.{}.{}", Filter::NAME, reason.as_str()),
    }
}

/// The gRPC status of a provider's own denial.
fn grpc_status(status: u16) -> u32 {
    match status {
        400 => grpc::INVALID_ARGUMENT,
        401 => grpc::UNAUTHENTICATED,
        413 | 429 => grpc::RESOURCE_EXHAUSTED,
        500.. => grpc::UNAVAILABLE,
        _ => grpc::PERMISSION_DENIED,
    }
}

impl Forward {
    /// Takes out what the upstream must not see, and says who sent the request, if anybody.
    fn apply(&self, request: &mut Request<'_>, identity: Option<&Identity>) -> Result<()> {
        self.strip.apply(request)?;
        for header in &self.from_services {
            let set = identity.into_iter().flat_map(|identity| &identity.upstream);
            let mut set = set.filter(|(name, _)| name == header);
            write(
                request,
                header,
                set.next().map(|(_, value)| value.as_slice()),
            )?;
        }
        if let Some(header) = &self.consumer_header {
            let name = identity.map(|identity| identity.consumer.name.as_bytes());
            write(request, header, name)?;
        }
        let mut values = identity
            .into_iter()
            .flat_map(|identity| &identity.claim_headers);
        for claim_header in &self.claim_headers {
            let value = values.next().and_then(Option::as_deref);
            write(request, &claim_header.header, value)?;
        }
        request.keep_to_the_end(&|option| {
            let claims = self.claim_headers.iter().map(|claim| &claim.header);
            let mut ours = self
                .consumer_header
                .iter()
                .chain(claims)
                .chain(&self.from_services);
            ours.any(|header| spelling::is_same(header.as_bytes(), option))
        })
    }
}

/// Makes this the only value of an identity header; without one, there is none. What a client sent
/// goes, also in another spelling.
fn write(request: &mut Request<'_>, header: &HeaderName, value: Option<&[u8]>) -> Result<()> {
    let others: Vec<String> = spelling::others(request.headers()?, header)
        .map(|(other, _)| other.to_owned())
        .collect();
    for other in others {
        request.remove(&other)?;
    }
    match value {
        Some(value) => request.set(header, value),
        None => request.remove(header),
    }
}

impl HttpFilter for Filter {
    type Pending = Memo;

    const WANTS_RESPONSE: bool = false;

    fn request(&self, request: &mut Request<'_>, memo: &mut Memo) -> Result<Verdict> {
        gatehouse_trace::enter!("auth");
        if self.config.mode == Mode::Enforce {
            return self.enforce(request, memo);
        }
        self.report(request, memo).or_else(|error| {
            let host = request.host();
            host.log(Level::Error, &format!("auth: would deny: {error}"));
            self.stats.host_failed(host);
            Ok(Verdict::Continue)
        })
    }

    fn foresee(&self, request: &mut Request<'_>) {
        let mut subject = Subject::new(self.config.trusted_hops);
        let Ok(candidates) = self.config.index.candidates(&mut subject, request) else {
            return;
        };
        for rule in candidates.filter_map(|place| self.config.rules.get(place)) {
            rule.foresee(&mut subject, request);
        }
    }

    fn response(&self, _: &mut Response<'_>, _: &mut Memo) -> Result<()> {
        Ok(())
    }

    /// Each provider knows its own callouts.
    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        for (provider, stats) in self.providers() {
            provider.kind.answered(callout, answer, stats, wake);
        }
    }

    fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
        for (provider, stats) in self.providers() {
            provider.kind.tick(host, stats, wake);
        }
    }

    fn tick_period(&self) -> Option<Duration> {
        let providers = self.config.providers.iter();
        providers
            .filter_map(|provider| provider.kind.tick_period())
            .min()
    }
}

impl Module for Filter {
    const NAME: &'static str = "auth";

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
