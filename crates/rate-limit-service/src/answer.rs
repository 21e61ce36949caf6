//! What an answer says.

use crate::message::{
    CODE_OK, CODE_OVER_LIMIT, DescriptorStatus, Duration, Limit, RateLimitResponse,
};
use prost::Message as _;
use std::fmt;

const SECOND_NS: u64 = 1_000_000_000;

/// An answer that can be gone by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether nothing is over its limit.
    pub is_admitted: bool,
    /// Of each descriptor, in their order; none at all where the service does not say.
    pub standings: Vec<Standing>,
}

/// What is known of one descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is over its limit.
    pub is_over: bool,
    /// Its limit and what is left of it; nothing where the service has no limit for it.
    pub limit: Option<CurrentLimit>,
    /// Nanoseconds until it is whole again; nothing where the service does not say.
    pub reset_ns: Option<u64>,
}

/// A limit as the service has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentLimit {
    /// How many in `window_s` seconds.
    pub count: u32,
    /// The seconds; nothing for a unit that has no fixed number of them, or that is not known.
    pub window_s: Option<u64>,
    /// What is left.
    pub remaining: u32,
}

/// Why an answer cannot be gone by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// It is not the message.
    Bytes,
    /// A code says neither OK nor OVER_LIMIT.
    Code(i32),
    /// It has so many statuses, and neither one for each descriptor nor none.
    Statuses(usize),
    /// It says that something is over its limit, and of each descriptor that it is not.
    Contradiction,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => f.write_str("the answer is no RateLimitResponse"),
            Self::Code(code) => write!(f, "the answer has code {code}"),
            Self::Statuses(count) => write!(f, "the answer has {count} statuses"),
            Self::Contradiction => f.write_str("the answer contradicts itself"),
        }
    }
}

impl std::error::Error for Malformed {}

/// What an answer to a question about so many descriptors says.
///
/// # Errors
/// Where it cannot be gone by.
pub fn read(bytes: &[u8], asked: usize) -> Result<Answer, Malformed> {
    let response = RateLimitResponse::decode(bytes).map_err(|_| Malformed::Bytes)?;
    let is_admitted = !is_over(response.overall_code)?;
    let statuses = response.statuses;
    if !statuses.is_empty() && statuses.len() != asked {
        return Err(Malformed::Statuses(statuses.len()));
    }
    let standings = statuses.iter().map(|status| status.read(is_admitted));
    let standings: Vec<_> = standings.collect::<Result<_, _>>()?;
    let none_is_over = !standings.is_empty() && standings.iter().all(|standing| !standing.is_over);
    if !is_admitted && none_is_over {
        return Err(Malformed::Contradiction);
    }
    Ok(Answer {
        is_admitted,
        standings,
    })
}

fn is_over(code: i32) -> Result<bool, Malformed> {
    match code {
        CODE_OK => Ok(false),
        CODE_OVER_LIMIT => Ok(true),
        code => Err(Malformed::Code(code)),
    }
}

impl DescriptorStatus {
    fn read(&self, all_admitted: bool) -> Result<Standing, Malformed> {
        let is_over = is_over(self.code)?;
        let limit = self.current_limit.map(|limit| CurrentLimit {
            count: limit.requests_per_unit,
            window_s: limit.window_s(),
            remaining: self.limit_remaining,
        });
        Ok(Standing {
            is_over: is_over && !all_admitted,
            limit,
            reset_ns: self.duration_until_reset.and_then(Duration::as_ns),
        })
    }
}

impl Limit {
    /// A month is as long as it is: envoyproxy/ratelimit has 30 days, and a year of 365.
    fn window_s(self) -> Option<u64> {
        const DAY: u64 = 86_400;
        match self.unit {
            1 => Some(1),
            2 => Some(60),
            3 => Some(3_600),
            4 => Some(DAY),
            5 => Some(30 * DAY),
            6 => Some(365 * DAY),
            7 => Some(7 * DAY),
            _ => None,
        }
    }
}

impl Duration {
    /// Nothing for one that is no duration. The longest ones are 584 years.
    fn as_ns(self) -> Option<u64> {
        let seconds = u64::try_from(self.seconds).ok()?;
        let nanos = u64::try_from(self.nanos).ok()?;
        (nanos < SECOND_NS).then(|| seconds.saturating_mul(SECOND_NS).saturating_add(nanos))
    }
}
