//! How many, how often, how much, how long.

use gatehouse_config::{
    Context, Decode, Duration, PrefixLengths, Rate, Size, Value, Volume, object,
};
use gatehouse_gcra::Quota;
use gatehouse_window_counter::{Capacity, Kind, Window};
use std::time;

object! {
    struct RawRate {
        rate: Rate,
        burst: Option<u64>,
        ipv4: Option<u8>,
        ipv6: Option<u8>,
    }
}

/// New connections of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionRate {
    pub(crate) quota: Quota,
    pub(crate) prefixes: PrefixLengths,
}

impl Decode for ConnectionRate {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawRate::decode(value, context)?;
        let prefixes = PrefixLengths::of((raw.ipv4, raw.ipv6), context);
        let period = time::Duration::from_nanos(raw.rate.period().as_nanos());
        let burst = raw.burst.unwrap_or(raw.rate.count());
        let quota = Quota::new(raw.rate.count(), period, burst);
        let quota = quota
            .map_err(|error| context.problem::<()>(error.to_string()))
            .ok();
        Some(Self {
            quota: quota?,
            prefixes: prefixes?,
        })
    }

    gatehouse_config::described!(as RawRate);
}

/// One rate or several, of different prefixes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ConnectionRates(Vec<ConnectionRate>);

const MOST_RATES: usize = 4;

impl Decode for ConnectionRates {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if !matches!(value, Value::Array(_)) {
            return ConnectionRate::decode(value, context).map(|rate| Self(vec![rate]));
        }
        let rates = Vec::decode(value, context)?;
        if rates.is_empty() || rates.len() > MOST_RATES {
            return context.problem(format!(
                "{} rates, but there may be 1 to {MOST_RATES}",
                rates.len()
            ));
        }
        Some(Self(rates))
    }

    gatehouse_config::described!(|schemas| {
        let rate = schemas.of::<RawRate>();
        gatehouse_config::schema::any_of([
            rate.clone(),
            gatehouse_config::schema::non_empty_list(rate),
        ])
    });
}

object! {
    struct RawPerSource {
        limit: u32,
        ipv4: Option<u8>,
        ipv6: Option<u8>,
    }
}

/// Connections of a source at once.
struct PerSource {
    limit: u32,
    prefixes: PrefixLengths,
}

impl Decode for PerSource {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if matches!(value, Value::Number(_)) {
            let limit = u32::decode(value, context)?;
            return Some(Self {
                limit,
                prefixes: PrefixLengths::default(),
            });
        }
        let raw = RawPerSource::decode(value, context)?;
        let prefixes = PrefixLengths::of((raw.ipv4, raw.ipv6), context)?;
        Some(Self {
            limit: raw.limit,
            prefixes,
        })
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::any_of([
        schemas.of::<u32>(),
        schemas.of::<RawPerSource>(),
    ]));
}

object! {
    struct RawConcurrent {
        per_source: Option<PerSource>,
        total: Option<u32>,
        expires: Duration = Duration::from_secs(60),
    }
}

/// Connections at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Concurrent {
    pub(crate) per_source: Option<(Capacity, PrefixLengths)>,
    pub(crate) total: Option<Capacity>,
}

impl Decode for Concurrent {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawConcurrent::decode(value, context)?;
        if raw.per_source.is_none() && raw.total.is_none() {
            return context.problem("needs per_source, total or both");
        }
        let lifetime = time::Duration::from_nanos(raw.expires.as_nanos());
        if raw.expires < Duration::from_secs(1) || Capacity::new(1, lifetime).is_none() {
            let expires = raw.expires;
            return context.at_key("expires", |context| {
                context.problem(format!(
                    "{expires} is not a time to count lost connections for: 1s to 106751d"
                ))
            });
        }
        let mut capacity = |key: &str, limit: u32| match Capacity::new(limit, lifetime) {
            Some(capacity) => Some(capacity),
            None => context.at_key(key, |context| {
                context.problem_hint("0 lets nothing through", "to close connections, use a rule")
            }),
        };
        let per_source = match raw.per_source {
            Some(limit) => Some((capacity("per_source", limit.limit)?, limit.prefixes)),
            None => None,
        };
        let total = match raw.total {
            Some(limit) => Some(capacity("total", limit)?),
            None => None,
        };
        Some(Self { per_source, total })
    }

    gatehouse_config::described!(as RawConcurrent);
}

/// So many bytes in a window: `10GiB/1h`. Counted in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRate(pub(crate) Window);

impl Decode for ByteRate {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let Some((size, period)) = text.split_once('/') else {
            return context.problem_hint(
                format!("{text:?} is not a rate of bytes"),
                "write a size, a slash and a duration, such as \"10GiB/1h\"",
            );
        };
        let size = Volume::decode(&Value::String(size.to_owned()), context);
        let period = Duration::decode(&Value::String(period.to_owned()), context);
        let (size, period) = (size?, period?);
        let period = time::Duration::from_nanos(period.as_nanos());
        let kibibytes = size.bytes() / 1024;
        if kibibytes == 0 {
            return context.problem("is less than 1KiB");
        }
        match Window::new(Kind::Sliding, kibibytes, period) {
            Ok(window) => Some(Self(window.with_debt())),
            Err(_) => context.problem("is more than 1000000000KiB in a window"),
        }
    }

    gatehouse_config::described!(
        text r"^[0-9]+(B|KiB|MiB|GiB|TiB)/0*[1-9][0-9]*(ns|us|ms|s|m|h|d)$"
    );
}

object! {
    struct RawPerSourceBytes {
        received: Option<ByteRate>,
        sent: Option<ByteRate>,
        ipv4: Option<u8>,
        ipv6: Option<u8>,
    }
}

object! {
    /// Of one connection.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    struct PerConnection {
        received: Option<Volume>,
        sent: Option<Volume>,
    }
}

object! {
    struct RawBytes {
        per_connection: PerConnection = PerConnection::default(),
        per_source: Option<RawPerSourceBytes>,
    }
}

/// Bytes from clients (received) and to them (sent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bytes {
    pub(crate) received: Option<u64>,
    pub(crate) sent: Option<u64>,
    pub(crate) source_received: Option<ByteRate>,
    pub(crate) source_sent: Option<ByteRate>,
    pub(crate) prefixes: Option<PrefixLengths>,
}

impl Bytes {
    /// Whether bytes are counted at all.
    pub(crate) fn any(&self) -> bool {
        *self != Self::default()
    }
}

impl Decode for Bytes {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawBytes::decode(value, context)?;
        let PerConnection { received, sent } = raw.per_connection;
        let mut bytes = Self {
            received: received.map(Volume::bytes),
            sent: sent.map(Volume::bytes),
            ..Self::default()
        };
        if let Some(source) = raw.per_source {
            bytes.source_received = source.received;
            bytes.source_sent = source.sent;
            if source.received.is_none() && source.sent.is_none() {
                return context.at_key("per_source", |context| {
                    context.problem("needs received, sent or both")
                });
            }
            bytes.prefixes = Some(context.at_key("per_source", |context| {
                PrefixLengths::of((source.ipv4, source.ipv6), context)
            })?);
        }
        match bytes.any() {
            true => Some(bytes),
            false => context.problem("limits nothing"),
        }
    }

    gatehouse_config::described!(as RawBytes);
}

object! {
    struct Raw {
        connection_rate: ConnectionRates = ConnectionRates::default(),
        concurrent: Concurrent = Concurrent::default(),
        bytes: Bytes = Bytes::default(),
        duration: Option<Duration>,
        idle: Option<Duration>,
        tarpitted: usize = 1_000,
        held_bytes: Size = Size::from_bytes(HELD_BYTES),
    }
}

/// All limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connection_rates: Vec<ConnectionRate>,
    pub(crate) concurrent: Concurrent,
    pub(crate) bytes: Bytes,
    pub(crate) duration: Option<Duration>,
    pub(crate) idle: Option<Duration>,
    /// In each worker.
    pub(crate) tarpitted: usize,
    /// In each worker, in bytes.
    pub(crate) held_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connection_rates: Vec::new(),
            concurrent: Concurrent::default(),
            bytes: Bytes::default(),
            duration: None,
            idle: None,
            tarpitted: 1_000,
            held_bytes: HELD_BYTES,
        }
    }
}

/// What connections may have sent that are held.
const HELD_BYTES: usize = 64 << 20;

/// Deadlines are looked at ten times a second.
const SHORTEST: Duration = Duration::from_secs(1);

impl Decode for Limits {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        for (key, given) in [("duration", raw.duration), ("idle", raw.idle)] {
            if given.is_some_and(|given| given < SHORTEST) {
                context.at_key(key, |context| {
                    context.problem::<()>(format!("is less than {SHORTEST}"))
                });
            }
        }
        Some(Self {
            connection_rates: raw.connection_rate.0,
            concurrent: raw.concurrent,
            bytes: raw.bytes,
            duration: raw.duration,
            idle: raw.idle,
            tarpitted: raw.tarpitted,
            held_bytes: raw.held_bytes.bytes(),
        })
    }

    gatehouse_config::described!(as Raw);
}
