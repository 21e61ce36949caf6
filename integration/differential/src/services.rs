//! What callouts go to: the same services in Envoy and in the test kit.
//!
//! Over HTTP the path says what comes: `/callout` is answered, `/slow` after a while, `/never` not at all, `/drop` by the end of the connection,
//! `/stall` by headers and half a body. `/list` is a list of addresses, `/none` is not there. Over gRPC the
//! domain of the question does: `ok`, `over`, `empty`, `garbage`, `hang`, `status-N`, `http-N`, `two`.

use gatehouse_integration::{Config, RateLimitServer, Refusing, Reply as Answer, TcpServer};
use gatehouse_rate_limit_service::{RateLimitRequest, RateLimitResponse};
use gatehouse_testkit::{CalloutKind, Envoy, Headers, Reply, SentCallout};
use prost::Message as _;
use serde_json::{Value, json};
use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// The clusters that there are, beside the upstream's and `empty`, which has no host.
pub(crate) const CLUSTERS: [&str; 5] = ["upstream", "service", "refused", "grpc", "refused-grpc"];

/// How long a slow answer takes.
pub(crate) const SLOW: Duration = Duration::from_secs(2);

/// Who is on the list.
const LIST: &str = "# who is out\n127.0.0.0/8\n";

pub(crate) struct Services {
    http: TcpServer,
    grpc: RateLimitServer,
    refused: Refusing,
}

impl Services {
    pub(crate) fn start() -> Self {
        Self {
            http: TcpServer::start(|stream| serve(stream).unwrap_or_default()),
            grpc: RateLimitServer::start(|question| answer_grpc(&question)),
            refused: Refusing::start(),
        }
    }

    /// Those of a bootstrap.
    pub(crate) fn clusters() -> Vec<Value> {
        let cluster = |name: &str, port: u16| {
            json!({"name": name, "connect_timeout": "10s", "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}]}]}})
        };
        let mut grpc = cluster("grpc", 18083);
        grpc["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        });
        let mut refused_grpc = grpc.clone();
        refused_grpc["name"] = json!("refused-grpc");
        refused_grpc["load_assignment"] = cluster("refused-grpc", 18082)["load_assignment"].clone();
        vec![
            cluster("service", 18081),
            cluster("refused", 18082),
            grpc,
            refused_grpc,
            json!({"name": "empty", "load_assignment": {"cluster_name": "empty", "endpoints": []}}),
        ]
    }

    pub(crate) fn endpoints(&self, config: Config) -> Config {
        config
            .endpoint(18081, self.http.address())
            .endpoint(18082, self.refused.address())
            .endpoint(18083, self.grpc.address())
    }
}

fn serve(mut stream: TcpStream) -> Option<()> {
    let reader = stream.try_clone().ok()?;
    let request = crate::upstream::read_message(&mut BufReader::new(reader), false)?;
    let path = request.line.split(' ').nth(1)?.to_owned();
    let (status, body) = match path.as_str() {
        "/drop" => return Some(()),
        "/never" => {
            std::thread::sleep(Duration::from_secs(60));
            return Some(());
        }
        "/stall" => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
            stream.write_all(head.as_bytes()).ok()?;
            std::thread::sleep(Duration::from_secs(60));
            return Some(());
        }
        "/slow" => {
            std::thread::sleep(SLOW);
            (200, "called")
        }
        "/list" => (200, LIST),
        "/none" => (404, ""),
        _ => (200, "called"),
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).ok()
}

fn response(code: i32) -> RateLimitResponse {
    RateLimitResponse {
        overall_code: code,
        ..RateLimitResponse::default()
    }
}

/// The domain says what to answer, or else the value of an entry.
fn answer_grpc(question: &RateLimitRequest) -> Answer {
    let entries = question.descriptors.iter().flat_map(|one| &one.entries);
    let tenant = entries
        .filter(|entry| entry.key.contains("x-tenant"))
        .map(|entry| entry.value.as_str())
        .next();
    let domain = tenant.unwrap_or(&question.domain);
    let number = |text: &str| text.parse().unwrap_or_default();
    match domain.split_once('-') {
        Some(("status", code)) => return Answer::Status(number(code)),
        Some(("http", code)) => {
            return Answer::Http(u16::try_from(number(code)).unwrap_or_default());
        }
        _ => {}
    }
    match domain {
        "over" => Answer::Answer(response(2)),
        "empty" => Answer::Bytes(Vec::new()),
        "garbage" => Answer::Bytes(b"\xff\xff\xff".to_vec()),
        "hang" => Answer::After(Duration::from_secs(60), Box::new(Answer::Status(0))),
        "two" => Answer::Messages(vec![
            response(1).encode_to_vec(),
            response(2).encode_to_vec(),
        ]),
        _ => Answer::Answer(response(1)),
    }
}

/// What the test kit answers a callout with, at once or, if it is a slow one, later; nothing if never.
fn reply(callout: &SentCallout, late: bool) -> Option<Reply> {
    if callout.cluster.starts_with("refused") {
        return Some(Reply::refused());
    }
    if callout.kind != CalloutKind::Http {
        let question = RateLimitRequest::decode(callout.body.as_slice()).unwrap_or_default();
        return match answer_grpc(&question) {
            Answer::Answer(response) => Some(Reply::message(response.encode_to_vec())),
            Answer::Bytes(bytes) => Some(Reply::message(bytes)),
            Answer::Status(code) => Some(Reply::status(code, "")),
            Answer::Http(code) => Some(Reply::http(code, Headers::new(), "")),
            Answer::Messages(messages) => Some(Reply::messages(messages)),
            Answer::After(..) => None,
        };
    }
    match callout.headers.text(":path").as_deref() {
        Some("/never" | "/stall") => None,
        Some("/drop") => Some(Reply::dropped()),
        Some("/slow") if !late => None,
        Some("/list") => Some(Reply::http(200, Headers::new(), LIST)),
        Some("/none") => Some(Reply::http(404, Headers::new(), "")),
        _ => Some(Reply::http(200, Headers::new(), "called")),
    }
}

/// Answers what is to be answered by now.
pub(crate) fn answer(envoy: &Envoy, late: bool) {
    stall(envoy);
    envoy.answer_callouts(|callout| reply(callout, late));
}

/// Lets time pass, in which slow answers come.
pub(crate) fn advance(envoy: &Envoy, by: Duration) {
    const STEP: Duration = Duration::from_millis(10);
    let end = envoy.now() + by;
    while envoy.now() < end {
        envoy.advance(STEP.min(end - envoy.now()));
        stall(envoy);
        let now = envoy.now();
        envoy.answer_callouts(|callout| {
            let late = now >= Duration::from_nanos(callout.sent_at) + SLOW;
            reply(callout, late)
        });
    }
}

fn stall(envoy: &Envoy) {
    for callout in envoy.callouts() {
        if callout.sent().headers.text(":path").as_deref() == Some("/stall") {
            callout.stall();
        }
    }
}
