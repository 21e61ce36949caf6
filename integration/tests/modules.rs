//! The modules of `dist/` export the callbacks that their filters implement and those Envoy can't do without, and
//! no other: Envoy calls each that is there, for every request. And they are no larger than they may be.

use gatehouse_integration::repository;
use walrus::{ExportItem, Module};

/// The life cycle of a VM and the beginning of its contexts.
const LIFE_CYCLE: [&str; 4] = [
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_memory_allocate",
    "proxy_on_vm_start",
];

/// A module is loaded by every worker, and fetched by every proxy: none grows unnoticed. In bytes.
#[test]
fn modules_are_no_larger_than_they_may_be() {
    const KIB: u64 = 1024;
    let limits = [
        ("auth", 1536 * KIB),
        ("rate_limit", 500 * KIB),
        ("headers", 400 * KIB),
        ("connection_guard", 400 * KIB),
        // 1.9 MiB.
        ("gateway", 1945 * KIB),
    ];
    for (filter, limit) in limits {
        let path = repository().join(format!("dist/gatehouse_{filter}.wasm"));
        let size = std::fs::metadata(&path)
            .unwrap_or_else(|error| panic!("{}: {error} (scripts/build makes it)", path.display()))
            .len();
        assert!(size <= limit, "{filter}: {size} bytes of {limit}");
    }
}

#[test]
fn modules_export_the_callbacks_they_need() {
    let cases: [(&str, &[&str]); 5] = [
        (
            "auth",
            &[
                "proxy_on_http_call_response",
                "proxy_on_request_body",
                "proxy_on_request_headers",
                "proxy_on_request_trailers",
                "proxy_on_tick",
            ],
        ),
        (
            "rate_limit",
            &[
                "proxy_on_delete",
                "proxy_on_grpc_close",
                "proxy_on_grpc_receive",
                "proxy_on_request_headers",
                "proxy_on_response_body",
                "proxy_on_response_headers",
                "proxy_on_response_trailers",
                "proxy_on_tick",
            ],
        ),
        (
            "headers",
            &[
                "proxy_on_delete",
                "proxy_on_request_headers",
                "proxy_on_request_trailers",
                "proxy_on_response_headers",
                "proxy_on_response_trailers",
            ],
        ),
        (
            "connection_guard",
            &[
                "proxy_on_delete",
                "proxy_on_downstream_data",
                "proxy_on_http_call_response",
                "proxy_on_new_connection",
                "proxy_on_tick",
                "proxy_on_upstream_data",
            ],
        ),
        (
            "gateway",
            &[
                "proxy_on_delete",
                "proxy_on_grpc_close",
                "proxy_on_grpc_receive",
                "proxy_on_http_call_response",
                "proxy_on_request_body",
                "proxy_on_request_headers",
                "proxy_on_request_trailers",
                "proxy_on_response_body",
                "proxy_on_response_headers",
                "proxy_on_response_trailers",
                "proxy_on_tick",
            ],
        ),
    ];
    for (filter, callbacks) in cases {
        let path = repository().join(format!("dist/gatehouse_{filter}.wasm"));
        let module = Module::from_file(&path)
            .unwrap_or_else(|error| panic!("{}: {error} (scripts/build makes it)", path.display()));
        let mut exported: Vec<_> = module
            .exports
            .iter()
            .filter(|export| matches!(export.item, ExportItem::Function(_)))
            .map(|export| export.name.as_str())
            .filter(|name| name.starts_with("proxy_on_"))
            .collect();
        exported.sort_unstable();
        let mut expected: Vec<_> = LIFE_CYCLE.iter().chain(callbacks).copied().collect();
        expected.sort_unstable();
        assert_eq!(exported, expected, "{filter}");
        assert!(
            module.funcs.iter().any(|function| function.name.is_some()),
            "{filter}: no names"
        );
    }
}
