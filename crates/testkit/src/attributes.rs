//! Attributes by their paths (`Context::findValue`, `StreamActivation::FindValue`).
//!
//! 1. `request` and `response`, as far as they follow from the messages.
//! 2. What the test says of the stream ([`crate::Request::attribute`]).
//! 3. `plugin_name`, `plugin_root_id`, `plugin_vm_id`, `node`.
//! 4. Filter state: `filter_state`, and what modules have set, by its name.

use crate::stream_state::{Side, Stream};
use crate::vm::State;
use crate::{Headers, Value};
use std::collections::BTreeMap;

impl State {
    /// The value at a path whose parts are joined by NUL.
    pub(crate) fn attribute(&mut self, path: &str) -> Option<Value> {
        if path.is_empty() {
            return Some(Value::Null);
        }
        // As in Envoy, a NUL at the end ends nothing.
        let path = path.strip_suffix('\0').unwrap_or(path);
        if path == "connection\0tls_version"
            && let Some(version) = self.version_before_handshake()
        {
            return Some(version);
        }
        let mut parts = path.split('\0');
        let mut value = self.root_value(parts.next()?)?;
        for part in parts {
            value = value.at(part)?.clone();
        }
        Some(value)
    }

    /// Asked for the version of TLS before the handshake is over, Envoy makes one up, and remembers it.
    fn version_before_handshake(&mut self) -> Option<Value> {
        let handshake = self.stream()?.tcp.handshake.as_mut()?;
        let path = ["connection", "tls_version"].map(str::to_owned).to_vec();
        let made_up = Value::String("TLSv1.2".to_owned());
        handshake.insert(path, made_up.clone());
        Some(made_up)
    }

    /// The value of an identifier.
    pub(crate) fn root_value(&mut self, name: &str) -> Option<Value> {
        let plugin = &self.world.plugin;
        let of_plugin = match name {
            "plugin_name" => Some(&plugin.name),
            "plugin_root_id" => Some(&plugin.root_id),
            "plugin_vm_id" => Some(&plugin.vm_id),
            "node" => return Some(plugin.node.clone()),
            _ => None,
        };
        if let Some(text) = of_plugin {
            return Some(Value::String(text.clone()));
        }
        let stream = self.stream()?;
        match name {
            "request" => Some(stream.request()),
            "response" => Some(stream.response()),
            "filter_state" => Some(stream.filter_state_map()),
            _ => stream.given(name).or_else(|| {
                let value = stream.filter_state.get(name)?;
                Some(Value::Bytes(value.clone()))
            }),
        }
    }

    /// All identifiers that a CEL expression may use.
    pub(crate) fn identifiers(&mut self) -> Vec<String> {
        let fixed = [
            "plugin_name",
            "plugin_root_id",
            "plugin_vm_id",
            "node",
            "request",
            "response",
            "filter_state",
        ];
        let mut names: Vec<String> = fixed.iter().map(|name| (*name).to_owned()).collect();
        if let Some(stream) = self.stream() {
            names.extend(
                stream
                    .attributes
                    .keys()
                    .filter_map(|path| path.first().cloned()),
            );
            names.extend(stream.filter_state.keys().cloned());
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Stream {
    /// What the test says of an identifier.
    fn given(&self, name: &str) -> Option<Value> {
        let mut tree = None;
        for (path, value) in &self.attributes {
            match path.split_first() {
                Some((first, rest)) if first == name => put(&mut tree, rest, value),
                _ => {}
            }
        }
        tree
    }

    /// `RequestWrapper` of Envoy: what follows from the headers is there while they can be read.
    fn request(&self) -> Value {
        let side = &self.http.request;
        let mut map = BTreeMap::new();
        let mut length = None;
        let none = Headers::new();
        let headers = shown(side, self.logging);
        map.insert("headers".to_owned(), Value::from(headers.unwrap_or(&none)));
        if let Some(headers) = headers {
            length = headers
                .text("content-length")
                .and_then(|length| length.parse().ok());
            let path = headers.text(":path");
            let path = path.as_deref();
            let named = [
                ("path", path.map(str::to_owned)),
                (
                    "url_path",
                    path.map(|path| path.split('?').next().unwrap_or_default().to_owned()),
                ),
                ("query", path.map(query)),
                ("host", headers.text(":authority")),
                ("scheme", headers.text(":scheme")),
                ("method", headers.text(":method")),
                ("referer", headers.text("referer")),
                ("useragent", headers.text("user-agent")),
                ("id", headers.text("x-request-id")),
            ];
            for (name, text) in named {
                if let Some(text) = text {
                    map.insert(name.to_owned(), Value::String(text));
                }
            }
        }
        map.insert(
            "size".to_owned(),
            Value::Int(length.unwrap_or_else(|| size(side.received))),
        );
        let began = i64::try_from(self.began).unwrap_or(i64::MAX);
        map.insert("time".to_owned(), Value::Timestamp(began));
        self.overlay("request", map)
    }

    /// `ResponseWrapper` of Envoy.
    fn response(&self) -> Value {
        let side = &self.http.response;
        let mut map = BTreeMap::new();
        let none = Headers::new();
        let code = side
            .headers
            .text(":status")
            .and_then(|status| status.parse().ok());
        if let Some(code) = code {
            map.insert("code".to_owned(), Value::Int(code));
        }
        map.insert("flags".to_owned(), Value::Int(0));
        map.insert(
            "headers".to_owned(),
            Value::from(shown(side, self.logging).unwrap_or(&none)),
        );
        map.insert(
            "trailers".to_owned(),
            Value::from(side.trailers.as_ref().unwrap_or(&none)),
        );
        if let Some(details) = &self.details {
            map.insert("code_details".to_owned(), Value::String(details.clone()));
        }
        if let Some(status) = self.http.local_grpc_status.filter(|_| self.http.grpc) {
            map.insert("grpc_status".to_owned(), Value::Int(status.into()));
        }
        self.overlay("response", map)
    }

    /// What the test says goes before what follows from the messages.
    fn overlay(&self, name: &str, mut map: BTreeMap<String, Value>) -> Value {
        if let Some(Value::Map(given)) = self.given(name) {
            map.extend(given);
        }
        Value::Map(map)
    }

    fn filter_state_map(&self) -> Value {
        let set = self
            .filter_state
            .iter()
            .map(|(name, value)| (format!("wasm.{name}"), Value::Bytes(value.clone())));
        let envoys = self
            .envoy_filter_state
            .iter()
            .map(|(name, value)| (name.clone(), Value::String(value.clone())));
        Value::Map(set.chain(envoys).collect())
    }
}

/// `request.headers` follows what `proxy_get_header_map_value` can read.
fn shown(side: &Side, logging: bool) -> Option<&Headers> {
    (side.headers_shown || logging && side.started).then_some(&side.headers)
}

fn query(path: &str) -> String {
    let query = path
        .split_once('?')
        .map(|(_, query)| query)
        .unwrap_or_default();
    query.split('#').next().unwrap_or_default().to_owned()
}

fn size(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn put(tree: &mut Option<Value>, path: &[String], value: &Value) {
    let Some((first, rest)) = path.split_first() else {
        *tree = Some(value.clone());
        return;
    };
    if !matches!(tree, Some(Value::Map(_))) {
        *tree = Some(Value::Map(BTreeMap::new()));
    }
    if let Some(Value::Map(map)) = tree {
        let mut child = map.remove(first);
        put(&mut child, rest, value);
        if let Some(child) = child {
            map.insert(first.clone(), child);
        }
    }
}
