//! What must be true of a consumer: `authorize`.
//!
//! In this order, and the first that is not true is the reason:
//!
//! 1. it is one of `consumers`;
//! 2. it is in one of `groups`;
//! 3. it has all `scopes`;
//! 4. its claims fulfil all of `claims`;
//! 5. `when`, an expression over the request (CEL), holds. Envoy compiles it when the filter is
//!    configured, and evaluates it only where all of the above is true. What cannot be evaluated (a key
//!    that a map lacks, a name that Envoy does not know, what is no boolean) is a denial.

use crate::api_key::Label;
use crate::claim::ClaimRequirement;
use crate::reason::Reason;
use gatehouse_config::{Context, Decode, NonEmpty, Problem, Value, object};
use gatehouse_host::{Consumer, Expressions, HostError, Request};
use gatehouse_request_match::When;

/// What must be true of a consumer. Empty lists ask for nothing.
#[derive(Debug, Default)]
pub(crate) struct Authorize {
    consumers: Vec<String>,
    groups: Vec<String>,
    scopes: Vec<String>,
    claims: Vec<ClaimRequirement>,
    when: Option<When>,
}

object! {
    struct Raw {
        consumers: Option<NonEmpty<Label>>,
        groups: Option<NonEmpty<Label>>,
        scopes: Option<NonEmpty<Label>>,
        claims: Option<NonEmpty<ClaimRequirement>>,
        when: Option<When>,
    }
}

impl Authorize {
    /// Whether all is true but [`Authorize::when`].
    pub(crate) fn check(&self, consumer: &Consumer) -> Result<(), Reason> {
        if !self.consumers.is_empty() && !self.consumers.contains(&consumer.name) {
            return Err(Reason::ForbiddenConsumer);
        }
        let in_group = |group: &String| consumer.groups.contains(group);
        if !self.groups.is_empty() && !self.groups.iter().any(in_group) {
            return Err(Reason::ForbiddenGroup);
        }
        let has = |scope: &String| consumer.scopes.contains(scope);
        if !self.scopes.iter().all(has) {
            return Err(Reason::ForbiddenScope);
        }
        let holds = |claim: &ClaimRequirement| claim.holds(&consumer.claims);
        if !self.claims.iter().all(holds) {
            return Err(Reason::ForbiddenClaim);
        }
        Ok(())
    }

    /// Whether [`Authorize::when`] holds, where there is one.
    pub(crate) fn when(&self, request: &mut Request<'_>) -> Result<(), Reason> {
        match self.when.as_ref().map(|when| when.holds(request)) {
            None | Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => Err(Reason::ForbiddenExpression),
            Some(Err(_)) => Err(Reason::ExpressionFailed),
        }
    }

    /// Has [`Authorize::when`] evaluated for a request that is about to wait.
    pub(crate) fn foresee(&self, request: &mut Request<'_>) {
        if let Some(when) = &self.when {
            when.foresee(request);
        }
    }

    /// The scopes that a consumer needs.
    pub(crate) fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Has the proxy compile `when`. What is no expression is a problem of the configuration.
    pub(crate) fn compile(&mut self, host: &dyn Expressions) -> Result<Option<Problem>, HostError> {
        match &mut self.when {
            Some(when) => when.compile(host),
            None => Ok(None),
        }
    }
}

impl Decode for Authorize {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if value.as_object().is_some_and(|fields| fields.is_empty()) {
            return context.problem(
                "empty, but needs at least one of consumers, groups, scopes, claims, when",
            );
        }
        let raw = Raw::decode(value, context)?;
        let texts = |labels: Option<NonEmpty<Label>>| {
            let labels = labels.map(|labels| labels.0).unwrap_or_default();
            labels.into_iter().map(|label| label.0).collect()
        };
        Some(Self {
            consumers: texts(raw.consumers),
            groups: texts(raw.groups),
            scopes: texts(raw.scopes),
            claims: raw.claims.map(|claims| claims.0).unwrap_or_default(),
            when: raw.when,
        })
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::not_empty(
        schemas.of::<Raw>()
    ));
}
