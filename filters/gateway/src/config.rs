//! Which filters, in which order.

use gatehouse_config::{NonEmpty, object, one_of};

one_of! {
    /// One filter with its configuration.
    pub enum FilterConfig {
        /// Who may come in.
        Auth(gatehouse_auth::Config) = "auth",
        /// How often.
        RateLimit(gatehouse_rate_limit::Config) = "rate_limit",
        /// What requests and responses look like on the other side.
        Headers(gatehouse_headers::Config) = "headers",
    }
}

object! {
    /// The configuration of the gateway.
    pub struct Config {
        /// The filters in the order in which they see a request. A filter may stand here more than
        /// once.
        pub filters: NonEmpty<FilterConfig>,
    }
}
