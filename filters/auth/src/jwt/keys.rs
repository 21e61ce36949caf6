//! `jwks`: the keys that an issuer signs with.

use gatehouse_config::{Context, Decode, Secret, Value};
use gatehouse_jose::JwkSet;
use zeroize::Zeroize as _;

/// Where the keys come from. Written down in the configuration is the only way so far.
pub(super) struct Keys(pub(super) JwkSet);

impl Decode for Keys {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if value.get("uri").is_some() {
            return context.at_key("uri", |context| {
                context.problem_hint(
                    "unknown field: this version does not fetch keys",
                    "write them down as inline: {keys: […]}",
                )
            });
        }
        let fields = context.object(value, &["inline"])?;
        let Inline(keys) = fields.field("inline", context)?;
        Some(Self(keys))
    }
}

struct Inline(JwkSet);

impl Decode for Inline {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let mut document = value.clone();
        let before = context.problem_count();
        let secrets = fill_in_secrets(&mut document, context);
        let keys = (context.problem_count() == before).then(|| JwkSet::from_value(&document));
        wipe(&mut document, &secrets);
        match keys? {
            Ok(keys) => Some(Self(keys)),
            Err(errors) => {
                for error in errors {
                    problem_at(context, &error.path, error.message);
                }
                None
            }
        }
    }
}

/// Puts the secrets of HMAC keys where the document refers to them, and says which keys those are.
/// Such a key in plain text would stand in Envoy's configuration dump.
fn fill_in_secrets(document: &mut Value, context: &mut Context<'_>) -> Vec<usize> {
    let mut filled = Vec::new();
    let Some(keys) = document.get_mut("keys").and_then(Value::as_array_mut) else {
        return filled;
    };
    context.at_key("keys", |context| {
        for (index, key) in keys.iter_mut().enumerate() {
            if key.get("kty").and_then(Value::as_str) != Some("oct") {
                continue;
            }
            let Some(value) = key.get_mut("k") else {
                continue;
            };
            let secret = context.at_index(index, |context| {
                context.at_key("k", |context| Secret::decode(value, context))
            });
            let text = secret
                .as_ref()
                .and_then(|secret| std::str::from_utf8(secret.expose()).ok());
            if let Some(text) = text {
                *value = Value::String(text.to_owned());
                filled.push(index);
            }
        }
    });
    filled
}

fn wipe(document: &mut Value, secrets: &[usize]) {
    for index in secrets {
        let place = document.pointer_mut(&format!("/keys/{index}/k"));
        if let Some(Value::String(text)) = place {
            text.zeroize();
        }
    }
}

/// Reports a problem at a path such as `keys[0].n`, under where the context stands.
fn problem_at(context: &mut Context<'_>, path: &str, message: String) {
    let (step, rest) = match path.find(['.', '[']) {
        Some(0) if path.starts_with('.') => return problem_at(context, after(path, 1), message),
        Some(0) => match path.split_once(']') {
            Some((index, rest)) => (after(index, 1), rest),
            None => (path, ""),
        },
        Some(end) => path.split_at_checked(end).unwrap_or((path, "")),
        None => (path, ""),
    };
    match step.parse::<usize>() {
        _ if path.is_empty() => {
            context.problem::<()>(message);
        }
        Ok(index) => context.at_index(index, |context| problem_at(context, rest, message)),
        Err(_) => context.at_key(step, |context| problem_at(context, rest, message)),
    }
}

fn after(text: &str, bytes: usize) -> &str {
    text.split_at_checked(bytes).map_or("", |(_, rest)| rest)
}
