//! What a client sends, and what upstream answers.

use crate::matcher::{Texts, scalar_text};
use crate::sign::Webhook;
use base64ct::{Base64, Encoding as _};
use gatehouse_config::{
    Context, Decode, Entries, HeaderName, Value, object, only_key, values::is_field_value,
};
use std::net::IpAddr;

/// The values of a header that is sent; none to take away one of the defaults.
#[derive(Debug, Clone)]
pub(crate) struct HeaderSpec(pub Vec<Vec<u8>>);

impl Decode for HeaderSpec {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(Self(Vec::new())),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| context.at_index(index, |context| one_value(item, context)))
                .collect::<Option<Vec<_>>>()
                .map(Self),
            other => one_value(other, context).map(|value| Self(vec![value])),
        }
    }
}

fn one_value(value: &Value, context: &mut Context<'_>) -> Option<Vec<u8>> {
    let bytes = match value {
        Value::Object(_) => {
            let fields = context.object(value, &["base64"])?;
            fields.field::<Bytes>("base64", context)?.0
        }
        other => scalar_text(other, context)?.into_bytes(),
    };
    match is_field_value(&bytes) {
        true => Some(bytes),
        // Envoy's codecs refuse them before a filter sees them.
        false => context.problem("a header value cannot have control characters such as CR or LF"),
    }
}

/// Bytes in base64.
#[derive(Debug, Clone)]
pub(crate) struct Bytes(pub Vec<u8>);

impl Decode for Bytes {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        match Base64::decode_vec(&text) {
            Ok(bytes) => Some(Self(bytes)),
            Err(_) => context.problem("not base64, with its padding"),
        }
    }
}

/// A body, in the chunks in which it arrives; none for no body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Body(pub Vec<Vec<u8>>);

impl Body {
    pub(crate) fn whole(&self) -> Vec<u8> {
        self.0.concat()
    }
}

impl Decode for Body {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let one = |bytes: Vec<u8>| match bytes.is_empty() {
            true => Self::default(),
            false => Self(vec![bytes]),
        };
        match value {
            Value::Null => Some(Self::default()),
            Value::Object(_) => {
                let (key, inner) = only_key(value, &["json", "base64", "chunks"], context)?;
                let inner = inner?;
                context.at_key(key, |context| match key {
                    "json" => Some(one(inner.to_string().into_bytes())),
                    "base64" => Bytes::decode(inner, context).map(|bytes| one(bytes.0)),
                    _ => {
                        let chunks = Vec::<String>::decode(inner, context)?;
                        Some(Self(chunks.into_iter().map(String::into_bytes).collect()))
                    }
                })
            }
            other => scalar_text(other, context).map(|text| one(text.into_bytes())),
        }
    }
}

/// An address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub IpAddr);

impl Decode for Address {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        match text.parse() {
            Ok(address) => Some(Self(address)),
            Err(_) => context.problem(format!("{text:?} is not an IP address")),
        }
    }
}

object! {
    /// What Envoy knows of a TLS connection, and of the certificate that the client showed.
    #[derive(Debug, Clone)]
    pub(crate) struct Tls {
        pub version: String = "TLSv1.3".to_owned(),
        pub server_name: Option<String>,
        pub peer: Option<Peer>,
    }
}

object! {
    /// A client certificate that Envoy has verified.
    #[derive(Debug, Clone)]
    pub(crate) struct Peer {
        pub uri_san: Option<Texts>,
        pub dns_san: Option<Texts>,
        pub subject: Option<String>,
        pub sha256: Option<String>,
    }
}

object! {
    /// A user and a password.
    #[derive(Debug, Clone)]
    pub(crate) struct Basic {
        pub user: String,
        pub password: String,
    }
}

object! {
    /// A request, or what of one is not as in the defaults.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct RequestSpec {
        pub method: Option<String>,
        pub path: Option<String>,
        pub authority: Option<String>,
        pub scheme: Option<String>,
        pub headers: Entries<HeaderName, HeaderSpec> = Entries::default(),
        pub body: Option<Body>,
        pub trailers: Entries<HeaderName, HeaderSpec> = Entries::default(),
        pub client_ip: Option<Address>,
        pub tls: Option<Tls>,
        pub route: Option<String>,
        pub properties: Entries<String, Value> = Entries::default(),
        // A value, for a null takes away what the defaults have.
        pub jwt: Option<Value>,
        pub basic: Option<Basic>,
        pub webhook: Option<Webhook>,
    }
}

impl RequestSpec {
    /// This over another: headers, trailers and properties one by one, everything else as a whole.
    pub(crate) fn over(self, base: &Self) -> Self {
        Self {
            method: self.method.or_else(|| base.method.clone()),
            path: self.path.or_else(|| base.path.clone()),
            authority: self.authority.or_else(|| base.authority.clone()),
            scheme: self.scheme.or_else(|| base.scheme.clone()),
            headers: laid_over(self.headers, &base.headers),
            body: self.body.or_else(|| base.body.clone()),
            trailers: laid_over(self.trailers, &base.trailers),
            client_ip: self.client_ip.or(base.client_ip),
            tls: self.tls.or_else(|| base.tls.clone()),
            route: self.route.or_else(|| base.route.clone()),
            properties: laid_over(self.properties, &base.properties),
            jwt: self.jwt.or_else(|| base.jwt.clone()),
            basic: self.basic.or_else(|| base.basic.clone()),
            webhook: self.webhook.or_else(|| base.webhook.clone()),
        }
    }
}

pub(crate) fn laid_over<K: PartialEq + Clone, V: Clone>(
    over: Entries<K, V>,
    base: &Entries<K, V>,
) -> Entries<K, V> {
    let mut entries = base.0.clone();
    for (key, value) in over.0 {
        match entries.iter_mut().find(|(name, _)| *name == key) {
            Some((_, there)) => *there = value,
            None => entries.push((key, value)),
        }
    }
    Entries(entries)
}

/// The pairs that a header map has.
pub(crate) fn pairs(entries: &Entries<HeaderName, HeaderSpec>) -> Vec<(String, Vec<u8>)> {
    entries
        .0
        .iter()
        .flat_map(|(name, spec)| {
            let values = spec.0.iter().cloned();
            values.map(|value| (name.as_str().to_owned(), value))
        })
        .collect()
}

object! {
    /// What upstream answers.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct UpstreamSpec {
        pub status: Option<u16>,
        pub headers: Entries<HeaderName, HeaderSpec> = Entries::default(),
        pub body: Option<Body>,
        pub trailers: Entries<HeaderName, HeaderSpec> = Entries::default(),
    }
}

impl UpstreamSpec {
    /// This over another.
    pub(crate) fn over(self, base: &Self) -> Self {
        Self {
            status: self.status.or(base.status),
            headers: laid_over(self.headers, &base.headers),
            body: self.body.or_else(|| base.body.clone()),
            trailers: laid_over(self.trailers, &base.trailers),
        }
    }
}
