//! A feed, as its owner uses it.

use crate::core::{Call, Core};
use crate::{Address, Event, Settings, Step};
use gatehouse_host::{Answer, CalloutId, Host, StreamId, Timestamp};
use std::cell::RefCell;
use std::rc::Rc;

type Reader<T> = Box<dyn Fn(usize, &[u8]) -> Result<Step<T>, String>>;

/// A document that is kept fresh: one worker's part of it.
pub struct Feed<T> {
    core: Core,
    reader: Reader<T>,
    document: RefCell<Option<Rc<T>>>,
}

/// What there is to decide by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Current<T> {
    /// The document.
    Ready(Rc<T>),
    /// None yet, but it is being fetched: the stream is woken when that ends, and should not wait
    /// beyond this time.
    Wait(Timestamp),
    /// None, and it is not being fetched now.
    Unavailable,
}

/// What came of wanting a newer document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted<T> {
    /// There is a newer one already.
    Ready(Rc<T>),
    /// One is being fetched; see [`Current::Wait`].
    Wait(Timestamp),
    /// Not now.
    Refused,
}

impl<T> Feed<T> {
    /// A feed of which nothing is known yet. `read` makes the document of the bytes of a step, which are
    /// numbered from 0, or says what is wrong with them; it must not depend on earlier steps, since
    /// other workers give it only the last.
    pub fn new(
        settings: Settings,
        read: impl Fn(usize, &[u8]) -> Result<Step<T>, String> + 'static,
    ) -> Self {
        Self {
            core: Core::new(settings),
            reader: Box::new(read),
            document: RefCell::default(),
        }
    }

    /// The document, as far as this worker knows. Costs no host call.
    pub fn document(&self, now: Timestamp) -> Option<Rc<T>> {
        let document = self.document.borrow().clone();
        document.filter(|_| self.core.is_usable(now))
    }

    /// The document for a request. Without one, what other workers have is looked for, it is fetched
    /// where that is due, and the stream may wait.
    pub fn current(
        &self,
        host: &dyn Host,
        now: Timestamp,
        stream: StreamId,
        count: &dyn Fn(Event),
    ) -> Current<T> {
        if let Some(document) = self.document(now) {
            return Current::Ready(document);
        }
        self.with(host, now, count, |call| {
            self.core.look(call);
            if self.document(now).is_none() {
                self.core.fetch_if_due(call);
            }
        });
        if let Some(document) = self.document(now) {
            return Current::Ready(document);
        }
        match self.core.is_fetching(now) {
            true => self
                .core
                .wait(stream)
                .map_or(Current::Unavailable, Current::Wait),
            false => Current::Unavailable,
        }
    }

    /// Asks for a newer document than this one, which lacks something. At most once in
    /// [`Settings::on_demand`] over all workers that fetches it; otherwise a stream waits for the fetch
    /// that is under way, or is refused at once.
    pub fn want(
        &self,
        host: &dyn Host,
        now: Timestamp,
        stream: StreamId,
        known: &Rc<T>,
        count: &dyn Fn(Event),
    ) -> Wanted<T> {
        let newer = || {
            let document = self.document(now);
            document.filter(|document| !Rc::ptr_eq(document, known))
        };
        self.with(host, now, count, |call| {
            self.core.look(call);
            if newer().is_none() && !self.core.is_fetching(now) {
                self.core.fetch_on_demand(call);
            }
        });
        if let Some(document) = newer() {
            return Wanted::Ready(document);
        }
        match self.core.is_fetching(now) {
            true => self.core.wait(stream).map_or(Wanted::Refused, Wanted::Wait),
            false => Wanted::Refused,
        }
    }

    /// Takes what came of a callout, which may be somebody else's.
    pub fn answered(
        &self,
        callout: CalloutId,
        answer: &Answer<'_>,
        count: &dyn Fn(Event),
        wake: &mut Vec<StreamId>,
    ) {
        if !self.core.is_ours(callout) {
            return;
        }
        let host = answer.host();
        // Without a clock nothing lasts; the next tick has it for overdue.
        if let Ok(now) = host.now() {
            self.with(host, now, count, |call| {
                self.core.answered(call, callout, answer, wake);
            });
        }
    }

    /// Looks at what other workers know, fetches where it is due, and wakes who need not wait any longer.
    pub fn tick(&self, host: &dyn Host, count: &dyn Fn(Event), wake: &mut Vec<StreamId>) {
        if let Ok(now) = host.now() {
            self.with(host, now, count, |call| self.core.tick(call, wake));
        }
    }

    fn with(
        &self,
        host: &dyn Host,
        now: Timestamp,
        count: &dyn Fn(Event),
        work: impl FnOnce(&Call<'_>),
    ) {
        let read = |step: usize, bytes: &[u8]| -> Result<Option<Address>, String> {
            Ok(match (self.reader)(step, bytes)? {
                Step::Next(address) => Some(address),
                Step::Done(document) => {
                    *self.document.borrow_mut() = Some(Rc::new(document));
                    None
                }
            })
        };
        work(&Call {
            host,
            now,
            read: &read,
            count,
        });
    }
}
