//! What Envoy calls.

#![expect(unsafe_code, reason = "exports have the names that Envoy calls")]

use crate::orders::follow;
use crate::{abi, pairs};
use std::cell::RefCell;
use std::collections::HashMap;

/// An ID, and orders by phase.
#[derive(Clone, Default)]
struct Script {
    id: String,
    orders: HashMap<String, String>,
    /// How often each phase has come.
    came: HashMap<String, u32>,
}

#[derive(Default)]
struct Scripts {
    /// The root contexts of streams and connections.
    roots: HashMap<u32, u32>,
    /// Of root contexts, streams and connections.
    contexts: HashMap<u32, Script>,
    /// Those whose callouts are under way.
    callouts: HashMap<u32, u32>,
    /// What has begun last, and the last that asked over gRPC.
    latest: u32,
    asked: u32,
}

thread_local! {
    static SCRIPTS: RefCell<Scripts> = RefCell::default();
}

/// `ID`, then lines of `PHASE=ORDERS`.
fn read(text: &str) -> Script {
    let mut lines = text.lines();
    Script {
        id: lines.next().unwrap_or_default().to_owned(),
        orders: lines
            .filter_map(|line| line.split_once('='))
            .map(|(phase, orders)| (phase.to_owned(), orders.to_owned()))
            .collect(),
        came: HashMap::new(),
    }
}

pub(crate) fn at(context: u32, phase: &str) -> u32 {
    at_with(context, phase, "")
}

/// `before` is done first, whatever the orders. The second time that `data` comes, orders for `data2` go before those for `data`.
pub(crate) fn at_with(context: u32, phase: &str, before: &str) -> u32 {
    let Some((id, orders, latest)) = SCRIPTS.with_borrow_mut(|scripts| {
        let latest = scripts.latest;
        let script = scripts.contexts.get_mut(&context)?;
        let times = script.came.entry(phase.to_owned()).or_default();
        *times += 1;
        let orders = script.orders.get(&format!("{phase}{times}"));
        let orders = orders.or_else(|| script.orders.get(phase))?;
        if orders.is_empty() {
            return None;
        }
        Some((script.id.clone(), orders.clone(), latest))
    }) else {
        return 0;
    };
    if !before.is_empty() {
        abi::log(&format!("script {id} {phase}: {before}"));
    }
    let outcome = follow(&id, phase, &orders, latest);
    SCRIPTS.with_borrow_mut(|scripts| {
        if outcome.grpc.is_some() {
            scripts.asked = context;
        }
        for token in [outcome.callout, outcome.grpc].into_iter().flatten() {
            scripts.callouts.insert(token, context);
        }
    });
    outcome.action
}

/// A connection has the orders of its plugin.
pub(crate) fn begin(context: u32) {
    SCRIPTS.with_borrow_mut(|scripts| {
        let root = scripts.roots.get(&context).copied().unwrap_or_default();
        if let Some(script) = scripts.contexts.get(&root).cloned() {
            scripts.contexts.insert(context, script);
        }
    });
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the linker's own, called once, before anything else.
    unsafe { __wasm_call_ctors() }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut block = Vec::<u8>::with_capacity(size);
    let pointer = block.as_mut_ptr();
    std::mem::forget(block);
    pointer
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    if root != 0 {
        SCRIPTS.with_borrow_mut(|scripts| {
            scripts.roots.insert(context, root);
            scripts.latest = context;
        });
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, _: usize) -> u32 {
    let (_, configuration) = abi::buffer(7, 0, 10_000);
    let script = read(&String::from_utf8_lossy(&configuration));
    SCRIPTS.with_borrow_mut(|scripts| scripts.contexts.insert(root, script));
    at(root, "configure");
    u32::from(configuration != b"refuse")
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    let latest = SCRIPTS.with_borrow(|scripts| {
        let has_orders = |context: u32| {
            let script = scripts.contexts.get(&context);
            script.is_some_and(|script| script.orders.keys().any(|phase| phase.starts_with("tick")))
        };
        (!has_orders(root)).then_some(scripts.latest)
    });
    at_with(latest.unwrap_or(root), "tick", "now");
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _: u32, end: u32) -> u32 {
    let (_, bytes) = abi::pairs(0);
    let headers = pairs::decode(&bytes);
    let mut id = String::new();
    let mut orders = HashMap::new();
    for (name, value) in headers {
        if name == "x-id" {
            id = value;
        } else if let Some(phase) = name.strip_prefix("x-on-") {
            orders.insert(phase.to_owned(), value);
        }
    }
    let script = Script {
        id,
        orders,
        came: HashMap::new(),
    };
    SCRIPTS.with_borrow_mut(|scripts| scripts.contexts.insert(context, script));
    at_with(context, "request", &format!("end {end}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: u32, end: u32) -> u32 {
    at_with(context, "body", &format!("{size} end {end}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, count: u32) -> u32 {
    at_with(context, "trailers", &format!("{count}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, _: u32, end: u32) -> u32 {
    at_with(context, "response", &format!("end {end}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(context: u32, size: u32, end: u32) -> u32 {
    at_with(context, "response-body", &format!("{size} end {end}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(context: u32, count: u32) -> u32 {
    at_with(context, "response-trailers", &format!("{count}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    _: u32,
    token: u32,
    headers: u32,
    body: u32,
    trailers: u32,
) {
    let Some(context) = SCRIPTS.with_borrow_mut(|scripts| scripts.callouts.remove(&token)) else {
        return;
    };
    let (_, status) = abi::header(6, ":status");
    let told = format!(
        "headers {} status {} body {} trailers {trailers}",
        headers > 0,
        status.escape_ascii(),
        body > 0
    );
    let entered = abi::enter(context);
    at_with(context, "answer", &format!("{told} entered {entered}"));
}

fn asker(token: u32) -> u32 {
    SCRIPTS.with_borrow_mut(|scripts| scripts.callouts.remove(&token).unwrap_or(scripts.asked))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(_: u32, token: u32, size: usize) {
    let context = asker(token);
    let entered = abi::enter(context);
    at_with(context, "message", &format!("{size} entered {entered}"));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(_: u32, token: u32, status: u32) {
    let context = asker(token);
    let entered = abi::enter(context);
    at_with(context, "closed", &format!("{status} entered {entered}"));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    at(context, "log");
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context: u32) -> u32 {
    at(context, "done");
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    SCRIPTS.with_borrow_mut(|scripts| {
        scripts.contexts.remove(&context);
        scripts.roots.remove(&context);
    });
}
