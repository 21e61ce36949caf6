//! API keys, an RSA key and tokens, made anew for every run: nothing secret is kept in a file.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How many API keys there are, each of a consumer of its own.
const API_KEYS: usize = 1_000;

/// How many of them stand for few.
pub(crate) const FEW: usize = 10;

/// How many tokens stand for "seen before", each of a consumer of its own. Within any filter's cache.
pub(crate) const SEEN: usize = 100;

/// Everything that requests carry and that filters are configured with.
pub(crate) struct Credentials {
    /// The API keys.
    pub(crate) api_keys: Vec<String>,
    /// Valid tokens, no two alike.
    pub(crate) tokens: Vec<String>,
    jwks: Value,
}

impl Credentials {
    /// Makes the keys and so many tokens more than [`SEEN`], on all cores.
    pub(crate) fn make(tokens: usize) -> Self {
        let mut random = rsa::rand_core::OsRng;
        let key = RsaPrivateKey::new(&mut random, 2048).expect("an RSA key");
        let encode =
            |number: &rsa::BigUint| Base64UrlUnpadded::encode_string(&number.to_bytes_be());
        let jwks = json!({"keys": [{"kty": "RSA", "kid": "bench", "alg": "RS256", "use": "sig",
            "n": encode(key.n()), "e": encode(key.e())}]});
        Self {
            api_keys: (0..API_KEYS)
                .map(|index| format!("bench-key-{index:04}-5f0c1e7a9b3d"))
                .collect(),
            tokens: sign(&SigningKey::new(key), tokens + SEEN),
            jwks,
        }
    }

    /// What a text of `variants.yaml` that starts with `@` stands for.
    pub(crate) fn named(&self, name: &str) -> Option<Value> {
        let consumers = |consumer: &dyn Fn(usize, &str) -> Value| {
            let keys = self.api_keys.iter().enumerate();
            keys.map(|(index, key)| consumer(index, key))
                .collect::<Value>()
        };
        match name {
            "@jwks" => Some(self.jwks.clone()),
            "@jwks_text" => Some(json!(self.jwks.to_string())),
            "@api_keys" => Some(self.holders(API_KEYS)),
            "@api_keys_10" => Some(self.holders(FEW)),
            "@api_keys_10000" => Some(self.holders(10_000)),
            "@rules_10" => Some(rules(10, &about_a_path)),
            "@rules_100" => Some(rules(100, &about_a_path)),
            "@rules_1000" => Some(rules(1_000, &about_a_path)),
            "@rules_10000" => Some(rules(10_000, &about_a_path)),
            "@host_rules_10" => Some(rules(10, &about_a_host)),
            "@host_rules_100" => Some(rules(100, &about_a_host)),
            "@host_rules_1000" => Some(rules(1_000, &about_a_host)),
            "@regex_rules_10" => Some(rules(10, &about_a_pattern)),
            "@regex_rules_100" => Some(rules(100, &about_a_pattern)),
            "@regex_rules_1000" => Some(rules(1_000, &about_a_pattern)),
            "@mixed_rules_10" => Some(rules(10, &about_anything)),
            "@mixed_rules_100" => Some(rules(100, &about_anything)),
            "@mixed_rules_1000" => Some(rules(1_000, &about_anything)),
            "@headers_rules_10" => Some(headers_rules(10)),
            "@headers_rules_100" => Some(headers_rules(100)),
            "@headers_rules_1000" => Some(headers_rules(1_000)),
            "@jwks_10" => Some(self.keys(10)),
            "@jwks_1000" => Some(self.keys(1_000)),
            "@api_keys_of_envoy" => Some(consumers(
                &|index, key| json!({"client": format!("consumer-{index}"), "key": key}),
            )),
            _ => None,
        }
    }
}

impl Credentials {
    /// So many consumers, those of the requests first.
    fn holders(&self, count: usize) -> Value {
        let more = (self.api_keys.len()..count).map(|index| format!("another-key-{index:05}"));
        let keys = self.api_keys.iter().cloned().chain(more).take(count);
        keys.enumerate()
            .map(|(index, key)| {
                let digest = Sha256::digest(key);
                json!({"name": format!("consumer-{index}"), "key_sha256": format!("{digest:x}")})
            })
            .collect()
    }

    /// So many keys, all the same one under different names; the one that tokens name last.
    fn keys(&self, count: usize) -> Value {
        let key = &self.jwks["keys"][0];
        let others = (1..count).map(|index| {
            let mut other = key.clone();
            other["kid"] = json!(format!("other-{index}"));
            other
        });
        json!({"keys": others.chain([key.clone()]).collect::<Value>()})
    }
}

fn about_a_path(index: usize) -> Value {
    json!({"path": {"prefix": format!("/service-{index}")}})
}

fn about_a_host(index: usize) -> Value {
    json!({"hosts": [format!("host-{index}.test"), format!("*.host-{index}.test")]})
}

fn about_a_pattern(index: usize) -> Value {
    json!({"path": {"regex": format!("/service-{index}/[a-z]+/[0-9]+")}})
}

fn about_anything(index: usize) -> Value {
    match index % 4 {
        0 => about_a_path(index),
        1 => about_a_host(index),
        2 => about_a_pattern(index),
        _ => json!({"path": {"template": format!("/service-{index}/{{id}}")}, "methods": ["PUT"]}),
    }
}

/// So many rules, of which the last is about the requests.
fn rules(count: usize, about: &dyn Fn(usize) -> Value) -> Value {
    let others = (1..count).map(|index| json!({"match": about(index), "allow": "anonymous"}));
    let last = json!({"require": "partners"});
    others.chain([last]).collect()
}

/// So many rules of the headers filter, of all kinds, of which the last is about the requests.
fn headers_rules(count: usize) -> Value {
    let operations = json!([{"set": {"name": "x-bench-response", "value": "1"}}]);
    let others =
        (1..count).map(|index| json!({"match": about_anything(index), "response": operations}));
    let last = json!({"response": operations});
    others.chain([last]).collect()
}

fn sign(key: &SigningKey<Sha256>, count: usize) -> Vec<String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let header = Base64UrlUnpadded::encode_string(br#"{"alg":"RS256","typ":"JWT","kid":"bench"}"#);
    let token = |index: usize| {
        let claims = json!({"iss": "https://issuer.test", "aud": "bench", "sub": format!("user-{}", index % SEEN),
            "iat": now, "exp": now + 24 * 60 * 60, "jti": format!("token-{index:08}")});
        let claims = Base64UrlUnpadded::encode_string(claims.to_string().as_bytes());
        let signed = format!("{header}.{claims}");
        let signature = Base64UrlUnpadded::encode_string(&key.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    };
    let next = AtomicUsize::new(0);
    let take = || {
        let index = next.fetch_add(1, Ordering::Relaxed);
        (index < count).then(|| token(index))
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let signers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| std::iter::from_fn(take).collect::<Vec<_>>()))
            .collect();
        let signed = signers
            .into_iter()
            .flat_map(|signer| signer.join().expect("no panic"));
        signed.collect()
    })
}
