//! Keys that exist for tests: given as PEM or as a text, or made from their name.
//!
//! A key that is made is the same each time: its random numbers come from its name and algorithm. It
//! protects nothing, for everybody can make it.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use gatehouse_config::{Context, Decode, Value, object};
use gatehouse_jose::Algorithm;
use hmac::Hmac;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::rand_core::{CryptoRng, Error as RandomError, RngCore};
use rsa::signature::hazmat::RandomizedPrehashSigner as _;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, pkcs1v15, pss};
use serde_json::json;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::path::Path;

const RSA_BITS: usize = 2048;

/// The name of an algorithm of RFC 7518 or RFC 8037: `RS256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AlgorithmName(pub Algorithm);

impl Decode for AlgorithmName {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let name = String::decode(value, context)?;
        match name.parse() {
            Ok(algorithm) => Some(Self(algorithm)),
            Err(_) => context.unknown(
                format!("no algorithm named {name:?}"),
                &name,
                Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()),
            ),
        }
    }
}

object! {
    /// A key as a suite declares it.
    #[derive(Debug)]
    pub(crate) struct KeySpec {
        pub algorithm: AlgorithmName,
        pub kid: Option<String>,
        pub file: Option<String>,
        pub pem: Option<String>,
        pub secret: Option<String>,
    }
}

/// A key that signs.
pub(crate) struct TestKey {
    kid: String,
    algorithm: Algorithm,
    material: Material,
}

enum Material {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(Box<p521::ecdsa::SigningKey>),
    Ed25519(ed25519_dalek::SigningKey),
    Secret(Vec<u8>),
}

impl TestKey {
    /// The key of a declaration. Files are looked for in `directory`.
    pub(crate) fn load(
        name: &str,
        value: &Value,
        directory: &Path,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        let spec = KeySpec::decode(value, context)?;
        let algorithm = spec.algorithm.0;
        let sources = [&spec.file, &spec.pem, &spec.secret];
        if sources.iter().filter(|source| source.is_some()).count() > 1 {
            return context.problem("only one of file, pem and secret can stand here");
        }
        let hmac = matches!(
            algorithm,
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512
        );
        let pem = match (&spec.file, &spec.pem, &spec.secret) {
            (Some(file), ..) => Some(context.at_key("file", |context| {
                std::fs::read_to_string(directory.join(file))
                    .map_err(|error| context.problem::<()>(format!("{file}: {error}")))
                    .ok()
            })?),
            (_, Some(pem), _) => Some(pem.clone()),
            (_, _, Some(_)) if !hmac => {
                return context.problem_hint(
                    format!("{} has no secret", algorithm),
                    "give its private key as pem or file, or leave it out to have one made",
                );
            }
            _ => None,
        };
        if hmac && pem.is_some() {
            return context.problem_hint(format!("{} has no PEM", algorithm), "give its secret");
        }
        let material = match (pem, spec.secret) {
            (_, Some(secret)) => Material::Secret(secret.into_bytes()),
            (Some(pem), _) => match Material::from_pem(algorithm, &pem) {
                Some(material) => material,
                None => {
                    return context.problem(format!(
                        "no private key for {} as PEM (PKCS#8, or PKCS#1 for RSA)",
                        algorithm
                    ));
                }
            },
            (None, None) => match Material::made(algorithm, name) {
                Some(material) => material,
                None => return context.problem("no key could be made"),
            },
        };
        Some(Self {
            kid: spec.kid.unwrap_or_else(|| name.to_owned()),
            algorithm,
            material,
        })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What is published of it, RFC 7517; of an HMAC key all of it.
    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
        let mut jwk = match &self.material {
            Material::Rsa(key) => json!({
                "kty": "RSA", "n": text(&key.n().to_bytes_be()), "e": text(&key.e().to_bytes_be()),
            }),
            Material::P256(key) => ec(
                "P-256",
                key.verifying_key().to_encoded_point(false).as_bytes(),
            ),
            Material::P384(key) => ec(
                "P-384",
                key.verifying_key().to_encoded_point(false).as_bytes(),
            ),
            Material::P521(key) => {
                let point = p521::ecdsa::VerifyingKey::from(&**key).to_encoded_point(false);
                ec("P-521", point.as_bytes())
            }
            Material::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.verifying_key().as_bytes())})
            }
            Material::Secret(secret) => json!({"kty": "oct", "k": text(secret)}),
        };
        if let Value::Object(map) = &mut jwk {
            map.insert("kid".to_owned(), json!(self.kid));
            map.insert("alg".to_owned(), json!(self.algorithm.as_str()));
            map.insert("use".to_owned(), json!("sig"));
        }
        jwk
    }

    /// The signature by an algorithm, as a JWS has it; nothing where the key is none for it.
    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        use Algorithm as A;
        let mut random = Drawn::from(message, "signature");
        Some(match (&self.material, algorithm) {
            (Material::Rsa(key), A::Rs256) => rs::<Sha256>(key, message)?,
            (Material::Rsa(key), A::Rs384) => rs::<Sha384>(key, message)?,
            (Material::Rsa(key), A::Rs512) => rs::<Sha512>(key, message)?,
            (Material::Rsa(key), A::Ps256) => pss::SigningKey::<Sha256>::new((**key).clone())
                .try_sign_with_rng(&mut random, message)
                .ok()?
                .to_vec(),
            (Material::Rsa(key), A::Ps384) => pss::SigningKey::<Sha384>::new((**key).clone())
                .try_sign_with_rng(&mut random, message)
                .ok()?
                .to_vec(),
            (Material::Rsa(key), A::Ps512) => pss::SigningKey::<Sha512>::new((**key).clone())
                .try_sign_with_rng(&mut random, message)
                .ok()?
                .to_vec(),
            (Material::P256(key), A::Es256) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).ok()?;
                signature.to_vec()
            }
            (Material::P384(key), A::Es384) => {
                let signature: p384::ecdsa::Signature = key.try_sign(message).ok()?;
                signature.to_vec()
            }
            (Material::P521(key), A::Es512) => {
                let digest = Sha512::digest(message);
                let signature: p521::ecdsa::Signature =
                    key.sign_prehash_with_rng(&mut random, &digest).ok()?;
                signature.to_vec()
            }
            (Material::Ed25519(key), A::EdDsa) => key.try_sign(message).ok()?.to_vec(),
            (Material::Secret(secret), A::Hs256) => hs::<Hmac<Sha256>>(secret, message)?,
            (Material::Secret(secret), A::Hs384) => hs::<Hmac<Sha384>>(secret, message)?,
            (Material::Secret(secret), A::Hs512) => hs::<Hmac<Sha512>>(secret, message)?,
            _ => return None,
        })
    }
}

fn rs<D>(key: &RsaPrivateKey, message: &[u8]) -> Option<Vec<u8>>
where
    D: sha2::Digest + rsa::pkcs8::AssociatedOid,
{
    let signature = pkcs1v15::SigningKey::<D>::new(key.clone()).try_sign(message);
    Some(signature.ok()?.to_vec())
}

fn hs<M: hmac::Mac + hmac::digest::KeyInit>(secret: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let mac = <M as hmac::digest::KeyInit>::new_from_slice(secret).ok()?;
    Some(mac.chain_update(message).finalize().into_bytes().to_vec())
}

fn ec(curve: &str, point: &[u8]) -> Value {
    // Uncompressed, SEC 1, 2.3.3: 4, x, y.
    let (x, y) = match point.split_first() {
        Some((_, xy)) => xy.split_at(xy.len() / 2),
        None => (&[][..], &[][..]),
    };
    let text = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
}

impl Material {
    fn from_pem(algorithm: Algorithm, pem: &str) -> Option<Self> {
        Some(match algorithm {
            Algorithm::Es256 => Self::P256(p256::SecretKey::from_pkcs8_pem(pem).ok()?.into()),
            Algorithm::Es384 => Self::P384(p384::SecretKey::from_pkcs8_pem(pem).ok()?.into()),
            Algorithm::Es512 => {
                let key = p521::SecretKey::from_pkcs8_pem(pem).ok()?;
                let key = p521::ecdsa::SigningKey::from_bytes(&key.to_bytes()).ok()?;
                Self::P521(Box::new(key))
            }
            Algorithm::EdDsa => Self::Ed25519(ed25519_dalek::SigningKey::from_pkcs8_pem(pem).ok()?),
            _ => {
                let key = RsaPrivateKey::from_pkcs8_pem(pem).ok();
                let key = key.or_else(|| RsaPrivateKey::from_pkcs1_pem(pem).ok())?;
                Self::Rsa(Box::new(key))
            }
        })
    }

    fn made(algorithm: Algorithm, name: &str) -> Option<Self> {
        let mut random = Drawn::from(name.as_bytes(), algorithm.as_str());
        Some(match algorithm {
            Algorithm::Es256 => Self::P256(p256::ecdsa::SigningKey::random(&mut random)),
            Algorithm::Es384 => Self::P384(p384::ecdsa::SigningKey::random(&mut random)),
            Algorithm::Es512 => Self::P521(Box::new(p521::ecdsa::SigningKey::random(&mut random))),
            Algorithm::EdDsa => {
                let mut seed = [0; 32];
                random.fill_bytes(&mut seed);
                Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed))
            }
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                let mut secret = vec![0; 64];
                random.fill_bytes(&mut secret);
                Self::Secret(secret)
            }
            _ => Self::Rsa(Box::new(RsaPrivateKey::new(&mut random, RSA_BITS).ok()?)),
        })
    }
}

/// Numbers drawn from a text: SHA-256 of the text and a counter.
struct Drawn {
    seed: [u8; 32],
    counter: u64,
    rest: Vec<u8>,
}

impl Drawn {
    fn from(text: &[u8], purpose: &str) -> Self {
        let seed = Sha256::new()
            .chain_update(b"gatehouse test key\0")
            .chain_update(purpose)
            .chain_update(b"\0")
            .chain_update(text)
            .finalize()
            .into();
        Self {
            seed,
            counter: 0,
            rest: Vec::new(),
        }
    }
}

impl RngCore for Drawn {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.rest.is_empty() {
                let block = Sha256::new()
                    .chain_update(self.seed)
                    .chain_update(self.counter.to_le_bytes())
                    .finalize();
                self.rest = block.to_vec();
                self.counter += 1;
            }
            *byte = self.rest.pop().unwrap_or_default();
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

/// What it is used for is secret to nobody; see the module's documentation.
impl CryptoRng for Drawn {}
