//! What templates are made of, what they become, and what is no template, to the letter.

use super::*;
use gatehouse_config::{Context, Value};
use gatehouse_host::{Consumer, Headers, Result, Timestamp};
use serde_json::json;

fn environment(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("s3cret${uuid}".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

/// The template, or its problems; in a rule whose match captures these names.
fn read_in(text: &str, captures: &[&str]) -> std::result::Result<Template, String> {
    let mut context = Context::new(&environment);
    let read = Template::read(
        &Value::String(text.to_owned()),
        Some(captures),
        &mut context,
    );
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

fn read(text: &str) -> std::result::Result<Template, String> {
    read_in(text, &["id", "item"])
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
            Variable::Now => write_time(Timestamp::from_nanos(1_999_999_999), out),
            Variable::ClientIp => false,
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
        let rendered = template.render(&mut known()).unwrap();
        assert_eq!(rendered.as_deref(), expected, "{name}");
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
            read(text).unwrap().render(&mut anonymous).unwrap(),
            None,
            "{text}"
        );
    }
}

#[test]
fn mistakes() {
    let all = "known: consumer.name, consumer.provider, claim.NAME, metadata.NAME, request.header.NAME, client_ip, \
               method, host, path, uuid, now, env:NAME, path.NAME";
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
            "${request.headers.x}",
            r#"no variable "request.headers.x" (did you mean "request.header.x"?)"#.to_owned(),
        ),
        (
            "${Uuid}",
            r#"no variable "Uuid" (did you mean "uuid"?)"#.to_owned(),
        ),
        (
            "${ uuid }",
            r#"no variable " uuid " (did you mean "uuid"?)"#.to_owned(),
        ),
        ("${}", format!(r#"no variable "" ({all})"#)),
        ("${claim.}", format!(r#"no variable "claim." ({all})"#)),
        (
            "${claim.a..b}",
            format!(r#"no variable "claim.a..b" ({all})"#),
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
    assert_eq!(Template::read(&json!(7), None, &mut context), None);
    assert_eq!(
        context.into_problems()[0].to_string(),
        "expected a text, found the number 7"
    );
}

#[test]
fn a_match_that_is_wrong_is_not_held_against_its_captures() {
    let mut context = Context::new(&environment);
    let read = Template::read(&json!("${path.any}"), None, &mut context);
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
        ("${uuid}", false, false),
        ("${now}", false, false),
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
fn times() {
    let cases = [
        (0, "1970-01-01T00:00:00Z"),
        (1_767_225_600_999_999_999, "2026-01-01T00:00:00Z"),
        (1_709_164_800_000_000_000, "2024-02-29T00:00:00Z"),
        (u64::MAX, "2554-07-21T23:34:33Z"),
    ];
    for (nanos, expected) in cases {
        let mut out = Vec::new();
        assert!(write_time(Timestamp::from_nanos(nanos), &mut out));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
