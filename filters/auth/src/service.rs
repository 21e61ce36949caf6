//! What is configured alike for every service that is asked about requests.

use gatehouse_config::{Context, Decode, Duration, Size, Value};

/// A client does not wait for longer.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// Flights are searched one by one.
const MAX_IN_FLIGHT: usize = 1_000;

const MAX_CACHE_SIZE: usize = 100_000;
const MIN_CACHE_BYTES: usize = 64 << 10;
const MAX_CACHE_BYTES: usize = 256 << 20;

/// A text that is not empty: the name of a cluster, an issuer.
pub(crate) struct Text(pub(crate) String);

impl Decode for Text {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let name = String::decode(value, context)?;
        if name.is_empty() {
            return context.problem("cannot be empty");
        }
        Some(Self(name))
    }

    gatehouse_config::described!(text not empty);
}

/// Reports a duration that is too long.
pub(crate) fn at_most(context: &mut Context<'_>, key: &str, given: Duration, most: Duration) {
    if given > most {
        context.at_key(key, |context| {
            context.problem::<()>(format!("is more than {most}"))
        });
    }
}

/// Reports a `max_in_flight` that lets nothing through, or too much.
pub(crate) fn check_in_flight(context: &mut Context<'_>, given: usize) {
    if !(1..=MAX_IN_FLIGHT).contains(&given) {
        context.at_key("max_in_flight", |context| {
            context.problem::<()>(format!("must be 1 to {MAX_IN_FLIGHT}"))
        });
    }
}

/// Reports a cache that holds nothing, or too much.
pub(crate) fn check_cache(context: &mut Context<'_>, size: usize, bytes: Size) {
    // Half of it is a generation.
    if size == 1 || size > MAX_CACHE_SIZE {
        context.at_key("size", |context| {
            context.problem::<()>(format!("must be 0, or 2 to {MAX_CACHE_SIZE}"))
        });
    }
    if !(MIN_CACHE_BYTES..=MAX_CACHE_BYTES).contains(&bytes.bytes()) {
        context.at_key("bytes", |context| {
            context.problem::<()>("must be 64KiB to 256MiB")
        });
    }
}

/// As std has it.
pub(crate) fn std(duration: Duration) -> std::time::Duration {
    std::time::Duration::from_nanos(duration.as_nanos())
}
