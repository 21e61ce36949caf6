//! A piece of a response's body, as a filter sees it.

use crate::capability::{Host, HostError, Result, Status};

/// A piece of a response's body that is on its way, as long as it happens to be. It goes on whatever a
/// filter does: nothing is held back, nothing is collected. The bytes are those of the wire: where the
/// response has a `content-encoding`, they are compressed.
pub struct ResponseChunk<'a> {
    host: &'a dyn Host,
    length: usize,
    is_last: bool,
}

impl<'a> ResponseChunk<'a> {
    /// The view of one callback.
    pub fn new(host: &'a dyn Host, length: usize, is_last: bool) -> Self {
        Self {
            host,
            length,
            is_last,
        }
    }

    /// The capabilities that are not about this chunk.
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// How many bytes it has. May be none, also of one that is not the last.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether the body is complete with it. Of a body that trailers follow, the last chunk has no
    /// bytes. A response that breaks off has no last chunk.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// At most `most` bytes from `start` on: one host call, which copies them; none where there are no
    /// bytes there. Who reads large chunks reads them in pieces.
    ///
    /// # Errors
    /// Where the host does not hand them over, or not all.
    pub fn bytes(&self, start: usize, most: usize) -> Result<Vec<u8>> {
        let length = self.length.saturating_sub(start).min(most);
        if length == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.host.response_body(start, length)?;
        match bytes.len() == length {
            true => Ok(bytes),
            false => Err(HostError {
                call: "proxy_get_buffer_bytes",
                status: Status::Malformed,
            }),
        }
    }
}
