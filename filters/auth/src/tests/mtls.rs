//! Client certificates, of the connection and as a proxy in front names them.

use super::*;
use gatehouse_host::Status;

const DIGEST: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

const CONSUMERS: &str = "
    consumers:
    - {name: billing, uri_san: 'spiffe://example/billing', groups: [internal], scopes: [read], metadata: {team: money}}
    - {name: prod, uri_san: 'spiffe://example/ns/prod/*'}
    - {name: batch, sha256: 46:8E:D3:3B:E7:4E:EE:65:56:D9:0C:01:49:C1:30:9E:9B:A6:1D:64:25:30:34:43:C0:74:8A:02:DD:8D:E6:88}
    - {name: ops, dns_san: Ops.example.com}
    - {name: legacy, subject: 'CN=legacy,O=Example'}
";

fn gate(from: &str) -> Gate {
    let provider = format!("mesh:\n  mtls:{}\n    from: {from}", CONSUMERS);
    Gate::new(
        &provider,
        "rules: [{require: mesh}]\nforward: {consumer_header: x-consumer}",
    )
}

fn ask(gate: &Gate, headers: &[(&str, &[u8])], properties: &[(&str, &[u8])]) -> String {
    gate.host.begin(
        [
            (":method", &b"GET"[..]),
            (":path", b"/"),
            (":authority", b"a.test"),
        ]
        .into_iter()
        .chain(headers.iter().copied()),
    );
    for (path, value) in properties {
        gate.host.property_is(path, *value);
    }
    gate.outcome_of_current()
}

const URI: &str = "connection.uri_san_peer_certificate";
const DNS: &str = "connection.dns_san_peer_certificate";
const SUBJECT: &str = "connection.subject_peer_certificate";
const SHA256: &str = "connection.sha256_peer_certificate_digest";
const MTLS: (&str, &[u8]) = ("connection.mtls", &[1]);

#[test]
fn from_the_connection() {
    type Case<'c> = (&'c str, &'c [(&'c str, &'c [u8])], &'c str);
    let cases: &[Case<'_>] = &[
        ("no TLS", &[], "credential_missing"),
        (
            "no certificate",
            &[("connection.mtls", &[0])],
            "credential_missing",
        ),
        (
            "no boolean",
            &[
                ("connection.mtls", b"true"),
                (URI, b"spiffe://example/billing"),
            ],
            "credential_missing",
        ),
        (
            "no certificate, but a name",
            &[
                ("connection.mtls", &[0]),
                (URI, b"spiffe://example/billing"),
            ],
            "credential_missing",
        ),
        (
            "a certificate without names",
            &[MTLS],
            "certificate_unknown",
        ),
        (
            "empty names",
            &[MTLS, (URI, b""), (DNS, b""), (SUBJECT, b""), (SHA256, b"")],
            "certificate_unknown",
        ),
        (
            "URI",
            &[MTLS, (URI, b"spiffe://example/billing")],
            "billing",
        ),
        (
            "URI, longer",
            &[MTLS, (URI, b"spiffe://example/billing2")],
            "certificate_unknown",
        ),
        (
            "URI, below",
            &[MTLS, (URI, b"spiffe://example/billing/x")],
            "certificate_unknown",
        ),
        (
            "URI, another case",
            &[MTLS, (URI, b"spiffe://EXAMPLE/billing")],
            "certificate_unknown",
        ),
        (
            "URI, no UTF-8",
            &[MTLS, (URI, b"spiffe://example/billing\xff")],
            "certificate_unknown",
        ),
        (
            "URI, NUL",
            &[MTLS, (URI, b"spiffe://example/billing\0")],
            "certificate_unknown",
        ),
        (
            "below",
            &[MTLS, (URI, b"spiffe://example/ns/prod/sa/web")],
            "prod",
        ),
        (
            "below, one segment",
            &[MTLS, (URI, b"spiffe://example/ns/prod/web")],
            "prod",
        ),
        (
            "below, none",
            &[MTLS, (URI, b"spiffe://example/ns/prod/")],
            "certificate_unknown",
        ),
        (
            "the root itself",
            &[MTLS, (URI, b"spiffe://example/ns/prod")],
            "certificate_unknown",
        ),
        (
            "beside",
            &[MTLS, (URI, b"spiffe://example/ns/prod-2/web")],
            "certificate_unknown",
        ),
        (
            "below, and up",
            &[MTLS, (URI, b"spiffe://example/ns/prod/../dev")],
            "certificate_unknown",
        ),
        (
            "below, dot",
            &[MTLS, (URI, b"spiffe://example/ns/prod/./web")],
            "certificate_unknown",
        ),
        (
            "below, empty segment",
            &[MTLS, (URI, b"spiffe://example/ns/prod//web")],
            "certificate_unknown",
        ),
        (
            "below, slash at the end",
            &[MTLS, (URI, b"spiffe://example/ns/prod/web/")],
            "certificate_unknown",
        ),
        (
            "below, escaped",
            &[MTLS, (URI, b"spiffe://example/ns/prod/%2e%2e/dev")],
            "certificate_unknown",
        ),
        (
            "below, query",
            &[MTLS, (URI, b"spiffe://example/ns/prod/web?x")],
            "certificate_unknown",
        ),
        (
            "below, fragment",
            &[MTLS, (URI, b"spiffe://example/ns/prod/web#x")],
            "certificate_unknown",
        ),
        (
            "the pattern itself",
            &[MTLS, (URI, b"spiffe://example/ns/prod/*")],
            "certificate_unknown",
        ),
        ("digest", &[MTLS, (SHA256, DIGEST.as_bytes())], "batch"),
        (
            "digest, cut off",
            &[MTLS, (SHA256, &DIGEST.as_bytes()[1..])],
            "certificate_unknown",
        ),
        ("DNS", &[MTLS, (DNS, b"ops.example.com")], "ops"),
        (
            "DNS, another case",
            &[MTLS, (DNS, b"OPS.example.COM")],
            "ops",
        ),
        (
            "DNS, below",
            &[MTLS, (DNS, b"a.ops.example.com")],
            "certificate_unknown",
        ),
        (
            "subject",
            &[MTLS, (SUBJECT, b"CN=legacy,O=Example")],
            "legacy",
        ),
        (
            "subject, the other way round",
            &[MTLS, (SUBJECT, b"O=Example,CN=legacy")],
            "certificate_unknown",
        ),
        (
            "subject, more",
            &[MTLS, (SUBJECT, b"CN=legacy,O=Example,C=DE")],
            "certificate_unknown",
        ),
        (
            "a URI as DNS name",
            &[MTLS, (DNS, b"spiffe://example/billing")],
            "certificate_unknown",
        ),
        (
            "two consumers: the first in the configuration",
            &[
                MTLS,
                (SUBJECT, b"CN=legacy,O=Example"),
                (DNS, b"ops.example.com"),
                (URI, b"spiffe://example/ns/prod/x"),
            ],
            "prod",
        ),
    ];
    let gate = gate("connection");
    for (name, properties, expected) in cases {
        assert_eq!(ask(&gate, &[], properties), *expected, "{name}");
        // What a client sends in the header says nothing.
        let header = (
            "x-forwarded-client-cert",
            &b"URI=spiffe://example/billing"[..],
        );
        assert_eq!(
            ask(&gate, &[header], properties),
            *expected,
            "{name}, with a header"
        );
    }
}

#[test]
fn no_more_is_read_than_consumers_are_known_by() {
    let cases = [
        ("uri_san: 'spiffe://a/b'", 2),
        ("uri_san: 'spiffe://a/b/*'", 2),
        ("dns_san: a.b", 2),
        ("subject: 'CN=a'", 2),
        (&format!("sha256: {DIGEST}"), 2),
    ];
    for (mark, reads) in cases {
        let provider = format!("mesh: {{mtls: {{consumers: [{{name: a, {mark}}}]}}}}");
        let gate = Gate::new(&provider, "rules: [{require: mesh}]");
        assert_eq!(ask(&gate, &[], &[MTLS]), "certificate_unknown", "{mark}");
        assert_eq!(gate.host.calls()["proxy_get_property"], reads, "{mark}");
        assert_eq!(ask(&gate, &[], &[]), "credential_missing", "{mark}");
        assert_eq!(gate.host.calls()["proxy_get_property"], 1, "{mark}");
    }
    let gate = gate("connection");
    ask(&gate, &[], &[MTLS]);
    assert_eq!(gate.host.calls()["proxy_get_property"], 5);
}

#[test]
fn a_host_that_does_not_say_is_no_consumer() {
    let gate = gate("connection");
    gate.host.fail("proxy_get_property", Status::Code(10));
    assert!(gate.try_send("/", &[]).is_err());
}

const TRUSTED: (&str, &[u8]) = ("source.address", b"10.1.2.3:4567");

fn xfcc(element: &str) -> Gate {
    gate(&format!(
        "{{xfcc: {{trusted_peers: [10.0.0.0/8, '2001:db8::/32']{element}}}}}"
    ))
}

#[test]
fn from_the_header() {
    let by_hash = format!("By=spiffe://example/front;Hash={DIGEST};Subject=\"CN=who\"");
    type Case<'c> = (&'c str, &'c [&'c [u8]], &'c str);
    let cases: &[Case<'_>] = &[
        ("none", &[], "credential_missing"),
        ("URI", &[b"By=x;URI=spiffe://example/billing"], "billing"),
        ("digest", &[by_hash.as_bytes()], "batch"),
        ("subject", &[b"Subject=\"CN=legacy,O=Example\""], "legacy"),
        (
            "DNS, not the first",
            &[b"DNS=a.example.com;DNS=ops.example.com"],
            "ops",
        ),
        (
            "URI, not the first",
            &[b"URI=spiffe://other/x;URI=spiffe://example/ns/prod/web"],
            "prod",
        ),
        (
            "the proxy's own name",
            &[b"By=spiffe://example/billing"],
            "certificate_unknown",
        ),
        (
            "nobody's",
            &[b"URI=spiffe://example/nobody"],
            "certificate_unknown",
        ),
        (
            "nothing of the certificate",
            &[b"Hash="],
            "certificate_unknown",
        ),
        ("empty", &[b""], "certificate_malformed"),
        (
            "malformed",
            &[b"spiffe://example/billing"],
            "certificate_malformed",
        ),
        (
            "good, then malformed",
            &[b"URI=spiffe://example/billing;x"],
            "certificate_malformed",
        ),
        (
            "two elements",
            &[b"URI=spiffe://example/billing,URI=spiffe://example/ns/prod/a"],
            "certificate_malformed",
        ),
        (
            "two lines",
            &[
                b"URI=spiffe://example/billing",
                b"URI=spiffe://example/ns/prod/a",
            ],
            "certificate_malformed",
        ),
        (
            "two elements that are equal",
            &[b"URI=spiffe://example/billing,URI=spiffe://example/billing"],
            "certificate_malformed",
        ),
        (
            "one in two lines",
            &[b"URI=spiffe://example/billing;Subject=\"a", b"b\""],
            "billing",
        ),
        (
            "no UTF-8",
            &[b"URI=spiffe://example/billing;DNS=\xff"],
            "certificate_malformed",
        ),
    ];
    let gate = xfcc("");
    for (name, lines, expected) in cases {
        let headers: Vec<(&str, &[u8])> = lines
            .iter()
            .map(|line| ("x-forwarded-client-cert", *line))
            .collect();
        assert_eq!(ask(&gate, &headers, &[TRUSTED]), *expected, "{name}");
        // The certificate of the connection is the proxy's.
        let connection = [TRUSTED, MTLS, (URI, &b"spiffe://example/billing"[..])];
        assert_eq!(
            ask(&gate, &headers, &connection),
            *expected,
            "{name}, and a certificate"
        );
    }
}

#[test]
fn which_element_counts() {
    let two: &[u8] = b"URI=spiffe://example/billing,Subject=\"CN=legacy,O=Example\"";
    let bad: &[u8] = b"URI=spiffe://example/billing,bad,Subject=\"CN=legacy,O=Example\"";
    let unknown: &[u8] = b"URI=spiffe://example/billing,URI=spiffe://other/x";
    let cases = [
        (", element: only", two, "certificate_malformed"),
        (", element: first", two, "billing"),
        (", element: last", two, "legacy"),
        (", element: first", bad, "certificate_malformed"),
        (", element: last", bad, "certificate_malformed"),
        (", element: last", unknown, "certificate_unknown"),
        (
            ", element: last",
            b"URI=spiffe://example/billing",
            "billing",
        ),
    ];
    for (element, header, expected) in cases {
        let header = ("x-forwarded-client-cert", header);
        assert_eq!(
            ask(&xfcc(element), &[header], &[TRUSTED]),
            expected,
            "{element}"
        );
    }
}

#[test]
fn only_from_trusted_peers() {
    let cases: &[(&str, Option<&[u8]>, &str)] = &[
        ("trusted", Some(b"10.1.2.3:4567"), "billing"),
        (
            "trusted, mapped",
            Some(b"[::ffff:10.1.2.3]:4567"),
            "billing",
        ),
        ("trusted, IPv6", Some(b"[2001:db8::1]:4567"), "billing"),
        ("another", Some(b"11.1.2.3:4567"), "credential_missing"),
        (
            "another, IPv6",
            Some(b"[2001:db9::1]:4567"),
            "credential_missing",
        ),
        ("a socket", Some(b"/run/envoy.sock"), "credential_missing"),
        ("unknown", None, "credential_missing"),
    ];
    let gate = xfcc("");
    for (name, peer, expected) in cases {
        let properties: Vec<_> = peer.iter().map(|peer| ("source.address", *peer)).collect();
        let header = (
            "x-forwarded-client-cert",
            &b"URI=spiffe://example/billing"[..],
        );
        let forwarded = ("x-forwarded-for", &b"10.1.2.3"[..]);
        let outcome = ask(&gate, &[header, forwarded], &properties);
        assert_eq!(outcome, *expected, "{name}");
        let bad = ("x-forwarded-client-cert", &b"bad"[..]);
        let expected = match *expected {
            "billing" => "certificate_malformed",
            missing => missing,
        };
        assert_eq!(
            ask(&gate, &[bad], &properties),
            expected,
            "{name}, malformed"
        );
    }
    // Nobody is asked about a header that is not there.
    ask(&gate, &[], &[TRUSTED]);
    assert_eq!(gate.host.calls().get("proxy_get_property"), None);
}

#[test]
fn the_header_goes_no_further() {
    let rules = "
rules:
- {match: {path: {exact: /open}}, allow: anonymous}
- {require: mesh}
forward: {consumer_header: x-consumer}
";
    let header = (
        "x-forwarded-client-cert",
        &b"URI=spiffe://example/billing"[..],
    );
    let other = (
        "x_forwarded_client_cert",
        &b"URI=spiffe://example/admin"[..],
    );
    let send = |from: &str, rest: &str, path: &str| {
        let provider = format!("mesh:\n  mtls:{CONSUMERS}\n    from: {from}");
        let gate = Gate::new(&provider, &format!("{rules}{rest}"));
        gate.host.begin([
            (":method", &b"GET"[..]),
            (":path", path.as_bytes()),
            (":authority", b"a.test"),
            header,
            other,
        ]);
        for (path, value) in [TRUSTED, MTLS, (URI, &b"spiffe://example/billing"[..])] {
            gate.host.property_is(path, value);
        }
        gate.outcome_of_current();
        gate.upstream()
    };
    let trusted = "{xfcc: {trusted_peers: [10.0.0.0/8]}}";
    let untrusted = "{xfcc: {trusted_peers: [11.0.0.0/8]}}";
    let consumer = ("x-consumer", "billing");
    let sent = [
        ("x-forwarded-client-cert", "URI=spiffe://example/billing"),
        ("x_forwarded_client_cert", "URI=spiffe://example/admin"),
    ];
    assert_eq!(send(trusted, "", "/"), pairs(&[(":path", "/"), consumer]));
    assert_eq!(send(trusted, "", "/open"), pairs(&[(":path", "/open")]));
    assert_eq!(send(untrusted, "", "/open"), pairs(&[(":path", "/open")]));
    let [one, two] = sent;
    // There it is what Envoy's connection manager makes of it.
    assert_eq!(
        send("connection", "", "/"),
        pairs(&[(":path", "/"), one, two, consumer])
    );
    let keep = trusted.to_owned();
    let provider = format!("mesh:\n  mtls:{CONSUMERS}\n    from: {keep}");
    let rest = rules.replace(
        "{consumer_header: x-consumer}",
        "{strip_credentials: false}",
    );
    let gate = Gate::new(&provider, &rest);
    assert_eq!(ask(&gate, &[header], &[TRUSTED]), "billing");
    assert_eq!(gate.upstream(), pairs(&[(":path", "/"), one]));
}

#[test]
fn the_consumer_is_established() {
    let gate = gate("connection");
    ask(&gate, &[], &[MTLS, (URI, b"spiffe://example/billing")]);
    let identity = gate.host.property_value("gatehouse.identity").unwrap();
    assert_eq!(
        String::from_utf8(identity).unwrap(),
        r#"{"name":"billing","provider":"mesh","groups":["internal"],"scopes":["read"],"claims":{},"metadata":{"team":"money"}}"#
    );
}

#[test]
fn mistakes() {
    const KNOWN: &str = "uri_san, dns_san, subject, sha256";
    const URI: &str =
        "(such as \"spiffe://example/billing\", or \"spiffe://example/ns/prod/*\" for all below)";
    const SUBJECT: &str = "(as RFC 2253 does, such as \"CN=legacy,O=Example\": openssl x509 -noout -subject -nameopt RFC2253)";
    let digest = format!("sha256: {DIGEST}");
    let cases = [
        ("consumers: []", "consumers: empty, but needs at least one element".to_owned()),
        ("consumers: [{name: a}]", format!("consumers[0]: needs one of {KNOWN}")),
        (
            "consumers: [{name: a, dns_san: b, subject: CN=c}]",
            format!("consumers[0]: dns_san and subject at once, but only one of {KNOWN} can stand here"),
        ),
        ("consumers: [{name: a, uri: b}]", "consumers[0].uri: unknown field (known: name, uri_san, dns_san, subject, sha256, groups, scopes, metadata)".to_owned()),
        ("consumers: [{name: a, uri_sans: b}]", "consumers[0].uri_sans: unknown field (did you mean \"uri_san\"?)".to_owned()),
        ("consumers: [{name: a, dns_san: b}, {name: c, dns_san: B}]", "consumers[1].dns_san: consumers[0] has the same".to_owned()),
        ("consumers: [{name: a, uri_san: 'x:/b/*'}, {name: c, uri_san: 'x:/b/*'}]", "consumers[1].uri_san: consumers[0] has the same".to_owned()),
        ("consumers: [{name: a, uri_san: billing}]", format!("consumers[0].uri_san: \"billing\" is not a URI {URI}")),
        ("consumers: [{name: a, uri_san: 'spiffe://*'}]", format!("consumers[0].uri_san: \"spiffe://*\" is not a URI {URI}")),
        ("consumers: [{name: a, uri_san: '*'}]", format!("consumers[0].uri_san: \"*\" is not a URI {URI}")),
        ("consumers: [{name: a, uri_san: 'spiffe://a/b*'}]", format!("consumers[0].uri_san: \"spiffe://a/b*\" is not a URI {URI}")),
        ("consumers: [{name: a, uri_san: 'spiffe://a/*/b'}]", format!("consumers[0].uri_san: \"spiffe://a/*/b\" is not a URI {URI}")),
        ("consumers: [{name: a, uri_san: 'spiffe://a/*/*'}]", format!("consumers[0].uri_san: \"spiffe://a/*/*\" is not a URI {URI}")),
        ("consumers: [{name: a, uri_san: 'spiffe://a b'}]", format!("consumers[0].uri_san: \"spiffe://a b\" is not a URI {URI}")),
        (
            "consumers: [{name: a, dns_san: '*.b.c'}]",
            "consumers[0].dns_san: \"*.b.c\" is a pattern, but names are compared as they are (name each host, or use uri_san, which can end in \"/*\")".to_owned(),
        ),
        ("consumers: [{name: a, dns_san: 'b c'}]", "consumers[0].dns_san: \"b c\" is not a host's name".to_owned()),
        ("consumers: [{name: a, dns_san: ''}]", "consumers[0].dns_san: \"\" is not a host's name".to_owned()),
        ("consumers: [{name: a, subject: legacy}]", format!("consumers[0].subject: \"legacy\" is not a subject as Envoy writes it {SUBJECT}")),
        ("consumers: [{name: a, subject: /O=b/CN=c}]", format!("consumers[0].subject: \"/O=b/CN=c\" is not a subject as Envoy writes it {SUBJECT}")),
        ("consumers: [{name: a, subject: 'CN=b, O=c'}]", format!("consumers[0].subject: \"CN=b, O=c\" is not a subject as Envoy writes it {SUBJECT}")),
        (
            "consumers: [{name: a, sha256: abc}]",
            "consumers[0].sha256: not a SHA-256 digest (64 hexadecimal digits: openssl x509 -noout -fingerprint -sha256)".to_owned(),
        ),
        ("consumers: [{name: a, dns_san: b}]\n      from: header", "from: unknown word \"header\" (known: connection, xfcc)".to_owned()),
        ("consumers: [{name: a, dns_san: b}]\n      from: xfcc", "from: \"xfcc\" needs a value (write {xfcc: …})".to_owned()),
        ("consumers: [{name: a, dns_san: b}]\n      from: {xfcc: {}}", "from.xfcc.trusted_peers: required, but missing".to_owned()),
        ("consumers: [{name: a, dns_san: b}]\n      from: {xfcc: {trusted_peers: []}}", "from.xfcc.trusted_peers: empty, but needs at least one element".to_owned()),
        (
            "consumers: [{name: a, dns_san: b}]\n      from: {xfcc: {trusted_peers: [10.0.0.0/8], element: all}}",
            "from.xfcc.element: unknown word \"all\" (known: only, first, last)".to_owned(),
        ),
    ];
    let refused = |mtls: &str| {
        let yaml =
            format!("providers:\n  mesh:\n    mtls:\n      {mtls}\nrules: [{{require: mesh}}]");
        load(&yaml)
            .err()
            .unwrap_or_else(|| panic!("accepted: {mtls}"))
    };
    for (mtls, expected) in cases {
        assert_eq!(refused(mtls), format!("providers.mesh.mtls.{expected}"));
    }
    // Several certificates of one consumer, and escapes in a subject.
    for consumers in [
        format!("{{name: a, {digest}}}, {{name: a, dns_san: b}}"),
        "{name: a, subject: 'CN=b\\, c,O=d'}".to_owned(),
    ] {
        let yaml = format!(
            "{{providers: {{mesh: {{mtls: {{consumers: [{consumers}]}}}}}}, rules: [{{require: mesh}}]}}"
        );
        assert_eq!(load(&yaml).err(), None);
    }
    let forward = "{providers: {mesh: {mtls: {consumers: [{name: a, dns_san: b}], from: {xfcc: {trusted_peers: [10.0.0.0/8]}}}}}, rules: [{require: mesh}], forward: {consumer_header: x-forwarded-client-cert}}";
    assert_eq!(
        load(forward).err().unwrap(),
        "forward.consumer_header: x-forwarded-client-cert is where provider \"mesh\" looks for its credential"
    );
}
