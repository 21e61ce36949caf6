//! Which filters, in which order.

use gatehouse_config::{Context, Decode, NonEmpty, Value, object, one_of};

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
    struct Raw {
        filters: NonEmpty<FilterConfig>,
    }
}

/// The configuration of the gateway.
pub struct Config {
    /// The filters in the order in which they see a request. A filter may stand here more than
    /// once.
    pub filters: NonEmpty<FilterConfig>,
}

impl Decode for Config {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let Raw { filters } = Raw::decode(value, context)?;
        unique_limits(&filters.0, context)?;
        Some(Self { filters })
    }

    gatehouse_config::described!(as Raw);
}

/// The limits of all `rate_limit` filters here are in one table, by their names: two of one name would
/// charge one bucket twice.
fn unique_limits(filters: &[FilterConfig], context: &mut Context<'_>) -> Option<()> {
    let mut sound = Some(());
    let mut known: Vec<(usize, &str)> = Vec::new();
    for (filter, config) in filters.iter().enumerate() {
        let FilterConfig::RateLimit(config) = config else {
            continue;
        };
        for (limit, name) in config.limit_names().enumerate() {
            let Some((first, _)) = known.iter().find(|(_, other)| *other == name) else {
                known.push((filter, name));
                continue;
            };
            let message = format!("{name:?} is the name of a limit in filters[{first}]");
            sound = at_limit_name(filter, limit, context, |context| context.problem(message));
        }
    }
    sound
}

fn at_limit_name<T>(
    filter: usize,
    limit: usize,
    context: &mut Context<'_>,
    work: impl FnOnce(&mut Context<'_>) -> T,
) -> T {
    context.at_key("filters", |context| {
        context.at_index(filter, |context| {
            context.at_key("rate_limit", |context| {
                context.at_key("limits", |context| {
                    context.at_index(limit, |context| context.at_key("name", work))
                })
            })
        })
    })
}
