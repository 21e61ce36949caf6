//! `host: {with: "${path.tenant}.internal.test"}`.

use crate::operation::{Outcome, Side};
use crate::place::Place;
use gatehouse_config::{Context, Value};
use gatehouse_host::{Only, Result};
use gatehouse_template::{Destination, Rendered, Template};
use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The host that a request gets.
#[derive(Debug, Clone)]
pub(crate) struct HostEdit(Template);

impl HostEdit {
    gatehouse_config::described!(pub |schemas| schemas.object(|fields| {
        fields.field::<String>("with", false, "A template.");
    }));

    pub(crate) fn read(place: Place<'_>, value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let fields = context.object(value, &["with"])?;
        let value = fields.required("with", context)?;
        context.at_key("with", |context| Self::read_text(place, value, context))
    }

    /// From a text, where the host is one part of several.
    pub(crate) fn read_text(
        place: Place<'_>,
        value: &Value,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        let template = place.template(value, Destination::Host, context)?;
        check(&template, context).map(|()| Self(template))
    }

    pub(crate) fn template(&self) -> &Template {
        &self.0
    }

    pub(crate) fn apply(&self, side: &mut dyn Side) -> Result<Outcome> {
        let new = match self.rendered(side)? {
            Ok(host) => host,
            Err(Outcome::Missing) => return Ok(Outcome::Denied("host_missing")),
            Err(_) => return Ok(Outcome::Denied("host_unsafe")),
        };
        if side.headers()?.only(":authority") != Only::One(&new) {
            side.set(":authority", &new)?;
        }
        Ok(Outcome::Done)
    }

    /// The host, if it is one.
    pub(crate) fn rendered(
        &self,
        side: &mut dyn Side,
    ) -> Result<std::result::Result<Cow<'_, [u8]>, Outcome>> {
        Ok(match self.0.render(side)? {
            Rendered::Value(host) if is_host(&host) => Ok(host),
            Rendered::Missing => Err(Outcome::Missing),
            Rendered::Value(_) | Rendered::Unsafe => Err(Outcome::Unsafe),
        })
    }
}

/// Whether a template can become a host.
fn check(template: &Template, context: &mut Context<'_>) -> Option<()> {
    let whole = template.constant();
    let in_host = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    let fits = match whole {
        Some(host) => is_host(host.as_bytes()),
        None => template.literals().all(|text| text.bytes().all(in_host)),
    };
    if !fits {
        return context.problem_hint(
            "not a host",
            "write a name or an address, and perhaps a port, such as \"api.internal.test:8443\"",
        );
    }
    Some(())
}

/// Whether it is a name or an address, and perhaps a port: labels of letters, digits, `-` and `_`, or
/// an IPv6 address in brackets.
pub(crate) fn is_host(host: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(host) else {
        return false;
    };
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    };
    if port.is_some_and(|port| {
        port.parse::<u16>().is_err() || !port.bytes().all(|b| b.is_ascii_digit())
    }) {
        return false;
    }
    let v6 = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    if let Some(address) = v6 {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        !label.is_empty() && label.bytes().all(fits)
    };
    name.len() <= 255 && name.split('.').all(is_label)
}
