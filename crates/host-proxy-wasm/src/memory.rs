//! The memory in which the host leaves what it returns.

/// A block of exactly `size` bytes for the host to fill and hand over; see `Returned::take` in
/// `bindings`. Null for none.
pub fn allocate(size: usize) -> *mut u8 {
    if size == 0 {
        return std::ptr::null_mut();
    }
    // Not `with_capacity`, whose capacity may be larger than what is asked for. The zeros cost less
    // than the copy that follows.
    let block = vec![0_u8; size].into_boxed_slice();
    Box::into_raw(block).cast()
}
