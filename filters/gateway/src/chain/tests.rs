//! Who is told what, and in which order: filters that write down what they are told.

mod waits;

use super::*;
use crate::link::links;
use gatehouse_host::{
    ConfigureError, Exchange, HeaderMap, HostError, Level, LocalReply, Module, Timestamp,
};
use gatehouse_host_fake::FakeHost;

/// Writes down what it is told, and does what it is told to do. `BOTH` of it are in a chain as two kinds.
struct Scribe<const BOTH: bool> {
    name: &'static str,
    does: Does,
    wants: &'static str,
}

/// What a filter does with a request.
#[derive(Clone, Copy)]
enum Does {
    Continues,
    Denies,
    Fails,
    WaitsOnce,
    /// For as long as it may.
    WaitsOut,
}

/// What it keeps: how often it was asked, and how many chunks it has seen.
#[derive(Default)]
struct Notes {
    asked: u32,
    chunks: u32,
}

const FAILED: HostError = HostError {
    call: "proxy_test",
    status: gatehouse_host::Status::Code(10),
};

impl<const BOTH: bool> Scribe<BOTH> {
    fn write(&self, host: &dyn Host, what: &str) {
        host.log(Level::Info, &format!("{} {what}", self.name));
    }
}

impl<const BOTH: bool> HttpFilter for Scribe<BOTH> {
    type Pending = Notes;

    const WANTS_RESPONSE_BODY: bool = BOTH;
    const WANTS_TRAILERS: bool = BOTH;
    const WANTS_END: bool = true;

    fn request(&self, request: &mut Request<'_>, notes: &mut Notes) -> Result<Verdict> {
        notes.asked += 1;
        self.write(
            request.host(),
            match request.wait_is_over() {
                true => "request, for the last time",
                false => "request",
            },
        );
        match self.does {
            Does::WaitsOut if !request.wait_is_over() => Ok(Verdict::Wait {
                until: Timestamp::from_nanos(0),
            }),
            Does::WaitsOnce if notes.asked == 1 => Ok(Verdict::Wait {
                until: Timestamp::from_nanos(0),
            }),
            Does::Continues | Does::WaitsOnce | Does::WaitsOut => Ok(Verdict::Continue),
            Does::Fails => Err(FAILED),
            Does::Denies => Ok(Verdict::Deny(LocalReply {
                status: 403,
                headers: Vec::new(),
                body: Vec::new(),
                grpc_status: None,
                details: String::new(),
            })),
        }
    }

    fn wants_response(&self, _: &Notes) -> bool {
        !self.wants.contains("deaf")
    }

    fn response(&self, response: &mut Response<'_>, _: &mut Notes) -> Result<()> {
        self.write(response.host(), "response");
        match self.wants.contains("failure") {
            true => Err(FAILED),
            false => Ok(()),
        }
    }

    /// One chunk, where it wants them at all.
    fn wants_response_body(&self, notes: &Notes) -> bool {
        self.wants.contains("body") && notes.chunks == 0
    }

    fn response_body(&self, chunk: &mut ResponseChunk<'_>, notes: &mut Notes) {
        notes.chunks += 1;
        let bytes = chunk.bytes(0, 100).unwrap();
        self.write(chunk.host(), &String::from_utf8(bytes).unwrap());
    }

    fn wants_trailers(&self, _: &Notes) -> bool {
        self.wants.contains("trailers")
    }

    fn request_trailers(&self, trailers: &mut Trailers<'_>, _: &mut Notes) -> Result<()> {
        self.write(trailers.host(), "request trailers");
        trailers.append("x-by", self.name.as_bytes())
    }

    fn response_trailers(&self, trailers: &mut Trailers<'_>, _: &mut Notes) -> Result<()> {
        self.write(trailers.host(), "response trailers");
        match self.wants.contains("failure") {
            true => Err(FAILED),
            false => trailers.append("x-by", self.name.as_bytes()),
        }
    }

    fn wants_end(&self, _: &Notes) -> bool {
        self.wants.contains("end")
    }

    fn ended(&self, host: &dyn Host, notes: Notes) {
        self.write(host, &format!("end after {}", notes.asked));
    }
}

impl<const BOTH: bool> Module for Scribe<BOTH> {
    const NAME: &'static str = if BOTH { "both" } else { "end" };

    fn configure(
        _: &[u8],
        _: &dyn Fn(&str) -> Option<String>,
        _: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        Err(FAILED.into())
    }
}

links! {
    /// Two kinds, of which one wants nothing but the end.
    enum Pair {
        Both(Scribe<true>),
        End(Scribe<false>),
    }

    /// What they keep.
    enum PairKept;
}

fn both(name: &'static str, does: Does, wants: &'static str) -> Pair {
    Scribe::<true> { name, does, wants }.into()
}

fn end(name: &'static str, does: Does, wants: &'static str) -> Pair {
    Scribe::<false> { name, does, wants }.into()
}

/// All of a stream: a request, asked about so many times, its trailers if it went on, the response in
/// two chunks with trailers, the end. As the dispatcher does it.
fn stream(links: Vec<Pair>, times: u32) -> (Vec<String>, FakeHost) {
    let chain = Chain::of(links);
    let host = FakeHost::default();
    host.begin([]);
    let mut exchange = Exchange::default();
    let mut pending = Kept::default();
    let mut goes_on = false;
    for _ in 0..times {
        let verdict = chain.request(&mut Request::new(&host, &mut exchange), &mut pending);
        goes_on = matches!(verdict, Ok(Verdict::Continue));
    }
    if goes_on && chain.wants_trailers(&pending) {
        let mut trailers = Trailers::new(&host, &exchange, HeaderMap::RequestTrailers);
        chain.request_trailers(&mut trailers, &mut pending).unwrap();
    }
    if chain.wants_response(&pending) {
        let mut headers = None;
        let mut response = Response::new(&host, &exchange, &mut headers);
        chain.response(&mut response, &mut pending).unwrap();
    }
    for (chunk, is_last) in [("one", false), ("two", true)] {
        if chain.wants_response_body(&pending) {
            chain.response_body(&mut host.chunk(chunk, is_last), &mut pending);
        }
    }
    if chain.wants_trailers(&pending) {
        let mut trailers = Trailers::new(&host, &exchange, HeaderMap::ResponseTrailers);
        chain
            .response_trailers(&mut trailers, &mut pending)
            .unwrap();
    }
    if chain.wants_end(&pending) {
        chain.ended(&host, pending);
    }
    let lines = host.log_lines().into_iter();
    let lines = lines.map(|line| line.replace("Info: ", "")).collect();
    (lines, host)
}

#[test]
fn each_filter_is_told_what_its_own_module_would_tell_it() {
    use Does::{Continues, Denies, Fails, WaitsOnce};
    let all = "body trailers end";
    let cases: [(&str, Vec<Pair>, u32, &[&str]); 10] = [
        (
            "requests in order, the rest in reverse; each to those that want it",
            vec![
                both("a", Continues, all),
                end("b", Continues, all),
                both("c", Continues, ""),
                both("d", Continues, all),
            ],
            1,
            &[
                "a request",
                "b request",
                "c request",
                "d request",
                "a request trailers",
                "d request trailers",
                "d response",
                "c response",
                "b response",
                "a response",
                "d one",
                "a one",
                "d response trailers",
                "a response trailers",
                "a end after 1",
                "b end after 1",
                "d end after 1",
            ],
        ),
        (
            "nothing wanted",
            vec![both("a", Continues, ""), end("b", Continues, "")],
            1,
            &["a request", "b request", "b response", "a response"],
        ),
        (
            "a denial: those after it see nothing of the stream",
            vec![
                both("a", Continues, all),
                end("b", Denies, "end"),
                both("c", Continues, all),
            ],
            1,
            &[
                "a request",
                "b request",
                "b response",
                "a response",
                "a one",
                "a response trailers",
                "a end after 1",
                "b end after 1",
            ],
        ),
        (
            "a failure is a denial",
            vec![
                both("a", Continues, "end"),
                end("b", Fails, "end"),
                both("c", Continues, all),
            ],
            1,
            &[
                "a request",
                "b request",
                "b response",
                "a response",
                "a end after 1",
                "b end after 1",
            ],
        ),
        (
            "who waits is asked anew, those before it are not",
            vec![
                end("a", Continues, "end"),
                end("b", WaitsOnce, "end"),
                end("c", Continues, "end"),
            ],
            2,
            &[
                "a request",
                "b request",
                "b request",
                "c request",
                "c response",
                "b response",
                "a response",
                "a end after 1",
                "b end after 2",
                "c end after 1",
            ],
        ),
        (
            "one that goes away while it waits: the last has not seen it",
            vec![
                end("a", Continues, "end"),
                end("b", WaitsOnce, "end"),
                end("c", Continues, "end"),
            ],
            1,
            &[
                "a request",
                "b request",
                "b response",
                "a response",
                "a end after 1",
                "b end after 1",
            ],
        ),
        (
            "one that is answered while it waits: those that have decided change the response",
            vec![
                both("a", Continues, all),
                end("b", WaitsOnce, "deaf"),
                both("c", Continues, all),
            ],
            1,
            &[
                "a request",
                "b request",
                "a response",
                "a one",
                "a response trailers",
                "a end after 1",
            ],
        ),
        (
            "a response that nobody wants",
            vec![both("a", Continues, "deaf"), end("b", Denies, "deaf")],
            1,
            &["a request", "b request"],
        ),
        (
            "a response that some cannot change is changed by the others, and each says it",
            vec![
                both("a", Continues, "trailers failure"),
                both("b", Continues, "trailers"),
                end("c", Continues, "failure"),
            ],
            1,
            &[
                "a request",
                "b request",
                "c request",
                "a request trailers",
                "b request trailers",
                "c response",
                "Error: gatehouse end: response not changed as configured: proxy_test answered status 10",
                "b response",
                "a response",
                "Error: gatehouse both: response not changed as configured: proxy_test answered status 10",
                "b response trailers",
                "a response trailers",
                "Error: gatehouse both: response trailers not changed as configured: proxy_test answered status 10",
            ],
        ),
        (
            "one that is not told of trailers is told of the rest",
            vec![
                both("a", Continues, "deaf trailers"),
                both("b", Continues, "deaf"),
            ],
            1,
            &[
                "a request",
                "b request",
                "a request trailers",
                "a response trailers",
            ],
        ),
    ];
    for (name, links, times, expected) in cases {
        assert_eq!(stream(links, times).0, expected, "{name}");
    }
}

/// Log lines and reasons have the name of the filter that failed, as its own module would say it.
#[test]
fn who_was_asked_last_is_at_fault() {
    use Does::{Continues, Denies, Fails, WaitsOnce};
    let cases: [(&str, [Pair; 2], &str); 5] = [
        (
            "the first fails",
            [both("a", Fails, ""), end("b", Continues, "")],
            "both",
        ),
        (
            "the last fails",
            [both("a", Continues, ""), end("b", Fails, "")],
            "end",
        ),
        (
            "the first waits",
            [end("a", WaitsOnce, ""), both("b", Continues, "")],
            "end",
        ),
        (
            "the last denies",
            [end("a", Continues, ""), both("b", Denies, "")],
            "both",
        ),
        (
            "all go on, and the first is asked about trailers",
            [both("a", Continues, "trailers"), end("b", Continues, "")],
            "both",
        ),
    ];
    for (name, links, expected) in cases {
        let chain = Chain::of(links.into());
        let host = FakeHost::default();
        host.begin([]);
        let mut exchange = Exchange::default();
        let mut pending = Kept::default();
        let verdict = chain.request(&mut Request::new(&host, &mut exchange), &mut pending);
        if verdict == Ok(Verdict::Continue) {
            assert_eq!(chain.asked_last(&pending), Some("end"), "{name}");
            let mut trailers = Trailers::new(&host, &exchange, HeaderMap::RequestTrailers);
            chain.request_trailers(&mut trailers, &mut pending).unwrap();
        }
        assert_eq!(chain.asked_last(&pending), Some(expected), "{name}");
    }
}

#[test]
fn trailers_are_those_that_the_filter_before_left() {
    let all = "trailers";
    let links = || {
        vec![
            both("a", Does::Continues, all),
            both("b", Does::Continues, all),
        ]
    };
    let (_, host) = stream(links(), 1);
    let by = |map, order: [&str; 2]| {
        let expected = order.map(|name| ("x-by".to_owned(), name.to_owned()));
        assert_eq!(host.trailers(map), expected);
    };
    by(HeaderMap::RequestTrailers, ["a", "b"]);
    by(HeaderMap::ResponseTrailers, ["b", "a"]);
}

/// A filter that wants a chunk pays for it, and the others do not.
#[test]
fn what_nobody_wants_costs_no_host_call() {
    let calls = |wants| {
        let links = vec![
            both("a", Does::Continues, wants),
            end("b", Does::Continues, ""),
        ];
        let (_, host) = stream(links, 1);
        let mut calls = host.calls();
        calls.remove("proxy_log");
        calls.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(calls(""), []);
    assert_eq!(calls("body"), [("proxy_get_buffer_bytes", 1)]);
    assert_eq!(calls("trailers"), [("proxy_add_header_map_value", 2)]);
}
