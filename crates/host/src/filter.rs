//! A configured filter.

use crate::capability::{Host, HostError, Result};
use crate::{LocalReply, Request, Response};
use std::fmt;

/// What a filter says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on to the next filter.
    Continue,
    /// It is answered here.
    Deny(LocalReply),
}

/// An HTTP filter with its configuration; one in each worker's VM.
pub trait HttpFilter {
    /// What a request leaves for its response. The default is what a response meets whose request
    /// this filter never saw.
    type Pending: Default;

    /// Decides on a request.
    ///
    /// # Errors
    /// Where the host failed in a way that leaves the filter without its policy. The request is
    /// denied with status 500.
    fn request(&self, request: &mut Request<'_>, pending: &mut Self::Pending) -> Result<Verdict>;

    /// Changes a response.
    ///
    /// # Errors
    /// Where the host failed. It is logged, and the response goes on.
    fn response(&self, response: &mut Response<'_>, pending: &mut Self::Pending) -> Result<()>;
}

/// A filter that can be the whole of a module.
pub trait Module: HttpFilter + Sized {
    /// The filter's name: in log lines, metrics and response-code details.
    const NAME: &'static str;

    /// From the bytes of the plugin's configuration. Also called in a canary VM that then goes
    /// away, so nothing here may need to happen only once.
    ///
    /// # Errors
    /// Every problem of the configuration, or the host call that failed.
    fn configure(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
        host: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError>;
}

/// Why a filter cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigureError {
    /// The configuration is wrong: one line a problem.
    Configuration(String),
    /// The host did not do its part.
    Host(HostError),
}

impl From<HostError> for ConfigureError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl fmt::Display for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(problems) => write!(f, "configuration refused:\n{problems}"),
            Self::Host(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for ConfigureError {}
