//! `denylist`: tokens and subjects that are not to be let in any more, as a document that is fetched.
//!
//! ```json
//! {"jti": ["b4f1c0"], "sub": ["ann"]}
//! ```
//!
//! Either member may be missing, not both. Anything else is refused as a whole: another member, what
//! is no list of texts, more than `max_entries` entries. Entries are compared to the letter.

use super::fetch::shown;
use gatehouse_config::{Context, Decode, Duration, Value, keywords};
use gatehouse_feed::{Feed, Fetch, FetchedFrom, OPTIONS, Step, Url};
use gatehouse_strict_json as strict_json;
use serde_json::Map;
use std::collections::HashSet;

const REFRESH: Duration = Duration::from_secs(60);
const MAX_BYTES: usize = 4 * 1024 * 1024;
const MAX_ENTRIES: usize = 100_000;
const MOST_ENTRIES: usize = 1_000_000;

keywords! {
    /// What becomes of good tokens while there is no list.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum OnError {
        /// They are refused.
        Deny = "deny",
        /// They are good.
        Allow = "allow",
    }
}

/// `denylist` as it is configured.
#[derive(Debug, Clone)]
pub(super) struct DenylistConfig {
    fetch: Fetch,
    url: Url,
    max_entries: usize,
    pub(super) on_error: OnError,
}

/// Who is not let in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Denylist {
    jti: HashSet<Box<str>>,
    sub: HashSet<Box<str>>,
}

impl Decode for DenylistConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let known = [&OPTIONS[..], &["uri", "max_entries", "on_error"]].concat();
        let fields = context.object(value, &known)?;
        let uri: Option<FetchedFrom> = fields.field("uri", context);
        let fetch = Fetch::decode(&fields, REFRESH, MAX_BYTES, context);
        let max_entries = fields.field_or("max_entries", || MAX_ENTRIES, context);
        let on_error = fields.field_or("on_error", || OnError::Deny, context);
        if max_entries.is_some_and(|most| most == 0 || most > MOST_ENTRIES) {
            return context.at_key("max_entries", |context| {
                context.problem(format!("must be 1 to {MOST_ENTRIES}"))
            });
        }
        Some(Self {
            url: uri?.0,
            fetch: fetch?,
            max_entries: max_entries?,
            on_error: on_error?,
        })
    }

    gatehouse_config::described!(|schemas| schemas.object(|fields| {
        fields.field::<FetchedFrom>("uri", false, "");
        Fetch::fields(fields);
        fields.optional::<usize>("max_entries");
        fields.optional::<OnError>("on_error");
    }));
}

impl DenylistConfig {
    /// The feed of the list.
    pub(super) fn feed(&self, provider: &str) -> Feed<Denylist> {
        let most = self.max_entries;
        let first = (self.fetch.address(&self.url), 1);
        let purpose = format!("denylist of {most}");
        let settings = self.fetch.settings(
            ("auth", &format!("provider {provider}")),
            &purpose,
            first,
            REFRESH,
        );
        Feed::new(settings, move |_, bytes| {
            Denylist::read(bytes, most).map(Step::Done)
        })
    }
}

impl Denylist {
    fn read(bytes: &[u8], most: usize) -> Result<Self, String> {
        let members = match strict_json::parse(bytes) {
            Ok(Value::Object(members)) => members,
            Ok(_) => return Err("not a denylist: no object".to_owned()),
            Err(error) => return Err(format!("not a denylist: {error}")),
        };
        if members.is_empty() {
            return Err("not a denylist: neither jti nor sub".to_owned());
        }
        let mut list = Self::default();
        let mut entries = 0_usize;
        for (name, value) in members {
            let entered = match name.as_str() {
                "jti" => &mut list.jti,
                "sub" => &mut list.sub,
                other => {
                    let other = shown(other);
                    return Err(format!("not a denylist: unknown member {other}"));
                }
            };
            let Value::Array(items) = value else {
                return Err(format!("not a denylist: {name} is no list"));
            };
            entries = entries.saturating_add(items.len());
            if entries > most {
                return Err(format!("more than {most} entries"));
            }
            for item in items {
                let Value::String(text) = item else {
                    return Err(format!("not a denylist: {name} has what is no text"));
                };
                entered.insert(text.into());
            }
        }
        Ok(list)
    }

    /// Whether the token of these claims is on it.
    pub(super) fn has(&self, claims: &Map<String, Value>) -> bool {
        let is_in = |list: &HashSet<Box<str>>, name: &str| {
            let text = claims.get(name).and_then(Value::as_str);
            text.is_some_and(|text| list.contains(text))
        };
        is_in(&self.jti, "jti") || is_in(&self.sub, "sub")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents() {
        let cases = [
            ("both", r#"{"jti": ["a", "b"], "sub": ["c"]}"#, Ok((2, 1))),
            ("one", r#"{"sub": ["c"]}"#, Ok((0, 1))),
            ("nobody", r#"{"jti": [], "sub": []}"#, Ok((0, 0))),
            ("twice in it", r#"{"jti": ["a", "a"]}"#, Ok((1, 0))),
            (
                "as many as may be",
                r#"{"jti": ["a", "b"], "sub": ["c", "d"]}"#,
                Ok((2, 2)),
            ),
            (
                "too many",
                r#"{"jti": ["a", "b", "c"], "sub": ["c", "d"]}"#,
                Err("more than 4 entries"),
            ),
            ("neither", "{}", Err("not a denylist: neither jti nor sub")),
            (
                "another member",
                r#"{"jti": [], "jit": []}"#,
                Err("not a denylist: unknown member \"jit\""),
            ),
            (
                "a text",
                r#"{"jti": "a"}"#,
                Err("not a denylist: jti is no list"),
            ),
            (
                "null",
                r#"{"sub": null}"#,
                Err("not a denylist: sub is no list"),
            ),
            (
                "a number in it",
                r#"{"sub": ["a", 7]}"#,
                Err("not a denylist: sub has what is no text"),
            ),
            ("a list", r#"["a"]"#, Err("not a denylist: no object")),
            (
                "a member twice",
                r#"{"jti": ["a"], "jti": []}"#,
                Err("not a denylist: "),
            ),
            ("HTML", "<html>", Err("not a denylist: ")),
            ("nothing", "", Err("not a denylist: ")),
        ];
        for (name, document, expected) in cases {
            let read = Denylist::read(document.as_bytes(), 4);
            match (read, expected) {
                (Ok(list), Ok(sizes)) => {
                    assert_eq!((list.jti.len(), list.sub.len()), sizes, "{name}");
                }
                (Err(found), Err(expected)) => {
                    assert!(found.starts_with(expected), "{name}: {found}");
                }
                (read, _) => panic!("{name}: {read:?}"),
            }
        }
    }

    #[test]
    fn who_is_on_it() {
        let list = Denylist::read(br#"{"jti": ["a", ""], "sub": ["ann"]}"#, 10).unwrap();
        let cases = [
            ("by jti", json!({"jti": "a", "sub": "bob"}), true),
            ("by sub", json!({"jti": "b", "sub": "ann"}), true),
            ("not", json!({"jti": "b", "sub": "bob"}), false),
            (
                "one is not the other",
                json!({"jti": "ann", "sub": "a"}),
                false,
            ),
            ("another case", json!({"jti": "A"}), false),
            ("empty", json!({"jti": ""}), true),
            ("neither", json!({}), false),
            ("no text", json!({"jti": ["a"]}), false),
        ];
        for (name, claims, expected) in cases {
            assert_eq!(list.has(claims.as_object().unwrap()), expected, "{name}");
        }
    }
}
