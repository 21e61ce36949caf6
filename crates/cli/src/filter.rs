//! The filters of Gatehouse, and what the command asks of their own code.
//!
//! A new filter adds a variant, its name, and the type of its configuration in
//! [`Filter::schema`] and [`Filter::problems`].

use clap::ValueEnum;
use gatehouse_config::{Decode, Environment, Problem, load_value, schema};
use serde_json::Value;

/// One of the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Filter {
    Auth,
    #[value(alias = "rate_limit")]
    RateLimit,
    Headers,
    #[value(alias = "connection_guard")]
    ConnectionGuard,
    Gateway,
}

impl Filter {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Auth,
        Self::RateLimit,
        Self::Headers,
        Self::ConnectionGuard,
        Self::Gateway,
    ];

    /// As it is called in root ids, modules and the gateway's configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::RateLimit => "rate_limit",
            Self::Headers => "headers",
            Self::ConnectionGuard => "connection_guard",
            Self::Gateway => "gateway",
        }
    }

    /// The filter of a name, with `_` or `-`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let same = |filter: &&Self| filter.name() == name.replace('-', "_");
        Self::ALL.iter().find(same).copied()
    }

    /// Which shape its configuration has, as JSON Schema.
    pub(crate) fn schema(self) -> Value {
        fn of<T: Decode>(filter: Filter) -> Value {
            schema::document::<T>(&format!("Gatehouse: {}", filter.name()))
        }
        match self {
            Self::Auth => of::<gatehouse_auth::Config>(self),
            Self::RateLimit => of::<gatehouse_rate_limit::Config>(self),
            Self::Headers => of::<gatehouse_headers::Config>(self),
            Self::ConnectionGuard => of::<gatehouse_connection_guard::Config>(self),
            Self::Gateway => of::<gatehouse_gateway::Config>(self),
        }
    }

    /// What is wrong with a configuration, by the filter's own code.
    pub(crate) fn problems(self, value: &Value, environment: &dyn Environment) -> Vec<Problem> {
        fn of<T: Decode>(value: &Value, environment: &dyn Environment) -> Vec<Problem> {
            match load_value::<T>(value, environment) {
                Ok(_) => Vec::new(),
                Err(problems) => problems.iter().cloned().collect(),
            }
        }
        match self {
            Self::Auth => of::<gatehouse_auth::Config>(value, environment),
            Self::RateLimit => of::<gatehouse_rate_limit::Config>(value, environment),
            Self::Headers => of::<gatehouse_headers::Config>(value, environment),
            Self::ConnectionGuard => of::<gatehouse_connection_guard::Config>(value, environment),
            Self::Gateway => of::<gatehouse_gateway::Config>(value, environment),
        }
    }
}
