//! `jwks`: the keys that an issuer signs with.
//!
//! One of `inline` (a set of keys in the configuration), `pem` (one key there), `uri` and `discovery`
//! (module `remote`).

use super::remote::Remote;
use gatehouse_config::{Context, Decode, Secret, Value};
use gatehouse_jose::{Algorithm, JwkSet, Key};
use zeroize::Zeroize as _;

/// Where the keys come from.
pub(super) enum Keys {
    /// They are in the configuration.
    Written(JwkSet),
    /// They are fetched.
    Remote(Remote),
}

impl Keys {
    /// Why no token by this algorithm can be verified, if that is so.
    pub(super) fn misfit(&self, algorithm: Algorithm) -> Option<String> {
        let secret = matches!(
            algorithm,
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512
        );
        match self {
            Self::Written(keys) => {
                let fits = keys.keys().iter().any(|key| key.accepts(algorithm));
                (!fits).then(|| format!("no key of the set fits {algorithm}"))
            }
            Self::Remote(_) => secret.then(|| {
                format!("{algorithm} is for a secret, and keys that are fetched are public")
            }),
        }
    }
}

const FORMS: [&str; 4] = ["inline", "pem", "uri", "discovery"];

impl Decode for Keys {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let given: Vec<&str> = FORMS
            .into_iter()
            .filter(|form| value.get(form).is_some())
            .collect();
        match *given.as_slice() {
            ["uri"] => Remote::at_uri(value, context).map(Self::Remote),
            ["inline"] => {
                let fields = context.object(value, &given)?;
                let Inline(keys) = fields.field("inline", context)?;
                Some(Self::Written(keys))
            }
            ["pem"] => {
                let fields = context.object(value, &given)?;
                let Pem(key) = fields.field("pem", context)?;
                Some(Self::Written(JwkSet::from_keys(vec![key])))
            }
            ["discovery"] => {
                context.object(value, &given)?;
                let discovery = value.get("discovery")?;
                context.at_key("discovery", |context| {
                    Remote::discovered(discovery, context).map(Self::Remote)
                })
            }
            [] => {
                context.object(value, &FORMS)?;
                context.problem(format!("needs one of {}", FORMS.join(", ")))
            }
            _ => {
                let (given, known) = (given.join(" and "), FORMS.join(", "));
                context.problem(format!(
                    "{given} at once, but only one of {known} can stand here"
                ))
            }
        }
    }

    gatehouse_config::described!(|schemas| {
        let inline = schemas.object(|fields| fields.field::<Inline>("inline", false, ""));
        let pem = schemas.object(|fields| fields.field::<Pem>("pem", false, ""));
        let discovered = Remote::discovered_schema(schemas);
        let discovery = schemas.object(|fields| fields.require("discovery", discovered));
        gatehouse_config::schema::any_of([inline, pem, Remote::uri_schema(schemas), discovery])
    });
}

struct Pem(Key);

impl Decode for Pem {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        match Key::from_pem(&text) {
            Ok(key) => Some(Self(key)),
            Err(error) => context.problem(error.to_string()),
        }
    }

    gatehouse_config::described!(text);
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

    gatehouse_config::described!(
        |_schemas| gatehouse_config::schema::value!({"type": "object", "required": ["keys"]})
    );
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
