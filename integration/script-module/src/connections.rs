//! What Envoy calls about connections.

#![expect(unsafe_code, reason = "exports have the names that Envoy calls")]

use crate::callbacks::{at_with, begin};

#[unsafe(no_mangle)]
extern "C" fn proxy_on_new_connection(context: u32) -> u32 {
    begin(context);
    at_with(context, "new", "it comes")
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_downstream_data(context: u32, size: usize, end: u32) -> u32 {
    at_with(context, "data", &format!("{size} end {end}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_upstream_data(context: u32, size: usize, end: u32) -> u32 {
    at_with(context, "upstream", &format!("{size} end {end}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_downstream_connection_close(context: u32, by: u32) {
    at_with(context, "closed-by", &by.to_string());
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_upstream_connection_close(context: u32, by: u32) {
    at_with(context, "upstream-closed", &by.to_string());
}
