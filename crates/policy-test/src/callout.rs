//! How the services answer that a filter asks.

use crate::matcher::TextMatcher;
use crate::request::{Body, HeaderSpec};
use gatehouse_config::{Context, Decode, Duration, Entries, HeaderName, Value, keywords, object};
use gatehouse_rate_limit_service::{
    CODE_OK, CODE_OVER_LIMIT, DescriptorStatus, Limit, RateLimitResponse,
};
use prost::Message as _;
use std::sync::Arc;

keywords! {
    /// How a service does not answer.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Failure {
        /// No host of the cluster is healthy: the call fails at once.
        Down = "down",
        /// The connection is refused: Envoy answers 503.
        Refused = "refused",
        /// The connection breaks before an answer.
        Reset = "reset",
        /// Nothing comes until the time is up that the filter gave it.
        Timeout = "timeout",
        /// Nothing comes at all, not even that the time is up.
        Never = "never",
    }
}

object! {
    /// Which calls are answered.
    #[derive(Debug)]
    pub(crate) struct CalloutMatch {
        pub method: Option<TextMatcher>,
        pub path: Option<TextMatcher>,
        pub body: Option<TextMatcher>,
    }
}

object! {
    /// What a RateLimitService answers for each thing that is counted.
    #[derive(Debug, Clone)]
    pub(crate) struct RateLimitAnswer {
        pub over_limit: bool = false,
        pub remaining: u32 = 0,
        pub limit: Option<u32>,
        pub reset: Option<Duration>,
    }
}

object! {
    /// An answer as it is declared.
    #[derive(Debug)]
    pub(crate) struct AnswerSpec {
        pub r#match as "match": Option<CalloutMatch>,
        pub times: Option<u64>,
        pub status: u16 = 200,
        pub headers: Entries<HeaderName, HeaderSpec> = Entries::default(),
        pub body: Option<Body>,
        pub rate_limit: Option<RateLimitAnswer>,
        pub grpc_status: Option<u32>,
        pub delay: Option<Duration>,
        pub fails: Option<Failure>,
    }
}

/// An answer, and which calls get it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub spec: AnswerSpec,
}

/// The answers of a cluster, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct Answers(pub Vec<Arc<Answer>>);

impl Decode for Answer {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let whole = match value {
            Value::String(_) => {
                Failure::decode(value, context)?;
                serde_json::json!({"fails": value})
            }
            other => other.clone(),
        };
        let spec = AnswerSpec::decode(&whole, context)?;
        if spec.rate_limit.is_some() && (spec.body.is_some() || spec.grpc_status.is_some()) {
            return context.problem("rate_limit and a body or a grpc_status at once");
        }
        Some(Self { spec })
    }
}

impl Decode for Answers {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Array(_) => {
                let answers = <Vec<Answer> as Decode>::decode(value, context)?;
                Some(Self(answers.into_iter().map(Arc::new).collect()))
            }
            _ => Answer::decode(value, context).map(|answer| Self(vec![Arc::new(answer)])),
        }
    }
}

impl Answer {
    /// Whether a call is answered by it.
    pub(crate) fn is_for(&self, method: &[u8], path: &[u8], body: &[u8]) -> bool {
        let Some(wanted) = &self.spec.r#match else {
            return true;
        };
        let accepts = |matcher: &Option<TextMatcher>, text: &[u8]| {
            matcher.as_ref().is_none_or(|matcher| matcher.accepts(text))
        };
        accepts(&wanted.method, method)
            && accepts(&wanted.path, path)
            && accepts(&wanted.body, body)
    }

    /// The message of a gRPC answer to a call with so many descriptors.
    pub(crate) fn grpc_message(&self, descriptors: usize) -> Vec<u8> {
        let Some(answer) = &self.spec.rate_limit else {
            return self.spec.body.as_ref().map(Body::whole).unwrap_or_default();
        };
        let code = match answer.over_limit {
            true => CODE_OVER_LIMIT,
            false => CODE_OK,
        };
        let reset = answer.reset.map(|reset| {
            let nanos = reset.as_nanos();
            gatehouse_rate_limit_service::Duration {
                seconds: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
                nanos: i32::try_from(nanos % 1_000_000_000).unwrap_or_default(),
            }
        });
        let status = DescriptorStatus {
            code,
            current_limit: answer.limit.map(|requests_per_unit| Limit {
                requests_per_unit,
                unit: 2,
            }),
            limit_remaining: answer.remaining,
            duration_until_reset: reset,
        };
        let statuses = vec![status; descriptors];
        RateLimitResponse {
            overall_code: code,
            statuses,
        }
        .encode_to_vec()
    }
}
