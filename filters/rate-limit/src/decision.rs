//! What limits found, and what follows from it for the request.

use crate::fields::{Fields, whole_seconds};
use crate::global::{Lent, Question, Shown};
use crate::key::NoKey;
use crate::stats::{Cause, Fate};
use crate::store::{Bucket, Failure, Found};
use gatehouse_denial::{Denial, grpc};
use gatehouse_limit_config::{Allowance, Limit, Mode, OnError};
use gatehouse_limit_table::{Retry, Standing};
use std::rc::Rc;

/// What one limit has found out about a request.
pub(crate) enum Finding<'l> {
    /// There is room for a request of this cost, by what was found; it is not charged yet.
    Room(&'l Rc<Allowance>, Bucket, u64, Found<'l>),
    /// It is charged.
    Charged(Found<'l>),
    /// There is no room.
    Over(Found<'l>, Retry),
    /// There is no key.
    NoKey(NoKey<'l>),
    /// It cannot be decided on.
    Failed(Failure),
    /// A lease has enough, and is not charged yet.
    Lent(Lent<'l>),
    /// A lease is charged; or, with when, has not enough and nor has the service.
    Used(&'l Allowance, Standing, Option<Retry>),
    /// The service is to be asked.
    Open(Question<'l>),
    /// What the service says; with when, where it is over the limit.
    Told(&'l Allowance, Option<Shown>, Option<Retry>),
    /// The service says nothing.
    Unanswered {
        /// What the store's `on_error` is.
        refuses: bool,
    },
    /// The service is asked, and nobody waits for what it says.
    Later,
}

impl Finding<'_> {
    /// What a decision says, once it is stored or refuses.
    pub(crate) fn of(found: Found<'_>) -> Finding<'_> {
        match found.decision.refused {
            None => Finding::Charged(found),
            Some(retry) => Finding::Over(found, retry),
        }
    }

    /// Whether the request is refused because of it, if the limit is in force.
    fn refuses(&self, limit: &Limit) -> bool {
        match self {
            Self::Room(..) | Self::Charged(..) => false,
            Self::Over(..) | Self::NoKey(_) => true,
            Self::Failed(_) => limit.on_error == OnError::Deny,
            Self::Lent(_) | Self::Open(_) | Self::Later => false,
            Self::Used(_, _, retry) | Self::Told(_, _, retry) => retry.is_some(),
            Self::Unanswered { refuses } => *refuses,
        }
    }

    /// Whether the request is refused because of it.
    pub(crate) fn denies(&self, limit: &Limit) -> bool {
        limit.mode == Mode::Enforce && self.refuses(limit)
    }

    /// How the limit counts a request that is refused, or not.
    pub(crate) fn fate(&self, limit: &Limit, request_is_denied: bool) -> Option<Fate> {
        if matches!(self, Self::Later) {
            return None;
        }
        match (self.refuses(limit), limit.mode) {
            (true, Mode::Enforce) => Some(Fate::Refused),
            (true, Mode::Report) => Some(Fate::WouldRefuse),
            (false, _) if request_is_denied => None,
            (false, _) => Some(Fate::Admitted),
        }
    }

    /// What the response can say of the limit.
    pub(crate) fn standing(&self) -> Option<Found<'_>> {
        match self {
            Self::Charged(found) | Self::Over(found, _) => Some(*found),
            // Another limit refuses the request: what there is stays.
            Self::Room(allowance, bucket, ..) => Some(bucket.look(&***allowance)),
            Self::Lent(lent) => Some(Found::of(lent.allowance.windows().0, lent.standing())),
            Self::Used(allowance, standing, _) => Some(Found::of(allowance.windows().0, *standing)),
            Self::Told(allowance, stated, _) => {
                let stated = stated.as_ref()?;
                let window = stated.window.as_ref().unwrap_or(allowance.windows().0);
                Some(Found::of(window, stated.standing))
            }
            Self::NoKey(_)
            | Self::Failed(_)
            | Self::Open(_)
            | Self::Unanswered { .. }
            | Self::Later => None,
        }
    }

    /// Which of several refusals the client is told: what waiting does not help with first, then the
    /// longest wait.
    pub(crate) fn gravity(&self) -> (u8, Retry) {
        match self {
            Self::NoKey(_) => (3, Retry::Never),
            Self::Over(_, retry) => (2, *retry),
            Self::Failed(_) | Self::Unanswered { refuses: true } => (1, Retry::Never),
            Self::Used(_, _, Some(retry)) | Self::Told(_, _, Some(retry)) => (2, *retry),
            _ => (0, Retry::Unknown),
        }
    }
}

/// For who wants to know how a decision came about.
#[cfg(not(target_arch = "wasm32"))]
impl std::fmt::Display for Finding<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let wait = |f: &mut std::fmt::Formatter<'_>, retry: &Retry| match *retry {
            Retry::After(nanos) => write!(f, "over: room again in {} s", whole_seconds(nanos)),
            Retry::Never => f.write_str("over: it would never fit"),
            Retry::Unknown => f.write_str("over: too many at once"),
        };
        match self {
            Self::Room(..) => f.write_str("has room, and is not charged"),
            Self::Charged(found) => {
                write!(f, "charged: {} left", found.decision.standing.remaining)
            }
            Self::Over(_, retry) => wait(f, retry),
            Self::NoKey(no_key) => write!(f, "no key: {no_key}"),
            Self::Failed(failure) => write!(f, "cannot be decided on: {}", failure.cause().name()),
            Self::Lent(_) => f.write_str("a lease has room, and is not charged"),
            Self::Told(_, _, Some(Retry::Unknown)) => {
                f.write_str("over: the service does not say until when")
            }
            Self::Used(_, _, Some(retry)) | Self::Told(_, _, Some(retry)) => wait(f, retry),
            Self::Used(_, standing, None) => {
                write!(f, "charged to a lease: {} left", standing.remaining)
            }
            Self::Open(_) => f.write_str("the service has to be asked"),
            Self::Told(_, _, None) => f.write_str("the service has room"),
            Self::Unanswered { .. } => f.write_str("the service says nothing"),
            Self::Later => f.write_str("the service is told"),
        }
    }
}

impl Failure {
    /// How it is counted, and what the operator is told.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Contended => Cause::Contended,
            Self::Host(cause, _) => *cause,
        }
    }
}

impl NoKey<'_> {
    /// How it is counted, and what the operator is told.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Missing(_) => Cause::KeyMissing,
            Self::Ambiguous(_) => Cause::KeyAmbiguous,
        }
    }
}

/// A refusal in the words for the client and for the operator.
pub(crate) struct Refusal {
    status: u16,
    grpc_status: u32,
    /// `over_limit.per-consumer`.
    reason: String,
    detail: String,
    retry_s: Option<u64>,
}

impl Refusal {
    /// What the finding of a limit means for the request; nothing where it does not refuse it.
    pub(crate) fn of(finding: &Finding<'_>, limit: &Limit) -> Option<Self> {
        let (status, grpc_status, reason, detail, retry_ns) = match finding {
            Finding::Unanswered { refuses: true } => {
                let detail = "not available".to_owned();
                (503, grpc::UNAVAILABLE, "service_failed", detail, None)
            }
            Finding::NoKey(no_key) => {
                let detail = no_key.to_string();
                (
                    400,
                    grpc::INVALID_ARGUMENT,
                    no_key.cause().name(),
                    detail,
                    None,
                )
            }
            Finding::Failed(failure) => {
                let detail = "not available".to_owned();
                (503, grpc::UNAVAILABLE, failure.cause().name(), detail, None)
            }
            Finding::Over(_, retry)
            | Finding::Used(_, _, Some(retry))
            | Finding::Told(_, _, Some(retry)) => {
                let is_told = matches!(finding, Finding::Told(..));
                let (detail, retry_ns) = match *retry {
                    Retry::Unknown if is_told => ("over".to_owned(), None),
                    Retry::After(nanos) => {
                        let detail = format!("retry in {} s", whole_seconds(nanos));
                        (detail, Some(nanos))
                    }
                    Retry::Never => ("exceeded".to_owned(), None),
                    Retry::Unknown => ("too many at once".to_owned(), None),
                };
                (
                    429,
                    grpc::RESOURCE_EXHAUSTED,
                    "over_limit",
                    detail,
                    retry_ns,
                )
            }
            _ => return None,
        };
        let name = &limit.name;
        Some(Self {
            status,
            grpc_status,
            reason: format!("{reason}.{name}"),
            detail: format!("limit \"{name}\": {detail}"),
            retry_s: retry_ns.map(whole_seconds),
        })
    }

    /// The shared denial; with `Retry-After` where responses say anything of limits.
    pub(crate) fn denial(&self, fields: Option<&Fields>) -> Denial<'_> {
        let mut headers = Vec::new();
        if let Some(fields) = fields {
            if let Some(seconds) = self.retry_s {
                headers.push(("retry-after".to_owned(), seconds.to_string().into_bytes()));
            }
            // It cannot fail: nothing but a list is written to.
            let _ = fields.put(&mut |name, value| {
                headers.extend(value.map(|value| (name.to_owned(), value.as_bytes().to_vec())));
                Ok(())
            });
        }
        Denial {
            filter: "rate_limit",
            reason: &self.reason,
            status: self.status,
            grpc_status: self.grpc_status,
            detail: Some(&self.detail),
            headers,
        }
    }
}
