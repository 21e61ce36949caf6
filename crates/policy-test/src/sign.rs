//! Requests as those send them who sign with a shared secret.

use base64ct::{Base64, Encoding as _};
use gatehouse_config::{Duration, keywords, object};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fmt::Write as _;

keywords! {
    /// Whose way of signing.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Scheme {
        Github = "github",
        Stripe = "stripe",
        StandardWebhooks = "standard_webhooks",
    }
}

object! {
    /// How the body is signed.
    #[derive(Debug, Clone)]
    pub(crate) struct Webhook {
        pub scheme: Scheme,
        pub secret: String,
        /// `webhook-id`, of Standard Webhooks.
        pub id: String = "msg_1".to_owned(),
        /// How long ago it was signed.
        pub age: Option<Duration>,
    }
}

impl Webhook {
    /// The headers that carry the signature, at a time in nanoseconds since the epoch; nothing where the
    /// secret is none for the scheme.
    pub(crate) fn headers(&self, body: &[u8], now: u64) -> Option<Vec<(&'static str, String)>> {
        let age = self.age.map_or(0, Duration::as_nanos);
        let time = now.saturating_sub(age) / 1_000_000_000;
        let (id, secret) = (&self.id, self.secret.as_bytes());
        Some(match self.scheme {
            Scheme::Github => {
                let mac = hex(&mac(secret, &[body])?);
                vec![("x-hub-signature-256", format!("sha256={mac}"))]
            }
            Scheme::Stripe => {
                let mac = hex(&mac(secret, &[format!("{time}.").as_bytes(), body])?);
                vec![("stripe-signature", format!("t={time},v1={mac}"))]
            }
            Scheme::StandardWebhooks => {
                let text = self.secret.strip_prefix("whsec_").unwrap_or(&self.secret);
                let secret = Base64::decode_vec(text).ok()?;
                let mac = mac(&secret, &[format!("{id}.{time}.").as_bytes(), body])?;
                vec![
                    ("webhook-id", id.clone()),
                    ("webhook-timestamp", time.to_string()),
                    (
                        "webhook-signature",
                        format!("v1,{}", Base64::encode_string(&mac)),
                    ),
                ]
            }
        })
    }
}

fn mac(secret: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
