//! A callout in the hands of a test, and what it answers.

use crate::callouts::{Answer, HttpAnswer, SentCallout};
use crate::{Envoy, Headers};

/// What a test answers a callout with.
#[derive(Clone, Debug)]
pub struct Reply(Answer);

impl Reply {
    /// An HTTP response. To a gRPC call it is one without a gRPC status, which follows from its own.
    pub fn http(status: u16, headers: impl Into<Headers>, body: impl AsRef<[u8]>) -> Self {
        let mut all = Headers::from([(":status", status.to_string())]);
        for (name, value) in headers.into().iter() {
            all.push(name, value);
        }
        Self(Answer::Http(HttpAnswer {
            headers: all,
            body: body.as_ref().to_vec(),
            trailers: None,
        }))
    }

    /// The connection is refused: a response 503 that Envoy makes, of gRPC UNAVAILABLE.
    pub fn refused() -> Self {
        Self(Answer::Local(
            "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
            "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
        ))
    }

    /// The connection ends before there is an answer: a response 503 that Envoy makes, of gRPC UNAVAILABLE.
    pub fn dropped() -> Self {
        Self(Answer::Local(
            "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
            "upstream_reset_before_response_started{connection_termination}",
        ))
    }

    /// The stream is reset: an answer without headers, of gRPC UNAVAILABLE.
    pub fn reset() -> Self {
        Self(Answer::Reset)
    }

    /// It takes longer than the module waits, whatever that is: a response 504 that Envoy makes, of gRPC UNAVAILABLE.
    pub fn timed_out() -> Self {
        Self(Answer::TimedOut)
    }

    /// A gRPC message.
    pub fn message(message: impl AsRef<[u8]>) -> Self {
        Self(Answer::Message(message.as_ref().to_vec()))
    }

    /// gRPC messages, one after the other. Of a call the last one counts; none is the status INTERNAL.
    pub fn messages(messages: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(Answer::Messages(messages.into_iter().collect()))
    }

    /// A gRPC status; of a call, in the place of a message.
    pub fn status(code: u32, message: &str) -> Self {
        Self(Answer::Status(code, message.to_owned()))
    }

    /// Initial metadata of a gRPC stream.
    pub fn initial_metadata(metadata: impl Into<Headers>) -> Self {
        Self(Answer::InitialMetadata(metadata.into()))
    }

    /// Trailing metadata of a gRPC stream, which its status follows.
    pub fn trailing_metadata(metadata: impl Into<Headers>) -> Self {
        Self(Answer::TrailingMetadata(metadata.into()))
    }
}

/// A callout that waits for its answer. One that is dropped goes on waiting.
pub struct Callout<'e> {
    pub(crate) envoy: &'e Envoy,
    pub(crate) worker: usize,
    pub(crate) sent: SentCallout,
}

impl Callout<'_> {
    /// What was sent.
    pub fn sent(&self) -> &SentCallout {
        &self.sent
    }

    /// Which worker sent it.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// Nothing will come of it: no answer, and not that its time is up either. Some Envoys fail to say.
    pub fn lose(self) {
        let vm = self.envoy.vm(self.worker);
        let mut vm = vm.borrow_mut();
        let mut pending = vm.state().pending.values_mut();
        if let Some(pending) = pending.find(|pending| pending.sent.sequence == self.sent.sequence) {
            pending.deadline = None;
        }
    }

    /// The headers of its answer have come, and no more comes: when its time is over it is reset, in the place of a response that
    /// Envoy makes.
    pub fn stall(self) {
        let vm = self.envoy.vm(self.worker);
        let mut vm = vm.borrow_mut();
        let mut pending = vm.state().pending.values_mut();
        if let Some(pending) = pending.find(|pending| pending.sent.sequence == self.sent.sequence) {
            pending.begun = true;
        }
    }

    /// Answers it, unless it has been answered or its VM is gone.
    pub fn reply(self, reply: Reply) {
        let vm = self.envoy.vm(self.worker);
        let token = vm.borrow_mut().token_of(self.sent.sequence);
        if let Some(token) = token {
            vm.borrow_mut().answer(token, reply.0);
            self.envoy.settle();
        }
    }
}
