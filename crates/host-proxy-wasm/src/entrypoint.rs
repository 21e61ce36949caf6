//! The one line that makes a filter a module.

/// Makes a filter the whole of a proxy-wasm module, and says which callbacks it needs.
///
/// The callbacks are named without `proxy_on_`. The build tool reads them from the custom section
/// `gatehouse.callbacks` and removes the exports of all others, since Envoy calls each that is
/// there, for every request.
#[macro_export]
macro_rules! http_module {
    ($filter:ty, callbacks: [$($callback:ident),* $(,)?]) => {
        const _: () = {
            const CALLBACKS: &str = concat!($("proxy_on_", stringify!($callback), "\n"),*);

            #[used]
            #[expect(unsafe_code, reason = "a custom section is only read by the build tool")]
            #[unsafe(link_section = "gatehouse.callbacks")]
            static SECTION: [u8; CALLBACKS.len()] = $crate::bytes(CALLBACKS);
        };

        // In a module of its own: the export is for Envoy, not part of the crate's interface.
        mod entrypoint {
            $crate::proxy_wasm::main! {{
                $crate::proxy_wasm::set_root_context(|_| {
                    Box::new(<$crate::Root<$filter>>::default())
                });
            }}
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
