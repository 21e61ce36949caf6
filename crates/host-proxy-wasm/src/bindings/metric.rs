//! Counters.

use super::{done, import};
use gatehouse_host::{Counter, Result};

/// A counter, as `proxy_define_metric` knows it.
const COUNTER: u32 = 0;

/// `proxy_define_metric`, for a counter.
pub fn define_counter(name: &str) -> Result<Counter> {
    let mut id = 0;
    // SAFETY: the host writes one u32.
    let status =
        unsafe { import::proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut id) };
    done("proxy_define_metric", status).map(|()| Counter(id))
}

/// `proxy_increment_metric`
pub fn increment(counter: Counter, by: u64) -> Result<()> {
    let by = i64::try_from(by).unwrap_or(i64::MAX);
    // SAFETY: no pointers.
    let status = unsafe { import::proxy_increment_metric(counter.0, by) };
    done("proxy_increment_metric", status)
}
