//! Other rates for some keys.
//!
//! The first override that holds counts. So that ten thousand of them cost a request no more than one
//! does, each is kept under one of the values that it asks for, and only those under the values of the
//! request are asked, in their order. Those that ask for no whole value are asked one by one.

use crate::allowance::{Allowance, Rates, Reaches, Terms};
use crate::limit::Counting;
use crate::part::Part;
use crate::pattern::{Pattern, RawPattern};
use gatehouse_config::{Context, Identifier, object};
use gatehouse_host::{Request, Result};
use gatehouse_request_match::{Match, Subject};
use std::collections::HashMap;
use std::rc::Rc;

object! {
    pub(crate) struct RawOverride {
        key: RawPattern,
        rate: Option<Rates>,
        burst: Option<u64>,
        limit: Option<u32>,
    }
}

/// The overrides of a limit, in their order.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    patterns: Vec<Pattern>,
    allowances: Vec<Rc<Allowance>>,
    index: Index,
}

type ByValue = HashMap<Box<[u8]>, Vec<usize>>;

/// Which of many patterns a key can be about, by their places.
#[derive(Debug, Clone, Default)]
struct Index {
    /// For a part, those that are kept under a value of it.
    by_value: Vec<(Part, ByValue)>,
    /// Those that ask for no whole value.
    others: Vec<usize>,
}

impl Index {
    /// Keeps a pattern under the value that it shares with the fewest before it.
    fn insert(&mut self, place: usize, pattern: &Pattern) {
        let shared = |(part, value): &(&Part, &str)| self.under(part, value.as_bytes()).len();
        let Some((part, value)) = pattern.exact().min_by_key(shared) else {
            self.others.push(place);
            return;
        };
        let known = self.by_value.iter().position(|(known, _)| known == part);
        let at = known.unwrap_or(self.by_value.len());
        if known.is_none() {
            self.by_value.push((part.clone(), HashMap::new()));
        }
        if let Some((_, values)) = self.by_value.get_mut(at) {
            values
                .entry(value.as_bytes().into())
                .or_default()
                .push(place);
        }
    }

    /// Those that are kept under a value.
    fn under(&self, part: &Part, value: &[u8]) -> &[usize] {
        let values = self.by_value.iter().find(|(known, _)| known == part);
        let places = values.and_then(|(_, values)| values.get(value));
        places.map_or(&[], |places| places)
    }
}

impl Overrides {
    /// What the first gives that is about this request's key.
    ///
    /// # Errors
    /// Where the host does not say what a part of the key is. All were asked for before, for the key.
    pub fn find(
        &self,
        matches: &Match,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<Option<&Rc<Allowance>>> {
        let mut first = usize::MAX;
        let mut ask = |places: &[usize], request: &mut Request<'_>, subject: &mut Subject| {
            for place in places.iter().filter(|place| **place < first).copied() {
                if let Some(pattern) = self.patterns.get(place)
                    && pattern.holds(matches, subject, request)?
                {
                    first = place;
                    break;
                }
            }
            Ok(())
        };
        for (part, values) in &self.index.by_value {
            if part.decides(request).is_err() {
                // Those that hang on nothing else fail.
                for places in values.values() {
                    ask(places, request, subject)?;
                }
                continue;
            }
            // Of groups there are several values.
            let mut found: Vec<&[usize]> = Vec::new();
            part.read(matches, subject, request, &mut |value| {
                found.extend(values.get(value).map(|places| &**places));
            })?;
            for places in found {
                ask(places, request, subject)?;
            }
        }
        ask(&self.index.others, request, subject)?;
        Ok(self.allowances.get(first))
    }

    /// What they give, in their order.
    pub fn allowances(&self) -> impl Iterator<Item = &Allowance> {
        self.allowances.iter().map(|allowance| &**allowance)
    }

    /// The same with room for debts.
    pub(crate) fn with_debt(mut self) -> Self {
        for allowance in &mut self.allowances {
            *allowance = Rc::new((**allowance).clone().with_debt());
        }
        self
    }

    /// Notes how far ahead their buckets may be full again.
    pub(crate) fn note_reach(&self, reaches: &mut Reaches) {
        for allowance in &self.allowances {
            allowance.note_reach(reaches);
        }
    }

    /// The same for buckets that other allowances are applied to as well.
    pub(crate) fn reaching(mut self, reaches: &Reaches) -> Self {
        for allowance in &mut self.allowances {
            *allowance = Rc::new((**allowance).clone().reaching(reaches));
        }
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The first that holds wherever a pattern does.
    fn first_covering(&self, pattern: &Pattern) -> Option<usize> {
        let under = |(part, value): (&Part, &str)| self.index.under(part, value.as_bytes());
        let places = pattern.exact().flat_map(under).chain(&self.index.others);
        let covers = |place: &&usize| {
            let earlier = self.patterns.get(**place);
            earlier.is_some_and(|earlier| earlier.covers(pattern))
        };
        places.filter(covers).min().copied()
    }
}

/// The limit whose overrides are checked.
pub(crate) struct Base<'l> {
    pub(crate) name: &'l Identifier,
    pub(crate) key: &'l [Part],
    pub(crate) counting: Counting,
    pub(crate) terms: &'l Terms,
    /// Whether its terms are. What an override takes over from them is else reported twice.
    pub(crate) is_sound: bool,
}

impl Base<'_> {
    pub(crate) fn overrides(
        &self,
        raw: Vec<RawOverride>,
        context: &mut Context<'_>,
    ) -> Option<Overrides> {
        let before = context.problem_count();
        let mut overrides = Overrides::default();
        // Of those that are sound, the places among all.
        let mut places = Vec::new();
        for (index, raw) in raw.into_iter().enumerate() {
            context.at_index(index, |context| {
                let pattern = context.at_key("key", |context| {
                    let pattern = raw.key.check(self.key, context)?;
                    let first = overrides.first_covering(&pattern);
                    if let Some(first) = first.and_then(|first| places.get(first)) {
                        context.problem::<()>(format!(
                            "never reached: overrides[{first}] holds wherever this does"
                        ));
                    }
                    Some(pattern)
                });
                let terms = Terms {
                    rates: raw.rate,
                    burst: raw.burst,
                    limit: raw.limit,
                    expires: None,
                };
                let allowance = self.allowance(terms, context);
                if let Some(pattern) = pattern {
                    overrides.index.insert(overrides.patterns.len(), &pattern);
                    overrides.patterns.push(pattern);
                    overrides.allowances.extend(allowance.map(Rc::new));
                    places.push(index);
                }
            });
        }
        (context.problem_count() == before).then_some(overrides)
    }

    fn allowance(&self, terms: Terms, context: &mut Context<'_>) -> Option<Allowance> {
        if terms.is_empty() {
            return context.problem(match self.counting {
                Counting::Concurrency => "changes nothing: needs limit",
                _ => "changes nothing: needs rate, burst, or both",
            });
        }
        let before = context.problem_count();
        terms.check(self.counting, context);
        if !self.is_sound || context.problem_count() > before {
            return None;
        }
        let terms = terms.or(self.terms);
        terms.allowance(self.name, self.counting, context)
    }
}
