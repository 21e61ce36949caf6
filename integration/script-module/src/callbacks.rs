//! What Envoy calls.

#![expect(unsafe_code, reason = "exports have the names that Envoy calls")]

use crate::orders::{Outcome, follow};
use crate::{abi, pairs};
use std::cell::RefCell;
use std::collections::HashMap;

#[derive(Default)]
struct Scripts {
    /// Of each stream: its ID and its orders by phase.
    streams: HashMap<u32, (String, HashMap<String, String>)>,
    /// Streams whose callouts are under way.
    callouts: HashMap<u32, u32>,
}

thread_local! {
    static SCRIPTS: RefCell<Scripts> = RefCell::default();
}

fn at(context: u32, phase: &str) -> u32 {
    at_with(context, phase, "")
}

/// `before` is done first, whatever the orders.
fn at_with(context: u32, phase: &str, before: &str) -> u32 {
    let Some((id, script)) = SCRIPTS.with_borrow(|scripts| {
        let (id, script) = scripts.streams.get(&context)?;
        Some((id.clone(), script.get(phase).cloned()?))
    }) else {
        return 0;
    };
    if !before.is_empty() {
        abi::log(&format!("script {id} {phase}: {before}"));
    }
    let Outcome { action, callout } = follow(&id, phase, &script);
    if let Some(token) = callout {
        SCRIPTS.with_borrow_mut(|scripts| scripts.callouts.insert(token, context));
    }
    action
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
extern "C" fn proxy_on_context_create(_: u32, _: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(_: u32, _: usize) -> u32 {
    let (_, configuration) = abi::buffer(7, 0, 100);
    u32::from(configuration != b"refuse")
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _: u32, end: u32) -> u32 {
    let (_, bytes) = abi::pairs(0);
    let headers = pairs::decode(&bytes);
    let mut id = String::new();
    let mut script = HashMap::new();
    for (name, value) in headers {
        if name == "x-id" {
            id = value;
        } else if let Some(phase) = name.strip_prefix("x-on-") {
            script.insert(phase.to_owned(), value);
        }
    }
    SCRIPTS.with_borrow_mut(|scripts| scripts.streams.insert(context, (id, script)));
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
    SCRIPTS.with_borrow_mut(|scripts| scripts.streams.remove(&context));
}
