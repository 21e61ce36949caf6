//! What a limit gives each key: rates by one of the algorithms, or so many at once.

use crate::limit::Counting;
use crate::policy;
use gatehouse_config::{Context, Decode, Duration, Identifier, Rate, Value};
use gatehouse_gcra::{Quota, QuotaError};
use gatehouse_limit_table::Algorithm;
use gatehouse_limit_table::{self as table, MOST_WINDOWS};
use gatehouse_window_counter::{Capacity, Kind, Window, WindowError};
use std::rc::Rc;
use std::time;

/// How long a place in flight is counted that is neither given back nor renewed.
const DEFAULT_EXPIRES: Duration = Duration::from_secs(60);

/// Shorter than that, workers would do little else than renew.
const SHORTEST_EXPIRES: Duration = Duration::from_secs(1);

/// What each key has: one window or several, all of which must have room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    first: Metered,
    others: Box<[Metered]>,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// How it is counted.
    pub algorithm: Algorithm,
    /// Tells the entries of a key from one another, and those of another algorithm or period from
    /// both: they mean something else.
    pub salt: u64,
    /// The item of `RateLimit-Policy`.
    pub policy: Rc<str>,
}

/// One rate or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rates(Vec<Rate>);

/// What a limit, or an override of one, says of how much there is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) rates: Option<Rates>,
    pub(crate) burst: Option<u64>,
    pub(crate) limit: Option<u32>,
    pub(crate) expires: Option<Duration>,
}

impl Decode for Rates {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if !matches!(value, Value::Array(_)) {
            return Rate::decode(value, context).map(|rate| Self(vec![rate]));
        }
        let rates = Vec::<Rate>::decode(value, context)?;
        if rates.is_empty() || rates.len() > MOST_WINDOWS {
            return context.problem(format!(
                "{} rates, but there may be 1 to {MOST_WINDOWS}",
                rates.len()
            ));
        }
        let mut sound = Some(());
        for (index, rate) in rates.iter().enumerate() {
            let mut earlier = rates.iter().take(index);
            if let Some(first) = earlier.position(|other| other.period() == rate.period()) {
                sound = context.at_index(index, |context| {
                    context.problem(format!("the same period as rate[{first}]"))
                });
            }
        }
        sound.map(|()| Self(rates))
    }

    gatehouse_config::described!(|schemas| {
        let rate = schemas.of::<Rate>();
        let list = gatehouse_config::schema::value!({"type": "array", "items": rate, "minItems": 1, "maxItems": MOST_WINDOWS});
        gatehouse_config::schema::any_of([rate, list])
    });
}

impl Terms {
    /// Whether they say anything.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            rates,
            burst,
            limit,
            expires,
        } = self;
        rates.is_none() && burst.is_none() && limit.is_none() && expires.is_none()
    }

    /// These, and where they say nothing, those of the limit. A burst of the limit is not that of
    /// several rates.
    pub(crate) fn or(self, limit: &Self) -> Self {
        let several = |rates: &Rates| rates.0.len() > 1;
        let burst = match self.rates.as_ref().is_some_and(several) {
            true => self.burst,
            false => self.burst.or(limit.burst),
        };
        Self {
            rates: self.rates.or_else(|| limit.rates.clone()),
            burst,
            limit: self.limit.or(limit.limit),
            expires: self.expires.or(limit.expires),
        }
    }

    /// Reports what the algorithm has no use for.
    pub(crate) fn check(&self, counting: Counting, context: &mut Context<'_>) {
        let mut refuse = |key: &str, given: bool, problem: &str| {
            if given {
                context.at_key(key, |context| context.problem::<()>(problem));
            }
        };
        match counting {
            Counting::Concurrency => {
                let why = "concurrency has no rate: \"limit\" says how many at once";
                refuse("rate", self.rates.is_some(), why);
                refuse("burst", self.burst.is_some(), why);
            }
            Counting::Gcra | Counting::SlidingWindow | Counting::FixedWindow => {
                let why = "only with algorithm: concurrency";
                refuse("limit", self.limit.is_some(), why);
                refuse("expires", self.expires.is_some(), why);
            }
        }
        if matches!(counting, Counting::SlidingWindow | Counting::FixedWindow) {
            let why = "only with algorithm: gcra; a window admits its count at once";
            refuse("burst", self.burst.is_some(), why);
        }
    }

    /// What they come to. Problems are reported at the field beside this one.
    pub(crate) fn allowance(
        &self,
        name: &Identifier,
        counting: Counting,
        context: &mut Context<'_>,
    ) -> Option<Allowance> {
        let kind = match counting {
            Counting::Concurrency => return self.capacity(name, context),
            Counting::Gcra => None,
            Counting::FixedWindow => Some(Kind::Fixed),
            Counting::SlidingWindow => Some(Kind::Sliding),
        };
        let Some(Rates(rates)) = &self.rates else {
            return context.at_key("rate", |context| context.problem("required, but missing"));
        };
        if rates.len() > 1 && self.burst.is_some() {
            return context.at_key("burst", |context| {
                context.problem("only beside one rate; each of several has its count for a burst")
            });
        }
        let window = |rate: &Rate, context: &mut Context<'_>| {
            let algorithm = match kind {
                None => Algorithm::Gcra(quota(*rate, self.burst, context)?),
                Some(kind) => Algorithm::Window(window(kind, *rate, context)?),
            };
            let period_ns = rate.period().as_nanos();
            // A bucket is full when it is, so rates of other periods go by it too, up to a reach: see below.
            let salt = match (kind, rates.len()) {
                (None, 1) => salt(counting, 0),
                _ => salt(counting, period_ns),
            };
            Some(Metered {
                algorithm,
                salt,
                policy: policy::rate(name, rate.count(), period_ns).into(),
            })
        };
        let made: Vec<Option<Metered>> = rates.iter().map(|rate| window(rate, context)).collect();
        let mut windows = made.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
        Some(Allowance {
            first: windows.next()?,
            others: windows.collect(),
        })
    }

    fn capacity(&self, name: &Identifier, context: &mut Context<'_>) -> Option<Allowance> {
        let expires = self.expires.unwrap_or(DEFAULT_EXPIRES);
        let Some(limit) = self.limit else {
            return context.at_key("limit", |context| context.problem("required, but missing"));
        };
        if limit == 0 {
            return context.at_key("limit", |context| {
                context.problem_hint(
                    "0 lets nothing through",
                    "to refuse requests, use a rule of the auth filter",
                )
            });
        }
        let lifetime = time::Duration::from_nanos(expires.as_nanos());
        let capacity = Capacity::new(limit, lifetime).filter(|_| expires >= SHORTEST_EXPIRES);
        let Some(capacity) = capacity else {
            return context.at_key("expires", |context| {
                context.problem(format!(
                    "{expires} is not a time to count lost requests for: 1s to 106751d"
                ))
            });
        };
        Some(Allowance {
            first: Metered {
                algorithm: Algorithm::Concurrency(capacity),
                salt: salt(Counting::Concurrency, expires.as_nanos()),
                policy: policy::in_flight(name, limit).into(),
            },
            others: Box::default(),
        })
    }
}

/// How far ahead the buckets of a key may be full again, in nanoseconds, by their salt. Few: there is one
/// for each period.
#[derive(Default)]
pub(crate) struct Reaches(Vec<(u64, u64)>);

impl Reaches {
    fn of(&self, salt: u64) -> u64 {
        let mut known = self.0.iter().filter(|(known, _)| *known == salt);
        known.next().map_or(0, |(_, reach)| *reach)
    }

    fn note(&mut self, salt: u64, reach_ns: u64) {
        match self.0.iter_mut().find(|(known, _)| *known == salt) {
            Some((_, reach)) => *reach = reach_ns.max(*reach),
            None => self.0.push((salt, reach_ns)),
        }
    }
}

impl table::Windows for Allowance {
    type Window = Metered;

    fn windows(&self) -> (&Metered, &[Metered]) {
        self.windows()
    }
}

impl table::Metered for Metered {
    fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    fn salt(&self) -> u64 {
        self.salt
    }
}

impl Allowance {
    /// All its windows: the first, and the others.
    pub fn windows(&self) -> (&Metered, &[Metered]) {
        (&self.first, &self.others)
    }

    /// The same with room for debts, for costs that are known only when they have been incurred.
    pub fn with_debt(mut self) -> Self {
        for window in [&mut self.first].into_iter().chain(&mut self.others) {
            window.algorithm = window.algorithm.with_debt();
        }
        self
    }

    /// Notes how far ahead its buckets may be full again.
    pub(crate) fn note_reach(&self, reaches: &mut Reaches) {
        for window in [&self.first].into_iter().chain(&self.others) {
            if let Algorithm::Gcra(quota) = window.algorithm {
                reaches.note(window.salt, quota.reach_ns());
            }
        }
    }

    /// The same for buckets that other allowances are applied to as well, which reach so far. No bucket is
    /// that of another configuration which reaches further or less far: while a listener is drained both
    /// serve, and one would take the other's charges for a clock that was set back.
    pub(crate) fn reaching(mut self, reaches: &Reaches) -> Self {
        for window in [&mut self.first].into_iter().chain(&mut self.others) {
            if let Algorithm::Gcra(quota) = &mut window.algorithm {
                *quota = quota.reaching(reaches.of(window.salt));
                window.salt = mixed(window.salt.wrapping_add(quota.class()));
            }
        }
        self
    }

    /// The fewest in a window, and the shortest window, in nanoseconds; nothing where it has no window.
    pub fn shortest(&self) -> Option<(u64, u64)> {
        let windows = [&self.first].into_iter().chain(&self.others);
        let rates = windows.map(|window| match window.algorithm {
            Algorithm::Gcra(quota) => Some((quota.count(), quota.period_ns())),
            Algorithm::Window(window) => Some((window.count(), window.period_ns())),
            Algorithm::Concurrency(_) => None,
        });
        let least = |one: (u64, u64), other: (u64, u64)| (one.0.min(other.0), one.1.min(other.1));
        rates.flatten().reduce(least)
    }

    /// How many at once, if that is what it limits.
    pub fn capacity(&self) -> Option<gatehouse_window_counter::Capacity> {
        match self.first.algorithm {
            Algorithm::Concurrency(capacity) => Some(capacity),
            Algorithm::Gcra(_) | Algorithm::Window(_) => None,
        }
    }
}

fn quota(rate: Rate, burst: Option<u64>, context: &mut Context<'_>) -> Option<Quota> {
    let period = time::Duration::from_nanos(rate.period().as_nanos());
    let burst = burst.unwrap_or(rate.count());
    Quota::new(rate.count(), period, burst)
        .map_err(|error| {
            let key = match error {
                QuotaError::ZeroBurst | QuotaError::BurstTooLarge => "burst",
                _ => "rate",
            };
            context.at_key(key, |context| context.problem::<()>(error.to_string()))
        })
        .ok()
}

fn window(kind: Kind, rate: Rate, context: &mut Context<'_>) -> Option<Window> {
    let period = time::Duration::from_nanos(rate.period().as_nanos());
    Window::new(kind, rate.count(), period)
        .map_err(|error: WindowError| {
            context.at_key("rate", |context| context.problem::<()>(error.to_string()))
        })
        .ok()
}

/// Different for each algorithm and period.
fn salt(counting: Counting, period_ns: u64) -> u64 {
    mixed(period_ns.wrapping_mul(4).wrapping_add(counting as u64))
}

/// The finalizer of SplitMix64, which is a bijection.
fn mixed(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
