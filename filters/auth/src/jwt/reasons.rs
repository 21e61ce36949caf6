//! Why a token is not good, by what was found wrong with it.

use crate::reason::Reason;
use gatehouse_jose::{ClaimError, JwsError};

pub(super) fn reason_of_jws(error: &JwsError) -> Reason {
    match error {
        JwsError::TooLong => Reason::TokenTooLong,
        JwsError::MissingAlgorithm | JwsError::UnsupportedAlgorithm => Reason::TokenAlgorithm,
        JwsError::CriticalExtension | JwsError::UnencodedPayload | JwsError::Nested => {
            Reason::TokenExtension
        }
        _ => Reason::TokenMalformed,
    }
}

pub(crate) fn reason_of_claim(error: ClaimError) -> Reason {
    match error {
        ClaimError::Missing(_) => Reason::ClaimMissing,
        ClaimError::IssuerMismatch => Reason::TokenIssuer,
        ClaimError::AudienceMismatch => Reason::TokenAudience,
        ClaimError::Expired => Reason::TokenExpired,
        ClaimError::NotYetValid => Reason::TokenNotYetValid,
        ClaimError::IssuedInFuture => Reason::TokenIssuedInFuture,
        _ => Reason::ClaimMalformed,
    }
}
