//! The response phase, as a filter sees it.

use crate::capability::{HeaderMap, Host, HostError, Result, Status};
use crate::{Exchange, Headers};

/// A response whose headers have arrived and have not been sent on. It may come from the upstream,
/// from Envoy, or from a filter; also from one before this, so that this filter never saw the
/// request.
pub struct Response<'a> {
    host: &'a dyn Host,
    exchange: &'a Exchange,
    headers: &'a mut Option<Headers>,
    has_body: bool,
}

impl<'a> Response<'a> {
    /// The view of one callback. `headers` is the snapshot that the filters of a module share.
    pub fn new(
        host: &'a dyn Host,
        exchange: &'a Exchange,
        headers: &'a mut Option<Headers>,
    ) -> Self {
        Self {
            host,
            exchange,
            headers,
            has_body: true,
        }
    }

    /// The same for a response that is complete with its headers.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        self.has_body = false;
        self
    }

    /// Whether a body or trailers follow. A body may turn out to be empty.
    pub fn has_body(&self) -> bool {
        self.has_body
    }

    /// The capabilities that are not about this response.
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// Who sent the request, where a filter of this module asked in the request phase.
    pub fn consumer(&self) -> Option<&crate::Consumer> {
        self.exchange.consumer.as_ref().and_then(Option::as_deref)
    }

    /// The headers, `:status` among them. The first caller of a response pays one host call.
    ///
    /// # Errors
    /// Where the host does not hand them over.
    pub fn headers(&mut self) -> Result<&Headers> {
        if self.headers.is_none() {
            let bytes = self.host.header_pairs(HeaderMap::Response)?;
            let headers = Headers::decode(bytes).map_err(|_| HostError {
                call: "proxy_get_header_map_pairs",
                status: Status::Malformed,
            })?;
            *self.headers = Some(headers);
        }
        Ok(self.headers.get_or_insert_default())
    }

    /// Makes this the only value of a header.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.host.set_header(HeaderMap::Response, name, value)?;
        if let Some(headers) = self.headers.as_mut() {
            headers.set(name, value);
        }
        Ok(())
    }

    /// Adds a value to those a header has. Where a snapshot says that there are any, whoever asks next reads it anew.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn append(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.host.append_header(HeaderMap::Response, name, value)?;
        Headers::appended(self.headers, name, value);
        Ok(())
    }

    /// Removes all values of a header. Costs no host call where a snapshot says there is none.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        if let Some(headers) = self.headers.as_mut() {
            if !headers.contains(name) {
                return Ok(());
            }
            headers.remove(name);
        }
        self.host.remove_header(HeaderMap::Response, name)
    }
}
