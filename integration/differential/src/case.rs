//! A request, the answer of the upstream, and what is seen of both.

use gatehouse_testkit::Headers;

/// A request and its answer.
#[derive(Clone, Debug)]
pub struct Case {
    /// Also the header `x-id`: no spaces.
    pub name: String,
    /// GET, unless there is a body.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// Headers beside the host's, `a.test`.
    pub headers: Vec<(String, String)>,
    /// Chunks of the body.
    pub chunks: Vec<String>,
    /// Trailers, none if empty.
    pub trailers: Vec<(String, String)>,
    /// What the upstream answers.
    pub answer: Answer,
}

/// What the upstream answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Chunks of the body; one is sent with its length.
    pub chunks: Vec<String>,
    /// Trailers, none if empty.
    pub trailers: Vec<(String, String)>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            chunks: vec!["ok".to_owned()],
            trailers: Vec::new(),
        }
    }
}

impl Case {
    /// A GET of `/`.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            method: "GET",
            path: "/".to_owned(),
            headers: Vec::new(),
            chunks: Vec::new(),
            trailers: Vec::new(),
            answer: Answer::default(),
        }
    }

    /// One with a script for a phase.
    pub fn script(name: &str, phase: &str, orders: &str) -> Self {
        Self::new(name).on(phase, orders)
    }

    /// Another method.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    /// Another path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Orders for a phase.
    #[must_use]
    pub fn on(self, phase: &str, orders: &str) -> Self {
        self.header(&format!("x-on-{phase}"), orders)
    }

    /// Another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A chunk of the body of a POST.
    #[must_use]
    pub fn chunk(mut self, chunk: &str) -> Self {
        self.method = "POST";
        self.chunks.push(chunk.to_owned());
        self
    }

    /// A trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What the upstream answers.
    #[must_use]
    pub fn answer(mut self, status: u16, headers: &[(&str, &str)], chunks: &[&str]) -> Self {
        self.answer.status = status;
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.answer.headers = headers.iter().map(header).collect();
        self.answer.chunks = chunks.iter().map(|chunk| (*chunk).to_owned()).collect();
        self
    }

    /// A trailer of the answer.
    #[must_use]
    pub fn answer_trailer(mut self, name: &str, value: &str) -> Self {
        self.answer
            .trailers
            .push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What came of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// 0 if there was no response.
    pub status: u16,
    /// Headers of the response, by name.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
    /// Its trailers.
    pub trailers: Vec<(String, String)>,
    /// What reached the upstream.
    pub upstream: Option<SeenRequest>,
    /// What the module logged.
    pub log: Vec<String>,
}

/// What reached the upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenRequest {
    /// Method and path.
    pub line: String,
    /// Headers by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The trailers.
    pub trailers: Vec<(String, String)>,
}

/// Headers without those that the proxy and the connections add, by name. The values of a name stay in order.
pub(crate) fn essential(
    headers: impl IntoIterator<Item = (String, String)>,
) -> Vec<(String, String)> {
    const OTHERS: &[&str] = &[
        "connection",
        "content-length",
        "date",
        "server",
        "transfer-encoding",
        "x-forwarded-proto",
        "x-request-id",
    ];
    let mut headers: Vec<_> = headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| {
            !OTHERS.contains(&name.as_str())
                && !name.starts_with("x-envoy-")
                && !name.starts_with(':')
        })
        .collect();
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    headers
}

pub(crate) fn pairs(headers: &Headers) -> Vec<(String, String)> {
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| {
            (
                name.to_owned(),
                value.iter().map(|byte| char::from(*byte)).collect(),
            )
        })
        .collect()
}
