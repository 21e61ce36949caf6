//! The service of global limits: says that everything is within its limit, of which a billion are left for a minute.

use gatehouse_integration::{RateLimitServer, Reply};
use gatehouse_rate_limit_service::{CODE_OK, DescriptorStatus, Duration, Limit, RateLimitResponse};

/// Starts it on a free port.
pub(crate) fn start() -> RateLimitServer {
    RateLimitServer::start(|question| {
        let status = DescriptorStatus {
            code: CODE_OK,
            current_limit: Some(Limit {
                requests_per_unit: 1_000_000_000,
                unit: 2,
            }),
            limit_remaining: 1_000_000_000,
            duration_until_reset: Some(Duration {
                seconds: 60,
                nanos: 0,
            }),
        };
        Reply::Answer(RateLimitResponse {
            overall_code: CODE_OK,
            statuses: vec![status; question.descriptors.len()],
        })
    })
}
