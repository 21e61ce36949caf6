//! Signatures of webhooks: GitHub, Stripe, Standard Webhooks, and a configurable canonical string.
//!
//! All of them are an HMAC under a secret that sender and receiver share. A scheme reads the headers,
//! which can refuse a request before its body is there, and answers what is [`Pending`]; the body
//! decides it:
//!
//! 1. [`github`], [`stripe`], [`standard_webhooks`] and [`Canonical::read`] read the signature, the time
//!    and what else is signed, by the rules of their own documentation. A header that counts is
//!    there once: which of two counts is anybody's guess, so none does.
//! 2. [`Pending::verify`] computes the MAC under every secret and compares it with every signature
//!    that was sent, all of them in constant time, whichever fits. Several secrets are there at once
//!    while one is rolled over.
//! 3. [`Verified::replay_key`] names what was signed, for a table of what was seen.
//!
//! Nothing here reads a clock or keeps state. Secrets are not printed, and wiped when dropped.
//!
//! # Replays
//!
//! The key is the SHA-256 of what was signed. Not the signature: under two secrets there are two of
//! them, and who sends a request again could leave one out. Not `X-GitHub-Delivery`, which is not
//! signed. Not `webhook-id` alone, which a sender repeats when it delivers again, with a new time.
//!
//! Whoever signs the same twice is seen as a replay: GitHub's "redeliver", a canonical string
//! without time or nonce. Two senders with secrets of their own may sign the same, so a table must
//! have more in its keys than this: [`Verified::secret`] tells them apart.

mod canonical;
mod encoding;
mod fields;
mod github;
mod mac;
mod pending;
mod refusal;
mod secret;
mod standard;
mod stripe;
mod timestamp;

#[cfg(test)]
mod interop;
#[cfg(test)]
mod message;

pub use canonical::{Canonical, CanonicalConfig, CanonicalError, Nonce, Part, Request, Time};
pub use encoding::Encoding;
pub use fields::Fields;
pub use github::github;
pub use mac::MacAlgorithm;
pub use pending::{Pending, Verified};
pub use refusal::Refusal;
pub use secret::{Secret, SecretError};
pub use standard::standard_webhooks;
pub use stripe::stripe;
pub use timestamp::{Clock, Unit};
