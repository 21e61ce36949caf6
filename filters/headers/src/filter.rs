//! The filter over the host's traits.

use crate::config::{Config, Mode, Rule};
use crate::edit::{Outcome, Side as _};
use crate::sides::{RequestSide, ResponseSide, differ};
use crate::stats::Stats;
use gatehouse_host::{
    ConfigureError, Host, HostError, HttpFilter, Level, Module, Request, Response, Result, Verdict,
};
use gatehouse_request_match::Subject;
use gatehouse_template::Scope as _;

/// The headers filter.
#[derive(Debug)]
pub struct Filter {
    config: Config,
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
    },
}

impl Filter {
    /// The filter, with its counters defined.
    ///
    /// # Errors
    /// Where the host does not define a counter.
    pub fn new(config: Config, host: &dyn Host) -> std::result::Result<Self, HostError> {
        let stats = Stats::define(host)?;
        Ok(Self { config, stats })
    }

    fn rehearses(&self) -> bool {
        self.config.mode == Mode::Report
    }

    fn rule_for(
        &self,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<Option<(usize, &Rule)>> {
        for (index, rule) in self.config.rules.iter().enumerate() {
            let applies = match &rule.matching {
                None => true,
                Some(matching) => matching.matches(subject, request)?,
            };
            if applies {
                return Ok(Some((index, rule)));
            }
        }
        Ok(None)
    }

    fn change_request(&self, request: &mut Request<'_>, pending: &mut Pending) -> Result<()> {
        let mut subject = Subject::new(self.config.trusted_hops);
        let Some((index, rule)) = self.rule_for(&mut subject, request)? else {
            pending.0 = Seen::NoRule;
            return Ok(());
        };
        // Said before anything can fail: the answer to a request that failed here is a response too.
        pending.0 = Seen::Rule {
            index,
            kept: Vec::new(),
        };
        let rehearses = self.rehearses() && !(rule.request.is_empty() && rule.kept.is_empty());
        let host = request.host();
        let mut side = RequestSide::new(request, &mut subject, rule, rehearses)?;
        for step in &rule.request {
            let outcome = step.operation.apply(&mut side)?;
            self.stats.count(outcome, host);
        }
        let mut kept = Vec::with_capacity(rule.kept.len());
        for variable in &rule.kept {
            let mut value = Vec::new();
            let there = side.value(variable, &mut value)?;
            kept.push(there.then_some(value));
        }
        let rehearsed = side.into_rehearsal();
        pending.0 = Seen::Rule { index, kept };
        if let Some(rehearsed) = rehearsed
            && differ(request.headers()?, &rehearsed)
        {
            host.increment(self.stats.would_change_requests, 1);
        }
        Ok(())
    }

    /// The rule whose operations a response gets, and what was kept for them.
    fn rule_of<'f>(&'f self, pending: &'f Pending) -> Option<(&'f Rule, &'f [Option<Vec<u8>>])> {
        match &pending.0 {
            Seen::Nothing => {
                let mut rules = self.config.rules.iter();
                let rule = rules.find(|rule| rule.matching.is_none())?;
                Some((rule, &[]))
            }
            Seen::NoRule => None,
            Seen::Rule { index, kept } => Some((self.config.rules.get(*index)?, kept)),
        }
    }

    fn change_response(&self, response: &mut Response<'_>, pending: &Pending) -> Result<()> {
        let Some((rule, kept)) = self.rule_of(pending) else {
            return Ok(());
        };
        if rule.response.is_empty() {
            return Ok(());
        }
        let host = response.host();
        let mut side = ResponseSide::new(response, rule, kept, self.rehearses())?;
        let mut result = Ok(());
        for step in &rule.response {
            let done = match &step.when {
                Some(when) => match side.headers().map(|headers| when.fits(headers)) {
                    Ok(true) => step.operation.apply(&mut side),
                    Ok(false) => Ok(Outcome::Done),
                    Err(error) => Err(error),
                },
                None => step.operation.apply(&mut side),
            };
            match done {
                Ok(outcome) => self.stats.count(outcome, host),
                // The response goes on whatever happens: what can be done to it is done.
                Err(error) => result = result.and(Err(error)),
            }
        }
        if let Some(rehearsed) = side.into_rehearsal()
            && differ(response.headers()?, &rehearsed)
        {
            host.increment(self.stats.would_change_responses, 1);
        }
        result
    }
}

impl HttpFilter for Filter {
    type Pending = Pending;

    fn request(&self, request: &mut Request<'_>, pending: &mut Pending) -> Result<Verdict> {
        match self.change_request(request, pending) {
            // Report mode lets through what could not even be looked at.
            Err(error) if self.rehearses() => {
                let line = format!("headers: cannot say what would change: {error}");
                request.host().log(Level::Warn, &line);
            }
            other => other?,
        }
        Ok(Verdict::Continue)
    }

    fn response(&self, response: &mut Response<'_>, pending: &mut Pending) -> Result<()> {
        // Taken out: a stream can go on for days after its headers, and what was kept may be all that
        // a client's headers could hold.
        let pending = Pending(std::mem::replace(&mut pending.0, Seen::NoRule));
        self.change_response(response, &pending)
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
        Ok(Self::new(config, host)?)
    }
}
