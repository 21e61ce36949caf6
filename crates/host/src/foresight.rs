//! What expressions come to for a request that has waited.
//!
//! Envoy evaluates an expression for the context whose callback it is in, whichever stream a filter has entered
//! (`expr_evaluate` in `source/extensions/common/wasm/foreign.cc`, of every version). What wakes a request, the
//! answer to a callout or a tick, is a callback of the plugin: there nothing of the request can be evaluated.
//!
//! 1. Before a request waits, its filters have every expression evaluated that may be wanted afterwards
//!    ([`crate::HttpFilter::foresee`]).
//! 2. A filter that changes the request afterwards makes what looks at the change unknown again, and so does
//!    one that says who the consumer is, of what may look at anything: an outcome that another request had, the
//!    one that the client sent, must decide nothing about this one.
//! 3. What is not known is [`Status::Stale`], and every filter has its own answer to that.
//! 4. When the body arrives, that is a callback of the request: nothing has to be known beforehand.

use crate::capability::{Expression, HostError, Result, Status};
use std::rc::Rc;

/// What an expression looks at, as far as filters can change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// These headers, by their names in lower case, pseudo-headers among them.
    Headers(Vec<String>),
    /// Any header, the route, filter state: it cannot be told.
    Anything,
}

/// What was evaluated before the request waited, and still holds.
#[derive(Debug, Default)]
pub(crate) struct Foresight(Vec<(Expression, Rc<Reads>, Result<bool>)>);

/// Nobody can say any more.
const STALE: HostError = HostError {
    call: "expr_evaluate after a wait",
    status: Status::Stale,
};

impl Foresight {
    pub(crate) fn note(
        &mut self,
        expression: Expression,
        reads: &Rc<Reads>,
        outcome: Result<bool>,
    ) {
        self.0.push((expression, Rc::clone(reads), outcome));
    }

    pub(crate) fn outcome(&self, expression: Expression) -> Result<bool> {
        let mut known = self.0.iter();
        let found = known.find(|(known, ..)| *known == expression);
        found.map_or(Err(STALE), |(.., outcome)| *outcome)
    }

    /// Forgets what looks at a header.
    #[inline(never)]
    pub(crate) fn changed(&mut self, name: &str) {
        self.0.retain(|(_, reads, _)| match &**reads {
            Reads::Headers(names) => !names.iter().any(|known| known == name),
            Reads::Anything => false,
        });
    }

    /// Forgets what may look at filter state.
    pub(crate) fn changed_state(&mut self) {
        self.0
            .retain(|(_, reads, _)| matches!(**reads, Reads::Headers(_)));
    }
}
