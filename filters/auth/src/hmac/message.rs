//! RFC 9421: which signature, and what it must be.

use super::{HOST_VERIFY_UNAVAILABLE, Received, Signed, Stop, Verified, pseudo, stop};
use crate::reason::Reason;
use crate::spelling;
use crate::stats::ProviderStats;
use gatehouse_host::{Body, Headers, Host, Request, Timestamp};
use gatehouse_http_signature::{
    Algorithm, Component, ContentDigest, MAX_COMPONENTS, Policy, Refusal, Signature, Signatures,
    StructuredFields, replay_key,
};
use gatehouse_jose::Key;

/// After so many signatures that are not by their keys no other is looked at: what one costs is at
/// anybody's expense.
const MAX_WRONG: usize = 2;

/// What is demanded of a message, and by whom it may be signed.
pub(super) struct Message {
    pub(super) keys: Vec<MessageKey>,
    pub(super) policy: Policy,
    pub(super) label: Option<String>,
    /// What a signature must cover where there is a body, unless bodies need not be signed.
    pub(super) content_digest: Component,
}

/// A key, for one algorithm.
pub(super) struct MessageKey {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: Key,
}

/// What the headers show.
struct Checked {
    verified: Verified,
    /// What the body must be, where that is signed.
    digest: Option<ContentDigest>,
}

/// What all signatures of a request are held against.
struct Check<'c> {
    message: &'c Message,
    headers: &'c Headers,
    /// Whether there must be a digest.
    needs_digest: bool,
    /// Whether all good signatures are wanted, not the first alone.
    needs_all: bool,
    now: u64,
    host: &'c dyn Host,
    stats: &'c ProviderStats,
}

impl Signed {
    pub(super) fn message(
        &self,
        message: &Message,
        request: &mut Request<'_>,
        now: Timestamp,
        stats: &ProviderStats,
    ) -> Result<Verified, Stop> {
        let host = request.host();
        let has_body = request.body() != Body::Complete(0);
        let headers = request.headers()?;
        let check = Check {
            message,
            headers,
            needs_digest: has_body && !self.body.unsigned,
            needs_all: self.replays.is_some(),
            now: now.as_nanos() / 1_000_000_000,
            host,
            stats,
        };
        let checked = check.signatures()?;
        if let Some(digest) = checked.digest {
            if self.is_too_long(headers) {
                return Err(Stop::Bad(Reason::BodyTooLong));
            }
            let mut check = digest.check();
            check.update(&self.body(request)?);
            check.finish().map_err(|_| Reason::DigestMismatch)?;
        }
        Ok(checked.verified)
    }
}

impl Check<'_> {
    /// The first signature that is good, and the others.
    fn signatures(&self) -> Result<Checked, Stop> {
        self.refuse_spellings("signature")?;
        self.refuse_spellings("signature-input")?;
        let signatures = Signatures::parse(&Received(self.headers), MAX_COMPONENTS);
        let signatures = signatures.map_err(|refusal| stop(refusal.code()))?;
        let tag = &self.message.policy.tag;
        let fits = |signature: &Signature| {
            self.key(signature).is_some() && (tag.is_none() || *tag == signature.tag)
        };
        let candidates = signatures.candidates(self.message.label.as_deref(), &fits);
        let candidates = candidates.map_err(|refusal| match refusal {
            Refusal::NoneFits => Stop::Bad(Reason::SignatureKeyUnknown),
            refusal => stop(refusal.code()),
        })?;
        let mut refused = None;
        let mut wrong = 0;
        let mut good = None;
        let mut candidates = candidates.into_iter();
        while good.is_none()
            && wrong < MAX_WRONG
            && let Some(signature) = candidates.next()
        {
            match self.signature(signature) {
                Ok(checked) => good = Some(checked),
                Err(stop) => {
                    wrong += usize::from(matches!(stop, Stop::Bad(Reason::SignatureWrong)));
                    refused.get_or_insert(stop);
                }
            }
        }
        let mut good = good.ok_or(refused.unwrap_or(Stop::Missing))?;
        if self.needs_all {
            let others = candidates.filter_map(|other| self.signature(other).ok());
            good.verified.others = others.map(|other| other.verified).collect();
        }
        Ok(good)
    }

    fn signature(&self, signature: &Signature) -> Result<Checked, Stop> {
        let Message {
            policy,
            content_digest,
            ..
        } = self.message;
        // Before the key: a signature for somebody else need not be by a key of ours.
        if policy.tag.is_some() && policy.tag != signature.tag {
            return Err(Stop::Missing);
        }
        let (place, key) = self.key(signature).ok_or(Reason::SignatureKeyUnknown)?;
        // RFC 9421, section 3.2, step 6: the key says which, the message may only agree.
        if signature.alg.is_some_and(|alg| alg != key.algorithm) {
            return Err(Stop::Bad(Reason::SignatureAlgorithm));
        }
        let checked = policy.check(signature, self.now);
        checked.map_err(|refusal| stop(refusal.code()))?;
        let has_digest = signature.covers(content_digest);
        if self.needs_digest && !has_digest {
            return Err(Stop::Bad(Reason::SignatureCoverage));
        }
        for component in &signature.components {
            if let Some(name) = field(component) {
                self.refuse_spellings(name)?;
            }
        }
        let base = signature.base(&self.request(), &StructuredFields::default());
        let base = base.map_err(|refusal| stop(refusal.code()))?;
        if !self.is_by(key, &base, &signature.signature) {
            return Err(Stop::Bad(Reason::SignatureWrong));
        }
        // After the signature: who sends nonsense need not learn whether it was read.
        let digest = match has_digest {
            true => {
                let lines: Vec<&[u8]> = self.headers.all("content-digest").collect();
                let digest = ContentDigest::parse(&lines);
                Some(digest.map_err(|_| Reason::DigestMismatch)?)
            }
            false => None,
        };
        Ok(Checked {
            verified: Verified {
                key: place,
                name: replay_key(&base),
                until: policy.valid_until(signature),
                others: Vec::new(),
            },
            digest,
        })
    }

    /// The key that a signature names. It need not name one where there is but one.
    fn key(&self, signature: &Signature) -> Option<(usize, &MessageKey)> {
        let mut keys = self.message.keys.iter().enumerate();
        match (&signature.keyid, self.message.keys.len()) {
            (Some(id), _) => keys.find(|(_, key)| key.id == *id),
            (None, 1) => keys.next(),
            (None, _) => None,
        }
    }

    fn request(&self) -> gatehouse_http_signature::Request<'_> {
        gatehouse_http_signature::Request {
            method: pseudo(self.headers, ":method"),
            scheme: pseudo(self.headers, ":scheme"),
            authority: pseudo(self.headers, ":authority"),
            target: pseudo(self.headers, ":path"),
            fields: self.fields(),
        }
    }

    fn fields(&self) -> &dyn gatehouse_http_signature::Fields {
        self
    }

    fn refuse_spellings(&self, name: &str) -> Result<(), Stop> {
        match spelling::others(self.headers, name).next() {
            Some(_) => Err(Stop::Bad(Reason::CredentialAmbiguous)),
            None => Ok(()),
        }
    }

    fn is_by(&self, key: &MessageKey, base: &[u8], signature: &[u8]) -> bool {
        let MessageKey { algorithm, key, .. } = key;
        let Some(algorithm) = jose(*algorithm) else {
            return false;
        };
        if let Some(material) = key.host_material(algorithm) {
            let Some(signature) = key.host_signature(algorithm, signature) else {
                return false;
            };
            let answer =
                self.host
                    .verify_signature(material.hash, material.spki_der, &signature, base);
            match answer {
                Ok(good) => return good,
                Err(_) => self.stats.count(self.host, HOST_VERIFY_UNAVAILABLE),
            }
        }
        key.verify(algorithm, base, signature)
    }
}

impl gatehouse_http_signature::Fields for Check<'_> {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        super::values(self.headers, name)
    }
}

/// The name of the field that a component is, or is of.
fn field(component: &Component) -> Option<&str> {
    let name = component.identifier().split('"').nth(1)?;
    (!name.starts_with('@')).then_some(name)
}

/// The same algorithm, as tokens name it.
pub(super) fn jose(algorithm: Algorithm) -> Option<gatehouse_jose::Algorithm> {
    use gatehouse_jose::Algorithm as Jose;
    Some(match algorithm {
        Algorithm::RsaPssSha512 => Jose::Ps512,
        Algorithm::RsaV15Sha256 => Jose::Rs256,
        Algorithm::HmacSha256 => Jose::Hs256,
        Algorithm::EcdsaP256Sha256 => Jose::Es256,
        Algorithm::EcdsaP384Sha384 => Jose::Es384,
        Algorithm::Ed25519 => Jose::EdDsa,
        _ => return None,
    })
}
