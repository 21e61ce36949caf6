//! From the callbacks of proxy-wasm to those of a filter.
//!
//! 1. `on_configure`: the filter is made from its configuration; a refusal is logged with every
//!    problem, and Envoy told not to use the module.
//! 2. Each stream gets the filter as it is when its headers arrive: a new configuration is a new root
//!    context, and does not change what has begun.
//! 3. A denial is sent, its reason left in the filter state `wasm.gatehouse.denial`, and the request
//!    stopped. A host call that failed so that the filter cannot apply its policy is a denial too.
//! 4. A request that waits is held, and its filter asked anew when it is woken or its body has
//!    arrived. At the end of its wait, where it has waited too often, and where too many wait already,
//!    who waited is asked for the last time; if it still does not decide, the request is denied. The end of
//!    one's wait, or too many bodies, is not the end of the next one's, a filter's or a part's of it; the other two are
//!    for all of them. One that Envoy answers by itself meanwhile waits no longer, and its filter is not asked again.
//! 5. Of a stream that does not wait nothing is kept but what its filter wants to know of it later,
//!    and nothing at all where that is nothing: then Envoy need not say when a stream ends, which saves a
//!    call of the module for each. A request that goes away while it waits is then forgotten at the end
//!    of its wait, or sooner where many wait.
//! 6. A filter that wants the end of a stream is told of it in `on_delete`: Envoy calls that for each
//!    stream that it has announced, however it ended, and last (`Context::onDestroy` in Envoy's
//!    `source/extensions/common/wasm/context.cc`). `on_done` comes right before and may hold the end up,
//!    which nothing here needs; `on_log` is for access logs, and some of those are written before the end.
//!
//! A request of a plugin that is not known is denied.

use crate::plugins::{Plugins, log_refusal};
use crate::stream::{Ended, Found, Kept, Progress, Streams, Waiting};
use gatehouse_host::{
    Answer, Body, CalloutId, Exchange, HeaderMap, Host, LocalReply, Module, Request, Result,
    StreamId, Timestamp, Trailers, Verdict, log_failure,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

mod response;

/// The filter state with the reason of a denial, for access logs:
/// `%FILTER_STATE(wasm.gatehouse.denial:PLAIN)%`.
const DENIAL_STATE: &str = "gatehouse.denial";

/// A request that is asked about more often than this is not getting anywhere.
const MAX_WAITS: u32 = 16;

/// What a callback tells Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// On with it.
    Continue = 0,
    /// It is held, or has been answered.
    Pause = 1,
}

/// What only the dispatcher may ask of the proxy.
pub trait Control {
    /// The bytes of the plugin's configuration.
    fn plugin_configuration(&self, size: usize) -> Result<Vec<u8>>;

    /// A variable of the VM's environment.
    fn environment(&self, name: &str) -> Option<String>;

    /// How often the plugin's tick comes.
    fn set_tick_period(&self, period: Duration) -> Result<()>;

    /// Makes what follows be about a stream, in a callback that is about something else.
    fn enter(&self, stream: StreamId) -> Result<()>;

    /// Lets the current stream's request go on.
    fn resume_request(&self) -> Result<()>;
}

/// All plugins and streams of one VM.
pub struct Dispatcher<F: Module> {
    plugins: Plugins<F>,
    streams: RefCell<Streams<F>>,
}

impl<F: Module> Default for Dispatcher<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Module> Dispatcher<F> {
    /// A VM that has just begun.
    pub const fn new() -> Self {
        Self {
            plugins: Plugins::new(),
            streams: RefCell::new(Streams::new()),
        }
    }

    /// `proxy_on_configure`
    pub fn configure(
        &self,
        root: u32,
        size: usize,
        host: &dyn Host,
        control: &dyn Control,
    ) -> bool {
        let environment = |name: &str| control.environment(name);
        let configured = control
            .plugin_configuration(size)
            .map_err(Into::into)
            .and_then(|bytes| F::configure(&bytes, &environment, host))
            .and_then(|filter| {
                if let Some(period) = filter.tick_period() {
                    control.set_tick_period(period)?;
                }
                Ok(filter)
            });
        match configured {
            Ok(filter) => {
                self.plugins.begin(root, filter, control);
                true
            }
            Err(error) => {
                log_refusal(host, F::NAME, &error);
                false
            }
        }
    }

    /// `proxy_on_context_create`; `root` is zero for a root context, which begins with `configure`.
    pub fn create(&self, context: u32, root: u32) {
        if root != 0 {
            self.streams.borrow_mut().begin(context, root);
        }
    }

    /// `proxy_on_delete`
    pub fn delete(&self, context: u32, host: &dyn Host) {
        let found = self.streams.borrow_mut().end(context);
        match found {
            Found::Ended(ended) => ended.tell(host),
            Found::Stream => {}
            Found::Nothing => self.plugins.end(context),
        }
    }

    /// `proxy_on_request_headers`
    pub fn request_headers(&self, stream: u32, whole: bool, host: &dyn Host) -> Action {
        let root = self.streams.borrow_mut().take_begun(stream);
        let Some(filter) = root.and_then(|root| self.plugin(root)) else {
            return self.refuse(StreamId(stream), F::NAME, "not_configured", host);
        };
        let exchange = Exchange::new(StreamId(stream), whole);
        let pending = F::Pending::default();
        self.ask(filter, exchange, pending, Progress::default(), host)
    }

    /// `proxy_on_request_body`: `size` is all that is held, for a request that waits.
    pub fn request_body(&self, stream: u32, size: usize, end: bool, host: &dyn Host) -> Action {
        let mut streams = self.streams.borrow_mut();
        let Some(waiting) = streams.waiting(stream) else {
            return streams.action(stream);
        };
        let too_long = waiting.most.is_some_and(|most| size > most);
        waiting.exchange.body_is(match (too_long, end) {
            (true, _) => Body::TooLong,
            (false, true) => Body::Complete(size),
            (false, false) => Body::Coming,
        });
        waiting.progress.size = size;
        let ready = waiting.most.is_some() && (too_long || end);
        let woken = if ready { streams.wake(stream) } else { None };
        drop(streams);
        match woken {
            Some(mut woken) => {
                woken.exchange.is_current();
                self.ask_again(woken, host)
            }
            None => Action::Pause,
        }
    }

    /// `proxy_on_request_trailers`: the body is complete.
    pub fn request_trailers(&self, stream: u32, host: &dyn Host) -> Action {
        let size = self.streams.borrow_mut().waiting(stream).map(|waiting| {
            waiting.progress.trailers = true;
            waiting.progress.size
        });
        match size {
            Some(size) => self.request_body(stream, size, true, host),
            None => self.pass_request_trailers(StreamId(stream), host),
        }
    }

    /// Lets a filter that has let the request go on change its trailers.
    fn pass_request_trailers(&self, stream: StreamId, host: &dyn Host) -> Action {
        let mut streams = self.streams.borrow_mut();
        let Some(mut kept) = streams.take_wanted(stream.0, Kept::wants_request_trailers) else {
            return streams.action(stream.0);
        };
        drop(streams);
        let mut trailers = Trailers::new(host, &kept.exchange, HeaderMap::RequestTrailers);
        let changed = kept
            .filter
            .request_trailers(&mut trailers, &mut kept.pending);
        let at_fault = name_of(&*kept.filter, &kept.pending);
        self.streams.borrow_mut().put_back(kept);
        match changed {
            Ok(()) => Action::Continue,
            Err(error) => {
                log_failure(host, at_fault, "request denied at its trailers", error);
                self.refuse(stream, at_fault, "host_error", host)
            }
        }
    }

    /// `proxy_on_http_call_response`, of `sizes`: how many headers, how many bytes.
    pub fn http_call_response(
        &self,
        root: u32,
        callout: u32,
        sizes: (usize, usize),
        host: &dyn Host,
        control: &dyn Control,
    ) {
        let answer = Answer::new(host, sizes.0, sizes.1);
        self.answered(root, CalloutId(callout), &answer, control);
    }

    /// `proxy_on_grpc_receive`: a gRPC callout was answered by a message of so many bytes. Nothing more
    /// comes of it.
    pub fn grpc_receive(
        &self,
        root: u32,
        callout: u32,
        size: usize,
        host: &dyn Host,
        control: &dyn Control,
    ) {
        let answer = Answer::grpc_message(host, size);
        self.answered(root, CalloutId(callout), &answer, control);
    }

    /// `proxy_on_grpc_close`: a gRPC callout failed, with this status.
    pub fn grpc_close(
        &self,
        root: u32,
        callout: u32,
        status: u32,
        host: &dyn Host,
        control: &dyn Control,
    ) {
        let answer = Answer::grpc_failure(host, status);
        self.answered(root, CalloutId(callout), &answer, control);
    }

    fn answered(&self, root: u32, callout: CalloutId, answer: &Answer<'_>, control: &dyn Control) {
        let Some(filter) = self.plugin(root) else {
            return;
        };
        let mut wake = Vec::new();
        filter.answered(callout, answer, &mut wake);
        self.wake(wake, answer.host(), control);
    }

    /// `proxy_on_tick`
    pub fn tick(&self, root: u32, host: &dyn Host, control: &dyn Control) {
        let Some(filter) = self.plugin(root) else {
            return;
        };
        let mut wake = Vec::new();
        filter.tick(host, &mut wake);
        self.wake(wake, host, control);
        if !self.streams.borrow().any_waiting() {
            return;
        }
        let Ok(now) = host.now() else {
            return;
        };
        let overdue = self.streams.borrow_mut().end_waits(now);
        self.wake(overdue, host, control);
        self.forget_gone(host, control);
    }

    /// A client that lets requests wait and goes away must not take the room of others until the end
    /// of their waits.
    fn forget_gone(&self, host: &dyn Host, control: &dyn Control) {
        let crowd = self.streams.borrow().crowd();
        for stream in crowd {
            if control.enter(stream).is_err() {
                let gone = self.streams.borrow_mut().wake(stream.0);
                gone.into_iter()
                    .for_each(|gone| Ended::from(gone).tell(host));
            }
        }
    }

    fn plugin(&self, root: u32) -> Option<Rc<F>> {
        self.plugins.at(root)
    }

    /// Asks about requests anew, in a callback that is not about them.
    fn wake(&self, streams: Vec<StreamId>, host: &dyn Host, control: &dyn Control) {
        for stream in streams {
            let woken = self.streams.borrow_mut().wake(stream.0);
            let Some(woken) = woken else {
                continue;
            };
            // A client that went away meanwhile, as clients do: nothing to say.
            if control.enter(stream).is_err() {
                Ended::from(woken).tell(host);
                continue;
            }
            if self.ask_again(woken, host) == Action::Continue
                && let Err(error) = control.resume_request()
            {
                log_failure(host, F::NAME, "a request cannot go on", error);
            }
        }
    }

    fn ask_again(&self, mut woken: Waiting<F>, host: &dyn Host) -> Action {
        woken.progress.waits = woken.progress.waits.saturating_add(1);
        self.ask(
            woken.filter,
            woken.exchange,
            woken.pending,
            woken.progress,
            host,
        )
    }

    fn ask(
        &self,
        filter: Rc<F>,
        mut exchange: Exchange,
        mut pending: F::Pending,
        mut progress: Progress,
        host: &dyn Host,
    ) -> Action {
        let stream = exchange.stream();
        let mut verdict = filter.request(&mut Request::new(host, &mut exchange), &mut pending);
        while let Some((until, most)) = wait_of(&verdict)
            && !exchange.wait_is_over()
        {
            if self.may_wait(&filter, progress, most.is_some()) {
                exchange.foresee(host, |request| filter.foresee(request));
                exchange.begin_waiting();
                self.streams.borrow_mut().hold(Waiting {
                    filter,
                    exchange,
                    pending,
                    until,
                    most,
                    progress,
                });
                return Action::Pause;
            }
            // Where too many wait for bodies, services can still be asked.
            match most.is_some() && self.may_wait(&filter, progress, false) {
                true => exchange.end_wait(),
                false => exchange.end_all_waits(),
            }
            progress.waits = progress.waits.saturating_add(1);
            verdict = filter.request(&mut Request::new(host, &mut exchange), &mut pending);
        }
        let asked = name_of(&*filter, &pending);
        self.keep(filter, exchange, pending);
        match verdict {
            // Envoy does not hand them over again.
            Ok(Verdict::Continue) if progress.trailers => self.pass_request_trailers(stream, host),
            Ok(Verdict::Continue) => Action::Continue,
            Ok(Verdict::Deny(reply)) => self.deny(stream, asked, &reply, host),
            Ok(Verdict::Wait { .. } | Verdict::WaitForBody { .. }) => {
                self.refuse(stream, asked, "cannot_wait", host)
            }
            Err(error) => {
                log_failure(host, asked, "request denied", error);
                self.refuse(stream, asked, "host_error", host)
            }
        }
    }

    fn may_wait(&self, filter: &F, progress: Progress, for_body: bool) -> bool {
        filter.tick_period().is_some()
            && progress.waits < MAX_WAITS
            && self.streams.borrow().has_room(for_body)
    }

    fn keep(&self, filter: Rc<F>, mut exchange: Exchange, pending: F::Pending) {
        exchange.end_request_phase();
        self.streams.borrow_mut().keep(Kept {
            filter,
            exchange,
            pending,
            responded: false,
            stuck: false,
        });
    }

    /// Denies a request that the filter of this name could not apply its policy to.
    fn refuse(&self, stream: StreamId, filter: &str, reason: &str, host: &dyn Host) -> Action {
        self.deny(stream, filter, &broken(filter, reason), host)
    }

    fn deny(&self, stream: StreamId, filter: &str, reply: &LocalReply, host: &dyn Host) -> Action {
        let reason = reply
            .details
            .strip_prefix("gatehouse.")
            .unwrap_or(&reply.details);
        if let Err(error) = host.set_property(DENIAL_STATE, reason.as_bytes()) {
            log_failure(host, filter, "reason not in filter state", error);
        }
        if let Err(error) = host.send_local_reply(reply) {
            log_failure(host, filter, "denial not sent", error);
            // Better no answer than the upstream's.
            self.streams.borrow_mut().stuck(stream);
        }
        Action::Pause
    }
}

/// Until when a request is to be held, and of how long a body.
fn wait_of(verdict: &Result<Verdict>) -> Option<(Timestamp, Option<usize>)> {
    match verdict {
        Ok(Verdict::Wait { until }) => Some((*until, None)),
        Ok(Verdict::WaitForBody { most, until }) => Some((*until, Some(*most))),
        Ok(Verdict::Continue | Verdict::Deny(_)) | Err(_) => None,
    }
}

/// Whose fault it is where something fails that a filter was asked about.
fn name_of<F: Module>(filter: &F, pending: &F::Pending) -> &'static str {
    filter.asked_last(pending).unwrap_or(F::NAME)
}

/// The reply where a filter could not apply its policy.
fn broken(filter: &str, reason: &str) -> LocalReply {
    LocalReply {
        status: 500,
        headers: Vec::new(),
        body: Vec::new(),
        // INTERNAL
        grpc_status: Some(13),
        details: format!("gatehouse.{filter}.{reason}"),
    }
}

#[cfg(test)]
mod tests;
