//! EC public keys (RFC 7518, section 6.2).

use super::Material;

/// The first byte of a point in SEC 1's uncompressed form; the compressed forms are not read.
const UNCOMPRESSED: u8 = 4;

/// A curve of the algorithms here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

#[derive(Clone)]
pub(crate) struct EcKey<K> {
    pub(crate) public: K,
    pub(crate) spki_der: Vec<u8>,
}

impl Curve {
    /// The name in a JWK (`crv`).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The curve of this name in a JWK.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521]
            .into_iter()
            .find(|curve| curve.name() == name)
    }

    /// How long a coordinate is (RFC 7518, section 6.2.1.2).
    pub(crate) fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// What stands before the uncompressed point in a SubjectPublicKeyInfo (RFC 5480, section 2):
    /// id-ecPublicKey, the name of the curve, and the lengths.
    fn spki_prefix(self) -> &'static [u8] {
        match self {
            Self::P256 => {
                b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
                  \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"
            }
            Self::P384 => {
                b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
                  \x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"
            }
            Self::P521 => {
                b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
                  \x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00"
            }
        }
    }
}

impl Material {
    /// The public key of these coordinates, each of the curve's full length; `None` if the point is
    /// not on the curve.
    pub(crate) fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Option<Self> {
        Self::from_point(curve, &[&[UNCOMPRESSED], x, y].concat())
    }

    /// The public key of this point in SEC 1's uncompressed form; `None` if it is in another form,
    /// or not on the curve.
    pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Option<Self> {
        let length = 1 + 2 * curve.coordinate_bytes();
        if point.len() != length || point.first() != Some(&UNCOMPRESSED) {
            return None;
        }
        let spki_der = [curve.spki_prefix(), point].concat();
        Some(match curve {
            Curve::P256 => {
                let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
                Self::P256(Box::new(EcKey { public, spki_der }))
            }
            Curve::P384 => {
                let public = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
                Self::P384(Box::new(EcKey { public, spki_der }))
            }
            Curve::P521 => {
                let public = p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
                Self::P521(Box::new(EcKey { public, spki_der }))
            }
        })
    }
}
