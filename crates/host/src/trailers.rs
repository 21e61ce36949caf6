//! Trailers, as a filter sees them.

use crate::capability::{HeaderMap, Host, HostError, Result, Status};
use crate::{Exchange, Headers};

/// The trailers of a request or a response, which have arrived and have not been sent on. Only messages
/// that have trailers get here: where there are none, none can be added.
pub struct Trailers<'a> {
    host: &'a dyn Host,
    exchange: &'a Exchange,
    map: HeaderMap,
    fields: Option<Headers>,
}

impl<'a> Trailers<'a> {
    /// The view of one callback: `map` is [`HeaderMap::RequestTrailers`] or
    /// [`HeaderMap::ResponseTrailers`].
    pub fn new(host: &'a dyn Host, exchange: &'a Exchange, map: HeaderMap) -> Self {
        Self {
            host,
            exchange,
            map,
            fields: None,
        }
    }

    /// The capabilities that are not about these trailers.
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// Who sent the request, where a filter of this module asked in the request phase.
    pub fn consumer(&self) -> Option<&crate::Consumer> {
        self.exchange.consumer.as_ref().and_then(Option::as_deref)
    }

    /// The fields, as the filters before this one left them. The first caller pays one host call.
    ///
    /// # Errors
    /// Where the host does not hand them over.
    pub fn fields(&mut self) -> Result<&Headers> {
        if self.fields.is_none() {
            let bytes = self.host.header_pairs(self.map)?;
            let fields = Headers::decode(bytes).map_err(|_| HostError {
                call: "proxy_get_header_map_pairs",
                status: Status::Malformed,
            })?;
            self.fields = Some(fields);
        }
        Ok(self.fields.get_or_insert_default())
    }

    /// Makes this the only value of a field.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.host.set_header(self.map, name, value)?;
        if let Some(fields) = self.fields.as_mut() {
            fields.set(name, value);
        }
        Ok(())
    }

    /// Adds a value to those a field has. Where a snapshot says that there are any, whoever asks next reads it anew.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn append(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.host.append_header(self.map, name, value)?;
        Headers::appended(&mut self.fields, name, value);
        Ok(())
    }

    /// Removes all values of a field. Costs no host call where a snapshot says there is none.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        if let Some(fields) = self.fields.as_mut() {
            if !fields.contains(name) {
                return Ok(());
            }
            fields.remove(name);
        }
        self.host.remove_header(self.map, name)
    }
}
