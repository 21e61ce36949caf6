//! The one line that makes a filter a module.

use gatehouse_host::HttpFilter;

/// Makes a filter the whole of a proxy-wasm module, and says which callbacks it needs.
///
/// The callbacks are named without `proxy_on_`: of `request_headers`, `request_body`,
/// `request_trailers`, `response_headers`, `response_body`, `response_trailers`, `http_call_response`,
/// `grpc_receive`, `grpc_close`, `tick` and `delete`. What a filter wants by its constants ([`HttpFilter`](gatehouse_host::HttpFilter))
/// must be named; one that sends callouts needs the callbacks that answer them. What a module begins with is always there. A filter of which something is kept needs `delete`, or that would never
/// be let go. Envoy calls each callback that a module exports, for every request, so
/// none is exported that is not named. The custom section `gatehouse.callbacks` lists them for the
/// build tool, which removes all others: a library may bring its own.
#[macro_export]
macro_rules! http_module {
    ($filter:ty, callbacks: [$($callback:ident),* $(,)?]) => {
        $crate::entrypoint!(
            $crate::Dispatcher<$filter>,
            $crate::check::<$filter>(&[$(stringify!($callback)),*]),
            concat!($("proxy_on_", stringify!($callback), "\n"),*),
            { $($crate::http_module!(@export $callback);)* }
        );
    };
    (@export request_headers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_headers(stream: u32, _: usize, end: u32) -> Action {
            DISPATCHER.with(|all| all.request_headers(stream, end != 0, &Envoy))
        }
    };
    (@export request_body) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_body(stream: u32, size: usize, end: u32) -> Action {
            DISPATCHER.with(|all| all.request_body(stream, size, end != 0, &Envoy))
        }
    };
    (@export request_trailers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_trailers(stream: u32, _: usize) -> Action {
            DISPATCHER.with(|all| all.request_trailers(stream, &Envoy))
        }
    };
    (@export response_headers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_headers(stream: u32, _: usize, end: u32) -> Action {
            DISPATCHER.with(|all| all.response_headers(stream, end != 0, &Envoy));
            Action::Continue
        }
    };
    (@export response_body) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_body(stream: u32, size: usize, end: u32) -> Action {
            DISPATCHER.with(|all| all.response_body(stream, size, end != 0, &Envoy));
            Action::Continue
        }
    };
    (@export response_trailers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_trailers(stream: u32, _: usize) -> Action {
            DISPATCHER.with(|all| all.response_trailers(stream, &Envoy));
            Action::Continue
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
    (@export grpc_receive) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_grpc_receive(root: u32, callout: u32, size: usize) {
            DISPATCHER.with(|all| all.grpc_receive(root, callout, size, &Envoy, &Envoy));
        }
    };
    (@export grpc_close) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_grpc_close(root: u32, callout: u32, status: u32) {
            DISPATCHER.with(|all| all.grpc_close(root, callout, status, &Envoy, &Envoy));
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

/// What all modules begin with, and the exports of one of them. The exports are in a module of their own: they are for Envoy, not part
/// of the crate's interface.
#[doc(hidden)]
#[macro_export]
macro_rules! entrypoint {
    ($dispatcher:ty, $check:expr, $callbacks:expr, { $($exports:item)* }) => {
        const _: () = {
            $check;

            const CALLBACKS: &str = $callbacks;

            #[used]
            #[expect(unsafe_code, reason = "a custom section is only read by the build tool")]
            #[unsafe(link_section = "gatehouse.callbacks")]
            static SECTION: [u8; CALLBACKS.len()] = $crate::bytes(CALLBACKS);
        };

        #[expect(unsafe_code, reason = "exports have the names that Envoy calls")]
        mod entrypoint {
            use $crate::{Action, Envoy};

            std::thread_local! {
                static DISPATCHER: $dispatcher = const { <$dispatcher>::new() };
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
                $crate::memory::allocate(size)
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> bool {
                true
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_configure(root: u32, size: usize) -> bool {
                DISPATCHER.with(|all| all.configure(root, size, &Envoy, &Envoy))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_context_create(context: u32, root: u32) {
                DISPATCHER.with(|all| all.create(context, root));
            }

            $($exports)*
        }
    };
}

/// The bytes of a text whose length is `N`, in a constant.
#[doc(hidden)]
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    match text.as_bytes().first_chunk() {
        Some(bytes) => *bytes,
        None => [0; N],
    }
}

/// Refuses to compile a module that lacks a callback that its filter needs.
#[doc(hidden)]
pub const fn check<F: HttpFilter>(callbacks: &[&str]) {
    let keeps = F::WANTS_RESPONSE || F::WANTS_END || F::WANTS_TRAILERS;
    assert!(
        !keeps || declares(callbacks, "delete"),
        "a filter that wants responses, trailers or the end of streams needs the callback delete"
    );
    assert!(
        !F::WANTS_RESPONSE || declares(callbacks, "response_headers"),
        "a filter that wants responses needs the callback response_headers"
    );
    assert!(
        !F::WANTS_RESPONSE_BODY || F::WANTS_RESPONSE,
        "a filter that wants bodies of responses wants responses"
    );
    assert!(
        !F::WANTS_RESPONSE_BODY || declares(callbacks, "response_body"),
        "a filter that wants bodies of responses needs the callback response_body"
    );
    assert!(
        !F::WANTS_TRAILERS || declares(callbacks, "request_trailers"),
        "a filter that wants trailers needs the callback request_trailers"
    );
    assert!(
        !(F::WANTS_TRAILERS || F::WANTS_RESPONSE_BODY) || declares(callbacks, "response_trailers"),
        "a filter that wants trailers or bodies of responses needs the callback response_trailers"
    );
}

pub(crate) const fn declares(callbacks: &[&str], callback: &str) -> bool {
    match callbacks {
        [] => false,
        [first, rest @ ..] => {
            same(first.as_bytes(), callback.as_bytes()) || declares(rest, callback)
        }
    }
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    match (one, other) {
        ([], []) => true,
        ([a, one @ ..], [b, other @ ..]) => *a == *b && same(one, other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use gatehouse_host::{HttpFilter, Request, Response, Result, Verdict};

    struct Wants<const RESPONSE: bool, const BODY: bool, const TRAILERS: bool, const END: bool>;

    impl<const R: bool, const B: bool, const T: bool, const E: bool> HttpFilter for Wants<R, B, T, E> {
        type Pending = ();

        const WANTS_RESPONSE: bool = R;
        const WANTS_RESPONSE_BODY: bool = B;
        const WANTS_TRAILERS: bool = T;
        const WANTS_END: bool = E;

        fn request(&self, _: &mut Request<'_>, (): &mut ()) -> Result<Verdict> {
            Ok(Verdict::Continue)
        }

        fn response(&self, _: &mut Response<'_>, (): &mut ()) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_module_without_a_callback_that_its_filter_needs_does_not_compile() {
        type Check = fn(&[&str]);
        let cases: [(&str, Check, &[&str]); 5] = [
            ("nothing", check::<Wants<false, false, false, false>>, &[]),
            (
                "responses",
                check::<Wants<true, false, false, false>>,
                &["response_headers", "delete"],
            ),
            (
                "bodies",
                check::<Wants<true, true, false, false>>,
                &[
                    "response_headers",
                    "response_body",
                    "response_trailers",
                    "delete",
                ],
            ),
            (
                "trailers",
                check::<Wants<false, false, true, false>>,
                &["request_trailers", "response_trailers", "delete"],
            ),
            (
                "the end",
                check::<Wants<false, false, false, true>>,
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
        let all = ["response_body", "response_trailers"];
        assert!(!compiles(check::<Wants<false, true, false, false>>, &all));
    }
}
