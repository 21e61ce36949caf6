//! Points in time.

use super::text;
use crate::{Context, Decode, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time, RFC 3339: `2026-01-01T00:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

impl Time {
    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
}

impl Decode for Time {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = text(value, "a time such as \"2026-01-01T00:00:00Z\"", context)?;
        let parsed = OffsetDateTime::parse(text, &Rfc3339).ok();
        match parsed.and_then(|time| u64::try_from(time.unix_timestamp_nanos()).ok()) {
            Some(nanos) => Some(Self(nanos)),
            None => context.problem_hint(
                format!("{text:?} is not a time"),
                "write it as RFC 3339 has it, such as \"2026-01-01T00:00:00Z\"",
            ),
        }
    }

    crate::described!(|_schemas| serde_json::json!({"type": "string", "format": "date-time"}));
}
