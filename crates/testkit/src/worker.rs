//! A worker thread: streams and connections begin here.

use crate::callouts::nanos;
use crate::record::{Callback, Total};
use crate::vm::Vm;
use crate::{Connection, Envoy, FailurePolicy, Request, Stream, TcpClient};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A worker thread of an Envoy.
#[derive(Clone, Copy)]
pub struct Worker<'e> {
    pub(crate) envoy: &'e Envoy,
    pub(crate) number: usize,
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

    /// A client connects.
    pub fn tcp(self, client: &TcpClient) -> Connection<'e> {
        let vm = self.envoy.vm_for_stream(self.number);
        Connection::open(self.envoy, vm, client)
    }

    /// Bytes of linear memory, which never shrinks.
    pub fn linear_memory(self) -> usize {
        self.envoy.vm(self.number).borrow_mut().memory_size()
    }

    /// The latest callbacks of the root context, 1,024 at most: the start, ticks, answers to callouts.
    pub fn callbacks(self) -> Vec<Callback> {
        let vm = self.envoy.vm(self.number);
        vm.borrow_mut().state().callbacks.latest()
    }

    /// All callbacks of the root context so far, counted by name.
    pub fn totals(self) -> BTreeMap<&'static str, Total> {
        let vm = self.envoy.vm(self.number);
        vm.borrow_mut().state().callbacks.totals()
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

impl Envoy {
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
}
