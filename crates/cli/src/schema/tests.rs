//! The schemas, held against what the filters' own code says.

use crate::filter::OwnCode as _;
use crate::tests::gatehouse;
use gatehouse_located_yaml::parse;
use gatehouse_plugins::{Filter, find};
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

fn validator(filter: Filter) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&filter.schema())
        .unwrap()
}

fn parser_takes(filter: Filter, value: &Value) -> Result<(), String> {
    let environment = |name: &str| {
        Some(match name {
            // base64url of 32 bytes
            "HS_SECRET" => "A".repeat(43),
            name => format!("the value of {name}, which is long enough"),
        })
    };
    let problems = filter.problems(value, &environment);
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")),
    }
}

/// The files of the repository with this ending, but for what is built.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir()
            && !name.starts_with('.')
            && !matches!(name, "target" | "dist" | "testdata")
        {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

/// Every configuration that is documented: of the READMEs, of `envoy/` and of `examples/`.
fn documented() -> Vec<(String, Filter, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = Vec::new();
    let mut paths = Vec::new();
    files(&root, ".md", &mut paths);
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            texts.push((path.clone(), block.split("```").next().unwrap().to_owned()));
        }
    }
    let mut paths = Vec::new();
    files(&root.join("envoy"), ".yaml", &mut paths);
    files(&root.join("examples"), ".yaml", &mut paths);
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        texts.push((path, text));
    }
    let mut found = Vec::new();
    for (path, text) in texts {
        for document in parse(&text).unwrap() {
            for plugin in find(&document, None).plugins {
                let value = plugin.delivered.unwrap().value();
                found.push((path.display().to_string(), plugin.filter, value));
            }
        }
    }
    found
}

#[test]
fn every_type_says_what_it_takes() {
    for filter in Filter::ALL {
        let schema = filter.schema().to_string();
        assert!(!schema.contains("not described"), "{filter:?}: {schema}");
        assert!(jsonschema::meta::is_valid(&filter.schema()), "{filter:?}");
    }
}

#[test]
fn the_command_prints_it() {
    let ran = gatehouse(&["schema", "rate-limit"], b"");
    let printed: Value = serde_json::from_str(&ran.output).unwrap();
    assert_eq!(printed, Filter::RateLimit.schema());
    assert_eq!(
        printed["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(gatehouse(&["schema", "rate_limit"], b"").output, ran.output);
}

#[test]
fn what_is_documented_is_valid() {
    let all = documented();
    for filter in Filter::ALL {
        let validator = validator(*filter);
        let of_filter = all.iter().filter(|(_, of, _)| of == filter);
        let mut count = 0;
        for (place, _, value) in of_filter {
            count += 1;
            assert_eq!(parser_takes(*filter, value), Ok(()), "{place}");
            if let Err(error) = validator.validate(value) {
                panic!("{place}: {}: {error}\n{value:#}", error.instance_path());
            }
        }
        assert!(count >= 2, "{filter:?}: {count}");
    }
}

/// What both refuse, and what a schema cannot say: `only the parser` says why.
#[test]
fn what_is_refused() {
    let auth = |provider: Value| json!({"providers": {"p": provider}, "rules": [{"require": {"any_of": ["p"]}}]});
    let limit = |change: Value| {
        let mut limit = json!({"name": "a", "key": ["method"], "rate": "1/1s"});
        limit
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        json!({"limits": [limit]})
    };
    let operation = |operation: Value| json!({"rules": [{"request": [operation]}]});
    let rule = |rule: Value| json!({"providers": {}, "rules": [rule]});
    let key = |consumer: Value| {
        auth(json!({"api_key": {"from": [{"header": "a"}], "consumers": [consumer]}}))
    };
    let guard = |rule: Value| json!({"rules": [rule], "default": "deny"});
    use Filter::{Auth, ConnectionGuard, Gateway, Headers, RateLimit};
    let both = [
        ("not an object", Auth, json!([])),
        ("nothing", Auth, json!({})),
        (
            "an unknown field",
            Auth,
            json!({"rules": [{"allow": "anonymous"}], "rulez": []}),
        ),
        ("no rules", Auth, json!({"rules": []})),
        ("neither", Auth, rule(json!({}))),
        (
            "both",
            Auth,
            rule(json!({"allow": "anonymous", "require": {"any_of": ["p"]}})),
        ),
        ("an unknown word", Auth, rule(json!({"allow": "everybody"}))),
        (
            "authorize nobody",
            Auth,
            rule(json!({"allow": "anonymous", "authorize": {"groups": ["a"]}})),
        ),
        (
            "an empty match",
            Auth,
            rule(json!({"match": {}, "allow": "anonymous"})),
        ),
        (
            "an empty not",
            Auth,
            rule(json!({"match": {"not": {}}, "allow": "anonymous"})),
        ),
        (
            "two kinds of path",
            Auth,
            rule(json!({"match": {"path": {"exact": "/", "prefix": "/"}}, "allow": "anonymous"})),
        ),
        ("no provider", Auth, auth(json!({}))),
        (
            "two providers",
            Auth,
            auth(json!({"api_key": {}, "jwt": {}})),
        ),
        ("an unknown one", Auth, auth(json!({"apikey": {}}))),
        (
            "a name with a dot",
            Auth,
            json!({"providers": {"a.b": {}}, "rules": [{"allow": "anonymous"}]}),
        ),
        (
            "a secret",
            Auth,
            key(json!({"name": "a", "key": "hunter2"})),
        ),
        (
            "a digest",
            Auth,
            key(json!({"name": "a", "key_sha256": "abc"})),
        ),
        (
            "a time",
            Auth,
            key(json!({"name": "a", "key": "${env:X}", "expires_at": "tomorrow"})),
        ),
        (
            "an empty name",
            Auth,
            key(json!({"name": "", "key": "${env:X}"})),
        ),
        (
            "two places at once",
            Auth,
            auth(
                json!({"api_key": {"from": [{"header": "a", "query": "b"}], "consumers": [{"name": "a", "key": "${env:X}"}]}}),
            ),
        ),
        (
            "an algorithm",
            Auth,
            auth(
                json!({"jwt": {"issuer": "i", "audiences": ["a"], "algorithms": ["none"], "jwks": {"pem": "x"}}}),
            ),
        ),
        (
            "no keys",
            Auth,
            auth(
                json!({"jwt": {"issuer": "i", "audiences": ["a"], "algorithms": ["RS256"], "jwks": {}}}),
            ),
        ),
        (
            "keys without a cluster",
            Auth,
            auth(
                json!({"jwt": {"issuer": "i", "audiences": ["a"], "algorithms": ["RS256"], "jwks": {"uri": "https://i/keys"}}}),
            ),
        ),
        (
            "a header's name",
            Auth,
            json!({"rules": [{"allow": "anonymous"}], "forward": {"consumer_header": "x consumer"}}),
        ),
        (
            "a negative number",
            Auth,
            json!({"rules": [{"allow": "anonymous"}], "trusted_hops": -1}),
        ),
        (
            "a number as a text",
            Auth,
            json!({"rules": [{"allow": "anonymous"}], "trusted_hops": "1"}),
        ),
        (
            "two marks",
            Auth,
            auth(json!({"mtls": {"consumers": [{"name": "a", "uri_san": "a:b", "dns_san": "c"}]}})),
        ),
        ("a rate", RateLimit, limit(json!({"rate": "100/minute"}))),
        (
            "a rate of nothing",
            RateLimit,
            limit(json!({"rate": "0/1m"})),
        ),
        (
            "a rate in no time",
            RateLimit,
            limit(json!({"rate": "1/0s"})),
        ),
        ("no key", RateLimit, limit(json!({"key": []}))),
        (
            "a part of the key",
            RateLimit,
            limit(json!({"key": ["consumers"]})),
        ),
        (
            "a part that needs a value",
            RateLimit,
            limit(json!({"key": ["header"]})),
        ),
        (
            "a part that has none",
            RateLimit,
            limit(json!({"key": [{"method": 1}]})),
        ),
        ("null", RateLimit, limit(json!({"burst": null}))),
        ("a burst as a text", RateLimit, limit(json!({"burst": "5"}))),
        ("a cost of nothing", RateLimit, limit(json!({"cost": 0}))),
        (
            "two costs",
            RateLimit,
            limit(json!({"cost": {"request_header": "a", "response_header": "b"}})),
        ),
        (
            "slots",
            RateLimit,
            json!({"limits": [{"name": "a", "key": ["method"], "rate": "1/1s"}], "store": {"local": {"slots": 0}}}),
        ),
        (
            "a share",
            RateLimit,
            json!({"limits": [{"name": "a", "key": ["method"], "rate": "1/1s"}], "store": {"global": {"cluster": "c", "domain": "d", "lease": "101%"}}}),
        ),
        ("no operation", Headers, operation(json!({}))),
        (
            "two operations",
            Headers,
            operation(json!({"remove": "a", "append": {"name": "b", "value": "c"}})),
        ),
        ("an unknown one", Headers, operation(json!({"delete": "a"}))),
        (
            "a set without a value",
            Headers,
            operation(json!({"set": {"name": "a"}})),
        ),
        (
            "a pseudo-header",
            Headers,
            operation(json!({"set": {"name": ":path", "value": "a"}})),
        ),
        (
            "of a response",
            Headers,
            operation(json!({"location": {"with": "/"}})),
        ),
        (
            "a preset of a response",
            Headers,
            operation(json!({"preset": "security_headers"})),
        ),
        (
            "the status of a request",
            Headers,
            operation(json!({"remove": "a", "when": {"status": 500}})),
        ),
        (
            "a rule that does nothing",
            Headers,
            json!({"rules": [{"match": {"path": {"exact": "/"}}}]}),
        ),
        (
            "a class of statuses",
            Headers,
            json!({"rules": [{"response": [{"remove": "a", "when": {"status": "6xx"}}]}]}),
        ),
        (
            "no origins",
            Headers,
            json!({"rules": [{"cors": {"origins": []}}]}),
        ),
        ("no filters", Gateway, json!({"filters": []})),
        (
            "an unknown filter",
            Gateway,
            json!({"filters": [{"oauth": {}}]}),
        ),
        (
            "two in one",
            Gateway,
            json!({"filters": [{"auth": {}, "headers": {}}]}),
        ),
        (
            "something wrong inside",
            Gateway,
            json!({"filters": [{"headers": {"rules": []}}]}),
        ),
        ("no default", ConnectionGuard, json!({"rules": []})),
        (
            "an action",
            ConnectionGuard,
            guard(json!({"name": "a", "action": "block"})),
        ),
        (
            "a port",
            ConnectionGuard,
            guard(json!({"name": "a", "match": {"destination_port": [0]}, "action": "allow"})),
        ),
        (
            "a version of TLS",
            ConnectionGuard,
            guard(
                json!({"name": "a", "match": {"tls_version": {"at_least": "TLS1"}}, "action": "allow"}),
            ),
        ),
        (
            "a protocol",
            ConnectionGuard,
            guard(json!({"name": "a", "match": {"protocol": ["gopher"]}, "action": "allow"})),
        ),
    ];
    let only_the_parser = [
        (
            "order: ports that begin after they end",
            ConnectionGuard,
            guard(json!({"name": "a", "match": {"destination_port": ["2-1"]}, "action": "allow"})),
        ),
        (
            "names are known to it: a feed",
            ConnectionGuard,
            guard(json!({"name": "a", "match": {"source": [{"feed": "f"}]}, "action": "allow"})),
        ),
        (
            "names are known to it: a provider",
            Auth,
            rule(json!({"require": {"any_of": ["p"]}})),
        ),
        (
            "order: a rule that is never reached",
            Auth,
            json!({"rules": [{"allow": "anonymous"}, {"allow": "anonymous"}]}),
        ),
        (
            "two fields: one key or several",
            Auth,
            key(json!({"name": "a"})),
        ),
        (
            "equality: two consumers of one name",
            Auth,
            auth(
                json!({"api_key": {"from": [{"header": "a"}], "consumers": [{"name": "a", "key": "${env:X}"}, {"name": "a", "key": "${env:Y}"}]}}),
            ),
        ),
        (
            "syntax: a path that is not in its normal form",
            Auth,
            rule(json!({"match": {"path": {"prefix": "a"}}, "allow": "anonymous"})),
        ),
        (
            "syntax: a regular expression",
            Auth,
            rule(json!({"match": {"path": {"regex": "/("}}, "allow": "anonymous"})),
        ),
        (
            "syntax: an address",
            Auth,
            rule(json!({"match": {"client_ip": ["1.2.3.4/99"]}, "allow": "anonymous"})),
        ),
        (
            "syntax: a key",
            Auth,
            auth(
                json!({"jwt": {"issuer": "i", "audiences": ["a"], "algorithms": ["RS256"], "jwks": {"pem": "x"}}}),
            ),
        ),
        (
            "numbers: a whole number with a point",
            Auth,
            json!({"rules": [{"allow": "anonymous"}], "trusted_hops": 1.0}),
        ),
        (
            "numbers: a burst for which the rate is too slow",
            RateLimit,
            limit(json!({"rate": "1/365d", "burst": 1_000_000_000})),
        ),
        (
            "equality: two limits of one name",
            RateLimit,
            json!({"limits": [{"name": "a", "key": ["method"], "rate": "1/1s"}, {"name": "a", "key": ["path"], "rate": "1/1s"}]}),
        ),
        (
            "two fields: a burst of what has none",
            RateLimit,
            limit(json!({"algorithm": "concurrency", "burst": 1})),
        ),
        (
            "syntax: a variable",
            Headers,
            operation(json!({"set": {"name": "a", "value": "${nothing}"}})),
        ),
        (
            "a list of names: what cannot be changed",
            Headers,
            operation(json!({"remove": "content-length"})),
        ),
        (
            "equality: a header renamed to itself",
            Headers,
            operation(json!({"rename": {"from": "a", "to": "A"}})),
        ),
        (
            "equality: limits of two filters of one name",
            Gateway,
            json!({"filters": [{"rate_limit": limit(json!({}))}, {"rate_limit": limit(json!({}))}]}),
        ),
    ];
    for (name, filter, value) in both {
        assert!(
            parser_takes(filter, &value).is_err(),
            "{name}: the parser takes {value}"
        );
        assert!(
            !validator(filter).is_valid(&value),
            "{name}: the schema takes {value}"
        );
    }
    for (name, filter, value) in only_the_parser {
        assert!(
            parser_takes(filter, &value).is_err(),
            "{name}: the parser takes {value}"
        );
        assert!(
            validator(filter).is_valid(&value),
            "{name}: the schema does not take {value}"
        );
    }
}

/// Values that take the place of others.
fn others() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(7),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
        json!({"x": 1}),
        json!(["x"]),
    ]
}

/// Every value that is the given one but for one part: replaced, taken out, or with a field more. With each whether a
/// field was added.
fn changed(value: &Value) -> Vec<(Value, bool)> {
    let mut all: Vec<(Value, bool)> = others().into_iter().map(|other| (other, false)).collect();
    match value {
        Value::Object(map) => {
            let with = |key: &str, value: Option<Value>| {
                let mut map: Map<String, Value> = map.clone();
                match value {
                    Some(value) => map.insert(key.to_owned(), value),
                    None => map.shift_remove(key),
                };
                Value::Object(map)
            };
            all.push((with("unheard_of", Some(json!("x"))), true));
            for (key, inner) in map {
                all.push((with(key, None), false));
                let inner = changed(inner).into_iter();
                all.extend(inner.map(|(inner, added)| (with(key, Some(inner)), added)));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                for (item, added) in changed(item) {
                    let mut items = items.clone();
                    items[index] = item;
                    all.push((Value::Array(items), added));
                }
            }
        }
        _ => {}
    }
    all
}

/// The schema never refuses what the parser takes; and it knows every field that the parser knows.
#[test]
fn changes_of_what_is_documented() {
    let (mut refused, mut missed) = (0_usize, 0_usize);
    let filters = [
        Filter::Auth,
        Filter::RateLimit,
        Filter::Headers,
        Filter::ConnectionGuard,
    ];
    for filter in filters {
        let validator = validator(filter);
        for (place, _, value) in documented().into_iter().filter(|(_, of, _)| *of == filter) {
            for (value, added) in changed(&value) {
                let parser = parser_takes(filter, &value);
                match (validator.is_valid(&value), parser) {
                    (false, Ok(())) => panic!("{place}: only the schema refuses {value:#}"),
                    (true, Err(problems)) => {
                        missed += 1;
                        let field = added && problems.contains("unheard_of: unknown field");
                        assert!(!field, "{place}: {problems}\nthe schema takes {value:#}");
                    }
                    (false, Err(_)) => refused += 1,
                    (true, Ok(())) => {}
                }
            }
        }
    }
    assert!(
        refused > 10 * missed,
        "{refused} are refused by both, {missed} by the parser alone"
    );
}
