//! HTTP Message Signatures (RFC 9421) and Content-Digest (RFC 9530): what was signed, and how.
//!
//! The parts, in the order in which a request meets them:
//!
//! 1. [`Signatures::parse`] reads `Signature-Input` and `Signature`, and refuses what two readers
//!    could take in two ways: the rules are in [`signatures`].
//! 2. [`Signatures::candidates`] names the signatures to look at: by label, or by what the caller
//!    knows of keys.
//! 3. [`Policy::check`] holds a signature against what the operator demands: the components it must
//!    cover, its age, nonce and tag. It costs little, so it comes before the next step.
//! 4. [`Signature::base`] builds the bytes that were signed (section 2.5) from the [`Request`]: the
//!    rules are in [`base`].
//! 5. The caller verifies [`Signature::signature`] over the base with a key of its own, by an
//!    algorithm that belongs to the key. [`Signature::alg`] may contradict that, but never choose it
//!    (section 7.3.6).
//! 6. [`verify_content_digest`] holds the body against `Content-Digest`. A signature protects the
//!    body only if it covers `content-digest` *and* this is done (section 7.2.8).
//!
//! Nothing here holds keys, reads a clock or keeps state. All of it is bounded: signatures,
//! components and bytes.
//!
//! # What the signer saw, and what we see
//!
//! A proxy rewrites requests before filters see them, so some components can't be had as they were
//! sent. Of `@request-target` in absolute form only the path and query may be left. A scheme that a
//! load balancer in front took away is not the one that the signer used. Lines of the same header
//! may have been joined by a comma without a space, where section 2.1 wants one: a signer that
//! covers a header with several lines does better to send one line. Such a signature is refused;
//! none is accepted that should not be.
//!
//! # Replays
//!
//! A signature stays valid for another request that is alike in all it covers. [`replay_key`] names a
//! signature for a table of those seen, and [`Policy::valid_until`] says how long to keep it.

mod algorithm;
pub mod base;
mod component;
mod digest;
mod fields;
mod policy;
mod query;
mod refusal;
mod request;
pub mod signatures;
mod structured;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod message;
#[cfg(test)]
mod verification;

pub use algorithm::Algorithm;
pub use base::{MAX_BASE_BYTES, replay_key};
pub use component::{Component, ComponentError};
pub use digest::{ContentDigest, ContentDigestCheck, DigestRefusal, verify_content_digest};
pub use fields::Fields;
pub use policy::Policy;
pub use refusal::Refusal;
pub use request::Request;
pub use signatures::{MAX_COMPONENTS, MAX_HEADER_BYTES, MAX_SIGNATURES, Signature, Signatures};
pub use structured::{StructuredFields, StructuredType};
