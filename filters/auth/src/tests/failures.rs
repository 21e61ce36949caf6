//! A host that fails: never a reason to let somebody in.

use super::*;
use gatehouse_host::Status;

const CALLS: &[&str] = &[
    "proxy_get_header_map_pairs",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_set_property",
    "proxy_get_current_time_nanoseconds",
];

fn gate(mode: &str) -> Gate {
    let providers = format!("{PARTNERS}{}", sso("algorithms: [RS256, HS256]"));
    let rest = format!(
        "
mode: {mode}
rules:
- {{match: {{path: {{prefix: /local}}, client_ip: [10.0.0.0/8]}}, allow: anonymous}}
- {{require: {{any_of: [partners, sso]}}}}
forward: {{consumer_header: x-consumer}}
"
    );
    Gate::new(&providers, &rest)
}

/// A request that needs the call.
fn send(gate: &Gate, call: &str) -> Result<Verdict> {
    let bearer = format!("Bearer {}", token("hs256"));
    match call {
        "proxy_get_property" => gate.try_send("/local", &[]),
        "proxy_get_current_time_nanoseconds" => {
            gate.try_send("/", &[("authorization", bearer.as_bytes())])
        }
        _ => gate.try_send("/", &[("x-api-key", b"acme-key-1")]),
    }
}

#[test]
fn each_call_that_fails_is_a_denial() {
    for call in CALLS.iter().copied().chain(["proxy_get_property"]) {
        for status in [
            Status::Code(1),
            Status::Code(2),
            Status::Code(10),
            Status::Malformed,
        ] {
            let gate = gate("enforce");
            gate.host.fail(call, status);
            let error = send(&gate, call).unwrap_err();
            assert_eq!((error.call, error.status), (call, status));
        }
    }
}

#[test]
fn in_report_mode_it_is_counted_and_logged() {
    for call in [
        "proxy_get_header_map_pairs",
        "proxy_set_property",
        "proxy_get_property",
    ] {
        let gate = gate("report");
        gate.host.fail(call, Status::Code(10));
        assert_eq!(send(&gate, call), Ok(Verdict::Continue), "{call}");
        let counted = gate.host.counters()["gatehouse.auth.would_deny.reason.host_error"];
        assert_eq!(counted, 1, "{call}");
        let line = format!("Error: auth: would deny: {call} answered status 10");
        assert_eq!(gate.host.log_lines(), [line]);
    }
}

#[test]
fn what_cannot_be_counted_is_decided_all_the_same() {
    let gate = gate("enforce");
    gate.host.fail("proxy_increment_metric", Status::Code(10));
    assert_eq!(gate.outcome("/", &[("x-api-key", b"acme-key-1")]), "acme");
    assert_eq!(
        gate.outcome("/", &[("x-api-key", b"nobodys")]),
        "key_unknown"
    );
}

#[test]
fn a_metric_that_cannot_be_defined_keeps_the_filter_from_starting() {
    let config = load("rules: [{allow: anonymous}]").unwrap();
    let host = FakeHost::default();
    host.fail("proxy_define_metric", Status::Code(10));
    let error = Filter::new(config, &host).err().unwrap();
    assert_eq!(
        error.to_string(),
        "cannot start: proxy_define_metric answered status 10"
    );
}
