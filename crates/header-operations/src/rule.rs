//! A rule: which requests it is for, and what is done to them and to what follows them.

use crate::cors::Cors;
use crate::operation::Step;
use crate::place::{Phase, Place};
use gatehouse_config::{Context, Decode, Value};
use gatehouse_request_match::Match;
use gatehouse_template::Variable;
use std::cell::RefCell;

/// What is done to some requests and their responses.
#[derive(Debug, Clone)]
pub struct Rule {
    /// For which requests; all where there is none.
    pub matching: Option<Match>,
    /// Which pages of other origins may read responses.
    pub cors: Option<Cors>,
    /// What is done to a request, in this order.
    pub request: Vec<Step>,
    /// What is done to its response.
    pub response: Vec<Step>,
    /// What is done to its trailers.
    pub request_trailers: Vec<Step>,
    /// What is done to the trailers of its response.
    pub response_trailers: Vec<Step>,
    /// What the operations ask of the request, each with its own answer.
    pub asked: Vec<Match>,
    /// What the operations after the request's headers need of them, each once.
    pub kept: Vec<Variable>,
    /// Whether a variable is `client_ip`.
    pub names_client: bool,
    /// Whether a variable is `route`.
    pub names_route: bool,
    /// Whether a variable is of the match.
    pub names_captures: bool,
}

/// The lists of operations of a rule.
const LISTS: [(&str, Phase); 4] = [
    ("request", Phase::Request),
    ("response", Phase::Response),
    ("request_trailers", Phase::RequestTrailers),
    ("response_trailers", Phase::ResponseTrailers),
];

impl Decode for Rule {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let mut known = vec!["match", "cors"];
        known.extend(LISTS.map(|(key, _)| key));
        let fields = context.object(value, &known)?;
        let matching: Option<Option<Match>> = fields.field("match", context);
        let cors: Option<Option<Cors>> = fields.field("cors", context);
        let names: Option<Vec<&str>> = matching
            .as_ref()
            .map(|matching| matching.iter().flat_map(Match::capture_names).collect());
        let asked = RefCell::new(Vec::new());
        let mut steps = LISTS.map(|(key, phase)| {
            let place = Place {
                phase,
                captures: names.as_deref(),
                rest: rest(value),
                asked: &asked,
            };
            let steps = value
                .get(key)
                .map(|steps| context.at_key(key, |context| place.steps(steps, context)));
            steps.unwrap_or(Some(Vec::new()))
        });
        let is_there = |key: &str| value.get(key).is_some();
        if !is_there("cors") && !LISTS.iter().any(|(key, _)| is_there(key)) {
            return context.problem_hint(
                "neither request nor response",
                "to leave what it matches as it is, write request: []",
            );
        }
        let mut taken = steps.iter_mut().map(|steps| steps.take());
        let mut list = || taken.next().flatten();
        let (request, response) = (list(), list());
        let (request_trailers, response_trailers) = (list(), list());
        let rule = Self {
            matching: matching?,
            cors: cors?,
            request: request?,
            response: response?,
            request_trailers: request_trailers?,
            response_trailers: response_trailers?,
            asked: asked.into_inner(),
            kept: Vec::new(),
            names_client: false,
            names_route: false,
            names_captures: false,
        };
        Some(rule.with_variables())
    }

    gatehouse_config::described!(|schemas| {
        let lists = LISTS.map(|(key, phase)| (key, crate::place::steps_schema(phase, schemas)));
        let rule = schemas.object(|fields| {
            fields.optional::<Match>("match");
            fields.optional::<Cors>("cors");
            for (key, list) in lists {
                fields.add(key, list);
            }
        });
        let keys = LISTS.map(|(key, _)| key).into_iter().chain(["cors"]);
        let some = keys.map(|key| gatehouse_config::schema::value!({"required": [key]}));
        gatehouse_config::schema::and(rule, gatehouse_config::schema::any_of(some))
    });
}

impl Rule {
    /// Finds out what must be known, and when.
    fn with_variables(mut self) -> Self {
        let later = [
            &self.response,
            &self.request_trailers,
            &self.response_trailers,
        ];
        let mut kept: Vec<Variable> = Vec::new();
        for variable in later.into_iter().flat_map(|steps| variables(steps)) {
            if variable.is_of_request() && !kept.contains(variable) {
                kept.push(variable.clone());
            }
        }
        let any =
            |of: fn(&Variable) -> bool| variables(&self.request).any(of) || kept.iter().any(of);
        self.names_client = any(|variable| matches!(variable, Variable::ClientIp));
        self.names_route = any(|variable| matches!(variable, Variable::Route));
        self.names_captures = any(|variable| matches!(variable, Variable::Capture(_)));
        self.kept = kept;
        self
    }
}

/// The name of the capture that is the rest of a path: `{name=**}`.
fn rest(rule: &Value) -> Option<&str> {
    let template = rule.get("match")?.get("path")?.get("template")?.as_str()?;
    let (_, rest) = template.rsplit_once('{')?;
    rest.strip_suffix("=**}")
}

fn variables(steps: &[Step]) -> impl Iterator<Item = &Variable> {
    steps
        .iter()
        .filter_map(Step::template)
        .flat_map(gatehouse_template::Template::variables)
}
