//! Who can vouch for a request: one module a kind.

use crate::api_key::{ApiKeyConfig, ApiKeys};
use crate::credential::{Location, Presented};
use crate::identity::{ClaimHeader, Identity};
use crate::jwt::{JwtConfig, Tokens};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use gatehouse_config::{Identifier, one_of};
use gatehouse_host::{Request, Result};
use std::rc::Rc;

one_of! {
    /// What stands under a provider's name.
    pub(crate) enum ProviderConfig {
        /// Keys that the operator hands out.
        ApiKey(ApiKeyConfig) = "api_key",
        /// Tokens that an issuer signs.
        Jwt(JwtConfig) = "jwt",
    }
}

/// A provider that is ready to be asked.
pub(crate) struct Provider {
    pub(crate) name: Identifier,
    pub(crate) from: Vec<Location>,
    kind: Kind,
}

enum Kind {
    ApiKey(ApiKeys),
    Jwt(Box<Tokens>),
}

/// What a provider says of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// It vouches for it.
    Good(Rc<Identity>),
    /// The request has no credential for it.
    Missing,
    /// The credential is not good.
    Bad(Reason),
}

impl ProviderConfig {
    /// Where its credential is looked for.
    pub(crate) fn from(&self) -> &[Location] {
        match self {
            Self::ApiKey(config) => &config.from,
            Self::Jwt(config) => &config.from,
        }
    }
}

impl ProviderConfig {
    /// The key it stands under.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::ApiKey(_) => "api_key",
            Self::Jwt(_) => "jwt",
        }
    }
}

impl Provider {
    pub(crate) fn new(name: Identifier, config: ProviderConfig, headers: &[ClaimHeader]) -> Self {
        let from = config.from().to_vec();
        let kind = match config {
            ProviderConfig::ApiKey(config) => Kind::ApiKey(ApiKeys::new(config, &name, headers)),
            ProviderConfig::Jwt(config) => Kind::Jwt(Box::new(Tokens::new(config, &name, headers))),
        };
        Self { name, from, kind }
    }

    /// Whether it remembers tokens.
    pub(crate) fn has_tokens(&self) -> bool {
        matches!(self.kind, Kind::Jwt(_))
    }

    /// Checks a credential. The clock is read only where the answer depends on it.
    pub(crate) fn check(
        &self,
        presented: &Presented,
        request: &mut Request<'_>,
        stats: &ProviderStats,
    ) -> Result<Answer> {
        let credential = match presented {
            Presented::Absent => return Ok(Answer::Missing),
            Presented::Several => return Ok(Answer::Bad(Reason::CredentialAmbiguous)),
            Presented::TooLong => {
                return Ok(Answer::Bad(match self.kind {
                    Kind::ApiKey(_) => Reason::KeyUnknown,
                    Kind::Jwt(_) => Reason::TokenTooLong,
                }));
            }
            Presented::One(credential) => credential,
        };
        let checked = match &self.kind {
            Kind::ApiKey(keys) => match keys.find(credential) {
                None => Err(Reason::KeyUnknown),
                Some(known) => {
                    let now = known.has_window().then(|| request.now()).transpose()?;
                    known.identity(now).cloned()
                }
            },
            Kind::Jwt(tokens) => {
                let now = request.now()?;
                tokens.identity(credential, now, request.host(), stats)
            }
        };
        Ok(match checked {
            Ok(identity) => Answer::Good(identity),
            Err(reason) => Answer::Bad(reason),
        })
    }

    /// What to present, for `www-authenticate` (RFC 9110, 11.6.1). `rejected` is whether something
    /// was presented and was not good (RFC 6750, 3.1).
    pub(crate) fn challenge(&self, rejected: bool) -> &'static str {
        match (&self.kind, rejected) {
            (Kind::ApiKey(_), _) => "ApiKey",
            (Kind::Jwt(_), false) => "Bearer",
            (Kind::Jwt(_), true) => "Bearer error=\"invalid_token\"",
        }
    }
}
