//! The provider `ext_authz`: what is asked, what is decided, what is sent on, and what is remembered.

use super::*;
use gatehouse_host::{CalloutId, Status, Timestamp};
use std::time::Duration;

const OK: &[(&str, &[u8])] = &[(":status", b"200")];
const NO: &[(&str, &[u8])] = &[(":status", b"403")];

fn gate(options: &str) -> Gate {
    gate_with(options, "rules: [{require: opa}]")
}

fn gate_with(options: &str, rest: &str) -> Gate {
    Gate::new(
        &format!("opa:\n  ext_authz:\n    cluster: opa\n{options}"),
        rest,
    )
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const CACHE: &str = "    cache: {ttl: 30s, negative_ttl: 5s}";

impl Gate {
    /// A request arrives, is asked about, and answered so.
    fn decided(
        &self,
        path: &str,
        headers: &[(&str, &[u8])],
        answer: &[(&str, &[u8])],
    ) -> waiting::Client {
        let mut client = self.arrives(1, path, headers);
        assert_eq!(client.outcome, "waits");
        assert_eq!(
            self.answer_callout(self.only_callout().id, answer, "sorry"),
            [1]
        );
        self.again(&mut client);
        client
    }

    /// A request arrives that need not be asked about.
    fn unasked(&self, path: &str, headers: &[(&str, &[u8])]) -> String {
        let client = self.arrives(9, path, headers);
        assert_eq!(self.host.take_callouts(), []);
        client.outcome
    }
}

#[test]
fn what_is_asked() {
    let options = "
    path_prefix: /check
    timeout: 300ms
    headers: {send: [Authorization, cookie, x-api-key], add: {x-gateway: edge}}";
    let gate = gate(options);
    let client = gate.arrives(
        1,
        "/a/b?c=%20d",
        &[
            (":method", b"POST"),
            ("cookie", b"a=1"),
            ("cookie", b"b=\xff"),
            ("authorization", b"Bearer t"),
            ("content-length", b"1000"),
            ("connection", b"close"),
            ("x-gateway", b"forged"),
            ("x-other", b"1"),
        ],
    );
    assert_eq!(client.outcome, "waits");
    let sent = gate.only_callout().callout;
    assert_eq!(
        (sent.cluster.as_str(), sent.timeout),
        ("opa", Duration::from_millis(300))
    );
    assert_eq!(sent.body, b"");
    let text = |(name, value): &(String, Vec<u8>)| format!("{name}: {}", value.escape_ascii());
    let headers: Vec<_> = sent.headers.iter().map(text).collect();
    assert_eq!(
        headers,
        [
            ":method: POST",
            ":path: /check/a/b?c=%20d",
            ":authority: gatehouse.test",
            "content-length: 0",
            "authorization: Bearer t",
            "cookie: a=1",
            "cookie: b=\\xff",
            "x-gateway: edge",
        ]
    );
}

#[test]
fn by_default_the_path_as_it_is_and_the_authorization() {
    let gate = gate("");
    gate.arrives(1, "/a", &[("authorization", b"x"), ("cookie", b"a=1")]);
    let sent = gate.only_callout();
    assert_eq!(sent.callout.timeout, Duration::from_millis(200));
    assert_eq!(sent.header(":path"), "/a");
    assert_eq!(sent.header("authorization"), "x");
    assert_eq!(sent.header("cookie"), "");
}

/// Neither does `on_error: allow` let them pass: the client could bring it about.
#[test]
fn requests_that_nobody_can_be_asked_about() {
    let many = vec![("cookie", &b"a=1"[..]); 1000];
    let long = vec![b'x'; 600 * 1024];
    type Case<'c> = (&'c str, &'c str, Vec<(&'c str, &'c [u8])>);
    let cases: [Case<'_>; 4] = [
        ("a tunnel", "/", vec![(":method", b"CONNECT")]),
        ("no path", "*", vec![(":method", b"OPTIONS")]),
        ("a thousand headers", "/", many),
        ("half a megabyte", "/", vec![("cookie", &long)]),
    ];
    for (name, path, headers) in cases {
        let gate = gate("    headers: {send: [cookie]}\n    on_error: allow");
        let outcome = gate.unasked(path, &headers);
        let refused = ["decision_failed", "path_ambiguous"].contains(&outcome.as_str());
        assert!(refused, "{name}: {outcome}");
    }
}

#[test]
fn what_is_decided() {
    type Case<'c> = (&'c str, &'c [(&'c str, &'c [u8])], &'c str, u16);
    let cases: [Case<'_>; 17] = [
        ("yes", OK, "opa", 200),
        ("no", NO, "decision_denied", 403),
        (
            "who are you",
            &[(":status", b"401")],
            "decision_denied",
            401,
        ),
        (
            "nothing there",
            &[(":status", b"404")],
            "decision_denied",
            404,
        ),
        ("too many", &[(":status", b"429")], "decision_denied", 429),
        ("elsewhere", &[(":status", b"302")], "decision_denied", 302),
        (
            "not modified",
            &[(":status", b"304")],
            "decision_denied",
            403,
        ),
        ("created", &[(":status", b"201")], "decision_denied", 403),
        ("no content", &[(":status", b"204")], "decision_denied", 403),
        ("switching", &[(":status", b"101")], "decision_denied", 403),
        ("500", &[(":status", b"500")], "decision_failed", 503),
        (
            "Envoy's own",
            &[(":status", b"503")],
            "decision_failed",
            503,
        ),
        ("timed out", &[(":status", b"504")], "decision_failed", 503),
        ("beyond", &[(":status", b"999")], "decision_failed", 503),
        ("reset", &[], "decision_failed", 503),
        ("no status", &[("x", b"1")], "decision_failed", 503),
        (
            "two",
            &[(":status", b"200"), (":status", b"200")],
            "decision_failed",
            503,
        ),
    ];
    for (name, answer, outcome, status) in cases {
        for options in ["", CACHE] {
            let gate = gate(options);
            let client = gate.decided("/", &[], answer);
            assert_eq!(client.outcome, outcome, "{name}");
            let got = client.reply.map_or(200, |reply| reply.status);
            assert_eq!(got, status, "{name}");
            let failed = u64::from(outcome == "decision_failed");
            assert_eq!(gate.counted("callouts_failed", "opa"), failed, "{name}");
            let lines = gate.host.log_lines().len() as u64;
            assert_eq!(lines, failed, "{name}");
        }
    }
}

#[test]
fn what_the_client_gets_to_see_of_a_denial() {
    let gate = gate("    headers: {to_client_on_denial: [www-authenticate, location, set-cookie]}");
    let client = gate.decided(
        "/",
        &[],
        &[
            (":status", b"302"),
            ("location", b"https://login.example/?a=b"),
            ("set-cookie", b"a=1"),
            ("set-cookie", b"b=2"),
            ("www-authenticate", b"x\r\ny: z"),
            ("content-type", b"text/plain"),
            ("content-length", b"5"),
            ("server", b"opa"),
        ],
    );
    let reply = client.reply.unwrap();
    let text = |(name, value): &(String, Vec<u8>)| format!("{name}: {}", value.escape_ascii());
    let headers: Vec<_> = reply.headers.iter().map(text).collect();
    assert_eq!(
        headers,
        [
            "location: https://login.example/?a=b",
            "set-cookie: a=1",
            "set-cookie: b=2",
            "content-type: text/plain",
        ]
    );
    assert_eq!((reply.status, reply.body.as_slice()), (302, &b"sorry"[..]));
    assert_eq!(reply.grpc_status, Some(7));
    assert_eq!(reply.details, "gatehouse.auth.decision_denied");
}

/// A session that begins with a denial is one client's. With it, another could be made to log in for
/// whoever asked first.
#[test]
fn a_cookie_of_a_denial_is_for_one_client() {
    let gate = gate(
        "    headers: {to_client_on_denial: [location, set-cookie]}\n    cache: {negative_ttl: 1h}",
    );
    let mut clients: Vec<_> = (1..=3)
        .map(|number| gate.arrives(number, "/", &[]))
        .collect();
    let login: &[(&str, &[u8])] = &[
        (":status", b"302"),
        ("location", b"https://login.example/"),
        ("set-cookie", b"session=1"),
    ];
    assert_eq!(
        gate.answer_callout(gate.only_callout().id, login, ""),
        [1, 2, 3]
    );
    let mut cookies = Vec::new();
    for client in &mut clients {
        gate.again(client);
        assert_eq!(client.outcome, "decision_denied");
        let reply = client.reply.take().unwrap();
        assert_eq!(reply.status, 302);
        let names = reply.headers.iter().map(|(name, _)| name.as_str());
        cookies.push(names.filter(|name| *name == "set-cookie").count());
    }
    assert_eq!(cookies, [1, 0, 0]);
    // Nor is it remembered for who comes later.
    assert_eq!(gate.arrives(4, "/", &[]).outcome, "waits");
    assert_eq!(gate.answer_callout(gate.only_callout().id, login, ""), [4]);
}

#[test]
fn a_body_that_is_too_long_for_the_client() {
    let gate = gate("");
    let mut client = gate.arrives(1, "/", &[]);
    gate.answer_callout(gate.only_callout().id, NO, vec![b'x'; (64 << 10) + 1]);
    gate.again(&mut client);
    let reply = client.reply.unwrap();
    assert_eq!(
        (reply.status, reply.body.len(), reply.headers.len()),
        (403, 0, 0)
    );
}

#[test]
fn its_own_denial_comes_as_it_is_and_a_failure_as_all_others() {
    let gate = gate_with(
        "    status_on_error: 500",
        "rules: [{require: opa}]\ndenial: {headers: {x-a: b}, body: text}",
    );
    let reply = gate.decided("/", &[], NO).reply.unwrap();
    assert_eq!(
        (reply.headers.len(), reply.body.as_slice()),
        (0, &b"sorry"[..])
    );
    let reply = gate
        .decided("/", &[], &[(":status", b"500")])
        .reply
        .unwrap();
    assert_eq!(reply.status, 500);
    assert_eq!(
        String::from_utf8_lossy(&reply.body),
        "500 Internal Server Error: the credential cannot be checked now\n"
    );
    assert!(reply.headers.contains(&("x-a".to_owned(), b"b".to_vec())));
}

#[test]
fn what_the_upstream_gets() {
    let options = "
    headers: {to_upstream: [x-user, x-plan]}
    consumer: {header: x-user}";
    let rest = "
rules:
- {match: {path: {prefix: /public}}, allow: anonymous}
- {require: opa}";
    let gate = gate_with(options, rest);
    let forged: &[(&str, &[u8])] = &[
        ("x-user", b"forged"),
        ("x_user", b"forged"),
        ("x-plan", b"forged"),
        ("connection", b"x-plan, close"),
        ("x-other", b"1"),
    ];
    let client = gate.decided(
        "/",
        forged,
        &[(":status", b"200"), ("x-user", b"ann"), ("x-else", b"1")],
    );
    assert_eq!(client.outcome, "ann");
    assert_eq!(
        gate.upstream(),
        pairs(&[
            (":path", "/"),
            ("x-other", "1"),
            ("x-user", "ann"),
            ("connection", "close")
        ])
    );
    assert_eq!(gate.unasked("/public", forged), "anonymous");
    assert_eq!(
        gate.upstream(),
        pairs(&[
            (":path", "/public"),
            ("x-other", "1"),
            ("connection", "close")
        ])
    );
}

#[test]
fn a_token_for_another() {
    let gate =
        gate("    headers: {send: [authorization], to_upstream: [authorization]}\n    cache: {}");
    let answer: &[(&str, &[u8])] = &[(":status", b"200"), ("authorization", b"Bearer inner")];
    let headers: &[(&str, &[u8])] = &[("authorization", b"Bearer outer")];
    assert_eq!(gate.decided("/", headers, answer).outcome, "opa");
    let expected = pairs(&[(":path", "/"), ("authorization", "Bearer inner")]);
    assert_eq!(gate.upstream(), expected);
    assert_eq!(gate.unasked("/", headers), "opa");
    assert_eq!(gate.upstream(), expected, "remembered");
}

#[test]
fn a_yes_that_cannot_be_used() {
    let long = vec![b'x'; 16 * 1024 + 1];
    type Case<'c> = (&'c str, Vec<(&'c str, &'c [u8])>, &'c str);
    let cases: [Case<'_>; 10] = [
        ("no name", vec![], "the consumer's header is missing"),
        (
            "empty name",
            vec![("x-user", b"")],
            "the consumer's header is missing",
        ),
        (
            "two names",
            vec![("x-user", b"a"), ("x-user", b"a")],
            "the consumer's header is there twice",
        ),
        (
            "name not UTF-8",
            vec![("x-user", b"\xff")],
            "the consumer's name is not UTF-8",
        ),
        (
            "name with a line break",
            vec![("x-user", b"a\nb")],
            "the consumer's name cannot be sent on",
        ),
        (
            "name with a space before",
            vec![("x-user", b" a")],
            "the consumer's name cannot be sent on",
        ),
        (
            "line break",
            vec![("x-user", b"a"), ("x-plan", b"a\r\nb: c")],
            "a value that cannot be sent on",
        ),
        (
            "NUL",
            vec![("x-user", b"a"), ("x-plan", b"a\0")],
            "a value that cannot be sent on",
        ),
        (
            "too long",
            vec![("x-user", b"a"), ("x-plan", &long)],
            "a value that cannot be sent on",
        ),
        (
            "twice",
            vec![("x-user", b"a"), ("x-plan", b"1"), ("x-plan", b"2")],
            "two values for one upstream header",
        ),
    ];
    for (name, headers, why) in cases {
        let gate = gate(
            "    headers: {to_upstream: [x-plan]}\n    consumer: {header: x-user}\n    cache: {}",
        );
        let answer: Vec<_> = OK.iter().copied().chain(headers).collect();
        assert_eq!(
            gate.decided("/", &[], &answer).outcome,
            "decision_failed",
            "{name}"
        );
        let line = format!("Warn: auth: provider opa: callouts fail: {why}");
        assert_eq!(gate.host.log_lines(), [line], "{name}");
        assert_eq!(gate.arrives(1, "/", &[]).outcome, "waits", "{name}");
    }
}

#[test]
fn a_consumer_of_a_fixed_name() {
    let gate = gate("    consumer: {name: employees}");
    assert_eq!(gate.decided("/", &[], OK).outcome, "employees");
}

#[test]
fn for_which_requests_a_decision_holds() {
    type Ask<'a> = (&'a str, Vec<(&'a str, &'a [u8])>);
    let ann = || ("authorization", &b"ann"[..]);
    type Case<'c> = (&'c str, &'c str, Ask<'c>, Ask<'c>, bool);
    let all = "{}";
    let by_user = "{key: [{header: authorization}]}";
    let cases: Vec<Case<'_>> = vec![
        (
            "the same",
            all,
            ("/a", vec![ann()]),
            ("/a", vec![ann()]),
            true,
        ),
        (
            "another path",
            all,
            ("/a", vec![ann()]),
            ("/b", vec![ann()]),
            false,
        ),
        (
            "another query",
            all,
            ("/a", vec![ann()]),
            ("/a?b", vec![ann()]),
            false,
        ),
        (
            "another method",
            all,
            ("/a", vec![ann()]),
            ("/a", vec![ann(), (":method", b"PUT")]),
            false,
        ),
        (
            "another host",
            all,
            ("/a", vec![ann()]),
            ("/a", vec![ann(), (":authority", b"b")]),
            false,
        ),
        (
            "another header that is not sent",
            all,
            ("/a", vec![ann()]),
            ("/a", vec![ann(), ("x", b"1")]),
            true,
        ),
        ("nobody", all, ("/a", vec![ann()]), ("/a", vec![]), false),
        (
            "nobody, and an empty name",
            all,
            ("/a", vec![]),
            ("/a", vec![("authorization", b"")]),
            false,
        ),
        (
            "two for one",
            all,
            ("/a", vec![ann()]),
            ("/a", vec![ann(), ann()]),
            false,
        ),
        (
            "one value for another",
            all,
            ("/a", vec![("authorization", b"x"), ("authorization", b"y")]),
            ("/a", vec![("authorization", b"y"), ("authorization", b"x")]),
            false,
        ),
        (
            "by user alone",
            by_user,
            ("/a", vec![ann()]),
            ("/b", vec![ann(), (":method", b"PUT")]),
            true,
        ),
        (
            "by another user",
            by_user,
            ("/a", vec![ann()]),
            ("/a", vec![("authorization", b"bob")]),
            false,
        ),
    ];
    for (name, cache, first, second, same) in cases {
        let gate = gate(&format!("    cache: {cache}"));
        gate.decided(first.0, &first.1, OK);
        let outcome = gate.arrives(2, second.0, &second.1).outcome;
        assert_eq!(outcome, if same { "opa" } else { "waits" }, "{name}");
    }
}

/// The values of one header are not those of the next.
#[test]
fn no_two_requests_have_one_key_by_chance() {
    let gate = gate("    headers: {send: [a, b]}\n    cache: {key: [{header: a}, {header: b}]}");
    let requests: [&[(&str, &[u8])]; 8] = [
        &[],
        &[("a", b"x")],
        &[("b", b"x")],
        &[("a", b"x"), ("b", b"y")],
        &[("a", b"xy")],
        &[("a", b"x"), ("a", b"y")],
        &[("a", b"x"), ("a", b"y"), ("b", b"z")],
        &[("a", b"x"), ("b", b"y"), ("b", b"z")],
    ];
    for (index, headers) in requests.into_iter().enumerate() {
        assert_eq!(gate.arrives(1, "/", headers).outcome, "waits", "{index}");
        assert_eq!(gate.host.take_callouts().len(), 1, "{index}");
    }
}

#[test]
fn for_how_long_a_decision_holds() {
    type Case<'c> = (&'c str, &'c [u8], Option<&'c [u8]>, u64);
    let cases: [Case<'_>; 10] = [
        ("yes", b"200", None, 30),
        ("no", b"403", None, 5),
        ("yes, for less", b"200", Some(b"max-age=10"), 10),
        ("yes, for longer", b"200", Some(b"max-age=50"), 50),
        ("yes, for ever", b"200", Some(b"max-age=5000"), 60),
        ("yes, once", b"200", Some(b"no-store"), 0),
        ("no, for less", b"403", Some(b"max-age=2"), 2),
        ("no, for longer", b"403", Some(b"max-age=50"), 5),
        ("no, once", b"403", Some(b"no-store"), 0),
        ("an error", b"500", Some(b"max-age=50"), 0),
    ];
    for (name, status, control, lasts) in cases {
        let gate = gate("    cache: {ttl: 30s, max_ttl: 60s, negative_ttl: 5s}");
        let control = control.map(|control| ("cache-control", control));
        let answer: Vec<_> = [(":status", status)].into_iter().chain(control).collect();
        let outcome = gate.decided("/", &[], &answer).outcome;
        if lasts > 0 {
            gate.host.advance(seconds(lasts) - Duration::from_nanos(1));
            assert_eq!(gate.unasked("/", &[]), outcome, "{name}");
            gate.host.advance(Duration::from_nanos(1));
        }
        assert_eq!(gate.arrives(1, "/", &[]).outcome, "waits", "{name}");
    }
}

#[test]
fn the_last_decision_counts() {
    let gate = gate("    cache: {ttl: 5s, negative_ttl: 60s}");
    assert_eq!(gate.decided("/", &[], NO).outcome, "decision_denied");
    gate.host.advance(seconds(60));
    assert_eq!(gate.decided("/", &[], OK).outcome, "opa");
    assert_eq!(gate.unasked("/", &[]), "opa");
    gate.host.advance(seconds(5));
    assert_eq!(gate.decided("/", &[], NO).outcome, "decision_denied");
    assert_eq!(gate.unasked("/", &[]), "decision_denied");
    // What was said at another time says nothing now.
    let start = gatehouse_host_fake::FakeHost::START;
    gate.host
        .set_now(Timestamp::from_nanos(start.as_nanos() - 1));
    assert_eq!(gate.arrives(1, "/", &[]).outcome, "waits");
}

#[test]
fn a_flood_of_denials_leaves_the_others() {
    let gate = gate("    cache: {size: 10}");
    assert_eq!(gate.decided("/good", &[], OK).outcome, "opa");
    for index in 0..200 {
        gate.decided(&format!("/{index}"), &[], NO);
    }
    assert_eq!(gate.unasked("/good", &[]), "opa");
    assert_eq!(gate.unasked("/199", &[]), "decision_denied");
    assert_eq!(gate.arrives(1, "/0", &[]).outcome, "waits");
}

#[test]
fn a_decision_that_is_remembered_costs_what_any_credential_does() {
    let gate = gate(CACHE);
    gate.decided("/", &[], OK);
    assert_eq!(gate.unasked("/", &[]), "opa");
    let expected = [
        ("proxy_get_current_time_nanoseconds", 1),
        ("proxy_get_header_map_pairs", 1),
        ("proxy_increment_metric", 1),
        ("proxy_set_property", 2),
    ];
    assert_eq!(gate.host.calls(), BTreeMap::from(expected));
    gate.decided("/no", &[], NO);
    assert_eq!(gate.unasked("/no", &[]), "decision_denied");
    let expected = [
        ("proxy_get_current_time_nanoseconds", 1),
        ("proxy_get_header_map_pairs", 1),
        ("proxy_increment_metric", 1),
    ];
    assert_eq!(gate.host.calls(), BTreeMap::from(expected));
}

#[test]
fn four_requests_on_one_flight_and_each_on_its_own_without_a_cache() {
    let with = gate(CACHE);
    let mut clients: Vec<_> = (1..=4).map(|n| with.arrives(n, "/", &[])).collect();
    let no_store: &[(&str, &[u8])] = &[(":status", b"200"), ("cache-control", b"no-store")];
    assert_eq!(with.answer_callout(CalloutId(99), OK, ""), [0_u32; 0]);
    assert_eq!(
        with.answer_callout(with.only_callout().id, no_store, ""),
        [1, 2, 3, 4]
    );
    for client in &mut clients {
        with.again(client);
        assert_eq!(client.outcome, "opa");
    }
    assert_eq!(with.arrives(5, "/", &[]).outcome, "waits");

    let without = gate("");
    let mut clients: Vec<_> = (1..=4).map(|n| without.arrives(n, "/", &[])).collect();
    let sent = without.host.take_callouts();
    assert_eq!(sent.len(), 4);
    assert_eq!(without.answer_callout(sent[2].id, NO, ""), [3]);
    without.again(&mut clients[2]);
    assert_eq!(clients[2].outcome, "decision_denied");
    assert_eq!(without.answer_callout(sent[0].id, OK, ""), [1]);
    without.again(&mut clients[0]);
    assert_eq!(clients[0].outcome, "opa");
}

#[test]
fn where_there_is_no_decision() {
    for (option, outcome) in [("deny", "decision_failed"), ("allow", "opa")] {
        let options = format!(
            "    on_error: {option}\n    max_in_flight: 2\n    consumer: {{header: x-user}}"
        );
        let gate = gate(&options);
        let allowed = u64::from(option == "allow");
        // Reset, never answered, too many, too long, not sent.
        let mut reset = gate.arrives(1, "/", &[]);
        let mut silent = gate.arrives(2, "/", &[]);
        let sent = gate.host.take_callouts();
        assert_eq!(
            gate.arrives(3, "/", &[]).outcome,
            outcome,
            "{option}: too many"
        );
        assert_eq!(gate.counted("callouts_refused", "opa"), 1);
        gate.answer_callout(sent[0].id, &[], "");
        gate.again(&mut reset);
        assert_eq!(reset.outcome, outcome, "{option}: reset");
        assert_eq!(gate.tick_after(Duration::from_millis(1_199)), [0_u32; 0]);
        assert_eq!(gate.tick_after(Duration::from_millis(1)), [2]);
        gate.again(&mut silent);
        assert_eq!(silent.outcome, outcome, "{option}: never answered");
        let mut waiting = gate.arrives(4, "/", &[]);
        gate.gives_up(&mut waiting);
        let over = if option == "deny" {
            "wait_timeout"
        } else {
            outcome
        };
        assert_eq!(waiting.outcome, over, "{option}: the wait is over");
        gate.host.fail("proxy_http_call", Status::Code(10));
        assert_eq!(
            gate.arrives(5, "/", &[]).outcome,
            outcome,
            "{option}: not sent"
        );
        assert_eq!(gate.counted("errors_allowed", "opa"), 5 * allowed);
        assert_eq!(gate.counted("callouts_failed", "opa"), 3);
        assert_eq!(gate.host.log_lines().len(), 1, "{option}");
    }
}

/// A service that says no is no error.
#[test]
fn with_allow_on_error_a_no_is_a_no() {
    let gate = gate("    on_error: allow");
    assert_eq!(gate.decided("/", &[], NO).outcome, "decision_denied");
    assert_eq!(gate.counted("errors_allowed", "opa"), 0);
}

#[test]
fn beside_others() {
    let providers = format!(
        "{PARTNERS}
opa:
  ext_authz: {{cluster: opa, headers: {{to_upstream: [x-plan]}}}}"
    );
    let key: &[(&str, &[u8])] = &[("x-api-key", b"acme-key-1")];
    let answer: &[(&str, &[u8])] = &[(":status", b"200"), ("x-plan", b"gold")];

    // All of them: one consumer, with the headers of both. The first that is not good is answered.
    let all = Gate::new(&providers, "rules: [{require: {all_of: [partners, opa]}}]");
    assert_eq!(
        all.unasked("/", &[]),
        "credential_missing",
        "nobody need be asked"
    );
    assert_eq!(all.decided("/", key, answer).outcome, "acme");
    assert_eq!(all.upstream(), pairs(&[(":path", "/"), ("x-plan", "gold")]));
    let client = all.decided("/", key, &[(":status", b"402")]);
    assert_eq!(client.outcome, "decision_denied");
    assert_eq!(client.reply.unwrap().status, 402);

    // Any of them: the first that is good; otherwise the reply of the first that was there and is not.
    let any = Gate::new(&providers, "rules: [{require: {any_of: [partners, opa]}}]");
    assert_eq!(any.unasked("/", key), "acme");
    assert_eq!(any.decided("/", &[], answer).outcome, "opa");
    let client = any.decided("/", &[], &[(":status", b"402")]);
    assert_eq!(client.reply.unwrap().status, 402, "no key was there");
    let client = any.decided("/", &[("x-api-key", b"wrong")], &[(":status", b"402")]);
    assert_eq!(
        (client.outcome.as_str(), client.reply.unwrap().status),
        ("key_unknown", 401)
    );
}

#[test]
fn mistakes() {
    let cases = [
        ("{}", "cluster: required, but missing"),
        (
            "{cluster: o, path_prefix: check/, timeout: 2m, status_on_error: 200, max_in_flight: 0, on_error: stale}",
            "path_prefix: \"check/\" cannot stand before a path (such as \"/check\", without \"/\" at its end)\non_error: unknown word \"stale\" (known: deny, allow)",
        ),
        (
            "{cluster: o, timeout: 2m, status_on_error: 200, max_in_flight: 0}",
            "timeout: is more than 1m\nmax_in_flight: must be 1 to 1000\nstatus_on_error: 200 is not the status of a denial: 400 to 599",
        ),
        (
            "{cluster: o, path_prefix: '/a?b'}",
            "path_prefix: \"/a?b\" cannot stand before a path (such as \"/check\", without \"/\" at its end)",
        ),
        (
            "{cluster: o, headers: {send: [te, ':path'], add: {host: a}}}",
            "headers.send[1]: \":path\" is a pseudo-header, which cannot stand here",
        ),
        (
            "{cluster: o, headers: {send: [te, cookie], add: {host: a}, to_upstream: [connection, cookie, host], to_client_on_denial: [content-length]}}",
            "headers.send: te cannot stand here\nheaders.add: host cannot stand here\nheaders.to_upstream: connection cannot stand here\nheaders.to_upstream: cookie cannot stand here\nheaders.to_upstream: host cannot stand here\nheaders.to_client_on_denial: content-length cannot stand here",
        ),
        (
            "{cluster: o, headers: {add: {authorization: a}}}",
            "headers.add.authorization: is in send too, so the client could send another",
        ),
        (
            "{cluster: o, consumer: {}}",
            "consumer: empty, but needs one of header, name",
        ),
        (
            "{cluster: o, headers: {send: [authorization, cookie]}, cache: {key: [{header: authorization}, path]}}",
            "cache.key: has no cookie, which the service gets: what it says of one client would hold for another (add {header: cookie}, or, where the decision does not depend on it, add it to ignore)",
        ),
        (
            "{cluster: o, cache: {key: [{header: authorization}], ignore: [authorization, x]}}",
            "cache.ignore[0]: authorization is in key\ncache.ignore[1]: x is not in headers.send",
        ),
        (
            "{cluster: o, cache: {key: [query], size: 1}}",
            "cache.key[0]: unknown word \"query\" (known: header, path, method, host)",
        ),
        (
            "{cluster: o, cache: {key: []}}",
            "cache.key: empty, but needs at least one element",
        ),
        (
            "{cluster: o, cache: {ttl: 2d, negative_ttl: 2d, size: 1, bytes: 1GiB}}",
            "cache.ttl: is more than 1d\ncache.max_ttl: is more than 1d\ncache.negative_ttl: is more than 1d\ncache.size: must be 0, or 2 to 100000\ncache.bytes: must be 64KiB to 256MiB",
        ),
        (
            "{cluster: o, cache: {ttl: 30s, max_ttl: 10s}}",
            "cache.max_ttl: is less than ttl, 30s",
        ),
    ];
    for (options, expected) in cases {
        let yaml = format!("providers: {{o: {{ext_authz: {options}}}}}\nrules: [{{require: o}}]");
        let problems = load(&yaml)
            .err()
            .unwrap_or_else(|| panic!("accepted: {options}"));
        let expected: Vec<_> = expected
            .lines()
            .map(|line| format!("providers.o.ext_authz.{line}"))
            .collect();
        assert_eq!(problems, expected.join("\n"), "{options}");
    }
}

#[test]
fn headers_that_two_write_and_headers_that_are_forged() {
    let yaml = "
providers:
  o: {ext_authz: {cluster: o, headers: {send: [authorization, x_user], to_upstream: [x-plan, x-user]}}}
rules: [{require: o}]
forward: {consumer_header: x-user, claim_headers: [{claim: plan, header: x.plan}]}";
    assert_eq!(
        load(yaml).err().unwrap(),
        "providers.o.ext_authz.headers.to_upstream[0]: x-plan is an identity header, which forward writes too
providers.o.ext_authz.headers.to_upstream[1]: x-user is an identity header, which forward writes too
providers.o.ext_authz.headers.send[1]: x_user is an identity header: what a client sends there is not to be believed"
    );
}
