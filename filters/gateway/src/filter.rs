//! The filters that a gateway can have, made from their configuration.

use crate::chain::{Chain, Kept};
use crate::link::links;
use crate::{Config, FilterConfig};
use gatehouse_host::{ConfigureError, Host, Module};

links! {
    /// A filter of the gateway.
    pub enum Link {
        /// Who may come in.
        Auth(gatehouse_auth::Filter),
        /// How often.
        RateLimit(gatehouse_rate_limit::Filter),
        /// What requests and responses look like on the other side.
        Headers(gatehouse_headers::Filter),
    }

    /// What a filter keeps of a stream.
    pub enum LinkPending;
}

/// The configured filters.
pub type Filter = Chain<Link>;

/// What they keep of a stream.
pub type Pending = Kept<Link>;

impl Filter {
    /// The filters of a configuration.
    ///
    /// # Errors
    /// Where the proxy does not compile an expression, or refuses a metric.
    pub fn new(config: Config, host: &dyn Host) -> std::result::Result<Self, ConfigureError> {
        let link = |config| {
            Ok(match config {
                FilterConfig::Auth(config) => gatehouse_auth::Filter::new(config, host)?.into(),
                FilterConfig::RateLimit(config) => {
                    gatehouse_rate_limit::Filter::new(config, host)?.into()
                }
                FilterConfig::Headers(config) => {
                    gatehouse_headers::Filter::new(config, host)?.into()
                }
            })
        };
        let filters = config.filters.0.into_iter().map(link);
        let links = filters.collect::<std::result::Result<_, ConfigureError>>()?;
        Ok(Self::of(links))
    }
}

impl Module for Filter {
    const NAME: &'static str = "gateway";

    fn configure(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
        host: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        let config: Config = gatehouse_config::load(configuration, &environment)
            .map_err(|problems| ConfigureError::Configuration(problems.to_string()))?;
        Self::new(config, host)
    }
}
