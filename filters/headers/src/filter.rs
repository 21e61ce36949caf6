//! The filter over the host's traits.

use crate::config::{Config, Mode};
use crate::sides::{LaterSide, RequestSide, differ};
use crate::stats::Stats;
use gatehouse_header_operations::{Answers, Asked, Outcome, Rule, Side, Step};
use gatehouse_host::{
    ConfigureError, Host, HttpFilter, Level, LocalReply, Module, Request, Response, Result, Status,
    Trailers, Verdict,
};
use gatehouse_request_match::{Index, Match, Subject, compile_all};
use gatehouse_template::Scope as _;
use gatehouse_trace::trace;

/// The headers filter.
#[derive(Debug)]
pub struct Filter {
    config: Config,
    index: Index,
    stats: Stats,
}

/// What a request leaves for its response.
#[derive(Debug, Default)]
pub struct Pending(Seen);

#[derive(Debug, Default)]
enum Seen {
    /// The filter never saw the request.
    #[default]
    Nothing,
    /// No rule applied.
    NoRule,
    /// The rule with this index applied.
    Rule {
        index: usize,
        /// The values of the variables that it keeps.
        kept: Vec<Option<Vec<u8>>>,
        /// What its operations ask of the request.
        answers: Answers,
        /// What the request is to its `cors`.
        origin: Asked,
    },
}

impl Filter {
    /// The filter, with its counters defined.
    ///
    /// # Errors
    /// Where an expression does not compile, or the host does not define a counter.
    pub fn new(mut config: Config, host: &dyn Host) -> std::result::Result<Self, ConfigureError> {
        let rules = config.rules.iter_mut();
        let matches = rules.flat_map(|rule| rule.matching.iter_mut().chain(&mut rule.asked));
        compile_all(matches, host)?;
        let stats = Stats::define(host)?;
        Ok(Self {
            index: Index::new(config.rules.iter().map(|rule| rule.matching.as_ref())),
            config,
            stats,
        })
    }

    fn rehearses(&self) -> bool {
        self.config.mode == Mode::Report
    }

    /// Whether a match holds. One whose expression cannot be evaluated does not, and is counted. One that
    /// could have been before the request waited is an error: the rule may be the one that takes a header out.
    fn holds(
        &self,
        matching: &Match,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<bool> {
        match matching.matches(subject, request) {
            Err(error) if subject.take_failed_expression() => {
                request.host().increment(self.stats.failed_expressions, 1);
                match error.status {
                    Status::Stale => Err(error),
                    _ => Ok(false),
                }
            }
            matched => matched,
        }
    }

    fn rule_for(
        &self,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<Option<(usize, &Rule)>> {
        for index in self.index.candidates(subject, request)? {
            let Some(rule) = self.config.rules.get(index) else {
                continue;
            };
            let applies = match &rule.matching {
                None => true,
                Some(matching) => self.holds(matching, subject, request)?,
            };
            if applies {
                trace!(("rules[{index}]"), ("applies"));
                return Ok(Some((index, rule)));
            }
            trace!(("rules[{index}]"), ("does not apply"));
        }
        Ok(None)
    }

    fn change_request(&self, request: &mut Request<'_>, pending: &mut Pending) -> Result<Verdict> {
        let mut subject = Subject::new(self.config.trusted_hops);
        let Some((index, rule)) = self.rule_for(&mut subject, request)? else {
            pending.0 = Seen::NoRule;
            return Ok(Verdict::Continue);
        };
        // Said before anything can fail: the answer to a request that failed here is a response too.
        pending.0 = Seen::rule(index);
        let mut answers = Answers::default();
        for (question, asked) in rule.asked.iter().enumerate() {
            if self.holds(asked, &mut subject, request)? {
                answers.yes(question);
            }
        }
        let host = request.host();
        let mut origin = Asked::Other;
        if let Some(cors) = &rule.cors {
            let (asked, answer) = cors.asked(request.headers()?);
            origin = asked;
            if let Some(answer) = answer {
                host.increment(self.stats.preflights, 1);
                if answer.status != 204 {
                    host.increment(self.stats.refused_preflights, 1);
                }
                if !self.rehearses() {
                    pending.0 = Seen::Rule {
                        index,
                        kept: Vec::new(),
                        answers,
                        origin,
                    };
                    return Ok(Verdict::Deny(answer));
                }
            }
        }
        let rehearses = self.rehearses() && !(rule.request.is_empty() && rule.kept.is_empty());
        let mut side = RequestSide::new(request, &mut subject, rule, rehearses)?;
        for step in &rule.request {
            if let Some((name, value)) = step.constant() {
                side.set(name, value)?;
                continue;
            }
            let outcome = step.apply(answers, &mut side)?;
            if let Outcome::Denied(_reason) = outcome {
                trace!(("request"), ("an operation failed: {_reason}"));
            }
            let Outcome::Denied(reason) = outcome else {
                self.stats.count(outcome, host);
                continue;
            };
            // Its answer is a response like others, but nothing was kept for it.
            pending.0 = Seen::Rule {
                index,
                kept: Vec::new(),
                answers,
                origin,
            };
            if self.rehearses() {
                host.increment(self.stats.would_deny, 1);
                return Ok(Verdict::Continue);
            }
            host.increment(self.stats.denied, 1);
            return Ok(Verdict::Deny(denial(reason)));
        }
        let mut kept = Vec::with_capacity(rule.kept.len());
        for variable in &rule.kept {
            let mut value = Vec::new();
            let there = side.value(variable, &mut value)?;
            kept.push(there.then_some(value));
        }
        let rehearsed = side.into_rehearsal();
        pending.0 = Seen::Rule {
            index,
            kept,
            answers,
            origin,
        };
        if let Some(rehearsed) = rehearsed
            && differ(request.headers()?, &rehearsed)
        {
            host.increment(self.stats.would_change_requests, 1);
        }
        let written = rule.request.iter().filter_map(Step::written);
        if !self.rehearses() && written.clone().next().is_some() {
            request.keep_to_the_end(&|name| written.clone().any(|ours| ours.as_bytes() == name))?;
        }
        Ok(Verdict::Continue)
    }

    /// The rule whose operations a response gets, and what was kept for them.
    fn rule_of<'f>(&'f self, pending: &'f Pending) -> Option<(&'f Rule, Kept<'f>)> {
        match &pending.0 {
            Seen::Nothing => {
                let mut rules = self.config.rules.iter();
                let rule = rules.find(|rule| rule.matching.is_none())?;
                Some((rule, Kept::default()))
            }
            Seen::NoRule => None,
            Seen::Rule {
                index,
                kept,
                answers,
                origin,
            } => {
                let kept = Kept {
                    values: kept,
                    answers: *answers,
                    origin,
                };
                Some((self.config.rules.get(*index)?, kept))
            }
        }
    }

    fn change_response(&self, response: &mut Response<'_>, pending: &Pending) -> Result<()> {
        let Some((rule, kept)) = self.rule_of(pending) else {
            return Ok(());
        };
        let host = response.host();
        let mut side = LaterSide::new(response, rule, kept.values, self.rehearses())?;
        let cors = match &rule.cors {
            Some(cors) => cors.apply(kept.origin, &mut side),
            None => Ok(()),
        };
        let result = cors.and(self.change(&rule.response, kept.answers, &mut side, host));
        if let Some(rehearsed) = side.into_rehearsal()
            && differ(response.headers()?, &rehearsed)
        {
            host.increment(self.stats.would_change_responses, 1);
        }
        result
    }

    fn change_trailers(
        &self,
        steps: fn(&Rule) -> &[Step],
        trailers: &mut Trailers<'_>,
        pending: &Pending,
    ) -> Result<()> {
        let Some((rule, kept)) = self.rule_of(pending) else {
            return Ok(());
        };
        let steps = steps(rule);
        if steps.is_empty() {
            return Ok(());
        }
        let host = trailers.host();
        let mut side = LaterSide::new(trailers, rule, kept.values, self.rehearses())?;
        let result = self.change(steps, kept.answers, &mut side, host);
        if let Some(rehearsed) = side.into_rehearsal()
            && differ(trailers.fields()?, &rehearsed)
        {
            host.increment(self.stats.would_change_trailers, 1);
        }
        result
    }

    /// Does all operations that can be done; the first error is the result.
    fn change(
        &self,
        steps: &[Step],
        answers: Answers,
        side: &mut dyn Side,
        host: &dyn Host,
    ) -> Result<()> {
        let mut result = Ok(());
        for step in steps {
            let done = match step.constant() {
                Some((name, value)) => side.set(name, value).map(|()| Outcome::Done),
                None => step.apply(answers, side),
            };
            match done {
                Ok(outcome) => self.stats.count(outcome, host),
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }
}

/// What was kept of a request.
struct Kept<'f> {
    values: &'f [Option<Vec<u8>>],
    answers: Answers,
    origin: &'f Asked,
}

impl Default for Kept<'_> {
    fn default() -> Self {
        Self {
            values: &[],
            answers: Answers::default(),
            origin: &Asked::Other,
        }
    }
}

impl Seen {
    /// A rule applied, and nothing else is known yet.
    fn rule(index: usize) -> Self {
        Self::Rule {
            index,
            kept: Vec::new(),
            answers: Answers::default(),
            origin: Asked::Other,
        }
    }
}

/// The answer to a request that cannot be given its path or host.
fn denial(reason: &str) -> LocalReply {
    LocalReply {
        status: 400,
        headers: Vec::new(),
        body: Vec::new(),
        // INVALID_ARGUMENT
        grpc_status: Some(3),
        details: format!("gatehouse.headers.{reason}"),
    }
}

impl HttpFilter for Filter {
    type Pending = Pending;

    const WANTS_TRAILERS: bool = true;

    fn request(&self, request: &mut Request<'_>, pending: &mut Pending) -> Result<Verdict> {
        gatehouse_trace::enter!("headers");
        match self.change_request(request, pending) {
            // Report mode lets through what could not even be looked at.
            Err(error) if self.rehearses() => {
                let line = format!("headers: cannot say what would change: {error}");
                request.host().log(Level::Warn, &line);
            }
            other => return other,
        }
        Ok(Verdict::Continue)
    }

    fn foresee(&self, request: &mut Request<'_>) {
        let mut subject = Subject::new(self.config.trusted_hops);
        let Ok(candidates) = self.index.candidates(&mut subject, request) else {
            return;
        };
        for rule in candidates.filter_map(|index| self.config.rules.get(index)) {
            let matching = rule.matching.as_ref();
            if matching.is_none_or(|matching| matching.foresee(&mut subject, request)) {
                for asked in &rule.asked {
                    asked.foresee(&mut subject, request);
                }
            }
        }
    }

    fn wants_response(&self, pending: &Pending) -> bool {
        self.rule_of(pending)
            .is_some_and(|(rule, _)| !rule.response.is_empty() || rule.cors.is_some())
    }

    fn response(&self, response: &mut Response<'_>, pending: &mut Pending) -> Result<()> {
        let result = self.change_response(response, pending);
        // Let go of: a stream can go on for days after its headers, and what was kept may be all that
        // a client's headers could hold.
        if !self.wants_trailers(pending) {
            pending.0 = Seen::NoRule;
        }
        result
    }

    fn wants_trailers(&self, pending: &Pending) -> bool {
        self.rule_of(pending).is_some_and(|(rule, _)| {
            !(rule.request_trailers.is_empty() && rule.response_trailers.is_empty())
        })
    }

    fn request_trailers(&self, trailers: &mut Trailers<'_>, pending: &mut Pending) -> Result<()> {
        let changed = self.change_trailers(|rule| &rule.request_trailers, trailers, pending);
        match changed {
            Err(error) if self.rehearses() => {
                let line = format!("headers: cannot say what would change: {error}");
                trailers.host().log(Level::Warn, &line);
                Ok(())
            }
            other => other,
        }
    }

    fn response_trailers(&self, trailers: &mut Trailers<'_>, pending: &mut Pending) -> Result<()> {
        self.change_trailers(|rule| &rule.response_trailers, trailers, pending)
    }
}

impl Module for Filter {
    const NAME: &'static str = "headers";

    fn configure(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
        host: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        let config = gatehouse_config::load(configuration, &environment)
            .map_err(|problems| ConfigureError::Configuration(problems.to_string()))?;
        Self::new(config, host)
    }
}
