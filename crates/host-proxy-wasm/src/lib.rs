//! The proxy-wasm side of the host traits: fallible bindings, dispatcher, entrypoint macro.
