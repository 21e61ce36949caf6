//! For which requests and responses an operation is: its `when`.
//!
//! What it asks of the request (`request`, `consumer`, `groups`) is found out before any operation is
//! done, and kept as one bit for each question; what it asks of the response (`status`, `headers`)
//! when the operation's turn has come, so it sees what those before it did. All of it must hold.

use crate::place::{Phase, Place};
use gatehouse_config::{Context, Decode, NonEmpty, Value};
use gatehouse_host::Headers;
use gatehouse_request_match::{HeaderField, Match};

/// How many questions about requests a rule may ask.
const MOST_ASKED: usize = 64;

/// The answers to the questions of a rule about its request, a bit for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers(u64);

/// The `when` of an operation.
#[derive(Debug, Clone)]
pub(crate) struct When {
    /// The questions about the request to which the answer must be yes.
    asked: Answers,
    /// Any of these; all where there is none.
    statuses: Vec<Status>,
    headers: Vec<HeaderField>,
}

/// Statuses from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Status(u16, u16);

/// Statuses, each alone, by their class, or as a range.
struct Statuses(Vec<Status>);

impl Answers {
    /// Says that the answer to a question is yes.
    pub fn yes(&mut self, question: usize) {
        self.0 |= 1 << question;
    }

    fn has(self, asked: Self) -> bool {
        self.0 & asked.0 == asked.0
    }
}

impl When {
    /// What [`When::read`] takes.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn schema(phase: Phase, schemas: &mut gatehouse_config::schema::Schemas) -> Value {
        let question = Match::schema(schemas);
        let name = gatehouse_config::schema::value!({"type": "string", "minLength": 1});
        let names = gatehouse_config::schema::non_empty_list(name);
        let schema = schemas.object(|fields| {
            if phase == Phase::Response {
                fields.optional::<Statuses>("status");
                fields.optional::<NonEmpty<HeaderField>>("headers");
            }
            fields.add("request", question);
            fields.add("consumer", names.clone());
            fields.add("groups", names);
        });
        gatehouse_config::schema::not_empty(schema)
    }

    /// The `when` of an operation that stands in this place.
    pub(crate) fn read(value: &Value, place: Place<'_>, context: &mut Context<'_>) -> Option<Self> {
        let fields = context.object(
            value,
            &["status", "headers", "request", "consumer", "groups"],
        )?;
        if value.as_object().is_some_and(|map| map.is_empty()) {
            return context.problem_hint("empty, so it always holds", "leave \"when\" out");
        }
        for of_response in ["status", "headers"] {
            if place.phase != Phase::Response && value.get(of_response).is_some() {
                context.at_key(of_response, |context| {
                    context.problem::<()>("only for responses, where their headers are")
                });
            }
        }
        let statuses: Option<Option<Statuses>> = fields.field("status", context);
        let headers: Option<Option<NonEmpty<HeaderField>>> = fields.field("headers", context);
        let request: Option<Option<Match>> = fields.field("request", context);
        let consumer = consumer(value, context);
        let mut asked = Answers::default();
        for question in [request?, consumer?].into_iter().flatten() {
            let mut all = place.asked.borrow_mut();
            if all.len() >= MOST_ASKED {
                return context.problem(format!(
                    "more than {MOST_ASKED} conditions on the request in one rule"
                ));
            }
            asked.yes(all.len());
            all.push(question);
        }
        Some(Self {
            asked,
            statuses: statuses?.map(|statuses| statuses.0).unwrap_or_default(),
            headers: headers?.map(|headers| headers.0).unwrap_or_default(),
        })
    }

    /// Whether what it asks of the request holds.
    pub(crate) fn fits_request(&self, answers: Answers) -> bool {
        answers.has(self.asked)
    }

    /// Whether it asks nothing of the response.
    pub(crate) fn is_of_request(&self) -> bool {
        self.statuses.is_empty() && self.headers.is_empty()
    }

    /// Whether what it asks of the response holds for these headers.
    pub(crate) fn fits_response(&self, headers: &Headers) -> bool {
        let fits = |status: u16| {
            let mut wanted = self.statuses.iter();
            wanted.any(|Status(first, last)| (*first..=*last).contains(&status))
        };
        (self.statuses.is_empty() || headers.status().is_some_and(fits))
            && self.headers.iter().all(|field| field.holds(headers))
    }
}

/// `consumer` and `groups` are what a match calls so too.
fn consumer(value: &Value, context: &mut Context<'_>) -> Option<Option<Match>> {
    let mut both = value.clone();
    if let Some(map) = both.as_object_mut() {
        map.retain(|key, _| matches!(key.as_str(), "consumer" | "groups"));
        if map.is_empty() {
            return Some(None);
        }
    }
    Match::decode(&both, context).map(Some)
}

impl Decode for Statuses {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if value.is_array() {
            return NonEmpty::decode(value, context).map(|list| Self(list.0));
        }
        Status::decode(value, context).map(|status| Self(vec![status]))
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::any_of([
        schemas.of::<NonEmpty<Status>>(),
        schemas.of::<Status>()
    ]));
}

impl Decode for Status {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let known = match value {
            Value::Number(number) => number
                .as_u64()
                .and_then(|number| u16::try_from(number).ok())
                .filter(|status| (100..=599).contains(status))
                .map(|status| Self(status, status)),
            Value::String(text) => class(text).or_else(|| range(text)),
            _ => None,
        };
        match known {
            Some(status) => Some(status),
            None => context.expected(
                "a status such as 503, a class such as 5xx, or a range such as 500-504",
                value,
            ),
        }
    }

    gatehouse_config::described!(|_schemas| gatehouse_config::schema::any_of([
        gatehouse_config::schema::whole_number(100, 599),
        gatehouse_config::schema::text("^([1-5]xx|[1-5][0-9]{2}-[1-5][0-9]{2})$"),
    ]));
}

fn class(text: &str) -> Option<Status> {
    let digit: u16 = text.strip_suffix("xx")?.parse().ok()?;
    let is_class = text.len() == 3 && (1..=5).contains(&digit);
    is_class.then_some(Status(digit * 100, digit * 100 + 99))
}

fn range(text: &str) -> Option<Status> {
    let (first, last) = text.split_once('-')?;
    let known = |text: &str| match text.len() {
        3 => text
            .parse()
            .ok()
            .filter(|status| (100..=599).contains(status)),
        _ => None,
    };
    let (first, last) = (known(first)?, known(last)?);
    (first <= last).then_some(Status(first, last))
}
