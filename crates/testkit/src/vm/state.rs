//! What is behind the host calls of a VM.

use crate::callouts::{Answering, Pending};
use crate::foreign::Expressions;
use crate::metrics::Kind;
use crate::record::{Callback, Recorded};
use crate::stream_state::Stream;
use crate::world::World;
use crate::{Headers, Level};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use wasmtime::{Memory, TypedFunc};

/// What is behind the host calls of a VM.
pub(crate) struct State {
    pub(crate) world: Rc<World>,
    /// Nothing for the canary.
    pub(crate) worker: Option<usize>,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
    /// The context that is being called.
    pub(crate) current: u32,
    /// The context that host calls act on, where the module has chosen one.
    pub(crate) effective: u32,
    /// While the module initializes itself, it may make few host calls.
    pub(crate) restricted: bool,
    /// In `proxy_on_configure`, the configuration of the plugin can be read.
    pub(crate) configuring: bool,
    /// A local reply was sent in this callback.
    pub(crate) stop_next: bool,
    /// What is to be done once the callback has returned.
    pub(crate) actions: VecDeque<Action>,
    pub(crate) root: u32,
    pub(crate) next_context: u32,
    pub(crate) streams: BTreeMap<u32, Stream>,
    /// Connections that have ended, and whose tests may still look at them.
    pub(crate) ended: BTreeMap<u32, Stream>,
    /// Of metrics by their IDs in this VM.
    pub(crate) metrics: BTreeMap<u32, (Kind, String)>,
    pub(crate) metric_counts: [u32; 3],
    pub(crate) pending: BTreeMap<u32, Pending>,
    pub(crate) next_http: u32,
    pub(crate) next_grpc_call: u32,
    pub(crate) next_grpc_stream: u32,
    /// What answers the callout whose callback runs.
    pub(crate) answering: Answering,
    pub(crate) status: (u32, String),
    pub(crate) tick: Option<Tick>,
    pub(crate) expressions: Expressions,
    /// Names of `declare_property`.
    pub(crate) declared: BTreeSet<String>,
    pub(crate) callback: Callback,
    /// Of the root context.
    pub(crate) callbacks: Recorded,
}

/// A timer that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) period: u64,
    pub(crate) next: u64,
}

/// What a host call leaves to be done after the callback (`addAfterVmCallAction`).
#[derive(Debug)]
pub(crate) enum Action {
    ContinueRequest(u32),
    ContinueResponse(u32),
    ContinueDownstream(u32),
    LocalReply(u32, LocalReplyArguments),
    Reset(u32),
    Close(u32, &'static str),
    /// A gRPC call that failed while it was being made.
    GrpcClose {
        token: u32,
        status: u32,
        message: String,
    },
    /// An item was put into a queue of this VM.
    QueueReady(u32),
}

/// What `proxy_send_local_response` was called with.
#[derive(Clone, Debug)]
pub(crate) struct LocalReplyArguments {
    pub(crate) status: u32,
    pub(crate) details: String,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Headers,
    pub(crate) grpc_status: Option<u32>,
}

impl State {
    /// The context that host calls act on.
    pub(crate) fn context(&self) -> u32 {
        let exists = self.effective == self.root || self.streams.contains_key(&self.effective);
        if self.effective != 0 && exists {
            self.effective
        } else {
            self.current
        }
    }

    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        let context = self.context();
        self.streams.get_mut(&context)
    }

    pub(crate) fn log(&self, level: Level, text: impl Into<String>) {
        self.world.log(self.worker, level, text);
    }
}

impl State {
    pub(super) fn new(world: Rc<World>, worker: Option<usize>) -> Self {
        Self {
            world,
            worker,
            memory: None,
            allocate: None,
            current: 0,
            effective: 0,
            restricted: false,
            configuring: false,
            stop_next: false,
            actions: VecDeque::new(),
            root: 1,
            next_context: 2,
            streams: BTreeMap::new(),
            ended: BTreeMap::new(),
            metrics: BTreeMap::new(),
            metric_counts: [0; 3],
            pending: BTreeMap::new(),
            next_http: 0,
            next_grpc_call: 0,
            next_grpc_stream: 0,
            answering: Answering::default(),
            status: (0, String::new()),
            tick: None,
            expressions: Expressions::default(),
            declared: BTreeSet::new(),
            callback: Callback::default(),
            callbacks: Recorded::default(),
        }
    }
}
