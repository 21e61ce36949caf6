//! JSON Web Signatures and Keys: strict parsing and verification.
//!
//! The parts, in the order in which a token meets them:
//!
//! 1. [`Jws::parse`] takes the compact serialization apart (RFC 7515, section 7.1) and refuses what
//!    it does not wholly understand: the rules are in [`jws`].
//! 2. [`JwkSet::candidates`] names the keys that may have signed it: of its `kid` or of none, usable for
//!    signatures, whose type fits its algorithm. A key fits one family of algorithms by its type, so
//!    a public key can't be taken for an HMAC secret (RFC 8725, section 3.1); `none` can't be named.
//! 3. [`Key::verify`] checks the signature in Rust. [`Key::host_material`] and
//!    [`Key::host_signature`] hand the same check to the proxy's own, much faster, verifier, which
//!    knows neither RSASSA-PSS nor EdDSA nor HMAC.
//! 4. [`Jws::claims`] reads the payload, [`validate`] holds it against [`ClaimRules`] (RFC 7519):
//!    the rules are in [`claims`].
//!
//! Keys come from JWKs ([`JwkSet::from_value`] for those that an operator wrote down,
//! [`JwkSet::from_published`] for those that were fetched), from PEM ([`Key::from_pem`]) or as bytes
//! ([`Key::symmetric`]). Step 3 is for other signed messages than tokens, too.
//!
//! The caller decides which algorithms are accepted, and must not act on claims before step 3.
//! Nothing here reads a clock or keeps state; secrets are not printed, and wiped when dropped.
//!
//! An ECDSA signature can be turned into a second valid one by anybody (`s` and `n - s`), so the
//! bytes of a token do not identify it: a list of revoked tokens must use `jti`.

mod algorithm;
mod base64url;
pub mod claims;
mod der;
mod jwk;
pub mod jws;
mod key;
mod pem;
mod software;
mod verify;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod rfc;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wycheproof;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use claims::{ClaimError, ClaimRules, expiry_ns, validate};
pub use jwk::{JwkError, JwkSet, MAX_PUBLISHED_KEYS};
pub use jws::{Jws, JwsError, MAX_TOKEN_BYTES, Part};
pub use key::{Key, KeyError, MAX_RSA_BITS, MIN_RSA_BITS, MIN_SECRET_BYTES};
pub use verify::HostVerification;
