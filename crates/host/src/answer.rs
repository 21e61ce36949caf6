//! What came of a callout.

use crate::capability::{Host, HostError, Result, Status};
use crate::{Headers, Only};

/// The answer to a callout, or the lack of one. Nothing of it is read before it is asked for.
///
/// That of a gRPC callout is a message, which is its body, or a status. It has no headers.
pub struct Answer<'a> {
    host: &'a dyn Host,
    headers: usize,
    body: usize,
    grpc_status: Option<u32>,
}

const GRPC_OK: u32 = 0;
const GRPC_UNKNOWN: u32 = 2;

impl<'a> Answer<'a> {
    /// The answer that the host is handing over: how many headers it has, and how many bytes.
    pub fn new(host: &'a dyn Host, headers: usize, body: usize) -> Self {
        Self {
            host,
            headers,
            body,
            grpc_status: None,
        }
    }

    /// The answer to a gRPC callout that the host is handing over: a message of so many bytes.
    pub fn grpc_message(host: &'a dyn Host, size: usize) -> Self {
        Self {
            grpc_status: Some(GRPC_OK),
            ..Self::new(host, 0, size)
        }
    }

    /// The failure of a gRPC callout.
    pub fn grpc_failure(host: &'a dyn Host, status: u32) -> Self {
        // A call that succeeds has a message.
        let status = match status {
            GRPC_OK => GRPC_UNKNOWN,
            status => status,
        };
        Self {
            grpc_status: Some(status),
            ..Self::new(host, 0, 0)
        }
    }

    /// The status of a gRPC callout, as gRPC numbers it: 0 where there is a message, and only then; 14
    /// (unavailable) after the callout's timeout, where Envoy could not reach the service, and where the
    /// connection broke. Nothing for an HTTP callout.
    pub fn grpc_status(&self) -> Option<u32> {
        self.grpc_status
    }

    /// What the service or the proxy says of a gRPC status, for the log: it may be anything.
    ///
    /// # Errors
    /// Where the host does not hand it over.
    pub fn grpc_status_text(&self) -> Result<String> {
        let bytes = self.host.grpc_status_text()?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
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

    /// The length of the body, or of the gRPC message, in bytes.
    pub fn body_size(&self) -> usize {
        self.body
    }

    /// The body, or the gRPC message; nothing where it is longer than `most`, and then it is not copied either.
    ///
    /// # Errors
    /// Where the host does not hand it over.
    pub fn body(&self, most: usize) -> Result<Option<Vec<u8>>> {
        match self.body {
            0 => Ok(Some(Vec::new())),
            size if size > most => Ok(None),
            size if self.grpc_status.is_some() => self.host.grpc_message(size).map(Some),
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
