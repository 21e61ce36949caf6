//! Secrets, and the digests of secrets.

use super::text;
use crate::{Context, Decode, Value};
use std::fmt;
use zeroize::Zeroizing;

/// A secret from the environment of the VM, written `${env:NAME}`. It never prints, and is wiped
/// from memory when dropped. A secret in plain text is refused: it would stand in Envoy's
/// configuration dump, and in whatever keeps the configuration.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret itself, for hashing it or computing with it.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Decode for Secret {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let Value::String(text) = value else {
            // The value is not shown: it may be the secret.
            return context.problem("expected a secret such as \"${env:NAME}\"");
        };
        let Some(name) = text
            .strip_prefix("${env:")
            .and_then(|rest| rest.strip_suffix('}'))
        else {
            return context.problem_hint(
                "a secret cannot stand here in plain text",
                "write \"${env:NAME}\" and set NAME in vm_config.environment_variables",
            );
        };
        match context.environment().var(name) {
            Some(secret) if !secret.is_empty() => Some(Self(Zeroizing::new(secret))),
            Some(_) => context.problem(format!("the environment variable {name} is empty")),
            None => context.problem_hint(
                format!("no environment variable {name}"),
                "set it in vm_config.environment_variables",
            ),
        }
    }

    crate::described!(text r"^\$\{env:.*\}$");
}

/// A SHA-256 digest: 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// The digest's bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Not the digest: who sees it can try keys against it.
impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256Digest(…)")
    }
}

impl Decode for Sha256Digest {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        const HINT: &str = "64 hexadecimal digits: printf %s \"$KEY\" | sha256sum";
        let text = text(value, "a SHA-256 digest", context)?;
        let mut digest = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return context.problem_hint("not a SHA-256 digest", HINT);
        }
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            let decoded = match pair {
                [high, low] => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
                _ => None,
            };
            let Some(decoded) = decoded else {
                return context.problem_hint("not a SHA-256 digest", HINT);
            };
            *byte = decoded;
        }
        Some(Self(digest))
    }

    crate::described!(text "^[0-9A-Fa-f]{64}$");
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
