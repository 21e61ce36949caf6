//! From the callbacks of proxy-wasm to those of a filter.
//!
//! 1. `on_configure`: the filter is made from its configuration; a refusal is logged with every
//!    problem, and Envoy told not to use the module.
//! 2. Each stream gets the filter as it then is: a new configuration does not change what has begun.
//! 3. A denial is sent, its reason left in the filter state `wasm.gatehouse.denial`, and the request
//!    stopped. A host call that failed so that the filter cannot apply its policy is a denial too.

use crate::bindings::{self, Buffer};
use crate::envoy::Envoy;
use gatehouse_host::{
    Exchange, HostError, Level, LocalReplies as _, LocalReply, Log as _, Module, Properties as _,
    Request, Response, Verdict,
};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use std::rc::Rc;

/// The filter state with the reason of a denial, for access logs:
/// `%FILTER_STATE(wasm.gatehouse.denial:PLAIN)%`.
const DENIAL_STATE: &str = "gatehouse.denial";

/// The root context of a module: one in each worker's VM, for each configuration of the filter.
pub struct Root<F> {
    filter: Option<Rc<F>>,
}

impl<F> Default for Root<F> {
    fn default() -> Self {
        Self { filter: None }
    }
}

impl<F> Context for Root<F> {}

impl<F: Module + 'static> RootContext for Root<F> {
    fn on_configure(&mut self, size: usize) -> bool {
        let configured = bindings::buffer(Buffer::PluginConfiguration, size)
            .map_err(Into::into)
            .and_then(|bytes| F::configure(&bytes, &environment, &Envoy));
        match configured {
            Ok(filter) => {
                self.filter = Some(Rc::new(filter));
                true
            }
            Err(error) => {
                Envoy.log(Level::Error, &format!("gatehouse {}: {error}", F::NAME));
                false
            }
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            filter: self.filter.clone(),
            exchange: Exchange::default(),
            pending: F::Pending::default(),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "here the environment of the VM comes from"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

struct Stream<F: Module> {
    /// Nothing only where Envoy begins a stream on a plugin it did not configure.
    filter: Option<Rc<F>>,
    exchange: Exchange,
    pending: F::Pending,
}

impl<F: Module> Context for Stream<F> {}

impl<F: Module> HttpContext for Stream<F> {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let verdict = match &self.filter {
            Some(filter) => filter.request(
                &mut Request::new(&Envoy, &mut self.exchange),
                &mut self.pending,
            ),
            None => Ok(Verdict::Deny(broken::<F>("not_configured"))),
        };
        self.exchange.end_request_phase();
        match verdict {
            Ok(Verdict::Continue) => Action::Continue,
            Ok(Verdict::Deny(reply)) => deny::<F>(&reply),
            Err(error) => {
                log_host_error::<F>("request denied", error);
                deny::<F>(&broken::<F>("host_error"))
            }
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(filter) = &self.filter else {
            return Action::Continue;
        };
        let mut headers = None;
        let mut response = Response::new(&Envoy, &self.exchange, &mut headers);
        if let Err(error) = filter.response(&mut response, &mut self.pending) {
            log_host_error::<F>("response not changed as configured", error);
        }
        Action::Continue
    }
}

/// The reply where the filter could not apply its policy.
fn broken<F: Module>(reason: &str) -> LocalReply {
    LocalReply {
        status: 500,
        headers: Vec::new(),
        body: Vec::new(),
        // INTERNAL
        grpc_status: Some(13),
        details: format!("gatehouse.{}.{reason}", F::NAME),
    }
}

fn deny<F: Module>(reply: &LocalReply) -> Action {
    let reason = reply
        .details
        .strip_prefix("gatehouse.")
        .unwrap_or(&reply.details);
    if let Err(error) = Envoy.set_property(DENIAL_STATE, reason.as_bytes()) {
        log_host_error::<F>("reason not in filter state", error);
    }
    if let Err(error) = Envoy.send_local_reply(reply) {
        log_host_error::<F>("denial not sent", error);
    }
    // Stopped even where the reply could not be sent: better no answer than the upstream's.
    Action::Pause
}

fn log_host_error<F: Module>(what: &str, error: HostError) {
    Envoy.log(
        Level::Error,
        &format!("gatehouse {}: {what}: {error}", F::NAME),
    );
}
