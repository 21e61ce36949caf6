//! The connection of a network filter: attributes, data as it comes, Envoy's own filter state.

use crate::FakeHost;
use crate::capabilities::first;
use gatehouse_host::{
    Connection, ConnectionData, Connections, HostError, Result, Side, Status, StreamId,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What is on its way, and what was left for other filters.
#[derive(Default)]
pub(crate) struct Network {
    downstream: RefCell<Vec<u8>>,
    upstream: RefCell<Vec<u8>>,
    states: RefCell<BTreeMap<String, String>>,
}

impl Network {
    fn side(&self, side: Side) -> &RefCell<Vec<u8>> {
        match side {
            Side::Downstream => &self.downstream,
            Side::Upstream => &self.upstream,
        }
    }
}

impl FakeHost {
    /// Begins a new connection from a client: no data, no other attributes, no calls counted.
    pub fn connect(&self, source: SocketAddr, destination: SocketAddr) {
        self.begin([]);
        self.network.downstream.borrow_mut().clear();
        self.network.upstream.borrow_mut().clear();
        self.network.states.borrow_mut().clear();
        self.property_is("source.address", source.to_string());
        self.property_is("destination.address", destination.to_string());
    }

    /// The connection, for the callbacks of [`gatehouse_host::NetworkFilter`].
    pub fn connection(&self, id: u32) -> Connection<'_> {
        Connection::new(self, StreamId(id))
    }

    /// Data of a connection, in all: `held` bytes of it were there before.
    pub fn data(
        &self,
        side: Side,
        bytes: impl Into<Vec<u8>>,
        held: usize,
        is_last: bool,
    ) -> ConnectionData<'_> {
        let bytes = bytes.into();
        let length = bytes.len();
        *self.network.side(side).borrow_mut() = bytes;
        ConnectionData::new(self, side, length, held, is_last)
    }

    /// A filter state of Envoy's own that was written for this connection.
    pub fn filter_state(&self, key: &str) -> Option<String> {
        self.network.states.borrow().get(key).cloned()
    }
}

impl Connections for FakeHost {
    fn network_data(&self, side: Side, start: usize, length: usize) -> Result<Vec<u8>> {
        self.call("proxy_get_buffer_bytes")?;
        let data = self.network.side(side).borrow();
        Ok(first(data.get(start..).unwrap_or_default(), length))
    }

    /// As in Envoy, only keys that it knows.
    fn set_filter_state(&self, key: &str, value: &str) -> Result<()> {
        const CALL: &str = "proxy_call_foreign_function";
        self.call(CALL)?;
        if !key.starts_with("envoy.") {
            return Err(HostError {
                call: CALL,
                status: Status::Code(1),
            });
        }
        let mut states = self.network.states.borrow_mut();
        states.insert(key.to_owned(), value.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
