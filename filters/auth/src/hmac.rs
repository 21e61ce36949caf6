//! The provider `hmac`: requests that their sender signed, by RFC 9421 or as webhooks are.
//!
//! What is decided, in this order:
//!
//! 1. No signature by the scheme, or none for us (another label or tag): the credential is missing.
//! 2. A header that the signature depends on in two spellings (`x-a` and `x_a`), or twice where it may
//!    be there once: `credential_ambiguous`. Which of them the upstream would read is anybody's guess.
//! 3. What the headers alone show to be bad is refused without waiting for a body: what is malformed, a
//!    key of nobody, an algorithm that is not the key's, a time that is not now, too little covered.
//! 4. RFC 9421: the signature, over headers only, is verified before a body is waited for. By the
//!    proxy's own verifier for RSA (PKCS #1) and ECDSA, in Rust otherwise. Where the proxy cannot, RSA is
//!    verified in Rust, and ECDSA is refused (`gatehouse-jose` has no code for it in a module).
//! 5. The body is waited for where it is signed, unless its `content-length` is too much already.
//!    Then RFC 9421 holds it against `content-digest`, the other schemes verify their signature.
//! 6. What was signed is put down in a table that all workers share (`gatehouse-replay`): whoever was
//!    there before is refused, and so is who cannot be put down. That comes last, so that nobody but
//!    the holder of a key takes room in it. Of several good signatures (RFC 9421) each is put down:
//!    otherwise the request would be good once more without the first of them.
//!
//! A request that waited is verified anew: nothing of it is kept but its headers, which the proxy
//! holds. So a signature may end while its body is still coming, and is then refused.

mod canonical;
mod config;
mod keys;
mod message;
mod webhook;

use crate::credential::{Location, Presented};
use crate::identity::{ClaimHeader, Identity};
use crate::provider::{Kind, Opinion, Wait};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use config::Scheme;
use gatehouse_host::{Body, Headers, Host, HostError, Level, Request, StreamId, Timestamp};
use gatehouse_replay::{Failure, Seen, Table};
use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

pub(crate) use config::HmacConfig;

/// The places of [`Kind::counters`].
const HOST_VERIFY_UNAVAILABLE: usize = 0;
const REPLAY_FULL: usize = 1;
const REPLAY_FAILED: usize = 2;

/// One provider.
pub(crate) struct Signed {
    provider: String,
    scheme: Scheme,
    /// Whose the keys are, in the order of the configuration.
    identities: Vec<Rc<Identity>>,
    body: BodyLimits,
    replays: Option<Replays>,
    /// The request that began to wait last, and until when.
    last_wait: Cell<Option<(StreamId, Timestamp)>>,
    /// Whether it was said that bodies do not come.
    said_no_body: Cell<bool>,
    /// Whether it was said that nothing can be remembered.
    said_no_memory: Cell<bool>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BodyLimits {
    most: usize,
    timeout: Duration,
    /// Whether a body may go on that nobody signed.
    unsigned: bool,
}

/// What was seen.
struct Replays {
    table: Table,
    /// How long what has no time is remembered.
    keep: Duration,
}

/// What was signed, and by which key.
struct Verified {
    key: usize,
    /// Names it among what was seen.
    name: [u8; 32],
    /// The last second at which it is good, since the epoch, where it has an end.
    until: Option<u64>,
    /// The other good signatures of the request.
    others: Vec<Verified>,
}

/// Why a signature is not verified.
#[derive(Debug)]
enum Stop {
    Missing,
    Bad(Reason),
    /// The body has not come.
    NoBody,
    Host(HostError),
}

impl Kind for Signed {
    fn from(&self) -> &[Location] {
        &[]
    }

    fn check(
        &self,
        _: &Presented,
        request: &mut Request<'_>,
        stats: &ProviderStats,
    ) -> gatehouse_host::Result<Opinion> {
        let now = request.now()?;
        let verified = match &self.scheme {
            Scheme::Message(message) => self.message(message, request, now, stats),
            Scheme::Webhook(webhook) => self.webhook(webhook, request, now),
        };
        match verified {
            Ok(verified) => Ok(self.vouch(&verified, now, request.host(), stats).into()),
            Err(Stop::Missing) => Ok(Opinion::Missing),
            Err(Stop::Bad(reason)) => Ok(Opinion::Bad(reason)),
            Err(Stop::NoBody) => Ok(self.wait(request, now)),
            Err(Stop::Host(error)) => Err(error),
        }
    }

    /// There is no scheme for it: `Accept-Signature` (RFC 9421, section 5.1) is no challenge, and says
    /// more of the policy than a stranger needs.
    fn challenge(&self, _: Option<Reason>) -> Option<Cow<'static, str>> {
        None
    }

    fn counters(&self) -> &'static [&'static str] {
        &["host_verify_unavailable", "replay_full", "replay_failed"]
    }

    /// For the ends of waits.
    fn tick_period(&self) -> Option<Duration> {
        let quarter = self.body.timeout / 4;
        let period = quarter.clamp(Duration::from_millis(100), Duration::from_secs(1));
        self.scheme.may_need_body().then_some(period)
    }
}

impl Signed {
    /// The provider of this name.
    pub(crate) fn new(config: HmacConfig, provider: &str, headers: &[ClaimHeader]) -> Self {
        let identities = config.consumers.into_iter().filter_map(|mut consumer| {
            provider.clone_into(&mut consumer.provider);
            // A configured name is safe, and there are no claims: never refused.
            Identity::new(consumer, headers).ok().map(Rc::new)
        });
        let replays = config.replay.map(|replay| Replays {
            table: Table::new(
                format!("gatehouse.auth.replay.{provider}"),
                replay.slots,
                replay.longest,
            ),
            keep: replay.longest,
        });
        Self {
            provider: provider.to_owned(),
            identities: identities.collect(),
            scheme: config.scheme,
            body: config.body,
            replays,
            last_wait: Cell::default(),
            said_no_body: Cell::default(),
            said_no_memory: Cell::default(),
        }
    }

    /// Who signed it, if it was not presented before.
    fn vouch(
        &self,
        verified: &Verified,
        now: Timestamp,
        host: &dyn Host,
        stats: &ProviderStats,
    ) -> Result<Rc<Identity>, Reason> {
        let identity = self.identities.get(verified.key);
        let identity = identity.ok_or(Reason::SignatureKeyUnknown)?;
        for signature in std::iter::once(verified).chain(&verified.others) {
            self.remember(signature, now, host, stats)?;
        }
        Ok(identity.clone())
    }

    /// Refuses what was signed if it was presented before.
    fn remember(
        &self,
        verified: &Verified,
        now: Timestamp,
        host: &dyn Host,
        stats: &ProviderStats,
    ) -> Result<(), Reason> {
        let Some(replays) = &self.replays else {
            return Ok(());
        };
        let identity = self.identities.get(verified.key);
        let identity = identity.ok_or(Reason::SignatureKeyUnknown)?;
        let until = match verified.until {
            Some(seconds) => Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000)),
            None => now.after(replays.keep),
        };
        // Not the key: of signatures under two secrets of one sender, a second presentation could leave
        // one out and be verified by the other.
        let id = [identity.consumer.name.as_bytes(), &verified.name];
        match replays.table.first_time(&id, until, now, host) {
            Ok(Seen::First) => {
                self.said_no_memory.set(false);
                Ok(())
            }
            Ok(Seen::Before) => Err(Reason::Replayed),
            Err(failure) => {
                let counter = match failure {
                    Failure::Full => REPLAY_FULL,
                    _ => REPLAY_FAILED,
                };
                stats.count(host, counter);
                if !self.said_no_memory.replace(true) {
                    let provider = &self.provider;
                    host.log(
                        Level::Warn,
                        &format!("auth: {provider}: a request cannot be remembered: {failure}"),
                    );
                }
                Err(Reason::ReplayUnavailable)
            }
        }
    }

    /// The body, all of it.
    fn body(&self, request: &Request<'_>) -> Result<Vec<u8>, Stop> {
        match request.body() {
            Body::Coming => Err(Stop::NoBody),
            Body::TooLong => Err(Stop::Bad(Reason::BodyTooLong)),
            // Another provider may have waited for more.
            Body::Complete(size) if size > self.body.most => Err(Stop::Bad(Reason::BodyTooLong)),
            Body::Complete(size) => {
                if size > 0 {
                    self.said_no_body.set(false);
                }
                request.body_bytes().map_err(Stop::Host)
            }
        }
    }

    fn wait(&self, request: &Request<'_>, now: Timestamp) -> Opinion {
        if request.wait_is_over() {
            self.say_why_no_body(request, now);
        }
        let until = now.after(self.body.timeout);
        self.last_wait.set(Some((request.stream(), until)));
        Opinion::Wait(Wait::Body(self.body.most, until))
    }

    /// A wait that ends without a byte of the body may be a slow client's. Mostly it is a setting.
    fn say_why_no_body(&self, request: &Request<'_>, now: Timestamp) {
        let last = self.last_wait.get();
        // Refused a wait at once: too many requests wait.
        if last.is_some_and(|(stream, until)| stream == request.stream() && now < until) {
            return;
        }
        let host = request.host();
        if host.request_body(1).is_ok_and(|bytes| !bytes.is_empty()) {
            return;
        }
        if !self.said_no_body.replace(true) {
            let line = format!(
                "auth: {}: not a byte of a request's body came in time: does the Envoy configuration of this \
                 plugin have \"allow_on_headers_stop_iteration: true\"? Without it, bodies cannot be waited for",
                self.provider
            );
            host.log(Level::Error, &line);
        }
    }

    /// Whether the body will be longer than is waited for. What its length is in the end, `body` sees.
    fn is_too_long(&self, headers: &Headers) -> bool {
        headers.all("content-length").any(|value| {
            let length = std::str::from_utf8(value).ok();
            let length = length.and_then(|text| text.parse::<usize>().ok());
            length.is_some_and(|length| length > self.body.most)
        })
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Bad(reason)
    }
}

impl From<HostError> for Stop {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

/// What a refusal of `gatehouse-http-signature` or `gatehouse-webhook-signature` is here, by its code.
fn stop(code: &str) -> Stop {
    Stop::Bad(match code {
        "signature_missing" | "signature_not_for_us" => return Stop::Missing,
        "algorithm_unsupported" => Reason::SignatureAlgorithm,
        "component_unavailable" | "signature_invalid" => Reason::SignatureWrong,
        "signature_parameter_missing" | "signature_covers_too_little" => Reason::SignatureCoverage,
        "signature_expired" => Reason::SignatureExpired,
        "signature_not_yet_valid" => Reason::SignatureNotYetValid,
        _ => Reason::SignatureMalformed,
    })
}

/// The headers, for the crates that know the schemes.
struct Received<'h>(&'h Headers);

impl gatehouse_http_signature::Fields for Received<'_> {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        values(self.0, name)
    }
}

impl gatehouse_webhook_signature::Fields for Received<'_> {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        values(self.0, name)
    }
}

fn values<'h>(headers: &'h Headers, name: &str) -> Vec<&'h [u8]> {
    let lines = headers.iter();
    lines
        .filter(|(other, _)| *other == name.as_bytes())
        .map(|(_, value)| value)
        .collect()
}

/// A pseudo-header; empty where it is not there.
fn pseudo<'h>(headers: &'h Headers, name: &'h str) -> &'h [u8] {
    headers.all(name).next().unwrap_or_default()
}
