//! The host calls, as they are.

#![expect(unsafe_code, reason = "imports are called so")]

use std::ptr::null_mut;

mod import {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) safe fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
        pub(super) safe fn proxy_get_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) safe fn proxy_get_header_map_pairs(
            map: u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) safe fn proxy_get_header_map_size(map: u32, size: *mut u32) -> u32;
        pub(super) safe fn proxy_set_header_map_pairs(
            map: u32,
            data: *const u8,
            size: usize,
        ) -> u32;
        pub(super) safe fn proxy_add_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) safe fn proxy_replace_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) safe fn proxy_remove_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
        ) -> u32;
        pub(super) safe fn proxy_get_buffer_bytes(
            buffer: u32,
            start: u32,
            most: u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) safe fn proxy_get_buffer_status(
            buffer: u32,
            size: *mut u32,
            flags: *mut u32,
        ) -> u32;
        pub(super) safe fn proxy_set_buffer_bytes(
            buffer: u32,
            start: u32,
            length: u32,
            data: *const u8,
            size: usize,
        ) -> u32;
        pub(super) safe fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) safe fn proxy_set_property(
            path: *const u8,
            path_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) safe fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            cas: *mut u32,
        ) -> u32;
        pub(super) safe fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            cas: u32,
        ) -> u32;
        pub(super) safe fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) safe fn proxy_define_metric(
            kind: u32,
            name: *const u8,
            name_size: usize,
            id: *mut u32,
        ) -> u32;
        pub(super) safe fn proxy_increment_metric(id: u32, by: i64) -> u32;
        pub(super) safe fn proxy_record_metric(id: u32, value: u64) -> u32;
        pub(super) safe fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
        pub(super) safe fn proxy_http_call(
            cluster: *const u8,
            cluster_size: usize,
            headers: *const u8,
            headers_size: usize,
            body: *const u8,
            body_size: usize,
            trailers: *const u8,
            trailers_size: usize,
            timeout: u32,
            token: *mut u32,
        ) -> u32;
        pub(super) safe fn proxy_grpc_call(
            service: *const u8,
            service_size: usize,
            name: *const u8,
            name_size: usize,
            method: *const u8,
            method_size: usize,
            metadata: *const u8,
            metadata_size: usize,
            message: *const u8,
            message_size: usize,
            timeout: u32,
            token: *mut u32,
        ) -> u32;
        pub(super) safe fn proxy_grpc_cancel(token: u32) -> u32;
        pub(super) safe fn proxy_get_status(
            code: *mut u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) safe fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub(super) safe fn proxy_continue_stream(kind: u32) -> u32;
        pub(super) safe fn proxy_close_stream(kind: u32) -> u32;
        pub(super) safe fn proxy_set_effective_context(context: u32) -> u32;
        pub(super) safe fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            arguments: *const u8,
            arguments_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
    }
}

/// Status and what was returned.
pub(crate) type Returned = (u32, Vec<u8>);

fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Returned {
    let (mut data, mut size) = (null_mut::<u8>(), 0);
    let status = call(&raw mut data, &raw mut size);
    if data.is_null() {
        return (status, Vec::new());
    }
    // SAFETY: the host got it from `proxy_on_memory_allocate(size)`, which gave up a vector of that size.
    (status, unsafe { Vec::from_raw_parts(data, size, size) })
}

pub(crate) fn log(text: &str) {
    import::proxy_log(2, text.as_ptr(), text.len());
}

pub(crate) fn header(map: u32, name: &str) -> Returned {
    returned(|data, size| {
        import::proxy_get_header_map_value(map, name.as_ptr(), name.len(), data, size)
    })
}

pub(crate) fn pairs(map: u32) -> Returned {
    returned(|data, size| import::proxy_get_header_map_pairs(map, data, size))
}

pub(crate) fn map_size(map: u32) -> (u32, u32) {
    let mut size = 0;
    (import::proxy_get_header_map_size(map, &raw mut size), size)
}

pub(crate) fn set_pairs(map: u32, pairs: &[u8]) -> u32 {
    import::proxy_set_header_map_pairs(map, pairs.as_ptr(), pairs.len())
}

pub(crate) fn add(map: u32, name: &str, value: &str) -> u32 {
    import::proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
}

pub(crate) fn replace(map: u32, name: &str, value: &str) -> u32 {
    import::proxy_replace_header_map_value(
        map,
        name.as_ptr(),
        name.len(),
        value.as_ptr(),
        value.len(),
    )
}

pub(crate) fn remove(map: u32, name: &str) -> u32 {
    import::proxy_remove_header_map_value(map, name.as_ptr(), name.len())
}

pub(crate) fn buffer(buffer: u32, start: u32, most: u32) -> Returned {
    returned(|data, size| import::proxy_get_buffer_bytes(buffer, start, most, data, size))
}

pub(crate) fn buffer_status(buffer: u32) -> (u32, u32) {
    let (mut size, mut flags) = (0, 0);
    (
        import::proxy_get_buffer_status(buffer, &raw mut size, &raw mut flags),
        size,
    )
}

pub(crate) fn set_buffer(buffer: u32, start: u32, length: u32, data: &str) -> u32 {
    import::proxy_set_buffer_bytes(buffer, start, length, data.as_ptr(), data.len())
}

pub(crate) fn property(path: &str) -> Returned {
    returned(|data, size| import::proxy_get_property(path.as_ptr(), path.len(), data, size))
}

pub(crate) fn set_property(path: &str, value: &str) -> u32 {
    import::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len())
}

pub(crate) fn shared(key: &str) -> (u32, Vec<u8>, u32) {
    let mut cas = 0;
    let (status, data) = returned(|data, size| {
        import::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut cas)
    });
    (status, data, cas)
}

pub(crate) fn share(key: &str, value: &str, cas: u32) -> u32 {
    import::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
}

pub(crate) fn reply(status: u32, details: &str, body: &str, headers: &[u8], grpc: i32) -> u32 {
    import::proxy_send_local_response(
        status,
        details.as_ptr(),
        details.len(),
        body.as_ptr(),
        body.len(),
        headers.as_ptr(),
        headers.len(),
        grpc,
    )
}

pub(crate) fn define(kind: u32, name: &str) -> (u32, u32) {
    let mut id = 0;
    (
        import::proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id),
        id,
    )
}

pub(crate) fn increment(id: u32, by: i64) -> u32 {
    import::proxy_increment_metric(id, by)
}

pub(crate) fn record(id: u32, value: u64) -> u32 {
    import::proxy_record_metric(id, value)
}

pub(crate) fn metric(id: u32) -> (u32, u64) {
    let mut value = 0;
    (import::proxy_get_metric(id, &raw mut value), value)
}

pub(crate) fn call(cluster: &str, headers: &[u8], timeout: u32) -> (u32, u32) {
    let mut token = 0;
    let trailers = [0; 4];
    let status = import::proxy_http_call(
        cluster.as_ptr(),
        cluster.len(),
        headers.as_ptr(),
        headers.len(),
        trailers.as_ptr(),
        0,
        trailers.as_ptr(),
        trailers.len(),
        timeout,
        &raw mut token,
    );
    (status, token)
}

/// Asks a service of that name; the cluster is named by a `GrpcService`.
pub(crate) fn grpc(cluster: &str, message: &[u8], timeout: u32) -> (u32, u32) {
    const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";
    const METHOD: &str = "ShouldRateLimit";
    let field = |bytes: &[u8]| [&[10, bytes.len() as u8], bytes].concat();
    let service = field(&field(cluster.as_bytes()));
    let metadata = [0; 4];
    let mut token = 0;
    let status = import::proxy_grpc_call(
        service.as_ptr(),
        service.len(),
        SERVICE.as_ptr(),
        SERVICE.len(),
        METHOD.as_ptr(),
        METHOD.len(),
        metadata.as_ptr(),
        metadata.len(),
        message.as_ptr(),
        message.len(),
        timeout,
        &raw mut token,
    );
    (status, token)
}

pub(crate) fn cancel(token: u32) -> u32 {
    import::proxy_grpc_cancel(token)
}

/// Of the callout that is answered: a status, and its text.
pub(crate) fn status() -> (u32, u32, Vec<u8>) {
    let mut code = 0;
    let (status, text) = returned(|data, size| import::proxy_get_status(&raw mut code, data, size));
    (status, code, text)
}

pub(crate) fn tick_period(milliseconds: u32) -> u32 {
    import::proxy_set_tick_period_milliseconds(milliseconds)
}

pub(crate) fn resume(kind: u32) -> u32 {
    import::proxy_continue_stream(kind)
}

pub(crate) fn close(kind: u32) -> u32 {
    import::proxy_close_stream(kind)
}

pub(crate) fn enter(context: u32) -> u32 {
    import::proxy_set_effective_context(context)
}

pub(crate) fn foreign(name: &str, arguments: &[u8]) -> Returned {
    returned(|data, size| {
        import::proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            data,
            size,
        )
    })
}
