//! The examples of RFC 9421, section 2, and what borders on them.

use crate::Refusal;
use crate::message::{Message, unwrapped};

const FIELDS: &str = "\
GET / HTTP/1.1
Host: www.example.com
Date: Tue, 20 Apr 2021 02:07:56 GMT
X-OWS-Header:   Leading and trailing whitespace.\x20\x20
Cache-Control: max-age=60
Cache-Control:    must-revalidate
Example-Dict:  a=1,    b=2;x=1;y=2,   c=(a   b   c)
X-Empty-Header:\x20
";

/// Section 2.1, with the fold that a message by lines can't have.
fn fields() -> Message {
    Message::parse(FIELDS).with("X-Obs-Fold-Header", b" Obsolete\r\n    line folding.")
}

#[test]
fn fields_section_2_1() {
    let lines = fields().lines(concat!(
        r#""host" "date" "x-ows-header" "x-obs-fold-header" "cache-control" "#,
        r#""example-dict" "x-empty-header""#
    ));
    let expected = "\
\"host\": www.example.com
\"date\": Tue, 20 Apr 2021 02:07:56 GMT
\"x-ows-header\": Leading and trailing whitespace.
\"x-obs-fold-header\": Obsolete line folding.
\"cache-control\": max-age=60, must-revalidate
\"example-dict\": a=1,    b=2;x=1;y=2,   c=(a   b   c)
\"x-empty-header\":\x20
";
    assert_eq!(lines.unwrap(), expected);
}

#[test]
fn structured_fields_sections_2_1_1_and_2_1_2() {
    let dictionary = "GET / HTTP/1.1\nExample-Dict:  a=1, b=2;x=1;y=2, c=(a   b    c), d\n";
    let message = Message::parse(dictionary);
    #[rustfmt::skip]
    let cases: &[(&str, &str)] = &[
        (r#""example-dict""#, r#""example-dict": a=1, b=2;x=1;y=2, c=(a   b    c), d"#),
        (r#""example-dict";sf"#, r#""example-dict";sf: a=1, b=2;x=1;y=2, c=(a b c), d"#),
        (r#""example-dict";key="a""#, r#""example-dict";key="a": 1"#),
        (r#""example-dict";key="d""#, r#""example-dict";key="d": ?1"#),
        (r#""example-dict";key="b""#, r#""example-dict";key="b": 2;x=1;y=2"#),
        (r#""example-dict";key="c""#, r#""example-dict";key="c": (a b c)"#),
        (r#""example-dict";key="c";sf"#, r#""example-dict";key="c";sf: (a b c)"#),
    ];
    for (component, expected) in cases {
        assert_eq!(message.lines(component).unwrap(), format!("{expected}\n"));
    }
    let line = fields().lines(r#""example-dict";sf"#).unwrap();
    assert_eq!(line, "\"example-dict\";sf: a=1, b=2;x=1;y=2, c=(a b c)\n");
}

#[test]
fn binary_fields_section_2_1_3() {
    let two = "GET / HTTP/1.1\nExample-Header: value, with, lots\nExample-Header: of, commas\n";
    let one = "GET / HTTP/1.1\nExample-Header: value, with, lots, of, commas\n";
    #[rustfmt::skip]
    let cases = [
        (two, r#""example-header""#, r#""example-header": value, with, lots, of, commas"#),
        (one, r#""example-header""#, r#""example-header": value, with, lots, of, commas"#),
        (two, r#""example-header";bs"#, r#""example-header";bs: :dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"#),
        (one, r#""example-header";bs"#, r#""example-header";bs: :dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:"#),
    ];
    for (message, component, expected) in cases {
        let line = Message::parse(message).lines(component).unwrap();
        assert_eq!(line, format!("{expected}\n"));
    }
}

#[test]
fn lines_of_structured_fields_are_combined() {
    let message = Message::parse("GET / HTTP/1.1\nHost: a\n")
        .with("example-dict", b"a=1,  b")
        .with("example-dict", b"\tc=\"x\" ")
        .with("example-list", b"1,2")
        .with("example-list", b"")
        .with("example-list", b"(a  b);q=1.50")
        .with("example-item", b"  tok;a;b=?0 ");
    #[rustfmt::skip]
    let cases = [
        (r#""example-dict";sf"#, r#"a=1, b, c="x""#),
        (r#""example-dict";key="c""#, r#""x""#),
        (r#""example-list";sf"#, "1, 2, (a b);q=1.5"),
        (r#""example-item";sf"#, "tok;a;b=?0"),
    ];
    for (component, expected) in cases {
        let line = message.lines(component).unwrap();
        assert_eq!(line, format!("{component}: {expected}\n"));
    }
}

#[test]
fn empty_structures_have_an_empty_value() {
    let message = Message::parse("GET / HTTP/1.1\nExample-Dict:\nExample-List:\nExample-Item:\n");
    for component in [r#""example-dict";sf"#, r#""example-list";sf"#] {
        assert_eq!(
            message.lines(component).unwrap(),
            format!("{component}: \n")
        );
    }
    let item = message.lines(r#""example-item";sf"#);
    assert_eq!(item, Err(Refusal::FieldNotStructured));
}

#[test]
fn derived_components_section_2_2() {
    let message = |line: &str| Message::parse(&format!("{line} HTTP/1.1\nHost: www.example.com\n"));
    let param = r#""@query-param";name="#;
    let encoded = "/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something";
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str)] = &[
        ("POST /path?param=value", r#""@method""#, "POST"),
        ("POST /path?param=value", r#""@target-uri""#, "https://www.example.com/path?param=value"),
        ("POST /path?param=value", r#""@authority""#, "www.example.com"),
        ("POST /path?param=value", r#""@scheme""#, "https"),
        ("POST /path?param=value", r#""@request-target""#, "/path?param=value"),
        ("GET https://www.example.com/path?param=value", r#""@request-target""#, "https://www.example.com/path?param=value"),
        ("CONNECT www.example.com:80", r#""@request-target""#, "www.example.com:80"),
        ("OPTIONS *", r#""@request-target""#, "*"),
        ("POST /path?param=value", r#""@path""#, "/path"),
        ("POST /path?param=value&foo=bar&baz=bat%2Dman", r#""@query""#, "?param=value&foo=bar&baz=bat%2Dman"),
        ("POST /path?queryString", r#""@query""#, "?queryString"),
        ("POST /path", r#""@query""#, "?"),
        ("POST /path?param=value&foo=bar&baz=batman&qux=", &format!("{param}\"baz\""), "batman"),
        ("POST /path?param=value&foo=bar&baz=batman&qux=", &format!("{param}\"qux\""), ""),
        ("POST /path?param=value&foo=bar&baz=batman&qux=", &format!("{param}\"param\""), "value"),
        (&format!("GET {encoded}"), &format!("{param}\"var\""), "this%20is%20a%20big%0Amultiline%20value"),
        (&format!("GET {encoded}"), &format!("{param}\"bar\""), "with%20plus%20whitespace"),
        (&format!("GET {encoded}"), &format!("{param}\"fa%C3%A7ade%22%3A%20\""), "something"),
    ];
    for (line, component, expected) in cases {
        let lines = message(line).lines(component).unwrap();
        assert_eq!(lines, format!("{component}: {expected}\n"), "{line}");
    }
    assert_eq!(
        message("GET /?a=1&a=2").lines(&format!("{param}\"a\"")),
        Err(Refusal::QueryParamRepeated)
    );
}

#[test]
fn the_whole_base_section_2_5() {
    let message = Message::parse(
        r#"POST /foo?param=Value&Pet=dog HTTP/1.1
Host: example.com
Date: Tue, 20 Apr 2021 02:07:55 GMT
Content-Type: application/json
Content-Digest: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+T\
  aPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:
Content-Length: 18
Signature-Input: sig1=(  "@method" "@authority"  "@path" "content-digest" \
  "content-length"   "content-type"  );  created=1618884473; keyid="test-key-rsa-pss"
Signature: sig1=:AA==:
"#,
    );
    let expected = unwrapped(
        r#""@method": POST
"@authority": example.com
"@path": /foo
"content-digest": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX\
  +TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:
"content-length": 18
"content-type": application/json
"@signature-params": ("@method" "@authority" "@path" \
  "content-digest" "content-length" "content-type")\
  ;created=1618884473;keyid="test-key-rsa-pss""#,
    );
    assert_eq!(message.base().unwrap(), expected);
}

#[test]
fn parameters_are_written_in_their_strict_form() {
    // As sent, and as signed (section 2.3; RFC 9651, section 4.1).
    #[rustfmt::skip]
    let cases: &[(&str, &str)] = &[
        ("()", "()"),
        ("(  )", "()"),
        ("( \"@method\"  \"@path\" );created=1;  keyid=\"k\"", "(\"@method\" \"@path\");created=1;keyid=\"k\""),
        ("();keyid=\"a\\\"b\\\\c\"", "();keyid=\"a\\\"b\\\\c\""),
        ("();created=01", "();created=1"),
        ("();x=1.50;y=?1;z=?0;w=:AQ:;v=tok;u=@1;t=%\"%c3%a4\"", "();x=1.5;y;z=?0;w=:AQ==:;v=tok;u=@1;t=%\"%c3%a4\""),
        // The last value in the place of the first (RFC 9651, section 4.2.3.2).
        ("();created=1;nonce=\"n\";created=2", "();created=2;nonce=\"n\""),
    ];
    for (sent, signed) in cases {
        let message = Message::parse("GET / HTTP/1.1\nHost: a\n")
            .with("signature-input", format!("s={sent}").as_bytes())
            .with("signature", b"s=:AA==:");
        let base = message.base().unwrap();
        let last = base.lines().next_back().unwrap();
        assert_eq!(last, format!("\"@signature-params\": {signed}"), "{sent}");
        assert!(!base.ends_with('\n'));
    }
}
