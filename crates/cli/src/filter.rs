//! What the command asks of the filters' own code.
//!
//! A new filter adds the type of its configuration in [`OwnCode::schema`] and [`OwnCode::problems`].

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use gatehouse_config::{Decode, Environment, Problem, load_value, schema};
use gatehouse_plugins::Filter;
use serde_json::Value;

/// A filter's name on the command line: with `-`, as options are, or with `_`, as it is in configurations.
pub(crate) fn parser() -> impl TypedValueParser<Value = Filter> {
    let names = Filter::ALL.iter().map(|filter| {
        let name = match filter {
            Filter::RateLimit => "rate-limit",
            Filter::ConnectionGuard => "connection-guard",
            other => other.name(),
        };
        PossibleValue::new(name).alias(filter.name())
    });
    PossibleValuesParser::new(names).try_map(|name| Filter::named(&name).ok_or("no filter"))
}

/// What a filter's own code knows of its configuration.
pub(crate) trait OwnCode {
    /// Which shape it has, as JSON Schema.
    fn schema(self) -> Value;

    /// What is wrong with one.
    fn problems(self, value: &Value, environment: &dyn Environment) -> Vec<Problem>;
}

impl OwnCode for Filter {
    fn schema(self) -> Value {
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

    fn problems(self, value: &Value, environment: &dyn Environment) -> Vec<Problem> {
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
