//! A filter that does what a request tells it, and logs what it is told: the tests on stock Envoy see by
//! it how the proxy behaves where filters rely on it.
//!
//! 1. The header `x-probe` of a request has the orders, separated by commas.
//! 2. `deny`, `request-body` (waits for it), `call` and `grpc` (wait for the answer) say what becomes of the
//!    request; `response-body`, `trailers` and `hold` what more is wanted of the stream; `report` sends a callout at its end.
//! 3. `x-probe-cluster` has the cluster of a callout, `x-probe-message` the message of a gRPC call.
//! 4. `x-probe-property` has attributes, separated by commas, their parts by slashes; they are read, and with the
//!    order `touch` read again once the header of that name has been added to the request.
//! 5. `x-probe-expression` has an expression, which is evaluated each time the request is asked about.
//! 6. A line in the log begins with `probe ID:`, where the ID is that of `x-probe-id`.

use gatehouse_host::{
    Answer, Body, Callout, CalloutId, Cas, ConfigureError, GrpcCallout, Headers, Host, HttpFilter,
    Level, LocalReply, Module, Request, Response, ResponseChunk, Result, StreamId, Trailers,
    Verdict,
};
use std::cell::RefCell;
use std::time::Duration;

/// How long a request waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a callout may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The filter; there is nothing to configure.
#[derive(Default)]
pub struct Filter {
    /// Callouts under way: for which stream, and its ID.
    under_way: RefCell<Vec<(CalloutId, StreamId, String)>>,
    answered: RefCell<Vec<StreamId>>,
}

/// What is kept of a stream.
#[derive(Default)]
pub struct Pending {
    id: String,
    orders: Vec<String>,
    asked: u32,
}

impl Pending {
    fn has(&self, order: &str) -> bool {
        self.orders.iter().any(|known| known == order)
    }
}

impl Module for Filter {
    const NAME: &'static str = "probe";

    fn configure(
        _: &[u8],
        _: &dyn Fn(&str) -> Option<String>,
        _: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        Ok(Self::default())
    }
}

impl HttpFilter for Filter {
    type Pending = Pending;

    const WANTS_RESPONSE_BODY: bool = true;
    const WANTS_TRAILERS: bool = true;
    const WANTS_END: bool = true;

    fn request(&self, request: &mut Request<'_>, pending: &mut Pending) -> Result<Verdict> {
        pending.asked += 1;
        if pending.asked == 1 {
            let headers = request.headers()?;
            pending.id = value(headers, "x-probe-id");
            let orders = value(headers, "x-probe");
            pending.orders = orders.split(',').map(str::to_owned).collect();
        }
        let host = request.host();
        let stream = request.stream();
        let until = request.now()?.after(PATIENCE);
        let expression = value(request.headers()?, "x-probe-expression");
        if !expression.is_empty() {
            let holds = host.compile(&expression).and_then(|text| host.holds(text));
            write(host, &pending.id, &format!("expression {holds:?}"));
        }
        if pending.has("call") || pending.has("grpc") {
            let waited = self.answered.borrow().contains(&stream) || request.wait_is_over();
            self.answered.borrow_mut().retain(|other| *other != stream);
            if !waited {
                let sent = send(request, pending);
                return Ok(match sent {
                    Ok(callout) => {
                        let entry = (callout, stream, pending.id.clone());
                        self.under_way.borrow_mut().push(entry);
                        Verdict::Wait { until }
                    }
                    Err(error) => {
                        write(host, &pending.id, &format!("not sent: {error}"));
                        Verdict::Continue
                    }
                });
            }
        }
        let properties = value(request.headers()?, "x-probe-property");
        if !properties.is_empty() {
            show(&properties, host, &pending.id);
            if pending.has("touch") {
                request.set("touch", b"1")?;
                show(&properties, host, &pending.id);
            }
        }
        if pending.has("request-body") {
            match request.body() {
                Body::Coming => return Ok(Verdict::WaitForBody { most: 1000, until }),
                body => write(host, &pending.id, &format!("request body {body:?}")),
            }
        }
        if pending.has("deny") {
            return Ok(Verdict::Deny(LocalReply {
                status: 403,
                headers: Vec::new(),
                body: b"denied".to_vec(),
                grpc_status: Some(7),
                details: "gatehouse.probe.denied".to_owned(),
            }));
        }
        Ok(Verdict::Continue)
    }

    fn response(&self, response: &mut Response<'_>, pending: &mut Pending) -> Result<()> {
        let status = response.headers()?.status().unwrap_or_default();
        let has_body = response.has_body();
        let line = format!("response {status}, more follows: {has_body}");
        write(response.host(), &pending.id, &line);
        Ok(())
    }

    fn wants_response_body(&self, pending: &Pending) -> bool {
        pending.has("response-body")
    }

    /// The first bytes and the last, to see that bytes are where they should be.
    fn response_body(&self, chunk: &mut ResponseChunk<'_>, pending: &mut Pending) {
        let from = chunk.len().saturating_sub(4);
        let ends = [(0, 4), (from, 4), (from, 1000), (chunk.len(), 4)]
            .map(|(start, most)| shown(chunk.bytes(start, most)));
        let last = if chunk.is_last() { ", the last" } else { "" };
        let line = format!("chunk of {}: {}{last}", chunk.len(), ends.join(" "));
        write(chunk.host(), &pending.id, &line);
    }

    fn wants_trailers(&self, pending: &Pending) -> bool {
        pending.has("trailers")
    }

    fn request_trailers(&self, trailers: &mut Trailers<'_>, pending: &mut Pending) -> Result<()> {
        change("request", trailers, pending)
    }

    fn response_trailers(&self, trailers: &mut Trailers<'_>, pending: &mut Pending) -> Result<()> {
        change("response", trailers, pending)
    }

    fn wants_end(&self, pending: &Pending) -> bool {
        pending.has("hold")
    }

    /// Tries what a filter may want to do at the end.
    fn ended(&self, host: &dyn Host, pending: Pending) {
        let clock = host.now().is_ok();
        let key = format!("probe.{}", pending.id);
        let created = host.swap_shared(&key, b"x", Cas::CREATE);
        let read = host.shared(&key).map(|found| found.is_some());
        let number = |path: &[&str]| {
            let bytes = host.property(path).ok().flatten()?;
            Some(i64::from_le_bytes(*bytes.first_chunk()?))
        };
        let code = number(&["response", "code"]);
        let details = host.property(&["response", "code_details"]);
        let details = details.ok().flatten().unwrap_or_default();
        let line = format!(
            "ended: asked {}, clock {clock}, created {created:?}, read {read:?}, code {code:?}, details {}",
            pending.asked,
            String::from_utf8_lossy(&details),
        );
        write(host, &pending.id, &line);
        if pending.has("report") {
            let sent = host.call_out(&call("upstream".to_owned()));
            match sent {
                Ok(callout) => {
                    let entry = (callout, StreamId::default(), pending.id);
                    self.under_way.borrow_mut().push(entry);
                }
                Err(error) => write(host, &pending.id, &format!("not sent: {error}")),
            }
        }
    }

    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        let mut under_way = self.under_way.borrow_mut();
        let known = under_way.iter().position(|(known, ..)| *known == callout);
        let Some(place) = known else {
            drop(under_way);
            write(answer.host(), "unknown", "answer to a callout unknown");
            return;
        };
        let (_, stream, id) = under_way.remove(place);
        let line = match answer.grpc_status() {
            Some(0) => format!(
                "grpc answer to {}: {}",
                kind(callout),
                shown(answer.body(1000).map(Option::unwrap_or_default))
            ),
            Some(status) => format!(
                "grpc failure of {}: {status} {}",
                kind(callout),
                answer.grpc_status_text().unwrap_or_default()
            ),
            None => format!(
                "answer to {}: {:?}",
                kind(callout),
                answer.headers().ok().and_then(|headers| headers.status())
            ),
        };
        write(answer.host(), &id, &line);
        self.answered.borrow_mut().push(stream);
        wake.push(stream);
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(Duration::from_millis(100))
    }
}

/// Reads attributes.
fn show(properties: &str, host: &dyn Host, id: &str) {
    for property in properties.split(',') {
        let path: Vec<_> = property.split('/').collect();
        let line = match host.property(&path) {
            Ok(Some(bytes)) => format!("{property} is \"{}\"", bytes.escape_ascii()),
            Ok(None) => format!("{property} is not there"),
            Err(error) => format!("{property}: {error}"),
        };
        write(host, id, &line);
    }
}

/// Envoy's kinds of callouts are in the lowest bits of their numbers, so that none is of two kinds.
fn kind(callout: CalloutId) -> &'static str {
    match callout.0 & 3 {
        0 => "a number of HTTP",
        1 => "a number of gRPC",
        _ => "a number of something else",
    }
}

fn send(request: &mut Request<'_>, pending: &Pending) -> Result<CalloutId> {
    let host = request.host();
    let headers = request.headers()?;
    let cluster = value(headers, "x-probe-cluster");
    if pending.has("grpc") {
        return host.call_grpc(&GrpcCallout {
            cluster,
            service: "probe.v1.Probe".to_owned(),
            method: "Ask".to_owned(),
            metadata: vec![("x-probe-id".to_owned(), pending.id.clone().into_bytes())],
            message: value(headers, "x-probe-message").into_bytes(),
            timeout: TIMEOUT,
        });
    }
    host.call_out(&call(cluster))
}

fn call(cluster: String) -> Callout {
    let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    Callout {
        cluster,
        headers: vec![
            header(":method", b"GET"),
            header(":path", b"/callout"),
            header(":authority", b"service"),
        ],
        body: Vec::new(),
        timeout: TIMEOUT,
    }
}

/// Shows the fields, takes `x-secret` away, and adds `x-seen`.
fn change(side: &str, trailers: &mut Trailers<'_>, pending: &Pending) -> Result<()> {
    let fields = trailers.fields()?;
    let names: Vec<_> = fields
        .iter()
        .map(|(name, value)| {
            format!(
                "{}={}",
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value)
            )
        })
        .collect();
    let line = format!("{side} trailers {}", names.join(" "));
    write(trailers.host(), &pending.id, &line);
    trailers.remove("x-secret")?;
    trailers.set("x-seen", b"by the probe")
}

fn value(headers: &Headers, name: &str) -> String {
    let value = headers.all(name).next().unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}

fn shown(bytes: Result<Vec<u8>>) -> String {
    match bytes {
        Ok(bytes) => format!("[{}]", String::from_utf8_lossy(&bytes)),
        Err(error) => error.to_string(),
    }
}

fn write(host: &dyn Host, id: &str, line: &str) {
    host.log(Level::Info, &format!("probe {id}: {line}"));
}

#[cfg(all(target_arch = "wasm32", feature = "module"))]
gatehouse_host_proxy_wasm::http_module!(
    crate::Filter,
    callbacks: [
        request_headers,
        request_body,
        request_trailers,
        response_headers,
        response_body,
        response_trailers,
        http_call_response,
        grpc_receive,
        grpc_close,
        tick,
        delete,
    ]
);
