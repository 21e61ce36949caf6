//! What came of a callout.

use crate::capability::{Host, HostError, Result, Status};
use crate::{Headers, Only};

/// The answer to a callout, or the lack of one. Nothing of it is read before it is asked for.
pub struct Answer<'a> {
    host: &'a dyn Host,
    headers: usize,
    body: usize,
}

impl<'a> Answer<'a> {
    /// The answer that the host is handing over: how many headers it has, and how many bytes.
    pub fn new(host: &'a dyn Host, headers: usize, body: usize) -> Self {
        Self {
            host,
            headers,
            body,
        }
    }

    /// The capabilities that are not about this answer.
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// The headers, `:status` among them. None at all where the connection was reset or the callout
    /// timed out; in other cases Envoy makes a 503 or 504 of that.
    ///
    /// # Errors
    /// Where the host does not hand them over.
    pub fn headers(&self) -> Result<Headers> {
        if self.headers == 0 {
            return Ok(Headers::default());
        }
        Headers::decode(self.host.answer_headers()?).map_err(|_| HostError {
            call: "proxy_get_header_map_pairs",
            status: Status::Malformed,
        })
    }

    /// The length of the body in bytes.
    pub fn body_size(&self) -> usize {
        self.body
    }

    /// The body; nothing where it is longer than `most`, and then it is not copied either.
    ///
    /// # Errors
    /// Where the host does not hand it over.
    pub fn body(&self, most: usize) -> Result<Option<Vec<u8>>> {
        match self.body {
            0 => Ok(Some(Vec::new())),
            size if size > most => Ok(None),
            size => self.host.answer_body(size).map(Some),
        }
    }
}

impl Headers {
    /// `:status`, where there is one and it is a number of three digits.
    pub fn status(&self) -> Option<u16> {
        match self.only(":status") {
            Only::One(text) if text.len() == 3 => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }
}
