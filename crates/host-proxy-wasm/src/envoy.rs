//! The host traits over the bindings.

use crate::bindings::{self, Buffer};
use crate::{Control, NetworkControl, wire};
use gatehouse_host::{
    Bodies, Callout, CalloutId, Callouts, Cas, Clock, Connections, Counter, Entropy, Expression,
    Expressions, GrpcCallout, HeaderMap, HeaderMaps, HostError, Level, LocalReplies, LocalReply,
    Log, Metrics, Properties, Result, SharedData, Side, Signatures, Status, StreamId, Timestamp,
};
use prost::Message as _;
use std::time::Duration;

const FOREIGN: &str = "proxy_call_foreign_function";

/// The proxy that this module runs in.
#[derive(Debug, Clone, Copy)]
pub struct Envoy;

impl Clock for Envoy {
    fn now(&self) -> Result<Timestamp> {
        bindings::now().map(Timestamp::from_nanos)
    }
}

impl Log for Envoy {
    fn log(&self, level: Level, message: &str) {
        // A line that cannot be written is lost: there is nowhere to say so.
        bindings::log(level, message).unwrap_or_default();
    }
}

impl Metrics for Envoy {
    fn define_counter(&self, name: &str) -> Result<Counter> {
        bindings::define_counter(name)
    }

    fn increment(&self, counter: Counter, by: u64) {
        // Envoy refuses an increment of zero, and a count is no reason to fail a request.
        bindings::increment(counter, by).unwrap_or_default();
    }
}

impl SharedData for Envoy {
    fn shared(&self, key: &str) -> Result<Option<(Vec<u8>, Cas)>> {
        bindings::shared_data(key)
    }

    fn swap_shared(&self, key: &str, value: &[u8], cas: Cas) -> Result<bool> {
        bindings::swap_shared_data(key, value, cas)
    }
}

impl HeaderMaps for Envoy {
    fn header_pairs(&self, map: HeaderMap) -> Result<Vec<u8>> {
        bindings::header_pairs(map)
    }

    fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<()> {
        bindings::set_header(map, name, value)
    }

    fn append_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<()> {
        bindings::append_header(map, name, value)
    }

    fn remove_header(&self, map: HeaderMap, name: &str) -> Result<()> {
        bindings::remove_header(map, name)
    }
}

impl Properties for Envoy {
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>> {
        bindings::property(&wire::property_path(path))
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<()> {
        bindings::set_property(name.as_bytes(), value)
    }
}

impl LocalReplies for Envoy {
    fn send_local_reply(&self, reply: &LocalReply) -> Result<()> {
        let pairs = reply
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let headers = wire::pairs(pairs).unwrap_or_default();
        bindings::send_local_response(
            reply.status,
            &reply.details,
            &reply.body,
            &headers,
            reply.grpc_status,
        )
    }
}

impl Entropy for Envoy {
    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        getrandom::fill(bytes).map_err(|_| HostError {
            call: "random_get",
            status: Status::Malformed,
        })
    }
}

#[cfg(feature = "signatures")]
impl Signatures for Envoy {
    fn verify_signature(
        &self,
        hash: &str,
        spki_der: &[u8],
        signature: &[u8],
        message: &[u8],
    ) -> Result<bool> {
        let arguments = wire::VerifySignature {
            hash_function: hash.to_owned(),
            public_key: spki_der.to_vec(),
            signature: signature.to_vec(),
            text: message.to_vec(),
        };
        let answer = bindings::foreign_function("verify_signature", &arguments.encode_to_vec())?;
        wire::VerifySignatureResult::decode(answer.as_slice())
            .map(|answer| answer.result)
            .map_err(|_| HostError {
                call: FOREIGN,
                status: Status::Malformed,
            })
    }
}

#[cfg(feature = "callouts")]
impl Callouts for Envoy {
    fn call_out(&self, callout: &Callout) -> Result<CalloutId> {
        let pairs = callout
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_slice()));
        // More than Envoy takes arrives as no headers, and is refused there.
        let headers = wire::pairs(pairs).unwrap_or_default();
        bindings::http_call(
            &callout.cluster,
            &headers,
            &callout.body,
            milliseconds(callout.timeout),
        )
        .map(CalloutId)
    }

    fn call_grpc(&self, callout: &GrpcCallout) -> Result<CalloutId> {
        let pairs = callout
            .metadata
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let metadata = wire::pairs(pairs).unwrap_or_default();
        bindings::grpc_call(
            &wire::GrpcService::of_cluster(&callout.cluster).encode_to_vec(),
            &callout.service,
            &callout.method,
            &metadata,
            &callout.message,
            milliseconds(callout.timeout),
        )
        .map(CalloutId)
    }

    fn grpc_message(&self, most: usize) -> Result<Vec<u8>> {
        bindings::buffer(Buffer::GrpcMessage, 0, most)
    }

    fn grpc_status_text(&self) -> Result<Vec<u8>> {
        bindings::status_text()
    }

    fn answer_headers(&self) -> Result<Vec<u8>> {
        bindings::answer_header_pairs()
    }

    fn answer_body(&self, most: usize) -> Result<Vec<u8>> {
        bindings::buffer(Buffer::CalloutAnswer, 0, most)
    }
}

/// Without the feature `signatures`.
#[cfg(not(feature = "signatures"))]
impl Signatures for Envoy {
    fn verify_signature(&self, _: &str, _: &[u8], _: &[u8], _: &[u8]) -> Result<bool> {
        Err(left_out())
    }
}

/// Without the feature `callouts`: none is made, so nothing answers one.
#[cfg(not(feature = "callouts"))]
impl Callouts for Envoy {
    fn call_out(&self, _: &Callout) -> Result<CalloutId> {
        Err(left_out())
    }

    fn call_grpc(&self, _: &GrpcCallout) -> Result<CalloutId> {
        Err(left_out())
    }

    fn grpc_message(&self, _: usize) -> Result<Vec<u8>> {
        Err(left_out())
    }

    fn grpc_status_text(&self) -> Result<Vec<u8>> {
        Err(left_out())
    }

    fn answer_headers(&self) -> Result<Vec<u8>> {
        Err(left_out())
    }

    fn answer_body(&self, _: usize) -> Result<Vec<u8>> {
        Err(left_out())
    }
}

/// What a host says that has no such call.
#[cfg(not(all(feature = "signatures", feature = "callouts")))]
const fn left_out() -> HostError {
    const UNIMPLEMENTED: u32 = 12;
    HostError {
        call: "a call whose feature this module does not enable",
        status: Status::Code(UNIMPLEMENTED),
    }
}

impl Bodies for Envoy {
    fn request_body(&self, most: usize) -> Result<Vec<u8>> {
        bindings::buffer(Buffer::RequestBody, 0, most)
    }

    fn response_body(&self, start: usize, length: usize) -> Result<Vec<u8>> {
        bindings::buffer(Buffer::ResponseBody, start, length)
    }
}

impl Connections for Envoy {
    fn network_data(&self, side: Side, start: usize, length: usize) -> Result<Vec<u8>> {
        let buffer = match side {
            Side::Downstream => Buffer::NetworkDownstreamData,
            Side::Upstream => Buffer::NetworkUpstreamData,
        };
        bindings::buffer(buffer, start, length)
    }

    fn set_filter_state(&self, key: &str, value: &str) -> Result<()> {
        let arguments = wire::SetFilterState {
            path: key.to_owned(),
            value: value.to_owned(),
            span: wire::SetFilterState::CONNECTION,
        };
        bindings::foreign_function("set_envoy_filter_state", &arguments.encode_to_vec()).map(drop)
    }
}

impl Expressions for Envoy {
    /// On its own first: `a) || (b` must not become good by what is put around it. A text of the one
    /// byte 1 comes back as `true` does; as a condition, only a boolean can be evaluated.
    fn compile(&self, expression: &str) -> Result<Expression> {
        let alone = bindings::foreign_function("expr_create", expression.as_bytes())?;
        bindings::foreign_function("expr_delete", &alone)?;
        // The line break ends a comment.
        let condition = format!("({expression}\n) ? true : false");
        let token = bindings::foreign_function("expr_create", condition.as_bytes())?;
        match <[u8; 4]>::try_from(token.as_slice()) {
            Ok(token) => Ok(Expression(u32::from_le_bytes(token))),
            Err(_) => Err(malformed()),
        }
    }

    fn holds(&self, expression: Expression) -> Result<bool> {
        match *bindings::foreign_function("expr_evaluate", &expression.0.to_le_bytes())? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(malformed()),
        }
    }
}

const fn malformed() -> HostError {
    HostError {
        call: FOREIGN,
        status: Status::Malformed,
    }
}

/// At least one: Envoy takes zero for no limit.
fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).map_or(u32::MAX, |milliseconds| milliseconds.max(1))
}

impl Control for Envoy {
    fn plugin_configuration(&self, size: usize) -> Result<Vec<u8>> {
        bindings::buffer(Buffer::PluginConfiguration, 0, size)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "here the environment of the VM comes from"
    )]
    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn set_tick_period(&self, period: Duration) -> Result<()> {
        bindings::set_tick_period(milliseconds(period))
    }

    fn enter(&self, stream: StreamId) -> Result<()> {
        bindings::set_effective_context(stream.0)
    }

    fn resume_request(&self) -> Result<()> {
        bindings::continue_request()
    }
}

impl NetworkControl for Envoy {
    fn resume_connection(&self) -> Result<()> {
        bindings::continue_connection()
    }

    fn close_connection(&self) -> Result<()> {
        bindings::close_connection()
    }
}
