//! Envoy's `envoy.service.ratelimit.v3.RateLimitService`: the question, and what an answer says.
//!
//! The messages are written by hand, with the fields that are needed; what else an answer has is
//! skipped. An answer is believed in this order:
//!
//! 1. It is the message, and `overall_code` is OK or OVER_LIMIT. UNKNOWN, which is also what an empty
//!    answer says, and codes that are not defined are no answer.
//! 2. It has a status for each descriptor, or none at all: envoyproxy/ratelimit sends one each,
//!    Limitador none. Any other number is no answer, nor is a status with a code that is unknown.
//! 3. Where `overall_code` is OVER_LIMIT and there are statuses, one of them says OVER_LIMIT too.
//!    Where it is OK, nothing is over, whatever the statuses say: that is envoyproxy/ratelimit in
//!    shadow mode.
//! 4. What a status says is left counts only beside the limit that it is left of: of a descriptor
//!    that has no limit envoyproxy/ratelimit says that nothing is left.
//!
//! ```
//! use gatehouse_rate_limit_service::{Descriptor, Malformed, read, request};
//!
//! let descriptor = Descriptor::new([("limit", "per-tenant"), ("header.x-tenant", "acme")], 1);
//! let question = request("gatehouse", vec![descriptor]);
//! assert!(!question.is_empty());
//! // overall_code: OK
//! assert!(read(&[0x08, 0x01], 1).unwrap().is_admitted);
//! assert_eq!(read(&[], 1), Err(Malformed::Code(0)));
//! ```

mod answer;
mod message;

#[cfg(test)]
mod tests;

pub use answer::{Answer, CurrentLimit, Malformed, Standing, read};
pub use message::{
    CODE_OK, CODE_OVER_LIMIT, Descriptor, DescriptorStatus, Duration, Entry, Limit,
    RateLimitRequest, RateLimitResponse, UInt64Value,
};

/// The service, as gRPC names it.
pub const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";

/// Its method.
pub const METHOD: &str = "ShouldRateLimit";

/// The bytes of a question about these descriptors. What they cost stands with each of them, and
/// once for all: the most, for services that don't know a cost of each (Limitador).
pub fn request(domain: &str, descriptors: Vec<Descriptor>) -> Vec<u8> {
    let costs = descriptors.iter().map(Descriptor::cost);
    let most = costs.clone().max().unwrap_or(1);
    let differ = costs.min().is_some_and(|least| least != most);
    let mut descriptors = descriptors;
    if !differ && u32::try_from(most).is_ok() {
        // Said once for all it says the same, also to services that refuse what they don't know.
        for descriptor in &mut descriptors {
            descriptor.hits_addend = None;
        }
    }
    let request = RateLimitRequest {
        domain: domain.to_owned(),
        descriptors,
        hits_addend: u32::try_from(most).unwrap_or(u32::MAX),
    };
    prost::Message::encode_to_vec(&request)
}
