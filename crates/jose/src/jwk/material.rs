//! The key proper, by type (RFC 7518, section 6; RFC 8037, section 2).

use ed25519_dalek::VerifyingKey as Ed25519Key;
use p256::pkcs8::EncodePublicKey;
use rsa::{BigUint, RsaPublicKey};
use zeroize::Zeroizing;

use super::members::Members;
use crate::Algorithm;

/// Smaller RSA moduli are refused (RFC 7518, section 3.3).
pub const MIN_RSA_BITS: usize = 2048;
/// Larger RSA moduli are refused: each verification would cost too much.
pub const MAX_RSA_BITS: usize = 8192;
/// Shorter HMAC secrets are refused: the shortest hash, SHA-256, has 32 bytes (RFC 7518, section
/// 3.2). HS384 wants 48 bytes and HS512 64.
pub const MIN_SECRET_BYTES: usize = 32;

/// Public exponents are at most 33 bits long, as in BoringSSL: larger ones only make it slow.
const MAX_EXPONENT_BITS: usize = 33;

/// A key that has been checked, by type. Which algorithms fit is a matter of the variant alone.
#[derive(Clone)]
pub(crate) enum Material {
    Rsa(Box<RsaKey>),
    P256(Box<EcKey<p256::ecdsa::VerifyingKey>>),
    P384(Box<EcKey<p384::ecdsa::VerifyingKey>>),
    Ed25519(Box<Ed25519Key>),
    Secret(Zeroizing<Vec<u8>>),
}

#[derive(Clone)]
pub(crate) struct RsaKey {
    pub(crate) public: RsaPublicKey,
    pub(crate) spki_der: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct EcKey<K> {
    pub(crate) public: K,
    pub(crate) spki_der: Vec<u8>,
}

impl Material {
    pub(super) fn read(members: &mut Members<'_>) -> Option<Self> {
        match members.required_string("kty")? {
            "RSA" => read_rsa(members),
            "EC" => read_ec(members),
            "OKP" => read_okp(members),
            "oct" => read_secret(members),
            other => {
                members.error(
                    "kty",
                    format!("unknown key type {other:?}: use RSA, EC, OKP or oct"),
                );
                None
            }
        }
    }

    pub(super) fn kty(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RSA",
            Self::P256(_) | Self::P384(_) => "EC",
            Self::Ed25519(_) => "OKP",
            Self::Secret(_) => "oct",
        }
    }

    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Hs256, Hs384, Hs512, Rs256, Rs384, Rs512};
        match (self, algorithm) {
            (Self::Rsa(_), Rs256 | Rs384 | Rs512)
            | (Self::P256(_), Es256)
            | (Self::P384(_), Es384)
            | (Self::Ed25519(_), EdDsa) => true,
            (Self::Secret(secret), Hs256) => secret.len() >= 32,
            (Self::Secret(secret), Hs384) => secret.len() >= 48,
            (Self::Secret(secret), Hs512) => secret.len() >= 64,
            _ => false,
        }
    }

    /// Why `algorithm` does not fit.
    pub(super) fn misfit(&self, algorithm: Algorithm) -> String {
        let key = match self {
            Self::Rsa(_) => "an RSA key",
            Self::P256(_) => "a key on P-256",
            Self::P384(_) => "a key on P-384",
            Self::Ed25519(_) => "an Ed25519 key",
            Self::Secret(secret) => {
                return format!(
                    "{algorithm} does not fit a secret of {} bytes",
                    secret.len()
                );
            }
        };
        format!("{algorithm} does not fit {key}")
    }
}

fn read_rsa(members: &mut Members<'_>) -> Option<Material> {
    members.refuse_private(&["d", "p", "q", "dp", "dq", "qi", "oth"]);
    let modulus = members.bytes("n");
    let exponent = members.bytes("e");
    let modulus = modulus.and_then(|bytes| read_modulus(members, &bytes));
    let exponent = exponent.and_then(|bytes| read_exponent(members, &bytes));
    let public = RsaPublicKey::new_with_max_size(modulus?, exponent?, MAX_RSA_BITS).ok();
    let key = public.and_then(|public| {
        let spki_der = public.to_public_key_der().ok()?.into_vec();
        Some(Material::Rsa(Box::new(RsaKey { public, spki_der })))
    });
    if key.is_none() {
        members.error_of_key("is not an RSA public key");
    }
    key
}

fn read_modulus(members: &mut Members<'_>, bytes: &[u8]) -> Option<BigUint> {
    let modulus = BigUint::from_bytes_be(bytes);
    let bits = modulus.bits();
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        members.error(
            "n",
            format!("must have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, and has {bits}"),
        );
        return None;
    }
    if bytes.last().is_none_or(|last| last % 2 == 0) {
        members.error("n", "must be odd");
        return None;
    }
    Some(modulus)
}

fn read_exponent(members: &mut Members<'_>, bytes: &[u8]) -> Option<BigUint> {
    let exponent = BigUint::from_bytes_be(bytes);
    let odd = bytes.last().is_some_and(|last| last % 2 == 1);
    if !odd || exponent < BigUint::from(3_u8) || exponent.bits() > MAX_EXPONENT_BITS {
        members.error(
            "e",
            format!("must be odd, at least 3, and have at most {MAX_EXPONENT_BITS} bits"),
        );
        return None;
    }
    Some(exponent)
}

fn read_ec(members: &mut Members<'_>) -> Option<Material> {
    members.refuse_private(&["d"]);
    let curve = members.required_string("crv")?;
    let key = match curve {
        "P-256" => {
            let point = read_point::<32>(members)?;
            p256::PublicKey::from_sec1_bytes(&point)
                .ok()
                .and_then(|public| {
                    let spki_der = public.to_public_key_der().ok()?.into_vec();
                    let public = public.into();
                    Some(Material::P256(Box::new(EcKey { public, spki_der })))
                })
        }
        "P-384" => {
            let point = read_point::<48>(members)?;
            p384::PublicKey::from_sec1_bytes(&point)
                .ok()
                .and_then(|public| {
                    let spki_der = public.to_public_key_der().ok()?.into_vec();
                    let public = public.into();
                    Some(Material::P384(Box::new(EcKey { public, spki_der })))
                })
        }
        other => {
            members.error(
                "crv",
                format!("unknown curve {other:?} for kty EC: use P-256 or P-384"),
            );
            return None;
        }
    };
    if key.is_none() {
        members.error_of_key(format!("the point (x, y) is not on {curve}"));
    }
    key
}

/// The point in SEC 1's uncompressed form. Coordinates have their full length (RFC 7518, section
/// 6.2.1.2).
fn read_point<const N: usize>(members: &mut Members<'_>) -> Option<Vec<u8>> {
    const UNCOMPRESSED: u8 = 4;
    let (x, y) = (members.exact_bytes::<N>("x"), members.exact_bytes::<N>("y"));
    Some([&[UNCOMPRESSED], x?.as_slice(), y?.as_slice()].concat())
}

fn read_okp(members: &mut Members<'_>) -> Option<Material> {
    members.refuse_private(&["d"]);
    let curve = members.required_string("crv")?;
    if curve != "Ed25519" {
        members.error(
            "crv",
            format!("unknown curve {curve:?} for kty OKP: use Ed25519"),
        );
        return None;
    }
    let x = members.exact_bytes::<32>("x")?;
    // A key of small order accepts signatures that nobody made.
    let key = Ed25519Key::from_bytes(&x).ok().filter(|key| !key.is_weak());
    if key.is_none() {
        members.error("x", "is not an Ed25519 public key");
    }
    key.map(|key| Material::Ed25519(Box::new(key)))
}

fn read_secret(members: &mut Members<'_>) -> Option<Material> {
    let secret = members.bytes("k")?;
    if secret.len() < MIN_SECRET_BYTES {
        members.error(
            "k",
            format!(
                "must be at least {MIN_SECRET_BYTES} bytes long, and is {}",
                secret.len()
            ),
        );
        return None;
    }
    Some(Material::Secret(secret))
}
