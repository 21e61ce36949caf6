//! `jwks: {uri: …}` and `jwks: {discovery: …}`: keys that the issuer publishes.
//!
//! Discovery (OpenID Connect Discovery 1.0, section 4) is a step before: the document at
//! `<issuer>/.well-known/openid-configuration` says where the keys are. It is refused unless
//!
//! 1. it is a JSON object without duplicate members;
//! 2. its `issuer` is the configured one, to the letter (section 4.3);
//! 3. its `jwks_uri` is a URL of `https`, or on the issuer's own host and port.
//!
//! A set of keys is read leniently ([`JwkSet::from_published`]), since issuers publish keys that are
//! not for us; secrets in it are never keys, and one without any key for us is refused.

use super::fetch::shown;
use crate::service::Text;
use gatehouse_config::{Context, Duration, Value};
use gatehouse_feed::{Address, Feed, Fetch, FetchedFrom, OPTIONS, Scheme, Step, Url, address};
use gatehouse_jose::JwkSet;
use gatehouse_strict_json as strict_json;
use serde_json::Map;

const REFRESH: Duration = Duration::from_secs(600);
const MAX_BYTES: usize = 1024 * 1024;
const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(30);
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Keys that are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    fetch: Fetch,
    place: Place,
    unknown_key_interval: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Keys(Url),
    /// The issuer says where; with the cluster for the keys, where that is another one.
    Discovery(Option<String>),
}

impl Remote {
    /// `jwks: {uri: …}`
    pub(super) fn at_uri(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let known = [&OPTIONS[..], &["uri", "unknown_key_interval"]].concat();
        let fields = context.object(value, &known)?;
        let uri: Option<FetchedFrom> = fields.field("uri", context);
        let fetch = Fetch::decode(&fields, REFRESH, MAX_BYTES, context);
        let interval = interval(&fields, context);
        Some(Self {
            place: Place::Keys(uri?.0),
            fetch: fetch?,
            unknown_key_interval: interval?,
        })
    }

    /// What stands under `jwks: {discovery: …}`.
    pub(super) fn discovered(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let known = [&OPTIONS[..], &["jwks_cluster", "unknown_key_interval"]].concat();
        let fields = context.object(value, &known)?;
        let cluster: Option<Option<Text>> = fields.field("jwks_cluster", context);
        let fetch = Fetch::decode(&fields, REFRESH, MAX_BYTES, context);
        let interval = interval(&fields, context);
        Some(Self {
            place: Place::Discovery(cluster?.map(|cluster| cluster.0)),
            fetch: fetch?,
            unknown_key_interval: interval?,
        })
    }

    /// What [`Remote::at_uri`] takes.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn uri_schema(schemas: &mut gatehouse_config::schema::Schemas) -> Value {
        schemas.object(|fields| {
            fields.field::<FetchedFrom>("uri", false, "");
            Fetch::fields(fields);
            fields.optional::<Duration>("unknown_key_interval");
        })
    }

    /// What [`Remote::discovered`] takes.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn discovered_schema(schemas: &mut gatehouse_config::schema::Schemas) -> Value {
        schemas.object(|fields| {
            fields.optional::<Text>("jwks_cluster");
            Fetch::fields(fields);
            fields.optional::<Duration>("unknown_key_interval");
        })
    }

    /// What is wrong with an issuer that is to be asked.
    pub(super) fn check_issuer(&self, issuer: &str, context: &mut Context<'_>) {
        if let (Place::Discovery(_), Err(why)) = (&self.place, Url::parse(issuer)) {
            context.at_key("issuer", |context| {
                context.problem_hint::<()>(
                    format!("{issuer:?} {why}"),
                    "discovery looks for its document below this URL; or set jwks.uri",
                )
            });
        }
    }

    /// The feed of these keys.
    pub(super) fn feed(self, provider: &str, issuer: &str) -> Feed<JwkSet> {
        let (first, steps) = match (&self.place, Url::parse(issuer)) {
            (Place::Keys(url), _) => (self.fetch.address(url), 1),
            (Place::Discovery(_), Ok(mut url)) => {
                url.path = format!("{}{WELL_KNOWN}", url.path.trim_end_matches('/'));
                (self.fetch.address(&url), 2)
            }
            // Refused by `check_issuer`.
            (Place::Discovery(_), Err(_)) => (self.fetch.address(&nowhere()), 0),
        };
        let purpose = format!("keys of {issuer} {:?}", self.place);
        let interval = self.unknown_key_interval;
        let settings = self.fetch.settings(
            ("auth", &format!("provider {provider}")),
            &purpose,
            (first, steps),
            interval,
        );
        let issuer = issuer.to_owned();
        Feed::new(settings, move |step, bytes| match &self.place {
            Place::Discovery(cluster) if step == 0 => {
                let cluster = cluster.as_deref().unwrap_or(&self.fetch.cluster);
                where_keys_are(bytes, &issuer, cluster).map(Step::Next)
            }
            _ => keys(bytes).map(Step::Done),
        })
    }
}

fn nowhere() -> Url {
    Url {
        scheme: Scheme::Https,
        authority: String::new(),
        path: String::new(),
    }
}

fn interval(fields: &gatehouse_config::Fields<'_>, context: &mut Context<'_>) -> Option<Duration> {
    let interval = fields.field_or("unknown_key_interval", || UNKNOWN_KEY_INTERVAL, context)?;
    if interval < SHORTEST_INTERVAL {
        return context.at_key("unknown_key_interval", |context| {
            context.problem(format!("is less than {SHORTEST_INTERVAL}"))
        });
    }
    Some(interval)
}

/// The set of keys in these bytes.
fn keys(bytes: &[u8]) -> Result<JwkSet, String> {
    let set = strict_json::parse(bytes).map_err(|error| format!("not a set of keys: {error}"))?;
    match JwkSet::from_published(&set) {
        Ok((keys, _)) => Ok(keys),
        Err(errors) => {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            Err(format!("not a set of keys: {first}"))
        }
    }
}

/// Where a discovery document says that the keys are.
fn where_keys_are(bytes: &[u8], issuer: &str, cluster: &str) -> Result<Address, String> {
    let document = match strict_json::parse(bytes) {
        Ok(Value::Object(document)) => document,
        Ok(_) => return Err("the discovery document is no object".to_owned()),
        Err(error) => return Err(format!("the discovery document is not JSON: {error}")),
    };
    let named = text(&document, "issuer")?;
    if named != issuer {
        let named = shown(named);
        return Err(format!(
            "the discovery document is of another issuer, {named}"
        ));
    }
    let uri = text(&document, "jwks_uri")?;
    let url = Url::parse(uri).map_err(|why| format!("jwks_uri {} {why}", shown(uri)))?;
    let own = Url::parse(issuer).is_ok_and(|issuer| issuer.authority == url.authority);
    if url.scheme != Scheme::Https && !own {
        let uri = shown(uri);
        return Err(format!(
            "jwks_uri {uri} is neither https nor on the issuer's host"
        ));
    }
    Ok(address(cluster, &url))
}

fn text<'d>(document: &'d Map<String, Value>, name: &str) -> Result<&'d str, String> {
    let member = document.get(name).and_then(Value::as_str);
    member.ok_or_else(|| format!("the discovery document has no {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discovery_documents() {
        let issuer = "http://idp.test/realm";
        let cases = [
            (
                "on the same host",
                r#"{"issuer":"http://idp.test/realm","jwks_uri":"http://idp.test/k"}"#,
                Ok("idp.test/k"),
            ),
            (
                "https elsewhere",
                r#"{"issuer":"http://idp.test/realm","jwks_uri":"https://keys.test/k?v=1"}"#,
                Ok("keys.test/k?v=1"),
            ),
            (
                "http elsewhere",
                r#"{"issuer":"http://idp.test/realm","jwks_uri":"http://evil.test/k"}"#,
                Err("jwks_uri \"http://evil.test/k\" is neither https nor on the issuer's host"),
            ),
            (
                "http on another port",
                r#"{"issuer":"http://idp.test/realm","jwks_uri":"http://idp.test:81/k"}"#,
                Err("jwks_uri \"http://idp.test:81/k\" is neither https nor on the issuer's host"),
            ),
            (
                "a file",
                r#"{"issuer":"http://idp.test/realm","jwks_uri":"file:///k"}"#,
                Err("jwks_uri \"file:///k\" is neither http nor https"),
            ),
            (
                "relative",
                r#"{"issuer":"http://idp.test/realm","jwks_uri":"/k"}"#,
                Err("jwks_uri \"/k\" is not a URL"),
            ),
            (
                "another issuer",
                r#"{"issuer":"http://idp.test/other","jwks_uri":"http://idp.test/k"}"#,
                Err("the discovery document is of another issuer, \"http://idp.test/other\""),
            ),
            (
                "a slash more",
                r#"{"issuer":"http://idp.test/realm/","jwks_uri":"http://idp.test/k"}"#,
                Err("the discovery document is of another issuer, \"http://idp.test/realm/\""),
            ),
            (
                "control characters are shown",
                r#"{"issuer":"\r\n","jwks_uri":"http://idp.test/k"}"#,
                Err("the discovery document is of another issuer, \"\\r\\n\""),
            ),
            (
                "no issuer",
                r#"{"jwks_uri":"http://idp.test/k"}"#,
                Err("the discovery document has no issuer"),
            ),
            (
                "no jwks_uri",
                r#"{"issuer":"http://idp.test/realm"}"#,
                Err("the discovery document has no jwks_uri"),
            ),
            (
                "a number",
                r#"{"issuer":"http://idp.test/realm","jwks_uri":1}"#,
                Err("the discovery document has no jwks_uri"),
            ),
            (
                "issuer twice",
                r#"{"issuer":"a","issuer":"http://idp.test/realm"}"#,
                Err("the discovery document is not JSON: "),
            ),
            ("a list", "[]", Err("the discovery document is no object")),
            (
                "HTML",
                "<html>",
                Err("the discovery document is not JSON: "),
            ),
            ("nothing", "", Err("the discovery document is not JSON: ")),
        ];
        for (name, document, expected) in cases {
            let found = where_keys_are(document.as_bytes(), issuer, "idp");
            match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(
                        format!("{}{}", found.authority, found.path),
                        expected,
                        "{name}"
                    );
                    assert_eq!(found.cluster, "idp", "{name}");
                }
                (Err(found), Err(expected)) => {
                    assert!(found.starts_with(expected), "{name}: {found}");
                }
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }

    #[test]
    fn sets_of_keys() {
        let good = include_str!("../../testdata/jwks.json");
        // The secret there is not one of them, and says so in plain text.
        assert_eq!(keys(good.as_bytes()).unwrap().keys().len(), 4);
        let cases = [
            ("none", r#"{"keys":[]}"#, "not a set of keys: "),
            (
                "a secret alone",
                r#"{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}]}"#,
                "not a set of keys: ",
            ),
            ("no set", r#"{"issuer":"a"}"#, "not a set of keys: "),
            ("HTML", "<html>", "not a set of keys: "),
            ("nothing", "", "not a set of keys: "),
            (
                "keys twice",
                r#"{"keys":[],"keys":[]}"#,
                "not a set of keys: ",
            ),
        ];
        for (name, document, expected) in cases {
            let error = keys(document.as_bytes()).unwrap_err();
            assert!(error.starts_with(expected), "{name}: {error}");
        }
    }
}
