//! The one line that makes a filter a module.

/// Makes a filter the whole of a proxy-wasm module, and says which callbacks it needs.
///
/// The callbacks are named without `proxy_on_`: of `request_headers`, `request_body`,
/// `request_trailers`, `response_headers`, `http_call_response`, `tick` and `delete`. What a module
/// begins with is always there. A filter that wants responses, or the end of streams, needs `delete`, or
/// what it keeps of requests would never be let go. Envoy calls each callback that a module exports, for every request, so
/// none is exported that is not named. The custom section `gatehouse.callbacks` lists them for the
/// build tool, which removes all others: a library may bring its own.
#[macro_export]
macro_rules! http_module {
    ($filter:ty, callbacks: [$($callback:ident),* $(,)?]) => {
        const _: () = {
            assert!(
                !<$filter as $crate::HttpFilter>::WANTS_RESPONSE || $crate::http_module!(@has_delete $($callback)*),
                "a filter that wants responses needs the callback delete"
            );
            assert!(
                !<$filter as $crate::HttpFilter>::WANTS_END || $crate::http_module!(@has_delete $($callback)*),
                "a filter that wants the end of streams needs the callback delete"
            );

            const CALLBACKS: &str = concat!($("proxy_on_", stringify!($callback), "\n"),*);

            #[used]
            #[expect(unsafe_code, reason = "a custom section is only read by the build tool")]
            #[unsafe(link_section = "gatehouse.callbacks")]
            static SECTION: [u8; CALLBACKS.len()] = $crate::bytes(CALLBACKS);
        };

        // In a module of its own: the exports are for Envoy, not part of the crate's interface.
        #[expect(unsafe_code, reason = "exports have the names that Envoy calls")]
        mod entrypoint {
            use $crate::{Action, Dispatcher, Envoy};

            std::thread_local! {
                static DISPATCHER: Dispatcher<$filter> = const { Dispatcher::new() };
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

            $($crate::http_module!(@export $callback);)*
        }
    };
    (@has_delete) => { false };
    (@has_delete delete $($rest:ident)*) => { true };
    (@has_delete $other:ident $($rest:ident)*) => { $crate::http_module!(@has_delete $($rest)*) };
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
        extern "C" fn proxy_on_response_headers(stream: u32, _: usize, _: u32) -> Action {
            DISPATCHER.with(|all| all.response_headers(stream, &Envoy));
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

/// The bytes of a text whose length is `N`, in a constant.
#[doc(hidden)]
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    match text.as_bytes().first_chunk() {
        Some(bytes) => *bytes,
        None => [0; N],
    }
}
