//! EC public keys (RFC 7518, section 6.2).

use super::Material;
use crate::software;

/// The first byte of a point in SEC 1's uncompressed form; the compressed forms are not read.
const UNCOMPRESSED: u8 = 4;

/// A curve of the algorithms here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

/// A public key on a curve.
#[derive(Clone)]
pub(crate) struct EcKey {
    pub(crate) curve: Curve,
    /// DER of a SubjectPublicKeyInfo, which ends with the point.
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

    /// The order of the base point, big-endian (SEC 2, 2.4.2, 2.5.1, 2.6.1).
    fn order(self) -> &'static [u8] {
        match self {
            Self::P256 => {
                b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\
                  \xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51"
            }
            Self::P384 => {
                b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
                  \xff\xff\xff\xff\xff\xff\xff\xff\xc7\x63\x4d\x81\xf4\x37\x2d\xdf\
                  \x58\x1a\x0d\xb2\x48\xb0\xa7\x7a\xec\xec\x19\x6a\xcc\xc5\x29\x73"
            }
            Self::P521 => {
                b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
                  \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
                  \xff\xfa\x51\x86\x87\x83\xbf\x2f\x96\x6b\x7f\xcc\x01\x48\xf7\x09\
                  \xa5\xd0\x3b\xb5\xc9\xb8\x89\x9c\x47\xae\xbb\x6f\xb7\x1e\x91\x38\
                  \x64\x09"
            }
        }
    }

    /// Whether `signature` is `r || s`, both at least 1 and less than the order (FIPS 186-5, 6.4.2).
    pub(crate) fn is_signature(self, signature: &[u8]) -> bool {
        let length = self.coordinate_bytes();
        if signature.len() != 2 * length {
            return false;
        }
        // Of equal length: compared as numbers are.
        let is_in_range = |half: &[u8]| half < self.order() && half.iter().any(|byte| *byte != 0);
        signature.chunks(length).all(is_in_range)
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
    /// not on the curve and that can be found out here.
    pub(crate) fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Option<Self> {
        Self::from_point(curve, &[&[UNCOMPRESSED], x, y].concat())
    }

    /// The public key of this point in SEC 1's uncompressed form; `None` if it is in another form,
    /// or not on the curve and that can be found out here.
    pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Option<Self> {
        let length = 1 + 2 * curve.coordinate_bytes();
        if point.len() != length || point.first() != Some(&UNCOMPRESSED) {
            return None;
        }
        let spki_der = [curve.spki_prefix(), point].concat();
        software::is_on_curve(curve, point).then_some(Self::Ec(EcKey { curve, spki_der }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order less one, the order, and one more.
    fn near(order: &[u8]) -> [Vec<u8>; 3] {
        let with_last = |change: fn(u8) -> u8| {
            let (last, rest) = order.split_last().unwrap();
            [rest, &[change(*last)]].concat()
        };
        [
            with_last(|last| last - 1),
            order.to_vec(),
            with_last(|last| last + 1),
        ]
    }

    #[test]
    fn the_range_of_signatures_is_that_of_the_libraries() {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let length = curve.coordinate_bytes();
            let [most, order, more] = near(curve.order());
            let halves = [
                vec![0; length],
                [vec![0; length - 1], vec![1]].concat(),
                most,
                order,
                more,
                vec![0xff; length],
            ];
            for r in &halves {
                for s in &halves {
                    let signature = [r.as_slice(), s].concat();
                    let expected = match curve {
                        Curve::P256 => p256::ecdsa::Signature::from_slice(&signature).is_ok(),
                        Curve::P384 => p384::ecdsa::Signature::from_slice(&signature).is_ok(),
                        Curve::P521 => p521::ecdsa::Signature::from_slice(&signature).is_ok(),
                    };
                    assert_eq!(curve.is_signature(&signature), expected, "{signature:x?}");
                }
            }
            for other in [0, 1, length, 2 * length - 1, 2 * length + 1] {
                assert!(!curve.is_signature(&vec![1; other]));
            }
        }
    }
}
