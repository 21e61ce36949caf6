//! What the service says, as Envoy's `ext_authz` over HTTP reads it
//! (`source/extensions/filters/common/ext_authz/ext_authz_http_impl.cc`):
//!
//! 1. 200 is a yes. The consumer's name, where a header has it, must be there once. So must each
//!    header for the upstream that is there at all; one without a value is not sent on.
//! 2. 5xx, no answer and no status are no decision; nor is a yes whose headers cannot be sent on.
//! 3. All else is a no. 3xx and 4xx go to the client as they are, with the headers that are configured
//!    and the body, if that has no more than [`MAX_BODY_BYTES`]; other statuses as 403. So does 304,
//!    which means something only to who asked whether something has changed.

use super::config::ExtAuthzConfig;
use crate::decision::OwnReply;
use crate::flight::Failure;
use gatehouse_config::HeaderName;
use gatehouse_config::values::is_field_value;
use gatehouse_host::{Answer, Headers, Only};

/// A longer body does not reach the client.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A longer value does not reach the upstream.
const MAX_VALUE_BYTES: usize = 16 * 1024;

/// A decision.
pub(super) enum Said {
    Yes(Yes),
    No(OwnReply),
}

/// Who it is, as far as that is said, and what is to be sent on.
pub(super) struct Yes {
    pub(super) name: Option<String>,
    pub(super) upstream: Vec<(HeaderName, Vec<u8>)>,
}

/// Reads an answer, of which these are the headers.
pub(super) fn read(
    config: &ExtAuthzConfig,
    answer: &Answer<'_>,
    headers: &Headers,
) -> Result<Said, Failure> {
    if headers.is_empty() {
        return Err(Failure::Reset);
    }
    match headers.status() {
        None => Err(Failure::Answer("no status")),
        Some(200) => yes(config, headers).map(Said::Yes),
        Some(status @ 500..) => Err(Failure::Status(status)),
        Some(status) => no(config, answer, headers, status).map(Said::No),
    }
}

fn yes(config: &ExtAuthzConfig, headers: &Headers) -> Result<Yes, Failure> {
    let name = match &config.consumer {
        None => None,
        Some(named) => Some(named.read(headers)?),
    };
    let mut upstream = Vec::with_capacity(config.to_upstream.len());
    for header in &config.to_upstream {
        match headers.only(header) {
            Only::Absent | Only::One(b"") => {}
            Only::Several => return Err(Failure::Answer("two values for one upstream header")),
            Only::One(value) if value.len() > MAX_VALUE_BYTES || !is_field_value(value) => {
                return Err(Failure::Answer("a value that cannot be sent on"));
            }
            Only::One(value) => upstream.push((header.clone(), value.to_vec())),
        }
    }
    Ok(Yes { name, upstream })
}

fn no(
    config: &ExtAuthzConfig,
    answer: &Answer<'_>,
    headers: &Headers,
    status: u16,
) -> Result<OwnReply, Failure> {
    let body = answer.body(MAX_BODY_BYTES)?.unwrap_or_default();
    let mut shown = Vec::new();
    let mut show = |name: &str| {
        let values = headers.all(name).filter(|value| is_field_value(value));
        shown.extend(values.map(|value| (name.to_owned(), value.to_vec())));
    };
    for name in &config.to_client {
        show(name);
    }
    if !body.is_empty()
        && !config
            .to_client
            .iter()
            .any(|name| &**name == "content-type")
    {
        show("content-type");
    }
    let status = match status {
        304 => 403,
        300..=499 => status,
        _ => 403,
    };
    Ok(OwnReply {
        status,
        headers: shown,
        body: Some(body),
    })
}
