//! What becomes of requests, whatever Envoy and filters do.

use super::*;
use crate::stream::{MAX_BODIES, MAX_WAITING};
use gatehouse_host::{
    Callout, Clock as _, ConfigureError, Expression, HttpFilter, Level, Reads, Response,
    ResponseChunk,
};
use gatehouse_host_fake::FakeHost;
use std::cell::Cell;
use std::rc::Rc;

/// Does what the path says, and counts how often it was asked in `x-asked`. The query says what
/// more it wants: `body` (of the response), `trailers`, `hold` (something until the stream ends), `when` (what
/// the expression [`WHEN`] comes to, each time it is asked); and what it does not: `deaf` (the response).
struct Obedient {
    ticks: bool,
}

/// How often it was asked about a request.
#[derive(Default)]
struct Asked {
    times: u32,
    query: String,
    chunks: u32,
    first_is_done: bool,
}

impl Module for Obedient {
    const NAME: &'static str = "obedient";

    fn configure(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
        _: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        match configuration {
            b"bad" => Err(ConfigureError::Configuration("a: is bad".to_owned())),
            _ => Ok(Self {
                ticks: environment("TICKS").is_some(),
            }),
        }
    }
}

impl HttpFilter for Obedient {
    type Pending = Asked;

    const WANTS_END: bool = true;
    const WANTS_RESPONSE_BODY: bool = true;
    const WANTS_TRAILERS: bool = true;

    fn request(&self, request: &mut Request<'_>, asked: &mut Asked) -> Result<Verdict> {
        asked.times += 1;
        let until = request.now()?.after(Duration::from_secs(5));
        let path = request.headers()?.all(":path").next().unwrap_or_default();
        let path = String::from_utf8_lossy(path).into_owned();
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        asked.query = query.to_owned();
        let waited = asked.times > 1;
        if asked.query.contains("when") {
            let line = format!("{:?}", request.holds(WHEN).map_err(|error| error.status));
            request.host().log(Level::Info, &line);
        }
        Ok(match path {
            "/deny" => Verdict::Deny(broken(Self::NAME, "because")),
            "/fail" => return Err(malformed()),
            "/wait" if !waited => self.wait(request, until)?,
            "/wait-then-deny" if !waited => self.wait(request, until)?,
            "/wait-then-deny" => Verdict::Deny(broken(Self::NAME, "because")),
            "/wait-then-fail" if !waited => self.wait(request, until)?,
            "/wait-then-fail" => return Err(malformed()),
            "/wait-on" => self.wait(request, until)?,
            "/wait-while-it-may" if request.wait_is_over() => {
                Verdict::Deny(broken(Self::NAME, "late"))
            }
            "/wait-while-it-may" => self.wait(request, until)?,
            // As two filters, of which the second waits too. The first says that it goes on once.
            "/two-filters" if !request.wait_is_over() => self.wait(request, until)?,
            "/two-filters" if asked.first_is_done => Verdict::Deny(broken(Self::NAME, "late")),
            "/two-filters" => {
                asked.first_is_done = true;
                request.next_filter();
                match request.wait_is_over() {
                    true => Verdict::Deny(broken(Self::NAME, "no_turn")),
                    false => self.wait(request, until)?,
                }
            }
            // As two parts of one filter: a body first, then a service.
            "/body-then-service" if asked.first_is_done => {
                Verdict::Deny(broken(Self::NAME, "answered"))
            }
            "/body-then-service" if request.body() == Body::Coming && !request.wait_is_over() => {
                Verdict::WaitForBody { most: 10, until }
            }
            "/body-then-service" => {
                asked.first_is_done = true;
                request.next_turn();
                match request.wait_is_over() {
                    true => Verdict::Deny(broken(Self::NAME, "no_turn")),
                    false => self.wait(request, until)?,
                }
            }
            "/body" => match request.body() {
                Body::Coming => Verdict::WaitForBody { most: 10, until },
                Body::TooLong => Verdict::Deny(broken(Self::NAME, "too_long")),
                Body::Complete(_) => {
                    let body = request.body_bytes()?;
                    request.set("x-body", &body)?;
                    Verdict::Continue
                }
            },
            "/wait-then-body" if !waited => self.wait(request, until)?,
            "/wait-then-body" => match request.body() {
                Body::Coming => Verdict::WaitForBody { most: 10, until },
                _ => Verdict::Continue,
            },
            _ => Verdict::Continue,
        })
    }

    fn foresee(&self, request: &mut Request<'_>) {
        request.foresee(WHEN, &Rc::new(Reads::Headers(Vec::new())));
    }

    fn response(&self, response: &mut Response<'_>, asked: &mut Asked) -> Result<()> {
        if !response.has_body() {
            response.host().log(Level::Info, "no body");
        }
        response.set("x-asked", asked.times.to_string().as_bytes())
    }

    fn wants_response(&self, asked: &Asked) -> bool {
        !asked.query.contains("deaf")
    }

    /// Three chunks at most.
    fn wants_response_body(&self, asked: &Asked) -> bool {
        asked.query.contains("body") && asked.chunks < 3
    }

    fn response_body(&self, chunk: &mut ResponseChunk<'_>, asked: &mut Asked) {
        asked.chunks += 1;
        let bytes = chunk.bytes(0, 100).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let last = if chunk.is_last() { ", the last" } else { "" };
        chunk.host().log(Level::Info, &format!("[{text}]{last}"));
    }

    fn wants_trailers(&self, asked: &Asked) -> bool {
        asked.query.contains("trailers")
    }

    fn request_trailers(&self, trailers: &mut Trailers<'_>, _: &mut Asked) -> Result<()> {
        trailers.host().log(Level::Info, "request trailers");
        trailers.remove("x-secret")
    }

    fn response_trailers(&self, trailers: &mut Trailers<'_>, _: &mut Asked) -> Result<()> {
        trailers.host().log(Level::Info, "response trailers");
        trailers.remove("x-secret")
    }

    fn wants_end(&self, asked: &Asked) -> bool {
        asked.query.contains("hold")
    }

    fn ended(&self, host: &dyn Host, asked: Asked) {
        let line = format!("ended after {}", asked.times);
        host.log(Level::Info, &line);
    }

    /// The callout is the stream.
    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        if let Some(status) = answer.grpc_status() {
            let message = answer.body(8).unwrap();
            let text = answer.grpc_status_text().unwrap();
            let line = format!(
                "grpc {status} {message:?} of {} {text:?}",
                answer.body_size()
            );
            answer.host().log(Level::Info, &line);
        }
        if answer.headers().is_ok() {
            wake.push(StreamId(callout.0));
        }
    }

    /// Wakes a stream that there is not.
    fn tick(&self, _: &dyn Host, wake: &mut Vec<StreamId>) {
        wake.push(StreamId(4_000_000_000));
    }

    fn tick_period(&self) -> Option<Duration> {
        self.ticks.then_some(Duration::from_millis(100))
    }
}

impl Obedient {
    fn wait(&self, request: &Request<'_>, until: gatehouse_host::Timestamp) -> Result<Verdict> {
        request.host().call_out(&Callout {
            cluster: "c".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(1),
        })?;
        Ok(Verdict::Wait { until })
    }
}

fn malformed() -> gatehouse_host::HostError {
    gatehouse_host::HostError {
        call: "proxy_get_property",
        status: gatehouse_host::Status::Malformed,
    }
}

/// The first expression that the host knows.
const WHEN: Expression = Expression(0);

const ROOT: u32 = 1;
const STREAM: u32 = 2;

/// One VM with one plugin.
struct Vm {
    all: Dispatcher<Obedient>,
    host: FakeHost,
    configuration: &'static [u8],
    ticks: bool,
    period: Cell<Option<Duration>>,
    entered: Cell<Option<StreamId>>,
    resumed: Cell<u32>,
    gone: Cell<bool>,
}

impl Control for Vm {
    fn plugin_configuration(&self, _: usize) -> Result<Vec<u8>> {
        Ok(self.configuration.to_vec())
    }

    fn environment(&self, _: &str) -> Option<String> {
        self.ticks.then(String::new)
    }

    fn set_tick_period(&self, period: Duration) -> Result<()> {
        self.period.set(Some(period));
        Ok(())
    }

    fn enter(&self, stream: StreamId) -> Result<()> {
        self.entered.set(Some(stream));
        match self.gone.get() {
            true => Err(malformed()),
            false => Ok(()),
        }
    }

    fn resume_request(&self) -> Result<()> {
        self.resumed.set(self.resumed.get() + 1);
        Ok(())
    }
}

impl Vm {
    fn new(ticks: bool) -> Self {
        let vm = Self {
            all: Dispatcher::new(),
            host: FakeHost::default(),
            configuration: b"",
            ticks,
            period: Cell::default(),
            entered: Cell::default(),
            resumed: Cell::default(),
            gone: Cell::default(),
        };
        assert!(vm.all.configure(ROOT, 0, &vm.host, &vm));
        vm.entered.set(None);
        vm
    }

    /// A request whose headers arrive, with a body to follow.
    fn begin(&self, stream: u32, path: &str) -> Action {
        self.host.begin([(":path", path.as_bytes())]);
        self.all.create(stream, ROOT);
        self.all.request_headers(stream, false, &self.host)
    }

    fn answer(&self, stream: u32) {
        self.host.answer([(":status", &b"200"[..])], "");
        self.all
            .http_call_response(ROOT, stream, (1, 0), &self.host, self);
    }

    /// The details of the replies so far.
    fn replies(&self) -> Vec<String> {
        let replies = self.host.replies().into_iter();
        replies
            .map(|reply| reply.details.replace("gatehouse.obedient.", ""))
            .collect()
    }

    /// Something happens to the stream.
    fn happens(&self, event: Event) {
        match event {
            Event::RequestTrailers => {
                self.all.request_trailers(STREAM, &self.host);
            }
            Event::RequestBody(size, end) => {
                self.all.request_body(STREAM, size, end, &self.host);
            }
            Event::Answer => self.answer(STREAM),
            Event::Response => self.all.response_headers(STREAM, false, &self.host),
            Event::WholeResponse => self.all.response_headers(STREAM, true, &self.host),
            Event::Chunk(bytes) => {
                self.host.chunk(bytes, false);
                self.all
                    .response_body(STREAM, bytes.len(), false, &self.host);
            }
            Event::LastChunk(bytes) => {
                self.host.chunk(bytes, true);
                self.all
                    .response_body(STREAM, bytes.len(), true, &self.host);
            }
            Event::ResponseTrailers => self.all.response_trailers(STREAM, &self.host),
            Event::Gone => self.gone.set(true),
            Event::Tick => {
                self.host.advance(Duration::from_secs(5));
                self.all.tick(ROOT, &self.host, self);
            }
            Event::Delete => self.all.delete(STREAM, &self.host),
        }
    }

    /// What the filter wrote down of what it was told.
    fn told(&self) -> Vec<String> {
        let lines = self.host.log_lines().into_iter();
        lines
            .filter_map(|line| line.strip_prefix("Info: ").map(str::to_owned))
            .collect()
    }

    /// How often the filter had been asked about the request, once its response is there.
    fn asked(&self, stream: u32) -> String {
        self.host.respond([(":status", &b"200"[..])]);
        self.all.response_headers(stream, false, &self.host);
        let headers = self.host.response_headers();
        let asked = headers.iter().find(|(name, _)| name == "x-asked");
        asked.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

#[test]
fn requests_that_do_not_wait() {
    let cases: [(&str, Action, &[&str], &str); 3] = [
        ("/", Action::Continue, &[], "1"),
        ("/deny", Action::Pause, &["because"], "1"),
        ("/fail", Action::Pause, &["host_error"], "1"),
    ];
    for (path, action, replies, asked) in cases {
        let vm = Vm::new(false);
        assert_eq!(vm.begin(STREAM, path), action, "{path}");
        assert_eq!(vm.replies(), replies, "{path}");
        // Envoy sends none of one that was answered.
        let body = vm.all.request_body(STREAM, 10, true, &vm.host);
        assert_eq!(body, Action::Continue, "{path}");
        assert_eq!(vm.asked(STREAM), asked, "{path}");
        assert_eq!(vm.period.get(), None);
    }
}

#[test]
fn requests_that_wait_are_asked_about_anew() {
    let cases: [(&str, u32, &[&str], &str); 4] = [
        ("/wait", 1, &[], "2"),
        ("/wait-then-deny", 0, &["because"], "2"),
        ("/wait-then-fail", 0, &["host_error"], "2"),
        // Held again, not resumed.
        ("/wait-on", 0, &[], "2"),
    ];
    for (path, resumed, replies, asked) in cases {
        let vm = Vm::new(true);
        assert_eq!(vm.begin(STREAM, path), Action::Pause, "{path}");
        assert_eq!(vm.host.take_callouts().len(), 1, "{path}");
        // A body that comes meanwhile is held.
        let body = vm.all.request_body(STREAM, 10, false, &vm.host);
        assert_eq!(body, Action::Pause, "{path}");
        vm.answer(STREAM);
        assert_eq!(vm.entered.get(), Some(StreamId(STREAM)), "{path}");
        assert_eq!(vm.resumed.get(), resumed, "{path}");
        assert_eq!(vm.replies(), replies, "{path}");
        // A second answer finds nobody waiting, or somebody who waits again.
        if path != "/wait-on" {
            vm.answer(STREAM);
            assert_eq!(vm.resumed.get(), resumed, "{path}");
            assert_eq!(vm.replies(), replies, "{path}");
        }
        assert_eq!(vm.asked(STREAM), asked, "{path}");
    }
}

#[test]
fn a_wait_ends() {
    // Nobody answers: at the end of the wait the filter is asked for the last time.
    let vm = Vm::new(true);
    for (stream, path) in [(2, "/wait-while-it-may"), (3, "/wait-on")] {
        assert_eq!(vm.begin(stream, path), Action::Pause);
    }
    vm.host.begin([(":path", &b"/wait-while-it-may"[..])]);
    vm.all.tick(ROOT, &vm.host, &vm);
    assert!(vm.replies().is_empty());
    vm.host.advance(Duration::from_secs(5));
    vm.all.tick(ROOT, &vm.host, &vm);
    // One host has one stream: both are asked with the same path.
    assert_eq!(vm.replies(), ["late", "late"]);
    vm.all.tick(ROOT, &vm.host, &vm);
    assert_eq!(vm.replies().len(), 2);

    let vm = Vm::new(true);
    vm.begin(STREAM, "/wait-on");
    vm.host.advance(Duration::from_secs(5));
    vm.all.tick(ROOT, &vm.host, &vm);
    assert_eq!(vm.replies(), ["cannot_wait"]);
}

/// Of a module of several filters, each has its time; where there is no room, none has.
#[test]
fn a_filter_after_one_that_waited_has_a_wait_of_its_own() {
    let vm = Vm::new(true);
    assert_eq!(vm.begin(STREAM, "/two-filters"), Action::Pause);
    for _ in 0..2 {
        assert!(vm.replies().is_empty());
        // One tick before the end of the wait, which is counted from when it began.
        vm.host.advance(Duration::from_secs(4));
        vm.all.tick(ROOT, &vm.host, &vm);
        assert!(vm.replies().is_empty());
        vm.host.advance(Duration::from_secs(1));
        vm.all.tick(ROOT, &vm.host, &vm);
    }
    assert_eq!(vm.replies(), ["late"]);
    assert_eq!(vm.resumed.get(), 0);

    let vm = Vm::new(false);
    assert_eq!(vm.begin(STREAM, "/two-filters"), Action::Pause);
    assert_eq!(vm.replies(), ["no_turn"]);

    // So many waits are all that a request has, of whichever filters.
    let vm = Vm::new(true);
    vm.begin(STREAM, "/two-filters");
    for _ in 1..MAX_WAITS {
        vm.answer(STREAM);
    }
    assert!(vm.replies().is_empty());
    vm.answer(STREAM);
    assert_eq!(vm.replies(), ["no_turn"]);
}

#[test]
fn nobody_waits_for_ever() {
    let vm = Vm::new(true);
    vm.begin(STREAM, "/wait-while-it-may");
    for _ in 1..MAX_WAITS {
        vm.answer(STREAM);
        assert!(vm.replies().is_empty());
    }
    vm.answer(STREAM);
    assert_eq!(vm.replies(), ["late"]);
    assert_eq!(vm.resumed.get(), 0);
}

#[test]
fn a_filter_without_a_tick_cannot_wait() {
    let vm = Vm::new(false);
    assert_eq!(vm.begin(STREAM, "/wait"), Action::Continue);
    assert_eq!(vm.begin(3, "/wait-while-it-may"), Action::Pause);
    assert_eq!(vm.replies(), ["late"]);
    assert_eq!(vm.begin(4, "/wait-on"), Action::Pause);
    assert_eq!(vm.replies(), ["cannot_wait"]);
}

#[test]
fn so_many_wait_and_no_more() {
    let vm = Vm::new(true);
    let most = u32::try_from(MAX_WAITING).unwrap();
    for stream in 2..most + 2 {
        assert_eq!(vm.begin(stream, "/wait-while-it-may"), Action::Pause);
        assert!(vm.replies().is_empty());
    }
    assert_eq!(vm.begin(most + 2, "/wait-while-it-may"), Action::Pause);
    assert_eq!(vm.replies(), ["late"]);
    // The room of one that went away is another's.
    vm.all.delete(2, &vm.host);
    assert_eq!(vm.begin(most + 3, "/wait-while-it-may"), Action::Pause);
    assert!(vm.replies().is_empty());
}

/// How long bodies take is up to clients: that must not keep a filter from asking its service.
#[test]
fn bodies_take_half_of_the_room() {
    let vm = Vm::new(true);
    let bodies = u32::try_from(MAX_BODIES).unwrap();
    let most = u32::try_from(MAX_WAITING).unwrap();
    for stream in 2..bodies + 2 {
        assert_eq!(vm.begin(stream, "/body-then-service"), Action::Pause);
    }
    // It does not wait for its body, and it waits for its service.
    vm.begin(bodies + 2, "/body-then-service");
    assert_eq!(vm.replies(), [""; 0]);
    vm.answer(bodies + 2);
    assert_eq!(vm.replies(), ["answered"]);
    // Who can do nothing without a body is refused.
    assert_eq!(vm.begin(bodies + 3, "/body"), Action::Pause);
    assert_eq!(vm.replies(), ["cannot_wait"]);
    // The room of a body that went away, or that came, is another's.
    vm.all.delete(2, &vm.host);
    vm.begin(bodies + 4, "/body");
    assert_eq!(vm.replies(), [""; 0]);
    // With all of the room taken, nobody waits.
    for stream in bodies + 5..most + 5 {
        vm.begin(stream, "/wait-on");
    }
    vm.replies();
    vm.begin(most + 5, "/body-then-service");
    assert_eq!(vm.replies(), ["no_turn"]);
}

#[test]
fn those_that_went_away_take_no_room() {
    let vm = Vm::new(true);
    let most = u32::try_from(MAX_WAITING).unwrap();
    for stream in 2..most + 2 {
        vm.begin(stream, "/wait-on");
    }
    vm.gone.set(true);
    vm.all.tick(ROOT, &vm.host, &vm);
    assert!(!vm.all.streams.borrow().any_waiting());
    // Few are left alone.
    vm.gone.set(false);
    vm.begin(most + 2, "/wait-on");
    vm.gone.set(true);
    vm.all.tick(ROOT, &vm.host, &vm);
    assert!(vm.all.streams.borrow().any_waiting());
}

#[test]
fn bodies() {
    /// What arrives: how many bytes are held, whether that is all.
    type Chunks<'c> = &'c [(usize, bool)];
    let cases: [(&str, Chunks<'_>, Action, &[&str]); 5] = [
        ("at once", &[(10, true)], Action::Continue, &[]),
        (
            "in parts",
            &[(3, false), (6, false), (9, true)],
            Action::Continue,
            &[],
        ),
        ("empty after all", &[(0, true)], Action::Continue, &[]),
        (
            "too long",
            &[(3, false), (11, false)],
            Action::Pause,
            &["too_long"],
        ),
        (
            "too long, and all",
            &[(11, true)],
            Action::Pause,
            &["too_long"],
        ),
    ];
    for (name, chunks, action, replies) in cases {
        let vm = Vm::new(true);
        assert_eq!(vm.begin(STREAM, "/body"), Action::Pause, "{name}");
        vm.host.body_is("0123456789ab");
        let mut last = Action::Pause;
        for (size, end) in chunks {
            assert_eq!(last, Action::Pause, "{name}");
            last = vm.all.request_body(STREAM, *size, *end, &vm.host);
        }
        assert_eq!(last, action, "{name}");
        assert_eq!(vm.replies(), replies, "{name}");
        assert_eq!(vm.resumed.get(), 0, "{name}: the callback says it");
        if action == Action::Continue {
            let (size, _) = chunks.last().unwrap();
            let headers = vm.host.request_headers();
            let sent = headers.iter().find(|(name, _)| name == "x-body").unwrap();
            assert_eq!(sent.1.as_bytes(), &b"0123456789"[..*size], "{name}");
            // More of it, which Envoy does not do, goes the same way.
            assert_eq!(
                vm.all.request_body(STREAM, 1, true, &vm.host),
                Action::Continue
            );
        }
    }
}

#[test]
fn a_body_ends_with_trailers_too() {
    let vm = Vm::new(true);
    vm.begin(STREAM, "/body");
    vm.host.body_is("abc");
    assert_eq!(
        vm.all.request_body(STREAM, 3, false, &vm.host),
        Action::Pause
    );
    assert_eq!(vm.all.request_trailers(STREAM, &vm.host), Action::Continue);
    let headers = vm.host.request_headers();
    assert!(headers.contains(&("x-body".to_owned(), "abc".to_owned())));
}

#[test]
fn there_may_be_no_body() {
    let vm = Vm::new(true);
    vm.host.begin([(":path", &b"/body"[..])]);
    vm.all.create(STREAM, ROOT);
    let action = vm.all.request_headers(STREAM, true, &vm.host);
    assert_eq!(action, Action::Continue);
}

#[test]
fn a_body_that_came_during_another_wait_is_known() {
    let vm = Vm::new(true);
    vm.begin(STREAM, "/wait-then-body");
    vm.all.request_body(STREAM, 4, false, &vm.host);
    vm.all.request_body(STREAM, 8, true, &vm.host);
    vm.answer(STREAM);
    assert_eq!(vm.resumed.get(), 1);

    // And one that has only begun is waited for.
    let vm = Vm::new(true);
    vm.begin(STREAM, "/wait-then-body");
    vm.all.request_body(STREAM, 4, false, &vm.host);
    vm.answer(STREAM);
    assert_eq!(vm.resumed.get(), 0);
    assert_eq!(
        vm.all.request_body(STREAM, 8, true, &vm.host),
        Action::Continue
    );
}

#[test]
fn streams_that_go_away_are_forgotten() {
    let vm = Vm::new(true);
    vm.begin(STREAM, "/wait");
    vm.all.delete(STREAM, &vm.host);
    vm.answer(STREAM);
    assert_eq!(vm.entered.get(), None);
    // Envoy lets go of it first, and says so later.
    vm.begin(STREAM, "/wait");
    vm.gone.set(true);
    vm.answer(STREAM);
    assert_eq!((vm.resumed.get(), vm.replies().len()), (0, 0));
    // Clients come and go: a line for each would be theirs to write.
    assert_eq!(vm.host.log_lines(), [""; 0]);
}

#[test]
fn what_is_not_known_does_not_go_on() {
    let vm = Vm::new(true);
    // Of a plugin that was never configured.
    vm.all.create(STREAM, 77);
    assert_eq!(
        vm.all.request_headers(STREAM, true, &vm.host),
        Action::Pause
    );
    assert_eq!(vm.replies(), ["not_configured"]);
    // Never begun.
    vm.host.begin([]);
    assert_eq!(vm.all.request_headers(9, true, &vm.host), Action::Pause);
    assert_eq!(vm.replies(), ["not_configured"]);
    vm.all.response_headers(9, false, &vm.host);
    vm.all.http_call_response(77, 9, (0, 0), &vm.host, &vm);
    vm.all.tick(77, &vm.host, &vm);
    vm.all.delete(9, &vm.host);
}

#[test]
fn configurations() {
    let mut vm = Vm::new(true);
    assert_eq!(vm.period.get(), Some(Duration::from_millis(100)));
    vm.configuration = b"bad";
    assert!(!vm.all.configure(3, 3, &vm.host, &vm));
    let log = vm.host.log_lines();
    assert_eq!(
        log,
        ["Error: gatehouse obedient: configuration refused:\na: is bad"]
    );
    // The one before serves on, until its root context goes.
    assert_eq!(vm.begin(STREAM, "/"), Action::Continue);
    vm.all.delete(STREAM, &vm.host);
    vm.all.delete(ROOT, &vm.host);
    assert_eq!(vm.begin(STREAM, "/"), Action::Pause);
    assert_eq!(vm.replies(), ["not_configured"]);
}

#[test]
fn no_reply_is_no_passage() {
    let vm = Vm::new(false);
    for call in ["proxy_set_property", "proxy_send_local_response"] {
        vm.host.fail(call, gatehouse_host::Status::Code(10));
    }
    assert_eq!(vm.begin(STREAM, "/deny"), Action::Pause);
    assert_eq!(vm.host.now().unwrap(), FakeHost::START);
    assert_eq!(vm.host.log_lines().len(), 2);
    let body = vm.all.request_body(STREAM, 1, true, &vm.host);
    assert_eq!(body, Action::Pause);
    assert_eq!(vm.all.request_trailers(STREAM, &vm.host), Action::Pause);
}

#[test]
fn plugins_that_are_gone_are_forgotten() {
    let vm = Vm::new(false);
    assert!(vm.all.configure(3, 0, &vm.host, &vm));
    assert_eq!(vm.all.plugins.roots(), [ROOT, 3]);
    assert_eq!(vm.entered.get(), Some(StreamId(3)));
    vm.gone.set(true);
    assert!(vm.all.configure(4, 0, &vm.host, &vm));
    assert_eq!(vm.all.plugins.roots(), [4]);
}

#[test]
fn contexts_that_nothing_follows_take_no_room() {
    let vm = Vm::new(false);
    for stream in 2..10_000 {
        vm.all.create(stream, ROOT);
    }
    vm.host.begin([(":path", &b"/"[..])]);
    for (stream, action) in [(9_999, Action::Continue), (2, Action::Pause)] {
        let seen = vm.all.request_headers(stream, true, &vm.host);
        assert_eq!(seen, action, "{stream}");
    }
}

/// What happens to a stream after its request headers.
#[derive(Debug, Clone, Copy)]
enum Event {
    RequestTrailers,
    /// So much is held of the body, and whether that is all.
    RequestBody(usize, bool),
    Answer,
    Response,
    /// A response that is complete with its headers.
    WholeResponse,
    Chunk(&'static str),
    LastChunk(&'static str),
    ResponseTrailers,
    Gone,
    Tick,
    Delete,
}

#[test]
fn the_end_of_a_stream_is_told_once() {
    use Event::{Answer, Delete, Gone, Response, Tick};
    let cases: [(&str, &str, &[Event], &[&str]); 14] = [
        (
            "answered",
            "/?hold",
            &[Response, Delete],
            &["ended after 1"],
        ),
        ("nothing held", "/", &[Response, Delete], &[]),
        (
            "reset before the response",
            "/?hold",
            &[Delete],
            &["ended after 1"],
        ),
        ("the same, nothing held", "/", &[Delete], &[]),
        (
            "a response that Envoy replaces by its own",
            "/?hold",
            &[Response, Response, Delete],
            &["ended after 1"],
        ),
        (
            "denied",
            "/deny?hold",
            &[Response, Delete],
            &["ended after 1"],
        ),
        (
            "denied, and gone before it is said",
            "/deny?hold",
            &[Delete],
            &["ended after 1"],
        ),
        (
            "the host failed",
            "/fail?hold",
            &[Response, Delete],
            &["ended after 1"],
        ),
        (
            "gone while it waits",
            "/wait?hold",
            &[Delete, Answer],
            &["ended after 1"],
        ),
        (
            "gone while it waits, seen first by the one who wakes it",
            "/wait?hold",
            &[Gone, Answer, Delete],
            &["ended after 1"],
        ),
        (
            "answered after a wait",
            "/wait?hold",
            &[Answer, Response, Delete],
            &["ended after 2"],
        ),
        (
            "denied after a wait",
            "/wait-then-deny?hold",
            &[Answer, Response, Delete],
            &["ended after 2"],
        ),
        (
            "never answered, never decided",
            "/wait-on?hold",
            &[Tick, Response, Delete],
            &["ended after 2"],
        ),
        (
            "Envoy says it twice, which it does not",
            "/?hold",
            &[Delete, Delete],
            &["ended after 1"],
        ),
    ];
    for (name, path, events, expected) in cases {
        let vm = Vm::new(true);
        vm.begin(STREAM, path);
        events.iter().for_each(|event| vm.happens(*event));
        assert_eq!(vm.told(), expected, "{name}");
        assert!(vm.all.streams.borrow().is_empty(), "{name}");
    }
}

#[test]
fn what_is_held_is_given_back_also_where_no_reply_could_be_sent() {
    let vm = Vm::new(false);
    vm.host.fail(
        "proxy_send_local_response",
        gatehouse_host::Status::Code(10),
    );
    assert_eq!(vm.begin(STREAM, "/deny?hold"), Action::Pause);
    assert_eq!(
        vm.all.request_body(STREAM, 1, true, &vm.host),
        Action::Pause
    );
    assert_eq!(vm.told(), [""; 0]);
    vm.all.delete(STREAM, &vm.host);
    assert_eq!(vm.told(), ["ended after 1"]);
}

#[test]
fn a_crowd_that_went_away_gives_back_what_it_held() {
    let vm = Vm::new(true);
    let most = u32::try_from(MAX_WAITING).unwrap();
    for stream in 2..most + 2 {
        vm.begin(stream, "/wait-on?hold");
    }
    vm.gone.set(true);
    vm.all.tick(ROOT, &vm.host, &vm);
    assert_eq!(vm.told().len(), MAX_WAITING);
    for stream in 2..most + 2 {
        vm.all.delete(stream, &vm.host);
    }
    assert_eq!(vm.told().len(), MAX_WAITING);
}

/// Nothing is kept of a stream whose filter wants to know no more.
#[test]
fn a_response_is_changed_once() {
    let vm = Vm::new(false);
    vm.begin(STREAM, "/?hold");
    assert_eq!(vm.asked(STREAM), "1");
    assert_eq!(vm.asked(STREAM), "", "the second response is not changed");
    vm.begin(3, "/");
    assert_eq!(vm.asked(3), "1");
    vm.all.delete(STREAM, &vm.host);
    assert!(vm.all.streams.borrow().is_empty());
}

#[test]
fn what_follows_of_a_stream_goes_to_a_filter_that_wants_it() {
    use Event::{
        Answer, Chunk, Delete, LastChunk, RequestBody, RequestTrailers, Response, ResponseTrailers,
        WholeResponse,
    };
    let whole_stream = [
        RequestTrailers,
        Response,
        Chunk("ab"),
        LastChunk("c"),
        ResponseTrailers,
        Delete,
    ];
    let cases: [(&str, &str, &[Event], &[&str]); 14] = [
        ("nothing wanted", "/", &whole_stream, &[]),
        (
            "a body in chunks",
            "/?body",
            &[Response, Chunk("ab"), Chunk(""), LastChunk("c"), Delete],
            &["[ab]", "[]", "[c], the last"],
        ),
        (
            "no more of a body than it wants",
            "/?body",
            &[
                Response,
                Chunk("a"),
                Chunk("b"),
                Chunk("c"),
                LastChunk("d"),
                Delete,
            ],
            &["[a]", "[b]", "[c]"],
        ),
        (
            "a body that trailers end",
            "/?body",
            &[Response, Chunk("ab"), ResponseTrailers, Delete],
            &["[ab]", "[], the last"],
        ),
        (
            "a body that trailers end, which are wanted too",
            "/?body,trailers",
            &[Response, Chunk("ab"), ResponseTrailers, Delete],
            &["[ab]", "[], the last", "response trailers"],
        ),
        (
            "a response without a body",
            "/?body",
            &[WholeResponse, Delete],
            &["no body"],
        ),
        (
            "a body that breaks off",
            "/?body,hold",
            &[Response, Chunk("ab"), Delete],
            &["[ab]", "ended after 1"],
        ),
        (
            "a chunk before the response, which Envoy does not do",
            "/?body",
            &[Chunk("ab"), Response, LastChunk("c"), Delete],
            &["[c], the last"],
        ),
        (
            "the body of a denial",
            "/deny?body",
            &[Response, LastChunk("no"), Delete],
            &["[no], the last"],
        ),
        (
            "trailers of both",
            "/?trailers",
            &whole_stream,
            &["request trailers", "response trailers"],
        ),
        (
            "a response that comes before the trailers of the request",
            "/?trailers",
            &[Response, RequestTrailers, LastChunk(""), Delete],
            &["request trailers"],
        ),
        (
            "trailers that came while the request waited",
            "/wait?trailers",
            &[RequestTrailers, Answer, Response, Delete],
            &["request trailers"],
        ),
        (
            "trailers that ended the body that the request waited for",
            "/body?trailers",
            &[RequestBody(3, false), RequestTrailers, Response, Delete],
            &["request trailers"],
        ),
        (
            "trailers of a request that is denied after its wait",
            "/wait-then-deny?trailers",
            &[RequestTrailers, Answer, Response, Delete],
            &[],
        ),
    ];
    for (name, path, events, expected) in cases {
        let vm = Vm::new(true);
        vm.begin(STREAM, path);
        vm.host.body_is("0123456789");
        events.iter().for_each(|event| vm.happens(*event));
        assert_eq!(vm.told(), expected, "{name}");
        assert!(vm.all.streams.borrow().is_empty(), "{name}");
    }
}

/// Envoy answers by itself what is too large or takes too long, also while it is held here. The filter has the
/// response as of a request that it decided on, and is not asked about the request again.
#[test]
fn a_request_that_is_answered_while_it_waits_waits_no_longer() {
    use Event::{
        Answer, Chunk, Delete, Gone, LastChunk, RequestBody, RequestTrailers, Response,
        ResponseTrailers, Tick, WholeResponse,
    };
    /// Name, path, what happens, what the filter is told, and how often it had been asked when it saw the response.
    type Case = (
        &'static str,
        &'static str,
        &'static [Event],
        &'static [&'static str],
        &'static str,
    );
    let cases: [Case; 15] = [
        ("held for a callout", "/wait", &[Response, Delete], &[], "1"),
        (
            "the callout is answered late",
            "/wait",
            &[Response, Answer, Delete],
            &[],
            "1",
        ),
        (
            "it would have been a denial",
            "/wait-then-deny",
            &[Response, Answer, Delete, Answer],
            &[],
            "1",
        ),
        (
            "it would have failed",
            "/wait-then-fail",
            &[Response, Answer, Delete],
            &[],
            "1",
        ),
        (
            "the end of the wait comes later",
            "/wait-on",
            &[Response, Tick, Tick, Delete],
            &[],
            "1",
        ),
        (
            "in the second wait",
            "/wait-on",
            &[Answer, Response, Answer, Delete],
            &[],
            "2",
        ),
        (
            "held for its body",
            "/body",
            &[RequestBody(8, false), Response, LastChunk("x"), Delete],
            &[],
            "1",
        ),
        (
            "held for its body, more of which comes, which Envoy does not do",
            "/body",
            &[Response, RequestBody(8, true), RequestTrailers, Delete],
            &[],
            "1",
        ),
        (
            "something is held",
            "/wait?hold",
            &[Response, Answer, Delete],
            &["ended after 1"],
            "1",
        ),
        (
            "something is held, and the client is gone",
            "/wait?hold",
            &[Response, Gone, Answer, Tick, Delete],
            &["ended after 1"],
            "1",
        ),
        (
            "the body of the response is wanted, and its trailers",
            "/wait?body,trailers",
            &[Response, Chunk("ab"), ResponseTrailers, Answer, Delete],
            &["[ab]", "[], the last", "response trailers"],
            "1",
        ),
        (
            "trailers of the request go nowhere",
            "/wait?trailers",
            &[RequestTrailers, Response, RequestTrailers, Answer, Delete],
            &[],
            "1",
        ),
        (
            "a response that Envoy replaces by its own",
            "/wait?hold",
            &[WholeResponse, Response, Answer, Delete],
            &["no body", "ended after 1"],
            "1",
        ),
        (
            "the response is not wanted",
            "/wait?deaf",
            &[Response, Answer, Delete],
            &[],
            "",
        ),
        (
            "the response is not wanted, and something is held",
            "/wait-then-deny?deaf,hold",
            &[Response, Answer, Tick, Delete],
            &["ended after 1"],
            "",
        ),
    ];
    for (name, path, events, told, asked) in cases {
        let vm = Vm::new(true);
        assert_eq!(vm.begin(STREAM, path), Action::Pause, "{name}");
        vm.host.respond([(":status", &b"504"[..])]);
        for event in events {
            vm.happens(*event);
            if matches!(event, Response) {
                assert!(!vm.all.streams.borrow().any_waiting(), "{name}");
                let body = vm.all.request_body(STREAM, 1, false, &vm.host);
                assert_eq!(body, Action::Pause, "{name}: it goes nowhere");
            }
        }
        assert_eq!(vm.told(), told, "{name}");
        assert_eq!((vm.resumed.get(), vm.replies().len()), (0, 0), "{name}");
        let headers = vm.host.response_headers();
        let seen: Vec<_> = headers
            .iter()
            .filter(|(name, _)| name == "x-asked")
            .collect();
        let seen = seen.first().map_or("", |(_, value)| value);
        assert_eq!(seen, asked, "{name}");
        assert!(vm.all.streams.borrow().is_empty(), "{name}");
    }
}

/// A stream takes no room where its filter wants nothing more of it, whatever its kind may want.
#[test]
fn nothing_is_kept_of_a_stream_that_nothing_is_wanted_of() {
    let cases = [
        ("/", 1),
        ("/?deaf", 0),
        ("/?deaf,hold", 1),
        ("/?deaf,trailers", 1),
        // What is wanted of a body is said once the response is there.
        ("/?deaf,body", 0),
        ("/deny?deaf", 0),
        ("/fail?deaf", 0),
        ("/wait", 1),
        ("/wait?deaf", 0),
    ];
    for (path, expected) in cases {
        let vm = Vm::new(true);
        if vm.begin(STREAM, path) == Action::Pause {
            vm.answer(STREAM);
        }
        assert_eq!(vm.all.streams.borrow().known(), expected, "{path}");
        vm.host.respond([(":status", &b"200"[..])]);
        let before = vm.host.call_count();
        vm.happens(Event::Response);
        if path.contains("deaf") {
            assert_eq!(vm.host.call_count(), before, "{path}");
        }
    }
}

#[test]
fn request_trailers_that_cannot_be_changed_do_not_pass() {
    for path in ["/?trailers", "/wait?trailers"] {
        let vm = Vm::new(true);
        let waits = vm.begin(STREAM, path) == Action::Pause;
        vm.host.fail(
            "proxy_remove_header_map_value",
            gatehouse_host::Status::Code(10),
        );
        let action = vm.all.request_trailers(STREAM, &vm.host);
        assert_eq!(action, Action::Pause, "{path}");
        if waits {
            vm.answer(STREAM);
        }
        assert_eq!(vm.replies(), ["host_error"], "{path}");
        assert_eq!(vm.resumed.get(), 0, "{path}");
        // A response's pass: there is nothing better to send.
        vm.all.response_headers(STREAM, false, &vm.host);
        vm.all.response_trailers(STREAM, &vm.host);
        assert_eq!(
            vm.host.log_lines().last().unwrap(),
            "Error: gatehouse obedient: response trailers not changed as configured: \
             proxy_remove_header_map_value answered status 10"
        );
    }
}

#[test]
fn what_nobody_wants_costs_no_host_call() {
    let vm = Vm::new(false);
    vm.begin(STREAM, "/");
    vm.all.response_headers(STREAM, false, &vm.host);
    let before = vm.host.call_count();
    vm.all.response_body(STREAM, 10, false, &vm.host);
    vm.all.response_trailers(STREAM, &vm.host);
    vm.all.request_trailers(STREAM, &vm.host);
    vm.all.delete(STREAM, &vm.host);
    assert_eq!(vm.host.call_count(), before);
}

#[test]
fn a_chunk_is_read_in_pieces() {
    let host = FakeHost::default();
    let cases: [(&str, usize, usize, &str, usize); 7] = [
        ("all", 0, 6, "abcdef", 1),
        ("more than there is", 0, usize::MAX, "abcdef", 1),
        ("the beginning", 0, 2, "ab", 1),
        ("the end", 4, 100, "ef", 1),
        ("past the end", 6, 1, "", 0),
        ("far past it", usize::MAX, usize::MAX, "", 0),
        ("nothing", 0, 0, "", 0),
    ];
    for (name, start, most, expected, calls) in cases {
        host.begin([]);
        let chunk = host.chunk("abcdef", false);
        assert_eq!((chunk.len(), chunk.is_empty()), (6, false));
        let bytes = chunk.bytes(start, most).unwrap();
        assert_eq!(bytes, expected.as_bytes(), "{name}");
        assert_eq!(host.call_count(), calls, "{name}");
    }
    // Fewer bytes than the callback said.
    host.chunk("abc", false);
    let chunk = ResponseChunk::new(&host, 4, false);
    assert_eq!(
        chunk.bytes(0, 4).unwrap_err().to_string(),
        "proxy_get_buffer_bytes answered malformed data"
    );
}

#[test]
fn grpc_callouts_are_answered_by_a_message_or_a_status() {
    /// A message, or a status and its text.
    type Outcome = std::result::Result<&'static [u8], (u32, &'static str)>;
    let cases: [(&str, Outcome, &str); 6] = [
        ("a message", Ok(b"ab"), "grpc 0 Some([97, 98]) of 2 \"\""),
        ("an empty one", Ok(b""), "grpc 0 Some([]) of 0 \"\""),
        (
            "more than is wanted",
            Ok(b"123456789"),
            "grpc 0 None of 9 \"\"",
        ),
        (
            "unavailable",
            Err((14, "no route")),
            "grpc 14 Some([]) of 0 \"no route\"",
        ),
        (
            "a status that gRPC does not have",
            Err((4_000_000_000, "")),
            "grpc 4000000000 Some([]) of 0 \"\"",
        ),
        (
            "success without a message, which is none",
            Err((0, "")),
            "grpc 2 Some([]) of 0 \"\"",
        ),
    ];
    for (name, outcome, expected) in cases {
        let vm = Vm::new(true);
        assert_eq!(vm.begin(STREAM, "/wait"), Action::Pause);
        match outcome {
            Ok(message) => {
                vm.host.answer_grpc(message);
                let size = message.len();
                vm.all.grpc_receive(ROOT, STREAM, size, &vm.host, &vm);
            }
            Err((status, text)) => {
                vm.host.fail_grpc(status, text);
                vm.all.grpc_close(ROOT, STREAM, status, &vm.host, &vm);
            }
        }
        assert_eq!(vm.told(), [expected], "{name}");
        assert_eq!(vm.resumed.get(), 1, "{name}");
    }
}

/// What wakes a request is no callback of its own, and the arrival of its body is one.
#[test]
fn expressions_are_evaluated_before_a_wait() {
    use Event::{Answer, RequestBody, Tick};
    let (before, after) = ("Ok(true)", "Ok(false)");
    let cases: [(&str, &[Event], &[&str]); 6] = [
        ("/?when", &[], &[before]),
        ("/wait?when", &[Answer], &[before, before]),
        ("/wait-on?when", &[Answer, Answer], &[before; 3]),
        ("/wait?when", &[Tick], &[before, before]),
        ("/body?when", &[RequestBody(4, true)], &[before, after]),
        (
            "/wait-then-body?when",
            &[Answer, RequestBody(4, true)],
            &[before, before, after],
        ),
    ];
    for (path, events, expected) in cases {
        let vm = Vm::new(true);
        vm.host.expression_is("w", Some(true));
        vm.begin(STREAM, path);
        vm.host.expression_is("w", Some(false));
        for event in events {
            vm.happens(*event);
        }
        assert_eq!(vm.told(), expected, "{path}");
        // Once for the filter, once to know it later, and once for each body.
        let own = 1 + expected.iter().filter(|outcome| **outcome == after).count();
        let calls = vm.host.calls();
        let waits = usize::from(!events.is_empty());
        assert_eq!(calls["proxy_call_foreign_function"], own + waits, "{path}");
    }
}

#[test]
fn attributes_are_read_once() {
    let host = FakeHost::default();
    host.begin([]);
    host.property_is("xds.route_name", "orders");
    host.property_is("xds.route_metadata.filter_metadata.gatehouse.plan", "gold");
    let mut exchange = Exchange::default();
    let mut request = Request::new(&host, &mut exchange);
    let text =
        |bytes: Option<Rc<[u8]>>| bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
    for _ in 0..2 {
        assert_eq!(text(request.route_name().unwrap()).unwrap(), "orders");
        let plan = request.route_metadata("gatehouse", &["plan"]).unwrap();
        assert_eq!(text(plan).unwrap(), "gold");
        // Not there, which is remembered too; and not the same as what has the same bytes.
        assert_eq!(request.route_metadata("gatehouse", &["none"]), Ok(None));
        assert_eq!(request.route_metadata("gatehouse", &["plan", ""]), Ok(None));
    }
    assert_eq!(host.call_count(), 4);
    // A route without a name is none to go by.
    let mut other = Exchange::default();
    host.property_is("xds.route_name", "");
    assert_eq!(Request::new(&host, &mut other).route_name(), Ok(None));
    // A host that fails is asked again.
    host.fail("proxy_get_property", gatehouse_host::Status::Code(10));
    let mut other = Exchange::default();
    let mut request = Request::new(&host, &mut other);
    assert!(request.route_name().is_err());
    host.heal("proxy_get_property");
    assert_eq!(request.route_name(), Ok(None));
}
