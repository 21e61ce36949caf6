//! Callouts over gRPC, callouts that come to nothing, and ticks, in the test kit and in Envoy; and the filter that asks a
//! RateLimitService.

use gatehouse_differential::{Case, Setup, Stage, built};

const MODULE: &str = "dist/test/script.wasm";

/// Of an expression the context is that of the callback, of attributes that of the request which was entered.
const EXPRESSIONS: &str =
    "expr request.method=='GET';expr 1+1;expr plugin_name;prop request/method;continue 0";

#[test]
fn grpc() {
    let asks = |name: &str, what: &str| {
        Case::script(name, "request", &format!("grpc grpc {what};return 1"))
            .on("message", "body 5 0 100;status;reply 200 message -1")
            .on("closed", "status;body 5 0 100;reply 503 closed -1")
    };
    Stage::new(&Setup::new(built(MODULE), "")).compare(&[
        asks("answered", "ok"),
        asks("over", "over"),
        asks("two-messages", "two"),
        asks("empty-message", "empty"),
        asks("any-bytes", "garbage"),
        asks("status-0", "status-0"),
        asks("status-7", "status-7"),
        asks("unavailable", "status-14"),
        asks("unimplemented", "status-12"),
        asks("http-404", "http-404"),
        asks("http-429", "http-429"),
        asks("http-500", "http-500"),
        asks("http-503", "http-503"),
        asks("timeout", "hang"),
        Case::script("goes-on", "request", "grpc grpc ok;return 1")
            .on("message", "get 0 x-t-a;set 0 x-t-a 2;continue 0")
            .header("x-t-a", "1"),
        Case::script(
            "goes-on-after-a-failure",
            "request",
            "grpc grpc status-7;return 1",
        )
        .on("closed", "set 0 x-t-a 2;continue 0"),
        Case::script("with-a-body", "request", "grpc grpc ok;return 1")
            .on("message", "continue 0")
            .chunk("hello")
            .chunk("world"),
        Case::script("in-the-response", "response", "grpc grpc ok;return 1")
            .on("message", "set 2 x-t-a 2;continue 1"),
        Case::script("no-cluster", "request", "grpc none ok;return 0")
            .on("closed", "status;set 0 x-t-a 2"),
        Case::script("no-healthy-host", "request", "grpc empty ok;return 0")
            .on("closed", "status;set 0 x-t-a 2"),
        Case::script(
            "no-cluster-and-a-reply",
            "request",
            "grpc none ok;reply 503 no -1",
        )
        .on("closed", "status"),
        Case::script("refused", "request", "grpc refused-grpc ok;return 1")
            .on("closed", "status;reply 503 closed -1"),
        Case::script("cancelled", "request", "grpc grpc ok;grpccancel")
            .on("message", "status")
            .on("closed", "status"),
        Case::script("cancelled-what-is-not", "request", "grpccancel"),
        Case::script(
            "an-expression",
            "request",
            "expr request.method=='GET';grpc grpc ok;return 1",
        )
        .on("message", EXPRESSIONS),
        Case::script(
            "an-expression-after-a-failure",
            "request",
            "grpc grpc status-7;return 1",
        )
        .on("closed", EXPRESSIONS),
        Case::script("nobody-waits", "request", "grpc grpc ok").on("message", "status"),
    ]);
}

#[test]
fn callouts_that_come_to_nothing() {
    let told = "get 6 :status;body 4 0 100;none 7;continue 0";
    let calls = |name: &str, order: &str| {
        Case::script(name, "request", &format!("{order} service;return 1")).on("answer", told)
    };
    Stage::new(&Setup::new(built(MODULE), "")).compare(&[
        calls("answered", "call"),
        Case::script(
            "an-expression",
            "request",
            "expr request.method=='GET';call service;return 1",
        )
        .on("answer", EXPRESSIONS),
        Case::script(
            "an-expression-in-the-response",
            "response",
            "call service;return 1",
        )
        .on(
            "answer",
            "expr response.code==200;prop response/code;continue 1",
        ),
        calls("slow", "slow"),
        calls("never", "never"),
        calls("dropped", "drop"),
        calls("stalled", "stall"),
        Case::script(
            "never-in-the-response",
            "response",
            "never service;return 1",
        )
        .on("answer", "get 6 :status;set 2 x-t-a 1;continue 1"),
        Case::script("dropped-and-denied", "request", "drop service;return 1")
            .on("answer", "reply 503 no -1"),
    ]);
}

/// Our filters sweep what has waited for too long.
#[test]
fn ticks() {
    let ticks = |name: &str, orders: &str| {
        Case::script(name, "request", "tick 40;return 1").on("tick", orders)
    };
    Stage::new(&Setup::new(built(MODULE), "")).compare(&[
        ticks("resumed", "enter;continue 0;tick 0"),
        ticks("denied", "enter;reply 503 late -1;tick 0"),
        ticks(
            "read",
            "prop request/path;enter;get 0 x-id;prop request/path;set 0 x-t-a 1;continue 0;tick 0",
        ),
        ticks(
            "expression",
            "enter;expr request.method=='GET';expr 1+1;prop request/method;continue 0;tick 0",
        ),
        ticks("again", "tick 0;tick 30").on("tick3", "tick 0;enter;continue 0"),
        ticks("reset", "enter;close 0;tick 0"),
    ]);
}

const GLOBAL: &str = r#"{
    "limits": [
        {"name": "tenant", "match": {"path": {"prefix": "/api"}}, "key": [{"header": "x-tenant"}], "rate": "5/1h"},
        {"name": "strict", "match": {"path": {"prefix": "/strict"}}, "key": [{"header": "x-tenant"}], "rate": "2/1h", "on_error": "deny"}
    ],
    "store": {"global": {"cluster": "@cluster", "domain": "gatehouse", "timeout": "3s", "on_error": "@error", "slots": 1024}},
    "response_headers": "none"
}"#;

#[test]
fn a_service_of_limits() {
    for (cluster, error) in [
        ("grpc", "allow"),
        ("grpc", "deny"),
        ("grpc", "local"),
        ("empty", "local"),
        ("refused-grpc", "deny"),
    ] {
        let configuration = GLOBAL.replace("@cluster", cluster).replace("@error", error);
        let stage = Stage::new(&Setup::new(
            built("dist/gatehouse_rate_limit.wasm"),
            &configuration,
        ));
        let asks = |path: &str, tenant: &str| {
            Case::new(&format!("{error}-{path}-{tenant}"))
                .path(&format!("/{path}"))
                .header("x-tenant", tenant)
        };
        stage.compare(&[
            asks("api", "ok"),
            asks("api", "over"),
            asks("api", "status-7"),
            asks("api", "http-503"),
            asks("api", "empty"),
            asks("api", "garbage"),
            asks("api", "two"),
            asks("api", "hang"),
            asks("strict", "status-14"),
            asks("strict", "ok").chunk("hello"),
            asks("free", "over"),
            Case {
                name: format!("{error}-grpc"),
                ..asks("api", "over")
            }
            .header("content-type", "application/grpc"),
        ]);
    }
}
