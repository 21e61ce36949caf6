//! The one line that makes a network filter a module.

use super::connections::keeps;
use crate::entrypoint::declares;
use gatehouse_host::NetworkFilter;

/// Makes a network filter the whole of a proxy-wasm module, and says which callbacks it needs, beside
/// `new_connection`, which every one has.
///
/// The callbacks are named without `proxy_on_`: of `downstream_data`, `upstream_data`,
/// `downstream_connection_close`, `upstream_connection_close`, `http_call_response`, `tick` and `delete`. What a
/// filter wants by its constants ([`NetworkFilter`](gatehouse_host::NetworkFilter)) must be named; one that sends callouts
/// needs `http_call_response`. One that wants anything of a connection needs `delete`, or what is kept of
/// connections would never be let go. Otherwise as [`http_module!`](crate::http_module).
#[macro_export]
macro_rules! network_module {
    ($filter:ty, callbacks: [$($callback:ident),* $(,)?]) => {
        $crate::entrypoint!(
            $crate::NetworkDispatcher<$filter>,
            $crate::check_network::<$filter>(&[$(stringify!($callback)),*]),
            concat!("proxy_on_new_connection\n", $("proxy_on_", stringify!($callback), "\n"),*),
            {
                $crate::network_module!(@export new_connection);
                $($crate::network_module!(@export $callback);)*
            }
        );
    };
    (@export new_connection) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_new_connection(connection: u32) -> Action {
            DISPATCHER.with(|all| all.new_connection(connection, &Envoy, &Envoy))
        }
    };
    (@export downstream_data) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_downstream_data(connection: u32, size: usize, end: u32) -> Action {
            DISPATCHER.with(|all| all.downstream_data(connection, size, end != 0, &Envoy, &Envoy))
        }
    };
    (@export upstream_data) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_upstream_data(connection: u32, size: usize, end: u32) -> Action {
            DISPATCHER.with(|all| all.upstream_data(connection, size, end != 0, &Envoy, &Envoy))
        }
    };
    (@export downstream_connection_close) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_downstream_connection_close(connection: u32, by: u32) {
            DISPATCHER.with(|all| all.downstream_closed(connection, by, &Envoy));
        }
    };
    (@export upstream_connection_close) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_upstream_connection_close(connection: u32, _: u32) {
            DISPATCHER.with(|all| all.upstream_closed(connection, &Envoy));
        }
    };
    (@export http_call_response) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_http_call_response(
            root: u32,
            callout: u32,
            headers: usize,
            body: usize,
            _: usize,
        ) {
            DISPATCHER.with(|all| all.http_call_response(root, callout, (headers, body), &Envoy, &Envoy));
        }
    };
    (@export delete) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_delete(context: u32) {
            DISPATCHER.with(|all| all.delete(context, &Envoy));
        }
    };
    (@export tick) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_tick(root: u32) {
            DISPATCHER.with(|all| all.tick(root, &Envoy, &Envoy));
        }
    };
}

/// Refuses to compile a module that lacks a callback that its filter needs.
#[doc(hidden)]
pub const fn check<F: NetworkFilter>(callbacks: &[&str]) {
    assert!(
        !F::WANTS_DOWNSTREAM_DATA || declares(callbacks, "downstream_data"),
        "a filter that wants data from clients needs the callback downstream_data"
    );
    assert!(
        !F::WANTS_UPSTREAM_DATA || declares(callbacks, "upstream_data"),
        "a filter that wants data for clients needs the callback upstream_data"
    );
    assert!(
        !F::WANTS_CLOSES
            || (declares(callbacks, "downstream_connection_close")
                && declares(callbacks, "upstream_connection_close")),
        "a filter that wants to know who closes needs the callbacks downstream_connection_close and upstream_connection_close"
    );
    assert!(
        !F::WANTS_DEADLINES || declares(callbacks, "tick"),
        "a filter with deadlines needs the callback tick"
    );
    assert!(
        !keeps::<F>() || declares(callbacks, "delete"),
        "a filter that wants anything of a connection needs the callback delete"
    );
}

#[cfg(test)]
mod tests {
    use super::check;
    use gatehouse_host::{Connection, Flow, NetworkFilter, Result};

    struct Wants<
        const DOWN: bool,
        const UP: bool,
        const CLOSES: bool,
        const DEADLINES: bool,
        const END: bool,
    >;

    impl<const D: bool, const U: bool, const C: bool, const T: bool, const E: bool> NetworkFilter
        for Wants<D, U, C, T, E>
    {
        type State = ();

        const WANTS_DOWNSTREAM_DATA: bool = D;
        const WANTS_UPSTREAM_DATA: bool = U;
        const WANTS_CLOSES: bool = C;
        const WANTS_DEADLINES: bool = T;
        const WANTS_END: bool = E;

        fn connection(&self, _: &Connection<'_>, (): &mut ()) -> Result<Flow> {
            Ok(Flow::Continue)
        }
    }

    #[test]
    fn a_module_without_a_callback_that_its_filter_needs_does_not_compile() {
        type Check = fn(&[&str]);
        let cases: [(&str, Check, &[&str]); 6] = [
            (
                "nothing",
                check::<Wants<false, false, false, false, false>>,
                &[],
            ),
            (
                "data from clients",
                check::<Wants<true, false, false, false, false>>,
                &["downstream_data", "delete"],
            ),
            (
                "data for clients",
                check::<Wants<false, true, false, false, false>>,
                &["upstream_data", "delete"],
            ),
            (
                "who closes",
                check::<Wants<false, false, true, false, false>>,
                &[
                    "downstream_connection_close",
                    "upstream_connection_close",
                    "delete",
                ],
            ),
            (
                "deadlines",
                check::<Wants<false, false, false, true, false>>,
                &["tick", "delete"],
            ),
            (
                "the end",
                check::<Wants<false, false, false, false, true>>,
                &["delete"],
            ),
        ];
        let compiles = |check: Check, callbacks: &[&str]| {
            std::panic::catch_unwind(|| check(callbacks)).is_ok()
        };
        for (name, check, callbacks) in cases {
            assert!(compiles(check, callbacks), "{name}");
            for missing in callbacks {
                let others: Vec<_> = callbacks.iter().copied().filter(|c| c != missing).collect();
                assert!(!compiles(check, &others), "{name} without {missing}");
            }
        }
    }
}
