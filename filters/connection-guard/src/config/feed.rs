//! A list of addresses that somebody publishes.

use gatehouse_address_set::document::{Bad, List, Terms, read};
use gatehouse_config::{Context, Decode, Duration, Value, keywords};
use gatehouse_feed::{Feed, Fetch, FetchedFrom, OPTIONS, Step, Url};

keywords! {
    /// What a rule does whose list was never fetched, or is too old.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum OnMissing {
        /// Connections that get to the rule are closed.
        Deny = "deny",
        /// The list is empty.
        Skip = "skip",
    }
}

keywords! {
    /// What becomes of entries that cannot be read.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum BadEntries {
        /// The document is refused.
        Refuse = "refuse",
        /// They are left out.
        Skip = "skip",
    }
}

const DEFAULT_REFRESH: Duration = Duration::from_secs(300);
const DEFAULT_SIZE: usize = 1 << 20;
const DEFAULT_PREFIXES: usize = 10_000;
/// Some 64 MB in each worker, if all are IPv6.
const MOST_PREFIXES: usize = 1_000_000;
/// A list is not wanted before its time.
const ON_DEMAND: Duration = Duration::from_secs(3_600);

/// Where the list is, how often it is looked at, and what is taken of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeedConfig {
    url: Url,
    fetch: Fetch,
    terms: Terms,
    pub(crate) on_missing: OnMissing,
}

impl Decode for FeedConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let own = [
            "uri",
            "max_prefixes",
            "bad_entries",
            "may_be_empty",
            "on_missing",
        ];
        let fields = context.object(value, &[&own[..], &OPTIONS].concat())?;
        let uri: Option<FetchedFrom> = fields.field("uri", context);
        let fetch = Fetch::decode(&fields, DEFAULT_REFRESH, DEFAULT_SIZE, context);
        let most = fields.field_or("max_prefixes", || DEFAULT_PREFIXES, context);
        let bad = fields.field_or("bad_entries", || BadEntries::Refuse, context);
        let may_be_empty = fields.field_or("may_be_empty", || false, context);
        let on_missing = fields.field_or("on_missing", || OnMissing::Deny, context);
        if most.is_some_and(|most| !(1..=MOST_PREFIXES).contains(&most)) {
            return context.at_key("max_prefixes", |context| {
                context.problem(format!("must be 1 to {MOST_PREFIXES}"))
            });
        }
        Some(Self {
            url: uri?.0,
            fetch: fetch?,
            terms: Terms {
                most: most?,
                bad: match bad? {
                    BadEntries::Refuse => Bad::Refuse,
                    BadEntries::Skip => Bad::Skip,
                },
                may_be_empty: may_be_empty?,
            },
            on_missing: on_missing?,
        })
    }

    gatehouse_config::described!(|schemas| schemas.object(|fields| {
        fields.field::<FetchedFrom>("uri", false, "");
        Fetch::fields(fields);
        let most = gatehouse_config::schema::whole_number(1, MOST_PREFIXES as u64);
        fields.add("max_prefixes", most);
        fields.optional::<BadEntries>("bad_entries");
        fields.optional::<bool>("may_be_empty");
        fields.optional::<OnMissing>("on_missing");
    }));
}

impl FeedConfig {
    /// The list, as it is kept fresh.
    pub(crate) fn feed(&self, name: &str) -> Feed<List> {
        let terms = self.terms;
        let owner = format!("feed {name}");
        let purpose = format!("list of addresses {terms:?}");
        let settings = self.fetch.settings(
            ("connection_guard", &owner),
            &purpose,
            (self.fetch.address(&self.url), 1),
            ON_DEMAND,
        );
        Feed::new(settings, move |_, bytes| read(bytes, terms).map(Step::Done))
    }
}
