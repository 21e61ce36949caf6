//! The filters of Gatehouse in files, whoever those are written for: what `gatehouse validate`, `explain` and `test` have in
//! common.
//!
//! 1. A file is read as its reader reads it (`gatehouse-located-yaml`).
//! 2. Filters are found in each of its documents ([`find()`]), wherever they stand, by module or root id: in Envoy's own
//!    configuration, in a `WasmPlugin` or `EnvoyFilter` of Istio, in an `EnvoyExtensionPolicy`, or as a configuration alone. A `ConfigMap`
//!    holds files, which are documents of their own ([`config_maps`]).
//! 3. Of each it is known what the filter will get ([`Delivered`]), which environment variables it will have ([`Declared`]), and what it
//!    stands in ([`Surroundings`]).

mod bare;
mod config_map;
mod delivered;
mod environment;
mod filter;
mod find;

#[cfg(test)]
mod tests;

pub use config_map::config_maps;
pub use delivered::{Delivered, NotDelivered};
pub use environment::{Declared, Variable};
pub use filter::Filter;
pub use find::{Chain, Found, Plugin, Surroundings, find, is_disabled};
