//! The configuration: which operations for which requests.

use crate::operation::{Operation, Phase, Place, Step};
use gatehouse_config::{Context, Decode, NonEmpty, Value, keywords, object};
use gatehouse_request_match::Match;
use gatehouse_template::Variable;

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

/// What is done to some requests and their responses.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// For which requests; all where there is none.
    pub(crate) matching: Option<Match>,
    pub(crate) request: Vec<Step>,
    pub(crate) response: Vec<Step>,
    /// What the response operations need of the request, each once.
    pub(crate) kept: Vec<Variable>,
    /// Whether a variable is `client_ip`.
    pub(crate) names_client: bool,
    /// Whether a variable is of the match.
    pub(crate) names_captures: bool,
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
}

impl Decode for Rule {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let fields = context.object(value, &["match", "request", "response"])?;
        let matching: Option<Option<Match>> = fields.field("match", context);
        let names: Option<Vec<&str>> = matching
            .as_ref()
            .map(|matching| matching.iter().flat_map(Match::capture_names).collect());
        let captures = names.as_deref();
        let mut steps = |key: &str, phase| {
            let place = Place { phase, captures };
            let steps = value
                .get(key)
                .map(|steps| context.at_key(key, |context| place.steps(steps, context)));
            steps.unwrap_or(Some(Vec::new()))
        };
        let request = steps("request", Phase::Request);
        let response = steps("response", Phase::Response);
        if value.get("request").is_none() && value.get("response").is_none() {
            return context.problem_hint(
                "neither request nor response",
                "to leave what it matches as it is, write request: []",
            );
        }
        let (request, response) = (request?, response?);
        Some(Self::new(matching?, request, response))
    }
}

impl Rule {
    fn new(matching: Option<Match>, request: Vec<Step>, response: Vec<Step>) -> Self {
        let mut kept: Vec<Variable> = Vec::new();
        for variable in variables(&response) {
            if variable.is_of_request() && !kept.contains(variable) {
                kept.push(variable.clone());
            }
        }
        let any = |of: fn(&Variable) -> bool| variables(&request).any(of) || kept.iter().any(of);
        Self {
            names_client: any(|variable| matches!(variable, Variable::ClientIp)),
            names_captures: any(|variable| matches!(variable, Variable::Capture(_))),
            matching,
            request,
            response,
            kept,
        }
    }
}

fn variables(steps: &[Step]) -> impl Iterator<Item = &Variable> {
    steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::Set { value, .. } | Operation::Append { value, .. } => Some(value),
            Operation::Remove(_)
            | Operation::RemovePrefix(_)
            | Operation::Rename { .. }
            | Operation::Replace { .. } => None,
        })
        .flat_map(gatehouse_template::Template::variables)
}
