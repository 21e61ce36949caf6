//! What Envoy knows of a request beside its message.

use crate::case::Request;
use crate::request::{Peer, Tls};
use gatehouse_config::Value;
use gatehouse_testkit as testkit;
use serde_json::{Map, json};
use std::net::SocketAddr;
use testkit::Headers;

/// A port of clients.
const PORT: u16 = 40000;

/// The request as a filter meets it: what is known of it, and the message as the filters before have left it.
pub(crate) fn request(
    request: &Request,
    headers: Headers,
    chunks: &[Vec<u8>],
    trailers: Option<Headers>,
) -> testkit::Request {
    let source = SocketAddr::new(request.client_ip, PORT).to_string();
    let mut sent = testkit::Request::get("/").source(&source);
    if let Some(tls) = &request.tls {
        sent = sent.tls(handshake(tls));
    }
    if let Some(route) = &request.route {
        sent = sent.route_name(route);
    }
    sent = sent.headers(headers);
    for chunk in chunks {
        sent = sent.chunk(chunk);
    }
    if let Some(trailers) = trailers {
        sent = sent.trailers(trailers);
    }
    attributes(sent, &request.properties)
}

fn handshake(tls: &Tls) -> testkit::Tls {
    let peer = tls.peer.as_ref();
    let texts = |texts: fn(&Peer) -> Vec<String>| peer.map(texts).unwrap_or_default();
    let text = |text: fn(&Peer) -> Option<String>| peer.and_then(text).unwrap_or_default();
    testkit::Tls {
        mutual: peer.is_some(),
        version: tls.version.clone(),
        server_name: tls.server_name.clone().unwrap_or_default(),
        subject: text(|peer| peer.subject.clone()),
        uri_sans: texts(|peer| {
            peer.uri_san
                .clone()
                .map(|texts| texts.0)
                .unwrap_or_default()
        }),
        dns_sans: texts(|peer| {
            peer.dns_san
                .clone()
                .map(|texts| texts.0)
                .unwrap_or_default()
        }),
        sha256_digest: text(|peer| peer.sha256.clone()),
    }
}

/// Attributes by paths with dots. All that begin alike are put together, for they are given in pairs of steps.
fn attributes(mut sent: testkit::Request, given: &[(String, Value)]) -> testkit::Request {
    let mut tree = json!({});
    for (path, value) in given {
        let mut at = &mut tree;
        for part in path.split('.') {
            if !at.is_object() {
                *at = json!({});
            }
            let Value::Object(map) = at else { break };
            at = map.entry(part).or_insert(Value::Null);
        }
        *at = value.clone();
    }
    let Value::Object(tree) = tree else {
        return sent;
    };
    for (first, value) in tree {
        match value {
            Value::Object(inner) => {
                for (second, value) in inner {
                    sent = sent.attribute([&first, &second], attribute(&value));
                }
            }
            other => sent = sent.attribute([&first], attribute(&other)),
        }
    }
    sent
}

fn attribute(value: &Value) -> testkit::Value {
    match value {
        Value::Null => testkit::Value::Null,
        Value::Bool(value) => testkit::Value::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => testkit::Value::Int(number),
            (None, number) => testkit::Value::Double(number.unwrap_or_default()),
        },
        Value::String(text) => testkit::Value::String(text.clone()),
        Value::Array(items) => testkit::Value::List(items.iter().map(attribute).collect()),
        Value::Object(map) => object(map),
    }
}

fn object(map: &Map<String, Value>) -> testkit::Value {
    let members = map
        .iter()
        .map(|(key, value)| (key.clone(), attribute(value)));
    testkit::Value::Map(members.collect())
}
