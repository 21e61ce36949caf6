//! What happened to a request.

use std::collections::BTreeMap;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client has the answer of upstream.
    Upstream,
    /// The client has an answer of a filter.
    LocalReply,
    /// A filter holds it, and nothing is left that could wake it.
    Held,
    /// Envoy answered for a filter that trapped or did not start: why.
    Failed(String),
}

/// What a request led to, as far as a suite can ask for it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub ending: Ending,
    pub status: Option<u16>,
    /// Of the response, without pseudo-headers.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, Vec<u8>)>,
    pub details: Option<String>,
    /// What upstream saw, where it saw anything.
    pub upstream: Option<Seen>,
    /// Without `wasm.`
    pub filter_state: BTreeMap<String, Vec<u8>>,
    /// What was added to each metric, those that nothing was added to among them.
    pub metrics: BTreeMap<String, u64>,
    pub host_calls: u64,
    /// How many callouts each cluster got that there is.
    pub callouts: BTreeMap<String, u64>,
    /// Callouts that the case has no answer for.
    pub unanswered: Vec<String>,
    /// What the filters wrote to the log.
    pub log: Vec<String>,
}

/// A request as upstream saw it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Outcome {
    /// Whether a filter kept the request from upstream. One that answers a preflight of CORS has not denied it, nor has one that
    /// takes the place of an answer of upstream.
    pub(crate) fn is_denied(&self) -> bool {
        let mut of_grpc = self
            .headers
            .iter()
            .filter(|(name, _)| name == "grpc-status");
        let failed = of_grpc.any(|(_, value)| value != b"0");
        let is_good = matches!(self.status, Some(200..=299)) && !failed;
        self.ending == Ending::LocalReply && self.upstream.is_none() && !is_good
    }

    /// In a line: `denied with 401 (auth.key_unknown)`.
    pub(crate) fn summary(&self) -> String {
        let status = self
            .status
            .map_or_else(|| "no status".to_owned(), |status| status.to_string());
        let details = self
            .details
            .as_ref()
            .filter(|details| !details.is_empty())
            .map(|details| format!(" ({details})"))
            .unwrap_or_default();
        match &self.ending {
            Ending::Upstream => format!("allowed, {status} from upstream"),
            Ending::LocalReply if self.is_denied() => format!("denied with {status}{details}"),
            Ending::LocalReply => format!("answered by a filter with {status}{details}"),
            Ending::Held => "held for good: nothing is left that could wake it".to_owned(),
            Ending::Failed(why) => format!("failed with {status}: {why}"),
        }
    }
}
