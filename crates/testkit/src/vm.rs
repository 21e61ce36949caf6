//! A VM: an instance of the module, the state behind its host calls, and how it is called.

use crate::callouts::{Answering, Pending};
use crate::foreign::Expressions;
use crate::metrics::Kind;
use crate::record::Callback;
use crate::stream_state::Stream;
use crate::world::World;
use crate::{FailurePolicy, Headers, Level, Module};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use wasmtime::{Instance, Memory, Store, TypedFunc, WasmParams, WasmResults};

/// Fuel that no callback uses up.
const FUEL: u64 = 1 << 60;

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
    pub(crate) callbacks: Vec<Callback>,
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

/// Context, token, and the sizes of headers, body and trailers.
type HttpCallResponse = TypedFunc<(u32, u32, u32, u32, u32), ()>;

/// The callbacks that a module exports.
#[derive(Default)]
struct Exports {
    done: Option<TypedFunc<u32, u32>>,
    log: Option<TypedFunc<u32, ()>>,
    delete: Option<TypedFunc<u32, ()>>,
    context_create: Option<TypedFunc<(u32, u32), ()>>,
    vm_start: Option<TypedFunc<(u32, u32), u32>>,
    configure: Option<TypedFunc<(u32, u32), u32>>,
    tick: Option<TypedFunc<u32, ()>>,
    queue_ready: Option<TypedFunc<(u32, u32), ()>>,
    request_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    request_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    request_trailers: Option<TypedFunc<(u32, u32), u32>>,
    response_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    response_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    response_trailers: Option<TypedFunc<(u32, u32), u32>>,
    new_connection: Option<TypedFunc<u32, u32>>,
    downstream_data: Option<TypedFunc<(u32, u32, u32), u32>>,
    upstream_data: Option<TypedFunc<(u32, u32, u32), u32>>,
    downstream_close: Option<TypedFunc<(u32, u32), ()>>,
    upstream_close: Option<TypedFunc<(u32, u32), ()>>,
    http_call_response: Option<HttpCallResponse>,
    grpc_receive_initial_metadata: Option<TypedFunc<(u32, u32, u32), ()>>,
    grpc_receive: Option<TypedFunc<(u32, u32, u32), ()>>,
    grpc_receive_trailing_metadata: Option<TypedFunc<(u32, u32, u32), ()>>,
    grpc_close: Option<TypedFunc<(u32, u32, u32), ()>>,
}

/// An instance of a module.
pub(crate) struct Vm {
    pub(crate) store: Store<State>,
    exports: Rc<Exports>,
    counts_instructions: bool,
    /// It trapped: no callback is called any more.
    pub(crate) failed: bool,
}

/// A callback with its numbers; see `proxy_on_*` in the ABI.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    ContextCreate { parent: u32 },
    VmStart(u32),
    Configure(u32),
    Tick,
    QueueReady(u32),
    RequestHeaders(u32, bool),
    RequestBody(u32, bool),
    RequestTrailers(u32),
    ResponseHeaders(u32, bool),
    ResponseBody(u32, bool),
    ResponseTrailers(u32),
    NewConnection,
    DownstreamData(u32, bool),
    UpstreamData(u32, bool),
    DownstreamClose(u32),
    UpstreamClose(u32),
    HttpCallResponse(u32, [u32; 3]),
    GrpcInitialMetadata(u32, u32),
    GrpcReceive(u32, u32),
    GrpcTrailingMetadata(u32, u32),
    GrpcClose(u32, u32),
    Log,
    Done,
    Delete,
}

impl Vm {
    /// Instantiates the module, starts the VM, and configures the plugin. What went wrong is in the log.
    pub(crate) fn start(module: &Module, world: &Rc<World>, worker: Option<usize>) -> Option<Self> {
        let state = State::new(world.clone(), worker);
        let mut store = Store::new(module.pre.module().engine(), state);
        let counts_instructions = module.engine.counts_instructions();
        if counts_instructions && store.set_fuel(FUEL).is_err() {
            return None;
        }
        let fail = |store: &Store<State>, text: String| store.data().log(Level::Critical, text);
        let instance = match module.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => {
                fail(
                    &store,
                    format!("Failed to instantiate Wasm module: {error:#}"),
                );
                return None;
            }
        };
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        let exports = match Exports::find(&instance, &mut store) {
            Ok(exports) => exports,
            Err(error) => {
                fail(&store, format!("Failed to load Wasm module: {error:#}"));
                return None;
            }
        };
        let mut vm = Self {
            store,
            exports: Rc::new(exports),
            counts_instructions,
            failed: false,
        };
        vm.initialize(&instance);
        let (vm_size, size) = (
            length(world.plugin.vm_configuration.len()),
            length(world.plugin.configuration.len()),
        );
        let root = vm.state().root;
        if vm.failed || vm.call(root, Call::ContextCreate { parent: 0 }).is_none() {
            return None;
        }
        if vm.call(root, Call::VmStart(vm_size)) == Some(Some(0)) && !vm.failed {
            vm.state().log(
                Level::Error,
                "Failed to start Wasm: proxy_on_vm_start returned false",
            );
            return None;
        }
        if vm.failed {
            return None;
        }
        vm.state().configuring = true;
        let configured = vm.call(root, Call::Configure(size));
        vm.state().configuring = false;
        if vm.failed || configured == Some(Some(0)) {
            return None;
        }
        Some(vm)
    }

    /// `_initialize` of a reactor, or else `_start` of a command.
    fn initialize(&mut self, instance: &Instance) {
        self.state().restricted = true;
        for name in ["_initialize", "_start"] {
            if let Ok(start) = instance.get_typed_func::<(), ()>(&mut self.store, name) {
                self.run(
                    0,
                    if name == "_start" {
                        "_start"
                    } else {
                        "_initialize"
                    },
                    &start,
                    (),
                );
                break;
            }
        }
        self.state().restricted = false;
    }

    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    pub(crate) fn stream(&mut self, context: u32) -> Option<&mut Stream> {
        self.state().streams.get_mut(&context)
    }

    /// Bytes of linear memory, which never shrinks.
    pub(crate) fn memory_size(&mut self) -> usize {
        let memory = self.state().memory;
        memory
            .map(|memory| memory.data_size(&self.store))
            .unwrap_or_default()
    }

    /// Calls a callback, and does what it left to be done. Nothing where the VM has failed; and nothing inside
    /// where the module does not export the callback.
    pub(crate) fn call(&mut self, context: u32, call: Call) -> Option<Option<u32>> {
        if self.failed {
            return None;
        }
        let result = self.dispatch(context, call);
        let stopped = std::mem::take(&mut self.state().stop_next);
        self.run_actions();
        if self.failed {
            return None;
        }
        // What a callback that sent a local reply returns is nothing: it stops.
        Some(match (result, stopped) {
            (Some(_), true) => Some(u32::MAX),
            (result, _) => result,
        })
    }

    fn run_actions(&mut self) {
        while let Some(action) = self.state().actions.pop_front() {
            self.act(action);
        }
    }

    fn dispatch(&mut self, context: u32, call: Call) -> Option<u32> {
        let exports = self.exports.clone();
        let id = context;
        match call {
            Call::ContextCreate { parent } => self.unit(
                id,
                "proxy_on_context_create",
                exports.context_create.as_ref(),
                (id, parent),
            ),
            Call::VmStart(size) => self.number(
                id,
                "proxy_on_vm_start",
                exports.vm_start.as_ref(),
                (id, size),
            ),
            Call::Configure(size) => self.number(
                id,
                "proxy_on_configure",
                exports.configure.as_ref(),
                (id, size),
            ),
            Call::Tick => self.unit(id, "proxy_on_tick", exports.tick.as_ref(), id),
            Call::QueueReady(token) => self.unit(
                id,
                "proxy_on_queue_ready",
                exports.queue_ready.as_ref(),
                (id, token),
            ),
            Call::RequestHeaders(count, end) => {
                let arguments = (id, count, u32::from(end));
                self.number(
                    id,
                    "proxy_on_request_headers",
                    exports.request_headers.as_ref(),
                    arguments,
                )
            }
            Call::RequestBody(size, end) => {
                let arguments = (id, size, u32::from(end));
                self.number(
                    id,
                    "proxy_on_request_body",
                    exports.request_body.as_ref(),
                    arguments,
                )
            }
            Call::RequestTrailers(count) => self.number(
                id,
                "proxy_on_request_trailers",
                exports.request_trailers.as_ref(),
                (id, count),
            ),
            Call::ResponseHeaders(count, end) => {
                let arguments = (id, count, u32::from(end));
                self.number(
                    id,
                    "proxy_on_response_headers",
                    exports.response_headers.as_ref(),
                    arguments,
                )
            }
            Call::ResponseBody(size, end) => {
                let arguments = (id, size, u32::from(end));
                self.number(
                    id,
                    "proxy_on_response_body",
                    exports.response_body.as_ref(),
                    arguments,
                )
            }
            Call::ResponseTrailers(count) => self.number(
                id,
                "proxy_on_response_trailers",
                exports.response_trailers.as_ref(),
                (id, count),
            ),
            Call::NewConnection => self.number(
                id,
                "proxy_on_new_connection",
                exports.new_connection.as_ref(),
                id,
            ),
            Call::DownstreamData(size, end) => {
                let arguments = (id, size, u32::from(end));
                self.number(
                    id,
                    "proxy_on_downstream_data",
                    exports.downstream_data.as_ref(),
                    arguments,
                )
            }
            Call::UpstreamData(size, end) => {
                let arguments = (id, size, u32::from(end));
                self.number(
                    id,
                    "proxy_on_upstream_data",
                    exports.upstream_data.as_ref(),
                    arguments,
                )
            }
            Call::DownstreamClose(by) => {
                let name = "proxy_on_downstream_connection_close";
                self.unit(id, name, exports.downstream_close.as_ref(), (id, by))
            }
            Call::UpstreamClose(by) => {
                let name = "proxy_on_upstream_connection_close";
                self.unit(id, name, exports.upstream_close.as_ref(), (id, by))
            }
            Call::HttpCallResponse(token, [headers, body, trailers]) => {
                let arguments = (id, token, headers, body, trailers);
                self.unit(
                    id,
                    "proxy_on_http_call_response",
                    exports.http_call_response.as_ref(),
                    arguments,
                )
            }
            Call::GrpcInitialMetadata(token, count) => {
                let name = "proxy_on_grpc_receive_initial_metadata";
                self.unit(
                    id,
                    name,
                    exports.grpc_receive_initial_metadata.as_ref(),
                    (id, token, count),
                )
            }
            Call::GrpcReceive(token, size) => self.unit(
                id,
                "proxy_on_grpc_receive",
                exports.grpc_receive.as_ref(),
                (id, token, size),
            ),
            Call::GrpcTrailingMetadata(token, count) => {
                let name = "proxy_on_grpc_receive_trailing_metadata";
                self.unit(
                    id,
                    name,
                    exports.grpc_receive_trailing_metadata.as_ref(),
                    (id, token, count),
                )
            }
            Call::GrpcClose(token, status) => self.unit(
                id,
                "proxy_on_grpc_close",
                exports.grpc_close.as_ref(),
                (id, token, status),
            ),
            Call::Log => self.unit(id, "proxy_on_log", exports.log.as_ref(), id),
            Call::Done => self.number(id, "proxy_on_done", exports.done.as_ref(), id),
            Call::Delete => self.unit(id, "proxy_on_delete", exports.delete.as_ref(), id),
        }
    }

    fn number<P: WasmParams>(
        &mut self,
        context: u32,
        name: &'static str,
        function: Option<&TypedFunc<P, u32>>,
        arguments: P,
    ) -> Option<u32> {
        self.run(context, name, function?, arguments)
    }

    fn unit<P: WasmParams>(
        &mut self,
        context: u32,
        name: &'static str,
        function: Option<&TypedFunc<P, ()>>,
        arguments: P,
    ) -> Option<u32> {
        self.run(context, name, function?, arguments);
        None
    }

    /// Enters the VM. A trap is its end.
    fn run<P: WasmParams, R: WasmResults>(
        &mut self,
        context: u32,
        name: &'static str,
        function: &TypedFunc<P, R>,
        arguments: P,
    ) -> Option<R> {
        let counts = self.counts_instructions;
        let state = self.state();
        let outer = (state.current, state.effective);
        (state.current, state.effective) = (context, 0);
        let fresh = Callback {
            name,
            context,
            ..Callback::default()
        };
        let outer_callback = std::mem::replace(&mut state.callback, fresh);
        if counts {
            self.store.set_fuel(FUEL).unwrap_or_default();
        }
        let result = function.call(&mut self.store, arguments);
        let fuel = if counts {
            FUEL - self.store.get_fuel().unwrap_or(FUEL)
        } else {
            0
        };
        let state = self.store.data_mut();
        (state.current, state.effective) = outer;
        let mut callback = std::mem::replace(&mut state.callback, outer_callback);
        callback.fuel = fuel;
        if let Err(error) = &result {
            let text = format!("{error:?}");
            state.log(Level::Critical, format!("Function: {name} failed: {text}"));
            callback.trap = Some(text);
            self.failed = true;
        }
        let state = self.state();
        match state.streams.get_mut(&context) {
            Some(stream) => stream.callbacks.push(callback),
            None => state.callbacks.push(callback),
        }
        result.ok()
    }

    /// Takes a number for a new stream, and announces it.
    pub(crate) fn create(&mut self, mut stream: Stream) -> u32 {
        let failed = self.failed;
        let state = self.state();
        stream.bypassed = failed && state.world.plugin.failure_policy == FailurePolicy::FailOpen;
        stream.began = state.world.now.get();
        let (context, parent) = (state.next_context, state.root);
        state.next_context += 1;
        state.streams.insert(context, stream);
        self.call(context, Call::ContextCreate { parent });
        context
    }
}

impl State {
    fn new(world: Rc<World>, worker: Option<usize>) -> Self {
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
            callbacks: Vec::new(),
        }
    }
}

impl Exports {
    /// Refuses a module that exports a callback of another type.
    fn find(instance: &Instance, store: &mut Store<State>) -> Result<Self, wasmtime::Error> {
        let allocate = find(instance, store, "proxy_on_memory_allocate")?;
        let allocate = match allocate {
            Some(allocate) => Some(allocate),
            None => find(instance, store, "malloc")?,
        };
        store.data_mut().allocate = allocate;
        Ok(Self {
            done: find(instance, store, "proxy_on_done")?,
            log: find(instance, store, "proxy_on_log")?,
            delete: find(instance, store, "proxy_on_delete")?,
            context_create: find(instance, store, "proxy_on_context_create")?,
            vm_start: find(instance, store, "proxy_on_vm_start")?,
            configure: find(instance, store, "proxy_on_configure")?,
            tick: find(instance, store, "proxy_on_tick")?,
            queue_ready: find(instance, store, "proxy_on_queue_ready")?,
            request_headers: find(instance, store, "proxy_on_request_headers")?,
            request_body: find(instance, store, "proxy_on_request_body")?,
            request_trailers: find(instance, store, "proxy_on_request_trailers")?,
            response_headers: find(instance, store, "proxy_on_response_headers")?,
            response_body: find(instance, store, "proxy_on_response_body")?,
            response_trailers: find(instance, store, "proxy_on_response_trailers")?,
            new_connection: find(instance, store, "proxy_on_new_connection")?,
            downstream_data: find(instance, store, "proxy_on_downstream_data")?,
            upstream_data: find(instance, store, "proxy_on_upstream_data")?,
            downstream_close: find(instance, store, "proxy_on_downstream_connection_close")?,
            upstream_close: find(instance, store, "proxy_on_upstream_connection_close")?,
            http_call_response: find(instance, store, "proxy_on_http_call_response")?,
            grpc_receive_initial_metadata: find(
                instance,
                store,
                "proxy_on_grpc_receive_initial_metadata",
            )?,
            grpc_receive: find(instance, store, "proxy_on_grpc_receive")?,
            grpc_receive_trailing_metadata: find(
                instance,
                store,
                "proxy_on_grpc_receive_trailing_metadata",
            )?,
            grpc_close: find(instance, store, "proxy_on_grpc_close")?,
        })
    }
}

fn find<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<State>,
    name: &str,
) -> Result<Option<TypedFunc<P, R>>, wasmtime::Error> {
    match instance.get_func(&mut *store, name) {
        None => Ok(None),
        Some(function) => function.typed(&*store).map(Some),
    }
}

pub(crate) fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
