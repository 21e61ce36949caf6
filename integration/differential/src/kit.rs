//! A case in the test kit.

use crate::case::{Case, Seen, SeenRequest, essential, pairs};
use crate::{Setup, services};
use gatehouse_integration::repository;
use gatehouse_testkit::{Engine, Envoy, Headers, Message, Module, Outcome, Request, Response};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(4);

pub(crate) fn start(setup: &Setup<'_>) -> Envoy {
    let engine = Engine::options().cache(repository().join("target/testkit"));
    let engine = engine.build().expect("an engine");
    let module =
        Module::from_file(&engine, repository().join(setup.module)).expect("the module loads");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    let mut builder = Envoy::builder(&module)
        .configuration(setup.configuration)
        .name("some-plugin")
        .root_id("some-root")
        .vm_id("differential")
        .clock(now)
        .clusters(services::CLUSTERS)
        .failure_policy(setup.failure_policy)
        .main_thread()
        .allow_on_headers_stop_iteration(setup.body_while_paused);
    if let Some(limit) = setup.buffer_limit {
        builder = builder.buffer_limit(limit as usize);
    }
    let envoy = builder.build().unwrap_or_else(|error| panic!("{error}"));
    envoy.set_cluster("empty", gatehouse_testkit::Cluster::NoHealthyHost);
    envoy
}

/// What came of a case, and how many lines were logged of it before its body came.
pub(crate) fn run(envoy: &Envoy, case: &Case) -> (Seen, usize) {
    let logged = envoy.logs().len();
    let marker = format!("script {} ", case.name);
    let log = || -> Vec<String> {
        let lines = envoy.logs();
        let lines = lines.get(logged..).unwrap_or_default().iter();
        lines
            .filter_map(|line| Some(line.text.split_once(&marker)?.1.to_owned()))
            .collect()
    };
    let request = request(case);
    let mut stream = envoy.worker(0).open(&request);
    stream.begin(&request);
    // Callouts are answered sooner than the client sends its body, but for slow ones.
    services::answer(envoy, false);
    let before_the_body = log().len();
    stream.finish(&request);
    if !matches!(stream.outcome(), Outcome::Continue(message) if message.complete) {
        services::advance(envoy, PATIENCE);
    }
    let mut seen = Seen::default();
    if let Outcome::Continue(message) = stream.outcome()
        && message.complete
    {
        seen.upstream = Some(upstream(&message));
        stream.respond(response(case));
        services::answer(envoy, false);
        if !matches!(stream.response(), Outcome::Continue(message) if message.complete) {
            services::advance(envoy, PATIENCE);
        }
    }
    // A client that gets no answer goes away after a while.
    match stream.response() {
        Outcome::Continue(message) => take(&mut seen, message.clone()),
        Outcome::LocalReply(reply) => {
            let message = Message {
                headers: reply.headers,
                body: reply.body,
                trailers: None,
                complete: true,
            };
            take(&mut seen, message);
        }
        Outcome::Paused(_) | Outcome::Reset => stream.disconnect(),
    }
    stream.end();
    services::answer(envoy, true);
    envoy.advance(Duration::from_millis(1));
    seen.log = log();
    (seen, before_the_body)
}

fn take(seen: &mut Seen, message: Message) {
    seen.status = message.status();
    seen.headers = essential(pairs(&message.headers));
    seen.body = message.text();
    seen.trailers = essential(message.trailers.iter().flat_map(pairs));
}

fn request(case: &Case) -> Request {
    let mut request = Request::new(case.method, &case.path)
        .host("a.test")
        .route_name("some-route")
        .route_metadata("gatehouse", "plan", "gold")
        .route_metadata(
            "gatehouse",
            "limits",
            gatehouse_testkit::Value::map([("hits", 3.0)]),
        )
        .route_metadata("gatehouse", "open", true)
        .route_metadata("gatehouse", "all", vec!["a", "b"])
        .header("x-id", &case.name);
    for (name, value) in &case.headers {
        // The client sends them so, and Envoy sees bytes.
        let value: Vec<u8> = value.chars().map(|char| char as u32 as u8).collect();
        request = request.header(name, value);
    }
    if case.chunks.len() == 1 && case.trailers.is_empty() {
        request = request.header("content-length", case.chunks[0].len().to_string());
    }
    for chunk in &case.chunks {
        request = request.chunk(chunk);
    }
    if !case.trailers.is_empty() {
        request = request.trailers(headers(&case.trailers));
    }
    request
        .header("x-forwarded-proto", "http")
        .header("x-request-id", "1b5e5e5e-0000-4000-8000-000000000000")
}

fn response(case: &Case) -> Response {
    let answer = &case.answer;
    let mut response = Response::new(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    if let [chunk] = answer.chunks.as_slice()
        && answer.trailers.is_empty()
    {
        response = response.header("content-length", chunk.len().to_string());
    }
    if case.method == "HEAD" {
        return response;
    }
    for chunk in &answer.chunks {
        response = response.chunk(chunk);
    }
    if !answer.trailers.is_empty() {
        response = response.trailers(headers(&answer.trailers));
    }
    response
}

fn headers(pairs: &[(String, String)]) -> Headers {
    pairs.iter().map(|(name, value)| (name, value)).collect()
}

fn upstream(message: &Message) -> SeenRequest {
    let text = |name: &str| message.headers.text(name).unwrap_or_default();
    let mut headers = essential(pairs(&message.headers));
    headers.push(("host".to_owned(), text(":authority")));
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    SeenRequest {
        line: format!("{} {}", text(":method"), text(":path")),
        headers,
        body: message.text(),
        trailers: essential(message.trailers.iter().flat_map(pairs)),
    }
}
