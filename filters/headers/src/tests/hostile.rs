//! What clients, upstreams and issuers of tokens can send to get something else through.

use super::{configure, establish, lines, request, response};
use gatehouse_header_operations::{Answers, Rule, Side};
use gatehouse_host::{Headers, HostError, Status, Verdict};
use gatehouse_host_fake::FakeHost;
use gatehouse_template::{Scope, Variable};

#[test]
fn an_anonymous_client_cannot_send_the_header_itself() {
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{request: [{set: {name: x-user, value: '${consumer.name}'}}]}]",
        &host,
    )
    .unwrap();
    host.begin([("x-user", &b"admin"[..]), ("x-user", b"root")]);
    let (verdict, _) = request(&filter, &host);
    assert_eq!(verdict, Ok(Verdict::Continue));
    assert_eq!(host.request_headers(), []);
    assert_eq!(
        host.counters(),
        [("gatehouse.headers.missing_values".to_owned(), 1)].into()
    );
}

#[test]
fn values_that_cannot_be_sent() {
    // As `set` and as `append`, in the request and in the response.
    for claim in ["crlf", "lf", "nul", "del", "spaced", "big"] {
        let host = FakeHost::default();
        let operations = format!(
            "[{{set: {{name: a, value: '${{claim.{claim}}}'}}}}, {{append: {{name: b, value: 'b${{claim.{claim}}}b'}}}}]"
        );
        let filter = configure(
            &format!("rules: [{{request: {operations}, response: {operations}}}]"),
            &host,
        )
        .unwrap();
        host.begin([("a", &b"sent"[..]), ("b", b"sent")]);
        establish(&host);
        host.respond([("a", &b"sent"[..]), ("b", b"sent")]);
        let (verdict, pending) = request(&filter, &host);
        assert_eq!(verdict, Ok(Verdict::Continue), "{claim}");
        response(&filter, &host, pending).unwrap();
        // White space is inside there, and fine.
        let expected: &[&str] = if claim == "spaced" {
            &["b: sent", "b: b admin b"]
        } else {
            &["b: sent"]
        };
        assert_eq!(lines(host.request_headers()), expected, "{claim}");
        assert_eq!(lines(host.response_headers()), expected, "{claim}");
        let count = if claim == "spaced" { 2 } else { 4 };
        assert_eq!(
            host.counters(),
            [("gatehouse.headers.unsafe_values".to_owned(), count)].into(),
            "{claim}"
        );
    }
}

#[test]
fn a_path_that_decodes_to_line_ends() {
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{match: {path: {template: '/users/{id}'}}, request: [{set: {name: x, value: '${path.id}'}}]}]",
        &host,
    )
    .unwrap();
    for path in [
        "/users/a%0d%0ax-admin:%201",
        "/users/%00",
        "/users/%20",
        "/users/%7F",
    ] {
        host.begin([
            (":method", &b"GET"[..]),
            (":path", path.as_bytes()),
            ("x", b"sent"),
        ]);
        let (verdict, _) = request(&filter, &host);
        assert_eq!(verdict, Ok(Verdict::Continue), "{path}");
        assert!(
            !host.request_headers().iter().any(|(name, _)| name == "x"),
            "{path}"
        );
    }
}

#[test]
fn the_query_is_no_part_of_the_path() {
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{request: [{set: {name: x, value: '${path}'}}]}]",
        &host,
    )
    .unwrap();
    let cases: [(&[u8], &str); 4] = [
        (b"/a?b=%0d%0ax:1", "/a"),
        (b"/a%0d%0ab", "/a%0d%0ab"),
        (b"?", ""),
        (b"*", "*"),
    ];
    for (path, expected) in cases {
        host.begin([(":path", path)]);
        assert_eq!(request(&filter, &host).0, Ok(Verdict::Continue));
        let headers = host.request_headers();
        assert_eq!(headers.last(), Some(&("x".to_owned(), expected.to_owned())));
    }
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{request: [{set: {name: copy, value: '<${request.header.x}>'}}, {rename: {from: x, to: y}}, \
         {replace: {name: y, regex: '^(.)(.)', with: '$2$1'}}]}]",
        &host,
    )
    .unwrap();
    host.begin([("x", &b"\xff\xfe\x80"[..])]);
    assert_eq!(request(&filter, &host).0, Ok(Verdict::Continue));
    let bytes = gatehouse_host::HeaderMaps::header_pairs(&host, gatehouse_host::HeaderMap::Request)
        .unwrap();
    let headers = gatehouse_host::Headers::decode(bytes).unwrap();
    assert_eq!(
        headers.only("copy"),
        gatehouse_host::Only::One(b"<\xff\xfe\x80>")
    );
    assert_eq!(
        headers.only("y"),
        gatehouse_host::Only::One(b"\xfe\xff\x80")
    );
}

#[test]
fn a_value_of_a_mebibyte() {
    let big = vec![b'a'; 1 << 20];
    // What the message brings may stay and move; what is made of it is limited.
    let cases = [
        (
            "rename",
            "{rename: {from: x, to: y}}",
            Some(("y", 1 << 20)),
            0,
        ),
        (
            "replace without a match",
            "{replace: {name: x, regex: b, with: c}}",
            Some(("x", 1 << 20)),
            0,
        ),
        (
            "replace",
            "{replace: {name: x, regex: '^a', with: b}}",
            None,
            1,
        ),
        (
            "replace everything by more",
            "{replace: {name: x, regex: a, with: '$0$0$0$0$0$0$0$0'}}",
            None,
            1,
        ),
        (
            "replace nothing by something",
            "{replace: {name: x, regex: '', with: b}}",
            None,
            1,
        ),
        (
            "replace by less",
            "{replace: {name: x, regex: 'a+', with: b}}",
            Some(("x", 1)),
            0,
        ),
        (
            "copy",
            "{set: {name: x, value: '${request.header.x}'}}",
            None,
            1,
        ),
    ];
    for (name, operation, expected, count) in cases {
        let host = FakeHost::default();
        let filter = configure(&format!("rules: [{{request: [{operation}]}}]"), &host).unwrap();
        host.begin([("x", &*big)]);
        assert_eq!(request(&filter, &host).0, Ok(Verdict::Continue), "{name}");
        let headers = host.request_headers();
        let seen = headers
            .first()
            .map(|(name, value)| (name.as_str(), value.len()));
        assert_eq!(seen, expected, "{name}");
        let counters = host.counters();
        let counted = counters
            .get("gatehouse.headers.unsafe_values")
            .copied()
            .unwrap_or_default();
        assert_eq!(counted, count, "{name}");
    }
}

#[test]
fn one_unsafe_value_of_several_is_dropped_alone() {
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{request: [{replace: {name: x, regex: a, with: b}}]}]",
        &host,
    )
    .unwrap();
    host.begin([("x", &b"a1"[..]), ("x", b"a\r\nb"), ("x", b"c")]);
    assert_eq!(request(&filter, &host).0, Ok(Verdict::Continue));
    assert_eq!(lines(host.request_headers()), ["x: b1", "x: c"]);
    assert_eq!(
        host.counters(),
        [("gatehouse.headers.unsafe_values".to_owned(), 1)].into()
    );
}

/// Headers that only a host other than Envoy would let in.
struct Raw(Headers);

impl Scope for Raw {
    fn value(&mut self, _: &Variable, _: &mut Vec<u8>) -> gatehouse_host::Result<bool> {
        Ok(false)
    }
}

impl Side for Raw {
    fn headers(&mut self) -> gatehouse_host::Result<&Headers> {
        Ok(&self.0)
    }

    fn set(&mut self, name: &str, value: &[u8]) -> gatehouse_host::Result<()> {
        self.0.set(name, value);
        Ok(())
    }

    fn append(&mut self, name: &str, value: &[u8]) -> gatehouse_host::Result<()> {
        self.0.append(name, value);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> gatehouse_host::Result<()> {
        self.0.remove(name);
        Ok(())
    }

    fn fill_random(&mut self, _: &mut [u8]) -> gatehouse_host::Result<()> {
        Ok(())
    }
}

#[test]
fn a_name_that_cannot_be_removed_does_not_go_on() {
    let rule = br#"{"request": [{"remove": {"prefix": "x-"}}]}"#;
    let rule: Rule = gatehouse_config::load(rule, &super::environment).unwrap();
    // One pair: a name of three bytes, the last of them no UTF-8, and a value of one.
    let pairs = b"\x01\0\0\0\x03\0\0\0\x01\0\0\0x-\xff\x001\0";
    let mut side = Raw(Headers::decode(pairs.to_vec()).unwrap());
    assert_eq!(
        rule.request[0].apply(Answers::default(), &mut side),
        Err(HostError {
            call: "proxy_get_header_map_pairs",
            status: Status::Malformed
        })
    );
}

#[test]
fn a_thousand_headers() {
    let names: Vec<String> = (0..1_000).map(|index| format!("x-{index}")).collect();
    let host = FakeHost::default();
    let filter = configure("rules: [{request: [{remove: {prefix: x-}}]}]", &host).unwrap();
    host.begin(names.iter().map(|name| (name.as_str(), &b"1"[..])));
    assert_eq!(request(&filter, &host).0, Ok(Verdict::Continue));
    assert_eq!(host.request_headers(), []);
}
