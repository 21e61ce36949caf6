//! Webhooks: the schemes of `gatehouse-webhook-signature`.

use super::{Received, Signed, Stop, Verified, pseudo, stop};
use crate::reason::Reason;
use crate::spelling;
use gatehouse_config::HeaderName;
use gatehouse_host::{Headers, Only, Request, Timestamp};
use gatehouse_webhook_signature::{
    Canonical, Clock, Pending, Refusal, Secret, github, standard_webhooks, stripe,
};

/// A scheme, and by whom a request may be signed.
pub(super) struct Webhook {
    pub(super) scheme: WebhookScheme,
    /// In the order of the configuration.
    pub(super) secrets: Vec<Secret>,
    /// The names of the secrets, in the same order.
    pub(super) ids: Vec<Option<String>>,
    /// In seconds.
    pub(super) tolerance: u64,
    /// The headers that it reads.
    pub(super) headers: Vec<HeaderName>,
}

/// Which.
pub(super) enum WebhookScheme {
    GitHub,
    Stripe,
    StandardWebhooks,
    Canonical {
        canonical: Canonical,
        /// The header that names the secret; without one, all are tried.
        key_id: Option<HeaderName>,
        /// Whether the body is signed.
        signs_body: bool,
    },
}

impl Signed {
    pub(super) fn webhook(
        &self,
        webhook: &Webhook,
        request: &mut Request<'_>,
        now: Timestamp,
    ) -> Result<Verified, Stop> {
        let headers = request.headers()?;
        let pending = webhook.read(headers, now)?;
        let candidates = webhook.candidates(headers)?;
        let body = match pending.needs_body() {
            true if self.is_too_long(headers) => return Err(Stop::Bad(Reason::BodyTooLong)),
            true => self.body(request)?,
            false => Vec::new(),
        };
        let (first, secrets) = candidates;
        let verified = pending
            .verify(&body, secrets)
            .map_err(|refusal| stop(refusal.code()))?;
        let tolerance = webhook.tolerance;
        Ok(Verified {
            key: first.saturating_add(verified.secret),
            name: verified.replay_key,
            until: verified
                .timestamp
                .map(|time| time.saturating_add(tolerance)),
            others: Vec::new(),
        })
    }
}

impl Webhook {
    fn read(&self, headers: &Headers, now: Timestamp) -> Result<Pending, Stop> {
        let clock = Clock {
            now: now.as_nanos() / 1_000_000_000,
            tolerance: self.tolerance,
        };
        let fields = Received(headers);
        let read = match &self.scheme {
            WebhookScheme::GitHub => github(&fields),
            WebhookScheme::Stripe => stripe(&fields, &clock),
            WebhookScheme::StandardWebhooks => standard_webhooks(&fields, &clock),
            WebhookScheme::Canonical { canonical, .. } => {
                let request = gatehouse_webhook_signature::Request {
                    method: pseudo(headers, ":method"),
                    authority: pseudo(headers, ":authority"),
                    target: pseudo(headers, ":path"),
                    fields: &fields,
                };
                canonical.read(&request, &clock)
            }
        };
        let pending = read.map_err(|refusal| match refusal {
            Refusal::HeaderRepeated => Stop::Bad(Reason::CredentialAmbiguous),
            refusal => stop(refusal.code()),
        })?;
        let mut names = self.headers.iter();
        match names.any(|name| spelling::others(headers, name).next().is_some()) {
            true => Err(Stop::Bad(Reason::CredentialAmbiguous)),
            false => Ok(pending),
        }
    }

    /// The secrets that it may be by, and the place of the first of them.
    fn candidates(&self, headers: &Headers) -> Result<(usize, &[Secret]), Stop> {
        let WebhookScheme::Canonical {
            key_id: Some(header),
            ..
        } = &self.scheme
        else {
            return Ok((0, &self.secrets));
        };
        let id = match headers.only(header) {
            Only::One(id) => id,
            Only::Absent => return Err(Stop::Bad(Reason::SignatureKeyUnknown)),
            Only::Several => return Err(Stop::Bad(Reason::CredentialAmbiguous)),
        };
        let named = |known: &Option<String>| known.as_deref().map(str::as_bytes) == Some(id);
        let place = self.ids.iter().position(named);
        place
            .and_then(|place| Some((place, self.secrets.get(place..=place)?)))
            .ok_or(Stop::Bad(Reason::SignatureKeyUnknown))
    }
}
