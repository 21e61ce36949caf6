//! The configuration, and what must hold between its parts.

use crate::credential::{Location, Strip};
use crate::identity::ClaimHeader;
use crate::provider::{Provider, ProviderConfig};
use crate::rule::{Access, Rule};
use crate::spelling;
use gatehouse_config::{
    Context, Decode, Entries, HeaderName, Identifier, NonEmpty, Problems, Value, keywords, object,
};
use gatehouse_denial::DenialShape;
use gatehouse_host::{ConfigureError, Expressions};
use gatehouse_request_match::Index;

keywords! {
    /// What becomes of denials.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Mode {
        /// They are answered.
        Enforce = "enforce",
        /// They are counted, and the request goes on unchanged.
        Report = "report",
    }
}

keywords! {
    /// Who gets to know the consumer.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub(crate) enum Told {
        /// The filters of this module.
        Filters = "filters",
        /// Access logs too.
        Logs = "logs",
        /// Later modules too.
        #[default]
        Modules = "modules",
    }
}

object! {
    /// What the upstream gets to know.
    #[derive(Default)]
    struct RawForward {
        consumer_header: Option<HeaderName>,
        claim_headers: Vec<ClaimHeader> = Vec::new(),
        strip_credentials: bool = true,
        identity: Told = Told::Modules,
    }
}

/// What the upstream gets to know.
pub(crate) struct Forward {
    pub(crate) consumer_header: Option<HeaderName>,
    pub(crate) claim_headers: Vec<ClaimHeader>,
    /// What providers set themselves.
    pub(crate) from_services: Vec<HeaderName>,
    pub(crate) strip: Strip,
    pub(crate) identity: Told,
}

/// The configuration of the filter. It cannot be built but by decoding, and holds only what has
/// been checked.
pub struct Config {
    pub(crate) mode: Mode,
    pub(crate) trusted_hops: u32,
    pub(crate) denial: DenialShape,
    pub(crate) providers: Vec<Provider>,
    pub(crate) rules: Vec<Rule>,
    /// Of `rules`.
    pub(crate) index: Index,
    pub(crate) forward: Forward,
}

const FIELDS: &[&str] = &[
    "mode",
    "trusted_hops",
    "denial",
    "providers",
    "rules",
    "forward",
];

impl Decode for Config {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let fields = context.object(value, FIELDS)?;
        let mode = fields.field_or("mode", || Mode::Enforce, context);
        let trusted_hops = fields.field_or("trusted_hops", || 0, context);
        let denial = fields.field_or("denial", DenialShape::default, context);
        let providers: Option<Entries<Identifier, ProviderConfig>> =
            fields.field_or("providers", Entries::default, context);
        // Names of providers that have problems of their own are known names all the same.
        let names: Vec<&str> = match value.get("providers") {
            Some(Value::Object(providers)) => providers.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let rules: Option<NonEmpty<Value>> = fields.field("rules", context);
        let rules = rules.and_then(|rules| {
            context.at_key("rules", |context| decode_rules(&rules.0, &names, context))
        });
        let forward: Option<RawForward> = fields.field_or("forward", default_forward, context);
        let providers = providers.and_then(|providers| check_places(providers.0, context));
        let (providers, forward) = (providers?, forward?);
        check_forward(&forward, &providers, context)?;
        let strip = match forward.strip_credentials {
            true => Strip::new(
                providers
                    .iter()
                    .flat_map(|(_, provider)| provider.stripped()),
            ),
            false => Strip::default(),
        };
        let mut from_services: Vec<HeaderName> = Vec::new();
        for header in providers.iter().flat_map(|(_, provider)| provider.sets()) {
            if !from_services.contains(header) {
                from_services.push(header.clone());
            }
        }
        let claim_headers = forward.claim_headers;
        let ready = |(name, config)| Provider::new(name, config, &claim_headers);
        let rules = rules?;
        Some(Self {
            mode: mode?,
            trusted_hops: trusted_hops?,
            denial: denial?,
            providers: providers.into_iter().map(ready).collect(),
            index: Index::new(rules.iter().map(|rule| rule.matching.as_ref())),
            rules,
            forward: Forward {
                identity: forward.identity,
                consumer_header: forward.consumer_header,
                claim_headers,
                from_services,
                strip,
            },
        })
    }

    gatehouse_config::described!(|schemas| schemas.object(|fields| {
        fields.optional::<Mode>("mode");
        fields.optional::<u32>("trusted_hops");
        fields.optional::<DenialShape>("denial");
        fields.optional::<Entries<Identifier, ProviderConfig>>("providers");
        let rule = Rule::schema(fields.schemas());
        fields.require("rules", gatehouse_config::schema::non_empty_list(rule));
        fields.optional::<RawForward>("forward");
    }));
}

impl Config {
    /// Has the proxy compile the expressions of the rules.
    pub(crate) fn compile(&mut self, host: &dyn Expressions) -> Result<(), ConfigureError> {
        let mut problems = Vec::new();
        for rule in &mut self.rules {
            if let Some(matching) = &mut rule.matching {
                problems.extend(matching.compile(host)?);
            }
            if let Access::Require(requirement) = &mut rule.access {
                problems.extend(requirement.authorize.compile(host)?);
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        let problems = Problems::from(problems).to_string();
        Err(ConfigureError::Configuration(problems))
    }
}

fn default_forward() -> RawForward {
    RawForward {
        strip_credentials: true,
        ..RawForward::default()
    }
}

fn decode_rules(values: &[Value], names: &[&str], context: &mut Context<'_>) -> Option<Vec<Rule>> {
    let everything = values
        .iter()
        .position(|rule| rule.is_object() && rule.get("match").is_none());
    let rules: Vec<Option<Rule>> = values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            context.at_index(index, |context| {
                let rule = Rule::decode(value, names, context);
                match everything.filter(|everything| *everything < index) {
                    Some(first) => context.problem_hint(
                        format!("is never reached: rules[{first}] is about every request"),
                        "move it up, or give the other a match",
                    ),
                    None => rule,
                }
            })
        })
        .collect();
    rules.into_iter().collect()
}

type Configured = Vec<(Identifier, ProviderConfig)>;

/// Two places of one provider at which one value could stand would make every credential there two.
fn check_places(providers: Configured, context: &mut Context<'_>) -> Option<Configured> {
    let before = context.problem_count();
    for (name, provider) in &providers {
        let places = provider.from();
        for (index, place) in places.iter().enumerate() {
            let earlier = places
                .iter()
                .take(index)
                .position(|other| other.overlaps(place));
            if let Some(earlier) = earlier {
                context.at_key("providers", |context| {
                    context.at_key(name, |context| {
                        context.at_key(provider.kind(), |context| {
                            context.at_key("from", |context| {
                                context.at_index(index, |context| {
                                    context.problem::<()>(format!(
                                        "the {place} is looked at by from[{earlier}] already"
                                    ))
                                })
                            })
                        })
                    })
                });
            }
        }
    }
    (context.problem_count() == before).then_some(providers)
}

/// Headers that have a meaning of their own, between proxies or to Envoy.
pub(crate) const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn check_forward(
    forward: &RawForward,
    providers: &Configured,
    context: &mut Context<'_>,
) -> Option<()> {
    let before = context.problem_count();
    context.at_key("forward", |context| {
        let mut taken: Vec<(String, &HeaderName)> = Vec::new();
        if let Some(header) = &forward.consumer_header {
            context.at_key("consumer_header", |context| {
                check_identity_header(header, &taken, providers, context);
            });
            taken.push(("consumer_header".to_owned(), header));
        }
        context.at_key("claim_headers", |context| {
            for (index, ClaimHeader { header, .. }) in forward.claim_headers.iter().enumerate() {
                context.at_index(index, |context| {
                    context.at_key("header", |context| {
                        check_identity_header(header, &taken, providers, context);
                    });
                });
                taken.push((format!("claim_headers[{index}]"), header));
            }
        });
    });
    check_services(forward, providers, context);
    (context.problem_count() == before).then_some(())
}

/// An identity header that a provider sets too would have two values; one that it sends elsewhere is
/// the client's own.
fn check_services(forward: &RawForward, providers: &Configured, context: &mut Context<'_>) {
    let claims = forward.claim_headers.iter().map(|claim| &claim.header);
    let identity: Vec<&HeaderName> = forward.consumer_header.iter().chain(claims).collect();
    let is_identity = |header: &HeaderName| {
        let same = |other: &&HeaderName| spelling::is_same(other.as_bytes(), header.as_bytes());
        identity.iter().any(same)
    };
    for (name, provider) in providers {
        let lists = [
            (
                "to_upstream",
                provider.sets(),
                "is an identity header, which forward writes too",
            ),
            (
                "send",
                provider.sends(),
                "is an identity header: what a client sends there is not to be believed",
            ),
        ];
        for (list, headers, message) in lists {
            for (index, header) in headers.iter().enumerate() {
                if is_identity(header) {
                    let keys = ["providers", name, provider.kind(), "headers", list];
                    at_keys(context, &keys, &mut |context| {
                        context.at_index(index, |context| {
                            context.problem::<()>(format!("{header} {message}"))
                        });
                    });
                }
            }
        }
    }
}

fn at_keys(context: &mut Context<'_>, keys: &[&str], work: &mut dyn FnMut(&mut Context<'_>)) {
    match keys.split_first() {
        None => work(context),
        Some((key, keys)) => context.at_key(key, |context| at_keys(context, keys, work)),
    }
}

fn check_identity_header(
    header: &HeaderName,
    taken: &[(String, &HeaderName)],
    providers: &Configured,
    context: &mut Context<'_>,
) {
    if RESERVED.contains(&header.as_str()) {
        context.problem::<()>(format!("{header} cannot carry an identity"));
    }
    // Writing the one would remove the other.
    let same = |other: &HeaderName| spelling::is_same(other.as_bytes(), header.as_bytes());
    if let Some((other, name)) = taken.iter().find(|(_, name)| same(name)) {
        context.problem::<()>(format!("{other} writes {name} too"));
    }
    let holder = providers.iter().find(|(_, provider)| {
        let holds = |place: &Location| matches!(place, Location::Header { name, .. } if same(name));
        provider.stripped().iter().any(holds)
    });
    if let Some((name, _)) = holder {
        context.problem::<()>(format!(
            "{header} is where provider \"{name}\" looks for its credential"
        ));
    }
}
