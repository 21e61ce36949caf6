//! What becomes of connections, whatever Envoy and filters do.

use super::*;
use gatehouse_host::{ConfigureError, Host, HostError, Level, Status, Timestamp};
use gatehouse_host_fake::FakeHost;
use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

const ROOT: u32 = 1;
const ID: u32 = 2;

/// Does what the server name says when it is asked about a new connection, and what data says when that
/// comes; logs what it is told.
struct Obedient {
    ticks: bool,
}

#[derive(Default)]
struct State {
    deadline: Option<Timestamp>,
    next: String,
    bored: bool,
}

impl Obedient {
    fn obey(order: &str, connection: &Connection<'_>, state: &mut State) -> Result<Flow> {
        let now = connection.host().now()?;
        let (order, next) = order.split_once(' ').unwrap_or((order, ""));
        state.next = next.to_owned();
        Ok(match order {
            "wait" => Flow::Wait {
                until: now.after(Duration::from_secs(5)),
            },
            "close" => Flow::Close(Closure {
                reason: "because".to_owned(),
            }),
            "fail" => return Err(malformed()),
            "deadline" => {
                state.deadline = Some(now.after(Duration::from_secs(3)));
                Flow::Continue
            }
            "bored" => {
                state.bored = true;
                Flow::Continue
            }
            _ => Flow::Continue,
        })
    }
}

fn malformed() -> HostError {
    HostError {
        call: "proxy_anything",
        status: Status::Malformed,
    }
}

impl NetworkModule for Obedient {
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

impl NetworkFilter for Obedient {
    type State = State;

    const WANTS_DOWNSTREAM_DATA: bool = true;
    const WANTS_UPSTREAM_DATA: bool = true;
    const WANTS_CLOSES: bool = true;
    const WANTS_DEADLINES: bool = true;
    const WANTS_END: bool = true;

    fn connection(&self, connection: &Connection<'_>, state: &mut State) -> Result<Flow> {
        let order = connection.server_name()?.unwrap_or_default();
        Self::obey(&String::from_utf8_lossy(&order), connection, state)
    }

    fn downstream_data(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
    ) -> Result<Flow> {
        let last = if data.is_last() { ", the last" } else { "" };
        let line = format!("{} of which {} fresh{last}", data.len(), data.fresh());
        connection.host().log(Level::Info, &line);
        let order = data.bytes(0, 100)?;
        Self::obey(&String::from_utf8_lossy(&order), connection, state)
    }

    fn upstream_data(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
    ) -> Result<ControlFlow<Closure>> {
        let order = data.bytes(0, 100)?;
        Ok(
            match Self::obey(&String::from_utf8_lossy(&order), connection, state)? {
                Flow::Close(closure) => ControlFlow::Break(closure),
                _ => ControlFlow::Continue(()),
            },
        )
    }

    fn upstream_closed(&self, connection: &Connection<'_>, _: &mut State) {
        connection.host().log(Level::Info, "upstream closed");
    }

    fn downstream_closed(&self, connection: &Connection<'_>, by: Peer, _: &mut State) {
        connection
            .host()
            .log(Level::Info, &format!("closed by {by:?}"));
    }

    fn deadline(&self, state: &State) -> Option<Timestamp> {
        state.deadline
    }

    fn due(&self, connection: &Connection<'_>, state: &mut State) -> Result<Flow> {
        let line = format!("due {}", connection.id().0);
        connection.host().log(Level::Info, &line);
        state.deadline = None;
        let next = std::mem::take(&mut state.next);
        Self::obey(&next, connection, state)
    }

    fn wants_more(&self, state: &State) -> bool {
        !state.bored
    }

    fn ended(&self, connection: &Connection<'_>, _: State) {
        let line = format!("ended {}", connection.id().0);
        connection.host().log(Level::Info, &line);
    }

    /// The callout is the connection.
    fn answered(&self, callout: CalloutId, _: &Answer<'_>, wake: &mut Vec<StreamId>) {
        wake.push(StreamId(callout.0));
    }

    fn tick_period(&self) -> Option<Duration> {
        self.ticks.then_some(Duration::from_millis(100))
    }
}

/// A VM, and what it has done to its connections.
struct Vm {
    all: NetworkDispatcher<Obedient>,
    host: FakeHost,
    ticks: bool,
    configuration: &'static [u8],
    entered: Cell<Option<StreamId>>,
    resumed: Cell<u32>,
    closed: Cell<u32>,
    period: Cell<Option<Duration>>,
    gone: Cell<bool>,
    broken: Cell<bool>,
    /// It closes this one at once, and says so before the call returns.
    abrupt: Cell<Option<u32>>,
}

impl Control for Vm {
    fn plugin_configuration(&self, _: usize) -> Result<Vec<u8>> {
        Ok(self.configuration.to_vec())
    }

    fn environment(&self, name: &str) -> Option<String> {
        (name == "TICKS" && self.ticks).then(String::new)
    }

    fn set_tick_period(&self, period: Duration) -> Result<()> {
        self.period.set(Some(period));
        Ok(())
    }

    fn enter(&self, stream: StreamId) -> Result<()> {
        if self.gone.get() {
            return Err(malformed());
        }
        self.entered.set(Some(stream));
        Ok(())
    }

    fn resume_request(&self) -> Result<()> {
        Err(malformed())
    }
}

impl NetworkControl for Vm {
    fn resume_connection(&self) -> Result<()> {
        self.resumed.set(self.resumed.get() + 1);
        if self.broken.get() {
            Err(malformed())
        } else {
            Ok(())
        }
    }

    fn close_connection(&self) -> Result<()> {
        self.closed.set(self.closed.get() + 1);
        if let Some(id) = self.abrupt.get() {
            self.hang_up(id);
        }
        if self.broken.get() {
            Err(malformed())
        } else {
            Ok(())
        }
    }
}

impl Vm {
    fn new(ticks: bool) -> Self {
        let vm = Self::unconfigured(ticks, b"");
        vm.all.create(ROOT, 0);
        assert!(vm.all.configure(ROOT, 0, &vm.host, &vm));
        vm
    }

    fn unconfigured(ticks: bool, configuration: &'static [u8]) -> Self {
        Self {
            all: NetworkDispatcher::new(),
            host: FakeHost::default(),
            ticks,
            configuration,
            entered: Cell::default(),
            resumed: Cell::default(),
            closed: Cell::default(),
            period: Cell::default(),
            gone: Cell::default(),
            broken: Cell::default(),
            abrupt: Cell::default(),
        }
    }

    fn connect(&self, id: u32, order: &str) -> Action {
        let address = SocketAddr::from(([192, 0, 2, 1], 5000));
        self.host.connect(address, address);
        self.host
            .property_is("connection.requested_server_name", order);
        self.all.create(id, ROOT);
        self.all.new_connection(id, &self.host, self)
    }

    fn send(&self, id: u32, bytes: &str, end: bool) -> Action {
        let _data = self.host.data(Side::Downstream, bytes, 0, end);
        self.all
            .downstream_data(id, bytes.len(), end, &self.host, self)
    }

    fn receive(&self, id: u32, bytes: &str) -> Action {
        let _data = self.host.data(Side::Upstream, bytes, 0, false);
        self.all
            .upstream_data(id, bytes.len(), false, &self.host, self)
    }

    fn pass(&self, seconds: u64) {
        self.host.advance(Duration::from_secs(seconds));
        self.all.tick(ROOT, &self.host, self);
    }

    fn hang_up(&self, id: u32) {
        self.all.downstream_closed(id, 2, &self.host);
        self.all.delete(id, &self.host);
    }

    fn reason(&self) -> Option<String> {
        let reason = self.host.property_value(DENIAL_STATE)?;
        Some(String::from_utf8(reason).unwrap())
    }

    /// How often connections were let on and closed.
    fn done(&self) -> (u32, u32) {
        (self.resumed.get(), self.closed.get())
    }

    fn log(&self) -> Vec<String> {
        self.host.log_lines()
    }

    fn is_empty(&self) -> bool {
        self.all.connections.borrow().is_empty()
    }
}

#[test]
fn what_becomes_of_a_new_connection() {
    let host_error = "obedient.host_error";
    let cases: [(&str, bool, Action, Option<&str>); 6] = [
        ("", true, Action::Continue, None),
        ("wait", true, Action::Pause, None),
        // Nobody would ever ask about it again.
        ("wait", false, Action::Pause, Some("obedient.cannot_wait")),
        ("close", true, Action::Pause, Some("obedient.because")),
        ("fail", true, Action::Pause, Some(host_error)),
        ("bored", true, Action::Continue, None),
    ];
    for (order, ticks, action, reason) in cases {
        let vm = Vm::new(ticks);
        assert_eq!(vm.connect(ID, order), action, "{order}");
        assert_eq!(vm.reason().as_deref(), reason, "{order}");
        assert_eq!(vm.done(), (0, u32::from(reason.is_some())), "{order}");
        // What comes of it passes, or does not.
        let closed = reason.is_some();
        let passes = if closed {
            Action::Pause
        } else {
            Action::Continue
        };
        assert_eq!(vm.send(ID, "x", false), passes, "{order}");
        assert_eq!(vm.receive(ID, "x"), passes, "{order}");
        let seen = vm.log().iter().any(|line| line.contains("fresh"));
        assert_eq!(seen, !closed && order != "bored", "{order}");
        vm.hang_up(ID);
        let told = vm.log().contains(&format!("Info: ended {ID}"));
        assert_eq!(told, order != "bored", "{order}");
        assert!(vm.is_empty(), "{order}");
    }
}

#[test]
fn what_becomes_of_data() {
    let cases: [(&str, Action, Option<&str>); 4] = [
        ("on", Action::Continue, None),
        ("wait", Action::Pause, None),
        ("close", Action::Pause, Some("obedient.because")),
        ("fail", Action::Pause, Some("obedient.host_error")),
    ];
    for (order, action, reason) in cases {
        let vm = Vm::new(true);
        vm.connect(ID, "");
        assert_eq!(vm.send(ID, order, false), action, "{order}");
        assert_eq!(vm.reason().as_deref(), reason, "{order}");
        let vm = Vm::new(true);
        vm.connect(ID, "");
        // Data for the client cannot be held.
        let action = if order == "wait" {
            Action::Continue
        } else {
            action
        };
        assert_eq!(vm.receive(ID, order), action, "{order}");
        assert_eq!(vm.reason().as_deref(), reason, "{order}");
        assert_eq!(vm.done(), (0, u32::from(reason.is_some())), "{order}");
        vm.hang_up(ID);
        assert!(vm.is_empty());
    }
}

#[test]
fn bytes_that_are_held_are_seen_once_as_fresh() {
    let vm = Vm::new(true);
    assert_eq!(vm.connect(ID, "wait"), Action::Pause);
    assert_eq!(vm.send(ID, "wait", false), Action::Pause);
    assert_eq!(vm.send(ID, "wait 56", false), Action::Pause);
    assert_eq!(vm.send(ID, "wait 56", true), Action::Pause);
    assert_eq!(vm.send(ID, "go on", false), Action::Continue);
    assert_eq!(vm.send(ID, "more", false), Action::Continue);
    assert_eq!(vm.send(ID, "wait", false), Action::Pause);
    // Let on by a tick: what comes next is new.
    vm.pass(5);
    assert_eq!(vm.done(), (1, 0));
    assert_eq!(vm.send(ID, "more", true), Action::Continue);
    assert_eq!(
        vm.log(),
        [
            "Info: 4 of which 4 fresh",
            "Info: 7 of which 3 fresh",
            "Info: 7 of which 0 fresh, the last",
            // A proxy that holds less than it did.
            "Info: 5 of which 0 fresh",
            "Info: 4 of which 4 fresh",
            "Info: 4 of which 4 fresh",
            "Info: due 2",
            "Info: 4 of which 4 fresh, the last",
        ]
    );
}

/// An order, how often it is let on and closed, the reason, and whether it passes then.
type Outcome = (&'static str, (u32, u32), Option<&'static str>, Action);

#[test]
fn what_becomes_of_a_connection_whose_wait_is_over() {
    let cases: [Outcome; 4] = [
        ("wait", (1, 0), None, Action::Continue),
        (
            "wait close",
            (0, 1),
            Some("obedient.because"),
            Action::Pause,
        ),
        (
            "wait fail",
            (0, 1),
            Some("obedient.host_error"),
            Action::Pause,
        ),
        ("wait wait", (0, 0), None, Action::Pause),
    ];
    for (order, done, reason, action) in cases {
        let vm = Vm::new(true);
        assert_eq!(vm.connect(ID, order), Action::Pause);
        vm.pass(4);
        assert_eq!(vm.done(), (0, 0), "{order}: not yet");
        vm.pass(1);
        assert_eq!(vm.entered.get(), Some(StreamId(ID)), "{order}");
        assert_eq!(vm.done(), done, "{order}");
        assert_eq!(vm.reason().as_deref(), reason, "{order}");
        let next = if order == "wait wait" { "wait" } else { "x" };
        assert_eq!(vm.send(ID, next, false), action, "{order}");
        vm.pass(4);
        assert_eq!(vm.done(), done, "{order}: once");
        vm.hang_up(ID);
        assert!(vm.is_empty(), "{order}");
    }
}

#[test]
fn a_deadline_comes_though_nothing_happens() {
    let cases: [(&str, (u32, u32), Option<&str>); 4] = [
        ("deadline", (0, 0), None),
        ("deadline close", (0, 1), Some("obedient.because")),
        // It was not held: it goes on as it did, and nothing is let on twice.
        ("deadline wait", (0, 0), None),
        ("deadline fail", (0, 1), Some("obedient.host_error")),
    ];
    for (order, done, reason) in cases {
        let vm = Vm::new(true);
        assert_eq!(vm.connect(ID, order), Action::Continue);
        vm.pass(2);
        assert!(vm.log().is_empty(), "{order}");
        vm.pass(1);
        let lines = vm.log();
        assert!(
            lines.contains(&"Info: due 2".to_owned()),
            "{order}: {lines:?}"
        );
        assert_eq!(vm.done(), done, "{order}");
        assert_eq!(vm.reason().as_deref(), reason, "{order}");
        vm.pass(100);
        let due = vm.log().iter().filter(|line| line.contains("due")).count();
        assert_eq!(due, 1, "{order}");
        vm.hang_up(ID);
        assert!(vm.is_empty(), "{order}");
    }
}

#[test]
fn a_deadline_that_moves() {
    let vm = Vm::new(true);
    vm.connect(ID, "deadline");
    vm.pass(2);
    // Later: what was scheduled first finds nothing to do.
    vm.send(ID, "deadline", false);
    vm.pass(1);
    assert!(!vm.log().iter().any(|line| line.contains("due")));
    vm.pass(2);
    assert_eq!(
        vm.log().iter().filter(|line| line.contains("due")).count(),
        1
    );
    // Earlier: a wait of five seconds, then a deadline in three.
    vm.send(ID, "wait", false);
    vm.send(ID, "deadline", false);
    vm.pass(3);
    assert_eq!(
        vm.log().iter().filter(|line| line.contains("due")).count(),
        2
    );
    assert_eq!(vm.done(), (0, 0), "it was let on by its data");
    vm.hang_up(ID);
    assert!(vm.is_empty());
}

#[test]
fn an_answer_wakes() {
    let vm = Vm::new(true);
    vm.connect(ID, "wait");
    vm.connect(3, "");
    vm.connect(4, "close");
    for id in [ID, 3, 4, 5] {
        vm.all.http_call_response(ROOT, id, (0, 0), &vm.host, &vm);
    }
    vm.all.http_call_response(9, ID, (0, 0), &vm.host, &vm);
    assert_eq!(vm.done(), (1, 1), "let on, and closed at first");
    assert_eq!(vm.log(), ["Info: due 2", "Info: due 3"]);
}

#[test]
fn a_connection_that_is_gone_is_let_go() {
    let vm = Vm::new(true);
    vm.connect(ID, "wait");
    vm.gone.set(true);
    vm.pass(5);
    assert_eq!(vm.done(), (0, 0));
    assert_eq!(vm.log(), ["Info: ended 2"]);
    assert!(vm.is_empty());
    vm.hang_up(ID);
    assert_eq!(vm.log().len(), 1, "once");
}

#[test]
fn what_cannot_be_done_is_logged_and_nothing_passes() {
    let vm = Vm::new(true);
    vm.broken.set(true);
    assert_eq!(vm.connect(ID, "close"), Action::Pause);
    assert_eq!(vm.send(ID, "x", false), Action::Pause);
    vm.connect(3, "wait");
    vm.pass(5);
    assert_eq!(
        vm.log(),
        [
            "Error: gatehouse obedient: a connection cannot be closed: proxy_anything answered malformed data",
            "Info: due 3",
            "Error: gatehouse obedient: a connection cannot go on: proxy_anything answered malformed data",
        ]
    );
}

#[test]
fn a_proxy_that_closes_at_once() {
    let vm = Vm::new(true);
    vm.abrupt.set(Some(ID));
    assert_eq!(vm.connect(ID, "close"), Action::Pause);
    vm.connect(ID, "");
    assert_eq!(vm.send(ID, "close", false), Action::Pause);
    vm.connect(ID, "");
    assert_eq!(vm.receive(ID, "close"), Action::Pause);
    vm.connect(ID, "wait close");
    vm.pass(5);
    assert_eq!(vm.done(), (0, 4));
    let ended = vm.log();
    let ended = ended.iter().filter(|line| *line == "Info: ended 2");
    assert_eq!(ended.count(), 4, "{:?}", vm.log());
    assert!(vm.is_empty());
}

#[test]
fn a_plugin_that_is_not_known() {
    let vm = Vm::unconfigured(true, b"");
    assert_eq!(vm.connect(ID, ""), Action::Pause);
    assert_eq!(vm.done(), (0, 1));
    assert_eq!(vm.reason().as_deref(), Some("obedient.not_configured"));
    vm.all.tick(ROOT, &vm.host, &vm);
    vm.hang_up(ID);
    // Never announced.
    let vm = Vm::new(true);
    assert_eq!(vm.all.new_connection(9, &vm.host, &vm), Action::Pause);
    assert_eq!(vm.done(), (0, 1));
    assert!(vm.is_empty());
}

#[test]
fn configurations() {
    let vm = Vm::unconfigured(true, b"bad");
    assert!(!vm.all.configure(ROOT, 3, &vm.host, &vm));
    assert_eq!(
        vm.log(),
        ["Error: gatehouse obedient: configuration refused:\na: is bad"]
    );
    let vm = Vm::new(true);
    assert_eq!(vm.period.get(), Some(Duration::from_millis(100)));
    vm.connect(ID, "wait");
    // A new root context, and the end of the old one: what has begun is not changed.
    assert!(vm.all.configure(7, 0, &vm.host, &vm));
    vm.all.delete(ROOT, &vm.host);
    assert_eq!(vm.all.plugins.roots(), [7]);
    vm.host.advance(Duration::from_secs(5));
    vm.all.tick(7, &vm.host, &vm);
    assert_eq!(vm.done(), (1, 0));
    let vm = Vm::new(false);
    assert_eq!(vm.period.get(), None);
}

#[test]
fn who_closed_it() {
    let cases = [(0, "Unknown"), (1, "Local"), (2, "Remote"), (3, "Unknown")];
    for (number, name) in cases {
        let vm = Vm::new(true);
        vm.connect(ID, "");
        vm.all.upstream_closed(ID, &vm.host);
        vm.all.downstream_closed(ID, number, &vm.host);
        vm.all.delete(ID, &vm.host);
        vm.all.delete(ID, &vm.host);
        vm.all.upstream_closed(ID, &vm.host);
        vm.all.downstream_closed(ID, number, &vm.host);
        let closed = format!("Info: closed by {name}");
        assert_eq!(
            vm.log(),
            ["Info: upstream closed", &closed, "Info: ended 2"]
        );
        assert!(vm.is_empty());
    }
}

#[test]
fn as_many_as_may_wait_do() {
    let most = u32::try_from(connections::MAX_HELD).unwrap();
    let vm = Vm::new(true);
    for id in ID..ID + most {
        assert_eq!(vm.connect(id, "wait"), Action::Pause);
    }
    assert_eq!(vm.done(), (0, 0));
    let next = ID + most;
    assert_eq!(vm.connect(next, "wait"), Action::Pause);
    assert_eq!(vm.done(), (0, 1), "one too many");
    assert_eq!(vm.connect(next + 1, ""), Action::Continue);
    // One that waits already goes on waiting; one that goes makes room.
    assert_eq!(vm.send(ID, "wait", false), Action::Pause);
    assert_eq!(vm.done(), (0, 1));
    vm.hang_up(ID);
    assert_eq!(vm.connect(next + 2, "wait"), Action::Pause);
    assert_eq!(vm.done(), (0, 1));
    vm.pass(5);
    assert_eq!(vm.done(), (most, 1), "all let on");
    for id in ID..next + 3 {
        vm.hang_up(id);
    }
    assert!(vm.is_empty());
}

/// Wants nothing but new connections.
struct Doorman;

impl NetworkModule for Doorman {
    const NAME: &'static str = "doorman";

    fn configure(
        _: &[u8],
        _: &dyn Fn(&str) -> Option<String>,
        _: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        Ok(Self)
    }
}

impl NetworkFilter for Doorman {
    type State = ();

    fn connection(&self, connection: &Connection<'_>, (): &mut ()) -> Result<Flow> {
        Ok(match connection.server_name()? {
            Some(_) => Flow::Close(Closure {
                reason: "because".to_owned(),
            }),
            None => Flow::Continue,
        })
    }
}

#[test]
fn of_a_filter_that_wants_only_new_connections_nothing_is_kept() {
    let vm = Vm::new(true);
    let all = NetworkDispatcher::<Doorman>::new();
    assert!(all.configure(ROOT, 0, &vm.host, &vm));
    for (id, order, action) in [(ID, "", Action::Continue), (3, "x", Action::Pause)] {
        vm.host
            .property_is("connection.requested_server_name", order);
        all.create(id, ROOT);
        assert_eq!(all.new_connection(id, &vm.host, &vm), action);
        assert!(all.connections.borrow().is_empty());
    }
    assert_eq!(vm.done(), (0, 1));
    assert_eq!(vm.reason().as_deref(), Some("doorman.because"));
}

/// Whatever comes in whatever order: of each connection the end is told once, what is closed stays closed, and
/// nothing is left.
#[test]
fn any_order_of_callbacks() {
    const ORDERS: [&str; 9] = [
        "on",
        "wait",
        "wait close",
        "wait wait",
        "deadline",
        "deadline close",
        "deadline wait",
        "close",
        "fail",
    ];
    for seed in 0..300_u64 {
        let vm = Vm::new(true);
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        let mut open: Vec<(u32, bool)> = Vec::new();
        let mut next = ID;
        for _ in 0..200 {
            let order = ORDERS[random(ORDERS.len())];
            let place = (!open.is_empty()).then(|| random(open.len()));
            let closed_before = vm.closed.get();
            match (random(8), place) {
                (0 | 1, _) | (_, None) => {
                    vm.connect(next, order);
                    open.push((next, vm.closed.get() > closed_before));
                    next += 1;
                }
                (2 | 3, Some(place)) => {
                    let (id, closed) = &mut open[place];
                    let action = vm.send(*id, order, random(5) == 0);
                    assert!(!*closed || action == Action::Pause, "{seed}");
                    *closed |= vm.closed.get() > closed_before;
                }
                (4, Some(place)) => {
                    let (id, closed) = &mut open[place];
                    let action = vm.receive(*id, order);
                    assert!(!*closed || action == Action::Pause, "{seed}");
                    *closed |= vm.closed.get() > closed_before;
                }
                (5, Some(place)) => {
                    let (id, _) = open.swap_remove(place);
                    vm.hang_up(id);
                }
                (6, Some(place)) => {
                    let (id, closed) = &mut open[place];
                    vm.all.http_call_response(ROOT, *id, (0, 0), &vm.host, &vm);
                    *closed |= vm.closed.get() > closed_before;
                }
                // Which ones it closes is not to be seen from here: what comes of them later is not looked at.
                _ => {
                    vm.pass(u64::try_from(random(4)).unwrap());
                    if vm.closed.get() > closed_before {
                        for (id, _) in open.drain(..) {
                            vm.hang_up(id);
                        }
                    }
                }
            }
        }
        for (id, _) in open {
            vm.hang_up(id);
        }
        assert!(vm.is_empty(), "{seed}");
        for id in ID..next {
            let line = format!("Info: ended {id}");
            let told = vm.log().iter().filter(|told| **told == line).count();
            assert_eq!(told, 1, "{seed}: {id}");
        }
    }
}
