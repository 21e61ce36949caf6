//! The auth filter: who may come in.
//!
//! What is decided about a request, in this order:
//!
//! 1. A path that servers read in different ways (`gatehouse-request-match`, "ambiguous") is refused
//!    before any rule is asked: 400, `path_ambiguous`. So is a host: two of them, or what is not a
//!    name or an address and perhaps a port: 400, `host_ambiguous`.
//! 2. The first rule whose `match` holds decides. Where none holds: 403, `no_rule`.
//! 3. `allow: anonymous` lets the request go on without a consumer. Credentials it carries are not
//!    checked.
//! 4. `require` names the credentials it needs: those of one provider, of `any_of` several, of
//!    `all_of` several, and these nested.
//!    1. Where one of the providers named there finds two values of its credential (a header twice,
//!       also in another spelling, a header and a parameter): 400, `credential_ambiguous`, whatever
//!       the others say.
//!    2. `any_of`: asked in the configured order, the first good credential counts. What is bad beside
//!       it is not held against the request: it may be meant for somebody else.
//!    3. `all_of`: all must be good. The consumer is the first's, with the groups and scopes of all,
//!       and the claims and metadata of the first that has any.
//!    4. None there: 401, `credential_missing`, with the challenges of all providers named. There and
//!       not good: 401 with the reason of the first such one, and its challenge; or what that one
//!       wants the client to get (`ext_authz`).
//! 5. `authorize` asks more of the consumer: to be one of `consumers`, in any of `groups`, with all
//!    `scopes`, with claims that fulfil all of `claims`; and of the request, that `when` holds (module
//!    `rule::authorize`). Otherwise: 403. The consumer is established all the same, so that logs name
//!    it.
//! 6. A request that goes on loses its credentials, at every place of every provider, whichever rule
//!    let it pass (`strip_credentials`); it loses what the client sent in the identity headers,
//!    and in the headers that a provider sets itself (`ext_authz`), always, also in another spelling
//!    (module `spelling`); and it gets the consumer's own name and claims there. The consumer is
//!    established for the filters after this one, for later modules and for access logs. An identity
//!    header that the client named in `connection` is no longer named there: the next proxy would
//!    drop it (RFC 9110, 7.6.1).
//! 7. `mode: report`: steps 1 to 5 are only counted. The request is not changed, and goes on. A good
//!    credential establishes its consumer.
//!
//! Where a host call fails so that this cannot be decided or done, the request is denied with 500;
//! in report mode that is counted as `host_error`.
//!
//! Each kind of provider is a module: `api_key`, `basic`, `jwt`, `mtls`, `introspection`, `ext_authz`,
//! `hmac`. What is asked elsewhere about a request goes by `flight`, and the request waits. A new kind
//! adds a variant to `provider::ProviderConfig` and to `provider::Kind`.

mod api_key;
mod basic;
mod challenge;
mod claim;
mod config;
mod consumer_claims;
mod credential;
mod decision;
mod ext_authz;
mod filter;
mod flight;
mod hmac;
mod identity;
mod introspection;
mod jwt;
mod mtls;
mod place;
mod provider;
mod reason;
mod rule;
mod service;
mod spelling;
mod stats;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use decision::Memo;
pub use filter::Filter;

#[cfg(all(target_arch = "wasm32", feature = "module"))]
gatehouse_host_proxy_wasm::http_module!(
    crate::Filter,
    callbacks: [
        request_headers,
        request_body,
        request_trailers,
        http_call_response,
        tick,
    ]
);
