//! What comes after a filter that lets a request wait. Once it has waited, nothing can be evaluated for it: what its
//! filters want to know by then was evaluated before, or is not known.

use super::*;
use gatehouse_host::StreamId;

const FILTERS: &str = r#"
filters:
- auth:
    providers:
      opaque:
        introspection:
          {cluster: idp, uri: "http://idp.test/introspect", client_id: a, client_secret: "${env:DEV_KEY}", cache: {positive: 60s}}
    rules: [{match: {when: "request.protocol == 'HTTP/2'"}, require: opaque}]
    forward: {consumer_header: x-consumer, identity: IDENTITY}
- rate_limit:
    limits: [{name: all, match: {when: "LIMIT"}, key: [consumer], rate: 1/1h}]
    response_headers: none
- headers:
    rules:
    - match: {any: [{not: {when: "FIRST"}}, {when: "FIRST"}]}
      request: [{remove: x-secret}, {when: {request: {when: "ASKED"}}, set: {name: x-asked, value: "1"}}]
    - request: []
"#;

/// No header that a filter here changes.
const SAFE: &str = "request.method == 'GET'";

impl Gateway {
    /// A request with a token that nobody has asked about: what becomes of it when it has waited, and what is
    /// then evaluated comes to nothing.
    fn waits(&self, expressions: &[&str]) -> (String, Vec<(String, String)>) {
        let (status, mut stream) = self.request(&[
            (":path", "/"),
            ("authorization", "Bearer ann"),
            ("x-secret", "1"),
            ("x-other", "1"),
        ]);
        assert_eq!(status, 1);
        for expression in expressions {
            self.host.expression_is(expression, None);
        }
        let sent = self.host.take_callouts();
        let answer = self.host.answer(
            [
                (":status", &b"200"[..]),
                ("content-type", b"application/json"),
            ],
            r#"{"active":true,"sub":"ann"}"#,
        );
        let mut wake = Vec::new();
        self.filter.answered(sent[0].id, &answer, &mut wake);
        assert_eq!(wake, [StreamId::default()]);
        let mut request = Request::new(&self.host, &mut stream.exchange);
        let outcome = match self.filter.request(&mut request, &mut stream.pending) {
            Ok(Verdict::Continue) => "goes on".to_owned(),
            Ok(Verdict::Deny(reply)) => reply.details,
            other => format!("{other:?}"),
        };
        (outcome, self.host.request_headers())
    }
}

#[test]
fn expressions_of_the_filters_that_come_after() {
    const LIMIT_FAILED: &str = "gatehouse.rate_limit.expression_failed.all";
    const HEADERS_FAILED: &str =
        "Err(HostError { call: \"expr_evaluate after a wait\", status: Stale })";
    // What the three expressions are; who is told of the consumer; what becomes of the request.
    let cases: [(&str, [&str; 3], &str, &str); 11] = [
        ("nothing that changes", [SAFE; 3], "modules", "goes on"),
        (
            "headers that no filter changes",
            [
                "'x-other' in request.headers",
                "request.headers['x-other'] == '1'",
                "request.headers['x-other'] != ''",
            ],
            "logs",
            "goes on",
        ),
        (
            "the credential, which auth takes out",
            ["request.headers['authorization'] != ''", SAFE, SAFE],
            "logs",
            LIMIT_FAILED,
        ),
        (
            "who the client says it is",
            ["request.headers['X-Consumer'] == 'root'", SAFE, SAFE],
            "logs",
            LIMIT_FAILED,
        ),
        (
            "the same for headers",
            [SAFE, "'x-consumer' in request.headers", SAFE],
            "logs",
            HEADERS_FAILED,
        ),
        (
            "the same for one of its operations",
            [SAFE, SAFE, "request.headers['x-consumer'] == 'a'"],
            "logs",
            HEADERS_FAILED,
        ),
        (
            "any header",
            ["size(request.headers) > 3", SAFE, SAFE],
            "logs",
            LIMIT_FAILED,
        ),
        (
            "the route, which headers choose",
            [SAFE, "xds.route_name == 'a'", SAFE],
            "logs",
            HEADERS_FAILED,
        ),
        (
            "filter state",
            [SAFE, "filter_state['wasm.gatehouse.consumer'] == 'a'", SAFE],
            "logs",
            HEADERS_FAILED,
        ),
        (
            "filter state that nobody writes",
            [SAFE, "filter_state['wasm.gatehouse.consumer'] == 'a'", SAFE],
            "filters",
            HEADERS_FAILED,
        ),
        // No operation has been done when the rule is chosen.
        (
            "a header that the operations change",
            [
                SAFE,
                "request.headers['x-secret'] == '1'",
                "request.headers['x-secret'] == '1'",
            ],
            "logs",
            "goes on",
        ),
    ];
    for (name, [limit, first, asked], identity, expected) in cases {
        let yaml = FILTERS
            .replace("LIMIT", limit)
            .replace("FIRST", first)
            .replace("ASKED", asked)
            .replace("IDENTITY", identity);
        let gateway = Gateway::new(&yaml);
        let protocol = "request.protocol == 'HTTP/2'";
        let expressions = [protocol, limit, first, asked];
        for expression in expressions {
            gateway.host.expression_is(expression, Some(true));
        }
        let (outcome, headers) = gateway.waits(&expressions);
        assert_eq!(outcome, expected, "{name}");
        if outcome != "goes on" {
            continue;
        }
        let has = |header: &str| headers.iter().any(|(known, _)| known == header);
        assert!(!has("x-secret") && has("x-asked"), "{name}");
    }
}

/// Anybody can send tokens that nobody has asked about: what that costs is bounded by what the rules say of the
/// request, not by how many there are.
#[test]
fn expressions_of_rules_about_something_else_are_not_evaluated() {
    const RULES: usize = 40;
    let numbered = |rule: &dyn Fn(usize) -> String| -> String {
        (0..RULES).map(|number| rule(number) + ",\n").collect()
    };
    let auth = numbered(&|number| {
        format!(
            "{{match: {{path: {{exact: /{number}}}, when: a}}, require: opaque, authorize: {{when: b}}}}"
        )
    });
    let limits = numbered(&|number| {
        format!(
            "{{name: l-{number}, match: {{hosts: [h-{number}.test], when: c}}, key: [consumer], rate: 1/1h}}"
        )
    });
    let rules = numbered(&|number| {
        format!(
            "{{match: {{not: {{path: {{exact: /{number}}}, when: d}}, methods: [PUT, GET]}}, request: [{{when: {{request: {{when: e}}}}, remove: x-a}}]}}"
        )
    });
    let yaml = format!(
        "filters:
- auth:
    providers: {{opaque: {{introspection: {{cluster: idp, uri: 'http://idp.test/i', client_id: a, client_secret: '${{env:DEV_KEY}}'}}}}}}
    rules: [{auth}]
- rate_limit: {{limits: [{limits}]}}
- headers: {{rules: [{rules}]}}
"
    );
    let gateway = Gateway::new(&yaml);
    for expression in ["a", "b", "c", "d", "e"] {
        gateway.host.expression_is(expression, Some(true));
    }
    let (status, _) = gateway.request(&[(":path", "/7"), ("authorization", "Bearer ann")]);
    assert_eq!(status, 1);
    // Once to choose the rule of auth; then that rule's two, `d` of one rule, and `e` of all forty.
    let calls = gateway.host.calls();
    assert_eq!(calls["proxy_call_foreign_function"], 1 + 2 + 1 + RULES);
}
