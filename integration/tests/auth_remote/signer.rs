//! A key, and tokens by it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::Sha256;

/// An RSA key of this name.
pub(crate) struct Signer {
    kid: String,
    key: SigningKey<Sha256>,
    jwk: Value,
}

impl Signer {
    /// A fresh key.
    pub(crate) fn new(kid: &str) -> Self {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("an RSA key");
        let encode =
            |number: &rsa::BigUint| Base64UrlUnpadded::encode_string(&number.to_bytes_be());
        let jwk = json!({"kty": "RSA", "kid": kid, "use": "sig", "n": encode(key.n()), "e": encode(key.e())});
        Self {
            kid: kid.to_owned(),
            key: SigningKey::new(key),
            jwk,
        }
    }

    /// The set of this key alone.
    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": [self.jwk]})
    }

    /// `Bearer`, and a token of `ann` with this `jti`.
    pub(crate) fn bearer(&self, jti: &str) -> String {
        self.bearer_of("ann", &self.kid, jti)
    }

    /// The same under another name of the key, which is nobody's.
    pub(crate) fn bearer_with_kid(&self, kid: &str) -> String {
        self.bearer_of("ann", kid, "1")
    }

    /// The same for somebody else.
    pub(crate) fn bearer_of(&self, sub: &str, kid: &str, jti: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        let header = json!({"alg": "RS256", "kid": kid});
        let claims = json!({"iss": "http://issuer.test", "aud": "api", "sub": sub, "jti": jti,
            "iat": now, "exp": now + 3600});
        let part = |value: Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let input = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(input.as_bytes()).to_bytes();
        format!(
            "Bearer {input}.{}",
            Base64UrlUnpadded::encode_string(&signature)
        )
    }
}
