//! The callbacks that a module exports, and how each is called.

use super::{State, Vm};
use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

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

impl Call {
    /// What it returns stays what it is, whatever local reply was sent.
    pub(super) fn is_of_a_connection(self) -> bool {
        matches!(
            self,
            Self::NewConnection | Self::DownstreamData(..) | Self::UpstreamData(..)
        )
    }
}

/// Context, token, and the sizes of headers, body and trailers.
type HttpCallResponse = TypedFunc<(u32, u32, u32, u32, u32), ()>;

/// The callbacks that a module exports.
#[derive(Default)]
pub(super) struct Exports {
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

impl Exports {
    /// Refuses a module that exports a callback of another type.
    pub(super) fn find(
        instance: &Instance,
        store: &mut Store<State>,
    ) -> Result<Self, wasmtime::Error> {
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

impl Vm {
    pub(super) fn dispatch(&mut self, context: u32, call: Call) -> Option<u32> {
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
}
