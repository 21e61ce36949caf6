//! The configuration: which operations for which requests.

use gatehouse_config::{Context, Decode, NonEmpty, Value, keywords, object};
use gatehouse_header_operations::Rule;

keywords! {
    /// Whether the operations are done.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Mode {
        /// They are.
        Enforce = "enforce",
        /// Nothing is changed; what would have been is counted.
        Report = "report",
    }
}

/// A validated configuration.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) mode: Mode,
    pub(crate) trusted_hops: u32,
    pub(crate) rules: Vec<Rule>,
}

object! {
    struct Raw {
        mode: Mode = Mode::Enforce,
        trusted_hops: u32 = 0,
        rules: NonEmpty<Rule>,
    }
}

impl Decode for Config {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let rules = raw.rules.0;
        let all = rules.iter().position(|rule| rule.matching.is_none());
        if let Some(all) = all.filter(|all| all + 1 < rules.len()) {
            return context.at_key("rules", |context| {
                context.at_index(all + 1, |context| {
                    context.problem_hint(
                        format!("never reached: rules[{all}] has no match, so it applies to every request"),
                        "the first rule that matches applies, and no other",
                    )
                })
            });
        }
        Some(Self {
            mode: raw.mode,
            trusted_hops: raw.trusted_hops,
            rules,
        })
    }

    gatehouse_config::described!(as Raw);
}
