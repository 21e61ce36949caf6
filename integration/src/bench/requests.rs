//! The requests, as bytes ready to be sent.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use crate::credentials::{Credentials, FEW, SEEN};

/// How many tenants there are.
const TENANTS: usize = 10_000;

/// How many there are where few are asked for.
const FEW_TENANTS: usize = 10;

/// As many as the rounds can show to a filter, by default: each comes once.
const MANY_TENANTS: usize = 100_000;

/// More than the rounds can show to a filter: it is shown them all before.
const MILLION_TENANTS: usize = 1_000_000;

/// What a variant is sent. Requests of a kind differ in one header and are sent in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// No credential; all alike.
    Plain,
    /// `x-api-key`: one of 1,000.
    ApiKey,
    /// `x-api-key`: one of the first 10.
    ApiKeyFew,
    /// `authorization`: one of 100 tokens, which the dropped round has shown to the filter.
    JwtSeen,
    /// `authorization`: one of `--tokens` tokens in turn. There are several times more than a filter remembers by
    /// default (1,000), so that each has been forgotten when its turn comes again.
    JwtNew,
    /// `x-tenant`: one of 10,000.
    Tenant,
    /// `x-tenant`: one of 10.
    TenantFew,
    /// `x-tenant`: one of 100,000.
    TenantMany,
    /// `x-api-key`, as in [`Kind::ApiKey`], and 10 headers in all.
    #[serde(rename = "headers_10")]
    Headers10,
    /// The same with 50.
    #[serde(rename = "headers_50")]
    Headers50,
    /// The same with 100, as many as Envoy takes by default.
    #[serde(rename = "headers_100")]
    Headers100,
    /// `x-tenant`: one of 1,000,000, each of which comes once before anything is measured.
    TenantMillion,
    /// `x-tenant`: always the same.
    TenantOne,
}

/// Requests that are sent in turn.
#[derive(Clone)]
pub(crate) enum Requests {
    /// These.
    Ready(Arc<[Vec<u8>]>),
    /// Those of so many tenants, which would be too many to have ready.
    Tenants(usize),
}

impl Requests {
    /// The request whose turn it is.
    pub(crate) fn at(&self, turn: usize) -> Cow<'_, [u8]> {
        match self {
            Self::Ready(requests) => Cow::Borrowed(&requests[turn % requests.len()]),
            Self::Tenants(count) => Cow::Owned(of_tenant(turn % count)),
        }
    }
}

/// How many headers a request has before others are added to it: the pseudo-headers, what Envoy adds
/// (`x-forwarded-for`, `x-forwarded-proto`, `x-request-id`, `x-envoy-external-address`), and those of [`request`].
const COUNTED: usize = 11;

impl Kind {
    /// The requests of this kind.
    pub(crate) fn requests(self, credentials: &Credentials) -> Requests {
        Requests::Ready(match self {
            Self::TenantMillion => return Requests::Tenants(MILLION_TENANTS),
            Self::Plain => [request("")].into(),
            Self::ApiKey => with_key(credentials.api_keys.iter()),
            Self::ApiKeyFew => with_key(credentials.api_keys.iter().take(FEW)),
            Self::JwtSeen => credentials.tokens.iter().take(SEEN).map(bearer).collect(),
            Self::JwtNew => credentials.tokens.iter().skip(SEEN).map(bearer).collect(),
            Self::Tenant => tenants(TENANTS),
            Self::TenantFew => tenants(FEW_TENANTS),
            Self::TenantMany => tenants(MANY_TENANTS),
            Self::Headers10 => with_headers(credentials, 10),
            Self::Headers50 => with_headers(credentials, 50),
            Self::Headers100 => with_headers(credentials, 100),
            Self::TenantOne => tenants(1),
        })
    }

    /// How many requests a filter is shown before anything is measured.
    pub(crate) fn shown_before(self) -> usize {
        match self {
            Self::TenantMillion => MILLION_TENANTS,
            _ => 0,
        }
    }

    /// As in `variants.yaml`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ApiKey => "api_key",
            Self::ApiKeyFew => "api_key_few",
            Self::JwtSeen => "jwt_seen",
            Self::JwtNew => "jwt_new",
            Self::Tenant => "tenant",
            Self::TenantFew => "tenant_few",
            Self::TenantMany => "tenant_many",
            Self::Headers10 => "headers_10",
            Self::Headers50 => "headers_50",
            Self::Headers100 => "headers_100",
            Self::TenantMillion => "tenant_million",
            Self::TenantOne => "tenant_one",
        }
    }
}

fn with_key<'k>(keys: impl Iterator<Item = &'k String>) -> Arc<[Vec<u8>]> {
    keys.map(|key| request(&format!("x-api-key: {key}\r\n")))
        .collect()
}

/// So many headers in all, most of a length that cookies and traces have.
fn with_headers(credentials: &Credentials, count: usize) -> Arc<[Vec<u8>]> {
    let more: String = (COUNTED..count)
        .map(|index| format!("x-more-{index:03}: {}\r\n", "v".repeat(24 + index % 16)))
        .collect();
    let with = |key: &String| request(&format!("x-api-key: {key}\r\n{more}"));
    credentials.api_keys.iter().map(with).collect()
}

fn tenants(count: usize) -> Arc<[Vec<u8>]> {
    (0..count).map(of_tenant).collect()
}

fn of_tenant(tenant: usize) -> Vec<u8> {
    request(&format!("x-tenant: tenant-{tenant:05}\r\n"))
}

fn bearer(token: &String) -> Vec<u8> {
    request(&format!("authorization: Bearer {token}\r\n"))
}

fn request(credential: &str) -> Vec<u8> {
    format!(
        "GET /api/v1/orders/42 HTTP/1.1\r\nhost: gatehouse.test\r\nuser-agent: gatehouse-bench\r\n\
         accept: */*\r\n{credential}\r\n"
    )
    .into_bytes()
}
