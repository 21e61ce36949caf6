//! Host calls, one by one and in every callback: the module of `integration/script-module` in the test kit and in Envoy.

use gatehouse_differential::{Case, Setup, Stage, built};
use gatehouse_testkit::FailurePolicy;

const MODULE: &str = "dist/test/script.wasm";

fn stage() -> Stage {
    Stage::new(&Setup::new(built(MODULE), ""))
}

/// Orders for a phase of a request that has two headers of a name.
fn twice(name: &str, phase: &str, orders: &str) -> Case {
    Case::script(name, phase, orders)
        .header("x-t-a", "1")
        .header("x-t-a", "2")
        .header("x-t-b", "3")
}

#[test]
fn headers() {
    stage().compare(&[
        twice("first-value-only", "request", "get 0 x-t-a;get 0 X-T-A;get 0 x-t-none;get 0 :path;get 0 :method"),
        twice("all-pairs", "request", "pairs 0"),
        twice("values-joined-as-property", "request", "prop request/headers/x-t-a;prop request/headers/x-t-none"),
        twice("add", "request", "add 0 x-t-a 3;add 0 x-t-new 1;pairs 0"),
        twice("set", "request", "set 0 x-t-a 9;set 0 x-t-new 1;pairs 0"),
        twice("remove", "request", "del 0 x-t-a;del 0 x-t-none;pairs 0"),
        twice("set-then-add", "request", "set 0 x-t-a 9;add 0 x-t-a 10;get 0 x-t-a;pairs 0"),
        twice("upper-case", "request", "set 0 X-T-Up 1;add 0 X-T-A 5;get 0 x-t-up;pairs 0"),
        twice("empty-value", "request", "set 0 x-t-a ;add 0 x-t-e ;get 0 x-t-a;pairs 0"),
        Case::script("method-and-path", "request", "set 0 :method PUT;set 0 :path /other?q=1;get 0 :path;prop request/path"),
        Case::script("authority", "request", "set 0 :authority b.test;get 0 host;get 0 :authority;prop request/host"),
        Case::script("host-is-authority", "request", "set 0 host c.test;get 0 :authority;pairs 0"),
        Case::script("single-entries", "request", "add 0 user-agent b;add 0 x-forwarded-for b;add 0 cookie b=1;add 0 accept b;get 0 user-agent;get 0 x-forwarded-for;get 0 cookie;get 0 accept")
            .header("user-agent", "a").header("x-forwarded-for", "a").header("cookie", "a=1").header("accept", "a"),
        Case::script("single-entries-2", "request", "add 0 authorization b;add 0 content-type b;add 0 referer b;add 0 origin b;add 0 via b;get 0 authorization;get 0 content-type;get 0 referer;get 0 origin;get 0 via")
            .header("authorization", "a").header("content-type", "a").header("referer", "a").header("origin", "a").header("via", "a"),
        Case::script("maps-that-are-not-there", "request", "get 1 a;get 2 :status;get 3 a;get 6 :status;none 1;none 2;none 6;set 2 a b;add 1 a b;del 3 a;get 8 a;none 9;size 0;size 2"),
        Case::script("response-phase", "response", "get 0 :path;none 0;set 0 x-t-a 1;prop request/path;prop request/headers/x-id;get 2 :status;set 2 x-t-r 1;pairs 2;prop response/code"),
        Case::script("response-headers", "response", "get 2 x-t-a;pairs 2;add 2 x-t-a 3;set 2 x-t-b 4;del 2 x-t-c;pairs 2")
            .answer(200, &[("x-t-a", "1"), ("x-t-a", "2"), ("x-t-c", "1")], &["ok"]),
        Case::script("response-status", "response", "set 2 :status 418;get 2 :status"),
        {
            let names = ["accept-encoding", "accept-language", "access-control-request-method", "access-control-request-headers", "cache-control",
                "if-match", "if-none-match", "if-modified-since", "range", "pragma", "warning", "forwarded", "dnt", "x-real-ip",
                    "if-range",
                    "if-unmodified-since", "x-api-key",
                "proxy-authorization", "expires", "etag", "vary", "content-encoding", "content-language", "grpc-accept-encoding", "x-b3-traceid",
                "traceparent", "tracestate", "x-forwarded-client-cert", "x-ot-span-context", "x-requested-with", "sec-fetch-site", "age", "date"];
            let orders: Vec<_> = names.iter().map(|name| format!("add 0 {name} a;add 0 {name} b;get 0 {name}")).collect();
            Case::script("well-known", "request", &orders.join(";"))
        },
        {
            let names = ["set-cookie", "access-control-allow-origin", "access-control-allow-headers", "access-control-expose-headers",
                    "access-control-allow-methods",
                    "access-control-allow-credentials",
                    "access-control-max-age", "cache-control",
                "etag", "vary", "expires", "age", "www-authenticate", "location", "content-encoding", "via", "link",
                "strict-transport-security", "last-modified", "allow", "retry-after", "x-powered-by", "grpc-status", "grpc-message", "host"];
            let orders: Vec<_> = names.iter().map(|name| format!("add 2 {name} a;add 2 {name} b;get 2 {name}")).collect();
            Case::script("well-known-in-responses", "response", &orders.join(";"))
        },
        Case::script("few-pairs", "request", "setpairs 0 3;get 0 x-t-2"),
        Case::script("many-pairs", "request", "setpairs 0 1100;get 0 x-id;none 0;reply 403 lost -1"),
        Case::script("malformed-pairs", "request", "malformed 0;none 0;reply 403 lost -1"),
        Case::script("log-phase", "log", "get 0 x-t-a;get 0 :path;get 2 :status;get 2 x-t-none;get 1 a;pairs 2;set 0 x-t-a 1;prop response/code;prop response/code_details")
            .header("x-t-a", "1"),
        Case::script("bytes", "request", "get 0 x-t-bytes;prop request/headers/x-t-bytes;get 0 x-t-latin").header("x-t-bytes", "a\u{ff}\u{fe}b").header("x-t-latin", "\u{e9}"),
        Case::script("head", "response", "get 2 :status;get 2 content-length").method("HEAD"),
        Case::script("options", "request", "get 0 :method;prop request/method").method("OPTIONS"),
    ]);
}

#[test]
fn bodies() {
    let post = |name: &str, orders: &str| Case::script(name, "body", orders);
    stage().compare(&[
        post("one-chunk", "body 0 0 100;bodysize 0").chunk("hello"),
        post("chunks", "body 0 0 100").chunk("hello").chunk("world"),
        post("parts-of-it", "body 0 1 2;body 0 4 100;body 0 5 1;body 0 9 1;body 0 0 0").chunk("hello"),
        post("buffers-that-are-not-there", "body 1 0 10;body 4 0 10;body 5 0 10;body 7 0 10;body 6 0 10;body 9 0 1;bodysize 1;bodysize 4;setbody 4 0 0 x;setbody 1 0 0 x").chunk("hello"),
        post("pause-on-body", "body 0 0 100;return 1").chunk("hello").chunk("world"),
        post("replaced", "setbody 0 0 100 new;body 0 0 100").chunk("hello").chunk("world"),
        post("prepended", "setbody 0 0 0 new;body 0 0 100").chunk("hello").chunk("world"),
        post("appended", "setbody 0 100 0 new;body 0 0 100").chunk("hello").chunk("world"),
        post("part-replaced", "setbody 0 1 1 new;setbody 0 0 2 new;body 0 0 100").chunk("hello").chunk("world"),
        post("headers-in-body", "get 0 x-t-a;none 0;set 0 x-t-a 1").chunk("hello").header("x-t-a", "1"),
        post("trailers-in-body", "none 1;add 1 x-t-b 2;none 1").chunk("hello").trailer("x-t-a", "1"),
        post("trailers-that-do-not-come", "add 1 x-t-b 2;get 1 x-t-b").chunk("hello").chunk("world"),
        post("reply-from-body", "reply 403 no -1").chunk("hello").chunk("world"),
        Case::script("trailers", "trailers", "get 1 x-t-a;set 1 x-t-a 2;add 1 x-t-b 3;pairs 1").chunk("hello").trailer("x-t-a", "1"),
        Case::script("reply-from-trailers", "trailers", "reply 403 no -1").chunk("hello").trailer("x-t-a", "1"),
        Case::script("pause-then-trailers", "body", "body 0 0 100;return 1").on("trailers", "body 0 0 100").chunk("hello").chunk("world").trailer("x-t-a", "1"),
        Case::script("response-body", "response-body", "body 1 0 100;bodysize 1").answer(200, &[], &["hello", "world"]),
        Case::script("response-body-held", "response-body", "body 1 0 100;return 1").answer(200, &[], &["hello", "world"]),
        Case::script("response-body-replaced", "response-body", "setbody 1 0 100 new").on("response", "del 2 content-length").answer(200, &[], &["hello"]),
        Case::script("response-trailers", "response-trailers", "get 3 x-t-a;set 3 x-t-a 2;add 3 x-t-b 3").answer(200, &[], &["hello"]).answer_trailer("x-t-a", "1"),
        Case::script("empty-response", "response", "get 2 :status").on("response-body", "body 1 0 1").answer(204, &[], &[]),
        Case::script("both-bodies", "body", "body 0 0 100").on("response-body", "body 1 0 100;body 0 0 100").chunk("hello"),
    ]);
}

#[test]
fn bodies_while_the_headers_wait() {
    for body_while_paused in [false, true] {
        let stage = Stage::new(&Setup {
            body_while_paused,
            ..Setup::new(built(MODULE), "")
        });
        let paused = |name: &str| Case::script(name, "request", "call upstream;return 1");
        stage.compare(&[
            paused("callout").on("answer", "continue 0"),
            paused("callout-with-body")
                .on("answer", "continue 0")
                .on("body", "body 0 0 100")
                .chunk("hello"),
            paused("callout-then-reply").on("answer", "reply 401 no -1"),
            // Headers are there, and nothing of the request is in an expression.
            paused("callout-then-expressions")
                .on("answer", "get 0 x-t-a;expr request.method=='GET';expr 'x-t-a'~in~request.headers;expr source.address!='';expr 1+1==2;continue 0")
                .header("x-t-a", "1"),
            paused("callout-then-headers")
                .on("answer", "get 0 x-t-a;set 0 x-t-b 2;continue 0;get 0 x-t-a")
                .header("x-t-a", "1"),
            Case::script("body-comes-meanwhile", "request", "slow upstream;return 1")
                .on("answer", "continue 0")
                .on("body", "body 0 0 100")
                .chunk("hello")
                .chunk("world"),
            Case::script(
                "body-and-trailers-meanwhile",
                "request",
                "slow upstream;return 1",
            )
            .on("answer", "continue 0")
            .on("body", "body 0 0 100")
            .on("trailers", "get 1 x-t-a")
            .chunk("hello")
            .trailer("x-t-a", "1"),
            Case::script("body-held-meanwhile", "request", "slow upstream;return 1")
                .on("answer", "continue 0")
                .on("body", "body 0 0 100;return 1")
                .chunk("hello")
                .chunk("world"),
            Case::script("headers-wait-for-body", "request", "return 1")
                .on("body", "get 0 x-t-a;set 0 x-t-b 2")
                .header("x-t-a", "1")
                .chunk("hello")
                .on("answer", ""),
        ]);
    }
}

#[test]
fn local_replies() {
    stage().compare(&[
        Case::script("plain", "request", "reply 403 denied -1"),
        Case::script("without-body", "request", "reply 429  -1 retry-after=1"),
        Case::script(
            "with-headers",
            "request",
            "reply 401 no -1 www-authenticate=Basic x-t-a=1 x-t-a=2",
        ),
        Case::script(
            "with-content-type",
            "request",
            "reply 400 {} -1 content-type=application/json",
        ),
        Case::script(
            "with-content-length",
            "request",
            "reply 400 abc -1 content-length=99",
        ),
        Case::script("pause-or-not", "request", "reply 403 denied -1;return 0"),
        Case::script("paused", "request", "reply 403 denied -1;return 1"),
        Case::script("many-headers", "request", "replymany 1030"),
        Case::script("as-many-headers-as-go", "request", "replymany 100"),
        Case::script("grpc", "request", "reply 403 not%you 7")
            .header("content-type", "application/grpc"),
        Case::script("grpc-without-status", "request", "reply 403 no -1")
            .header("content-type", "application/grpc"),
        Case::script("grpc-limited", "request", "reply 429  -1")
            .header("content-type", "application/grpc+proto"),
        Case::script("grpc-strange-status", "request", "reply 500 no 77")
            .header("content-type", "application/grpc"),
        Case::script("response-sees-it", "request", "reply 403 denied -1")
            .on(
                "response",
                "get 2 :status;set 2 x-t-a 1;pairs 2;prop response/code_details",
            )
            .on("response-body", "body 1 0 100"),
        Case::script("head", "request", "reply 403 denied -1")
            .method("HEAD")
            .on("response", "get 2 :status"),
        Case::script("from-response", "response", "reply 502 bad -1 x-t-a=1"),
        Case::script("details", "request", "reply 403 denied -1")
            .on("log", "prop response/code_details;prop response/code"),
        Case::script("twice", "request", "reply 403 one -1;reply 404 two -1"),
        Case::script("with-body-to-come", "request", "reply 403 denied -1")
            .on("body", "body 0 0 10")
            .chunk("hello")
            .chunk("world"),
        Case::script("closed", "request", "close 0;return 1"),
    ]);
}

#[test]
fn callouts() {
    stage().compare(&[
        Case::script("unknown-cluster", "request", "call none"),
        Case::script("no-healthy-host", "request", "call empty"),
        Case::script("refused", "request", "call refused;return 1")
            .on("answer", "get 6 :status;none 7;body 4 0 7;continue 0"),
        Case::script("answered", "request", "call upstream;return 1").on(
            "answer",
            "get 6 :status;body 4 0 100;body 4 3 2;set 6 x-t-a 1;continue 0",
        ),
        Case::script("without-path", "request", "call upstream :path"),
        Case::script("without-authority", "request", "call upstream :authority"),
        Case::script("without-method", "request", "call upstream :method"),
        Case::script("from-response", "response", "call upstream;return 1")
            .on("answer", "get 2 :status;set 2 x-t-a 1;continue 1"),
    ]);
}

#[test]
fn attributes() {
    stage().compare(&[
        Case::script("request", "request", "prop request/path;prop request/url_path;prop request/query;prop request/host;prop request/scheme;prop request/method;prop request/protocol;prop request/useragent;prop request/referer").path("/a/b?c=d&e").header("user-agent", "me").header("referer", "there"),
        Case::script("as-a-whole", "request", "prop request;prop response;prop connection;prop source;prop destination;prop filter_state;prop metadata;prop xds;prop upstream;prop plugin;prop node/none"),
        Case::script("no-query", "request", "prop request/query;prop request/size;prop request/none;prop none;prop none/a"),
        Case::script("sizes", "body", "prop request/size").chunk("hello"),
        Case::script("response-too-early", "request", "prop response/code;prop response/headers;prop response/headers/a"),
        Case::script("response", "response", "prop response/code;prop response/flags;prop response/headers/x-t-a;prop response/code_details").answer(201, &[("x-t-a", "1"), ("x-t-a", "2")], &["ok"]),
        Case::script("plugin", "request", "prop plugin_name;prop plugin_root_id;prop plugin_vm_id"),
        Case::script("route", "request", "prop xds/route_name;prop xds/route_metadata/filter_metadata/gatehouse/plan;prop xds/route_metadata/filter_metadata/gatehouse/limits/hits;prop xds/route_metadata/filter_metadata/gatehouse/limits;prop xds/route_metadata/filter_metadata/gatehouse/all/1;prop xds/route_metadata/filter_metadata/gatehouse/all/2;prop xds/route_metadata/filter_metadata/gatehouse/open;prop xds/route_metadata/filter_metadata/none"),
        Case::script("connection", "request", "prop connection/mtls;prop connection/requested_server_name;prop connection/tls_version;prop connection/uri_san_peer_certificate"),
        Case::script("filter-state", "request", "setprop color red;prop color;prop filter_state/wasm.color;prop wasm.color;setprop color blue;prop color").on("response", "prop color;setprop late 1;prop late").on("log", "prop color;setprop end 1"),
        Case::script("filter-state-dotted", "request", "setprop a.b c;prop a.b;prop filter_state/wasm.a.b;prop a/b"),
        Case::script("envoy-filter-state", "request", "filterstate envoy.string x;filterstate none x;filterstate envoy.tcp_proxy.cluster x"),
        Case::script("foreign-functions", "request", "foreign none x;foreign clear_route_cache ;foreign verify_signature x;foreign expr_evaluate x;foreign expr_delete x"),
        Case::script("expressions", "request", "expr request.method=='GET';expr request.path;expr 1+1;expr 1.5;expr request.headers['x-t-a'];expr request.headers['none'];expr none;expr 1+;expr 'x-t-a'~in~request.headers;expr request.headers['x-t-a'].startsWith('v')").header("x-t-a", "value"),
        Case::script("expressions-2", "request", "expr request.host.endsWith('.test')~&&~size(request.path)==1;expr request.path.matches('^/$');expr plugin_name;expr [1,2].exists(x,x==2);expr xds.route_name;expr connection.mtls;expr has(request.headers.none);expr true?'a':'b';expr b'ab';expr null"),
    ]);
}

#[test]
fn shared_data_and_metrics() {
    stage().compare(&[
        Case::script("missing", "request", "shared none"),
        Case::script("created", "request", "share created a 0;shared created;share created b 0;shared created"),
        Case::script("create-if-absent", "request", "share absent a 77;shared absent;share absent b 77;shared absent"),
        Case::script("swapped", "request", "share swapped a 0;swap swapped b 0;shared swapped;swap swapped c 1;shared swapped"),
        Case::script("empty", "request", "share empty  0;shared empty"),
        Case::script("still-there", "request", "shared created"),
        Case::script("counter", "request", "metric 0 diff_counter inc 2;metric 0 diff_counter inc 0;metric 0 diff_counter inc -1;metric 0 diff_counter rec 3"),
        Case::script("gauge", "request", "metric 1 diff_gauge rec 5;metric 1 diff_gauge inc -2;metric 1 diff_gauge inc 4"),
        Case::script("histogram", "request", "metric 2 diff_histogram rec 5;metric 2 diff_histogram inc 1"),
        Case::script("no-such-kind", "request", "metric 3 diff_none inc 1"),
        Case::script("no-such-metric", "request", "nometric 4000;nometric 4001;nometric 4002;nometric 4003"),
        Case::script("strange-calls", "request", "continue 3;continue 4;close 4;body 77 0 0;get 77 a"),
    ]);
}

#[test]
fn buffer_limits() {
    let stage = Stage::new(&Setup {
        buffer_limit: Some(16 * 1024),
        ..Setup::new(built(MODULE), "")
    });
    let chunk = "x".repeat(10 * 1024);
    stage.compare(&[
        Case::script("too-large", "body", "return 1")
            .on("response", "get 2 :status")
            .chunk(&chunk)
            .chunk(&chunk),
        Case::script("response-too-large", "response-body", "return 1").answer(
            200,
            &[],
            &[&chunk, &chunk],
        ),
    ]);
}

/// A stream that traps fails, and so do those after it until the VM is made anew.
#[test]
fn traps() {
    for failure_policy in [FailurePolicy::FailClosed, FailurePolicy::FailOpen] {
        let stage = Stage::new(&Setup {
            failure_policy,
            ..Setup::new(built(MODULE), "")
        });
        stage.compare(&[
            Case::script("before", "request", "get 0 x-id"),
            Case::script("traps", "request", "get 0 x-id;trap").on("log", "get 0 x-id"),
            Case::script("after", "request", "get 0 x-id"),
        ]);
    }
    let stage = Stage::new(&Setup::new(built(MODULE), ""));
    stage.compare(&[
        Case::script("traps-in-response", "response", "set 2 x-t-a 1;trap"),
        Case::script("after-grpc", "request", "get 0 x-id")
            .header("content-type", "application/grpc"),
    ]);
}
