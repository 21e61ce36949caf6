//! `when`: an expression over the request (CEL), which Envoy itself evaluates.
//!
//! 1. Envoy compiles it while the filter is configured ([`When::compile`]). What is no expression is a
//!    problem of the configuration; a name that Envoy does not know is none, and fails as below.
//! 2. It is evaluated where everything else that is asked holds, since it costs more than all the rest.
//! 3. What cannot be evaluated (a key that a map lacks, a name that Envoy does not know, what is no
//!    boolean) neither holds nor does not: it is an error, under `not` too, and each filter says what
//!    becomes of the request.
//! 4. Once a request has waited, Envoy evaluates nothing for it any more. What is wanted afterwards is evaluated
//!    before, and holds unless what it looks at was changed since: see [`reads`] for how that is known. An
//!    expression of which it is not known cannot be evaluated either.

use crate::{Match, reads};
use gatehouse_config::{Context, Decode, Problem, Problems, Value};
use gatehouse_host::{
    ConfigureError, Expression, Expressions, HostError, Reads, Request, Result, Status,
};
use std::cell::OnceCell;
use std::rc::Rc;

/// An expression over the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    text: String,
    /// Where it stands in the configuration.
    path: String,
    /// Once [`When::compile`] has been there.
    compiled: Option<Expression>,
    /// What it looks at, once a request was to wait: found out then, so that modules in which none ever waits
    /// do not contain how.
    reads: OnceCell<Rc<Reads>>,
}

/// What Envoy answers where the text is no expression.
const BAD_ARGUMENT: u32 = 2;

const HINT: &str = "over Envoy's attributes, such as \"request.method == 'GET' && request.headers['x-tenant'] == 'a'\"";

/// What was never compiled cannot be evaluated.
const NOT_COMPILED: HostError = HostError {
    call: "expr_evaluate",
    status: Status::Malformed,
};

impl When {
    /// Has the proxy compile it. What is no expression is a problem of the configuration.
    ///
    /// # Errors
    /// Where the host does not compile expressions.
    pub fn compile(&mut self, host: &dyn Expressions) -> Result<Option<Problem>> {
        match host.compile(&self.text) {
            Ok(expression) => {
                self.compiled = Some(expression);
                Ok(None)
            }
            Err(error) if error.status == Status::Code(BAD_ARGUMENT) => Ok(Some(Problem {
                path: self.path.clone(),
                message: format!("{:?} is not a CEL expression", self.text),
                suggestion: Some(HINT.to_owned()),
            })),
            Err(error) => Err(error),
        }
    }

    /// Has it evaluated for a request that is about to wait ([`gatehouse_host::HttpFilter::foresee`]).
    pub fn foresee(&self, request: &mut Request<'_>) {
        if let Some(compiled) = self.compiled {
            let reads = self.reads.get_or_init(|| Rc::new(reads::of(&self.text)));
            request.foresee(compiled, reads);
        }
    }

    /// Whether it holds for this request.
    ///
    /// # Errors
    /// Where it cannot be evaluated, or is no boolean.
    pub fn holds(&self, request: &mut Request<'_>) -> Result<bool> {
        let holds = request.holds(self.compiled.ok_or(NOT_COMPILED)?);
        if holds.is_err() {
            gatehouse_trace::trace!(("expression"), ("cannot be evaluated: {}", self.text));
        }
        holds
    }
}

/// Has the proxy compile the expressions of all rules.
///
/// # Errors
/// All that are no expressions; or that the host does not compile any.
pub fn compile_all<'m>(
    matches: impl IntoIterator<Item = &'m mut Match>,
    host: &dyn Expressions,
) -> std::result::Result<(), ConfigureError> {
    let mut problems = Vec::new();
    for matching in matches {
        problems.extend(matching.compile(host)?);
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(ConfigureError::Configuration(
            Problems::from(problems).to_string(),
        )),
    }
}

impl Decode for When {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if text.trim().is_empty() {
            return context.problem_hint("an expression cannot be empty", HINT);
        }
        Some(Self {
            text,
            path: context.path(),
            compiled: None,
            reads: OnceCell::new(),
        })
    }

    gatehouse_config::described!(text not empty);
}
