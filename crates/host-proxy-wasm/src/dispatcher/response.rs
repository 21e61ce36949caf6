//! The response side of streams. Whatever a filter does, it goes on.
//!
//! One that comes while the request is held here is Envoy's own: of a body that it has no room for, or of a
//! stream that took too long. It ends the wait: whatever the request waited for, nobody is asked about it again.

use super::Dispatcher;
use crate::stream::Kept;
use gatehouse_host::{
    Exchange, HeaderMap, Host, Module, Response, ResponseChunk, StreamId, Trailers,
};

impl<F: Module> Dispatcher<F> {
    /// `proxy_on_response_headers`; `whole` where no body and no trailers follow.
    pub fn response_headers(&self, stream: u32, whole: bool, host: &dyn Host) {
        let mut streams = self.streams.borrow_mut();
        let kept = streams.answer(stream).or_else(|| {
            // A response whose request never came here.
            let filter = self.plugin(streams.take_begun(stream)?)?;
            Some(Box::new(Kept {
                filter,
                exchange: Exchange::new(StreamId(stream), true),
                pending: F::Pending::default(),
                responded: false,
                stuck: false,
            }))
        });
        drop(streams);
        let Some(mut kept) = kept else {
            return;
        };
        if kept.wants_response() {
            let mut headers = None;
            let mut response = Response::new(host, &kept.exchange, &mut headers);
            if whole {
                response = response.without_body();
            }
            kept.filter.respond(&mut response, &mut kept.pending);
        }
        kept.responded = true;
        self.streams.borrow_mut().put_back(kept);
    }

    /// `proxy_on_response_body`, of a chunk of so many bytes, which goes on whatever comes of this.
    pub fn response_body(&self, stream: u32, size: usize, end: bool, host: &dyn Host) {
        let mut streams = self.streams.borrow_mut();
        let Some(mut kept) = streams.take_wanted(stream, Kept::wants_response_body) else {
            return;
        };
        drop(streams);
        let mut chunk = ResponseChunk::new(host, size, end);
        kept.filter.response_body(&mut chunk, &mut kept.pending);
        self.streams.borrow_mut().put_back(kept);
    }

    /// `proxy_on_response_trailers`: the body is complete.
    pub fn response_trailers(&self, stream: u32, host: &dyn Host) {
        self.response_body(stream, 0, true, host);
        let mut streams = self.streams.borrow_mut();
        let Some(mut kept) = streams.take_wanted(stream, Kept::wants_trailers) else {
            return;
        };
        drop(streams);
        let mut trailers = Trailers::new(host, &kept.exchange, HeaderMap::ResponseTrailers);
        kept.filter
            .respond_trailers(&mut trailers, &mut kept.pending);
        self.streams.borrow_mut().put_back(kept);
    }
}
