//! A configured filter.

use crate::capability::{CalloutId, Host, HostError, Level, Result, Timestamp};
use crate::{Answer, LocalReply, Request, Response, ResponseChunk, StreamId, Trailers};
use std::fmt;
use std::time::Duration;

/// What a filter says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on to the next filter.
    Continue,
    /// It is answered here.
    Deny(LocalReply),
    /// It waits for a callout. The filter wakes it, and is then asked about it anew, from the
    /// beginning. About a request that nobody wakes it is asked at `until`, for the last time
    /// ([`Request::wait_is_over`]): that is for the callouts that are never answered, so it lies after
    /// their timeout. The next filter of the module, or the next part of this one ([`Request::next_turn`]), may then
    /// wait anew: a request is held for as long as all their waits together, at most. Only a filter with a
    /// [`HttpFilter::tick_period`] can wait.
    Wait {
        /// The end of the wait.
        until: Timestamp,
    },
    /// It waits for the whole of its body, at most so many bytes of it, and the filter is then asked
    /// about it anew; see [`Request::body`]. Works only in a plugin with
    /// `allow_on_headers_stop_iteration: true`: otherwise no body comes before the headers have gone,
    /// and the wait ends at `until`.
    WaitForBody {
        /// A longer body is not waited for.
        most: usize,
        /// The end of the wait.
        until: Timestamp,
    },
}

/// An HTTP filter with its configuration; one in each worker's VM.
pub trait HttpFilter {
    /// What a request leaves for its response. The default is what a response meets whose request
    /// this filter never saw.
    type Pending: Default;

    /// Whether it has to do with responses at all. Where not, nothing of a request is kept for one.
    const WANTS_RESPONSE: bool = true;

    /// Whether it must know when streams end: it holds something for as long as one lives. Its module
    /// then needs the callback `delete`.
    const WANTS_END: bool = false;

    /// Whether it looks at bodies of responses. Its module then needs the callbacks `response_body` and
    /// `response_trailers`: Envoy calls the module for each piece of each response, wanted or not.
    const WANTS_RESPONSE_BODY: bool = false;

    /// Whether it has to do with trailers. Its module then needs the callbacks `request_trailers` and
    /// `response_trailers`.
    const WANTS_TRAILERS: bool = false;

    /// Decides on a request. What it leaves in `pending` stays there whatever it decides: of a request
    /// that is denied, here or by another filter, `pending` meets the response and the end as of one
    /// that goes on.
    ///
    /// # Errors
    /// Where the host failed in a way that leaves the filter without its policy. The request is
    /// denied with status 500.
    fn request(&self, request: &mut Request<'_>, pending: &mut Self::Pending) -> Result<Verdict>;

    /// Has the proxy evaluate ([`Request::foresee`]) the expressions that may be wanted of a request that is
    /// about to wait, for this filter or for one before it: when it is woken, that is no longer possible.
    fn foresee(&self, request: &mut Request<'_>) {
        let _ = request;
    }

    /// Whether it has to do with this stream's response, of which nothing is kept otherwise. A filter that wants
    /// the body of a response ([`HttpFilter::wants_response_body`]) wants the response.
    fn wants_response(&self, pending: &Self::Pending) -> bool {
        let _ = pending;
        Self::WANTS_RESPONSE
    }

    /// Changes a response, where it is wanted ([`HttpFilter::wants_response`]). It may be the proxy's own, to a
    /// request that waits: then `pending` is as the request left it when it began to wait, and the request is
    /// not asked about again.
    ///
    /// # Errors
    /// Where the host failed. It is logged, and the response goes on.
    fn response(&self, response: &mut Response<'_>, pending: &mut Self::Pending) -> Result<()>;

    /// Whether it looks at the body of this stream's response. Asked after [`HttpFilter::response`] and
    /// after each chunk.
    fn wants_response_body(&self, pending: &Self::Pending) -> bool {
        let _ = pending;
        Self::WANTS_RESPONSE_BODY
    }

    /// Takes note of a piece of a response's body that is on its way to the client, where this response's
    /// body is wanted ([`HttpFilter::wants_response_body`]). The last one says so; a response that breaks
    /// off has no last one.
    fn response_body(&self, chunk: &mut ResponseChunk<'_>, pending: &mut Self::Pending) {
        let _ = (chunk, pending);
    }

    /// Whether it has to do with trailers of this stream that are still to come.
    fn wants_trailers(&self, pending: &Self::Pending) -> bool {
        let _ = pending;
        Self::WANTS_TRAILERS
    }

    /// Changes the trailers of a request that goes on, where they are wanted
    /// ([`HttpFilter::wants_trailers`]). The response may have come before them.
    ///
    /// # Errors
    /// Where the host failed. The request is denied with status 500, or broken off where the upstream has
    /// begun to answer.
    fn request_trailers(
        &self,
        trailers: &mut Trailers<'_>,
        pending: &mut Self::Pending,
    ) -> Result<()> {
        let _ = (trailers, pending);
        Ok(())
    }

    /// Changes the trailers of a response, where they are wanted ([`HttpFilter::wants_trailers`]), after
    /// the last chunk of its body.
    ///
    /// # Errors
    /// Where the host failed. It is logged, and the trailers go on.
    fn response_trailers(
        &self,
        trailers: &mut Trailers<'_>,
        pending: &mut Self::Pending,
    ) -> Result<()> {
        let _ = (trailers, pending);
        Ok(())
    }

    /// Whether the end of this stream matters: `pending` says that something is held for it. Asked when
    /// the stream ends, and before, to know what to keep; nothing is kept of a stream that nothing more
    /// is wanted of.
    fn wants_end(&self, pending: &Self::Pending) -> bool {
        let _ = pending;
        Self::WANTS_END
    }

    /// Gives back what was held for a stream, which is over: answered in full, denied by whichever
    /// filter, reset by either side, timed out, or gone while it waited. Called once for each stream
    /// whose request it was asked about and whose end it wants ([`HttpFilter::wants_end`]), and last.
    /// Clock, shared data, metrics and callouts work here, and so do attributes of the stream; headers
    /// cannot be read any more. Not called where the whole VM goes: with a trap, or with the proxy.
    fn ended(&self, host: &dyn Host, pending: Self::Pending) {
        let _ = (host, pending);
    }

    /// Takes what came of a callout, HTTP or gRPC, and names the streams that need not wait any longer. `callout`
    /// may be another filter's.
    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        let _ = (callout, answer, wake);
    }

    /// Does what must be done from time to time, and names the streams that need not wait any longer.
    fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
        let _ = (host, wake);
    }

    /// Of several filters in one, the name of the one that was asked last about this stream's request: it is
    /// that one's fault where something failed. Nothing where it is the filter itself.
    fn asked_last(&self, pending: &Self::Pending) -> Option<&'static str> {
        let _ = pending;
        None
    }

    /// How often [`HttpFilter::tick`] is wanted. Nothing for a filter that never waits.
    fn tick_period(&self) -> Option<Duration> {
        None
    }
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

    /// Changes a response as far as that can be done, and logs what cannot.
    fn respond(&self, response: &mut Response<'_>, pending: &mut Self::Pending) {
        if let Err(error) = self.response(response, pending) {
            let what = "response not changed as configured";
            log_failure(response.host(), Self::NAME, what, error);
        }
    }

    /// Changes the trailers of a response as far as that can be done, and logs what cannot.
    fn respond_trailers(&self, trailers: &mut Trailers<'_>, pending: &mut Self::Pending) {
        if let Err(error) = self.response_trailers(trailers, pending) {
            let what = "response trailers not changed as configured";
            log_failure(trailers.host(), Self::NAME, what, error);
        }
    }
}

/// A line about a host call that failed in the filter of this name, and what comes of it.
#[cold]
pub fn log_failure(host: &dyn Host, filter: &str, what: &str, error: HostError) {
    host.log(
        Level::Error,
        &format!("gatehouse {filter}: {what}: {error}"),
    );
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
