//! The filters as one: order, denials, responses, and what it costs.

mod routes;
mod waiting;

use crate::{Config, Filter, Pending};
use gatehouse_host::{Exchange, HttpFilter as _, Request, Response, Status, Verdict};
use gatehouse_host_fake::FakeHost;

const README: &str = include_str!("../README.md");
const BOOTSTRAP: &str = include_str!("../../../envoy/gateway.yaml");

fn environment(name: &str) -> Option<String> {
    (name == "DEV_KEY").then(|| "dev-key-1".to_owned())
}

fn parse(yaml: &str) -> gatehouse_config::Value {
    serde_yaml_ng::from_str(yaml).unwrap()
}

fn load(yaml: &str) -> Result<Config, String> {
    gatehouse_config::load_value(&parse(yaml), &environment)
        .map_err(|problems| problems.to_string())
}

/// The configuration of the README.
fn documented() -> &'static str {
    let block = README.split("```yaml\n").nth(1).unwrap();
    assert!(block.starts_with("# gatehouse: gateway\n"));
    block.split("```").next().unwrap()
}

/// A filter, its host, and one stream after the other.
struct Gateway {
    host: FakeHost,
    filter: Filter,
}

/// One stream.
struct Stream {
    exchange: Exchange,
    pending: Pending,
}

impl Gateway {
    fn new(yaml: &str) -> Self {
        let host = FakeHost::default();
        let filter = Filter::new(load(yaml).unwrap(), &host).unwrap();
        Self { host, filter }
    }

    /// The status of a denial, or 0 for a request that goes on.
    fn request(&self, headers: &[(&str, &str)]) -> (u16, Stream) {
        let (status, stream) = self.try_request(headers);
        (status.unwrap(), stream)
    }

    fn try_request(&self, headers: &[(&str, &str)]) -> (gatehouse_host::Result<u16>, Stream) {
        let base = [(":method", "GET"), (":authority", "a.test")];
        let all = base.iter().chain(headers);
        self.host
            .begin(all.map(|(name, value)| (*name, value.as_bytes())));
        self.host.property_is("xds.route_name", "open");
        let mut stream = Stream {
            exchange: Exchange::default(),
            pending: Pending::default(),
        };
        let mut request = Request::new(&self.host, &mut stream.exchange);
        let verdict = self.filter.request(&mut request, &mut stream.pending);
        match verdict {
            Ok(Verdict::Wait { .. } | Verdict::WaitForBody { .. }) => {
                let foresee = |request: &mut Request<'_>| self.filter.foresee(request);
                stream.exchange.foresee(&self.host, foresee);
                stream.exchange.begin_waiting();
            }
            _ => stream.exchange.end_request_phase(),
        }
        let status = verdict.map(|verdict| match verdict {
            Verdict::Continue => 0,
            Verdict::Deny(reply) => reply.status,
            Verdict::Wait { .. } | Verdict::WaitForBody { .. } => 1,
        });
        (status, stream)
    }

    /// The response headers after the filters.
    fn respond(&self, stream: &mut Stream, status: &str) -> Vec<(String, String)> {
        self.host
            .respond([(":status", status.as_bytes()), ("x-powered-by", b"php")]);
        let mut headers = None;
        let mut response = Response::new(&self.host, &stream.exchange, &mut headers);
        self.filter
            .response(&mut response, &mut stream.pending)
            .unwrap();
        self.host.response_headers()
    }
}

fn names(headers: &[(String, String)]) -> Vec<&str> {
    headers.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn documented_configurations_are_accepted() {
    assert!(load(documented()).is_ok());
    let root = parse(BOOTSTRAP);
    let value = root
        .pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/configuration/value")
        .unwrap();
    let loaded = gatehouse_config::load_value::<Config>(value, &environment);
    assert_eq!(loaded.err().map(|problems| problems.to_string()), None);
}

#[test]
fn the_consumer_goes_from_one_filter_to_the_next_as_a_value() {
    let gateway = Gateway::new(documented());
    let (status, mut stream) = gateway.request(&[
        (":path", "/orders"),
        ("x-api-key", "acme-key-1"),
        ("x-consumer", "root"),
        ("x-user", "root"),
    ]);
    assert_eq!(status, 0);
    let headers = gateway.host.request_headers();
    let value = |name: &str| {
        headers
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(value("x-consumer"), ["acme"]);
    assert_eq!(value("x-user"), ["acme"]);
    assert_eq!(value("x-api-key"), [""; 0]);
    let calls = gateway.host.calls();
    // One snapshot for three filters; the consumer is not read back from filter state; the clock is for the limit.
    assert_eq!(
        calls.into_iter().collect::<Vec<_>>(),
        [
            ("proxy_get_current_time_nanoseconds", 1),
            ("proxy_get_header_map_pairs", 1),
            ("proxy_get_shared_data", 1),
            ("proxy_increment_metric", 2),
            ("proxy_remove_header_map_value", 1),
            ("proxy_replace_header_map_value", 2),
            ("proxy_set_property", 2),
            ("proxy_set_shared_data", 1),
        ]
    );
    let answer = gateway.respond(&mut stream, "200");
    assert_eq!(names(&answer), [":status", "ratelimit-policy", "ratelimit"]);
    assert_eq!(
        gateway.host.call_count(),
        11 + 3,
        "one removal and two limits' headers"
    );
}

#[test]
fn a_denial_ends_it_and_only_those_that_saw_the_request_see_the_response() {
    let gateway = Gateway::new(documented());
    let (status, mut stream) = gateway.request(&[(":path", "/orders")]);
    assert_eq!(status, 401);
    let calls = gateway.host.calls();
    assert_eq!(
        calls.get("proxy_get_shared_data"),
        None,
        "the limit did not see it"
    );
    let answer = gateway.respond(&mut stream, "401");
    assert_eq!(
        names(&answer),
        [":status", "x-powered-by"],
        "neither limit nor headers touched it"
    );

    let acme = [(":path", "/orders"), ("x-api-key", "acme-key-1")];
    let admitted = (0..25)
        .take_while(|_| gateway.request(&acme).0 == 0)
        .count();
    assert_eq!(admitted, 20);
    let (status, mut stream) = gateway.request(&acme);
    assert_eq!(status, 429);
    let answer = gateway.respond(&mut stream, "429");
    assert!(
        names(&answer).contains(&"x-powered-by"),
        "headers stands after the limit: {answer:?}"
    );
}

#[test]
fn the_order_is_the_configured_one_and_a_filter_may_stand_twice() {
    let gateway = Gateway::new(
        r#"
filters:
- headers: {rules: [{request: [{set: {name: x-tenant, value: a}}], response: [{set: {name: x-order, value: first}}]}]}
- rate_limit: {limits: [{name: tenant, key: [{header: x-tenant}], rate: 1/1h}], response_headers: none}
- headers: {rules: [{response: [{set: {name: x-order, value: last}}], request: []}]}
"#,
    );
    // The limit sees what the first filter wrote: two tenants are one.
    let (status, mut stream) = gateway.request(&[(":path", "/"), ("x-tenant", "b")]);
    assert_eq!(status, 0);
    let answer = gateway.respond(&mut stream, "200");
    let order: Vec<_> = answer
        .iter()
        .filter(|(name, _)| name == "x-order")
        .collect();
    assert_eq!(order.len(), 1);
    assert_eq!(
        order[0].1, "first",
        "responses run in reverse, so the first filter has the last word"
    );
    assert_eq!(gateway.request(&[(":path", "/"), ("x-tenant", "c")]).0, 429);
}

#[test]
fn a_host_that_fails_never_lets_a_request_pass() {
    let calls = [
        "proxy_get_header_map_pairs",
        "proxy_replace_header_map_value",
        "proxy_remove_header_map_value",
        "proxy_set_property",
        "proxy_get_current_time_nanoseconds",
        "proxy_get_shared_data",
        "proxy_set_shared_data",
    ];
    for call in calls {
        let gateway = Gateway::new(documented());
        gateway.host.fail(call, Status::Code(10));
        let (status, _) = gateway.try_request(&[(":path", "/orders"), ("x-api-key", "acme-key-1")]);
        assert!(
            status.is_err() || status.is_ok_and(|status| status >= 500),
            "{call}: {status:?}"
        );
    }
}

#[test]
fn problems_of_all_filters_at_once() {
    let refused = load(
        r#"
filters:
- auth: {providers: {}, rules: [{require: {any_of: [sso]}}]}
- rate_limit: {limits: [{name: a b, key: [consumer], rate: 0/1m}]}
- header: {}
- headers: {rules: [{request: [{set: {name: ":path", value: x}}]}]}
"#,
    );
    assert_eq!(
        refused.err().unwrap().lines().collect::<Vec<_>>(),
        [
            "filters[0].auth.rules[0].require.any_of[0]: no provider named \"sso\"",
            "filters[1].rate_limit.limits[0].name: \"a b\" is not a name (1 to 64 letters, digits, \"_\" and \"-\")",
            "filters[1].rate_limit.limits[0].rate: the rate \"0/1m\" lets nothing through (to refuse requests, use a rule of the auth filter)",
            "filters[2].header: unknown field (did you mean \"headers\"?)",
            "filters[3].headers.rules[0].request[0].set.name: \":path\" is a pseudo-header, which cannot stand here",
        ]
    );
    assert_eq!(
        load("{filters: []}").err().unwrap(),
        "filters: empty, but needs at least one element"
    );
    assert_eq!(load("{}").err().unwrap(), "filters: required, but missing");
}

/// All limits share a table, so a name is that of one limit in the whole gateway.
/// What only the proxy can find wrong stands where it stands in the whole.
#[test]
fn an_expression_that_does_not_compile() {
    let yaml = "
filters:
- headers: {rules: [{request: [{set: {name: x-a, value: b}}]}]}
- auth:
    providers: {keys: {api_key: {from: [{header: k}], consumers: [{name: dev, key: '${env:DEV_KEY}'}]}}}
    rules: [{require: keys, authorize: {when: 'a('}}]
";
    let refused = Filter::new(load(yaml).unwrap(), &FakeHost::default());
    let refused = refused.err().unwrap().to_string();
    assert!(
        refused.starts_with(
            "configuration refused:\n\
             filters[1].auth.rules[0].authorize.when: \"a(\" is not a CEL expression (over"
        ),
        "{refused}"
    );
}

#[test]
fn limits_of_one_name_in_two_filters() {
    let limits = |first: &str, second: &str| {
        format!(
            "filters:\n\
             - rate_limit: {{limits: [{{name: {first}, key: [client_ip], rate: 1/1s}}]}}\n\
             - headers: {{rules: [{{request: []}}]}}\n\
             - rate_limit: {{limits: [{{name: x, key: [client_ip], rate: 1/1s}}, {{name: {second}, key: [client_ip], rate: 9/1s}}]}}\n"
        )
    };
    assert!(load(&limits("a", "b")).is_ok());
    assert_eq!(
        load(&limits("a", "a")).err().unwrap(),
        "filters[2].rate_limit.limits[1].name: \"a\" is the name of a limit in filters[0]"
    );
}
