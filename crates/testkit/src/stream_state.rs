//! What is known of a stream or connection while it lasts.

use crate::record::Callback;
use crate::tcp_filter::Tcp;
use crate::vm::State;
use crate::{Headers, Message, Value};
use std::collections::BTreeMap;

pub(crate) struct Stream {
    pub(crate) attributes: BTreeMap<Vec<String>, Value>,
    /// Set by modules, by names without `wasm.`.
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    /// Set by `set_envoy_filter_state`.
    pub(crate) envoy_filter_state: BTreeMap<String, String>,
    pub(crate) callbacks: Vec<Callback>,
    /// Nanoseconds since 1970.
    pub(crate) began: u64,
    pub(crate) details: Option<String>,
    /// The VM had failed before it began, and the policy is to let it pass.
    pub(crate) bypassed: bool,
    pub(crate) route_cache_cleared: usize,
    /// In `proxy_on_log`, headers can be read, and only read.
    pub(crate) logging: bool,
    pub(crate) http: Http,
    pub(crate) tcp: Tcp,
}

/// Where a request and its response are in the filter.
#[derive(Default)]
pub(crate) struct Http {
    pub(crate) request: Side,
    pub(crate) response: Side,
    pub(crate) grpc: bool,
    pub(crate) head: bool,
    /// It was answered by the filter, not by an upstream.
    pub(crate) local_reply: bool,
    pub(crate) local_grpc_status: Option<u32>,
    /// The filter chain answered for a VM that failed: the VM is called no more.
    pub(crate) failed: bool,
    pub(crate) reset: bool,
}

/// One direction.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) started: bool,
    pub(crate) headers: Headers,
    pub(crate) headers_shown: bool,
    pub(crate) headers_continued: bool,
    pub(crate) iteration: Iteration,
    /// Nothing follows but what has come before.
    pub(crate) aborted: bool,
    pub(crate) buffered: Option<Vec<u8>>,
    /// The module sees all that is buffered, not the chunk.
    pub(crate) buffering: bool,
    pub(crate) chunk: Vec<u8>,
    pub(crate) chunk_shown: bool,
    /// The callback that runs is for the last of the message.
    pub(crate) last: bool,
    pub(crate) trailers: Option<Headers>,
    pub(crate) trailers_shown: bool,
    /// Trailers came, and the filter has not seen them.
    pub(crate) trailers_held: bool,
    pub(crate) ended: bool,
    /// Bytes of the body that have come.
    pub(crate) received: usize,
    pub(crate) out: Message,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Iteration {
    #[default]
    Continue,
    /// `StopIteration`: the filter still gets what comes.
    Stopped,
    /// `StopAllIteration…`: what comes is held before the filter.
    StoppedAll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Request,
    Response,
}

impl Stream {
    pub(crate) fn side(&mut self, way: Way) -> &mut Side {
        match way {
            Way::Request => &mut self.http.request,
            Way::Response => &mut self.http.response,
        }
    }

    /// A map that the module may read; none where it is not there now.
    pub(crate) fn map(&self, map: u32) -> Option<&Headers> {
        let (side, trailers) = match map {
            0 => (&self.http.request, false),
            1 => (&self.http.request, true),
            2 => (&self.http.response, false),
            3 => (&self.http.response, true),
            _ => return None,
        };
        match (self.logging, trailers) {
            (true, _) if map == 1 => None,
            (true, false) => side.started.then_some(&side.headers),
            (true, true) => side.trailers.as_ref(),
            (false, false) => side.headers_shown.then_some(&side.headers),
            (false, true) => side.trailers.as_ref().filter(|_| side.trailers_shown),
        }
    }

    /// A map that the module may change. Asked for trailers in the callback of the last chunk, Envoy adds them.
    pub(crate) fn map_mut(&mut self, map: u32) -> Option<&mut Headers> {
        let (side, trailers) = match map {
            0 => (&mut self.http.request, false),
            1 => (&mut self.http.request, true),
            2 => (&mut self.http.response, false),
            3 => (&mut self.http.response, true),
            _ => return None,
        };
        if trailers && side.trailers.is_none() && side.chunk_shown && side.last {
            side.trailers = Some(Headers::new());
            side.trailers_shown = true;
        }
        match trailers {
            false => side.headers_shown.then_some(&mut side.headers),
            true if side.trailers_shown => side.trailers.as_mut(),
            true => None,
        }
    }

    /// The bytes of a body that the module may read and change.
    pub(crate) fn body(&mut self, way: Way) -> Option<&mut Vec<u8>> {
        let side = self.side(way);
        if side.buffering {
            return side.buffered.as_mut();
        }
        side.chunk_shown.then_some(&mut side.chunk)
    }
}

impl State {
    pub(crate) fn buffer(&mut self, buffer: u32) -> Buffer<'_> {
        let world = self.world.clone();
        match buffer {
            0 => self
                .stream()
                .and_then(|stream| stream.body(Way::Request))
                .into(),
            1 => self
                .stream()
                .and_then(|stream| stream.body(Way::Response))
                .into(),
            2 => self
                .stream()
                .and_then(|stream| stream.tcp.downstream.data())
                .into(),
            3 => self
                .stream()
                .and_then(|stream| stream.tcp.upstream.data())
                .into(),
            4 => match &self.answering.http {
                Some(answer) => Buffer::Const(answer.body.clone()),
                None => Buffer::Missing,
            },
            5 => Buffer::Const(self.answering.message.clone().unwrap_or_default()),
            6 => Buffer::Const(world.plugin.vm_configuration.clone()),
            7 if self.configuring => Buffer::Const(world.plugin.configuration.clone()),
            8 => Buffer::Const(Vec::new()),
            _ => Buffer::Missing,
        }
    }
}

pub(crate) enum Buffer<'s> {
    Missing,
    /// It is there, with nothing in it.
    Absent,
    Const(Vec<u8>),
    Data(&'s mut Vec<u8>),
}

impl<'s> From<Option<&'s mut Vec<u8>>> for Buffer<'s> {
    fn from(data: Option<&'s mut Vec<u8>>) -> Self {
        data.map_or(Self::Absent, Self::Data)
    }
}

impl Buffer<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Missing | Self::Absent => &[],
            Self::Const(bytes) => bytes,
            Self::Data(bytes) => bytes,
        }
    }
}
