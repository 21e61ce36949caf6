//! A plugin in an Envoy: its workers, the time that passes for them, and what there is to see of them.

use crate::callouts::{Answer, SentCallout, nanos};
use crate::metrics::Metric;
use crate::vm::{Call, Vm};
use crate::world::World;
use crate::{
    Builder, Callout, Cluster, LogLine, Module, Reply, Request, SharedData, Stream, Worker,
};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// A worker's VM, which is made anew when it has failed.
pub(crate) struct Slot {
    pub(crate) vm: RefCell<Rc<RefCell<Vm>>>,
    pub(crate) loaded_at: Cell<u64>,
    pub(crate) reloads: Cell<usize>,
}

/// A plugin in a running Envoy.
pub struct Envoy {
    pub(crate) module: Module,
    pub(crate) world: Rc<World>,
    /// Of the workers, and then that of the main thread.
    pub(crate) slots: Vec<Slot>,
    pub(crate) workers: usize,
}

impl Envoy {
    /// An Envoy with this module as its filter.
    pub fn builder(module: &Module) -> Builder<'_> {
        Builder::new(module)
    }

    /// A worker, by its number; they are counted from 0, and the numbers start again after the last.
    pub fn worker(&self, number: usize) -> Worker<'_> {
        Worker {
            envoy: self,
            number: number % self.workers,
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
                Due::Idle(worker, connection) => self
                    .vm(worker)
                    .borrow_mut()
                    .tcp_close(connection, "tcp_session_idle_timeout"),
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
            for (connection, until) in vm.tcp_idle() {
                consider(until, Due::Idle(worker, connection));
            }
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
    pub(crate) fn settle(&self) {
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

    pub(crate) fn vm(&self, worker: usize) -> Rc<RefCell<Vm>> {
        let slot = self.slots.get(worker).or(self.slots.first());
        // There is at least one worker, and numbers come from this crate.
        #[expect(clippy::expect_used, reason = "an Envoy has a worker")]
        let slot = slot.expect("an Envoy has a worker");
        slot.vm.borrow().clone()
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
        self.world.clusters.borrow_mut().set(name, cluster);
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

    /// Keeps the host calls of callbacks from now on, with their arguments: [`trace`](crate::Callback::trace).
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
    Idle(usize, u32),
}
