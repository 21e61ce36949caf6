//! A plugin in an Envoy: its configuration, its workers, the time that passes for them.

use crate::callouts::{Answer, HttpAnswer, SentCallout, local_answer, nanos};
use crate::metrics::{Metric, Metrics};
use crate::record::Callback;
use crate::stream::{Connection, Stream};
use crate::vm::{Call, Vm};
use crate::world::{Plugin, World};
use crate::{Headers, Module, Request, SharedData, Value};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// The time at which clocks start: 2026-01-01T00:00:00Z.
pub const START: Duration = Duration::from_secs(1_767_225_600);

/// Envoy's `per_connection_buffer_limit_bytes`, unless it is configured.
const BUFFER_LIMIT: usize = 1024 * 1024;

/// Levels of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 0
    Trace,
    /// 1
    Debug,
    /// 2
    Info,
    /// 3
    Warn,
    /// 4
    Error,
    /// 5
    Critical,
}

impl Level {
    pub(crate) fn of(number: u32) -> Option<Self> {
        let levels = [
            Self::Trace,
            Self::Debug,
            Self::Info,
            Self::Warn,
            Self::Error,
            Self::Critical,
        ];
        levels.get(number as usize).copied()
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Whose VM wrote it; nothing for the canary's.
    pub worker: Option<usize>,
    /// Its level.
    pub level: Level,
    /// What the module wrote, without Envoy's prefix.
    pub text: String,
}

/// What a cluster does with callouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// They wait for the test to answer.
    Healthy,
    /// It has no healthy host: the host call fails at once.
    NoHealthyHost,
    /// There is no such cluster.
    Unknown,
}

/// `failure_policy`: what becomes of streams when the VM has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// They fail.
    #[default]
    FailClosed,
    /// Streams after it pass without the filter; those that it had fail.
    FailOpen,
    /// They fail, and the VM is made anew for the next stream, one second after it was made at the earliest.
    FailReload,
}

/// The configuration was refused.
#[derive(Clone, Debug)]
pub struct ConfigureError {
    /// All that was logged.
    pub log: Vec<LogLine>,
}

impl fmt::Display for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the module refused to start:")?;
        self.log
            .iter()
            .try_for_each(|line| write!(f, "\n{}", line.text))
    }
}

impl std::error::Error for ConfigureError {}

/// How an [`Envoy`] is set up.
pub struct Builder<'m> {
    module: &'m Module,
    plugin: Plugin,
    workers: usize,
    clock: Duration,
    clusters: Option<BTreeMap<String, Cluster>>,
    shared: SharedData,
    seed: u64,
}

impl<'m> Builder<'m> {
    /// The bytes that `proxy_on_configure` reads. Envoy unwraps `StringValue` and `BytesValue`, and hands a
    /// `google.protobuf.Struct` over as the serialized message.
    #[must_use]
    pub fn configuration(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.plugin.configuration = bytes.as_ref().to_vec();
        self
    }

    /// The bytes that `proxy_on_vm_start` reads.
    #[must_use]
    pub fn vm_configuration(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.plugin.vm_configuration = bytes.as_ref().to_vec();
        self
    }

    /// The name of the plugin.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.plugin.name);
        self
    }

    /// The root ID.
    #[must_use]
    pub fn root_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.plugin.root_id);
        self
    }

    /// The ID of the VM, under which shared data is.
    #[must_use]
    pub fn vm_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.plugin.vm_id);
        self
    }

    /// A variable of the VM's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.plugin
            .environment
            .insert(name.to_owned(), value.to_owned());
        self
    }

    /// How many workers there are: one unless set, and at least one.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// The time since 1970 at which the clock starts: [`START`] unless set.
    #[must_use]
    pub fn clock(mut self, time: Duration) -> Self {
        self.clock = time;
        self
    }

    /// There are only these clusters, and they are healthy. Unless it is called, there is every cluster that is asked for.
    #[must_use]
    pub fn clusters<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let names = names
            .into_iter()
            .map(|name| (name.to_owned(), Cluster::Healthy));
        self.clusters.get_or_insert_default().extend(names);
        self
    }

    /// Shared data that others use too.
    #[must_use]
    pub fn shared_data(mut self, shared: &SharedData) -> Self {
        self.shared = shared.clone();
        self
    }

    /// What becomes of streams when the VM has failed.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.plugin.failure_policy = policy;
        self
    }

    /// `allow_on_headers_stop_iteration`: body callbacks go on while the headers wait.
    #[must_use]
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Self {
        self.plugin.allow_on_headers_stop_iteration = allow;
        self
    }

    /// How much of a body is buffered: 1 MiB unless set.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.plugin.buffer_limit = bytes;
        self
    }

    /// Where the random numbers begin, which are the same in every run.
    #[must_use]
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The attribute `node`.
    #[must_use]
    pub fn node(mut self, node: Value) -> Self {
        self.plugin.node = node;
        self
    }

    /// Starts the canary, which configures the plugin first and is thrown away, then the workers.
    pub fn build(self) -> Result<Envoy, ConfigureError> {
        let world = Rc::new(World {
            now: Cell::new(nanos(self.clock)),
            shared: self.shared,
            metrics: RefCell::new(Metrics::default()),
            log: RefCell::default(),
            clusters: RefCell::new(self.clusters),
            random: Cell::new(self.seed),
            callouts: Cell::new(0),
            tracing: Cell::new(false),
            consumers: RefCell::default(),
            ready: RefCell::default(),
            plugin: self.plugin,
        });
        let refused = || ConfigureError {
            log: world.log.borrow().clone(),
        };
        Vm::start(self.module, &world, None).ok_or_else(refused)?;
        let mut slots = Vec::new();
        for worker in 0..self.workers {
            let vm = Vm::start(self.module, &world, Some(worker)).ok_or_else(refused)?;
            slots.push(Slot {
                vm: RefCell::new(Rc::new(RefCell::new(vm))),
                loaded_at: Cell::new(world.now.get()),
                reloads: Cell::new(0),
            });
        }
        let envoy = Envoy {
            module: self.module.clone(),
            world,
            slots,
        };
        envoy.settle();
        Ok(envoy)
    }
}

/// A worker's VM, which is made anew when it has failed.
struct Slot {
    vm: RefCell<Rc<RefCell<Vm>>>,
    loaded_at: Cell<u64>,
    reloads: Cell<usize>,
}

/// A plugin in a running Envoy.
pub struct Envoy {
    module: Module,
    world: Rc<World>,
    slots: Vec<Slot>,
}

impl Envoy {
    /// An Envoy with this module as its filter.
    pub fn builder(module: &Module) -> Builder<'_> {
        Builder {
            module,
            plugin: Plugin {
                name: String::new(),
                root_id: String::new(),
                vm_id: String::new(),
                configuration: Vec::new(),
                vm_configuration: Vec::new(),
                environment: BTreeMap::new(),
                failure_policy: FailurePolicy::default(),
                reload_backoff: Duration::from_secs(1),
                allow_on_headers_stop_iteration: false,
                buffer_limit: BUFFER_LIMIT,
                node: Value::Map(BTreeMap::new()),
            },
            workers: 1,
            clock: START,
            clusters: None,
            shared: SharedData::new(),
            seed: 0,
        }
    }

    /// A worker, by its number; they are counted from 0, and the numbers start again after the last.
    pub fn worker(&self, number: usize) -> Worker<'_> {
        Worker {
            envoy: self,
            number: number % self.slots.len(),
        }
    }

    /// Sends a request to the first worker; see [`Worker::http`].
    pub fn http(&self, request: Request) -> Stream<'_> {
        self.worker(0).http(request)
    }

    /// The time since 1970.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.world.now.get())
    }

    /// Lets time pass: timers tick and callouts time out, each at its time.
    pub fn advance(&self, by: Duration) {
        let end = self.world.now.get().saturating_add(nanos(by));
        while let Some((time, due)) = self.next_due(end) {
            self.world.now.set(time.max(self.world.now.get()));
            match due {
                Due::Tick(worker) => self.tick(worker),
                Due::Timeout(worker, token) => {
                    self.vm(worker).borrow_mut().answer(token, Answer::TimedOut)
                }
            }
            self.settle();
        }
        self.world.now.set(end);
    }

    /// Sets the clock without letting time pass: no timer ticks.
    pub fn set_clock(&self, time: Duration) {
        self.world.now.set(nanos(time));
    }

    /// When the next timer ticks or callout times out; nothing where neither is to come.
    pub fn next_event(&self) -> Option<Duration> {
        let next = self.next_due(u64::MAX);
        next.map(|(time, _)| Duration::from_nanos(time))
    }

    fn next_due(&self, end: u64) -> Option<(u64, Due)> {
        let mut next: Option<(u64, Due)> = None;
        let mut consider = |time: u64, due: Due| {
            if time <= end && next.is_none_or(|(earliest, _)| time < earliest) {
                next = Some((time, due));
            }
        };
        for worker in 0..self.slots.len() {
            let vm = self.vm(worker);
            let mut vm = vm.borrow_mut();
            if vm.failed {
                continue;
            }
            let state = vm.state();
            if let Some(tick) = state.tick {
                consider(tick.next, Due::Tick(worker));
            }
            for (token, pending) in &state.pending {
                if let Some(deadline) = pending.deadline {
                    consider(deadline, Due::Timeout(worker, *token));
                }
            }
        }
        next
    }

    fn tick(&self, worker: usize) {
        let vm = self.vm(worker);
        let mut vm = vm.borrow_mut();
        let state = vm.state();
        let root = state.root;
        if let Some(tick) = &mut state.tick {
            tick.next = state.world.now.get().saturating_add(tick.period);
        }
        vm.call(root, Call::Tick);
    }

    /// Tells the consumers of queues what has come.
    fn settle(&self) {
        loop {
            let ready = std::mem::take(&mut *self.world.ready.borrow_mut());
            if ready.is_empty() {
                return;
            }
            for token in ready {
                let consumer = self.world.consumers.borrow().get(&token).copied().flatten();
                if let Some(worker) = consumer.filter(|worker| *worker < self.slots.len()) {
                    let vm = self.vm(worker);
                    let mut vm = vm.borrow_mut();
                    let root = vm.state().root;
                    vm.call(root, Call::QueueReady(token));
                }
            }
        }
    }

    fn vm(&self, worker: usize) -> Rc<RefCell<Vm>> {
        let slot = self.slots.get(worker).or(self.slots.first());
        // There is at least one worker, and numbers come from this crate.
        #[expect(clippy::expect_used, reason = "an Envoy has a worker")]
        let slot = slot.expect("an Envoy has a worker");
        slot.vm.borrow().clone()
    }

    /// The VM for a new stream: a fresh one where the last has failed, the policy is to reload and it is time.
    fn vm_for_stream(&self, worker: usize) -> Rc<RefCell<Vm>> {
        let vm = self.vm(worker);
        let plugin = &self.world.plugin;
        if !vm.borrow().failed || plugin.failure_policy != FailurePolicy::FailReload {
            return vm;
        }
        let Some(slot) = self.slots.get(worker) else {
            return vm;
        };
        let now = self.world.now.get();
        if now.saturating_sub(slot.loaded_at.get()) < nanos(plugin.reload_backoff) {
            return vm;
        }
        slot.loaded_at.set(now);
        let Some(fresh) = Vm::start(&self.module, &self.world, Some(worker)) else {
            return vm;
        };
        slot.reloads.set(slot.reloads.get() + 1);
        let fresh = Rc::new(RefCell::new(fresh));
        *slot.vm.borrow_mut() = fresh.clone();
        fresh
    }

    /// Callouts that are not answered, in the order in which they were sent.
    pub fn callouts(&self) -> Vec<Callout<'_>> {
        let mut callouts = Vec::new();
        for worker in 0..self.slots.len() {
            let vm = self.vm(worker);
            let mut vm = vm.borrow_mut();
            let pending = vm.state().pending.values();
            callouts.extend(pending.map(|pending| Callout {
                envoy: self,
                worker,
                sent: pending.sent.clone(),
            }));
        }
        callouts.sort_by_key(|callout| callout.sent.sequence);
        callouts
    }

    /// From now on a cluster does this with callouts. Clusters that nobody spoke of stay as they are.
    pub fn set_cluster(&self, name: &str, cluster: Cluster) {
        self.world
            .clusters
            .borrow_mut()
            .get_or_insert_default()
            .insert(name.to_owned(), cluster);
    }

    /// All metrics by name, without `wasmcustom.`.
    pub fn metrics(&self) -> BTreeMap<String, Metric> {
        self.world.metrics.borrow().all()
    }

    /// The value of a counter or gauge; 0 if there is none of that name.
    pub fn metric(&self, name: &str) -> u64 {
        self.world.metrics.borrow().value(name).unwrap_or_default()
    }

    /// All that was logged.
    pub fn logs(&self) -> Vec<LogLine> {
        self.world.log.borrow().clone()
    }

    /// Shared data, which can be read and written.
    pub fn shared_data(&self) -> &SharedData {
        &self.world.shared
    }

    /// Keeps the host calls of callbacks from now on, with their arguments: [`Callback::trace`].
    pub fn trace(&self, on: bool) {
        self.world.tracing.set(on);
    }

    /// Callouts that are pending anywhere, answered by the same function until none is left; one for which it
    /// answers nothing stays. Returns how many were answered.
    pub fn answer_callouts(&self, mut answer: impl FnMut(&SentCallout) -> Option<Reply>) -> usize {
        let mut answered = 0;
        loop {
            let before = answered;
            for callout in self.callouts() {
                if let Some(reply) = answer(&callout.sent) {
                    callout.reply(reply);
                    answered += 1;
                }
            }
            if answered == before {
                return answered;
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Due {
    Tick(usize),
    Timeout(usize, u32),
}

/// A worker thread of an Envoy.
#[derive(Clone, Copy)]
pub struct Worker<'e> {
    envoy: &'e Envoy,
    number: usize,
}

impl<'e> Worker<'e> {
    /// Sends a whole request through the filter, as far as the filter lets it.
    pub fn http(self, request: Request) -> Stream<'e> {
        let mut stream = self.open(&request);
        stream.begin(&request);
        stream.finish(&request);
        stream
    }

    /// Begins a stream of which the test sends each part by itself: [`Stream::send_headers`] comes first. Of the
    /// request, only what is not a part of the message counts.
    pub fn open(self, request: &Request) -> Stream<'e> {
        let vm = self.envoy.vm_for_stream(self.number);
        Stream::open(self.envoy, vm, request)
    }

    /// A TCP connection, with what a request says of its source and TLS.
    pub fn tcp(self, client: &Request) -> Connection<'e> {
        let vm = self.envoy.vm_for_stream(self.number);
        Connection::open(self.envoy, vm, client)
    }

    /// Bytes of linear memory, which never shrinks.
    pub fn linear_memory(self) -> usize {
        self.envoy.vm(self.number).borrow_mut().memory_size()
    }

    /// The callbacks of the root context so far: the start, ticks, answers to callouts.
    pub fn callbacks(self) -> Vec<Callback> {
        self.envoy
            .vm(self.number)
            .borrow_mut()
            .state()
            .callbacks
            .clone()
    }

    /// How often its VM was made anew.
    pub fn reloads(self) -> usize {
        self.envoy
            .slots
            .get(self.number)
            .map(|slot| slot.reloads.get())
            .unwrap_or_default()
    }

    /// Whether its VM has failed.
    pub fn has_failed(self) -> bool {
        self.envoy.vm(self.number).borrow().failed
    }
}

/// What a test answers a callout with.
#[derive(Clone, Debug)]
pub struct Reply(Answer);

impl Reply {
    /// An HTTP response.
    pub fn http(status: u16, headers: impl Into<Headers>, body: impl AsRef<[u8]>) -> Self {
        let mut all = Headers::from([(":status", status.to_string())]);
        for (name, value) in headers.into().iter() {
            all.push(name, value);
        }
        Self(Answer::Http(HttpAnswer {
            headers: all,
            body: body.as_ref().to_vec(),
            trailers: None,
        }))
    }

    /// The connection is refused: a response 503 that Envoy makes, of gRPC UNAVAILABLE.
    pub fn refused() -> Self {
        let body = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure";
        Self(Answer::Http(local_answer(503, body)))
    }

    /// The stream is reset: an answer without headers, of gRPC UNAVAILABLE.
    pub fn reset() -> Self {
        Self(Answer::Reset)
    }

    /// It takes longer than the module waits, whatever that is: a response 504 that Envoy makes, of gRPC UNAVAILABLE.
    pub fn timed_out() -> Self {
        Self(Answer::TimedOut)
    }

    /// A gRPC message.
    pub fn message(message: impl AsRef<[u8]>) -> Self {
        Self(Answer::Message(message.as_ref().to_vec()))
    }

    /// A gRPC status; of a call, in the place of a message.
    pub fn status(code: u32, message: &str) -> Self {
        Self(Answer::Status(code, message.to_owned()))
    }

    /// Initial metadata of a gRPC stream.
    pub fn initial_metadata(metadata: impl Into<Headers>) -> Self {
        Self(Answer::InitialMetadata(metadata.into()))
    }

    /// Trailing metadata of a gRPC stream, which its status follows.
    pub fn trailing_metadata(metadata: impl Into<Headers>) -> Self {
        Self(Answer::TrailingMetadata(metadata.into()))
    }
}

/// A callout that waits for its answer. One that is dropped goes on waiting.
pub struct Callout<'e> {
    envoy: &'e Envoy,
    worker: usize,
    sent: SentCallout,
}

impl Callout<'_> {
    /// What was sent.
    pub fn sent(&self) -> &SentCallout {
        &self.sent
    }

    /// Which worker sent it.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// Nothing will come of it: no answer, and not that its time is up either. Some Envoys fail to say.
    pub fn lose(self) {
        let vm = self.envoy.vm(self.worker);
        let mut vm = vm.borrow_mut();
        let mut pending = vm.state().pending.values_mut();
        if let Some(pending) = pending.find(|pending| pending.sent.sequence == self.sent.sequence) {
            pending.deadline = None;
        }
    }

    /// Answers it, unless it has been answered or its VM is gone.
    pub fn reply(self, reply: Reply) {
        let vm = self.envoy.vm(self.worker);
        let token = vm.borrow_mut().token_of(self.sent.sequence);
        if let Some(token) = token {
            vm.borrow_mut().answer(token, reply.0);
            self.envoy.settle();
        }
    }
}

impl Envoy {
    pub(crate) fn after_call(&self) {
        self.settle();
    }
}
