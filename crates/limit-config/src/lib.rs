//! The configuration of the rate-limit filter: what operators write, and what it means.
//!
//! Apart from the filter, which is compiled for speed, so that this is compiled for size: it is read once,
//! and there is more of it than of what a request comes by.

mod allowance;
mod cost;
mod global;
mod limit;
mod overrides;
mod part;
mod pattern;
mod policy;

#[cfg(test)]
mod tests;

pub use allowance::{Allowance, Metered};
pub use cost::{Cost, Source};
pub use global::{Global, OnServiceError, Share, entry_name};
pub use limit::{IfAbsent, Limit, OnError};
pub use overrides::Overrides;
pub use part::{Part, Reading};
pub use policy::rate as rate_policy;

use gatehouse_config::{Context, Decode, NonEmpty, Value, keywords, object, one_of};
use gatehouse_denial::DenialShape;

/// Some 1.6 GB of shared data when every slot is in use.
const MOST_SLOTS: u32 = 1 << 22;

keywords! {
    /// What becomes of refusals.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Mode {
        /// They are answered.
        Enforce = "enforce",
        /// They are counted.
        Report = "report",
    }
}

keywords! {
    /// What responses say about limits.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ResponseHeaders {
        /// `RateLimit-Policy`, `RateLimit`, and `Retry-After` on a 429.
        Ietf = "ietf",
        /// `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`, and `Retry-After` on a 429.
        Legacy = "legacy",
        /// Nothing.
        None = "none",
    }
}

one_of! {
    /// Where the buckets are.
    #[derive(Debug, Clone)]
    enum Store {
        /// In this Envoy.
        Local(Local) = "local",
        /// Somewhere else, for several Envoys.
        Global(Global) = "global",
    }
}

object! {
    #[derive(Debug, Clone)]
    struct Local {
        slots: Slots = Slots::default(),
    }
}

/// How many slots the table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots(pub u32);

impl Default for Slots {
    fn default() -> Self {
        Self(65_536)
    }
}

impl Decode for Slots {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match u32::decode(value, context)? {
            slots @ 1..=MOST_SLOTS => Some(Self(slots)),
            slots => context.problem(format!(
                "{slots} is not a number of slots: 1 to {MOST_SLOTS}"
            )),
        }
    }

    gatehouse_config::described!(|_schemas| gatehouse_config::schema::whole_number(
        1,
        MOST_SLOTS.into()
    ));
}

object! {
    struct Raw {
        limits: NonEmpty<Limit>,
        store: Store = Store::Local(Local { slots: Slots::default() }),
        response_headers: ResponseHeaders = ResponseHeaders::Ietf,
        mode: Mode = Mode::Enforce,
        trusted_hops: u32 = 0,
        denial: DenialShape = DenialShape::default(),
    }
}

/// A configuration of the filter without a mistake in it. The options are in the README.
#[derive(Debug, Clone)]
pub struct Config {
    /// In the order in which they are looked at. Never empty.
    pub limits: Vec<Limit>,
    /// Of the table in this Envoy.
    pub slots: u32,
    /// Where the limits are kept somewhere else.
    pub global: Option<Global>,
    /// What responses say about limits.
    pub response_headers: ResponseHeaders,
    /// How many proxies to believe in `x-forwarded-for`.
    pub trusted_hops: u32,
    /// What clients see of a refusal.
    pub denial: DenialShape,
}

impl Config {
    /// The names of its limits, in order.
    pub fn limit_names(&self) -> impl Iterator<Item = &str> {
        self.limits.iter().map(|limit| &*limit.name)
    }
}

impl Decode for Config {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let NonEmpty(mut limits) = raw.limits;
        unique_names(&limits, context)?;
        if raw.mode == Mode::Report {
            for limit in &mut limits {
                limit.mode = Mode::Report;
            }
        }
        let (Slots(slots), global) = match raw.store {
            Store::Local(local) => (local.slots, None),
            Store::Global(global) => {
                global::check(&limits, context)?;
                (global.slots, Some(global))
            }
        };
        Some(Self {
            limits,
            slots,
            global,
            response_headers: raw.response_headers,
            trusted_hops: raw.trusted_hops,
            denial: raw.denial,
        })
    }

    gatehouse_config::described!(as Raw);
}

/// The name is part of the key: two limits of one name would share their buckets.
fn unique_names(limits: &[Limit], context: &mut Context<'_>) -> Option<()> {
    let mut sound = Some(());
    for (index, limit) in limits.iter().enumerate() {
        let earlier = limits.iter().take(index);
        let Some(first) = earlier
            .into_iter()
            .position(|other| other.name == limit.name)
        else {
            continue;
        };
        sound = context.at_key("limits", |context| {
            context.at_index(index, |context| {
                context.at_key("name", |context| {
                    context.problem(format!("\"{}\" is the name of limits[{first}]", limit.name))
                })
            })
        });
    }
    sound
}
