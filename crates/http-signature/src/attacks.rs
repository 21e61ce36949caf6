//! Requests made to have another signature's base, or to cost much: none may get one it should not.

use std::cell::Cell;
use std::collections::HashSet;

use crate::message::Message;
use crate::{Fields, MAX_BASE_BYTES, MAX_COMPONENTS, Refusal, Request, StructuredFields};

fn message() -> Message {
    Message::parse("POST /pay?to=ann&sum=1 HTTP/1.1\nHost: example.com\n")
}

#[test]
fn values_that_would_forge_lines() {
    use Refusal::{FieldNotText, NotDerivable};
    let header = |value: &[u8]| message().with("x-note", value).lines("\"x-note\"");
    assert_eq!(header(b"a\n\"@method\": GET"), Err(FieldNotText));
    assert_eq!(header(b"a\r\n\"@method\": GET"), Err(FieldNotText));
    assert_eq!(header(b"a\rb"), Err(FieldNotText));
    assert_eq!(header(b"a\0b"), Err(FieldNotText));
    assert_eq!(header(b"\xc3\xa4"), Err(FieldNotText));
    assert_eq!(header(b"\xff"), Err(FieldNotText));
    assert_eq!(header(b"a\x7f"), Err(FieldNotText));
    // A fold becomes a space, so no line begins there; a tab is text.
    let folded = header(b"a\r\n \"@method\": GET\tb");
    assert_eq!(folded.unwrap(), "\"x-note\": a \"@method\": GET\tb\n");
    // Wrapped, every byte is one.
    let wrapped = message().with("x-note", b"a\n\xff").lines("\"x-note\";bs");
    assert_eq!(wrapped.unwrap(), "\"x-note\";bs: :YQr/:\n");

    let mut forged = message();
    forged.method = "POST\n\"@path\": /".to_owned();
    assert_eq!(forged.lines("\"@method\""), Err(NotDerivable));
    let mut forged = message();
    forged.target = "/\n\"@method\": GET".to_owned();
    assert_eq!(forged.lines("\"@path\""), Err(NotDerivable));
}

#[test]
fn what_is_covered_must_be_there() {
    use Refusal::*;
    let message = message()
        .with("example-dict", b"a=1, b=2")
        .with("x-twice", b"a=1")
        .with("x-twice", b"a=2")
        .with("x-item", b"1")
        .with("x-item", b"2")
        .with("x-broken", b"a=(");
    #[rustfmt::skip]
    let cases: &[(&str, &str, Refusal)] = &[
        ("a field", "\"x-none\"", FieldMissing),
        ("a field, wrapped", "\"x-none\";bs", FieldMissing),
        ("a field, structured", "\"content-digest\";sf", FieldMissing),
        ("a field for a member", "\"x-none\";key=\"a\"", FieldMissing),
        ("a member", "\"example-dict\";key=\"c\"", MemberMissing),
        ("a member that can't be", "\"example-dict\";key=\"A b\"", MemberMissing),
        ("a member without a name", "\"example-dict\";key=\"\"", MemberMissing),
        ("a query parameter", "\"@query-param\";name=\"from\"", QueryParamMissing),
        ("a type that is known", "\"x-twice\";sf", StructureUnknown),
        // Which member counts, the first or the last?
        ("a member once", "\"x-twice\";key=\"a\"", FieldNotStructured),
        ("a dictionary", "\"x-broken\";key=\"a\"", FieldNotStructured),
        ("a dictionary, not an item", "\"x-item\";key=\"a\"", FieldNotStructured),
    ];
    for (name, component, expected) in cases {
        assert_eq!(message.lines(component), Err(*expected), "{name}");
    }
}

/// Requests that differ in what is covered have bases that differ.
#[test]
fn bases_do_not_collide() {
    let request = |line: &str, headers: &[(&str, &str)]| {
        let mut message = Message::parse(&format!("{line} HTTP/1.1\nHost: example.com\n"));
        for (name, value) in headers {
            message = message.with(name, value.as_bytes());
        }
        message
    };
    let covered = r#""@method" "@authority" "@path" "@query" "x-a";bs "x-b";bs"#;
    let messages = [
        request("GET /a?b", &[("x-a", "1"), ("x-b", "2")]),
        request("GET /a?b", &[("x-a", "2"), ("x-b", "1")]),
        request("GET /a?b", &[("x-a", "1"), ("x-a", "1"), ("x-b", "2")]),
        request("GET /a?b", &[("x-a", "1, 1"), ("x-b", "2")]),
        request("GET /a?b", &[("x-a", "1"), ("x-b", "2"), ("x-b", "")]),
        request("GET /a%3fb", &[("x-a", "1"), ("x-b", "2")]),
        request("GET /a?b=", &[("x-a", "1"), ("x-b", "2")]),
        request("GET /A?b", &[("x-a", "1"), ("x-b", "2")]),
        request("GET //a?b", &[("x-a", "1"), ("x-b", "2")]),
        request("get /a?b", &[("x-a", "1"), ("x-b", "2")]),
    ];
    let bases: Vec<_> = messages
        .iter()
        .map(|one| one.lines(covered).unwrap())
        .collect();
    let different: HashSet<_> = bases.iter().collect();
    assert_eq!(different.len(), bases.len(), "{bases:#?}");
}

/// Each signature by its own parameters: none can be had for those of another.
#[test]
fn parameters_are_signed() {
    let inputs = [
        "()",
        "();created=1",
        "();created=2",
        "();expires=1",
        "();created=1;expires=1",
        "();expires=1;created=1",
        "();keyid=\"a\"",
        "();keyid=\"b\"",
        "();nonce=\"a\"",
        "();tag=\"a\"",
        "();alg=\"ed25519\"",
        "();x",
        "(\"@method\")",
        "(\"@method\" \"@path\")",
        "(\"@path\" \"@method\")",
    ];
    let base = |input: &str| {
        message()
            .with("signature-input", format!("a={input}").as_bytes())
            .with("signature", b"a=:AA==:")
            .base()
            .unwrap()
    };
    let different: HashSet<_> = inputs.iter().map(|input| base(input)).collect();
    assert_eq!(different.len(), inputs.len());
}

#[test]
fn sizes_are_bounded() {
    let long = message().with("x-long", &vec![b'x'; MAX_BASE_BYTES + 1]);
    assert_eq!(long.lines("\"x-long\""), Err(Refusal::BaseTooLong));
    assert_eq!(long.lines("\"x-long\";bs"), Err(Refusal::BaseTooLong));
    assert_eq!(
        long.lines("\"x-long\";key=\"a\""),
        Err(Refusal::BaseTooLong)
    );

    // Each fits, all of them do not.
    let mut many = message();
    let mut covered = Vec::new();
    for index in 0..MAX_COMPONENTS {
        many = many.with(&format!("x-{index}"), &[b'x'; 4096]);
        covered.push(format!("\"x-{index}\""));
    }
    assert_eq!(many.lines(&covered.join(" ")), Err(Refusal::BaseTooLong));
    assert!(many.lines(&covered[..8].join(" ")).is_ok());

    let nonce = format!("a=();nonce=\"{}\"", "x".repeat(64 * 1024));
    let signed = message()
        .with("signature-input", nonce.as_bytes())
        .with("signature", b"a=:AA==:");
    assert_eq!(signed.base(), Err(Refusal::HeaderTooLong));

    let escapes = format!("a=();nonce=\"{}\"", "\\\"".repeat(8000));
    let signed = message()
        .with("signature-input", escapes.as_bytes())
        .with("signature", b"a=:AA==:");
    assert!(
        signed
            .base()
            .unwrap()
            .ends_with(escapes.trim_start_matches("a="))
    );
}

/// The label is not signed, so it must not decide anything but which signature is meant.
#[test]
fn two_readers_find_the_same_signature() {
    let twice = message()
        .with(
            "signature-input",
            b"a=(\"@method\" \"@path\");keyid=\"good\"",
        )
        .with("signature-input", b"a=();keyid=\"good\"")
        .with("signature", b"a=:AA==:");
    assert_eq!(twice.base(), Err(Refusal::LabelRepeated));

    let swapped = message()
        .without("host")
        .with("signature-input", b"a=();keyid=\"a\", b=();keyid=\"b\"")
        .with("signature", b"b=:Yg==:, a=:YQ==:");
    let signatures = swapped.signatures().unwrap();
    for label in ["a", "b"] {
        let signature = signatures.candidates(Some(label), &|_| true).unwrap()[0];
        assert_eq!(signature.keyid.as_deref(), Some(label));
        assert_eq!(signature.signature, label.as_bytes());
    }
}

/// However many members of a field are covered, the field is looked up once, and taken apart once.
#[test]
fn a_field_is_taken_apart_once() {
    struct Counted<'m>(&'m Message, Cell<usize>);
    impl Fields for Counted<'_> {
        fn values(&self, name: &str) -> Vec<&[u8]> {
            self.1.set(self.1.get() + usize::from(name == "x-dict"));
            self.0.values(name)
        }
    }
    let members: Vec<String> = (0..MAX_COMPONENTS)
        .map(|index| format!("\"x-dict\";key=\"a{index}\""))
        .collect();
    let dictionary: Vec<String> = (0..1000).map(|index| format!("a{index}={index}")).collect();
    let message = message()
        .with("x-dict", dictionary.join(",").as_bytes())
        .covering(&members.join(" "));
    let counted = Counted(&message, Cell::new(0));
    let request = Request {
        fields: &counted,
        ..message.request()
    };
    let signature = message.signature().unwrap();
    let base = signature.base(&request, &StructuredFields::default());
    let base = String::from_utf8(base.unwrap()).unwrap();
    assert!(base.contains("\"x-dict\";key=\"a31\": 31\n"), "{base}");
    assert_eq!(counted.1.get(), 1);
}
