//! Which rule decides, and what it decides. Nothing of the request is changed here.
//!
//! A request that waits is decided on anew, from the first rule, when it is woken. Which rule applies
//! depends on what has not changed since; and what a provider said of it then still holds ([`Memo`]):
//! a nonce that was used up by this request must not count as used before, nor a failure twice. One whose wait was
//! too long says so alone: how long a body takes is the client's choice, and the next provider still asks its service.
//! Expressions are evaluated before the wait ([`gatehouse_host::HttpFilter::foresee`]).

use crate::config::Config;
use crate::credential::{self, Presented};
use crate::identity::Identity;
use crate::provider::{Opinion, Wait};
use crate::reason::Reason;
use crate::rule::{Access, Needed, Requirement};
use crate::stats::Stats;
use gatehouse_host::Request;
use gatehouse_request_match::Subject;
use gatehouse_trace::trace;
use std::rc::Rc;
use std::time::Duration;

/// What is to become of a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    /// It goes on, from nobody in particular.
    Anonymous,
    /// It goes on, and this is who sent it.
    Allowed(Vouched),
    /// It does not.
    Denied(Refusal),
    /// That cannot be said yet.
    Wait(Wait),
}

/// What is known of a request that waits.
#[derive(Debug, Default)]
pub struct Memo {
    /// What providers have said.
    said: Vec<(usize, Opinion)>,
    /// It was waited for its body, which did not come in time. The next provider does not wait for it again: a client
    /// would have the time of them all.
    body_is_late: bool,
}

/// A consumer, and the provider that vouched first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vouched {
    pub(crate) identity: Rc<Identity>,
    pub(crate) provider: usize,
}

/// Why not.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// The providers whose challenges the answer has.
    pub(crate) challenged: Vec<usize>,
    /// The scopes that would have been needed.
    pub(crate) scopes: Vec<String>,
    /// Who sent it, where the credential was good and did not suffice.
    pub(crate) consumer: Option<Rc<Identity>>,
    /// What the provider wants the client to get.
    pub(crate) own: Option<Rc<OwnReply>>,
    /// After how long another attempt is worth it, where that is known.
    pub(crate) retry_after: Option<Duration>,
}

/// A denial that is a provider's own.
#[derive(Debug, PartialEq)]
pub(crate) struct OwnReply {
    /// 3xx to 5xx.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// Without one, the denial looks as all others do.
    pub(crate) body: Option<Vec<u8>>,
}

impl Refusal {
    fn plain(reason: Reason) -> Self {
        Self {
            reason,
            challenged: Vec::new(),
            scopes: Vec::new(),
            consumer: None,
            own: None,
            retry_after: None,
        }
    }
}

/// Decides, by the rules of the crate's documentation.
pub(crate) fn decide(
    config: &Config,
    stats: &Stats,
    request: &mut Request<'_>,
    memo: &mut Memo,
) -> gatehouse_host::Result<Decision> {
    let mut subject = Subject::new(config.trusted_hops);
    if subject.path(request)?.is_ambiguous() {
        trace!(("path"), ("can be read in more than one way"));
        return Ok(Decision::Denied(Refusal::plain(Reason::PathAmbiguous)));
    }
    if subject.is_host_ambiguous(request)? {
        trace!(("host"), ("can be read in more than one way"));
        return Ok(Decision::Denied(Refusal::plain(Reason::HostAmbiguous)));
    }
    let candidates = config.index.candidates(&mut subject, request)?;
    for place in candidates {
        let Some(rule) = config.rules.get(place) else {
            continue;
        };
        let applies = match &rule.matching {
            Some(matching) => match matching.matches(&mut subject, request) {
                // Whether the rule applies is unknown, and so is what the next one would allow.
                Err(_) if subject.take_failed_expression() => {
                    trace!(("rules[{place}]"), ("its expression cannot be evaluated"));
                    return Ok(Decision::Denied(Refusal::plain(Reason::ExpressionFailed)));
                }
                matched => matched?,
            },
            None => true,
        };
        if applies {
            trace!(("rules[{place}]"), ("applies"));
            return match &rule.access {
                Access::Anonymous => Ok(Decision::Anonymous),
                Access::Require(requirement) => require(config, stats, requirement, request, memo),
            };
        }
        trace!(("rules[{place}]"), ("does not apply"));
    }
    trace!(("rules"), ("none applies"));
    Ok(Decision::Denied(Refusal::plain(Reason::NoRule)))
}

fn require(
    config: &Config,
    stats: &Stats,
    requirement: &Requirement,
    request: &mut Request<'_>,
    memo: &mut Memo,
) -> gatehouse_host::Result<Decision> {
    let headers = request.headers()?;
    let mut credentials = Vec::with_capacity(requirement.providers.len());
    for place in &requirement.providers {
        let Some(provider) = config.providers.get(*place) else {
            continue;
        };
        let presented = credential::read(provider.kind.from(), headers);
        if presented == Presented::Several {
            trace!(
                ("provider {}", provider.name),
                ("its credential is there more than once")
            );
            return Ok(Decision::Denied(Refusal {
                challenged: vec![*place],
                ..Refusal::plain(Reason::CredentialAmbiguous)
            }));
        }
        credentials.push(Credential {
            provider: *place,
            presented,
            opinion: memo.recall(*place),
        });
    }
    let mut check = Check {
        config,
        stats,
        request,
        credentials,
        body_is_late: memo.body_is_late,
    };
    let outcome = check.evaluate(&requirement.needed)?;
    let refusal = match outcome {
        Outcome::Wait(wait) => {
            memo.body_is_late = check.body_is_late;
            memo.remember(check.credentials);
            return Ok(Decision::Wait(wait));
        }
        Outcome::Good(vouched) => {
            let authorize = &requirement.authorize;
            let checked = authorize.check(&vouched.identity.consumer);
            let authorized = checked.and_then(|()| authorize.when(check.request));
            if let Err(_reason) = authorized {
                trace!(("authorize"), ("refuses: {}", _reason.as_str()));
            }
            match authorized {
                Ok(()) => return Ok(Decision::Allowed(vouched)),
                Err(reason @ Reason::ForbiddenScope) => Refusal {
                    challenged: check.good().collect(),
                    scopes: authorize.scopes().to_vec(),
                    consumer: Some(vouched.identity),
                    ..Refusal::plain(reason)
                },
                Err(reason) => Refusal {
                    consumer: Some(vouched.identity),
                    ..Refusal::plain(reason)
                },
            }
        }
        Outcome::Missing => Refusal {
            challenged: requirement.providers.clone(),
            ..Refusal::plain(Reason::CredentialMissing)
        },
        Outcome::Bad(reason, provider, own) => Refusal {
            challenged: vec![provider],
            own,
            retry_after: check.retry_after(provider),
            ..Refusal::plain(reason)
        },
    };
    Ok(Decision::Denied(refusal))
}

/// What a request presents to one provider, and what the provider said, once it was asked.
struct Credential {
    provider: usize,
    presented: Presented,
    opinion: Option<Opinion>,
}

impl Memo {
    fn recall(&self, provider: usize) -> Option<Opinion> {
        let mut known = self.said.iter().filter(|(place, _)| *place == provider);
        known.next().map(|(_, opinion)| opinion.clone())
    }

    fn remember(&mut self, credentials: Vec<Credential>) {
        let said = credentials.into_iter().filter_map(|credential| {
            let opinion = credential.opinion?;
            (!matches!(opinion, Opinion::Wait(_))).then_some((credential.provider, opinion))
        });
        self.said = said.collect();
    }
}

enum Outcome {
    Good(Vouched),
    Missing,
    /// The reason, the provider that gave it, and what it wants the client to get.
    Bad(Reason, usize, Option<Rc<OwnReply>>),
    Wait(Wait),
}

struct Check<'c, 'r, 'a> {
    config: &'c Config,
    stats: &'c Stats,
    request: &'r mut Request<'a>,
    credentials: Vec<Credential>,
    body_is_late: bool,
}

impl Check<'_, '_, '_> {
    fn evaluate(&mut self, needed: &Needed) -> gatehouse_host::Result<Outcome> {
        match needed {
            Needed::Provider(place) => self.provider(*place),
            Needed::AnyOf(items) => self.any_of(items),
            Needed::AllOf(items) => self.all_of(items),
        }
    }

    /// The providers that have vouched.
    fn good(&self) -> impl Iterator<Item = usize> {
        let good = |credential: &&Credential| matches!(credential.opinion, Some(Opinion::Good(_)));
        let good = self.credentials.iter().filter(good);
        good.map(|credential| credential.provider)
    }

    /// After how long a provider looks at the credential again.
    fn retry_after(&self, place: usize) -> Option<Duration> {
        let mut of = self.credentials.iter().filter(|of| of.provider == place);
        match of.next()?.opinion {
            Some(Opinion::Later(_, wait)) => Some(wait),
            _ => None,
        }
    }

    /// Asks a provider, once.
    fn provider(&mut self, place: usize) -> gatehouse_host::Result<Outcome> {
        let credential = self
            .credentials
            .iter_mut()
            .find(|credential| credential.provider == place);
        let parts = (
            credential,
            self.config.providers.get(place),
            self.stats.provider(place),
        );
        let (Some(credential), Some(provider), Some(stats)) = parts else {
            return Ok(Outcome::Missing);
        };
        let opinion = match credential.opinion.take() {
            Some(opinion) => opinion,
            None => {
                let checked = provider
                    .kind
                    .check(&credential.presented, self.request, stats)?;
                let is_over = self.request.wait_is_over();
                let opinion = match checked {
                    Opinion::Wait(Wait::Body(..)) if is_over || self.body_is_late => {
                        self.body_is_late = true;
                        Opinion::Bad(Reason::WaitTimeout)
                    }
                    Opinion::Wait(_) if is_over => Opinion::Bad(Reason::WaitTimeout),
                    opinion => opinion,
                };
                // Who is asked first after a wait is who waited: what was said before is known.
                if !matches!(opinion, Opinion::Wait(_)) {
                    self.request.next_turn();
                }
                opinion
            }
        };
        trace!(("provider {}", provider.name), ("{opinion}"));
        Ok(match credential.opinion.insert(opinion) {
            Opinion::Missing => Outcome::Missing,
            Opinion::Wait(wait) => Outcome::Wait(*wait),
            Opinion::Bad(reason) | Opinion::Later(reason, _) => Outcome::Bad(*reason, place, None),
            Opinion::Refused(reason, own) => Outcome::Bad(*reason, place, Some(own.clone())),
            Opinion::Good(identity) => Outcome::Good(Vouched {
                identity: identity.clone(),
                provider: place,
            }),
        })
    }

    /// The first good one. Without one, the first that was there and bad; that another issuer signed a
    /// token counts only where nobody has more to say of it. What comes after one that has to wait is
    /// not asked: it might count in its place.
    fn any_of(&mut self, items: &[Needed]) -> gatehouse_host::Result<Outcome> {
        let mut refusal = Outcome::Missing;
        for item in items {
            match (self.evaluate(item)?, &refusal) {
                (good @ (Outcome::Good(_) | Outcome::Wait(_)), _) => return Ok(good),
                (bad @ Outcome::Bad(..), Outcome::Missing) => refusal = bad,
                (Outcome::Bad(Reason::TokenIssuer, ..), _) => {}
                (bad @ Outcome::Bad(..), Outcome::Bad(Reason::TokenIssuer, ..)) => refusal = bad,
                _ => {}
            }
        }
        Ok(refusal)
    }

    /// All of them, as one consumer. Otherwise the first that is not good.
    fn all_of(&mut self, items: &[Needed]) -> gatehouse_host::Result<Outcome> {
        let mut good = Vec::with_capacity(items.len());
        for item in items {
            match self.evaluate(item)? {
                Outcome::Good(vouched) => good.push(vouched),
                other => return Ok(other),
            }
        }
        let Some(first) = good.first().cloned() else {
            return Ok(Outcome::Missing);
        };
        if good.len() == 1 {
            return Ok(Outcome::Good(first));
        }
        let identities: Vec<&Identity> = good.iter().map(|vouched| &*vouched.identity).collect();
        let headers = &self.config.forward.claim_headers;
        Ok(match Identity::together(&identities, headers) {
            Ok(identity) => Outcome::Good(Vouched {
                identity: Rc::new(identity),
                provider: first.provider,
            }),
            Err(reason) => Outcome::Bad(reason, first.provider, None),
        })
    }
}
