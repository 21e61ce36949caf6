//! Each call is made as often as was asked for.

use super::*;
use gatehouse_host::Exchange;
use gatehouse_host_fake::FakeHost;

#[test]
fn as_many_calls_as_asked_for() {
    let cases: [(&str, &[&str]); 9] = [
        ("headers", &["proxy_get_header_map_pairs"]),
        ("set", &["proxy_replace_header_map_value"]),
        ("remove", &["proxy_remove_header_map_value"]),
        ("property", &["proxy_get_property"]),
        ("set_property", &["proxy_set_property"]),
        ("clock", &["proxy_get_current_time_nanoseconds"]),
        (
            "shared",
            &["proxy_get_shared_data", "proxy_set_shared_data"],
        ),
        ("count", &["proxy_increment_metric"]),
        ("expression", &["proxy_call_foreign_function"]),
    ];
    for (call, expected) in cases {
        let host = FakeHost::default();
        host.expression_is(
            "request.method == 'GET' && request.path.startsWith('/')",
            Some(true),
        );
        let configuration = format!("{{\"call\": \"{call}\", \"times\": 3}}");
        let filter = Filter::configure(configuration.as_bytes(), &|_| None, &host).unwrap();
        host.begin([(":path", &b"/"[..])]);
        let before = host.calls();
        let mut exchange = Exchange::default();
        let verdict = filter.request(&mut Request::new(&host, &mut exchange), &mut ());
        assert!(matches!(verdict, Ok(Verdict::Continue)), "{call}");
        let mut made: Vec<_> = host
            .calls()
            .into_iter()
            .map(|(name, count)| (name, count - before.get(name).copied().unwrap_or(0)))
            .filter(|(_, count)| *count > 0)
            .collect();
        made.sort_unstable();
        let mut expected: Vec<_> = expected.iter().map(|name| (*name, 3)).collect();
        expected.sort_unstable();
        assert_eq!(made, expected, "{call}");
    }
}
