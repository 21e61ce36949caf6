//! `keys`: by whom a request may be signed.

use super::message::{MessageKey, jose};
use crate::api_key::Label;
use base64ct::{Base64, Encoding as _};
use gatehouse_config::{Context, Decode, Entries, Secret, Value, object};
use gatehouse_host::Consumer;
use gatehouse_http_signature::Algorithm;
use gatehouse_jose::Key;
use gatehouse_webhook_signature as webhook;
use zeroize::Zeroizing;

object! {
    /// The shape of a key.
    pub(super) struct RawKey {
        pub(super) id: Option<Label>,
        consumer: Label,
        algorithm: Option<Signing>,
        secret: Option<Secret>,
        secret_base64: Option<Secret>,
        jwk: Option<Value>,
        pem: Option<String>,
        groups: Vec<Label> = Vec::new(),
        scopes: Vec<Label> = Vec::new(),
        metadata: Entries<String, String> = Entries::default(),
    }
}

struct Signing(Algorithm);

impl Decode for Signing {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let name = String::decode(value, context)?;
        match Algorithm::from_name(&name) {
            Some(algorithm) => Some(Self(algorithm)),
            None => context.unknown(
                format!("{name:?} is not a supported algorithm"),
                &name,
                Algorithm::ALL.iter().map(|algorithm| algorithm.name()),
            ),
        }
    }

    gatehouse_config::described!(|_schemas| {
        let names: Vec<&str> = Algorithm::ALL
            .iter()
            .map(|algorithm| algorithm.name())
            .collect();
        gatehouse_config::schema::value!({"enum": names})
    });
}

impl RawKey {
    /// Whose it is.
    pub(super) fn consumer(&self) -> Consumer {
        let texts = |labels: &[Label]| labels.iter().map(|label| label.0.clone()).collect();
        let metadata = self.metadata.0.iter();
        Consumer {
            name: self.consumer.0.clone(),
            groups: texts(&self.groups),
            scopes: texts(&self.scopes),
            metadata: metadata
                .map(|(key, value)| (key.clone(), value.as_str().into()))
                .collect(),
            ..Consumer::default()
        }
    }

    /// The key for messages of RFC 9421.
    pub(super) fn message(&self, context: &mut Context<'_>) -> Option<MessageKey> {
        let id = self.required_id(context);
        let Some(Signing(algorithm)) = &self.algorithm else {
            return context.at_key("algorithm", |context| {
                context.problem("required, but missing")
            });
        };
        let is_secret = *algorithm == Algorithm::HmacSha256;
        let (field, key) = match (&self.secret, &self.secret_base64, &self.jwk, &self.pem) {
            (Some(secret), None, None, None) => ("secret", symmetric(secret.expose())),
            (None, Some(secret), None, None) => (
                "secret_base64",
                decoded(secret).and_then(|bytes| symmetric(&bytes)),
            ),
            (None, None, Some(jwk), None) => ("jwk", public(jwk)),
            (None, None, None, Some(pem)) => {
                ("pem", Key::from_pem(pem).map_err(|error| error.to_string()))
            }
            _ if is_secret => {
                return context.problem("needs one of secret, secret_base64");
            }
            _ => return context.problem("needs one of jwk, pem"),
        };
        if field.starts_with("secret") != is_secret {
            let wanted = match is_secret {
                true => "secret or secret_base64",
                false => "jwk or pem, the public key",
            };
            return context.at_key(field, |context| {
                context.problem_hint(
                    format!("is not what {algorithm} is verified with"),
                    format!("set {wanted}"),
                )
            });
        }
        let key = match key {
            Ok(key) => key,
            Err(message) => return context.at_key(field, |context| context.problem(message)),
        };
        match key.restricted_to(jose(*algorithm)?) {
            Ok(key) => Some(MessageKey {
                id: id?,
                algorithm: *algorithm,
                key,
            }),
            Err(_) => context.at_key("algorithm", |context| {
                context.problem(format!("the key is not one for {algorithm}"))
            }),
        }
    }

    /// The secret for a webhook.
    pub(super) fn webhook(
        &self,
        is_standard: bool,
        context: &mut Context<'_>,
    ) -> Option<webhook::Secret> {
        let before = context.problem_count();
        let unwanted = [
            ("algorithm", self.algorithm.is_some()),
            ("jwk", self.jwk.is_some()),
            ("pem", self.pem.is_some()),
            ("secret_base64", is_standard && self.secret_base64.is_some()),
        ];
        for (field, is_there) in unwanted {
            if is_there {
                context.at_key(field, |context| {
                    context.problem_hint::<()>(
                        "keys of this scheme have no such option",
                        "they are secrets: set secret",
                    )
                });
            }
        }
        if context.problem_count() > before {
            return None;
        }
        let (field, secret) = match (&self.secret, &self.secret_base64) {
            (Some(secret), None) if is_standard => (
                "secret",
                webhook::Secret::standard_webhooks(secret.expose())
                    .map_err(|error| error.to_string()),
            ),
            (Some(secret), None) => ("secret", shared(secret.expose())),
            (None, Some(secret)) => (
                "secret_base64",
                decoded(secret).and_then(|bytes| shared(&bytes)),
            ),
            _ if is_standard => return context.problem("needs secret"),
            _ => return context.problem("needs one of secret, secret_base64"),
        };
        match secret {
            Ok(secret) => Some(secret),
            Err(message) => context.at_key(field, |context| context.problem(message)),
        }
    }

    /// The name, which requests give.
    pub(super) fn required_id(&self, context: &mut Context<'_>) -> Option<String> {
        match &self.id {
            Some(id) => Some(id.0.clone()),
            None => context.at_key("id", |context| context.problem("required, but missing")),
        }
    }
}

fn symmetric(bytes: &[u8]) -> Result<Key, String> {
    Key::symmetric(bytes).map_err(|error| error.to_string())
}

fn shared(bytes: &[u8]) -> Result<webhook::Secret, String> {
    webhook::Secret::new(bytes).map_err(|error| error.to_string())
}

fn decoded(secret: &Secret) -> Result<Zeroizing<Vec<u8>>, String> {
    let text = std::str::from_utf8(secret.expose()).unwrap_or_default();
    let bytes = Base64::decode_vec(text).map(Zeroizing::new);
    bytes.map_err(|_| "the variable is not base64 with padding".to_owned())
}

/// A public key. A secret would stand in Envoy's configuration dump.
fn public(jwk: &Value) -> Result<Key, String> {
    if jwk.get("kty").and_then(Value::as_str) == Some("oct") {
        return Err("is a secret, which cannot stand here".to_owned());
    }
    Key::from_value(jwk).map_err(|errors| {
        let errors = errors.iter().map(|error| match error.path.as_str() {
            "" => error.message.clone(),
            path => format!("{path}: {}", error.message),
        });
        errors.collect::<Vec<_>>().join("; ")
    })
}
