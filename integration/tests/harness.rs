//! Envoy starts, and the echo upstream answers through it: what every other test stands on.

use gatehouse_integration::{Config, Echo, Envoy, Update, load};

/// Envoy in front of the echo upstream, with no filter.
const BARE: &str = "
static_resources:
  listeners:
  - name: http
    address: {socket_address: {address: 127.0.0.1, port_value: 10000}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          max_request_headers_kb: 96
          route_config:
            virtual_hosts:
            - {name: all, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: upstream}}]}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: upstream
    load_assignment:
      cluster_name: upstream
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18080}}}}]}]
";

fn bare(echo: &Echo) -> Config {
    Config::parse(BARE).upstream(echo)
}

fn add_response_header(config: Config, value: &str) -> Config {
    config.edit(|root| {
        let chain = &mut root["static_resources"]["listeners"][0]["filter_chains"][0];
        let routes = &mut chain["filters"][0]["typed_config"]["route_config"];
        routes["response_headers_to_add"] =
            serde_json::json!([{"header": {"key": "x-version", "value": value}}]);
    })
}

#[test]
fn the_echo_upstream_says_what_it_received_and_answers_as_told() {
    let echo = Echo::start();
    let envoy = bare(&echo).start();
    let response = envoy
        .request("POST", "/a%2Fb/../c?d=%20e")
        .header("x-twice", "1")
        .header("X-Twice", "2")
        .header("x-bytes", b"a\xffb")
        .header("x-big", "b".repeat(60 * 1024))
        .header("x-echo-status", "503")
        .header("x-echo-set-set-cookie", "a=1")
        .header("x-echo-set-set-cookie", "b=2")
        .body("h\u{e9}")
        .send();

    assert_eq!(response.status, 503);
    assert_eq!(response.header("set-cookie"), ["a=1", "b=2"]);
    let echoed = response.echoed();
    assert_eq!(echoed.method, "POST");
    assert_eq!(echoed.path, "/a%2Fb/../c?d=%20e");
    assert_eq!(echoed.body, "h\u{e9}");
    assert_eq!(echoed.header("host"), ["gatehouse.test"]);
    assert_eq!(echoed.header("x-twice"), ["1", "2"]);
    assert_eq!(echoed.header("x-bytes"), ["a\\xffb"]);
    assert_eq!(echoed.header("x-big")[0].len(), 60 * 1024);
    envoy.await_stat("http.http.downstream_rq_5xx", 1);
}

#[test]
fn a_load_of_requests_is_answered_by_all_workers() {
    let echo = Echo::start();
    let envoy = bare(&echo).workers(4).start();
    let outcome = load::run(5_000, 32, |index| {
        let status = if index % 10 == 0 { "429" } else { "200" };
        envoy.request("GET", "/").header("x-echo-status", status)
    });
    assert_eq!(
        outcome,
        load::Outcome {
            statuses: [(200, 4_500), (429, 500)].into(),
            failed: 0
        }
    );
    assert_eq!(envoy.stat("server.concurrency"), 4);
}

#[test]
fn a_refused_bootstrap_leaves_its_reason() {
    let echo = Echo::start();
    let refused = add_response_header(bare(&echo), "%NO_SUCH_COMMAND%")
        .try_start()
        .err();
    let refused = refused.expect("Envoy refuses");
    assert!(refused.log.contains("NO_SUCH_COMMAND"), "{}", refused.log);
}

#[test]
fn a_rejected_update_leaves_the_old_listener_serving() {
    let echo = Echo::start();
    let version = |envoy: &Envoy| envoy.get("/").header("x-version");

    let mut envoy = add_response_header(bare(&echo), "one")
        .workers(2)
        .start_dynamic();
    assert_eq!(version(&envoy), ["one"]);

    let Update::Rejected { log } =
        envoy.update(&add_response_header(bare(&echo), "%NO_SUCH_COMMAND%"))
    else {
        panic!("the update was accepted");
    };
    assert!(log.contains("NO_SUCH_COMMAND"), "{log}");
    assert_eq!(version(&envoy), ["one"]);

    let accepted = envoy.update(&add_response_header(bare(&echo), "two"));
    assert!(matches!(accepted, Update::Accepted), "{accepted:?}");
    assert_eq!(version(&envoy), ["two"]);
}
