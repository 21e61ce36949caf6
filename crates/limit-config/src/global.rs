//! A store that several Envoys share: a service that Envoy's own filter would ask.

use crate::{Limit, Part, Slots};
use gatehouse_config::{Context, Decode, Duration, Value, keywords, object};

/// What Envoy's filter has is 20 ms; a service with a store behind it, on a busy machine, takes longer.
const TIMEOUT: std::time::Duration = std::time::Duration::from_millis(50);

/// A request waits for it. No client waits longer for an answer about its rate.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What `hits_addend` of a question has room for.
const LARGEST_SHARE: u64 = u32::MAX as u64;

keywords! {
    /// What holds where the service does not say.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum OnServiceError {
        /// The request is refused.
        Deny = "deny",
        /// The limit lets the request through.
        Allow = "allow",
        /// The limit's own rate, in this Envoy.
        Local = "local",
    }
}

object! {
    struct Raw {
        cluster: String,
        domain: String,
        timeout: Option<Duration>,
        on_error: OnServiceError = OnServiceError::Deny,
        lease: Option<Share>,
        slots: Slots = Slots::default(),
    }
}

/// The service, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    /// The name of a cluster of Envoy's.
    pub cluster: String,
    /// Which of the service's sets of limits.
    pub domain: String,
    /// How long a request waits for an answer.
    pub timeout: std::time::Duration,
    /// What holds without one.
    pub on_error: OnServiceError,
    /// How much is asked for at once; nothing for what each request costs.
    pub lease: Option<Share>,
    /// Of the table of leases, and of the table that `on_error: local` goes by.
    pub slots: Slots,
}

/// How much of a quota is asked for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// So many of a hundred.
    Percent(u64),
    /// So many.
    Count(u64),
}

impl Share {
    /// Of a quota of so many: one at least, since less is no question.
    pub fn of(self, quota: u64) -> u64 {
        match self {
            Self::Percent(percent) => {
                let share = u128::from(quota) * u128::from(percent) / 100;
                u64::try_from(share).unwrap_or(u64::MAX)
            }
            Self::Count(count) => count.min(quota),
        }
        .clamp(1, LARGEST_SHARE)
    }
}

impl Decode for Share {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let share = match value {
            Value::Number(number) => match number.as_u64() {
                Some(count @ 1..=LARGEST_SHARE) => Some(Self::Count(count)),
                _ => None,
            },
            Value::String(text) => text
                .strip_suffix('%')
                .and_then(|percent| percent.parse().ok())
                .filter(|percent| (1..=100).contains(percent))
                .map(Self::Percent),
            _ => None,
        };
        share.or_else(|| {
            context.problem_hint(
                format!("{value} is not a share of a rate"),
                "write a percentage such as \"10%\", 1% to 100%, or a whole number above zero",
            )
        })
    }

    gatehouse_config::described!(|_schemas| gatehouse_config::schema::any_of([
        gatehouse_config::schema::whole_number(1, LARGEST_SHARE),
        gatehouse_config::schema::text(r"^\+?0*([1-9][0-9]?|100)%$"),
    ]));
}

impl Decode for Global {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let before = context.problem_count();
        for (key, text) in [("cluster", &raw.cluster), ("domain", &raw.domain)] {
            if text.is_empty() {
                context.at_key(key, |context| context.problem::<()>("cannot be empty"));
            }
        }
        if raw.timeout.is_some_and(|timeout| timeout > LONGEST_TIMEOUT) {
            context.at_key("timeout", |context| {
                context.problem::<()>(format!("is more than {LONGEST_TIMEOUT}"))
            });
        }
        let timeout = raw.timeout.map_or(TIMEOUT, |timeout| {
            std::time::Duration::from_nanos(timeout.as_nanos())
        });
        (context.problem_count() == before).then_some(Self {
            cluster: raw.cluster,
            domain: raw.domain,
            timeout,
            on_error: raw.on_error,
            lease: raw.lease,
            slots: raw.slots,
        })
    }

    gatehouse_config::described!(as Raw);
}

/// The key of a part's entry in a descriptor.
pub fn entry_name(part: &Part) -> String {
    let (kind, name): (&str, &dyn std::fmt::Display) = match part {
        Part::Consumer => return "consumer".to_owned(),
        Part::Group => return "group".to_owned(),
        Part::Method => return "method".to_owned(),
        Part::Path => return "path".to_owned(),
        Part::Host => return "host".to_owned(),
        Part::Route => return "route".to_owned(),
        Part::ClientIp(_) => return "client_ip".to_owned(),
        Part::Const(_) => return "const".to_owned(),
        Part::Claim(claim) => ("claim", claim),
        Part::Header(name) => ("header", name),
        Part::Cookie(name) => ("cookie", name),
        Part::Query(name) => ("query", name),
        Part::PathParam(name) => ("path_param", name),
    };
    format!("{kind}.{name}")
}

/// What a service cannot keep: what is in flight, costs that the response tells, and keys of which two parts would be one entry of a
/// descriptor.
pub(crate) fn check(limits: &[Limit], context: &mut Context<'_>) -> Option<()> {
    let mut sound = Some(());
    for (index, limit) in limits.iter().enumerate() {
        context.at_key("limits", |context| {
            context.at_index(index, |context| {
                if limit.allowance.shortest().is_none() {
                    sound = context.at_key("algorithm", |context| {
                        context.problem_hint(
                            "a service does not count what is in flight",
                            "concurrency needs store: {local: …}, in a filter of its own",
                        )
                    });
                }
                if limit.cost.comes_later() {
                    sound = context.at_key("cost", |context| {
                        context.problem_hint(
                            "a service is not told what a request has cost when it is over",
                            "a cost by the response needs store: {local: …}, in a filter of its own",
                        )
                    });
                }
                let names: Vec<String> = limit.key.iter().map(entry_name).collect();
                for (place, name) in names.iter().enumerate() {
                    let mut earlier = names.iter().take(place);
                    let Some(first) = earlier.position(|other| other == name) else {
                        continue;
                    };
                    sound = context.at_key("key", |context| {
                        context.at_index(place, |context| {
                            context.problem(format!(
                                "is the entry \"{name}\" of a descriptor, as key[{first}] is"
                            ))
                        })
                    });
                }
            });
        });
    }
    sound
}
