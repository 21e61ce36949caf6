//! Network filters.

use super::module;
use crate::{Behind, End, Envoy, FailurePolicy, TcpClient, Tls};
use std::time::Duration;

/// Holds what a client sends until there are five bytes, and closes on ten; holds what an upstream sends until there are three.
const FIVE: &str = r#"
    (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
    (func (export "proxy_on_new_connection") (param i32) (result i32) (i32.const 1))
    (func (export "proxy_on_downstream_data") (param i32) (param $size i32) (param $end i32) (result i32)
        (if (i32.ge_u (local.get $size) (i32.const 10)) (then (drop (call $close (i32.const 2)))))
        (i32.lt_u (local.get $size) (i32.const 5)))
    (func (export "proxy_on_upstream_data") (param i32) (param $size i32) (param $end i32) (result i32)
        (i32.lt_u (local.get $size) (i32.const 3)))"#;

#[test]
fn data_is_held_and_let_go() {
    let module = module(FIVE);
    let envoy = Envoy::builder(&module)
        .behind(Behind::TcpProxyOnData)
        .build()
        .unwrap();
    let mut connection = envoy.worker(0).tcp(&TcpClient::new());
    assert!(!connection.is_passed());
    let steps: [(&str, &str, usize); 4] = [
        ("ab", "", 2),
        ("cd", "", 4),
        ("e", "abcde", 0),
        ("fghij", "abcdefghij", 0),
    ];
    for (sent, upstream, held) in steps {
        assert_eq!(connection.send(sent, false), upstream.as_bytes(), "{sent}");
        assert_eq!(connection.held(), held, "{sent}");
    }
    assert!(connection.is_passed());
    assert_eq!(connection.receive("12", false), b"");
    assert_eq!(connection.receive("3", false), b"123");
    assert_eq!((connection.closed(), connection.end()), (None, None));
    connection.send("0123456789", false);
    assert_eq!(connection.closed(), Some("wasm_downstream_close"));
    assert_eq!(connection.end(), Some(End::Local));
    assert_eq!(connection.upstream(), b"abcdefghij");
    // Nothing comes of what is sent after that, and the context is not called again.
    let called = connection.callbacks();
    assert_eq!(connection.receive("4567", true), b"123");
    assert_eq!(connection.send("k", true), b"abcdefghij");
    connection.close();
    assert_eq!(connection.callbacks(), called);
    let names: Vec<_> = called.iter().map(|callback| callback.name).collect();
    let count = names.iter().filter(|name| name.ends_with("_data")).count();
    assert_eq!(count, 7, "{names:?}");
}

/// `tcp_proxy` reads nothing of a connection that it does not have.
#[test]
fn what_is_behind_says_what_is_read() {
    let cases = [
        (Behind::TcpProxy, 0, 5, None),
        (Behind::TcpProxyOnData, 5, 0, None),
        (Behind::Http, 5, 0, Some(End::Remote)),
    ];
    let module = module(FIVE);
    for (behind, upstream, unread, end) in cases {
        let envoy = Envoy::builder(&module).behind(behind).build().unwrap();
        let mut connection = envoy.worker(0).tcp(&TcpClient::new());
        connection.send("hello", true);
        let seen = (
            connection.upstream().len(),
            connection.unread(),
            connection.end(),
        );
        assert_eq!(seen, (upstream, unread, end), "{behind:?}");
    }
}

/// Each side ends by itself, and the connection when both have.
#[test]
fn both_sides_end() {
    let module = module("");
    let envoy = Envoy::builder(&module).build().unwrap();
    for client_first in [true, false] {
        let mut connection = envoy.worker(0).tcp(&TcpClient::new());
        let mut first = |client: bool| match client {
            true => connection.send("bye", true),
            false => connection.receive("bye", true),
        };
        assert_eq!(first(client_first), b"bye");
        assert_eq!(first(!client_first), b"bye");
        // By the last of them.
        let end = if client_first {
            End::Local
        } else {
            End::Remote
        };
        assert_eq!(connection.end(), Some(end), "{client_first}");
        assert!(connection.upstream_ended() && connection.downstream_ended());
    }
    let mut connection = envoy.worker(0).tcp(&TcpClient::new());
    connection.send("bye", true);
    assert_eq!(connection.end(), None);
    connection.close_locally();
    assert_eq!(connection.end(), Some(End::Local));
}

/// Reads the version and the server name when the connection comes, if the first byte of the configuration says so, and with data; logs both.
const READS: &str = r#"
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_buffer_status" (func $size (param i32 i32 i32) (result i32)))
    (data (i32.const 0) "connection\00tls_version")
    (data (i32.const 50) "connection\00requested_server_name")
    (data (i32.const 100) "nothing")
    (global $early (mut i32) (i32.const 0))
    (func $show (param $path i32) (param $size i32)
        (i32.store (i32.const 204) (i32.const 0))
        (if (call $get (local.get $path) (local.get $size) (i32.const 200) (i32.const 204))
            (then (drop (call $log (i32.const 2) (i32.const 100) (i32.const 7))))
            (else (drop (call $log (i32.const 2) (i32.load (i32.const 200)) (i32.load (i32.const 204)))))))
    (func (export "proxy_on_configure") (param i32) (param $size i32) (result i32)
        (global.set $early (local.get $size)) (i32.const 1))
    (func (export "proxy_on_new_connection") (param i32) (result i32)
        (if (global.get $early) (then (call $show (i32.const 0) (i32.const 22)) (call $show (i32.const 50) (i32.const 32))))
        (i32.const 0))
    (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32)
        (call $show (i32.const 0) (i32.const 22)) (i32.const 0))"#;

/// What Envoy shows of TLS before the handshake is over, and after.
#[test]
fn tls_and_when_it_is_known() {
    let tls = || Tls {
        version: "TLSv1.3".to_owned(),
        server_name: "a.test".to_owned(),
        ..Tls::default()
    };
    let cases = [
        (
            "plain",
            TcpClient::new(),
            "early",
            vec!["nothing", "", "nothing"],
        ),
        (
            "asked early, it is made up and stays",
            TcpClient::new().tls(tls()),
            "early",
            vec!["TLSv1.2", "", "TLSv1.2"],
        ),
        (
            "asked late",
            TcpClient::new().tls(tls()),
            "",
            vec!["TLSv1.3"],
        ),
        (
            "with the listener filter",
            TcpClient::new().tls(tls()).server_name("a.test"),
            "early",
            vec!["TLSv1.2", "a.test", "TLSv1.2"],
        ),
    ];
    let module = module(READS);
    for (name, client, early, expected) in cases {
        let envoy = Envoy::builder(&module)
            .configuration(early)
            .build()
            .unwrap();
        let mut connection = envoy.worker(0).tcp(&client);
        connection.send("hi", false);
        assert_eq!(super::texts(&envoy), expected, "{name}");
    }
}

/// Traps with the first data.
const TRAPS: &str =
    r#"(func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32) (unreachable))"#;

#[test]
fn a_trap_closes_what_its_vm_had() {
    let module = module(TRAPS);
    for (policy, passes, later) in [
        (FailurePolicy::FailClosed, false, false),
        (FailurePolicy::FailOpen, true, true),
        (FailurePolicy::FailReload, false, true),
    ] {
        let envoy = Envoy::builder(&module)
            .failure_policy(policy)
            .build()
            .unwrap();
        let mut other = envoy.worker(0).tcp(&TcpClient::new());
        let mut connection = envoy.worker(0).tcp(&TcpClient::new());
        assert_eq!(connection.send("hi", false), b"", "{policy:?}");
        assert_eq!(connection.end(), Some(End::Local), "{policy:?}");
        other.receive("ho", false);
        assert_eq!(other.end(), Some(End::Local), "{policy:?}");
        let next = envoy.worker(0).tcp(&TcpClient::new());
        assert_eq!(next.is_passed(), passes, "{policy:?}");
        envoy.advance(Duration::from_secs(2));
        let next = envoy.worker(0).tcp(&TcpClient::new());
        assert_eq!(next.is_passed(), later, "{policy:?}");
    }
}

/// Sets the filter state that `tcp_proxy` reads its idle time from, of 100 ms.
const TELLS: &str = r#"
    (import "env" "proxy_call_foreign_function" (func $call (param i32 i32 i32 i32 i32 i32) (result i32)))
    (data (i32.const 0) "set_envoy_filter_state")
    (data (i32.const 100) "\0a\2eenvoy.tcp_proxy.per_connection_idle_timeout_ms\12\03100")
    (func (export "proxy_on_new_connection") (param i32) (result i32)
        (call $call (i32.const 0) (i32.const 22) (i32.const 100) (i32.const 53) (i32.const 0) (i32.const 0)))"#;

/// `tcp_proxy` closes what has been idle for as long as a filter has told it.
#[test]
fn an_idle_time_that_tcp_proxy_is_told() {
    let module = module(TELLS);
    for (behind, closed) in [
        (Behind::TcpProxy, Some("tcp_session_idle_timeout")),
        (Behind::Http, None),
    ] {
        let envoy = Envoy::builder(&module).behind(behind).build().unwrap();
        let mut connection = envoy.worker(0).tcp(&TcpClient::new());
        for _ in 0..3 {
            envoy.advance(Duration::from_millis(99));
            assert_eq!(connection.end(), None, "{behind:?}");
            connection.receive("x", false);
        }
        envoy.advance(Duration::from_millis(100));
        assert_eq!(connection.closed(), closed, "{behind:?}");
    }
}
