//! How many, how often.

use std::fmt;
use std::time::Duration;

/// `count` requests per period, `burst` of them at one instant. Only exists if [`decide`] can
/// work with it exactly as the crate's documentation says.
///
/// [`decide`]: crate::decide
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    count: u64,
    period_ns: u64,
    burst: u64,
    interval_ns: u64,
    refill_ns: u64,
    debt_ns: u64,
    reach_ns: u64,
}

/// What a bucket may owe at most is what its rate gives in so long, or in its period where that is
/// longer: one hour, in nanoseconds.
const DEBT_NS: u64 = 3_600_000_000_000;

/// What reaches so differ by in which quotas may go by one bucket: some half a second, 2²⁹ ns, which is less
/// than the [tolerance](crate::CLOCK_TOLERANCE_NS) of the clock.
const CLASS_BITS: u32 = 29;

/// Why there is no such quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuotaError {
    /// `count` is 0.
    ZeroCount,
    /// The period is 0.
    ZeroPeriod,
    /// `burst` is 0: nothing would ever be admitted.
    ZeroBurst,
    /// The period is longer than `u64` nanoseconds, 584 years.
    PeriodTooLong,
    /// More than one request per nanosecond.
    RateTooHigh,
    /// An empty bucket would take more than `u64` nanoseconds, 584 years, to refill.
    BurstTooLarge,
}

impl Quota {
    /// `count` requests per `period`, and a bucket that holds `burst`: the most that is admitted at
    /// one instant.
    pub fn new(count: u64, period: Duration, burst: u64) -> Result<Self, QuotaError> {
        if count == 0 {
            return Err(QuotaError::ZeroCount);
        }
        if period.is_zero() {
            return Err(QuotaError::ZeroPeriod);
        }
        if burst == 0 {
            return Err(QuotaError::ZeroBurst);
        }
        let period_ns = u64::try_from(period.as_nanos()).map_err(|_| QuotaError::PeriodTooLong)?;
        if count > period_ns {
            return Err(QuotaError::RateTooHigh);
        }
        let interval_ns = period_ns.div_ceil(count);
        let refill_ns = interval_ns
            .checked_mul(burst)
            .ok_or(QuotaError::BurstTooLarge)?;
        Ok(Self {
            count,
            period_ns,
            burst,
            interval_ns,
            refill_ns,
            debt_ns: 0,
            reach_ns: refill_ns,
        })
    }

    /// The same with room for debts, for who charges with [`owe`] after the fact: at most what the
    /// rate gives in an hour, or in one period where that is longer. What a charge goes beyond it is
    /// forgiven, so no single cost shuts a key out for years.
    ///
    /// [`owe`]: crate::owe
    #[must_use]
    pub fn with_debt(self) -> Self {
        let debt_ns = self.period_ns.max(DEBT_NS);
        Self {
            debt_ns,
            reach_ns: self.reach_ns.max(self.refill_ns.saturating_add(debt_ns)),
            ..self
        }
    }

    /// The same for a bucket that another quota is applied to as well, whose [reach](Self::reach_ns) this
    /// is: how full that left the bucket is then no sign that the clock was set back.
    #[must_use]
    pub fn reaching(self, reach_ns: u64) -> Self {
        Self {
            reach_ns: self.reach_ns.max(reach_ns),
            ..self
        }
    }

    /// How far ahead of now a bucket may be full again, by this quota or another one that it shares the
    /// bucket with, in nanoseconds.
    pub fn reach_ns(&self) -> u64 {
        self.reach_ns
    }

    /// Quotas of one class may go by one bucket, at one time or one after the other: neither takes what the
    /// other one charged for the sign of a clock that was set back, which would make the other's bucket
    /// anything from empty to full again. All quotas whose buckets are empty for the same time are of one
    /// class, as are those of a [reach](Self::reaching) that is the same to half a second. Who keeps a
    /// bucket where another configuration may find it has the class in its name.
    pub fn class(&self) -> u64 {
        self.reach_ns >> CLASS_BITS
    }

    /// Requests per period, as configured.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The period in nanoseconds, as configured.
    pub fn period_ns(&self) -> u64 {
        self.period_ns
    }

    /// The most that is admitted at one instant; a request that costs more never is.
    pub fn burst(&self) -> u64 {
        self.burst
    }

    /// Nanoseconds in which one request's worth is refilled: period / count, rounded up. Not 0.
    pub fn interval_ns(&self) -> u64 {
        self.interval_ns
    }

    /// Nanoseconds in which an empty bucket becomes full.
    pub fn refill_ns(&self) -> u64 {
        self.refill_ns
    }

    /// How far ahead of now a bucket in all the debt there may be is full again.
    pub(crate) fn deepest_ns(&self) -> u64 {
        self.refill_ns.saturating_add(self.debt_ns)
    }
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroCount => "the rate must admit at least one request per period",
            Self::ZeroPeriod => "the period of a rate must not be zero",
            Self::ZeroBurst => "the burst must be at least 1",
            Self::PeriodTooLong => "the period of a rate must not exceed 584 years",
            Self::RateTooHigh => "the rate must not exceed one request per nanosecond",
            Self::BurstTooLarge => {
                "the burst is too large for the rate: it would take more than 584 years to refill"
            }
        })
    }
}

impl std::error::Error for QuotaError {}
