//! Changing what a request is for: its path, its query, its host.
//!
//! 1. The path and the query are changed one without the other; what stands in the other stays as the
//!    client sent it, byte for byte. A request without a path (CONNECT, `OPTIONS *`) is left as it is.
//! 2. What is made is looked at as a whole before it is sent: a path begins with exactly one slash, has no
//!    dot segments (`..`, also as `%2e%2e`), no `?`, `#` or `\`, no space and no control character; a
//!    host is a name or an address, and perhaps a port.
//! 3. Where that fails, or a variable has no value, **the request is denied**: the path or host that
//!    the client sent would lead it somewhere else. A parameter of the query is removed instead, as a
//!    header would be.
//! 4. What is as it was is not written again: Envoy chooses the route anew after each write.

mod host;
mod path;
mod query;

pub(crate) use host::{HostEdit, is_host};
pub(crate) use path::{PathEdit, Prefixed, prefixed};
pub(crate) use query::QueryEdit;

use crate::operation::Side;
use gatehouse_host::{Only, Result};

/// The request target; nothing where it has no path.
fn target(side: &mut dyn Side) -> Result<Option<Vec<u8>>> {
    Ok(match side.headers()?.only(":path") {
        Only::One(target) if target.starts_with(b"/") => Some(target.to_vec()),
        Only::One(_) | Only::Absent | Only::Several => None,
    })
}

/// The path, and the rest with its `?` or `#`.
fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#'));
    end.and_then(|end| target.split_at_checked(end))
        .unwrap_or((target, b""))
}

/// Writes a request target, where it is another.
fn set_target(new: &[u8], old: &[u8], side: &mut dyn Side) -> Result<()> {
    match new == old {
        true => Ok(()),
        false => side.set(":path", new),
    }
}
