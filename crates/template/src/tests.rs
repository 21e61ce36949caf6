//! What templates are made of, what they become, and what is no template, to the letter.

use super::*;
use gatehouse_config::{Context, Value};
use gatehouse_host::{Consumer, Headers, Result, Timestamp};
use serde_json::json;
use std::borrow::Cow;

fn environment(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("s3cret${uuid}".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

/// The template, or its problems; in a rule whose match captures these names.
fn read_for(
    text: &str,
    into: Destination,
    captures: &[&str],
) -> std::result::Result<Template, String> {
    let mut context = Context::new(&environment);
    let text = Value::String(text.to_owned());
    let read = Template::read(&text, into, Some(captures), &mut context);
    let problems: Vec<String> = context
        .into_problems()
        .iter()
        .map(ToString::to_string)
        .collect();
    match read {
        Some(template) if problems.is_empty() => Ok(template),
        _ => Err(problems.join("\n")),
    }
}

fn read_in(text: &str, captures: &[&str]) -> std::result::Result<Template, String> {
    read_for(text, Destination::Header, captures)
}

fn read(text: &str) -> std::result::Result<Template, String> {
    read_in(text, &["id", "item"])
}

/// The value; nothing where there is none.
fn render<'t>(template: &'t Template, scope: &mut Known) -> Option<Cow<'t, [u8]>> {
    match template.render(scope).unwrap() {
        Rendered::Value(value) => Some(value),
        Rendered::Missing => None,
        Rendered::Unsafe => panic!("unsafe"),
    }
}

struct Known {
    consumer: Option<Consumer>,
    headers: Headers,
}

impl Scope for Known {
    fn value(&mut self, variable: &Variable, out: &mut Vec<u8>) -> Result<bool> {
        Ok(match variable {
            Variable::Consumer(part) => self
                .consumer
                .as_ref()
                .is_some_and(|consumer| part.write(consumer, out)),
            Variable::Header(part) => part.write(&self.headers, out),
            Variable::Capture(name) => {
                out.extend_from_slice(name.to_uppercase().as_bytes());
                true
            }
            Variable::Uuid => {
                write_uuid_v4([0xff; 16], out);
                true
            }
            Variable::UuidV7 => {
                write_uuid_v7(Timestamp::from_nanos(1_999_999_999), [0xff; 16], out);
                true
            }
            Variable::Now(format) => write_time(Timestamp::from_nanos(1_999_999_999), format, out),
            Variable::Route => {
                out.extend_from_slice(b"api");
                true
            }
            Variable::ClientIp | Variable::ResponseHeader(_) => false,
        })
    }
}

fn known() -> Known {
    let claims = json!({
        "sub": "ann", "n": 7, "ok": true, "empty": "", "none": null, "list": ["a"], "crlf": "a\r\nb: c",
        "org": {"id": "o1", "a.b": "dotted"}, "https://id.test/org": "url", "org.id.x": "whole",
    });
    let metadata = json!({"plan": "gold"});
    Known {
        consumer: Some(Consumer {
            name: "acme".to_owned(),
            provider: "partners".to_owned(),
            claims: claims.as_object().unwrap().clone(),
            metadata: metadata.as_object().unwrap().clone(),
            ..Consumer::default()
        }),
        headers: [
            (":method", &b"GET"[..]),
            (":authority", b"api.test:8443"),
            (":path", b"/a/b?c=d?e"),
            ("x-one", b"1"),
            ("x-bytes", b"\xff\0"),
            ("x-empty", b""),
            ("x-two", b"1"),
            ("x-two", b"2"),
        ]
        .into_iter()
        .collect(),
    }
}

#[test]
fn values() {
    // What it becomes, or nothing.
    let cases: [(&str, &str, Option<&[u8]>); 32] = [
        ("nothing", "", Some(b"")),
        ("no variable", "a b", Some(b"a b")),
        ("a dollar sign", "$$1$$", Some(b"$1$")),
        ("a variable escaped", "$${uuid}", Some(b"${uuid}")),
        ("an escape before a variable", "$$${method}", Some(b"$GET")),
        ("a brace", "}{", Some(b"}{")),
        (
            "consumer",
            "${consumer.name}@${consumer.provider}",
            Some(b"acme@partners"),
        ),
        ("claim", "<${claim.sub}>", Some(b"<ann>")),
        ("claim that is a number", "${claim.n}", Some(b"7")),
        ("claim that is a boolean", "${claim.ok}", Some(b"true")),
        ("claim that is empty", "a${claim.empty}", Some(b"a")),
        ("claim that is null", "${claim.none}", None),
        ("claim that is a list", "${claim.list}", None),
        ("claim that is an object", "${claim.org}", None),
        ("claim that is not there", "a${claim.other}", None),
        ("claim further down", "${claim.org.id}", Some(b"o1")),
        (
            "claim further down with a dot",
            "${claim.org.a.b}",
            Some(b"dotted"),
        ),
        ("claim below a text", "${claim.sub.x}", None),
        (
            "claim with a URL as its name",
            "${claim.https://id.test/org}",
            Some(b"url"),
        ),
        (
            "claim whose whole name comes first",
            "${claim.org.id.x}",
            Some(b"whole"),
        ),
        (
            "claim with a line end is left as it is",
            "${claim.crlf}",
            Some(b"a\r\nb: c"),
        ),
        ("metadata", "${metadata.plan}", Some(b"gold")),
        ("header", "${request.header.X-One}", Some(b"1")),
        (
            "header that is empty",
            "${request.header.x-empty}",
            Some(b""),
        ),
        (
            "header that is not UTF-8",
            "${request.header.x-bytes}",
            Some(b"\xff\0"),
        ),
        ("header twice", "${request.header.x-two}", None),
        (
            "header that is not there",
            "${request.header.x-other}",
            None,
        ),
        (
            "request line",
            "${method} ${host} ${path}",
            Some(b"GET api.test:8443 /a/b"),
        ),
        ("capture", "${path.id}/${path.item}", Some(b"ID/ITEM")),
        ("client address of a Unix socket", "${client_ip}", None),
        ("time", "${now}", Some(b"1970-01-01T00:00:01Z")),
        (
            "environment, not looked at again",
            "${env:TOKEN}!",
            Some(b"s3cret${uuid}!"),
        ),
    ];
    for (name, text, expected) in cases {
        let template = read(text).unwrap();
        let mut known = known();
        assert_eq!(render(&template, &mut known).as_deref(), expected, "{name}");
        assert_eq!(
            template.constant().is_some(),
            template.variables().count() == 0,
            "{name}"
        );
    }
}

#[test]
fn without_a_consumer() {
    let mut anonymous = Known {
        consumer: None,
        ..known()
    };
    for text in ["${consumer.name}", "a${claim.sub}", "${metadata.plan}b"] {
        assert_eq!(
            read(text).unwrap().render(&mut anonymous),
            Ok(Rendered::Missing),
            "{text}"
        );
    }
}

#[test]
fn mistakes() {
    let all = "known: consumer.name, consumer.provider, claim.NAME, metadata.NAME, request.header.NAME, response.header.NAME, query.NAME, client_ip, \
               method, host, path, route, uuid, uuid.v7, now, now.ms, now.http, now.unix, now.unix_ms, now:FORMAT, env:NAME, path.NAME";
    let functions = "known: lower, upper, trim, truncate, base64, base64url, url_encode, sha256, segments, default";
    let cases = [
        (
            "${consumer.nme}",
            r#"no variable "consumer.nme" (did you mean "consumer.name"?)"#.to_owned(),
        ),
        (
            "${claims.email}",
            r#"no variable "claims.email" (did you mean "claim.email"?)"#.to_owned(),
        ),
        (
            "${query.}",
            format!(r#"no variable "query." ({all})"#),
        ),
        (
            "${response.header.a b}",
            r#""a b" in "response.header.a b" is not a header name"#.to_owned(),
        ),
        (
            "${now:}",
            "no format of a time (write ${now} or ${now:%Y-%m-%d})".to_owned(),
        ),
        (
            "${now:%Y-%q}",
            "\"%q\" is no part of a time (known: %Y %y %m %d %e %j %H %M %S %3f %6f %s %a %A %b %B, and %% for a %)".to_owned(),
        ),
        (
            "${now:%}",
            "\"% \" is no part of a time (known: %Y %y %m %d %e %j %H %M %S %3f %6f %s %a %A %b %B, and %% for a %)".to_owned(),
        ),
        (
            "${now:%Y\n}",
            "a value cannot have control characters such as CR or LF".to_owned(),
        ),
        (
            "${request.headers.x}",
            r#"no variable "request.headers.x" (did you mean "request.header.x"?)"#.to_owned(),
        ),
        (
            "${Uuid}",
            r#"no variable "Uuid" (did you mean "uuid"?)"#.to_owned(),
        ),
        (
            "${ uid | lower}",
            r#"no variable "uid" (did you mean "uuid"?)"#.to_owned(),
        ),
        (
            "${now.htp}",
            r#"no variable "now.htp" (did you mean "now.http"?)"#.to_owned(),
        ),
        (
            "${uuid | lowr}",
            r#"no function "lowr" (did you mean "lower"?)"#.to_owned(),
        ),
        (
            "${uuid | Lower}",
            format!(r#""Lower" is not a function ({functions})"#),
        ),
        ("${uuid | }", format!(r#"no function "" ({functions})"#)),
        (
            "${uuid | lower(1)}",
            "lower takes nothing in parentheses".to_owned(),
        ),
        (
            "${uuid | truncate}",
            "truncate needs a number of bytes (write truncate(64))".to_owned(),
        ),
        (
            "${uuid | truncate(0)}",
            "truncate needs a number of bytes (write truncate(64))".to_owned(),
        ),
        (
            "${uuid | truncate(-1) | default(none)}",
            "truncate needs a number of bytes (write truncate(64))\n\
             default needs a text in double quotes (write default(\"none\"))"
                .to_owned(),
        ),
        (
            "${uuid | segments}",
            "segments are only in a path".to_owned(),
        ),
        (
            r#"${uid | default("}") | lower x | uper}"#,
            format!(
                "\"lowerx \" is not a function ({functions})\n\
                 no function \"uper\" (did you mean \"upper\"?)\n\
                 no variable \"uid\" (did you mean \"uuid\"?)"
            ),
        ),
        ("${uuid |", r#"a "${" without its "}""#.to_owned()),
        (
            r#"${uuid | default("a}"#,
            r#"a "${" without its "}""#.to_owned(),
        ),
        (
            r#"${uuid | truncate(4}"#,
            r#"a "${" without its "}""#.to_owned(),
        ),
        ("${}", format!(r#"no variable "" ({all})"#)),
        ("${claim.}", format!(r#"no variable "claim." ({all})"#)),
        (
            "${claim.a..b}",
            format!(r#"no variable "claim.a..b" ({all})"#),
        ),
        (
            "${request.header.Host}",
            r#"the proxy keeps "host" as ":authority", so no request has it (write ${host})"#
                .to_owned(),
        ),
        (
            "${request.header.:path}",
            r#"":path" in "request.header.:path" is not a header name"#.to_owned(),
        ),
        (
            "${request.header.}",
            r#""" in "request.header." is not a header name"#.to_owned(),
        ),
        (
            "${path.ids}",
            r#"no variable "path.ids" (did you mean "path.id"?)"#.to_owned(),
        ),
        (
            "${path.}",
            r#"no variable "path." (known: path.id, path.item)"#.to_owned(),
        ),
        (
            "${env:NONE}",
            "no environment variable NONE (set it in vm_config.environment_variables)".to_owned(),
        ),
        (
            "${env:EMPTY}",
            "the environment variable EMPTY is empty".to_owned(),
        ),
        (
            "$uuid",
            r#"a "$" that begins no variable (write "$$" for a dollar sign)"#.to_owned(),
        ),
        (
            "5$",
            r#"a "$" that begins no variable (write "$$" for a dollar sign)"#.to_owned(),
        ),
        ("${uuid", r#"a "${" without its "}""#.to_owned()),
        (
            "$1 ${a.b} ${uuid} ${",
            format!(
                "a \"$\" that begins no variable (write \"$$\" for a dollar sign)\n\
                 no variable \"a.b\" ({all})\n\
                 a \"${{\" without its \"}}\""
            ),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap_err(), expected, "{text}");
    }
    assert_eq!(
        read_in("${path.id}", &[]).unwrap_err(),
        "no variable \"path.id\": the match of this rule captures nothing \
         (write match: {path: {template: \"/users/{id}\"}} for path.id)"
    );
    let mut context = Context::new(&environment);
    let number = Template::read(&json!(7), Destination::Header, None, &mut context);
    assert_eq!(number, None);
    assert_eq!(
        context.into_problems()[0].to_string(),
        "expected a text, found the number 7"
    );
}

#[test]
fn a_match_that_is_wrong_is_not_held_against_its_captures() {
    let mut context = Context::new(&environment);
    let read = Template::read(
        &json!("${path.any}"),
        Destination::Header,
        None,
        &mut context,
    );
    assert!(read.is_some());
    assert!(!context.has_problems());
}

#[test]
fn what_every_value_begins_and_ends_with() {
    let cases = [
        ("", ("", "")),
        ("a", ("a", "a")),
        ("${uuid}", ("", "")),
        (" ${uuid}", (" ", "")),
        ("a${uuid}b${now}c", ("a", "c")),
    ];
    for (text, ends) in cases {
        assert_eq!(read(text).unwrap().ends(), ends, "{text:?}");
    }
}

#[test]
fn secrets_do_not_print() {
    let template = read("Bearer ${env:TOKEN} ${uuid}").unwrap();
    assert_eq!(format!("{template:?}"), "Template[Uuid]");
    assert_eq!(
        template.literals().collect::<Vec<_>>(),
        ["Bearer s3cret${uuid} "]
    );
}

#[test]
fn whose_choice_a_variable_is() {
    let cases = [
        ("${consumer.name}", true, false),
        ("${claim.a}", true, false),
        ("${client_ip}", true, false),
        ("${request.header.x}", true, true),
        ("${method}", true, true),
        ("${host}", true, true),
        ("${path}", true, true),
        ("${path.id}", true, true),
        ("${route}", true, false),
        ("${uuid}", false, false),
        ("${uuid.v7}", false, false),
        ("${now.unix | base64}", false, false),
    ];
    for (text, of_request, of_client) in cases {
        let template = read(text).unwrap();
        let variable = template.variables().next().unwrap();
        assert_eq!(variable.is_of_request(), of_request, "{text}");
        assert_eq!(variable.is_chosen_by_client(), of_client, "{text}");
    }
}

#[test]
fn uuids() {
    let cases = [
        ([0; 16], "00000000-0000-4000-8000-000000000000"),
        ([0xff; 16], "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        (
            [
                0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
                0xcd, 0xef,
            ],
            "01234567-89ab-4def-8123-456789abcdef",
        ),
    ];
    for (random, expected) in cases {
        let mut out = Vec::new();
        write_uuid_v4(random, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn uuids_of_version_7() {
    // The example of RFC 9562, A.6.
    let time = Timestamp::from_nanos(0x017f_22e2_79b0 * 1_000_000 + 999_999);
    let random = [
        0, 0, 0, 0, 0, 0, 0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f,
    ];
    let mut out = Vec::new();
    write_uuid_v7(time, random, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    );
}

#[test]
fn times() {
    const RFC3339: &str = "%Y-%m-%dT%H:%M:%SZ";
    let of = |nanos: u64, format: &TimeFormat| {
        let mut out = Vec::new();
        assert!(write_time(Timestamp::from_nanos(nanos), format, &mut out));
        String::from_utf8(out).unwrap()
    };
    let cases = [
        (0, TimeFormat::RFC3339, "1970-01-01T00:00:00Z"),
        (
            1_767_225_600_999_999_999,
            TimeFormat::RFC3339,
            "2026-01-01T00:00:00Z",
        ),
        (
            1_709_164_800_000_000_000,
            TimeFormat::RFC3339,
            "2024-02-29T00:00:00Z",
        ),
        (u64::MAX, TimeFormat::RFC3339, "2554-07-21T23:34:33Z"),
        (
            1_767_225_600_099_999_999,
            TimeFormat::RFC3339_MILLIS,
            "2026-01-01T00:00:00.099Z",
        ),
        (0, TimeFormat::HTTP, "Thu, 01 Jan 1970 00:00:00 GMT"),
        // The example of RFC 9110, 5.6.7.
        (
            784_111_777_000_000_000,
            TimeFormat::HTTP,
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ),
        (1_767_225_600_999_999_999, TimeFormat::UNIX, "1767225600"),
        (
            1_767_225_600_999_999_999,
            TimeFormat::UNIX_MILLIS,
            "1767225600999",
        ),
        (u64::MAX, TimeFormat::UNIX_MILLIS, "18446744073709"),
    ];
    for (nanos, format, expected) in cases {
        assert_eq!(of(nanos, &format), expected);
    }
    // An operator's own, of 1994-11-06T08:49:37.012345Z.
    let cases = [
        (RFC3339, "1994-11-06T08:49:37Z"),
        ("%y%m%d", "941106"),
        ("%d/%b/%Y:%H:%M:%S +0000", "06/Nov/1994:08:49:37 +0000"),
        ("%A, %e. %B, day %j", "Sunday,  6. November, day 310"),
        ("%a%%%s", "Sun%784111777"),
        ("%H.%3f %6f", "08.012 012345"),
        ("no part", "no part"),
        ("%Yü%%", "1994ü%"),
    ];
    for (format, expected) in cases {
        let mut context = Context::new(&|_: &str| None);
        let format = TimeFormat::read(format, &mut context).unwrap();
        assert_eq!(of(784_111_777_012_345_678, &format), expected);
    }
}

#[test]
fn parameters_of_the_query() {
    let value = |path: &str, template: &str| {
        let mut scope = known();
        scope.headers.set(":path", path.as_bytes());
        match read(template).unwrap().render(&mut scope).unwrap() {
            Rendered::Value(value) => Some(String::from_utf8_lossy(&value).into_owned()),
            Rendered::Missing => None,
            Rendered::Unsafe => Some("unsafe".to_owned()),
        }
    };
    let cases = [
        (
            "there",
            "/a?tenant=acme&b=2",
            "${query.tenant}",
            Some("acme"),
        ),
        (
            "decoded once",
            "/a?t=a%2520b+c%26",
            "${query.t}",
            Some("a%20b+c&"),
        ),
        (
            "a name with a dot, and an escape in it",
            "/a?a%2Eb=1",
            "${query.a.b}",
            Some("1"),
        ),
        ("empty", "/a?t=", "<${query.t}>", Some("<>")),
        ("without a value", "/a?t", "<${query.t}>", Some("<>")),
        ("not there", "/a?T=1&tt=2", "${query.t}", None),
        ("no query", "/a", "${query.t}", None),
        (
            "no query, a default",
            "/a",
            "${query.t | default(\"x\")}",
            Some("x"),
        ),
        ("twice", "/a?t=1&t=1", "${query.t}", None),
        (
            "twice, once in an escape",
            "/a?t=1&%74=2",
            "${query.t}",
            None,
        ),
        ("behind a fragment", "/a#?t=1", "${query.t}", None),
    ];
    for (name, path, template, expected) in cases {
        assert_eq!(value(path, template).as_deref(), expected, "{name}");
    }
    // As what a client sends in a header: it can end nothing.
    let escaped = |destination, path: &str| {
        let mut scope = known();
        scope.headers.set(":path", path.as_bytes());
        let mut context = Context::new(&|_: &str| None);
        let text = json!("/${query.t}");
        let template = Template::read(&text, destination, None, &mut context).unwrap();
        match template.render(&mut scope).unwrap() {
            Rendered::Value(value) => String::from_utf8_lossy(&value).into_owned(),
            Rendered::Missing | Rendered::Unsafe => "none".to_owned(),
        }
    };
    let hostile = "/a?t=..%2Fb%3Fc%26d%3Be";
    let cases = [
        (Destination::Path, hostile, "/..%2Fb%3Fc%26d%3Be"),
        (Destination::Location, hostile, "/..%2Fb%3Fc%26d%3Be"),
        (Destination::Query, hostile, "%2F..%2Fb%3Fc%26d%3Be"),
        (Destination::Cookie, hostile, "/../b?c&d%3Be"),
        (Destination::Header, hostile, "/../b?c&d;e"),
        (Destination::Path, "/a?t=%0d%0ax:1", "none"),
        (Destination::Location, "/a?t=%00", "none"),
        (Destination::Path, "/a?t=", "none"),
    ];
    for (destination, path, expected) in cases {
        assert_eq!(
            escaped(destination, path),
            expected,
            "{destination:?} {path}"
        );
    }
}

#[test]
fn functions() {
    let cases: [(&str, &str, Option<&[u8]>); 26] = [
        ("lower", "${host | upper | lower}", Some(b"api.test:8443")),
        ("upper", "${consumer.name|upper}", Some(b"ACME")),
        (
            "spaces do not count",
            "${ claim.sub  |  upper }",
            Some(b"ANN"),
        ),
        ("base64", "${claim.sub | base64}", Some(b"YW5u")),
        ("base64 with padding", "${claim.n | base64}", Some(b"Nw==")),
        (
            "base64 of bytes",
            "${request.header.x-bytes | base64}",
            Some(b"/wA="),
        ),
        (
            "base64url",
            "${request.header.x-bytes | base64url}",
            Some(b"_wA"),
        ),
        (
            "url_encode",
            "${request.header.x-bytes | url_encode}",
            Some(b"%FF%00"),
        ),
        (
            "url_encode of a URL",
            "${claim.sub | default(\"x\") | url_encode}-${env:TOKEN | url_encode}",
            Some(b"ann-s3cret%24%7Buuid%7D"),
        ),
        (
            "sha256 (FIPS 180-2, of abc)",
            "${claim.other | default(\"abc\") | sha256}",
            Some(b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ),
        ("truncate", "${claim.sub | truncate(2)}", Some(b"an")),
        (
            "truncate what is short",
            "${claim.sub | truncate(3)}",
            Some(b"ann"),
        ),
        (
            "truncate in order",
            "${claim.sub | base64 | truncate(2)}",
            Some(b"YW"),
        ),
        (
            "trim",
            "<${claim.none | default(\" \ta b \") | trim}>",
            Some(b"<a b>"),
        ),
        (
            "trim to nothing",
            "<${claim.none | default(\" \") | trim}>",
            Some(b"<>"),
        ),
        (
            "default",
            "${claim.none | default(\"no one\")}",
            Some(b"no one"),
        ),
        (
            "default is not needed",
            "${claim.sub | default(\"no one\")}",
            Some(b"ann"),
        ),
        (
            "empty is a value",
            "<${claim.empty | default(\"x\")}>",
            Some(b"<>"),
        ),
        (
            "the first default counts",
            "${claim.none | default(\"a\") | default(\"b\")}",
            Some(b"a"),
        ),
        (
            "what is before a default has nothing to do",
            "${claim.none | upper | default(\"a\")}",
            Some(b"a"),
        ),
        (
            "quotes and braces",
            r#"${claim.none | default("a\"\\}b|c")}"#,
            Some(br#"a"\}b|c"#),
        ),
        ("nothing", r#"<${claim.none | default("")}>"#, Some(b"<>")),
        ("nothing stays nothing", "${claim.none | sha256}", None),
        (
            "environment",
            "${env:TOKEN | truncate(3) | upper}",
            Some(b"S3C"),
        ),
        (
            "environment that is not set",
            "${env:NONE | default(\"a\") | upper}",
            Some(b"A"),
        ),
        (
            "environment that is empty",
            "${env:EMPTY | default(\"a\")}",
            Some(b"a"),
        ),
    ];
    for (name, text, expected) in cases {
        let template = read(text).unwrap();
        let mut known = known();
        assert_eq!(render(&template, &mut known).as_deref(), expected, "{name}");
    }
}

#[test]
fn no_character_is_cut_in_two() {
    let cases: [(&str, usize, &[u8]); 7] = [
        ("a\u{e9}b", 1, b"a"),
        ("a\u{e9}b", 2, b"a"),
        ("a\u{e9}b", 3, b"a\xc3\xa9"),
        ("\u{e9}", 1, b""),
        ("\u{1f600}", 3, b""),
        ("\u{1f600}x", 4, b"\xf0\x9f\x98\x80"),
        ("\u{20ac}\u{20ac}", 5, b"\xe2\x82\xac"),
    ];
    for (text, most, expected) in cases {
        let mut out = text.as_bytes().to_vec();
        assert!(Function::Truncate(most).apply(true, 0, &mut out));
        assert_eq!(out, expected, "{text} {most}");
    }
    // What is no UTF-8 is cut where it was to be.
    let mut out = vec![0x80; 9];
    assert!(Function::Truncate(6).apply(true, 0, &mut out));
    assert_eq!(out, [0x80; 6]);
}

#[test]
fn destinations() {
    use Destination::{Cookie, Header, Host, Location, Path, Query};
    type Case<'a> = (Destination, &'a str, &'a [u8], Option<&'a [u8]>);
    let cases: [Case<'_>; 43] = [
        (Header, "a${path.id};b", b"x;y\xff", Some(b"ax;y\xff;b")),
        (Path, "/a/${path.id}/b", b"x y", Some(b"/a/x%20y/b")),
        (Path, "/a/${path.id}/b", b"../x", Some(b"/a/..%2Fx/b")),
        (
            Path,
            "/a/${path.id}/b",
            b"x?y=1#z",
            Some(b"/a/x%3Fy%3D1%23z/b"),
        ),
        (Path, "/a/${path.id}/b", b"x;y=1", Some(b"/a/x%3By%3D1/b")),
        (Path, "/a/${path.id}/b", b"%2e%2E", Some(b"/a/%252e%252E/b")),
        (Path, "/a/${path.id}/b", b"x\\y", Some(b"/a/x%5Cy/b")),
        (
            Path,
            "/a/${path.id}/b",
            b"\xc3\xa9\xff",
            Some(b"/a/%C3%A9%FF/b"),
        ),
        (
            Path,
            "/a/${path.id}/b",
            b"-._~09azAZ",
            Some(b"/a/-._~09azAZ/b"),
        ),
        (Path, "/a/${path.id}/b", b"", None),
        (Path, "/a/${path.id}/b", b"x\0", None),
        (Path, "/a/${path.id}/b", b"x\r\ny", None),
        (Path, "/a/${path.id}/b", b"x\ty", None),
        (Path, "/a/${path.id}/b", b"x\x7f", None),
        (
            Path,
            "/a/${path.id | segments}",
            b"x/y z/w",
            Some(b"/a/x/y%20z/w"),
        ),
        (Path, "/a/${path.id | segments}", b"", Some(b"/a/")),
        (Path, "/a/${path.id | segments}", b"x?y", Some(b"/a/x%3Fy")),
        (Path, "/a/${path.item}", b"x/y", Some(b"/a/x/y")),
        (
            Query,
            "${path.id}",
            b"a&b=c#d+e f",
            Some(b"a%26b%3Dc%23d%2Be%20f"),
        ),
        (Query, "${path.id}", b"", Some(b"")),
        (Query, "${path.id}", b"%26", Some(b"%2526")),
        (Query, "${path.id}", b"a\nb", None),
        (Query, "a&${path.id}", b"\xff", Some(b"a%26%FF")),
        (Query, "a b%20", b"", Some(b"a%20b%2520")),
        (
            Location,
            "https://a/?next=${path.id}",
            b"//evil.test/",
            Some(b"https://a/?next=%2F%2Fevil.test%2F"),
        ),
        (
            Location,
            "${path.id}",
            b"https://evil.test",
            Some(b"https%3A%2F%2Fevil.test"),
        ),
        (Location, "/${path.id}", b"a\r\nset-cookie: b", None),
        (Cookie, "${path.id}", b"a;b=c", Some(b"a%3Bb=c")),
        (Cookie, "${path.id}", b"\"a, b\"", Some(b"%22a%2C%20b%22")),
        (Cookie, "${path.id}", b"a\\b%3B", Some(b"a%5Cb%253B")),
        (
            Cookie,
            "${path.id}",
            b"!#$&'()*+-./:<=>?@[]^_`{|}~",
            Some(b"!#$&'()*+-./:<=>?@[]^_`{|}~"),
        ),
        (Cookie, "${path.id}", b"\xc3\xa9", Some(b"%C3%A9")),
        (Cookie, "${path.id}", b"", Some(b"")),
        (Cookie, "${path.id}", b"\0", None),
        (Host, "${path.id}", b"a.test:80", Some(b"a.test:80")),
        (Host, "${path.id}", b"a\rb", None),
        (Host, "${path.id}.test", b"a-b_1", Some(b"a-b_1.test")),
        (Host, "${path.id}.test", b"evil.com", None),
        (Host, "${path.id}.test", b"evil.com:80#", None),
        (Host, "api-${path.id}", b"x@y", None),
        (Host, "${path.id}.test", b"", None),
        (Host, "${path.id}.test", b"\xc3\xa9", None),
        (Host, "${path.id}.test", b"a/b", None),
    ];
    struct Client<'a>(&'a [u8]);
    impl Scope for Client<'_> {
        fn value(&mut self, _: &Variable, out: &mut Vec<u8>) -> Result<bool> {
            out.extend_from_slice(self.0);
            Ok(true)
        }
    }
    let refused = read_for("a\nb${path.id}", Query, &["id"]).unwrap_err();
    assert_eq!(
        refused,
        "a value cannot have control characters such as CR or LF"
    );
    for (into, text, value, expected) in cases {
        let mut template = read_for(text, into, &["id", "item"]).unwrap();
        template.keep_slashes_of("item");
        let rendered = template.render(&mut Client(value)).unwrap();
        let expected = match expected {
            Some(expected) => Rendered::Value(Cow::Borrowed(expected)),
            None => Rendered::Unsafe,
        };
        let value = String::from_utf8_lossy(value);
        assert_eq!(rendered, expected, "{into:?} {text} {value:?}");
    }
}
