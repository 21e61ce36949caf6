//! The provider's configuration.

use super::failures::Limits;
use super::memory::Bounds;
use super::{Account, BasicConfig};
use crate::api_key::Label;
use crate::challenge::Realm;
use crate::credential::{Location, Prefix};
use gatehouse_config::{
    Context, Decode, Duration, Entries, HeaderName, NonEmpty, Rate, Secret, Value, object,
};
use gatehouse_gcra::Quota;
use gatehouse_host::Consumer;
use gatehouse_password::{PasswordHash, check_user, htpasswd};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Of good passwords, and of wrong ones: some 30 MB together.
const MAX_CACHE_SIZE: usize = 100_000;

/// 250 ms.
const DEFAULT_MAX_COST_NS: u64 = 250_000_000;

const NANOS_PER_MILLI: u64 = 1_000_000;

object! {
    struct Raw {
        from: Option<NonEmpty<Location>>,
        realm: Option<Realm>,
        users: Vec<RawUser> = Vec::new(),
        htpasswd: Option<Text>,
        groups: Entries<Label, NonEmpty<String>> = Entries::default(),
        max_cost: Option<Duration>,
        max_busy: Percent = Percent(20),
        cache: RawCache = RawCache::default(),
        failures: RawFailures = RawFailures::default(),
    }
}

object! {
    struct RawUser {
        name: Name,
        password_hash: Hash,
        groups: Vec<Label> = Vec::new(),
        scopes: Vec<Label> = Vec::new(),
        metadata: Entries<String, String> = Entries::default(),
    }
}

object! {
    struct RawCache {
        size: usize = 1000,
        ttl: Duration = Duration::from_secs(300),
    }
}

object! {
    struct RawFailures {
        per_user: Allowance = Allowance::per_minute(10),
        per_client: Allowance = Allowance::per_minute(20),
    }
}

impl Default for RawCache {
    fn default() -> Self {
        Self {
            size: 1000,
            ttl: Duration::from_secs(300),
        }
    }
}

impl Default for RawFailures {
    fn default() -> Self {
        Self {
            per_user: Allowance::per_minute(10),
            per_client: Allowance::per_minute(20),
        }
    }
}

/// A hash, or several: as they are, or from the environment. They are no passwords; who wants them out
/// of Envoy's configuration dump takes the latter.
struct Text(Zeroizing<String>);

impl Decode for Text {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let Value::String(text) = value else {
            return context.problem("expected a text, or \"${env:NAME}\"");
        };
        if !text.starts_with("${env:") {
            return Some(Self(Zeroizing::new(text.clone())));
        }
        let secret = Secret::decode(value, context)?;
        match std::str::from_utf8(secret.expose()) {
            Ok(text) => Some(Self(Zeroizing::new(text.to_owned()))),
            Err(_) => context.problem("is not UTF-8"),
        }
    }

    gatehouse_config::described!(text);
}

/// A user's name.
struct Name(String);

impl Decode for Name {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let name = String::decode(value, context)?;
        if let Err(error) = check_user(&name) {
            return context.problem(error.to_string());
        }
        if name.trim() != name {
            return context.problem("the name of the user begins or ends with white space");
        }
        Some(Self(name))
    }

    gatehouse_config::described!(text not empty);
}

/// A hash and what it was read from.
struct Hash(PasswordHash, Zeroizing<String>);

impl Decode for Hash {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let Text(text) = Text::decode(value, context)?;
        match PasswordHash::parse(&text) {
            Ok(hash) => Some(Self(hash, text)),
            Err(error) => context.problem(error.to_string()),
        }
    }

    gatehouse_config::described!(text not empty);
}

/// `20%`.
struct Percent(u8);

impl Decode for Percent {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let number = value.as_str().and_then(|text| text.strip_suffix('%'));
        let canonical = number.filter(|number| !number.starts_with(['+', '0']));
        match canonical.and_then(|number| number.parse().ok()) {
            Some(share @ 1..=100) => Some(Self(share)),
            _ => context.problem("is not a share: write \"1%\" to \"100%\""),
        }
    }

    gatehouse_config::described!(text "^([1-9][0-9]?|100)%$");
}

/// `10/1m`, or `unlimited`.
struct Allowance(Option<Quota>);

impl Allowance {
    fn per_minute(count: u64) -> Self {
        Self(Quota::new(count, std::time::Duration::from_secs(60), count).ok())
    }
}

impl Decode for Allowance {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if value.as_str() == Some("unlimited") {
            return Some(Self(None));
        }
        let rate = Rate::decode(value, context)?;
        let period = std::time::Duration::from_nanos(rate.period().as_nanos());
        match Quota::new(rate.count(), period, rate.count()) {
            Ok(quota) => Some(Self(Some(quota))),
            Err(error) => context.problem(error.to_string()),
        }
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::any_of([
        gatehouse_config::schema::value!({"const": "unlimited"}),
        schemas.of::<Rate>(),
    ]));
}

impl Decode for BasicConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let before = context.problem_count();
        let max_cost_ns = raw.max_cost.map_or(DEFAULT_MAX_COST_NS, Duration::as_nanos);
        let mut accounts = Accounts {
            max_cost_ns,
            places: HashMap::new(),
            accounts: Vec::new(),
        };
        accounts.add_users(raw.users, context);
        if let Some(Text(text)) = &raw.htpasswd {
            context.at_key("htpasswd", |context| accounts.add_lines(text, context));
        }
        if accounts.places.is_empty() && context.problem_count() == before {
            return context.problem_hint("has no user", "set users or htpasswd");
        }
        context.at_key("groups", |context| {
            accounts.add_groups(raw.groups.0, context);
        });
        context.at_key("cache", |context| {
            context.at_key("size", |context| {
                // Half of it is a generation.
                if raw.cache.size == 1 || raw.cache.size > MAX_CACHE_SIZE {
                    context.problem::<()>(format!("must be 0, or 2 to {MAX_CACHE_SIZE}"));
                }
            });
        });
        let from = match raw.from {
            Some(from) => from.0,
            None => vec![Location::Header {
                name: HeaderName::new("authorization")?,
                prefix: Some(Prefix::basic()),
            }],
        };
        context.at_key("from", |context| {
            for (index, location) in from.iter().enumerate() {
                if !matches!(location, Location::Header { .. }) {
                    context.at_index(index, |context| {
                        context.problem::<()>("Basic credentials stand in a header")
                    });
                }
            }
        });
        (context.problem_count() == before).then_some(Self {
            from,
            realm: raw.realm,
            accounts: accounts.accounts,
            memory: Bounds {
                size: raw.cache.size,
                ttl_ns: raw.cache.ttl.as_nanos(),
            },
            limits: Limits {
                per_user: raw.failures.per_user.0,
                per_client: raw.failures.per_client.0,
            },
            max_busy: raw.max_busy.0,
        })
    }

    gatehouse_config::described!(as Raw);
}

/// The users that were read so far.
struct Accounts {
    max_cost_ns: u64,
    /// Where each was read, as messages name it, and its place among the accounts.
    places: HashMap<String, (String, usize)>,
    accounts: Vec<Account>,
}

impl Accounts {
    fn add_users(&mut self, users: Vec<RawUser>, context: &mut Context<'_>) {
        context.at_key("users", |context| {
            for (index, user) in users.into_iter().enumerate() {
                let texts = |labels: Vec<Label>| labels.into_iter().map(|label| label.0).collect();
                let metadata = user.metadata.0.into_iter();
                let consumer = Consumer {
                    name: user.name.0,
                    groups: texts(user.groups),
                    scopes: texts(user.scopes),
                    metadata: metadata.map(|(key, value)| (key, value.into())).collect(),
                    ..Consumer::default()
                };
                let Hash(hash, text) = user.password_hash;
                context.at_index(index, |context| {
                    if let Some(first) = self.place_of(&consumer.name) {
                        let message = format!("{first} is named {:?} too", consumer.name);
                        context.at_key("name", |context| context.problem::<()>(message));
                    }
                    if let Some((message, hint)) = self.too_costly(&consumer.name, &hash) {
                        context.at_key("password_hash", |context| {
                            context.problem_hint::<()>(message, hint)
                        });
                    }
                });
                self.add(format!("users[{index}]"), consumer, hash, text);
            }
        });
    }

    fn add_lines(&mut self, text: &str, context: &mut Context<'_>) {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in htpasswd::parse(text) {
            let (name, hash) = match line {
                Ok(user) => user,
                Err(error) => {
                    context.problem::<()>(format!("line {number}: {error}"));
                    continue;
                }
            };
            if let Some(first) = self.place_of(&name) {
                context.problem::<()>(format!("line {number}: {first} is named {name:?} too"));
            }
            if let Some((message, hint)) = self.too_costly(&name, &hash) {
                context.problem_hint::<()>(format!("line {number}: {message}"), hint);
            }
            let line = number.checked_sub(1).and_then(|index| lines.get(index));
            let consumer = Consumer {
                name,
                ..Consumer::default()
            };
            let line = Zeroizing::new(line.map_or_else(String::new, |line| (*line).to_owned()));
            self.add(format!("line {number}"), consumer, hash, line);
        }
    }

    fn add_groups(&mut self, groups: Vec<(Label, NonEmpty<String>)>, context: &mut Context<'_>) {
        for (Label(group), NonEmpty(names)) in groups {
            context.at_key(&group, |context| {
                for (index, name) in names.iter().enumerate() {
                    let user = self.places.get(name).map(|(_, place)| *place);
                    match user.and_then(|place| self.accounts.get_mut(place)) {
                        Some(account) if !account.consumer.groups.contains(&group) => {
                            account.consumer.groups.push(group.clone());
                        }
                        Some(_) => {}
                        None => context.at_index(index, |context| {
                            let message = format!("no user named {name:?}");
                            let known = self.accounts.iter();
                            let known = known.map(|account| account.consumer.name.as_str());
                            context.unknown::<()>(message, name, known);
                        }),
                    }
                }
            });
        }
    }

    fn place_of(&self, name: &str) -> Option<&str> {
        self.places.get(name).map(|(place, _)| place.as_str())
    }

    /// What is wrong with a hash that takes more than it may, and what to do.
    fn too_costly(&self, name: &str, hash: &PasswordHash) -> Option<(String, String)> {
        let cost = hash.cost();
        let cost_ns = u64::from(cost.millis).saturating_mul(NANOS_PER_MILLI);
        (cost_ns > self.max_cost_ns).then(|| {
            let message = format!(
                "to verify the password of {name:?} ({}) takes {cost}, more than max_cost",
                hash.scheme()
            );
            let hint = format!(
                "hash it at a lower cost, such as `htpasswd -nB -C 10 NAME`, or set max_cost to {}ms \
                 or more: the worker serves nobody else meanwhile",
                cost.millis
            );
            (message, hint)
        })
    }

    /// A duplicate is added too: it is a problem already, and no message is to follow from it.
    fn add(
        &mut self,
        place: String,
        consumer: Consumer,
        hash: PasswordHash,
        text: Zeroizing<String>,
    ) {
        let account = (place, self.accounts.len());
        self.places.entry(consumer.name.clone()).or_insert(account);
        self.accounts.push(Account {
            consumer,
            hash,
            text,
        });
    }
}
