//! What limits found, and what follows from it for the request.

use crate::config::{Allowance, Limit, Mode, OnError};
use crate::fields::{Fields, Standing, whole_seconds};
use crate::key::NoKey;
use crate::stats::{Cause, Fate};
use crate::store::{Bucket, Failure};
use gatehouse_denial::{Denial, grpc};
use gatehouse_gcra::Decision;

/// What one limit has found out about a request.
pub(crate) enum Finding<'l> {
    /// There is room for a request of this cost, and it is not charged yet.
    Room(&'l Allowance, Bucket, u64),
    /// It is charged.
    Charged(&'l Allowance, Standing),
    /// There is no room. With the nanoseconds until there is, unless there never will be.
    Over(&'l Allowance, Standing, Option<u64>),
    /// There is no key.
    NoKey(NoKey<'l>),
    /// It cannot be decided on.
    Failed(Failure),
}

impl Finding<'_> {
    /// What a decision on a bucket says, once it is stored or refuses.
    pub(crate) fn from_decision<'l>(decision: &Decision, allowance: &'l Allowance) -> Finding<'l> {
        let standing = Standing::after(decision, &allowance.quota);
        match decision {
            Decision::Admitted { .. } => Finding::Charged(allowance, standing),
            Decision::Refused { retry_after_ns, .. } => {
                Finding::Over(allowance, standing, *retry_after_ns)
            }
        }
    }

    /// Whether the request is refused because of it, if the limit is in force.
    fn refuses(&self, limit: &Limit) -> bool {
        match self {
            Self::Room(..) | Self::Charged(..) => false,
            Self::Over(..) | Self::NoKey(_) => true,
            Self::Failed(_) => limit.on_error == OnError::Deny,
        }
    }

    /// Whether the request is refused because of it.
    pub(crate) fn denies(&self, limit: &Limit) -> bool {
        limit.mode == Mode::Enforce && self.refuses(limit)
    }

    /// How the limit counts a request that is refused, or not.
    pub(crate) fn fate(&self, limit: &Limit, request_is_denied: bool) -> Option<Fate> {
        match (self.refuses(limit), limit.mode) {
            (true, Mode::Enforce) => Some(Fate::Refused),
            (true, Mode::Report) => Some(Fate::WouldRefuse),
            (false, _) if request_is_denied => None,
            (false, _) => Some(Fate::Admitted),
        }
    }

    /// Adds the limit to what the response says.
    pub(crate) fn describe(&self, limit: &Limit, fields: &mut Option<Fields>) {
        let (allowance, standing) = match self {
            Self::Charged(allowance, standing) | Self::Over(allowance, standing, _) => {
                (allowance, *standing)
            }
            // Another limit refuses the request: what is in the bucket stays in it.
            Self::Room(allowance, bucket, _) => {
                let standing = Standing::after(&bucket.look(&allowance.quota), &allowance.quota);
                (allowance, standing)
            }
            Self::NoKey(_) | Self::Failed(_) => return,
        };
        fields
            .get_or_insert_default()
            .add(&allowance.policy, &limit.name, &standing);
    }

    /// Which of several refusals the client is told: what waiting does not help with first, then the
    /// longest wait.
    pub(crate) fn gravity(&self) -> (u8, u64) {
        match self {
            Self::NoKey(_) => (3, 0),
            Self::Over(_, _, retry_ns) => (2, retry_ns.unwrap_or(u64::MAX)),
            Self::Failed(_) => (1, 0),
            Self::Room(..) | Self::Charged(..) => (0, 0),
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
            Finding::Room(..) | Finding::Charged(..) => return None,
            Finding::NoKey(no_key) => {
                let detail = match no_key {
                    NoKey::Missing(part) => format!("needs {part}"),
                    NoKey::Ambiguous(header) => format!("header {header} has several values"),
                };
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
            Finding::Over(_, _, retry_ns) => {
                let detail = match retry_ns {
                    Some(nanos) => format!("retry in {} s", whole_seconds(*nanos)),
                    None => "exceeded".to_owned(),
                };
                (
                    429,
                    grpc::RESOURCE_EXHAUSTED,
                    "over_limit",
                    detail,
                    *retry_ns,
                )
            }
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
            let fields = fields.headers().into_iter();
            headers
                .extend(fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
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
