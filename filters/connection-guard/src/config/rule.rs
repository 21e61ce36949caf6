//! One rule.

use super::matching::{Match, Protocol, Source};
use super::{Choice, FeedConfig};
use gatehouse_config::{Context, Decode, Duration, Identifier, Value, nearest, object, one_of};

one_of! {
    /// What becomes of a connection that a rule is about.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Action {
        /// It goes on.
        Allow = "allow",
        /// It is closed.
        Deny = "deny",
        /// It is held for a while, and closed then.
        Tarpit(Tarpit) = "tarpit" or Tarpit { delay: Duration::from_secs(10) },
    }
}

/// How long a connection is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tarpit {
    pub(crate) delay: Duration,
}

object! {
    struct RawTarpit {
        delay: Duration = Duration::from_secs(10),
    }
}

const LONGEST_DELAY: Duration = Duration::from_secs(300);

impl Decode for Tarpit {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let RawTarpit { delay } = RawTarpit::decode(value, context)?;
        if delay > LONGEST_DELAY {
            return context.at_key("delay", |context| {
                context.problem(format!("is more than {LONGEST_DELAY}"))
            });
        }
        Some(Self { delay })
    }

    gatehouse_config::described!(as RawTarpit);
}

/// A name of a cluster.
struct Cluster(String);

impl Decode for Cluster {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let name = String::decode(value, context)?;
        match name.is_empty() {
            true => context.problem("cannot be empty"),
            false => Some(Self(name)),
        }
    }

    gatehouse_config::described!(text not empty);
}

object! {
    struct Raw {
        name: Identifier,
        matches as "match": Match = Match::default(),
        action: Action,
        cluster: Option<Cluster>,
    }
}

/// What becomes of which connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) name: Identifier,
    pub(crate) matches: Match,
    pub(crate) action: Action,
    pub(crate) cluster: Option<String>,
}

impl Decode for Rule {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        if raw.cluster.is_some() && raw.action != Action::Allow {
            return context.at_key("cluster", |context| {
                context.problem("only with action: allow, since no other connection goes anywhere")
            });
        }
        Some(Self {
            name: raw.name,
            matches: raw.matches,
            action: raw.action,
            cluster: raw.cluster.map(|Cluster(name)| name),
        })
    }

    gatehouse_config::described!(as Raw);
}

impl Rule {
    /// Whether it asks for what is not known of a new connection.
    pub(crate) fn needs_data(&self) -> bool {
        self.matches.needs_data()
    }
}

/// What rules say of one another and of the rest. Finds the feeds that they name.
pub(super) fn check(
    rules: &mut [Rule],
    default: Choice,
    feeds: &[(Identifier, FeedConfig)],
    server_speaks_first: bool,
    context: &mut Context<'_>,
) {
    if default == Choice::Allow
        && rules.iter().all(|rule| rule.action == Action::Allow)
        && !rules.is_empty()
    {
        // Rules may only be there for their clusters.
        if rules.iter().all(|rule| rule.cluster.is_none()) {
            context.at_key("default", |context| {
                context.problem_hint::<()>(
                    "allows what the rules allow anyway, so that they decide nothing",
                    "did you mean \"deny\"?",
                )
            });
        }
    }
    let names: Vec<Identifier> = rules.iter().map(|rule| rule.name.clone()).collect();
    let mut everything = None;
    for (index, rule) in rules.iter_mut().enumerate() {
        context.at_key("rules", |context| {
            context.at_index(index, |context| {
                let earlier = names.iter().take(index);
                if let Some(first) = earlier.into_iter().position(|name| *name == rule.name) {
                    let problem = format!("\"{}\" is the name of rules[{first}]", rule.name);
                    context.at_key("name", |context| context.problem::<()>(problem));
                }
                match everything {
                    Some(first) => {
                        let problem = format!("never applies: rules[{first}] is about every connection");
                        context.problem::<()>(problem);
                    }
                    None if rule.matches.is_everything() => everything = Some(index),
                    None => {}
                }
                context.at_key("match", |context| {
                    find_feeds(&mut rule.matches, feeds, context);
                    let mysql = rule.matches.protocol.iter();
                    let mysql = mysql.flatten().any(|protocol| *protocol == Protocol::Mysql);
                    if mysql && !server_speaks_first {
                        context.at_key("protocol", |context| {
                            context.problem_hint::<()>(
                                "mysql is known by what the server says, which nobody hears while a connection waits for its client",
                                "set server_speaks_first: true",
                            )
                        });
                    }
                });
                if server_speaks_first && rule.needs_data() && rule.cluster.is_some() {
                    context.at_key("cluster", |context| {
                        context.problem_hint::<()>(
                            "with server_speaks_first the upstream is connected before this match is decided",
                            "match on source or destination_port alone, or leave cluster out",
                        )
                    });
                }
            });
        });
    }
}

fn find_feeds(matches: &mut Match, feeds: &[(Identifier, FeedConfig)], context: &mut Context<'_>) {
    for (index, source) in matches.source.iter_mut().flatten().enumerate() {
        let Source::Feed { name, place } = source else {
            continue;
        };
        if let Some(found) = feeds.iter().position(|(known, _)| **known == **name) {
            *place = found;
            continue;
        }
        context.at_key("source", |context| {
            context.at_index(index, |context| {
                context.at_key("feed", |context| {
                    let known = feeds.iter().map(|(known, _)| &**known);
                    let problem = format!("no feed named \"{name}\"");
                    match nearest(name, known.clone()) {
                        None if feeds.is_empty() => context
                            .problem_hint::<()>(problem, "there are none: write it under feeds"),
                        _ => context.unknown::<()>(problem, name, known),
                    }
                })
            })
        });
    }
}
