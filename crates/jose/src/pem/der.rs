//! Keys in DER: SubjectPublicKeyInfo (RFC 5280, section 4.1; RFC 3279; RFC 5480; RFC 8410), PKCS #1
//! (RFC 8017, appendix A.1.1), and the key within a certificate (RFC 5280, section 4.1).

use rsa::pkcs1;
use rsa::pkcs8::der::asn1::AnyRef;
use rsa::pkcs8::der::{self, Decode, Reader, SliceReader, Tagged};
use rsa::pkcs8::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::key::{Curve, KeyError, Material, exponent, modulus};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

pub(super) fn public_key(der: &[u8]) -> Result<Material, KeyError> {
    let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| {
        KeyError::new("is not a public key: its content is not a SubjectPublicKeyInfo")
    })?;
    of_spki(&spki)
}

pub(super) fn certificate(der: &[u8]) -> Result<Material, KeyError> {
    let spki = SliceReader::new(der)
        .and_then(|mut reader| {
            let spki = reader.sequence(certified_key)?;
            reader.finish(spki)
        })
        .map_err(|_| KeyError::new("is not a certificate: its content is not X.509"))?;
    of_spki(&spki)
}

pub(super) fn rsa_public_key(der: &[u8]) -> Result<Material, KeyError> {
    let key = pkcs1::RsaPublicKey::from_der(der)
        .map_err(|_| KeyError::new("is not an RSA public key: its content is not PKCS #1"))?;
    let of_modulus = |message| KeyError::new(format!("the modulus {message}"));
    let of_exponent = |message| KeyError::new(format!("the public exponent {message}"));
    let modulus = modulus(key.modulus.as_bytes()).map_err(of_modulus)?;
    let exponent = exponent(key.public_exponent.as_bytes()).map_err(of_exponent)?;
    Material::from_rsa(modulus, exponent).ok_or_else(|| KeyError::new("is not an RSA public key"))
}

/// The key of a certificate, of which the outermost SEQUENCE has been entered.
fn certified_key<'c, R: Reader<'c>>(
    certificate: &mut R,
) -> der::Result<SubjectPublicKeyInfoRef<'c>> {
    let spki = certificate.sequence(|content| {
        // Serial number, algorithm, issuer, validity and subject; the version before may be left
        // out.
        let first: AnyRef<'_> = content.decode()?;
        let behind = if first.tag().is_context_specific() {
            5
        } else {
            4
        };
        for _ in 0..behind {
            content.decode::<AnyRef<'_>>()?;
        }
        let spki = content.decode()?;
        skip_rest(content)?;
        Ok(spki)
    })?;
    skip_rest(certificate)?;
    Ok(spki)
}

fn skip_rest<'c, R: Reader<'c>>(reader: &mut R) -> der::Result<()> {
    while !reader.is_finished() {
        reader.decode::<AnyRef<'_>>()?;
    }
    Ok(())
}

fn of_spki(spki: &SubjectPublicKeyInfoRef<'_>) -> Result<Material, KeyError> {
    let key = spki
        .subject_public_key
        .as_bytes()
        .ok_or_else(|| KeyError::new("is not a public key: it does not end at a byte"))?;
    match spki.algorithm.oid {
        RSA => rsa_public_key(key),
        EC => {
            let curve = curve(spki)?;
            Material::from_point(curve, key).ok_or_else(|| {
                let name = curve.name();
                KeyError::new(format!("is not an uncompressed point on {name}"))
            })
        }
        ED25519 => {
            Material::from_ed25519(key).ok_or_else(|| KeyError::new("is not an Ed25519 public key"))
        }
        other => Err(KeyError::new(format!(
            "is a key for the algorithm {other}: use RSA, EC or Ed25519"
        ))),
    }
}

fn curve(spki: &SubjectPublicKeyInfoRef<'_>) -> Result<Curve, KeyError> {
    match spki.algorithm.parameters_oid() {
        Ok(P256) => Ok(Curve::P256),
        Ok(P384) => Ok(Curve::P384),
        Ok(P521) => Ok(Curve::P521),
        Ok(other) => Err(KeyError::new(format!(
            "is a key on the curve {other}: use P-256, P-384 or P-521"
        ))),
        Err(_) => Err(KeyError::new(
            "is a key on a curve without a name: use P-256, P-384 or P-521",
        )),
    }
}
