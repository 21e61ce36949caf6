//! Network filters: the module of `integration/script-module` in the test kit and in Envoy, with the same connections.

use gatehouse_differential::connections::{TcpCase, compare};
use gatehouse_testkit::{Behind, FailurePolicy};

/// What every case logs of a connection.
const ALL: &str = "new=prop none\ndata=body 2 0 100\nupstream=body 3 0 100\nupstream-closed=prop none\nclosed-by=prop none\ndone=prop none\nlog=prop none";

fn all(name: &str) -> TcpCase {
    TcpCase::script(name, ALL)
}

/// Other orders for some phases, before those for all.
fn with(name: &str, orders: &str) -> TcpCase {
    let phases: Vec<_> = orders
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    let others = ALL.lines().filter(|line| {
        let phase = line.split_once('=').map(|(phase, _)| phase);
        phase.is_none_or(|phase| !phases.contains(&phase))
    });
    let others: Vec<_> = others.collect();
    TcpCase::script(name, &format!("{orders}\n{}", others.join("\n")))
}

#[test]
fn what_is_told_and_what_passes() {
    compare(&[
        all("passes")
            .sends("hi")
            .says("ho")
            .sends("more")
            .says("less"),
        all("client-ends-first")
            .sends("hi")
            .ends()
            .says("ho")
            .server_ends(),
        all("server-ends-first")
            .says("ho")
            .server_ends()
            .sends("hi")
            .ends(),
        all("server-speaks-first").says("220 hello").sends("hi"),
        all("client-resets").sends("hi").says("ho").resets(),
        all("server-resets").sends("hi").says("ho").server_resets(),
        all("ends-without-a-word").ends(),
        all("on-data")
            .behind(Behind::TcpProxyOnData)
            .sends("hi")
            .says("ho")
            .ends()
            .server_ends(),
        all("on-data-ends-without-a-word")
            .behind(Behind::TcpProxyOnData)
            .ends(),
        all("on-data-resets")
            .behind(Behind::TcpProxyOnData)
            .sends("hi")
            .resets(),
        all("http").behind(Behind::Http).ends(),
        all("http-resets")
            .behind(Behind::Http)
            .sends("GET")
            .resets(),
        all("http-half").behind(Behind::Http).sends("GET /").ends(),
        all("two-connections")
            .sends("hi")
            .connects()
            .sends("ho")
            .turn(0)
            .sends("again"),
    ]);
}

#[test]
fn pausing() {
    compare(&[
        with("new-paused", "new=return 1").sends("hi").waits(100),
        with("new-paused-reads", "new=return 1").behind(Behind::TcpProxyOnData).sends("hi").says("ho"),
        with("new-paused-http", "new=return 1\nupstream=").behind(Behind::Http).sends("GET / HTTP/1.1\r\n").sends("host: a\r\n\r\n"),
        with("data-paused", "data=body 2 0 100;return 1").sends("a").sends("b").ends().waits(50),
        with("data-paused-then-not", "data=body 2 0 100;return 1\ndata3=body 2 0 100").sends("a").sends("b").sends("c").sends("d").says("e"),
        with("data-paused-then-ends", "data=return 1").behind(Behind::TcpProxyOnData).sends("a").ends().waits(50),
        with("both-paused", "new=return 1\ndata=return 1\ndata2=body 2 0 100").behind(Behind::TcpProxyOnData).sends("a").sends("b").sends("c"),
        with("upstream-paused", "upstream=body 3 0 100;return 1").says("a").says("b").sends("c").waits(50),
        with("upstream-paused-then-not", "upstream=body 3 0 100;return 1\nupstream3=body 3 0 100").says("a").says("b").says("c").says("d"),
        with("upstream-paused-at-its-end", "upstream=return 1").says("a").server_ends().ends(),
        with("resumed-by-a-callout", "new=call service;return 1\nanswer=body 4 0 10;continue 2").sends("hi").says("ho"),
        with("data-resumed-by-a-callout", "data=call service;return 1\nanswer=body 2 0 10;continue 2;body 2 0 10\ndata2=body 2 0 10").sends("hi").says("ho").sends("more"),
        with("resumed-by-a-slow-callout", "new=slow service;return 1\nanswer=continue 2").behind(Behind::TcpProxyOnData).sends("hi").waits(3000),
        with("held-through-a-slow-callout", "data=slow service;return 1\ndata2=return 1\nanswer=body 2 0 100;continue 2").sends("hi").sends("more").waits(3000),
        with("a-callout-that-never-answers", "data=never service;return 1\nanswer=get 6 :status;body 4 0 100;close 2").sends("hi").waits(1200),
        with("a-callout-that-is-dropped", "data=drop service;return 1\nanswer=get 6 :status;close 2").sends("hi").waits(100),
        with("a-callout-that-is-refused", "data=call refused;return 1\nanswer=get 6 :status;close 2").sends("hi").waits(100),
        with("no-healthy-host", "new=call empty;call none").sends("hi"),
        with("the-client-goes-meanwhile", "data=slow service;return 1\nanswer=continue 2").sends("hi").resets().waits(3000),
        with("resumed-by-a-tick", "configure=tick 50\ntick=enter;continue 2;tick 0\nnew=return 1").waits(200).sends("hi").says("ho"),
    ]);
}

#[test]
fn closing() {
    compare(&[
        with("closed-at-once", "new=close 2"),
        with("closed-at-once-http", "new=close 2").behind(Behind::Http),
        with(
            "closed-with-data-unread",
            "new=return 1\ntick=enter;close 2;tick 0\nconfigure=",
        )
        .sends("hi")
        .waits(50),
        with("closed-on-data", "data=close 2").sends("hi"),
        with("closed-on-data-and-paused", "data=close 2;return 1").sends("hi"),
        with(
            "closed-on-the-second-data",
            "data2=close 2\ndata=body 2 0 10",
        )
        .sends("hi")
        .sends("ho"),
        with("closed-on-upstream-data", "upstream=close 2")
            .sends("hi")
            .says("ho"),
        with("closed-upstream", "data=close 3").sends("hi"),
        with("closed-upstream-on-its-data", "upstream=close 3").says("ho"),
        with("closed-twice", "data=close 2;close 2;close 3").sends("hi"),
        with("closed-and-continued", "data=close 2;continue 2").sends("hi"),
        with("continued-and-closed", "data=continue 2;close 2;return 1").sends("hi"),
        with(
            "closed-by-a-callout",
            "data=call service;return 1\nanswer=close 2",
        )
        .sends("hi"),
        with(
            "closed-with-a-reason",
            "new=setprop gatehouse.denial because;setprop color red;prop color;close 2",
        ),
        with("held-and-closed", "data=return 1\ndata2=close 2;return 1")
            .sends("hi")
            .sends("ho"),
        with(
            "streams-that-are-not",
            "data=close 0;close 1;close 4;continue 0;continue 1;continue 3;continue 4",
        )
        .sends("hi")
        .says("ho"),
        with("no-local-reply", "data=reply 403 denied -1")
            .sends("hi")
            .says("ho")
            .waits(50),
        with("no-local-reply-when-new", "new=reply 403 denied -1")
            .behind(Behind::TcpProxyOnData)
            .sends("hi")
            .waits(50),
    ]);
}

#[test]
fn what_can_be_read_and_changed() {
    compare(&[
        with("buffers", "data=body 2 1 2;body 2 0 0;body 2 9 1;bodysize 2;body 3 0 10;bodysize 3;body 0 0 10;body 7 0 10").sends("hello"),
        with("data-replaced", "data=setbody 2 0 100 new;body 2 0 100").sends("hello").says("ho"),
        with("data-prepended", "data=setbody 2 0 0 new;body 2 0 100").sends("hello"),
        with("data-appended", "data=setbody 2 100 0 new;body 2 0 100").sends("hello"),
        with("upstream-data-replaced", "upstream=setbody 3 0 100 new;body 3 0 100").says("hello"),
        with("headers", "data=get 0 :path;none 0;size 0;add 0 a b;get 2 :status;none 1").sends("hi"),
        with("attributes", "new=prop connection/mtls;prop connection/requested_server_name;prop connection/tls_version;prop request/path;prop request/headers;prop request/size;prop response/code;prop xds/route_name;prop plugin_root_id;prop plugin_vm_id;prop plugin_name").sends("hi"),
        with("attributes-later", "data=prop connection/mtls;prop request/protocol;prop request;prop upstream/none;prop destination/none;prop source/none").sends("hi"),
        with("filter-state", "new=setprop color red;prop color;prop filter_state/wasm.color\ndata=prop color;setprop color blue;prop color\nlog=prop color").sends("hi").resets(),
        with("envoy-filter-state", "new=filterstate envoy.string x;filterstate none x").sends("hi"),
        with("expressions", "new=expr connection.mtls;expr source.port>0\ndata=expr connection.mtls;call service;return 1\nanswer=expr connection.mtls;expr 1+1;prop connection/mtls;continue 2").sends("hi"),
        with("after-the-end", "closed-by=continue 2;close 2;body 2 0 10;body 3 0 10\ndone=close 2;prop color\nlog=setprop color late;prop color").sends("hi").resets(),
        with("shared-data", "new=shared none;share a b 0;shared a;swap a c 0;swap a d 1").connects(),
        with("metrics", "new=metric 0 tcp_counter inc 2;metric 1 tcp_gauge rec 5;metric 1 tcp_gauge inc -2"),
    ]);
}

/// A connection that traps is closed, and so are those of its VM with their next data.
#[test]
fn traps() {
    let trapping = |name: &str, policy| {
        with(name, "data=body 2 0 10\ndata2=trap")
            .failure_policy(policy)
            .sends("hi")
            .connects()
            .sends("ho")
            .sends("TRAP")
            .turn(0)
            .sends("more")
            .connects()
            .waits(100)
    };
    compare(&[
        trapping("trap-closed", FailurePolicy::FailClosed),
        trapping("trap-open", FailurePolicy::FailOpen)
            .sends("passes")
            .says("back"),
        with("trap-on-a-new-connection", "new=trap")
            .waits(50)
            .connects()
            .waits(50),
        with("trap-on-upstream-data", "upstream=trap")
            .sends("hi")
            .says("ho"),
        with("trap-with-upstream-data-to-come", "data=trap")
            .sends("hi")
            .connects()
            .waits(50),
        with("trap-then-upstream-data", "data=body 2 0 9\ndata2=trap")
            .connects()
            .says("a")
            .turn(0)
            .sends("1")
            .sends("2")
            .says("b"),
    ]);
}
