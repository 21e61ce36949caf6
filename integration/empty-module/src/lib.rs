//! A filter that does nothing: what a module costs before it does anything.
//!
//! 1. Every request and every response goes on as it is.
//! 2. The configuration is not looked at.
//!
//! The benchmarks build it three times: with the callback for request headers, with the feature
//! `response` for response headers too, and with `response-body` for bodies of responses too, none of
//! which is wanted.

use gatehouse_host::{
    ConfigureError, Host, HttpFilter, Module, Request, Response, Result, Verdict,
};

/// The filter; there is nothing to configure.
pub struct Filter;

impl Module for Filter {
    const NAME: &'static str = "empty";

    fn configure(
        _: &[u8],
        _: &dyn Fn(&str) -> Option<String>,
        _: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        Ok(Self)
    }
}

impl HttpFilter for Filter {
    type Pending = ();

    const WANTS_RESPONSE: bool = cfg!(feature = "response");
    const WANTS_RESPONSE_BODY: bool = cfg!(feature = "response-body");

    fn request(&self, _: &mut Request<'_>, (): &mut ()) -> Result<Verdict> {
        Ok(Verdict::Continue)
    }

    fn response(&self, _: &mut Response<'_>, (): &mut ()) -> Result<()> {
        Ok(())
    }

    fn wants_response_body(&self, (): &()) -> bool {
        false
    }
}

#[cfg(all(target_arch = "wasm32", feature = "module", not(feature = "response")))]
gatehouse_host_proxy_wasm::http_module!(crate::Filter, callbacks: [request_headers]);

#[cfg(all(
    target_arch = "wasm32",
    feature = "module",
    feature = "response",
    not(feature = "response-body")
))]
gatehouse_host_proxy_wasm::http_module!(
    crate::Filter,
    callbacks: [request_headers, response_headers, delete]
);

#[cfg(all(target_arch = "wasm32", feature = "module", feature = "response-body"))]
gatehouse_host_proxy_wasm::http_module!(
    crate::Filter,
    callbacks: [request_headers, response_headers, response_body, response_trailers, delete]
);
