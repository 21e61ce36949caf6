//! What a decision does to the request.

use crate::config::{Config, Forward, Mode};
use crate::decision::{Decision, Refusal, decide};
use crate::identity::Identity;
use crate::reason::Class;
use crate::spelling;
use crate::stats::Stats;
use gatehouse_config::HeaderName;
use gatehouse_denial::Denial;
use gatehouse_host::{
    ConfigureError, Host, HttpFilter, Level, LocalReply, Module, Request, Response, Result, Verdict,
};

/// The configured filter: one in each worker's VM.
pub struct Filter {
    config: Config,
    stats: Stats,
}

impl Filter {
    /// The filter of a configuration.
    ///
    /// # Errors
    /// Where the host refuses a metric.
    pub fn new(config: Config, host: &dyn Host) -> Result<Self> {
        let providers = config.providers.iter();
        let providers = providers.map(|provider| (&*provider.name, provider.has_tokens()));
        let stats = Stats::define(host, providers, config.mode == Mode::Report)?;
        Ok(Self { config, stats })
    }

    fn enforce(&self, request: &mut Request<'_>) -> Result<Verdict> {
        match decide(&self.config, &self.stats, request)? {
            Decision::Anonymous => {
                self.config.forward.apply(request, None)?;
                self.stats.allowed_anonymous(request.host());
            }
            Decision::Allowed(vouched) => {
                self.config
                    .forward
                    .apply(request, Some(&vouched.identity))?;
                establish(request, &vouched.identity)?;
                self.stats.allowed(request.host(), vouched.provider);
            }
            Decision::Denied(refusal) => {
                if let Some(identity) = &refusal.consumer {
                    establish(request, identity)?;
                }
                self.stats.refused(request.host(), refusal.reason);
                return Ok(Verdict::Deny(self.reply(&refusal)));
            }
        }
        Ok(Verdict::Continue)
    }

    fn report(&self, request: &mut Request<'_>) -> Result<()> {
        match decide(&self.config, &self.stats, request)? {
            Decision::Anonymous => self.stats.allowed_anonymous(request.host()),
            Decision::Allowed(vouched) => {
                establish(request, &vouched.identity)?;
                self.stats.allowed(request.host(), vouched.provider);
            }
            Decision::Denied(refusal) => {
                if let Some(identity) = &refusal.consumer {
                    establish(request, identity)?;
                }
                self.stats.refused(request.host(), refusal.reason);
            }
        }
        Ok(())
    }

    fn reply(&self, refusal: &Refusal) -> LocalReply {
        let (status, grpc_status) = refusal.reason.status();
        let rejected = refusal.reason.class() == Class::Rejected;
        let mut challenges: Vec<&str> = Vec::new();
        for place in &refusal.challenged {
            if let Some(provider) = self.config.providers.get(*place) {
                let challenge = provider.challenge(rejected);
                if !challenges.contains(&challenge) {
                    challenges.push(challenge);
                }
            }
        }
        let header = |challenge: &str| ("www-authenticate".to_owned(), challenge.into());
        self.config.denial.reply(Denial {
            filter: Self::NAME,
            reason: refusal.reason.as_str(),
            status,
            grpc_status,
            detail: refusal.reason.detail(),
            headers: challenges.into_iter().map(header).collect(),
        })
    }
}

fn establish(request: &mut Request<'_>, identity: &Identity) -> Result<()> {
    request.establish(identity.consumer.clone(), &identity.json)
}

impl Forward {
    /// Takes out what the upstream must not see, and says who sent the request, if anybody.
    fn apply(&self, request: &mut Request<'_>, identity: Option<&Identity>) -> Result<()> {
        self.strip.apply(request)?;
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
        self.keep_to_the_end(request)
    }

    /// A header that `connection` names goes no further than the next proxy (RFC 9110, 7.6.1), and
    /// on an upgrade Envoy sends the client's own `connection` on.
    fn keep_to_the_end(&self, request: &mut Request<'_>) -> Result<()> {
        let is_ours = |option: &[u8]| {
            let option = option.trim_ascii().to_ascii_lowercase();
            let claims = self.claim_headers.iter().map(|claim| &claim.header);
            let mut ours = self.consumer_header.iter().chain(claims);
            ours.any(|header| spelling::is_same(header.as_bytes(), &option))
        };
        let lines = request.headers()?.all("connection");
        let options: Vec<&[u8]> = lines
            .flat_map(|line| line.split(|byte| *byte == b','))
            .collect();
        if !options.iter().any(|option| is_ours(option)) {
            return Ok(());
        }
        let kept: Vec<&[u8]> = options
            .into_iter()
            .filter(|option| !is_ours(option))
            .map(<[u8]>::trim_ascii)
            .collect();
        let kept = kept.join(&b", "[..]);
        match kept.is_empty() {
            true => request.remove("connection"),
            false => request.set("connection", &kept),
        }
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
    type Pending = ();

    fn request(&self, request: &mut Request<'_>, (): &mut ()) -> Result<Verdict> {
        if self.config.mode == Mode::Enforce {
            return self.enforce(request);
        }
        if let Err(error) = self.report(request) {
            let host = request.host();
            host.log(Level::Error, &format!("auth: would deny: {error}"));
            self.stats.host_failed(host);
        }
        Ok(Verdict::Continue)
    }

    fn response(&self, _: &mut Response<'_>, (): &mut ()) -> Result<()> {
        Ok(())
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
        Ok(Self::new(config, host)?)
    }
}
