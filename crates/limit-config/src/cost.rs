//! What a request costs: what operators write.

use crate::allowance::Allowance;
use crate::limit::Counting;
use crate::overrides::Overrides;
use gatehouse_config::{Context, Decode, HeaderName, Value, object};
use gatehouse_json_pointer::Pointer;
use gatehouse_limit_table::Retry;
use std::rc::Rc;

/// More than that is charged for no request, unless the operator says so.
const DEFAULT_MAX: u64 = 1_000_000;

/// What a request costs. Never less than 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// What says it.
    pub source: Source,
    /// Where the source says nothing that could be gone by.
    pub default: u64,
    /// The most that is charged.
    pub max: u64,
}

/// What says what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The default is the cost.
    Constant,
    /// A header of the request.
    RequestHeader(HeaderName),
    /// A header of the response.
    ResponseHeader(HeaderName),
    /// A number in the body of the response.
    ResponseJson(Rc<Pointer>),
}

object! {
    struct Raw {
        request_header: Option<HeaderName>,
        response_header: Option<HeaderName>,
        response_json: Option<Place>,
        default: u64 = 1,
        max: u64 = DEFAULT_MAX,
    }
}

/// A JSON pointer to something in a document.
struct Place(Pointer);

impl Decode for Place {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        match Pointer::parse(&text).filter(|pointer| !pointer.tokens().is_empty()) {
            Some(pointer) => Some(Self(pointer)),
            None => context.problem_hint(
                format!("{text:?} is not a JSON pointer to something in a document"),
                "such as \"/usage/total_tokens\"; within a name \"~0\" is \"~\" and \"~1\" is \"/\"",
            ),
        }
    }

    gatehouse_config::described!(text "^/");
}

impl Default for Cost {
    fn default() -> Self {
        Self::constant(1)
    }
}

impl Cost {
    fn constant(cost: u64) -> Self {
        Self {
            source: Source::Constant,
            default: cost,
            max: cost,
        }
    }

    /// Whether it is known only from the response.
    pub fn comes_later(&self) -> bool {
        matches!(
            self.source,
            Source::ResponseHeader(_) | Source::ResponseJson(_)
        )
    }

    /// Reports what no request could pay, and what an algorithm has no use for.
    pub(crate) fn check(
        &self,
        counting: Counting,
        allowance: Option<&Allowance>,
        overrides: Option<&Overrides>,
        context: &mut Context<'_>,
    ) {
        if *self == Self::default() {
            return;
        }
        if counting == Counting::Concurrency {
            context.problem::<()>("concurrency has no costs: each request in flight is one");
            return;
        }
        if self.comes_later() {
            return;
        }
        let cost = self.default;
        let mut refuse = |who: &str| {
            context.problem::<()>(format!(
                "{cost} is more than {who} ever has, so it would refuse every request"
            ));
        };
        if allowance.is_some_and(|allowance| allowance.is_exceeded_by(cost)) {
            refuse("the limit");
        }
        let mut overrides = overrides.into_iter().flat_map(Overrides::allowances);
        if let Some(place) = overrides.position(|allowance| allowance.is_exceeded_by(cost)) {
            refuse(&format!("overrides[{place}]"));
        }
    }
}

impl Allowance {
    /// Whether one request of this cost can never be admitted.
    fn is_exceeded_by(&self, cost: u64) -> bool {
        let (first, others) = self.windows();
        let never = Some(Retry::Never);
        [first]
            .into_iter()
            .chain(others)
            .any(|window| window.algorithm.decide(None, 0, cost).refused == never)
    }
}

impl Decode for Cost {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if matches!(value, Value::Number(_)) {
            return match u64::decode(value, context)? {
                0 => context.problem_hint("0 limits nothing", "leave the limit out"),
                cost => Some(Self::constant(cost)),
            };
        }
        if !matches!(value, Value::Object(_)) {
            return context.expected("a whole number, or what says it", value);
        }
        let before = context.problem_count();
        let raw = Raw::decode(value, context)?;
        if context.problem_count() > before {
            return None;
        }
        if raw.default == 0 {
            context.at_key("default", |context| {
                context.problem::<()>("0, but each request costs 1 at least")
            });
        }
        if raw.max < raw.default {
            context.at_key("max", |context| {
                context.problem::<()>(format!("less than the default, {}", raw.default))
            });
        }
        let response_json = raw.response_json.map(|Place(pointer)| Rc::new(pointer));
        let source = match (raw.request_header, raw.response_header, response_json) {
            (Some(name), None, None) => Source::RequestHeader(name),
            (None, Some(name), None) => Source::ResponseHeader(name),
            (None, None, Some(pointer)) => Source::ResponseJson(pointer),
            _ => {
                return context.problem(
                    "needs exactly one of request_header, response_header, response_json",
                );
            }
        };
        (context.problem_count() == before).then_some(Self {
            source,
            default: raw.default,
            max: raw.max,
        })
    }

    gatehouse_config::described!(|schemas| {
        let sources = ["request_header", "response_header", "response_json"];
        let raw = schemas.of::<Raw>();
        gatehouse_config::schema::any_of([
            gatehouse_config::schema::whole_number(1, u64::MAX),
            gatehouse_config::schema::exactly_one(raw, &sources),
        ])
    });
}
