//! A filter that makes one host call, `times` for each request, and lets it go on: what is more than an empty module
//! costs, divided by `times`, is the price of the call.
//!
//! 1. What a call answers is not looked at.
//! 2. A call that fails is a denial, so that a benchmark of calls that fail says so.

use gatehouse_config::{keywords, object};
use gatehouse_host::{
    ConfigureError, Counter, Expression, HeaderMap, Host, HttpFilter, Module, Request, Response,
    Result, Verdict,
};

keywords! {
    /// The calls.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Call {
        /// All headers of the request.
        Headers = "headers",
        /// Sets a header of the request, to the same value each time.
        Set = "set",
        /// Removes a header of the request that is not there.
        Remove = "remove",
        /// Reads a property: the path of the request.
        Property = "property",
        /// Writes a filter state.
        SetProperty = "set_property",
        /// Reads the clock.
        Clock = "clock",
        /// Reads a value of 64 bytes in shared data, and replaces it.
        Shared = "shared",
        /// Counts in a metric.
        Count = "count",
        /// Evaluates an expression of two terms.
        Expression = "expression",
    }
}

object! {
    /// What is done for each request.
    pub struct Config {
        /// The call.
        pub call: Call,
        /// How many times.
        pub times: u64,
    }
}

/// The configured filter.
pub struct Filter {
    config: Config,
    counter: Counter,
    expression: Expression,
}

/// In shared data, and of the filter state.
const KEY: &str = "gatehouse.calls";

impl Filter {
    fn call(&self, host: &dyn Host) -> Result<()> {
        match self.config.call {
            Call::Headers => drop(host.header_pairs(HeaderMap::Request)?),
            Call::Set => host.set_header(HeaderMap::Request, "x-bench-request", b"1")?,
            Call::Remove => host.remove_header(HeaderMap::Request, "x-bench-none")?,
            Call::Property => drop(host.property(&["request", "path"])?),
            Call::SetProperty => host.set_property(KEY, b"consumer")?,
            Call::Clock => drop(host.now()?),
            Call::Shared => match host.shared(KEY)? {
                Some((value, cas)) => drop(host.swap_shared(KEY, &value, cas)?),
                None => drop(host.swap_shared(KEY, &[0; 64], gatehouse_host::Cas::CREATE)?),
            },
            Call::Count => host.increment(self.counter, 1),
            Call::Expression => drop(host.holds(self.expression)?),
        }
        Ok(())
    }
}

impl Module for Filter {
    const NAME: &'static str = "calls";

    fn configure(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
        host: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        let config = gatehouse_config::load(configuration, &environment)
            .map_err(|problems| ConfigureError::Configuration(problems.to_string()))?;
        Ok(Self {
            config,
            counter: host.define_counter("gatehouse.calls")?,
            expression: host.compile("request.method == 'GET' && request.path.startsWith('/')")?,
        })
    }
}

impl HttpFilter for Filter {
    type Pending = ();

    const WANTS_RESPONSE: bool = false;

    fn request(&self, request: &mut Request<'_>, (): &mut ()) -> Result<Verdict> {
        for _ in 0..self.config.times {
            self.call(request.host())?;
        }
        Ok(Verdict::Continue)
    }

    fn response(&self, _: &mut Response<'_>, (): &mut ()) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

#[cfg(all(target_arch = "wasm32", feature = "module"))]
gatehouse_host_proxy_wasm::http_module!(crate::Filter, callbacks: [request_headers]);
