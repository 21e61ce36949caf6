//! Who can vouch for a request: one module a kind.
//!
//! A kind is a shape under a provider's name ([`ProviderConfig`]), and a [`Kind`] made from it. What
//! it cannot decide without an answer from elsewhere, it lets wait ([`Opinion::Wait`]): the request is
//! decided on anew when the kind wakes it, and a kind that has said anything else of it is not asked
//! again.

use crate::api_key::{ApiKeyConfig, ApiKeys};
use crate::basic::{BasicConfig, Passwords};
use crate::credential::{Location, Presented};
use crate::decision::OwnReply;
use crate::ext_authz::{ExtAuthz, ExtAuthzConfig};
use crate::hmac::{HmacConfig, Signed};
use crate::identity::{ClaimHeader, Identity};
use crate::introspection::{Introspection, IntrospectionConfig};
use crate::jwt::{JwtConfig, Tokens};
use crate::mtls::{Certificates, MtlsConfig};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use gatehouse_config::{HeaderName, Identifier, one_of};
use gatehouse_host::{Answer, CalloutId, Host, Request, Result, StreamId, Timestamp};
use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

one_of! {
    /// What stands under a provider's name.
    pub(crate) enum ProviderConfig {
        /// Keys that the operator hands out.
        ApiKey(ApiKeyConfig) = "api_key",
        /// Users and their passwords.
        Basic(BasicConfig) = "basic",
        /// Tokens that an issuer signs.
        Jwt(JwtConfig) = "jwt",
        /// Certificates that clients present.
        Mtls(MtlsConfig) = "mtls",
        /// Tokens that an authorization server is asked about.
        Introspection(IntrospectionConfig) = "introspection",
        /// A service that is asked about requests.
        ExtAuthz(ExtAuthzConfig) = "ext_authz",
        /// Signatures over requests.
        Hmac(HmacConfig) = "hmac",
    }
}

/// A provider that is ready to be asked.
pub(crate) struct Provider {
    pub(crate) name: Identifier,
    pub(crate) kind: Box<dyn Kind>,
}

/// What a provider says of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Opinion {
    /// It vouches for it.
    Good(Rc<Identity>),
    /// The request has no credential for it.
    Missing,
    /// The credential is not good.
    Bad(Reason),
    /// It is not, and the client is to get this.
    Refused(Reason, Rc<OwnReply>),
    /// Whether it is good is not looked at before so long has passed.
    Later(Reason, Duration),
    /// It cannot say yet.
    Wait(Wait),
}

/// For who wants to know how a decision came about.
#[cfg(not(target_arch = "wasm32"))]
impl std::fmt::Display for Opinion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("no credential"),
            Self::Good(identity) => {
                write!(f, "good: {}", identity.consumer.name)?;
                let groups = &identity.consumer.groups;
                match groups.is_empty() {
                    true => Ok(()),
                    false => write!(f, ", in {}", groups.join(", ")),
                }
            }
            Self::Bad(reason) | Self::Refused(reason, _) => write!(f, "bad: {}", reason.as_str()),
            Self::Later(reason, wait) => write!(f, "bad: {}, for {wait:?}", reason.as_str()),
            Self::Wait(Wait::Callout(_)) => f.write_str("waits for an answer"),
            Self::Wait(Wait::Body(..)) => f.write_str("waits for the body"),
        }
    }
}

/// What a request has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A callout, and no longer than until then.
    Callout(Timestamp),
    /// Its own body, of at most so many bytes, and no longer than until then.
    Body(usize, Timestamp),
}

/// One kind of provider.
pub(crate) trait Kind {
    /// Gets ready, before it is asked anything: what needs the host, or is said to all providers.
    fn start(&mut self, trusted_hops: u32, host: &dyn Host) -> Result<()> {
        let _ = (trusted_hops, host);
        Ok(())
    }

    /// Where its credential stands: there it is looked for, and taken out before the request goes on.
    /// Empty where the request as a whole is the credential, or the connection.
    fn from(&self) -> &[Location];

    /// Checks what is presented at [`Kind::from`]; there is always something where that is empty.
    /// The clock and the host are asked only where the answer depends on it.
    ///
    /// Where [`Request::wait_is_over`], another [`Opinion::Wait`] is [`Reason::WaitTimeout`].
    fn check(
        &self,
        presented: &Presented,
        request: &mut Request<'_>,
        stats: &ProviderStats,
    ) -> Result<Opinion>;

    /// What to present, for `www-authenticate` (RFC 9110, 11.6.1). `refused` is why what was presented
    /// is not good. Nothing for a kind that no scheme exists for.
    fn challenge(&self, refused: Option<Reason>) -> Option<Cow<'static, str>>;

    /// What to present in place of a good credential that lacks some of these scopes.
    fn insufficient_scope(&self, scopes: &[String]) -> Option<Cow<'static, str>> {
        let _ = scopes;
        None
    }

    /// The names of what it counts: `gatehouse.auth.<name>.provider.<provider>`.
    fn counters(&self) -> &'static [&'static str] {
        &[]
    }

    /// Takes what came of a callout, which may be another provider's.
    fn answered(
        &self,
        callout: CalloutId,
        answer: &Answer<'_>,
        stats: &ProviderStats,
        wake: &mut Vec<StreamId>,
    ) {
        let _ = (callout, answer, stats, wake);
    }

    /// Does what must be done from time to time.
    fn tick(&self, host: &dyn Host, stats: &ProviderStats, wake: &mut Vec<StreamId>) {
        let _ = (host, stats, wake);
    }

    /// How often [`Kind::tick`] is wanted; nothing for a kind that lets no request wait.
    fn tick_period(&self) -> Option<Duration> {
        None
    }
}

impl ProviderConfig {
    /// Where its credential is looked for.
    pub(crate) fn from(&self) -> &[Location] {
        match self {
            Self::ApiKey(config) => &config.from,
            Self::Basic(config) => &config.from,
            Self::Jwt(config) => &config.from,
            Self::Mtls(config) => &config.from,
            Self::Introspection(config) => &config.from,
            Self::ExtAuthz(_) => &[],
            Self::Hmac(_) => &[],
        }
    }

    /// What is taken out of requests that go on.
    pub(crate) fn stripped(&self) -> &[Location] {
        match self {
            Self::Hmac(config) => &config.stripped,
            _ => self.from(),
        }
    }

    /// The key it stands under.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::ApiKey(_) => "api_key",
            Self::Basic(_) => "basic",
            Self::Jwt(_) => "jwt",
            Self::Mtls(_) => "mtls",
            Self::Introspection(_) => "introspection",
            Self::ExtAuthz(_) => "ext_authz",
            Self::Hmac(_) => "hmac",
        }
    }

    /// The headers that it sets for the upstream, beside those of `forward`.
    pub(crate) fn sets(&self) -> &[HeaderName] {
        match self {
            Self::ExtAuthz(config) => config.sets(),
            _ => &[],
        }
    }

    /// The headers of the client that it sends elsewhere.
    pub(crate) fn sends(&self) -> &[HeaderName] {
        match self {
            Self::ExtAuthz(config) => config.sends(),
            _ => &[],
        }
    }
}

impl Provider {
    pub(crate) fn new(name: Identifier, config: ProviderConfig, headers: &[ClaimHeader]) -> Self {
        let kind: Box<dyn Kind> = match config {
            ProviderConfig::ApiKey(config) => Box::new(ApiKeys::new(config, &name, headers)),
            ProviderConfig::Basic(config) => Box::new(Passwords::new(config, &name, headers)),
            ProviderConfig::Jwt(config) => Box::new(Tokens::new(config, &name, headers)),
            ProviderConfig::Mtls(config) => Box::new(Certificates::new(config, &name, headers)),
            ProviderConfig::Introspection(config) => {
                Box::new(Introspection::new(config, &name, headers))
            }
            ProviderConfig::ExtAuthz(config) => Box::new(ExtAuthz::new(config, &name, headers)),
            ProviderConfig::Hmac(config) => Box::new(Signed::new(config, &name, headers)),
        };
        Self { name, kind }
    }
}

impl From<std::result::Result<Rc<Identity>, Reason>> for Opinion {
    fn from(checked: std::result::Result<Rc<Identity>, Reason>) -> Self {
        match checked {
            Ok(identity) => Self::Good(identity),
            Err(reason) => Self::Bad(reason),
        }
    }
}
