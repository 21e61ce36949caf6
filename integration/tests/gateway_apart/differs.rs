//! What differs between the gateway and separate modules, and is meant to; its README lists it.

use super::pair::{Endpoints, Pair};
use super::service::{Asked, Does, Service};
use gatehouse_integration::{Echo, Envoy, log::plugin_messages};

/// An expression about what `auth` has changed after its wait has no outcome in the gateway, and `headers` denies the
/// request. Who denied it is said as the module itself would say it.
#[test]
fn an_expression_after_a_wait() {
    const FILTERS: &str = r#"
- auth:
    providers:
      opaque: {introspection: {cluster: service, uri: "https://idp.test/i", client_id: gateway, client_secret: "${env:DEV_KEY}", timeout: 20s, cache: {positive: 1h, negative: 1h}}}
    rules: [{require: opaque}]
    forward: {consumer_header: x-consumer}
- headers:
    rules:
    - {match: {when: "request.headers['x-consumer'] == 'ann'"}, request: [{set: {name: x-seen, value: ann}}]}
"#;
    let echo = Echo::start();
    let service = Service::start(|_: &Asked| Does::json(r#"{"active":true,"sub":"ann"}"#));
    let to = Endpoints {
        service: Some(service.address()),
        ..Endpoints::of(&echo)
    };
    let pair = Pair::start(FILTERS, to, |_| {});
    let send = |envoy: &Envoy| {
        let request = envoy.request("GET", "/").header("x-case", "when");
        let request = request.header("x-consumer", "root");
        request.header("authorization", "Bearer ann").send().status
    };
    assert_eq!(pair.each(send), (200, 500));
    let (apart, fused) = pair.each(|envoy| envoy.await_log("STREAM when", 1));
    assert!(apart[0].contains(" denial=- consumer=ann "), "{apart:?}");
    assert!(
        fused[0].contains(" 500 gatehouse.headers.host_error ")
            && fused[0].contains(" denial=headers.host_error consumer=ann "),
        "{fused:?}"
    );
    let (_, said) = pair.each(|envoy| plugin_messages(&envoy.log()));
    let denied = said
        .iter()
        .filter(|line| line.starts_with("gatehouse headers: request denied: "));
    assert_eq!(denied.count(), 1, "{said:?}");
    // The token is known now, and nobody waits.
    assert_eq!(pair.both("known", send), 200);
}
