//! Which requests a rule is about: the match language shared by all filters.
//!
//! ```yaml
//! match:
//!   path: {prefix: /admin}
//!   methods: [POST, PUT]
//!   hosts: [example.com, "*.example.com"]
//!   headers: [{name: x-tenant, regex: "[a-z]+"}]
//!   query: [{name: debug, present: false}]
//!   cookies: [{name: beta, exact: "1"}]
//!   client_ip: [10.0.0.0/8, "2001:db8::/32"]
//!   consumer: [acme]
//!   groups: [gold, silver]
//!   route: [admin-api]
//!   metadata: [{filter: com.example, key: [tier], exact: gold}]
//!   not: {path: {exact: /admin/health}}
//!   any:
//!     - {methods: [PUT]}
//!     - {headers: [{name: x-confirm, present: true}]}
//!   when: request.size < 1000
//! ```
//!
//! A match holds if **all** of its conditions hold:
//!
//! | condition | holds if |
//! |---|---|
//! | `path: {exact: /a}` | the path is `/a` |
//! | `path: {prefix: /a}` | the path is `/a` or begins with `/a/`; `prefix: /` is every path but `*` and none |
//! | `path: {regex: …}` | the expression matches the whole path, without `^` and `$`; `.` is one byte of UTF-8, classes and `(?i)` are ASCII |
//! | `path: {template: "/users/{id}"}` | the path has these segments; `{id}` is any one, `{rest=**}` (last) any number of them |
//! | `methods` | the method is one of them; case counts, and `GET` is not `HEAD` |
//! | `hosts` | the host is one of them, or below one written `*.example.com`; what is not a name or an address and perhaps a port is none |
//! | `headers` | for each of the list, any value of the header is (`exact`), begins with (`prefix`), ends with (`suffix`) or matches as a whole (`regex`) the given; or there is one (`present: true`) or none (`present: false`) |
//! | `query` | the same for parameters of the query |
//! | `cookies` | the same for cookies, whichever `cookie` line they stand on; their values as they were sent, quotes too |
//! | `client_ip` | the client's address is in one of the ranges |
//! | `consumer` | the consumer has one of the names, whichever provider vouched for it |
//! | `groups` | the consumer is in one of the groups |
//! | `route` | Envoy's route has one of the names (`name` of a route in the route configuration) |
//! | `metadata` | the same as for headers, of the text at `key` in the route's `filter_metadata` of `filter`; what is no text is for `when` |
//! | `not` | the match below it does not hold |
//! | `any` | at least one of the matches below it holds |
//! | `when` | the expression (CEL over Envoy's attributes) holds |
//!
//! `not` and `any` can be nested 8 deep. `when` is evaluated by Envoy: see [`When`].
//!
//! Without a consumer, `consumer` and `groups` do not hold; without an address (a Unix socket),
//! `client_ip` does not. No `match` at all is every request; an empty one is an error, so that
//! "every request" is never written by accident. Paths are matched in the normal form of [`path`],
//! which see for what it does to each spelling; the values of headers and parameters as bytes.
//!
//! Conditions on the headers are decided first, then those that read the peer's address, then those
//! that read the consumer, then those that read the route, then `when`. The host is asked for nothing that no condition needs, and nothing twice.
//!
//! # The client's address
//!
//! It is the connection's peer, unless `trusted_hops: N` says how many proxies in front of Envoy to
//! trust. Then it is the entry N places left of the peer in the chain of all `x-forwarded-for`
//! values, which the N-th trusted proxy wrote; what a client sends stands further left and is never
//! looked at. The peer counts once, whether or not Envoy has appended it (`use_remote_address:
//! true` does). Where the chain is too short, or the entry is no address, it is the peer, as with
//! Envoy's `xff_num_trusted_hops`. Use one of the two settings, not both: with Envoy's, what Envoy
//! calls the peer is the client already.
//!
//! All of this needs `use_remote_address: true`. Without it, which is Envoy's default, what Envoy calls
//! the peer is the last entry of `x-forwarded-for`, which anybody can send: no filter can tell.
//!
//! # Extending it
//!
//! A new condition is a field of `Raw` (`rule.rs`), a variant of `Condition` with its `Cost`
//! (`condition.rs`), and a row above. A condition that needs a host call of its own gets a `Cost` after
//! the others, and what it learns is kept in [`Subject`], so that many rules ask once. Of many rules, [`Index`] finds
//! those that a path can concern.

mod authority;
mod client_ip;
mod condition;
pub mod cookie;
pub mod escape;
pub mod expression;
mod field;
mod index;
mod method;
pub mod path;
mod pattern;
pub mod query;
mod reads;
mod rule;
mod subject;
mod template;
mod when;

#[cfg(test)]
mod tests;

pub use authority::{HostPattern, split_port};
pub use field::HeaderField;
pub use index::Index;
pub use method::Method;
pub use path::Path;
pub use pattern::check_normal;
pub use rule::Match;
pub use subject::{Host, Subject};
pub use when::{When, compile_all};
