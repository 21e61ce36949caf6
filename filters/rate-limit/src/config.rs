//! The configuration: what operators write, and what it means.

mod allowance;
mod cost;
mod global;
mod limit;
mod overrides;
mod pattern;

#[cfg(test)]
mod tests;

pub(crate) use allowance::{Allowance, Metered};
pub(crate) use cost::{Cost, Source};
pub(crate) use global::{Global, OnServiceError};
pub(crate) use limit::{IfAbsent, Limit, OnError};

use gatehouse_config::{Context, Decode, NonEmpty, Value, keywords, object, one_of};
use gatehouse_denial::DenialShape;

/// Some 1.6 GB of shared data when every slot is in use.
const MOST_SLOTS: u32 = 1 << 22;

keywords! {
    /// What becomes of refusals.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Mode {
        /// They are answered.
        Enforce = "enforce",
        /// They are counted.
        Report = "report",
    }
}

keywords! {
    /// What responses say about limits.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum ResponseHeaders {
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
pub(crate) struct Slots(pub(crate) u32);

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
    pub(crate) limits: Vec<Limit>,
    pub(crate) slots: u32,
    /// Where the limits are kept somewhere else.
    pub(crate) global: Option<Global>,
    pub(crate) response_headers: ResponseHeaders,
    pub(crate) trusted_hops: u32,
    pub(crate) denial: DenialShape,
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
