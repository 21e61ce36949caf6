//! Shared data.

use super::{NOT_FOUND, Returned, done, import};
use gatehouse_host::{Cas, Result};

const CAS_MISMATCH: u32 = 8;

/// `proxy_get_shared_data`; nothing where the key does not exist.
pub fn shared_data(key: &str) -> Result<Option<(Vec<u8>, Cas)>> {
    let mut out = Returned::nothing();
    let mut cas = 0;
    // SAFETY: the host writes pointer and size of what it allocated in this module, and one u32.
    let status = unsafe {
        import::proxy_get_shared_data(
            key.as_ptr(),
            key.len(),
            &raw mut out.data,
            &raw mut out.size,
            &raw mut cas,
        )
    };
    match status {
        NOT_FOUND => Ok(None),
        status => done("proxy_get_shared_data", status).map(|()| Some((out.take(), Cas(cas)))),
    }
}

/// `proxy_set_shared_data`; whether the version was still the given one.
pub fn swap_shared_data(key: &str, value: &[u8], cas: Cas) -> Result<bool> {
    // SAFETY: the host copies key and value before it returns.
    let status = unsafe {
        import::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas.0)
    };
    match status {
        CAS_MISMATCH => Ok(false),
        status => done("proxy_set_shared_data", status).map(|()| true),
    }
}
