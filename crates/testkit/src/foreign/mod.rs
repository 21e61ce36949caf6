//! Foreign functions, by name (`source/extensions/common/wasm/foreign.cc`).

mod expressions;
mod signature;
mod state;

use crate::imports::NOT_FOUND;
use crate::vm::State;
pub(crate) use expressions::Expressions;
pub use signature::is_good as verify_signature;

/// What a function answers, or the status it failed with.
pub(crate) type Answer = Result<Vec<u8>, u32>;

/// Calls one.
pub(crate) fn call(state: &mut State, name: &str, arguments: &[u8]) -> Answer {
    match name {
        "verify_signature" => signature::verify(arguments),
        "expr_create" => expressions::create(state, arguments),
        "expr_evaluate" => expressions::evaluate(state, arguments),
        "expr_delete" => expressions::delete(state, arguments),
        "set_envoy_filter_state" => state::set(state, arguments),
        "declare_property" => state::declare(state, arguments),
        "clear_route_cache" => {
            if let Some(stream) = state.stream() {
                stream.route_cache_cleared += 1;
            }
            Ok(Vec::new())
        }
        _ => Err(NOT_FOUND),
    }
}
