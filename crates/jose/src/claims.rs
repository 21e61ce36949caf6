//! The claims that decide whether a token holds (RFC 7519, section 4.1).
//!
//! In this order:
//!
//! 1. `iss`, `sub`, `jti` are strings, `aud` is a string or an array of strings, `exp`, `nbf`, `iat`
//!    are numbers that are not negative; wherever they are present, configured or not;
//! 2. `iss` is the configured issuer, and present, if one is configured;
//! 3. `aud` has one of the configured audiences, and is present, if any are configured;
//! 4. now is before `exp` plus the skew; `exp` must be present unless that is waived;
//! 5. now plus the skew is not before `nbf`, and not before `iat`.
//!
//! Texts are compared exactly, without normalisation (section 2, StringOrURI). If no audience is
//! configured a token for anybody is accepted; the RFC would have a token that names others refused.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// What is expected of claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRules {
    /// The `iss` that a token must have. `None`: any, or none.
    pub issuer: Option<String>,
    /// A token must be for one of these (`aud`). Empty: for anybody.
    pub audiences: Vec<String>,
    /// How far the issuer's clock may differ from ours.
    pub clock_skew: Duration,
    /// Whether a token without `exp`, which is valid forever, is refused.
    pub require_exp: bool,
}

/// Any issuer and audience, no skew, and `exp` required.
impl Default for ClaimRules {
    fn default() -> Self {
        Self {
            issuer: None,
            audiences: Vec::new(),
            clock_skew: Duration::ZERO,
            require_exp: true,
        }
    }
}

/// Why claims were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimError {
    /// A registered claim has a value that it can't have.
    Malformed(&'static str),
    /// A claim that must be there is not.
    Missing(&'static str),
    /// `iss` is somebody else.
    IssuerMismatch,
    /// `aud` has none of the configured audiences.
    AudienceMismatch,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// `iat` has not come.
    IssuedInFuture,
}

/// Holds verified claims against `rules` at `now_ns` (nanoseconds since the epoch), by the rules of
/// this module's documentation.
pub fn validate(
    claims: &Map<String, Value>,
    rules: &ClaimRules,
    now_ns: u64,
) -> Result<(), ClaimError> {
    let issuer = string(claims, "iss")?;
    string(claims, "sub")?;
    string(claims, "jti")?;
    let audiences = audiences(claims)?;
    let expiry = expiry_ns(claims)?;
    let not_before = date_ns(claims, "nbf")?;
    let issued_at = date_ns(claims, "iat")?;

    if let Some(expected) = &rules.issuer {
        let issuer = issuer.ok_or(ClaimError::Missing("iss"))?;
        if issuer != expected {
            return Err(ClaimError::IssuerMismatch);
        }
    }
    if !rules.audiences.is_empty() {
        let audiences = audiences.ok_or(ClaimError::Missing("aud"))?;
        let ours = |audience: &&str| rules.audiences.iter().any(|ours| ours == audience);
        if !audiences.iter().any(ours) {
            return Err(ClaimError::AudienceMismatch);
        }
    }
    let skew_ns = u64::try_from(rules.clock_skew.as_nanos()).unwrap_or(u64::MAX);
    match expiry {
        None if rules.require_exp => return Err(ClaimError::Missing("exp")),
        Some(expiry) if now_ns >= expiry.saturating_add(skew_ns) => {
            return Err(ClaimError::Expired);
        }
        _ => {}
    }
    let latest = now_ns.saturating_add(skew_ns);
    if not_before.is_some_and(|not_before| not_before > latest) {
        return Err(ClaimError::NotYetValid);
    }
    if issued_at.is_some_and(|issued_at| issued_at > latest) {
        return Err(ClaimError::IssuedInFuture);
    }
    Ok(())
}

/// `exp` in nanoseconds since the epoch, without skew: how long a verified token may be remembered.
/// `None` if there is none.
pub fn expiry_ns(claims: &Map<String, Value>) -> Result<Option<u64>, ClaimError> {
    date_ns(claims, "exp")
}

fn string<'c>(
    claims: &'c Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'c str>, ClaimError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ClaimError::Malformed(name)),
    }
}

fn audiences(claims: &Map<String, Value>) -> Result<Option<Vec<&str>>, ClaimError> {
    match claims.get("aud") {
        None => Ok(None),
        Some(Value::String(audience)) => Ok(Some(vec![audience])),
        Some(Value::Array(audiences)) => audiences
            .iter()
            .map(Value::as_str)
            .collect::<Option<Vec<_>>>()
            .map(Some)
            .ok_or(ClaimError::Malformed("aud")),
        Some(_) => Err(ClaimError::Malformed("aud")),
    }
}

/// A NumericDate (section 2): seconds since the epoch, possibly with a fraction. What lies beyond
/// `u64` nanoseconds, the year 2554, is taken for that.
fn date_ns(claims: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, ClaimError> {
    const SECOND: u64 = 1_000_000_000;
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let Value::Number(number) = value else {
        return Err(ClaimError::Malformed(name));
    };
    if let Some(seconds) = number.as_u64() {
        return Ok(Some(seconds.saturating_mul(SECOND)));
    }
    // Errors for what is negative or not finite, and for what is too large for a Duration.
    let seconds = number.as_f64().ok_or(ClaimError::Malformed(name))?;
    if !seconds.is_finite() || seconds < 0.0 {
        return Err(ClaimError::Malformed(name));
    }
    let nanoseconds =
        Duration::try_from_secs_f64(seconds).map_or(u128::MAX, |date| date.as_nanos());
    Ok(Some(u64::try_from(nanoseconds).unwrap_or(u64::MAX)))
}

impl ClaimError {
    /// A stable name for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "claim_malformed",
            Self::Missing(_) => "claim_missing",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::AudienceMismatch => "audience_mismatch",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
        }
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(claim) => write!(f, "the claim {claim} is malformed"),
            Self::Missing(claim) => write!(f, "the claim {claim} is missing"),
            Self::IssuerMismatch => f.write_str("the token is from another issuer (iss)"),
            Self::AudienceMismatch => f.write_str("the token is for another audience (aud)"),
            Self::Expired => f.write_str("the token has expired (exp)"),
            Self::NotYetValid => f.write_str("the token is not valid yet (nbf)"),
            Self::IssuedInFuture => f.write_str("the token was issued in the future (iat)"),
        }
    }
}

impl std::error::Error for ClaimError {}
