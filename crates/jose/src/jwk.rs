//! Reading JSON Web Keys (RFC 7517; RFC 7518, section 6; RFC 8037, section 2).

mod members;
mod set;

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::Algorithm;
use crate::key::{Curve, Key, Material, Unusable, Usage, exponent, modulus};

pub use members::JwkError;
pub use set::{JwkSet, MAX_PUBLISHED_KEYS};

use members::{Members, quoted};

impl Key {
    /// Reads one JWK.
    ///
    /// A JWK that is not for verifying signatures (`use` other than `sig`, `key_ops` without
    /// `verify`, an `alg` that is not an [`Algorithm`]) is read, and verifies nothing. Certificates
    /// (`x5c`, `x5u`, `x5t`) and unknown members are ignored.
    pub fn from_value(jwk: &Value) -> Result<Self, Vec<JwkError>> {
        read(jwk, "")
    }
}

/// Reads the JWK that stands at `path`, for errors.
fn read(jwk: &Value, path: &str) -> Result<Key, Vec<JwkError>> {
    let Value::Object(object) = jwk else {
        return Err(vec![JwkError::new(path, "must be an object")]);
    };
    let mut members = Members::new(object, path);
    let kid = members.string("kid").map(str::to_owned);
    let material = read_material(&mut members);
    let usage = read_usage(&mut members, material.as_ref());
    match (material, members.into_errors()) {
        (Some(material), errors) if errors.is_empty() => Ok(Key {
            kid,
            usage,
            material,
        }),
        (_, errors) => Err(errors),
    }
}

fn read_usage(members: &mut Members<'_>, material: Option<&Material>) -> Usage {
    let algorithm = members.string("alg").map(str::parse::<Algorithm>);
    let for_signatures = members.string("use").is_none_or(|usage| usage == "sig");
    let verifies = members
        .strings("key_ops")
        .is_none_or(|operations| operations.contains(&"verify"));
    if let (Some(Ok(algorithm)), Some(material)) = (&algorithm, material)
        && !material.fits(*algorithm)
    {
        members.error("alg", material.misfit(*algorithm));
    }
    match algorithm {
        _ if !for_signatures => Usage::Other(Unusable::Use),
        _ if !verifies => Usage::Other(Unusable::Operations),
        None => Usage::AnySignature,
        Some(Ok(algorithm)) => Usage::Signature(algorithm),
        Some(Err(_)) => Usage::Other(Unusable::Algorithm),
    }
}

fn read_material(members: &mut Members<'_>) -> Option<Material> {
    match members.required_string("kty")? {
        "RSA" => read_rsa(members),
        "EC" => read_ec(members),
        "OKP" => read_okp(members),
        "oct" => read_secret(members),
        other => {
            let other = quoted(other);
            members.error(
                "kty",
                format!("unknown key type {other}: use RSA, EC, OKP or oct"),
            );
            None
        }
    }
}

fn read_rsa(members: &mut Members<'_>) -> Option<Material> {
    members.refuse_private(&["d", "p", "q", "dp", "dq", "qi", "oth"]);
    let n = members.bytes("n");
    let e = members.bytes("e");
    let n = n.and_then(|bytes| members.good("n", modulus(&bytes)));
    let e = e.and_then(|bytes| members.good("e", exponent(&bytes)));
    let key = Material::from_rsa(n?, e?);
    if key.is_none() {
        members.error_of_key("is not an RSA public key");
    }
    key
}

fn read_ec(members: &mut Members<'_>) -> Option<Material> {
    members.refuse_private(&["d"]);
    let name = members.required_string("crv")?;
    let Some(curve) = Curve::named(name) else {
        let name = quoted(name);
        members.error(
            "crv",
            format!("unknown curve {name} for kty EC: use P-256, P-384 or P-521"),
        );
        return None;
    };
    let length = curve.coordinate_bytes();
    let x = members.exact_bytes("x", length);
    let y = members.exact_bytes("y", length);
    let key = Material::from_coordinates(curve, &x?, &y?);
    if key.is_none() {
        members.error_of_key(format!("the point (x, y) is not on {name}"));
    }
    key
}

fn read_okp(members: &mut Members<'_>) -> Option<Material> {
    members.refuse_private(&["d"]);
    let curve = members.required_string("crv")?;
    if curve != "Ed25519" {
        let curve = quoted(curve);
        members.error(
            "crv",
            format!("unknown curve {curve} for kty OKP: use Ed25519"),
        );
        return None;
    }
    let x = members.exact_bytes("x", 32)?;
    let key = Material::from_ed25519(&x);
    if key.is_none() {
        members.error("x", "is not an Ed25519 public key");
    }
    key
}

fn read_secret(members: &mut Members<'_>) -> Option<Material> {
    let secret = members.bytes("k")?;
    members.good("k", Material::from_secret(&secret))
}
