//! The filters, one after the other.
//!
//! A filter that lets a request wait is the one that is asked about it anew: those before it have
//! decided, and are not asked twice. What follows of a stream goes to those that saw its request, and of
//! them to those that want it.

use crate::link::Link;
use gatehouse_host::{
    Answer, CalloutId, Host, HttpFilter, Request, Response, ResponseChunk, Result, StreamId,
    Trailers, Verdict,
};
use std::time::Duration;

/// Filters in the order in which they see a request.
pub struct Chain<L: Link> {
    links: Vec<L>,
}

/// What the filters keep of a stream: for each that saw the request, in their order. The last of them
/// may not have decided yet.
pub struct Kept<L: Link> {
    kept: Vec<L::Pending>,
    /// How many have let the request go on.
    passed: usize,
    /// The place of the one that was asked last.
    asked: usize,
}

impl<L: Link> Default for Kept<L> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            passed: 0,
            asked: 0,
        }
    }
}

impl<L: Link> Chain<L> {
    /// The chain of these filters.
    pub fn of(links: Vec<L>) -> Self {
        Self { links }
    }

    fn seen<'c>(&'c self, pending: &'c Kept<L>) -> impl Iterator<Item = (&'c L, &'c L::Pending)> {
        self.links.iter().zip(&pending.kept)
    }

    fn seen_mut<'c>(
        &'c self,
        pending: &'c mut Kept<L>,
    ) -> impl DoubleEndedIterator<Item = (&'c L, &'c mut L::Pending)> {
        self.links.iter().zip(&mut pending.kept)
    }
}

impl<L: Link> HttpFilter for Chain<L> {
    type Pending = Kept<L>;

    const WANTS_RESPONSE: bool = L::WANTS_RESPONSE;
    const WANTS_RESPONSE_BODY: bool = L::WANTS_RESPONSE_BODY;
    const WANTS_TRAILERS: bool = L::WANTS_TRAILERS;
    const WANTS_END: bool = L::WANTS_END;

    fn request(&self, request: &mut Request<'_>, pending: &mut Kept<L>) -> Result<Verdict> {
        pending.kept.reserve_exact(self.links.len());
        for (place, link) in self.links.iter().enumerate().skip(pending.passed) {
            if pending.kept.len() <= place {
                pending.kept.push(link.pending());
            }
            let Some(kept) = pending.kept.get_mut(place) else {
                continue;
            };
            pending.asked = place;
            match link.request(request, kept)? {
                Verdict::Continue => {
                    pending.passed = place + 1;
                    request.next_filter();
                }
                other => return Ok(other),
            }
        }
        Ok(Verdict::Continue)
    }

    /// For all of them: whichever waits, others come after it.
    fn foresee(&self, request: &mut Request<'_>) {
        for link in &self.links {
            link.foresee(request);
        }
    }

    fn wants_response(&self, pending: &Kept<L>) -> bool {
        self.seen(pending)
            .any(|(link, kept)| link.wants_response(kept))
    }

    /// Each that fails says so itself.
    fn response(&self, response: &mut Response<'_>, pending: &mut Kept<L>) -> Result<()> {
        for (link, kept) in self.seen_mut(pending).rev() {
            if link.wants_response(kept) {
                link.respond(response, kept);
            }
        }
        Ok(())
    }

    fn wants_response_body(&self, pending: &Kept<L>) -> bool {
        self.seen(pending)
            .any(|(link, kept)| link.wants_response_body(kept))
    }

    fn response_body(&self, chunk: &mut ResponseChunk<'_>, pending: &mut Kept<L>) {
        for (link, kept) in self.seen_mut(pending).rev() {
            if link.wants_response_body(kept) {
                link.response_body(chunk, kept);
            }
        }
    }

    fn wants_trailers(&self, pending: &Kept<L>) -> bool {
        self.seen(pending)
            .any(|(link, kept)| link.wants_trailers(kept))
    }

    /// The first that fails ends it, as with the headers of a request.
    fn request_trailers(&self, trailers: &mut Trailers<'_>, pending: &mut Kept<L>) -> Result<()> {
        let all = self.links.iter().zip(&mut pending.kept);
        for (place, (link, kept)) in all.enumerate() {
            if link.wants_trailers(kept) {
                pending.asked = place;
                link.request_trailers(trailers, kept)?;
            }
        }
        Ok(())
    }

    fn response_trailers(&self, trailers: &mut Trailers<'_>, pending: &mut Kept<L>) -> Result<()> {
        for (link, kept) in self.seen_mut(pending).rev() {
            if link.wants_trailers(kept) {
                link.respond_trailers(trailers, kept);
            }
        }
        Ok(())
    }

    fn asked_last(&self, pending: &Kept<L>) -> Option<&'static str> {
        self.links.get(pending.asked).map(Link::name)
    }

    fn wants_end(&self, pending: &Kept<L>) -> bool {
        self.seen(pending).any(|(link, kept)| link.wants_end(kept))
    }

    fn ended(&self, host: &dyn Host, pending: Kept<L>) {
        for (link, kept) in self.links.iter().zip(pending.kept) {
            if link.wants_end(&kept) {
                link.ended(host, kept);
            }
        }
    }

    /// Each filter knows its own callouts.
    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        for link in &self.links {
            link.answered(callout, answer, wake);
        }
    }

    fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
        for link in &self.links {
            link.tick(host, wake);
        }
    }

    /// As often as the most impatient filter wants it.
    fn tick_period(&self) -> Option<Duration> {
        self.links.iter().filter_map(Link::tick_period).min()
    }
}

#[cfg(test)]
mod tests;
