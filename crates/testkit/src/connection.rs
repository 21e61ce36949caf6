//! A TCP connection as a test drives it.

use crate::record::Callback;
use crate::stream_state::Stream as State;
use crate::tcp_filter::{LOCAL, REMOTE};
use crate::vm::Vm;
use crate::{Envoy, TcpClient};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How a connection ended, as its module is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Envoy has closed it: the filter wanted it so, its upstream is gone, or both sides have sent all they had.
    Local,
    /// The client is gone.
    Remote,
}

/// A TCP connection through a network filter. When it is dropped, its client is gone.
///
/// What is behind the filter is played by the test, and by [`Behind`](crate::Behind): an upstream is connected as soon as the
/// filter lets the connection on ([`Connection::is_passed`]), and says what the test has it say with [`Connection::receive`].
pub struct Connection<'e> {
    envoy: &'e Envoy,
    vm: Rc<RefCell<Vm>>,
    id: u32,
    /// What there was when it ended.
    ended: Option<State>,
}

impl<'e> Connection<'e> {
    pub(crate) fn open(envoy: &'e Envoy, vm: Rc<RefCell<Vm>>, client: &TcpClient) -> Self {
        let id = vm.borrow_mut().create(client.state());
        let connection = Self {
            envoy,
            vm,
            id,
            ended: None,
        };
        connection.act(|vm, id| vm.tcp_new(id));
        connection
    }

    fn act<R>(&self, act: impl FnOnce(&mut Vm, u32) -> R) -> R {
        let result = act(&mut self.vm.borrow_mut(), self.id);
        self.envoy.settle();
        result
    }

    /// The client sends bytes, and no more after them if `end`. Returns what has gone on to the upstream so far.
    pub fn send(&mut self, data: impl AsRef<[u8]>, end: bool) -> Vec<u8> {
        self.act(|vm, id| vm.tcp_downstream(id, data.as_ref(), end));
        self.upstream()
    }

    /// The upstream sends bytes, and no more after them if `end`. Returns what has gone on to the client so far.
    pub fn receive(&mut self, data: impl AsRef<[u8]>, end: bool) -> Vec<u8> {
        self.act(|vm, id| vm.tcp_upstream(id, data.as_ref(), end));
        self.downstream()
    }

    /// All that the upstream got.
    pub fn upstream(&self) -> Vec<u8> {
        self.look(|state| state.tcp.downstream.out.clone())
            .unwrap_or_default()
    }

    /// All that the client got.
    pub fn downstream(&self) -> Vec<u8> {
        self.look(|state| state.tcp.upstream.out.clone())
            .unwrap_or_default()
    }

    /// How much Envoy holds of what the client has sent: it came to the filter, and did not go on.
    pub fn held(&self) -> usize {
        self.look(|state| state.tcp.downstream.held.len())
            .unwrap_or_default()
    }

    /// How much the client has sent that Envoy has not read. Where it is closed so, the client sees a reset.
    pub fn unread(&self) -> usize {
        self.look(|state| state.tcp.unread.len())
            .unwrap_or_default()
    }

    /// Whether the next filter has the connection: `tcp_proxy` connects its upstream then.
    pub fn is_passed(&self) -> bool {
        self.look(|state| state.tcp.passed).unwrap_or_default()
    }

    /// Whether the upstream knows that the client sends no more.
    pub fn upstream_ended(&self) -> bool {
        self.look(|state| state.tcp.downstream.end_out)
            .unwrap_or_default()
    }

    /// Whether the client knows that the upstream sends no more.
    pub fn downstream_ended(&self) -> bool {
        self.look(|state| state.tcp.upstream.end_out)
            .unwrap_or_default()
    }

    /// The cluster that the filter had chosen for `tcp_proxy` when the connection went on.
    pub fn cluster(&self) -> Option<String> {
        self.look(|state| state.tcp.cluster.clone()).flatten()
    }

    /// Whether the filter has closed it, or Envoy for it, and why: `%DOWNSTREAM_LOCAL_CLOSE_REASON%`, which is empty where the
    /// VM has failed.
    pub fn closed(&self) -> Option<&'static str> {
        self.look(|state| state.tcp.close).flatten()
    }

    /// How it ended; nothing while it lasts.
    pub fn end(&self) -> Option<End> {
        let by = self.look(|state| state.tcp.ended_by).flatten()?;
        Some(if by == REMOTE {
            End::Remote
        } else {
            End::Local
        })
    }

    /// The client is gone: it has reset the connection, or there is an HTTP connection manager, for which one that sends no
    /// more is gone. Where there is a `tcp_proxy`, a client that closes is one that sends no more: `send("", true)`.
    pub fn close(&mut self) {
        self.finish(REMOTE);
    }

    /// Envoy closes the connection, since its upstream has reset it or could not be connected.
    pub fn close_locally(&mut self) {
        self.finish(LOCAL);
    }

    fn finish(&mut self, by: u32) {
        if self.ended.is_some() {
            return;
        }
        self.ended = self.act(|vm, id| {
            vm.tcp_told(id, by);
            vm.state().ended.remove(&id)
        });
    }

    /// The callbacks for this connection so far, with their host calls.
    pub fn callbacks(&self) -> Vec<Callback> {
        self.look(|state| state.callbacks.clone())
            .unwrap_or_default()
    }

    /// How many host calls the callbacks for this connection have made, without those that log.
    pub fn host_calls(&self) -> usize {
        self.callbacks().iter().map(Callback::host_calls).sum()
    }

    /// WebAssembly instructions that the callbacks for this connection have executed, where the engine counts them.
    pub fn fuel(&self) -> u64 {
        self.callbacks().iter().map(|callback| callback.fuel).sum()
    }

    /// Filter state that modules have set, by names without `wasm.`.
    pub fn filter_state(&self) -> BTreeMap<String, Vec<u8>> {
        self.look(|state| state.filter_state.clone())
            .unwrap_or_default()
    }

    /// Objects that `set_envoy_filter_state` has set.
    pub fn envoy_filter_state(&self) -> BTreeMap<String, String> {
        self.look(|state| state.envoy_filter_state.clone())
            .unwrap_or_default()
    }

    /// The number of its context.
    pub fn context(&self) -> u32 {
        self.id
    }

    fn look<R>(&self, look: impl FnOnce(&State) -> R) -> Option<R> {
        if let Some(ended) = &self.ended {
            return Some(look(ended));
        }
        let mut vm = self.vm.borrow_mut();
        let state = vm.state();
        let found = state.streams.get(&self.id).or(state.ended.get(&self.id));
        found.map(look)
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.close();
    }
}
