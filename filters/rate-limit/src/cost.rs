//! What a request costs, and what is charged when only its response says so.
//!
//! Decided here:
//!
//! 1. A cost is a whole number, 1 at least: what says 0 costs 1. More than the limit's `max` counts as
//!    `max`.
//! 2. Where the source says nothing that could be gone by (no such header, two of them, no number; no
//!    such member in the body, a body that is not JSON, is compressed, or breaks off) the cost is the
//!    limit's `default`, and a counter says why.
//! 3. A cost that only the response knows is charged in two steps. The request is admitted if there is
//!    room for 1, and takes that; what it costs beyond that is charged when it is known, whether it is
//!    there or not. What is missing is owed, and requests wait until it has come in.
//! 4. A stream that ends before it said what it costs is charged with what is known: the last number
//!    that was complete, or the `default`. Who hangs up before the number comes pays the `default`.
//! 5. A request that the filter itself refuses costs nothing more.
//! 6. A request whose cost stands in the body of its response goes on without `accept-encoding`,
//!    `range` and `if-range`: a client that chose compression, or a part, would choose to pay the
//!    `default`. In report mode it goes on as it is.
//!
//! Of a body, nothing is kept but the place in it ([`meter`]).

mod meter;
mod stats;

#[cfg(test)]
mod tests;

pub(crate) use meter::{Meter, Reading};
pub(crate) use stats::CostStats;

use crate::store::Address;
use gatehouse_host::{Headers, HostError, Only, Request};
use gatehouse_limit_config::{Allowance, Cost, Source};
use std::rc::Rc;

/// What a request still has to pay.
#[derive(Debug)]
pub(crate) struct Debt {
    /// The limit's place in the configuration.
    pub(crate) limit: usize,
    pub(crate) allowance: Rc<Allowance>,
    pub(crate) address: Address,
    /// Reads the body, once it is known that one comes that can be read.
    pub(crate) meter: Option<Meter>,
}

/// What was found out about a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bill {
    pub(crate) cost: u64,
    /// Why it is not what the source says.
    pub(crate) doubt: Option<Doubt>,
}

/// Why a cost is not what its source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The source is not there.
    Absent,
    /// It is not a number.
    Malformed,
    /// It is in a body that is compressed.
    Encoded,
    /// It is more than the most.
    Capped,
}

/// What is charged before the request goes on.
///
/// # Errors
/// Where the host does not hand over the headers.
pub(crate) fn up_front(cost: &Cost, request: &mut Request<'_>) -> Result<Bill, HostError> {
    Ok(match &cost.source {
        Source::Constant => Bill {
            cost: cost.default,
            doubt: None,
        },
        Source::RequestHeader(name) => bill(cost, header(request.headers()?, name)),
        Source::ResponseHeader(_) | Source::ResponseJson(_) => Bill {
            cost: 1,
            doubt: None,
        },
    })
}

/// What a reading of the source comes to.
pub(crate) fn bill(cost: &Cost, reading: Reading) -> Bill {
    let (amount, doubt) = match reading {
        Reading::Number(number) if number > cost.max => (cost.max, Some(Doubt::Capped)),
        Reading::Number(number) => (number.max(1), None),
        Reading::Absent => (cost.default, Some(Doubt::Absent)),
        Reading::Malformed => (cost.default, Some(Doubt::Malformed)),
        Reading::Encoded => (cost.default, Some(Doubt::Encoded)),
    };
    Bill {
        cost: amount,
        doubt,
    }
}

/// What the headers of a response say: its cost, or that it stands in the body; then with what
/// reads it.
pub(crate) fn on_response(
    cost: &Cost,
    headers: &Headers,
    has_body: bool,
) -> Result<Meter, Reading> {
    match &cost.source {
        Source::ResponseHeader(name) => Err(header(headers, name)),
        Source::ResponseJson(_) if !has_body => Err(Reading::Absent),
        Source::ResponseJson(pointer) => Meter::for_response(headers, pointer),
        Source::Constant | Source::RequestHeader(_) => Err(Reading::Absent),
    }
}

/// The number that a header is.
fn header(headers: &Headers, name: &str) -> Reading {
    match headers.only(name) {
        Only::Absent => Reading::Absent,
        Only::One(value) => number(value).map_or(Reading::Malformed, Reading::Number),
        // Which of them the other side means is anybody's guess.
        Only::Several => Reading::Malformed,
    }
}

/// Digits alone; a number that is too large counts as the largest.
fn number(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = value.iter().map(|digit| u64::from(digit - b'0'));
    Some(digits.fold(0_u64, |sum, digit| {
        sum.saturating_mul(10).saturating_add(digit)
    }))
}
