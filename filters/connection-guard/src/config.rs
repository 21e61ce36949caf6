//! The configuration: what operators write, and what it means.

mod feed;
mod limits;
mod matching;
mod rule;

#[cfg(test)]
mod tests;

pub(crate) use feed::{FeedConfig, OnMissing};
pub(crate) use limits::{ByteRate, Limits};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use matching::Match;
pub(crate) use matching::{CertificateMatch, Name, Protocol, Source};
pub(crate) use rule::{Action, Rule};

use gatehouse_config::{
    Context, Decode, Duration, Entries, Identifier, Rate, Size, Value, keywords, object, one_of,
};

keywords! {
    /// What becomes of denials.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Mode {
        /// Connections are closed.
        Enforce = "enforce",
        /// They are counted.
        Report = "report",
    }
}

keywords! {
    /// What holds where nothing else is said, or can be.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Choice {
        /// The connection goes on.
        Allow = "allow",
        /// It is closed.
        Deny = "deny",
    }
}

one_of! {
    /// How many denials the log has.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum DenialLog {
        /// None.
        None = "none",
        /// At most so many in a time, by each worker.
        Rate(Rate) = "rate",
    }
}

/// What a client must have said, by when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstData {
    pub(crate) within: Duration,
    pub(crate) most: Size,
}

object! {
    struct RawFirstData {
        within: Duration = Duration::from_secs(5),
        max_size: Size = Size::from_bytes(DEFAULT_FIRST),
    }
}

const DEFAULT_FIRST: usize = 16 << 10;
/// Less than that holds no ClientHello.
const LEAST_FIRST: usize = 1 << 10;
/// Envoy's own `tls_inspector` reads no more (`max_client_hello_size`).
const MOST_FIRST: usize = 64 << 10;

impl Default for FirstData {
    fn default() -> Self {
        Self {
            within: Duration::from_secs(5),
            most: Size::from_bytes(DEFAULT_FIRST),
        }
    }
}

impl Decode for FirstData {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let RawFirstData { within, max_size } = RawFirstData::decode(value, context)?;
        if !(LEAST_FIRST..=MOST_FIRST).contains(&max_size.bytes()) {
            return context.at_key("max_size", |context| {
                context.problem("must be 1KiB to 64KiB")
            });
        }
        Some(Self {
            within,
            most: max_size,
        })
    }

    gatehouse_config::described!(as RawFirstData);
}

object! {
    struct Raw {
        rules: Vec<Rule> = Vec::new(),
        default: Choice,
        feeds: Entries<Identifier, FeedConfig> = Entries::default(),
        limits: Limits = Limits::default(),
        first_data: Option<FirstData>,
        server_speaks_first: bool = false,
        mode: Mode = Mode::Enforce,
        on_error: Choice = Choice::Deny,
        denial_log: Option<DenialLog>,
        slots: Slots = Slots(16_384),
    }
}

/// How many slots the table of limits has.
struct Slots(u32);

/// Some 1.6 GB of shared data when every slot is in use.
const MOST_SLOTS: u32 = 1 << 22;

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
        u64::from(MOST_SLOTS)
    ));
}

/// A configuration of the filter without a mistake in it. The options are in the README.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) rules: Vec<Rule>,
    pub(crate) default: Choice,
    /// In the order of the document, which is how sources name them.
    pub(crate) feeds: Vec<(Identifier, FeedConfig)>,
    pub(crate) limits: Limits,
    /// Also who is decided on without a word must say something then.
    pub(crate) first_data: Option<FirstData>,
    pub(crate) server_speaks_first: bool,
    pub(crate) mode: Mode,
    pub(crate) on_error: Choice,
    /// Nothing for none.
    pub(crate) denial_log: Option<Rate>,
    pub(crate) slots: u32,
}

impl Decode for Config {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let before = context.problem_count();
        let raw = Raw::decode(value, context)?;
        let Entries(feeds) = raw.feeds;
        let mut rules = raw.rules;
        rule::check(
            &mut rules,
            raw.default,
            &feeds,
            raw.server_speaks_first,
            context,
        );
        let is_limited = raw.limits != Limits::default() || raw.first_data.is_some();
        if rules.is_empty() && raw.default == Choice::Allow && !is_limited {
            return context.problem_hint(
                "allows every connection, without any limit",
                "write rules, limits or \"default: deny\"",
            );
        }
        let config = Self {
            rules,
            default: raw.default,
            feeds,
            limits: raw.limits,
            first_data: raw.first_data,
            server_speaks_first: raw.server_speaks_first,
            mode: raw.mode,
            on_error: raw.on_error,
            denial_log: match raw.denial_log {
                None => Some(DEFAULT_LOG),
                Some(DenialLog::None) => None,
                Some(DenialLog::Rate(rate)) => Some(rate),
            },
            slots: raw.slots.0,
        };
        (context.problem_count() == before).then_some(config)
    }

    gatehouse_config::described!(as Raw);
}

/// Enough to see that something is denied, and too little to fill a disk.
const DEFAULT_LOG: Rate = Rate::new(10, Duration::from_secs(60));
