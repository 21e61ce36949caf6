//! `replay`: what is remembered of requests, and for how long.
//!
//! 1. What has a time is remembered until it ends: how long that is need not be said, and cannot.
//! 2. What has a nonce and no time is remembered for as long as is said; that it is not must be said too.
//! 3. What has neither is remembered only where that is said.

use super::Times;
use gatehouse_config::{Context, Decode, Duration, Value, object};
use std::time;

/// What has no time is remembered for so long at most.
const MAX_KEEP: Duration = Duration::from_secs(30 * 24 * 3600);
/// Some 570 MB.
const MAX_SLOTS: u32 = 1 << 20;

/// How replays are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hmac) struct Replay {
    pub(in crate::hmac) slots: u32,
    /// The longest time for which something is remembered.
    pub(in crate::hmac) longest: time::Duration,
}

object! {
    pub(super) struct RawTable {
        slots: Option<u32>,
        keep: Option<Duration>,
    }
}

/// `off`, which YAML also reads as `false`, or a table.
pub(super) enum RawReplay {
    Off,
    On(RawTable),
}

impl Decode for RawReplay {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Bool(false) => Some(Self::Off),
            Value::String(word) if word == "off" => Some(Self::Off),
            Value::Object(_) => RawTable::decode(value, context).map(Self::On),
            other => context.expected("off or {slots: …}", other),
        }
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::any_of([
        gatehouse_config::schema::value!({"enum": ["off", false]}),
        schemas.of::<RawTable>(),
    ]));
}

pub(super) fn replay(
    given: Option<RawReplay>,
    times: &Times,
    context: &mut Context<'_>,
) -> Option<Option<Replay>> {
    context.at_key("replay", |context| {
        let table = match given {
            Some(RawReplay::Off) => return Some(None),
            Some(RawReplay::On(table)) => table,
            None if times.has_time => RawTable {
                slots: None,
                keep: None,
            },
            None if times.has_nonce => {
                return context.problem_hint(
                    "required, but missing: there is a nonce and no timestamp",
                    "say how long nonces are remembered, such as {keep: 24h}, or off",
                );
            }
            None => return Some(None),
        };
        let slots = table.slots.unwrap_or(4096);
        if !(1..=MAX_SLOTS).contains(&slots) {
            context.at_key("slots", |context| {
                context.problem::<()>(format!("must be 1 to {MAX_SLOTS}"))
            });
        }
        let longest = context.at_key("keep", |context| match (table.keep, times.has_time) {
            (None, true) => Some(time::Duration::from_secs(times.longest)),
            (Some(keep), false) if keep > MAX_KEEP => {
                context.problem(format!("is more than {MAX_KEEP}"))
            }
            (Some(keep), false) => Some(time::Duration::from_nanos(keep.as_nanos())),
            (None, false) => context.problem_hint(
                "required, but missing: what is signed has no timestamp",
                "how long it is remembered, such as 1h",
            ),
            (Some(_), true) => context.problem_hint(
                "what is signed has a timestamp, which says how long it is remembered",
                "leave it out",
            ),
        });
        Some(Some(Replay {
            slots,
            longest: longest?,
        }))
    })
}
