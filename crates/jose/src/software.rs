//! ECDSA in Rust: on the build machine only.
//!
//! In a module the proxy's own verifier does it, some fourteen times faster, and no supported version
//! is without. The three curves would be 300 KB of every module. So there a point that is not on its
//! curve is found out by the proxy, when it verifies with it; and where a proxy cannot verify, no
//! signature is good.

use crate::key::{Curve, EcKey};

/// Whether a point, in SEC 1's uncompressed form, is on the curve; true where that is not known.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn is_on_curve(curve: Curve, point: &[u8]) -> bool {
    match curve {
        Curve::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
        Curve::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
        Curve::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn is_on_curve(_: Curve, _: &[u8]) -> bool {
    true
}

/// Whether `r || s` is a signature of what has this hash.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn verify(key: &EcKey, hash: &[u8], signature: &[u8]) -> bool {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    let length = 1 + 2 * key.curve.coordinate_bytes();
    let start = key.spki_der.len().saturating_sub(length);
    let point = key.spki_der.get(start..).unwrap_or_default();
    macro_rules! verify {
        ($curve:ident) => {
            match (
                $curve::ecdsa::VerifyingKey::from_sec1_bytes(point),
                $curve::ecdsa::Signature::from_slice(signature),
            ) {
                (Ok(public), Ok(signature)) => public.verify_prehash(hash, &signature).is_ok(),
                _ => false,
            }
        };
    }
    match key.curve {
        Curve::P256 => verify!(p256),
        Curve::P384 => verify!(p384),
        Curve::P521 => verify!(p521),
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn verify(_: &EcKey, _: &[u8], _: &[u8]) -> bool {
    false
}
