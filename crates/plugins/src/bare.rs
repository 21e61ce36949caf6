//! Which filter a configuration alone is for, by its fields.

use crate::Filter;
use gatehouse_located_yaml::{Kind, Node};

/// Only what one filter has and no other says it.
pub(crate) fn filter_of(root: &Node) -> Option<Filter> {
    let has = |key| root.get(key).is_some();
    let rules = || {
        root.get("rules")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
    };
    let some_rule_has =
        |keys: &[&str]| rules().any(|rule| keys.iter().any(|key| rule.get(key).is_some()));
    let is_gateway = root
        .get("filters")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .any(|item| matches!(item.entries(), [entry] if Filter::named(&entry.key).is_some()));
    if is_gateway {
        Some(Filter::Gateway)
    } else if matches!(
        root.get("limits").map(|limits| &limits.kind),
        Some(Kind::List(_))
    ) {
        Some(Filter::RateLimit)
    } else if matches!(
        root.get("providers").map(|providers| &providers.kind),
        Some(Kind::Object(_))
    ) || some_rule_has(&["allow", "deny", "require"])
    {
        Some(Filter::Auth)
    } else if has("server_speaks_first") || has("first_data") || some_rule_has(&["action"]) {
        Some(Filter::ConnectionGuard)
    } else if some_rule_has(&["request", "response", "cors"]) {
        Some(Filter::Headers)
    } else {
        None
    }
}
