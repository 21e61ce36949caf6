//! The options of a document that is fetched.

use crate::{Address, Settings, Url};
use gatehouse_config::{Context, Decode, Duration, Fields, Size, Value};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The options that every fetched document has, beside where it is.
pub const OPTIONS: [&str; 6] = [
    "cluster",
    "timeout",
    "refresh",
    "min_refresh",
    "max_stale",
    "max_size",
];

const DEFAULT_MIN_REFRESH: Duration = Duration::from_secs(30);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Shared data keeps a document for good, and every worker reads it.
const LARGEST: usize = 16 * 1024 * 1024;

/// How a document is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The cluster that the documents are fetched from.
    pub cluster: String,
    timeout: Duration,
    refresh: Duration,
    min_refresh: Duration,
    max_stale: Option<Duration>,
    max_bytes: usize,
}

/// A name, which cannot be empty.
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

impl Decode for FetchedFrom {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        match Url::parse(&text) {
            Ok(url) => Some(Self(url)),
            Err(why) => context.problem_hint(
                format!("{text:?} {why}"),
                "write it as \"https://host/path\"; the connection is the cluster's",
            ),
        }
    }

    gatehouse_config::described!(text "^[Hh][Tt][Tt][Pp][Ss]?://");
}

/// `uri`: where a document is.
pub struct FetchedFrom(pub Url);

impl Fetch {
    /// What [`Fetch::decode`] takes of an object.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn fields(fields: &mut gatehouse_config::schema::Fields<'_>) {
        fields.field::<Cluster>("cluster", false, "");
        for duration in ["timeout", "refresh", "min_refresh", "max_stale"] {
            fields.optional::<Duration>(duration);
        }
        fields.optional::<Size>("max_size");
    }

    /// The options among the fields of an object, which has others too. `refresh` and `max_bytes` are what holds
    /// where they are left out.
    pub fn decode(
        fields: &Fields<'_>,
        refresh: Duration,
        max_bytes: usize,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        let before = context.problem_count();
        let cluster: Option<Cluster> = fields.field("cluster", context);
        let timeout = fields.field_or("timeout", || Duration::from_secs(2), context);
        let refresh = fields.field_or("refresh", || refresh, context);
        let min_refresh: Option<Option<Duration>> = fields.field("min_refresh", context);
        let max_stale: Option<Option<Duration>> = fields.field("max_stale", context);
        let size: Option<Option<Size>> = fields.field("max_size", context);
        let fetch = Self {
            cluster: cluster?.0,
            timeout: timeout?,
            refresh: refresh?,
            min_refresh: min_refresh?.unwrap_or(DEFAULT_MIN_REFRESH.min(refresh?)),
            max_stale: max_stale?,
            max_bytes: size?.map_or(max_bytes, Size::bytes),
        };
        fetch.check(context);
        (context.problem_count() == before).then_some(fetch)
    }

    fn check(&self, context: &mut Context<'_>) {
        let mut problem = |key: &str, message: String| {
            context.at_key(key, |context| context.problem::<()>(message));
        };
        if self.timeout > LONGEST_TIMEOUT {
            problem("timeout", format!("is more than {LONGEST_TIMEOUT}"));
        }
        if self.refresh < SHORTEST {
            problem("refresh", format!("is less than {SHORTEST}"));
        } else if self.min_refresh < SHORTEST {
            problem("min_refresh", format!("is less than {SHORTEST}"));
        } else if self.min_refresh > self.refresh {
            let refresh = self.refresh;
            problem("min_refresh", format!("is more than refresh, {refresh}"));
        }
        if self.max_bytes > LARGEST {
            problem("max_size", "is more than 16MiB".to_owned());
        }
    }

    /// The address of a URL, by way of the cluster.
    pub fn address(&self, url: &Url) -> Address {
        address(&self.cluster, url)
    }

    /// What a feed needs to know. `filter` and `owner` are whose it is: `auth`, `provider sso`. `purpose` is
    /// what it is, and tells apart what has one address: its first word is for the log.
    pub fn settings(
        &self,
        (filter, owner): (&str, &str),
        purpose: &str,
        (first, steps): (Address, usize),
        on_demand: Duration,
    ) -> Settings {
        let what = purpose.split(' ').next().unwrap_or_default();
        let mut settings = Settings {
            key: purpose.to_owned(),
            label: format!("gatehouse {filter}: {owner}: {what}"),
            first,
            steps,
            timeout: standard(self.timeout),
            refresh: standard(self.refresh),
            min_refresh: standard(self.min_refresh),
            max_stale: self.max_stale.map(standard),
            max_bytes: self.max_bytes,
            on_demand: standard(on_demand),
        };
        // Another configuration, another document: what a publisher of before said must not count for the one
        // of now.
        let digest = Sha256::digest(format!("{settings:?}"));
        let mut name = format!("gatehouse.{filter}.feed.");
        for byte in digest.iter().take(16) {
            let _ = write!(name, "{byte:02x}");
        }
        settings.key = name;
        settings
    }
}

/// The address of a URL, by way of a cluster.
pub fn address(cluster: &str, url: &Url) -> Address {
    Address {
        cluster: cluster.to_owned(),
        authority: url.authority.clone(),
        path: url.path.clone(),
    }
}

fn standard(duration: Duration) -> std::time::Duration {
    std::time::Duration::from_nanos(duration.as_nanos())
}
