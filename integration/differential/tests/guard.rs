//! connection-guard: the real module in the test kit and in Envoy, with the same connections.

use gatehouse_differential::connections::{TcpCase, compare, hello};
use gatehouse_testkit::Behind;

/// Who comes from the loopback address, and what they say, decides.
const RULES: &str = r#"{
    "rules": [
        {"name": "ssh", "match": {"protocol": ["ssh"]}, "action": "deny"},
        {"name": "secure", "match": {"sni": ["*.secure.example"], "alpn": ["h2"]}, "action": "allow"},
        {"name": "old", "match": {"tls_version": {"at_most": "TLSv1.1"}}, "action": "deny"},
        {"name": "internal", "match": {"sni": ["internal.example"]}, "action": "deny"},
        {"name": "slow", "match": {"protocol": ["redis"]}, "action": {"tarpit": {"delay": "6s"}}},
        {"name": "web", "match": {"protocol": ["http1", "http2"]}, "action": "allow"},
        {"name": "database", "match": {"protocol": ["postgresql"]}, "action": "allow", "cluster": "refused"}
    ],
    "default": "deny",
    "first_data": {"within": "20s", "max_size": "1KiB"},
    "denial_log": "none"
}"#;

fn ruled(name: &str) -> TcpCase {
    TcpCase::guard(name, RULES)
}

/// What is to be said by then has little time.
fn hasty(name: &str, configuration: &str) -> TcpCase {
    let hasty = configuration.replace(r#""within": "20s""#, r#""within": "3s""#);
    TcpCase::guard(name, &hasty)
}

fn limited(name: &str, limits: &str) -> TcpCase {
    let configuration =
        format!(r#"{{"default": "allow", "limits": {{{limits}}}, "denial_log": "none"}}"#);
    TcpCase::guard(name, &configuration).behind(Behind::TcpProxy)
}

#[test]
fn rules() {
    let source = |name: &str, source: &str, action: &str| {
        let other = if action == "deny" { "allow" } else { "deny" };
        let configuration = format!(
            r#"{{"rules": [{{"name": "who", "match": {{"source": ["{source}"]}}, "action": "{action}"}}], "default": "{other}"}}"#
        );
        TcpCase::guard(name, &configuration).behind(Behind::TcpProxy)
    };
    let good = hello("a.secure.example", "h2");
    let (start, rest) = good.split_at(7);
    let mut old = hello("a.test", "");
    old[10] = 1;
    compare(&[
        source("source-denied", "127.0.0.0/8", "deny").waits(50),
        source("source-allowed", "127.0.0.0/8", "allow")
            .sends("hi")
            .says("ho"),
        source("source-of-others", "10.0.0.0/8", "deny")
            .sends("hi")
            .says("ho"),
        source("source-default", "10.0.0.0/8", "allow").waits(50),
        ruled("sni").sends(&good).says("hello"),
        ruled("sni-in-pieces")
            .sends(start)
            .sends(rest)
            .says("hello"),
        ruled("sni-other").sends(hello("a.other.example", "h2")),
        ruled("sni-denied").sends(hello("internal.example", "h2")),
        ruled("alpn-other").sends(hello("a.secure.example", "http/1.1")),
        ruled("alpn-none").sends(hello("a.secure.example", "")),
        ruled("old-tls").sends(&old),
        ruled("http1")
            .sends("GET / HTTP/1.1\r\n")
            .says("HTTP/1.1 200 OK\r\n\r\n"),
        ruled("http1-in-pieces")
            .sends("GET / HT")
            .sends("TP/1.1\r\nhost: a\r\n")
            .sends("\r\n"),
        ruled("http2").sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ruled("ssh").sends("SSH-2.0-x\r\n"),
        ruled("unknown").sends("\u{1}\u{2}\u{3}"),
        ruled("tarpit").sends("PING\r\n").waits(300).waits(6500),
        // What is not read by then, a reset takes away.
        TcpCase::guard("tarpit-left", &RULES.replace(r#""slow""#, r#""left""#))
            .sends("PING\r\n")
            .counts("gatehouse.connection_guard.tarpitted.rule.left")
            .resets()
            .waits(100),
        ruled("to-another-cluster")
            .sends([0, 0, 0, 8, 4, 210, 22, 47])
            .waits(300),
        ruled("malformed").sends([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
        ruled("half-a-hello-and-an-end").sends(start).ends(),
        ruled("half-a-request-and-an-end").sends("GET / ").ends(),
        ruled("half-a-hello-and-a-reset").sends(start).resets(),
        ruled("too-much").sends([b'G'; 1200]),
        hasty("too-late", RULES).sends("GET").waits(3700),
        hasty("never", RULES).waits(3700),
        ruled("ends-without-a-word").ends(),
        ruled("then-all-passes")
            .sends("GET / HTTP/1.1\r\n")
            .sends("SSH-2.0-x")
            .says("a")
            .ends()
            .server_ends(),
        ruled("http-behind")
            .behind(Behind::Http)
            .sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
        ruled("http-behind-denied")
            .behind(Behind::Http)
            .sends("SSH-2.0-x\r\n"),
        ruled("http-behind-ends")
            .behind(Behind::Http)
            .sends("GET / HT")
            .ends(),
    ]);
}

#[test]
fn limits() {
    let three = |case: TcpCase| case.waits(30).connects().waits(30).connects().waits(30);
    compare(&[
        three(limited("rate", r#""connection_rate": {"rate": "2/1h"}"#)),
        three(limited(
            "rates",
            r#""connection_rate": [{"rate": "10/1h"}, {"rate": "1/1h", "ipv4": 8}]"#,
        )),
        three(limited("per-source", r#""concurrent": {"per_source": 2}"#))
            .turn(0)
            .resets()
            .waits(200)
            .connects()
            .waits(30),
        three(limited("total", r#""concurrent": {"total": 1}"#)),
        limited(
            "received",
            r#""bytes": {"per_connection": {"received": "1KiB"}}"#,
        )
        .sends([b'x'; 1000])
        .sends([b'x'; 24])
        .sends("x"),
        limited("sent", r#""bytes": {"per_connection": {"sent": "1KiB"}}"#)
            .sends("hi")
            .says([b'y'; 1024])
            .says("y"),
        limited(
            "received-by-the-source",
            r#""bytes": {"per_source": {"received": "2KiB/1h"}}"#,
        )
        .sends([b'x'; 2000])
        .ends()
        .server_ends()
        .waits(50)
        .connects()
        .sends([b'x'; 2000])
        .waits(50),
        limited("duration", r#""duration": "6s""#)
            .sends("hi")
            .waits(600)
            .sends("hi")
            .waits(6500),
        limited("idle", r#""idle": "6s""#)
            .sends("hi")
            .waits(500)
            .says("ho")
            .waits(8500),
        limited("idle-from-the-beginning", r#""idle": "6s""#).waits(8500),
        limited(
            "evicted-never",
            r#""concurrent": {"total": 5}, "connection_rate": {"rate": "5/1h"}"#,
        )
        .connects()
        .connects()
        .waits(30),
    ]);
}

/// The server says first what there is to decide by.
#[test]
fn servers_that_speak_first() {
    let configuration = r#"{"rules": [{"name": "db", "match": {"protocol": ["mysql"]}, "action": "allow"}], "default": "deny",
        "server_speaks_first": true, "first_data": {"within": "20s"}, "denial_log": "none"}"#;
    let first = |name: &str| TcpCase::guard(name, configuration).behind(Behind::TcpProxy);
    const GREETING: &[u8] = b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0";
    compare(&[
        first("mysql").says(GREETING).sends("login").says("ok"),
        first("mysql-in-pieces")
            .says(&GREETING[..3])
            .says(&GREETING[3..])
            .sends("login"),
        first("smtp").says("220 ESMTP\r\n"),
        first("client-first")
            .sends("HELO x\r\n")
            .says("220 ESMTP\r\n"),
        hasty("nobody", configuration)
            .behind(Behind::TcpProxy)
            .waits(3700),
        first("server-ends").server_ends(),
    ]);
}

/// Lists that are fetched, and what holds without one.
#[test]
fn feeds() {
    let feed = |name: &str, path: &str, cluster: &str, more: &str| {
        let timeout = if path == "never" { "300ms" } else { "20s" };
        let configuration = format!(
            r#"{{"rules": [{{"name": "out", "match": {{"source": [{{"feed": "list"}}]}}, "action": "deny"}}], "default": "allow", "denial_log": "none",
                "feeds": {{"list": {{"uri": "http://lists.test/{path}", "cluster": "{cluster}", "timeout": "{timeout}"{more}}}}}}}"#
        );
        TcpCase::guard(name, &configuration).behind(Behind::TcpProxy)
    };
    compare(&[
        feed("listed", "list", "service", "").waits(500),
        feed("not-there", "none", "service", "").waits(500),
        feed(
            "not-there-skipped",
            "none",
            "service",
            r#", "on_missing": "skip""#,
        )
        .waits(500)
        .sends("hi"),
        feed("never-answered", "never", "service", "").waits(900),
        feed("dropped", "drop", "service", "").waits(500),
        feed("refused", "list", "refused", "").waits(500),
        feed("no-host", "list", "empty", "").waits(500),
        feed("garbage", "callout", "service", "").waits(500),
    ]);
}

#[test]
fn report_mode() {
    let configuration = RULES.replace(
        r#""default": "deny","#,
        r#""default": "deny", "mode": "report","#,
    );
    let reported = |name: &str| TcpCase::guard(name, &configuration);
    compare(&[
        reported("report-ssh")
            .sends("SSH-2.0-x\r\n")
            .says("SSH-2.0-y\r\n"),
        reported("report-web").sends("GET / HTTP/1.1\r\n"),
        reported("report-in-pieces")
            .sends("SS")
            .sends("H-2.0-x\r\n"),
        reported("report-tarpit").sends("PING\r\n").says("PONG\r\n"),
        reported("report-malformed").sends([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
        hasty("report-late", &configuration)
            .waits(3700)
            .sends("GET / HTTP/1.1\r\n"),
    ]);
}
