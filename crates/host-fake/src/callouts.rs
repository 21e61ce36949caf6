//! Callouts: what a filter sent, and what a test answers.

use crate::FakeHost;
use gatehouse_host::{Answer, Callout, CalloutId, GrpcCallout, Headers};

/// A callout that a filter sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCallout {
    /// The number it was given.
    pub id: CalloutId,
    /// What was sent.
    pub callout: Callout,
}

/// A gRPC callout that a filter sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentGrpcCallout {
    /// The number it was given.
    pub id: CalloutId,
    /// What was sent.
    pub callout: GrpcCallout,
}

impl SentCallout {
    /// The value of a header, as text; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let headers = self.callout.headers.iter();
        headers
            .filter(|(other, _)| other == name)
            .map(|(_, value)| String::from_utf8_lossy(value))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl FakeHost {
    /// Takes the callouts that were sent since this was last asked, in their order.
    pub fn take_callouts(&self) -> Vec<SentCallout> {
        std::mem::take(&mut *self.callouts.borrow_mut())
    }

    /// Takes the gRPC callouts that were sent since this was last asked, in their order.
    pub fn take_grpc_callouts(&self) -> Vec<SentGrpcCallout> {
        std::mem::take(&mut *self.grpc_callouts.borrow_mut())
    }

    /// An answer to a gRPC callout for [`gatehouse_host::HttpFilter::answered`]: a message.
    pub fn answer_grpc(&self, message: impl Into<Vec<u8>>) -> Answer<'_> {
        let message = message.into();
        let size = message.len();
        self.grpc_answer.replace((message, String::new()));
        Answer::grpc_message(self, size)
    }

    /// The failure of a gRPC callout: a status, and what is said of it.
    pub fn fail_grpc(&self, status: u32, text: &str) -> Answer<'_> {
        self.grpc_answer.replace((Vec::new(), text.to_owned()));
        Answer::grpc_failure(self, status)
    }

    /// The number of the next callout, HTTP or gRPC.
    pub(crate) fn next_callout(&self) -> CalloutId {
        self.callout.set(self.callout.get() + 1);
        CalloutId(self.callout.get())
    }

    /// An answer for [`gatehouse_host::HttpFilter::answered`]: its headers, `:status` among them, and
    /// its body. No headers at all for a callout that was reset.
    pub fn answer<'p>(
        &self,
        headers: impl IntoIterator<Item = (&'p str, &'p [u8])>,
        body: impl Into<Vec<u8>>,
    ) -> Answer<'_> {
        let (headers, body): (Headers, Vec<u8>) = (headers.into_iter().collect(), body.into());
        let sizes = (headers.len(), body.len());
        *self.answer.borrow_mut() = (headers, body);
        Answer::new(self, sizes.0, sizes.1)
    }
}
