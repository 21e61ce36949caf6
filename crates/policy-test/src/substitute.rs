//! `${…}` in the texts of a suite.
//!
//! 1. `${name}` is the value of a column, in a case that has a `table` or a `matrix`. A text that is nothing
//!    else becomes that value, whatever its type; within a text, texts, numbers and booleans are written out.
//! 2. `${token:name}` is a token as text, minted when the case begins; `${jwks:a}` and `${jwks:a,b}` the JSON
//!    Web Key Set of named keys, `${jwk:a}` one key.
//! 3. `$${` is `${`.

use crate::token::Mint;
use gatehouse_config::{Context, Value};
use serde_json::{Map, json};

/// What stands for what.
pub(crate) struct Substitution<'s> {
    pub mint: &'s Mint,
    /// When the case begins; nothing where there are no tokens, in configurations.
    pub now: Option<u64>,
    /// The columns of the row.
    pub columns: &'s Map<String, Value>,
    /// Whether a name that is not known is left for somebody else, as in configurations.
    pub lenient: bool,
}

impl Substitution<'_> {
    /// The value with everything replaced.
    pub(crate) fn apply(&self, value: &Value, context: &mut Context<'_>) -> Option<Value> {
        match value {
            Value::String(text) if text.contains("${") => self.text(text, context),
            Value::Array(items) => {
                let items: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        context.at_index(index, |context| self.apply(item, context))
                    })
                    .collect();
                items
                    .into_iter()
                    .collect::<Option<Vec<_>>>()
                    .map(Value::Array)
            }
            Value::Object(map) => {
                let members: Vec<_> = map
                    .iter()
                    .map(|(key, value)| {
                        let value = context.at_key(key, |context| self.apply(value, context));
                        Some((key.clone(), value?))
                    })
                    .collect();
                members
                    .into_iter()
                    .collect::<Option<Map<_, _>>>()
                    .map(Value::Object)
            }
            other => Some(other.clone()),
        }
    }

    fn text(&self, text: &str, context: &mut Context<'_>) -> Option<Value> {
        let mut written = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                // In a configuration, `$${` may be an escape of the filter's own.
                written.push_str(before);
                written.push_str(if self.lenient { "$${" } else { "${" });
                rest = after;
                continue;
            }
            let Some((name, after)) = after.split_once('}') else {
                if self.lenient {
                    break;
                }
                return context
                    .problem_hint("\"${\" without \"}\"", "write \"$${\" for the text itself");
            };
            let Some(value) = self.value(name, context)? else {
                written.push_str(before);
                written.push_str("${");
                written.push_str(name);
                written.push('}');
                rest = after;
                continue;
            };
            if before.is_empty() && after.is_empty() && written.is_empty() {
                return Some(value);
            }
            written.push_str(before);
            match value {
                Value::String(text) => written.push_str(&text),
                other => written.push_str(&other.to_string()),
            }
            rest = after;
        }
        written.push_str(rest);
        Some(Value::String(written))
    }

    /// The value of a name; an inner `None` where it is somebody else's.
    #[expect(
        clippy::option_option,
        reason = "the outer one is a problem that was told"
    )]
    fn value(&self, name: &str, context: &mut Context<'_>) -> Option<Option<Value>> {
        if let Some(value) = self.columns.get(name) {
            return Some(Some(value.clone()));
        }
        match (name.split_once(':'), self.now) {
            (Some(("token", token)), Some(now)) => {
                let token = self.mint.named(token, now, context)?;
                Some(Some(Value::String(token)))
            }
            (Some(("jwks", names)), _) => {
                let keys = names
                    .split(',')
                    .map(|name| self.jwk(name.trim(), context))
                    .collect::<Option<Vec<_>>>()?;
                Some(Some(json!({"keys": keys})))
            }
            (Some(("jwk", name)), _) => Some(Some(self.jwk(name, context)?)),
            _ if self.lenient => Some(None),
            _ => {
                let columns = self.columns.keys().map(String::as_str);
                let known = columns.chain(["token:NAME", "jwks:NAME", "jwk:NAME"]);
                let known: Vec<&str> = known.collect();
                context.unknown(format!("nothing is named \"${{{name}}}\""), name, known)
            }
        }
    }

    fn jwk(&self, name: &str, context: &mut Context<'_>) -> Option<Value> {
        match self.mint.keys.get(name) {
            Some(key) => Some(key.jwk()),
            None => context.unknown(
                format!("no key named {name:?}"),
                name,
                self.mint.keys.keys().map(String::as_str),
            ),
        }
    }
}
