//! What clients get to see of a denial.

use crate::{Denial, phrase};
use gatehouse_config::{Context, Decode, Entries, HeaderName, HeaderValue, Value, object, one_of};
use gatehouse_host::LocalReply;

one_of! {
    /// The body of a denial.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Body {
        /// `application/problem+json` (RFC 9457) with `type`, `title`, `status` and, where there is
        /// one, `detail`.
        ProblemJson = "problem_json",
        /// The status and its phrase, and the detail, as plain text.
        Text = "text",
        /// Nothing.
        Empty = "empty",
        /// The operator's own.
        Own(Own) = "own",
    }
}

object! {
    /// A body written by the operator.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Own {
        /// Its media type.
        pub content_type: HeaderValue,
        /// The bytes, as they are.
        pub content: String,
    }
}

object! {
    /// The `denial` field.
    #[derive(Debug, Clone)]
    struct Raw {
        status: Option<u16>,
        headers: Entries<HeaderName, HeaderValue> = Entries::default(),
        body: Body = Body::ProblemJson,
    }
}

/// What clients get to see of a denial; see `denial` in the README of each filter.
#[derive(Debug, Clone, PartialEq)]
pub struct DenialShape {
    status: Option<u16>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

impl Default for DenialShape {
    fn default() -> Self {
        Self {
            status: None,
            headers: Vec::new(),
            body: Body::ProblemJson,
        }
    }
}

impl Decode for DenialShape {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let mut sound = true;
        if let Some(status) = raw.status.filter(|status| !(400..=599).contains(status)) {
            context.at_key("status", |context| {
                context.problem::<()>(format!(
                    "{status} is not the status of a denial: 400 to 599"
                ))
            });
            sound = false;
        }
        for (name, _) in &raw.headers.0 {
            // Envoy computes these from the body; another value would let a client read the next
            // response as part of this one.
            if matches!(
                name.as_str(),
                "content-length" | "transfer-encoding" | "content-type"
            ) {
                context.at_key("headers", |context| {
                    context.at_key(name, |context| {
                        context.problem_hint::<()>(
                            "follows from the body and cannot be set here",
                            "for content-type, use body: {own: …}",
                        )
                    })
                });
                sound = false;
            }
        }
        let shape = Self {
            status: raw.status,
            headers: raw.headers.0,
            body: raw.body,
        };
        sound.then_some(shape)
    }

    gatehouse_config::described!(as Raw);
}

impl DenialShape {
    /// The reply that a client gets.
    pub fn reply(&self, denial: Denial<'_>) -> LocalReply {
        let status = self.status.unwrap_or(denial.status);
        let title = phrase(status);
        let (content_type, body) = match &self.body {
            Body::Empty => ("", Vec::new()),
            Body::Own(own) => (&*own.content_type, own.content.clone().into_bytes()),
            Body::Text => {
                let detail = denial
                    .detail
                    .map(|detail| format!(": {detail}"))
                    .unwrap_or_default();
                (
                    "text/plain; charset=utf-8",
                    format!("{status} {title}{detail}\n").into_bytes(),
                )
            }
            Body::ProblemJson => {
                let mut problem = serde_json::json!({
                    "type": "about:blank",
                    "title": title,
                    "status": status,
                });
                if let (Some(detail), Some(map)) = (denial.detail, problem.as_object_mut()) {
                    map.insert("detail".to_owned(), detail.into());
                }
                ("application/problem+json", problem.to_string().into_bytes())
            }
        };
        let mut headers = denial.headers;
        headers.retain(|(name, _)| !self.headers.iter().any(|(own, _)| **own == **name));
        if !content_type.is_empty() {
            headers.push(("content-type".to_owned(), content_type.as_bytes().to_vec()));
        }
        let own = self.headers.iter();
        headers.extend(own.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())));
        LocalReply {
            status,
            headers,
            body,
            grpc_status: Some(denial.grpc_status),
            details: format!("gatehouse.{}.{}", denial.filter, denial.reason),
        }
    }
}
