//! A network filter that does nothing: what a module costs before it does anything.
//!
//! 1. Every connection and all data go on as they are.
//! 2. The configuration is not looked at.
//!
//! The benchmarks build it twice: with the callback for new connections, and with the feature `data` for data of
//! both sides and for ends too.

use gatehouse_host::{
    ConfigureError, Connection, Flow, Host, NetworkFilter, NetworkModule, Result,
};

/// The filter; there is nothing to configure.
pub struct Filter;

impl NetworkModule for Filter {
    const NAME: &'static str = "empty";

    fn configure(
        _: &[u8],
        _: &dyn Fn(&str) -> Option<String>,
        _: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        Ok(Self)
    }
}

impl NetworkFilter for Filter {
    type State = ();

    const WANTS_DOWNSTREAM_DATA: bool = cfg!(feature = "data");
    const WANTS_UPSTREAM_DATA: bool = cfg!(feature = "data");
    const WANTS_END: bool = cfg!(feature = "data");

    fn connection(&self, _: &Connection<'_>, (): &mut ()) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

#[cfg(all(target_arch = "wasm32", feature = "module", not(feature = "data")))]
gatehouse_host_proxy_wasm::network_module!(crate::Filter, callbacks: []);

#[cfg(all(target_arch = "wasm32", feature = "module", feature = "data"))]
gatehouse_host_proxy_wasm::network_module!(
    crate::Filter,
    callbacks: [downstream_data, upstream_data, delete]
);
