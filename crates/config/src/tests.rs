//! What operators see of their mistakes, to the letter.

use super::*;
use prost::Message as _;

object! {
    #[expect(dead_code, reason = "only decoded")]
    struct Limit {
        name: Identifier,
        rate: Rate,
        burst: u64 = 5,
        every: Option<Duration>,
        keys: NonEmpty<Key>,
        mode: Mode = Mode::Enforce,
        secret: Option<Secret>,
    }
}

one_of! {
    #[derive(Debug, PartialEq)]
    enum Key {
        Consumer = "consumer",
        Header(HeaderName) = "header",
        ClientIp(u8) = "client_ip" or 32,
    }
}

keywords! {
    #[derive(Debug, PartialEq)]
    enum Mode { Enforce = "enforce", Report = "report" }
}

object! {
    #[expect(dead_code, reason = "only decoded")]
    struct Document { limits: Vec<Limit> }
}

fn environment(name: &str) -> Option<String> {
    match name {
        "KEY" => Some("s3cret".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn problems(json: &str) -> String {
    load::<Document>(json.as_bytes(), &environment)
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

#[test]
fn all_problems_at_once_each_where_it_stands() {
    let json = r#"{"limits": [
        {"name": "a b", "rate": "100", "burts": 3, "keys": []},
        {"rate": "0/1m", "every": 30, "keys": ["consumr", {"header": "x y"}, {"header": "a", "client_ip": 3}, {"consumer": 1}, "header"]},
        {"name": "c", "rate": "1/1s", "keys": [{"cookie": "x"}, {}, 7], "mode": "Report", "secret": "hunter2", "burst": -1}
    ], "limit": 1}"#;
    let expected = r#"limit: unknown field (did you mean "limits"?)
limits[0].burts: unknown field (did you mean "burst"?)
limits[0].name: "a b" is not a name (1 to 64 letters, digits, "_" and "-")
limits[0].rate: "100" is not a rate (write a whole number, a slash and a duration, such as "100/1m")
limits[0].keys: empty, but needs at least one element
limits[1].name: required, but missing
limits[1].rate: the rate "0/1m" lets nothing through (to refuse requests, use a rule of the auth filter)
limits[1].every: expected a duration, found the number 30 (write its unit too, such as "30s")
limits[1].keys[0]: unknown word "consumr" (did you mean "consumer"?)
limits[1].keys[1].header: "x y" is not a header name (letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, 5.6.2))
limits[1].keys[2]: header and client_ip at once, but only one of consumer, header, client_ip can stand here
limits[1].keys[3]: "consumer" takes no value (write "consumer" alone)
limits[1].keys[4]: "header" needs a value (write {header: …})
limits[2].burst: expected a whole number, found the number -1
limits[2].keys[0].cookie: unknown field (known: consumer, header, client_ip)
limits[2].keys[1]: empty, but needs one of consumer, header, client_ip
limits[2].keys[2]: expected one of consumer, header, client_ip, found the number 7
limits[2].mode: unknown word "Report" (did you mean "report"?)
limits[2].secret: a secret cannot stand here in plain text (write "${env:NAME}" and set NAME in vm_config.environment_variables)"#;
    assert_eq!(problems(json), expected);
}

/// Decodes one value of a type and shows it, or its problems.
fn one<T: Decode>(json: &str, show: impl Fn(T) -> String) -> String {
    match load_value::<T>(&serde_json::from_str(json).unwrap(), &environment) {
        Ok(value) => show(value),
        Err(problems) => format!("! {problems}"),
    }
}

#[test]
fn values() {
    let duration = |json: &str| one::<Duration>(json, |d| format!("{d} {}", d.as_nanos()));
    let rate = |json: &str| one::<Rate>(json, |r| format!("{} {}", r.count(), r.period()));
    let size = |json: &str| one::<Size>(json, |s| s.bytes().to_string());
    let name = |json: &str| one::<HeaderName>(json, |n| n.to_string());
    let value = |json: &str| one::<HeaderValue>(json, |v| v.to_string());
    let cidr = |json: &str| one::<Cidr>(json, |c| c.to_string());
    let time = |json: &str| one::<Time>(json, |t| t.as_nanos().to_string());
    let secret = |json: &str| one::<Secret>(json, |s| format!("{s:?} {}", s.expose().len()));
    let digest = |json: &str| one::<Sha256Digest>(json, |d| format!("{d:?} {:?}", d.bytes()[0]));
    let zeros = "0".repeat(62);
    let cases: Vec<(&str, String, &str)> = vec![
        ("seconds", duration(r#""30s""#), "30s 30000000000"),
        ("milliseconds", duration(r#""1500ms""#), "1500ms 1500000000"),
        (
            "a day, as it is shown",
            duration(r#""24h""#),
            "1d 86400000000000",
        ),
        (
            "no unit",
            duration(r#""30""#),
            r#"! "30" is not a duration (write a whole number above zero and a unit: ns, us, ms, s, m, h, d; such as "30s")"#,
        ),
        (
            "zero",
            duration(r#""0s""#),
            r#"! "0s" is not a duration (write a whole number above zero and a unit: ns, us, ms, s, m, h, d; such as "30s")"#,
        ),
        (
            "fraction",
            duration(r#""1.5s""#),
            r#"! "1.5s" is not a duration (write a whole number above zero and a unit: ns, us, ms, s, m, h, d; such as "30s")"#,
        ),
        (
            "too long",
            duration(r#""300000d""#),
            r#"! "300000d" is not a duration (write a whole number above zero and a unit: ns, us, ms, s, m, h, d; such as "30s")"#,
        ),
        (
            "not ASCII",
            duration(r#""３０s""#),
            r#"! "３０s" is not a duration (write a whole number above zero and a unit: ns, us, ms, s, m, h, d; such as "30s")"#,
        ),
        ("rate", rate(r#""100/1m""#), "100 1m"),
        (
            "rate without a number of units",
            rate(r#""100/m""#),
            r#"! "100/m" is not a rate (write a whole number, a slash and a duration, such as "100/1m")"#,
        ),
        ("size", size(r#""64KiB""#), "65536"),
        ("plain size", size("100"), "100"),
        (
            "size with a unit of ten",
            size(r#""64KB""#),
            r#"! "64KB" is not a size (write a whole number and a unit: B, KiB, MiB, GiB; such as "64KiB")"#,
        ),
        ("header name", name(r#""X-Api-Key""#), "x-api-key"),
        (
            "empty header name",
            name(r#""""#),
            r#"! "" is not a header name (letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, 5.6.2))"#,
        ),
        (
            "pseudo-header",
            name(r#"":path""#),
            r#"! ":path" is a pseudo-header, which cannot stand here"#,
        ),
        ("header value", value(r#""a\tb é""#), "a\tb é"),
        (
            "CR in a header value",
            value(r#""a\rb""#),
            "! a header value cannot have control characters such as CR or LF",
        ),
        (
            "NUL in a header value",
            value(r#""a\u0000b""#),
            "! a header value cannot have control characters such as CR or LF",
        ),
        (
            "space around a header value",
            value(r#"" a""#),
            "! a header value cannot have white space around it",
        ),
        ("range", cidr(r#""10.0.0.0/8""#), "10.0.0.0/8"),
        ("one address", cidr(r#""2001:db8::1""#), "2001:db8::1/128"),
        (
            "bits after the prefix",
            cidr(r#""10.0.0.1/8""#),
            r#"! "10.0.0.1/8" has bits set after its prefix (did you mean "10.0.0.0/8"?)"#,
        ),
        (
            "mapped range",
            cidr(r#""::ffff:10.0.0.0/104""#),
            r#"! "::ffff:10.0.0.0/104" is an IPv4-mapped range (write the IPv4 range; it holds the mapped addresses too)"#,
        ),
        (
            "no range",
            cidr(r#""localhost""#),
            r#"! "localhost" is not an address range (write an address or a CIDR, such as "10.0.0.0/8" or "2001:db8::/32")"#,
        ),
        (
            "time",
            time(r#""2026-01-01T00:00:00Z""#),
            "1767225600000000000",
        ),
        (
            "time with an offset",
            time(r#""2026-01-01T01:00:00+01:00""#),
            "1767225600000000000",
        ),
        (
            "date",
            time(r#""2026-01-01""#),
            r#"! "2026-01-01" is not a time (write it as RFC 3339 has it, such as "2026-01-01T00:00:00Z")"#,
        ),
        (
            "before 1970",
            time(r#""1969-01-01T00:00:00Z""#),
            r#"! "1969-01-01T00:00:00Z" is not a time (write it as RFC 3339 has it, such as "2026-01-01T00:00:00Z")"#,
        ),
        ("secret", secret(r#""${env:KEY}""#), "Secret(…) 6"),
        (
            "empty secret",
            secret(r#""${env:EMPTY}""#),
            "! the environment variable EMPTY is empty",
        ),
        (
            "missing secret",
            secret(r#""${env:NONE}""#),
            "! no environment variable NONE (set it in vm_config.environment_variables)",
        ),
        (
            "secret of a wrong type is not shown",
            secret("12345"),
            r#"! expected a secret such as "${env:NAME}""#,
        ),
        (
            "digest",
            digest(&format!("\"fF{zeros}\"")),
            "Sha256Digest(…) 255",
        ),
        (
            "digest too short",
            digest(&format!("\"{zeros}\"")),
            "! not a SHA-256 digest (64 hexadecimal digits: printf %s \"$KEY\" | sha256sum)",
        ),
        (
            "digest with another letter",
            digest(&format!("\"g0{zeros}\"")),
            "! not a SHA-256 digest (64 hexadecimal digits: printf %s \"$KEY\" | sha256sum)",
        ),
    ];
    for (case, actual, expected) in cases {
        assert_eq!(actual, expected, "{case}");
    }
}

#[test]
fn an_ipv4_range_holds_mapped_addresses() {
    let range: Cidr = load(br#""10.0.0.0/8""#, &environment).unwrap();
    for (address, inside) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("11.0.0.1", false),
        ("::10.1.2.3", false),
    ] {
        assert_eq!(
            range.contains(address.parse().unwrap()),
            inside,
            "{address}"
        );
    }
}

#[test]
fn a_struct_and_json_are_the_same_tree() {
    fn message(value: &serde_json::Value) -> prost_types::Value {
        use prost_types::value::Kind;
        let kind = match value {
            Value::Null => Kind::NullValue(0),
            Value::Bool(b) => Kind::BoolValue(*b),
            Value::Number(n) => Kind::NumberValue(n.as_f64().unwrap()),
            Value::String(s) => Kind::StringValue(s.clone()),
            Value::Array(items) => Kind::ListValue(prost_types::ListValue {
                values: items.iter().map(message).collect(),
            }),
            Value::Object(map) => Kind::StructValue(prost_types::Struct {
                fields: map.iter().map(|(k, v)| (k.clone(), message(v))).collect(),
            }),
        };
        prost_types::Value { kind: Some(kind) }
    }
    // 123 bytes after the tag make the message begin like "\n{", as JSON text might.
    for filler in 0..200 {
        let json = serde_json::json!({"a": [1, -2, 2.5, true, null, "x".repeat(filler)], "b": {"c": 9007199254740992_u64}});
        let Some(prost_types::value::Kind::StructValue(message)) = message(&json).kind else {
            panic!("an object is a Struct")
        };
        assert_eq!(document::parse(&message.encode_to_vec()).unwrap(), json);
        let text = format!("\n{json}\n");
        assert_eq!(document::parse(text.as_bytes()).unwrap(), json);
    }
}

#[test]
fn bytes_that_are_no_document() {
    let cases: [(&str, &[u8], &str); 6] = [
        (
            "text",
            b"hello",
            "neither JSON nor a google.protobuf.Struct: ",
        ),
        (
            "truncated JSON",
            b"{\"a\":",
            "neither JSON nor a google.protobuf.Struct: ",
        ),
        (
            "a key twice",
            b"{\"a\":1,\"a\":2}",
            "neither JSON nor a google.protobuf.Struct: ",
        ),
        (
            "truncated Struct",
            b"\n\x05\n\x01a\x12",
            "neither JSON nor a google.protobuf.Struct: ",
        ),
        (
            "entry without a value",
            b"\n\x03\n\x01a",
            "neither JSON nor a google.protobuf.Struct: ",
        ),
        (
            "not UTF-8",
            b"{\"a\":\"\xff\"}",
            "neither JSON nor a google.protobuf.Struct: ",
        ),
    ];
    for (name, bytes, expected) in cases {
        let refused = document::parse(bytes).unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{name}: {refused}");
    }
    assert_eq!(document::parse(b"").unwrap(), serde_json::json!({}));
}

/// Keys that are different texts and the same name.
#[test]
fn entries_with_one_name_in_two_spellings() {
    type Headers = Entries<HeaderName, String>;
    let json = br#"{"X-A": "1", "x-b": "2", "x-a": "3"}"#;
    let refused = load::<Headers>(json, &environment).unwrap_err();
    assert_eq!(refused.to_string(), "x-a: \"x-a\" is here twice");
}

#[test]
fn ranges_in_ranges() {
    let range = |text: &str| load_value::<Cidr>(&Value::from(text), &environment).unwrap();
    let cases = [
        ("10.0.0.0/8", "10.1.0.0/16", true),
        ("10.0.0.0/8", "10.0.0.0/8", true),
        ("10.1.0.0/16", "10.0.0.0/8", false),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("0.0.0.0/0", "::/0", false),
        ("::/0", "0.0.0.0/0", false),
        ("::/0", "2001:db8::1", true),
    ];
    for (outer, inner, covers) in cases {
        let (outer, inner) = (range(outer), range(inner));
        assert_eq!(outer.covers(&inner), covers, "{outer} {inner}");
    }
    let range = range("2001:db8::/32");
    assert_eq!(range.prefix_length(), 32);
    assert_eq!(range.network().to_string(), "2001:db8::");
}
