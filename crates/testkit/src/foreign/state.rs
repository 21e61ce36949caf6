//! `set_envoy_filter_state` and `declare_property`.

use super::Answer;
use crate::imports::{BAD_ARGUMENT, NOT_FOUND};
use crate::vm::State;
use prost::Message as _;

/// `envoy.source.extensions.common.wasm.SetEnvoyFilterStateArguments`
#[derive(Clone, PartialEq, prost::Message)]
struct SetArguments {
    #[prost(string, tag = "1")]
    path: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(int32, tag = "3")]
    span: i32,
}

/// `envoy.source.extensions.common.wasm.DeclarePropertyArguments`
#[derive(Clone, PartialEq, prost::Message)]
struct DeclareArguments {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bool, tag = "2")]
    readonly: bool,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(bytes = "vec", tag = "4")]
    schema: Vec<u8>,
    #[prost(int32, tag = "5")]
    span: i32,
}

/// Keys for which a stock Envoy can make an object of a text.
const FACTORIES: &[&str] = &[
    "envoy.network.application_protocols",
    "envoy.network.upstream_server_name",
    "envoy.network.upstream_subject_alt_names",
    "envoy.ratelimit.hits_addend",
    "envoy.string",
    "envoy.tcp_proxy.cluster",
    "envoy.tcp_proxy.per_connection_idle_timeout_ms",
    "envoy.upstream.dynamic_host",
    "envoy.upstream.dynamic_port",
];

pub(super) fn set(state: &mut State, arguments: &[u8]) -> Answer {
    let arguments = SetArguments::decode(arguments).map_err(|_| BAD_ARGUMENT)?;
    if !FACTORIES.contains(&arguments.path.as_str()) {
        return Err(NOT_FOUND);
    }
    let stream = state.stream().ok_or(NOT_FOUND)?;
    stream
        .envoy_filter_state
        .insert(arguments.path, arguments.value);
    Ok(Vec::new())
}

/// A name is declared once; what is declared is not checked when it is set.
pub(super) fn declare(state: &mut State, arguments: &[u8]) -> Answer {
    let arguments = DeclareArguments::decode(arguments).map_err(|_| BAD_ARGUMENT)?;
    if state.declared.insert(arguments.name) {
        Ok(Vec::new())
    } else {
        Err(BAD_ARGUMENT)
    }
}
