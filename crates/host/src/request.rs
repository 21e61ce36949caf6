//! The request phase, as a filter sees it.

use crate::capability::{Expression, HeaderMap, Host, HostError, Result, Status, Timestamp};
use crate::exchange::Target;
use crate::{Consumer, Exchange, Headers, Only, Reads};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// The filter state with the consumer's name, for access logs:
/// `%FILTER_STATE(wasm.gatehouse.consumer:PLAIN)%`.
pub const NAME_STATE: &str = "gatehouse.consumer";

/// The filter state with the whole consumer, for the next module.
pub const IDENTITY_STATE: &str = "gatehouse.identity";

/// A stream, for as long as it lives: the number that the proxy gave it in this VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StreamId(pub u32);

/// What is known of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Body {
    /// It has not arrived, or not all of it.
    #[default]
    Coming,
    /// It is there, so many bytes long, and can be read.
    Complete(usize),
    /// It is longer than the filter that waits for it wants.
    TooLong,
}

/// In a module of one filter there is nobody whose changes could matter to another, and nothing is compiled for that.
const IN_CHAIN: bool = cfg!(feature = "chain");

/// Envoy would choose again, and does not say what.
const CHANGED: HostError = HostError {
    call: "a choice by route after a filter changed path or host",
    status: Status::Stale,
};

/// A request target without its query.
fn path_of(target: &[u8]) -> impl Iterator<Item = &u8> {
    target.iter().take_while(|byte| **byte != b'?')
}

/// Who gets to know a consumer. Each beyond the filters is a host call for each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'i> {
    /// The filters of this module.
    Filters,
    /// Access logs too: the name, in filter state.
    Logs,
    /// Later modules too: this is [`Consumer::to_json`], which callers keep with the consumer.
    Modules(&'i [u8]),
}

/// A request whose headers have arrived and have not been sent on.
pub struct Request<'a> {
    host: &'a dyn Host,
    exchange: &'a mut Exchange,
}

impl<'a> Request<'a> {
    /// The view of one callback.
    pub fn new(host: &'a dyn Host, exchange: &'a mut Exchange) -> Self {
        Self { host, exchange }
    }

    /// The capabilities that are not about this request: clock, shared data, metrics.
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// The stream, for who is to be woken.
    pub fn stream(&self) -> StreamId {
        self.exchange.stream
    }

    /// Whether who is asked has to decide now, without what it waited for: the wait was too long, there
    /// were too many, or too many requests wait. A filter that asks for another wait has its request
    /// denied. That the wait was too long is said to who waited: how long a body takes is the client's
    /// choice, and must not keep what comes after from asking its service.
    pub fn wait_is_over(&self) -> bool {
        self.exchange.wait_is_over()
    }

    /// What is known of the body. It comes only to a filter that waits for it.
    pub fn body(&self) -> Body {
        self.exchange.body
    }

    /// The bytes of a complete body; none before.
    ///
    /// # Errors
    /// Where the host does not hand them over, or not all.
    pub fn body_bytes(&self) -> Result<Vec<u8>> {
        let size = match self.exchange.body {
            Body::Complete(size) if size > 0 => size,
            _ => return Ok(Vec::new()),
        };
        let bytes = self.host.request_body(size)?;
        match bytes.len() == size {
            true => Ok(bytes),
            false => Err(HostError {
                call: "proxy_get_buffer_bytes",
                status: Status::Malformed,
            }),
        }
    }

    /// Says that a part of the filter that may have let the request wait has decided, and that the next one is asked:
    /// it has a time of its own.
    pub fn next_turn(&mut self) {
        self.exchange.next_turn();
    }

    /// Says that the filter that was asked lets the request go on, and that the next one of the module is asked.
    pub fn next_filter(&mut self) {
        self.exchange.next_filter();
    }

    /// The headers, as the filters before this one left them. The first caller of a request pays
    /// one host call.
    ///
    /// # Errors
    /// Where the host does not hand them over.
    pub fn headers(&mut self) -> Result<&Headers> {
        if self.exchange.request.is_none() {
            let bytes = self.host.header_pairs(HeaderMap::Request)?;
            let headers = Headers::decode(bytes).map_err(|_| HostError {
                call: "proxy_get_header_map_pairs",
                status: Status::Malformed,
            })?;
            self.exchange.request = Some(headers);
        }
        // It was put there just now, if it was not there before.
        Ok(self.exchange.request.get_or_insert_default())
    }

    /// Makes this the only value of a header. The name is as Envoy keeps it, here and below: in lower case, and
    /// `:authority` for what clients call `host`. Costs no host call, and no new choice of a route, where a snapshot
    /// says that it is.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        if let Some(headers) = &self.exchange.request
            && headers.only(name) == Only::One(value)
        {
            return Ok(());
        }
        self.host.set_header(HeaderMap::Request, name, value)?;
        self.changed(name);
        if IN_CHAIN {
            self.retargeted(name, value);
        }
        if let Some(headers) = &mut self.exchange.request {
            headers.set(name, value);
        }
        Ok(())
    }

    /// Adds a value to those a header has. Where a snapshot says that there are any, whoever asks next reads it anew.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn append(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.host.append_header(HeaderMap::Request, name, value)?;
        self.changed(name);
        Headers::appended(&mut self.exchange.request, name, value);
        Ok(())
    }

    /// Removes all values of a header. Costs no host call where a snapshot says there is none.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        if let Some(headers) = &mut self.exchange.request {
            if !headers.contains(name) {
                return Ok(());
            }
            headers.remove(name);
        }
        self.changed(name);
        self.host.remove_header(HeaderMap::Request, name)
    }

    /// Takes headers out of what `connection` names: those go no further than the next proxy (RFC 9110, 7.6.1), and
    /// on an upgrade, though on no other request, Envoy sends the client's own `connection` on. `keeps` is asked about
    /// each name, in lower case.
    ///
    /// Costs nothing where the request has no body: an upgrade has one, to Envoy (`handling_upgrade_` in
    /// `source/common/http/http1/codec_impl.cc`). Else no host call, where a snapshot is there.
    ///
    /// # Errors
    /// Where the host does not hand over the headers, or refuses the change.
    #[inline(never)]
    pub fn keep_to_the_end(&mut self, keeps: &dyn Fn(&[u8]) -> bool) -> Result<()> {
        if self.exchange.without_body {
            return Ok(());
        }
        let mut kept = Vec::new();
        let mut is_named = false;
        for line in self.headers()?.all("connection") {
            for option in line.split(|byte| *byte == b',') {
                let option = option.trim_ascii();
                if keeps(&option.to_ascii_lowercase()) {
                    is_named = true;
                    continue;
                }
                if !kept.is_empty() {
                    kept.extend_from_slice(b", ");
                }
                kept.extend_from_slice(option);
            }
        }
        match (is_named, kept.is_empty()) {
            (false, _) => Ok(()),
            (true, true) => self.remove("connection"),
            (true, false) => self.set("connection", &kept),
        }
    }

    fn changed(&mut self, name: &str) {
        // Envoy would change `:authority`; the snapshot, and what expressions are known to look at, would not
        // say so. No configuration can name it.
        debug_assert_ne!(name, "host");
        if let Some(foresight) = &mut self.exchange.foresight {
            foresight.changed(name);
        }
    }

    /// Notes where path or host is another now; a query counts for nothing. Called before the snapshot says so.
    fn retargeted(&mut self, name: &str, value: &[u8]) {
        if !name.starts_with(':') || self.exchange.target != Target::Same {
            return;
        }
        let before = self.exchange.request.as_ref();
        let before = before.and_then(|headers| headers.all(name).next());
        let is_same = |before: &[u8]| match name {
            ":authority" => before.eq_ignore_ascii_case(value),
            _ => path_of(before).eq(path_of(value)),
        };
        if !before.is_some_and(is_same) {
            self.exchange.target = Target::ChangedHere;
        }
    }

    /// Whether an expression holds for this request, as the filters before this one left it.
    ///
    /// # Errors
    /// Where it cannot be evaluated (a key that a map lacks), or is not a boolean; with [`Status::Stale`] where
    /// the request has waited, and what the expression looks at was changed since.
    pub fn holds(&mut self, expression: Expression) -> Result<bool> {
        match &self.exchange.foresight {
            None => self.host.holds(expression),
            Some(foresight) => foresight.outcome(expression),
        }
    }

    /// Has an expression evaluated that may be wanted when the request is asked about anew; in
    /// [`crate::HttpFilter::foresee`].
    pub fn foresee(&mut self, expression: Expression, reads: &Rc<Reads>) {
        let outcome = self.host.holds(expression);
        if let Some(foresight) = &mut self.exchange.foresight {
            foresight.note(expression, reads, outcome);
        }
    }

    /// The time of this request: one reading of the clock, so that all its decisions agree.
    ///
    /// # Errors
    /// Where the host has no clock.
    pub fn now(&mut self) -> Result<Timestamp> {
        if let Some(now) = self.exchange.now {
            return Ok(now);
        }
        let now = self.host.now()?;
        self.exchange.now = Some(now);
        Ok(now)
    }

    /// The address of the connection's other end, as Envoy's `source.address` has it: with
    /// `use_remote_address: false`, or with `xff_num_trusted_hops`, Envoy itself takes it from
    /// `x-forwarded-for`. Nothing where it is no IP address (a Unix socket).
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn peer(&mut self) -> Result<Option<IpAddr>> {
        if let Some(peer) = self.exchange.peer {
            return Ok(peer);
        }
        let address = self.host.property(&["source", "address"])?;
        let peer = address.and_then(|bytes| {
            let text = std::str::from_utf8(&bytes).ok()?;
            let socket = text.parse::<SocketAddr>().map(|socket| socket.ip());
            socket
                .or_else(|_| text.parse())
                .ok()
                .map(|ip: IpAddr| ip.to_canonical())
        });
        self.exchange.peer = Some(peer);
        Ok(peer)
    }

    /// An attribute of Envoy, such as `["request", "protocol"]`, as Envoy writes it: a text as it is, a
    /// number in eight bytes (little-endian), a boolean in one. One host call for each, whoever of this
    /// module asks how often. Only for those that do not change while the request is decided on.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn attribute(&mut self, path: &[&str]) -> Result<Option<Rc<[u8]>>> {
        let is_it = |known: &str| known.split('\0').eq(path.iter().copied());
        let mut known = self.exchange.attributes.iter();
        if let Some((_, value)) = known.find(|(known, _)| is_it(known)) {
            return Ok(value.clone());
        }
        let value = self.host.property(path)?.map(Rc::from);
        let entry = (path.join("\0"), value.clone());
        self.exchange.attributes.push(entry);
        Ok(value)
    }

    /// The name of the route that Envoy has chosen. Nothing where no route fits the request, which Envoy
    /// then answers with a 404, and where the route has no name.
    ///
    /// Envoy chooses the route before the first filter sees the request, by the headers that the client
    /// sent. A header that a filter changes makes it choose anew, but only once the filters of this module
    /// are done: they all see the first choice. Where a filter before this one has changed the path or the host,
    /// that may be a route of something else than what the request will be sent to, and nothing is decided by it.
    ///
    /// # Errors
    /// Where the host refuses to say; with [`Status::Stale`] where path or host were changed.
    pub fn route_name(&mut self) -> Result<Option<Rc<[u8]>>> {
        self.check_route()?;
        self.first_route_name()
    }

    /// The same, whatever filters have made of the request since: for who tells requests apart by it, and decides nothing.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn first_route_name(&mut self) -> Result<Option<Rc<[u8]>>> {
        let name = self.attribute(&["xds", "route_name"])?;
        Ok(name.filter(|name| !name.is_empty()))
    }

    /// What the route's metadata says: in `filter_metadata`, of a filter's name, the keys from there on.
    /// Values are as [`Request::attribute`] has them. Nothing where there is no such key, no metadata, or
    /// no route; see [`Request::route_name`] for which route.
    ///
    /// # Errors
    /// As [`Request::route_name`].
    pub fn route_metadata(&mut self, filter: &str, keys: &[&str]) -> Result<Option<Rc<[u8]>>> {
        let mut path = vec!["xds", "route_metadata", "filter_metadata", filter];
        path.extend_from_slice(keys);
        self.check_route()?;
        self.attribute(&path)
    }

    fn check_route(&self) -> Result<()> {
        match self.exchange.target {
            Target::Changed if IN_CHAIN => Err(CHANGED),
            _ => Ok(()),
        }
    }

    /// Who sent the request: established by a filter of this module, or else by a module before it
    /// (one host call, once). Nothing for an anonymous request.
    ///
    /// # Errors
    /// Where the host refuses to say, or where what the module before left cannot be read.
    pub fn consumer(&mut self) -> Result<Option<Rc<Consumer>>> {
        if let Some(known) = &self.exchange.consumer {
            return Ok(known.clone());
        }
        let consumer = match self.host.property(&[IDENTITY_STATE])? {
            None => None,
            Some(bytes) => Some(Rc::new(Consumer::from_json(&bytes).ok_or(HostError {
                call: "proxy_get_property",
                status: Status::Malformed,
            })?)),
        };
        self.exchange.consumer = Some(consumer.clone());
        Ok(consumer)
    }

    /// Says who sent the request to the filters after this one, and to others as far as `to` says.
    ///
    /// # Errors
    /// Where the host refuses the filter state.
    pub fn establish(&mut self, consumer: Rc<Consumer>, to: Audience<'_>) -> Result<()> {
        if to != Audience::Filters {
            let name = consumer.name.as_bytes();
            self.host.set_property(NAME_STATE, name)?;
        }
        if let Audience::Modules(identity) = to {
            self.host.set_property(IDENTITY_STATE, identity)?;
        }
        if let (Some(foresight), true) = (&mut self.exchange.foresight, to != Audience::Filters) {
            foresight.changed_state();
        }
        self.exchange.consumer = Some(Some(consumer));
        Ok(())
    }
}
