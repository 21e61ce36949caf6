//! Each operation, on both sides, in report mode too.

use super::{Pairs, configure, establish, lines, pairs, request, response};
use gatehouse_host::Verdict;
use gatehouse_host_fake::FakeHost;

struct Case {
    name: &'static str,
    operations: &'static str,
    before: Pairs<'static>,
    after: &'static [&'static str],
}

const fn case(
    name: &'static str,
    operations: &'static str,
    before: Pairs<'static>,
    after: &'static [&'static str],
) -> Case {
    Case {
        name,
        operations,
        before,
        after,
    }
}

/// Operations that mean the same for requests and responses.
const CASES: &[Case] = &[
    case(
        "set where none is",
        "[{set: {name: x, value: a b}}]",
        &[],
        &["x: a b"],
    ),
    case(
        "set replaces all values",
        "[{set: {name: X, value: new}}]",
        &[("x", b"1"), ("y", b"2"), ("x", b"3")],
        &["x: new", "y: 2"],
    ),
    case(
        "set to nothing",
        "[{set: {name: x, value: ''}}]",
        &[("x", b"1")],
        &["x: "],
    ),
    case(
        "set if absent, and it is",
        "[{set: {name: x, value: new, if: absent}}]",
        &[],
        &["x: new"],
    ),
    case(
        "set if absent, and it is not",
        "[{set: {name: x, value: new, if: absent}}]",
        &[("x", b"")],
        &["x: "],
    ),
    case(
        "set if present, and it is",
        "[{set: {name: x, value: new, if: present}}]",
        &[("x", b"1"), ("x", b"2")],
        &["x: new"],
    ),
    case(
        "set if present, and it is not",
        "[{set: {name: x, value: new, if: present}}]",
        &[],
        &[],
    ),
    case(
        "set always",
        "[{set: {name: x, value: new, if: always}}]",
        &[("x", b"1")],
        &["x: new"],
    ),
    case(
        "a dollar sign",
        "[{set: {name: x, value: $$5}}]",
        &[],
        &["x: $5"],
    ),
    case(
        "a secret",
        "[{set: {name: x, value: 'Bearer ${env:TOKEN}'}}]",
        &[],
        &["x: Bearer s3cret"],
    ),
    case(
        "append",
        "[{append: {name: x, value: '2'}}]",
        &[("x", b"1")],
        &["x: 1", "x: 2"],
    ),
    case(
        "append to a header that Envoy keeps one line of",
        "[{append: {name: via, value: gatehouse}}, {append: {name: via, value: ''}}]",
        &[("via", b"1.1 a")],
        &["via: 1.1 a,gatehouse"],
    ),
    case(
        "map after such an append",
        "[{remove: {prefix: none-}}, {append: {name: via, value: b}}, \
         {map: {name: x, from: via, values: {'a,b': joined}, default: several}}]",
        &[("via", b"a")],
        &["via: a,b", "x: joined"],
    ),
    case(
        "replace after such an append",
        "[{remove: {prefix: none-}}, {append: {name: via, value: b}}, {replace: {name: via, regex: '^a,b$', with: ab}}]",
        &[("via", b"a")],
        &["via: ab"],
    ),
    case(
        "append where none is",
        "[{append: {name: x, value: '1'}}]",
        &[],
        &["x: 1"],
    ),
    case(
        "remove",
        "[{remove: X}, {remove: {name: y}}, {remove: z}]",
        &[("x", b"1"), ("a", b"0"), ("x", b"2"), ("y", b"3")],
        &["a: 0"],
    ),
    case(
        "remove by prefix",
        "[{remove: {prefix: X-Int-}}]",
        &[
            ("x-int-a", b"1"),
            ("x-int", b"2"),
            ("x-int-a", b"3"),
            ("x-int-", b"4"),
            ("ax-int-", b"5"),
        ],
        &["ax-int-: 5", "x-int: 2"],
    ),
    case(
        "a prefix does not reach what Envoy keeps",
        "[{remove: {prefix: t}}, {remove: {prefix: c}}, {remove: {prefix: h}}]",
        &[
            ("te", b"trailers"),
            ("transfer-encoding", b"chunked"),
            ("trailer", b"x"),
            ("token", b"1"),
            ("content-length", b"0"),
            ("connection", b"close"),
            ("cookie", b"a=b"),
            ("host", b"h"),
            ("hop", b"1"),
        ],
        &[
            "connection: close",
            "content-length: 0",
            "host: h",
            "te: trailers",
            "trailer: x",
            "transfer-encoding: chunked",
        ],
    ),
    case(
        "rename takes all values, and the target loses its own",
        "[{rename: {from: old, to: new}}]",
        &[("old", b"1"), ("new", b"9"), ("old", b"2")],
        &["new: 1", "new: 2"],
    ),
    case(
        "rename of what is not there changes nothing",
        "[{rename: {from: old, to: new}}]",
        &[("new", b"9")],
        &["new: 9"],
    ),
    case(
        "replace in every value, every match",
        "[{replace: {name: x, regex: a, with: b}}]",
        &[("x", b"banana"), ("x", b"none"), ("x", b"cat")],
        &["x: bbnbnb", "x: none", "x: cbt"],
    ),
    case(
        "replace with groups",
        r"[{replace: {name: x, regex: '^/v1/(.*)$', with: '/v2/$1'}}]",
        &[("x", b"/v1/a/b")],
        &["x: /v2/a/b"],
    ),
    case(
        "replace with named groups, the whole match, a dollar sign, and a group that took no part",
        r"[{replace: {name: x, regex: '(?P<a>[0-9]+)(-)?', with: '<${a}$2${0}$$1>'}}]",
        &[("x", b"1 22-")],
        &["x: <11$1> <22-22-$1>"],
    ),
    case(
        "a digit after a group is written with braces",
        r"[{replace: {name: x, regex: '(a)', with: '${1}0'}}]",
        &[("x", b"a")],
        &["x: a0"],
    ),
    case(
        "replace by nothing, and white space is cut off",
        r"[{replace: {name: x, regex: 'b', with: ''}}]",
        &[("x", b"a b"), ("x", b"b")],
        &["x: a", "x: "],
    ),
    case(
        "replace without a match leaves the value as it is",
        r"[{replace: {name: x, regex: 'b', with: 'c'}}]",
        &[("x", b" a ")],
        &["x:  a "],
    ),
    case(
        "case counts, unless the expression says otherwise",
        r"[{replace: {name: x, regex: '(?i)A', with: '1'}}, {replace: {name: x, regex: 'B', with: '2'}}]",
        &[("x", b"aAbB")],
        &["x: 11b2"],
    ),
    case(
        "remove by expression, found anywhere in the name",
        "[{remove: {regex: '^x-(a|b)-[0-9]+$'}}, {remove: {regex: debug}}]",
        &[
            ("x-a-1", b"1"),
            ("x-b-22", b"2"),
            ("x-a-1", b"3"),
            ("x-c-1", b"4"),
            ("x-a-x", b"5"),
            ("my-debug-1", b"6"),
        ],
        &["x-a-x: 5", "x-c-1: 4"],
    ),
    case(
        "an expression does not reach what Envoy keeps",
        "[{remove: {regex: .}}]",
        &[
            (":path", b"/"),
            ("te", b"trailers"),
            ("content-length", b"0"),
            ("x", b"1"),
        ],
        &[":path: /", "content-length: 0", "te: trailers"],
    ),
    case(
        "copy gives all values, and the target loses its own",
        "[{copy: {from: old, to: new}}]",
        &[("old", b"1"), ("new", b"9"), ("old", b"2")],
        &["new: 1", "new: 2", "old: 1", "old: 2"],
    ),
    case(
        "copy of what is not there changes nothing",
        "[{copy: {from: old, to: new}}]",
        &[("new", b"9")],
        &["new: 9"],
    ),
    case(
        "dedupe leaves each value once, in order",
        "[{dedupe: x}, {dedupe: y}, {dedupe: z}]",
        &[
            ("x", b"2"),
            ("x", b"1"),
            ("x", b"2"),
            ("x", b"1"),
            ("x", b""),
            ("x", b""),
            ("y", b"1"),
        ],
        &["x: 2", "x: 1", "x: ", "y: 1"],
    ),
    case(
        "dedupe compares values as they are",
        "[{dedupe: {name: x, keep: unique}}]",
        &[("x", b"a"), ("x", b"A"), ("x", b"a, a")],
        &["x: a", "x: A", "x: a, a"],
    ),
    case(
        "the first value, and the last",
        "[{dedupe: {name: x, keep: first}}, {dedupe: {name: y, keep: last}}, {dedupe: {name: z, keep: last}}]",
        &[("x", b"1"), ("x", b"2"), ("y", b"1"), ("y", b"2")],
        &["x: 1", "y: 2"],
    ),
    case(
        "map a header in its place",
        "[{map: {name: x, values: {a: '1', b: '2'}}}, {map: {name: y, values: {a: '1'}}}]",
        &[("x", b"b"), ("y", b"b")],
        &["x: 2"],
    ),
    case(
        "map from another header, with a default",
        "[{map: {name: x, from: y, values: {'': empty, a: '1'}, default: none}}, \
         {map: {name: z, from: none, values: {a: '1'}, default: none}}, \
         {map: {name: e, from: e, values: {'': empty}}}]",
        &[("x", b"9"), ("y", b"A"), ("e", b"")],
        &["e: empty", "x: none", "y: A", "z: none"],
    ),
    case(
        "what is there twice is in no table",
        "[{map: {name: x, values: {a: '1'}}}]",
        &[("x", b"a"), ("x", b"a")],
        &[],
    ),
    case(
        "map the value of a template",
        "[{map: {name: x, value: '${now.unix}', values: {'1767225600': now}}}]",
        &[("x", b"a")],
        &["x: now"],
    ),
    case(
        "operations see what those before them did",
        "[{set: {name: a, value: v1}}, {rename: {from: a, to: b}}, {replace: {name: b, regex: v, with: w}}, \
         {set: {name: a, value: again, if: absent}}, {append: {name: b, value: '2'}}, {remove: {prefix: c}}]",
        &[("c", b"1")],
        &["a: again", "b: w1", "b: 2"],
    ),
];

#[test]
fn on_requests() {
    for case in CASES {
        let host = FakeHost::default();
        let yaml = format!("rules: [{{request: {}}}]", case.operations);
        let filter = configure(&yaml, &host).unwrap();
        host.begin(pairs(case.before));
        let (verdict, _) = request(&filter, &host);
        assert_eq!(verdict, Ok(Verdict::Continue), "{}", case.name);
        assert_eq!(lines(host.request_headers()), case.after, "{}", case.name);
        assert_eq!(host.counters().len(), 0, "{}", case.name);
    }
}

#[test]
fn on_responses() {
    for case in CASES {
        let host = FakeHost::default();
        let yaml = format!("rules: [{{response: {}}}]", case.operations);
        let filter = configure(&yaml, &host).unwrap();
        host.begin([]);
        host.respond(pairs(case.before));
        let (_, pending) = request(&filter, &host);
        response(&filter, &host, pending).unwrap();
        assert_eq!(lines(host.response_headers()), case.after, "{}", case.name);
        assert_eq!(host.request_headers(), [], "{}", case.name);
        assert_eq!(host.counters().len(), 0, "{}", case.name);
    }
}

#[test]
fn report_mode_changes_nothing_and_counts_what_would_change() {
    for case in CASES {
        let host = FakeHost::default();
        let operations = case.operations;
        let yaml =
            format!("{{mode: report, rules: [{{request: {operations}, response: {operations}}}]}}");
        let filter = configure(&yaml, &host).unwrap();
        host.begin(pairs(case.before));
        host.respond(pairs(case.before));
        let before = lines(host.request_headers());
        let (verdict, pending) = request(&filter, &host);
        response(&filter, &host, pending).unwrap();
        assert_eq!(verdict, Ok(Verdict::Continue), "{}", case.name);
        assert_eq!(lines(host.request_headers()), before, "{}", case.name);
        assert_eq!(lines(host.response_headers()), before, "{}", case.name);
        let changes = u64::from(before != case.after);
        let counters = host.counters();
        for what in ["requests", "responses"] {
            let counter = format!("gatehouse.headers.would_change_{what}");
            let count = counters.get(&counter).copied().unwrap_or_default();
            assert_eq!(count, changes, "{}: {what}", case.name);
        }
    }
}

#[test]
fn variables_of_requests() {
    // The value of `x` that the upstream sees; nothing where there must be none, whatever the client sent.
    let cases: [(&str, &str, Option<&str>); 21] = [
        (
            "consumer",
            "${consumer.name}/${consumer.provider}",
            Some("acme/partners"),
        ),
        ("claim", "<${claim.email}>", Some("<a@b.test>")),
        ("number", "${claim.n}", Some("7")),
        ("other alphabets", "${claim.utf8}", Some("\u{e9}\u{10d}")),
        ("empty", "${claim.empty}", Some("")),
        ("metadata", "${metadata.plan}", Some("gold")),
        ("header", "${request.header.y}", Some("why")),
        ("itself", "${request.header.x}!", Some("spoofed!")),
        (
            "method, host, path",
            "${method} ${host}${path}",
            Some("GET api.test/users/a%20b"),
        ),
        ("capture", "${path.id}", Some("a b")),
        ("address", "${client_ip}", Some("2001:db8::1")),
        (
            "uuid",
            "${uuid}",
            Some("58c0cbc7-3020-4a50-ab6c-88b470a8fd8a"),
        ),
        ("time", "${now}", Some("2026-01-01T00:00:00Z")),
        ("longest", "${claim.most}", Some("x")),
        ("claim that is not there", "a${claim.other}", None),
        ("header that is not there", "${request.header.z}", None),
        ("header twice", "${request.header.twice}", None),
        ("CR and LF", "${claim.crlf}", None),
        ("LF", "${claim.lf}", None),
        ("NUL", "a ${claim.nul} b", None),
        ("white space around", "${claim.spaced}", None),
    ];
    for (name, value, expected) in cases {
        let host = FakeHost::default();
        let yaml = format!(
            "rules: [{{match: {{path: {{template: '/users/{{id}}'}}}}, request: [{{set: {{name: x, value: '{value}'}}}}]}}]"
        );
        let filter = configure(&yaml, &host).unwrap();
        host.begin([
            (":method", &b"GET"[..]),
            (":authority", b"api.test"),
            (":path", b"/users/a%20b?q=1"),
            ("y", b"why"),
            ("x", b"spoofed"),
            ("twice", b"1"),
            ("twice", b"2"),
        ]);
        host.property_is("source.address", "[2001:db8::1]:5000");
        establish(&host);
        let (verdict, _) = request(&filter, &host);
        assert_eq!(verdict, Ok(Verdict::Continue), "{name}");
        let headers = host.request_headers();
        let mut values = headers
            .iter()
            .filter(|(name, _)| name == "x")
            .map(|(_, value)| value.as_str());
        match expected {
            // Only its beginning: it is long.
            Some("x") => assert_eq!(values.next().unwrap().len(), 64 << 10, "{name}"),
            other => assert_eq!(values.next(), other, "{name}"),
        }
        assert_eq!(values.next(), None, "{name}");
    }
}

#[test]
fn a_response_sees_the_request_as_it_went_on() {
    let host = FakeHost::default();
    let filter = configure(
        "rules:
        - match: {path: {template: '/users/{id}'}}
          request:
          - set: {name: x-request-id, value: '${uuid}', if: absent}
          - remove: secret
          response:
          - set: {name: x-request-id, value: '${request.header.x-request-id}'}
          - append: {name: x-who, value: '${consumer.name} ${path.id} ${client_ip}'}
          - set: {name: x-secret, value: '${request.header.secret}'}
          - set: {name: x-at, value: '${now}'}",
        &host,
    )
    .unwrap();
    host.begin([(":path", &b"/users/7"[..]), ("secret", b"1")]);
    host.property_is("source.address", "10.0.0.1:1");
    establish(&host);
    host.respond([("x-secret", &b"upstream"[..])]);
    let (_, pending) = request(&filter, &host);
    host.advance(std::time::Duration::from_secs(61));
    response(&filter, &host, pending).unwrap();
    let id = "58c0cbc7-3020-4a50-ab6c-88b470a8fd8a";
    assert_eq!(
        lines(host.request_headers()),
        [":path: /users/7".to_owned(), format!("x-request-id: {id}")]
    );
    assert_eq!(
        lines(host.response_headers()),
        [
            "x-at: 2026-01-01T00:01:01Z".to_owned(),
            format!("x-request-id: {id}"),
            "x-who: acme 7 10.0.0.1".to_owned()
        ]
    );
    assert_eq!(
        host.counters(),
        [("gatehouse.headers.missing_values".to_owned(), 1)].into()
    );
}

/// Envoy joins what is appended to some headers: what is read afterwards is what it has, whether headers were read
/// before or not.
#[test]
fn what_was_appended_is_read_as_envoy_keeps_it() {
    // The value of `x` afterwards, with one value of the header before.
    let cases: [(&str, &str, Option<&str>); 3] = [
        ("one line of a request", "via", Some("1.0 a,1.1 b")),
        ("one line of either", "content-type", Some("1.0 a,1.1 b")),
        ("any other", "x-hops", None),
    ];
    for (name, header, expected) in cases {
        for matching in ["", "match: {headers: [{name: x-all, present: false}]}, "] {
            let host = FakeHost::default();
            let operations = |side: &str| {
                format!(
                    "[{{append: {{name: {header}, value: 1.1 b}}}}, \
                      {{set: {{name: x, value: '${{{side}.header.{header}}}'}}}}]"
                )
            };
            let (asked, told) = (operations("request"), operations("response"));
            let yaml = format!("rules: [{{{matching}request: {asked}, response: {told}}}]");
            let filter = configure(&yaml, &host).unwrap();
            host.begin([(header, &b"1.0 a"[..]), ("x", b"spoofed")]);
            host.respond([(header, &b"1.0 a"[..]), ("x", b"spoofed")]);
            let (verdict, pending) = request(&filter, &host);
            assert_eq!(verdict, Ok(Verdict::Continue), "{name}");
            response(&filter, &host, pending).unwrap();
            for headers in [host.request_headers(), host.response_headers()] {
                let mut values = headers.iter().filter(|(name, _)| name == "x");
                let value = values.next().map(|(_, value)| value.as_str());
                assert_eq!(value, expected, "{name}: {matching}");
            }
            let missing = host
                .counters()
                .get("gatehouse.headers.missing_values")
                .copied();
            assert_eq!(
                missing,
                expected.is_none().then_some(2),
                "{name}: {matching}"
            );
        }
    }
}

#[test]
fn statuses() {
    let cases: [(&str, &[u8], bool); 12] = [
        ("5xx", b"503", true),
        ("5xx", b"500", true),
        ("5xx", b"499", false),
        ("503", b"503", true),
        ("503", b"502", false),
        ("[404, 5xx]", b"404", true),
        ("[404, 5xx]", b"599", true),
        ("[404, 5xx]", b"200", false),
        ("5xx", b"", false),
        ("5xx", b"5\xff3", false),
        ("5xx", b"50300000000000", false),
        ("1xx", b"103", true),
    ];
    for (when, status, fits) in cases {
        let host = FakeHost::default();
        let yaml = format!(
            "rules: [{{response: [{{when: {{status: {when}}}, set: {{name: x, value: '1'}}}}]}}]"
        );
        let filter = configure(&yaml, &host).unwrap();
        host.begin([]);
        host.respond([(":status", status)]);
        let (_, pending) = request(&filter, &host);
        response(&filter, &host, pending).unwrap();
        let set = host
            .response_headers()
            .contains(&("x".to_owned(), "1".to_owned()));
        assert_eq!(set, fits, "{when} {status:?}");
    }
    // No status at all: nothing is known of the response.
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{response: [{when: {status: 5xx}, remove: x}]}]",
        &host,
    )
    .unwrap();
    host.begin([]);
    host.respond([("x", &b"1"[..])]);
    let (_, pending) = request(&filter, &host);
    response(&filter, &host, pending).unwrap();
    assert_eq!(lines(host.response_headers()), ["x: 1"]);
}
