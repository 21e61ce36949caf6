//! A case in stock Envoy: a client that writes and reads HTTP/1.1 byte by byte.

use crate::case::{Case, Seen, essential};
use crate::progress::{Progress, parts};
use crate::upstream::{Upstream, read_message};
use gatehouse_integration::Envoy;
use std::fmt::Write as _;
use std::io::BufReader;
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer takes that comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it waits for none.
const WITHOUT_ANSWER: Duration = Duration::from_millis(2500);

/// What Envoy has read of clients.
const READ: &str = "http.http.downstream_cx_rx_bytes_total";

/// Sends a case, of which an answer is expected or not. What is to be waited for before its body is sent is up to `before_the_body`.
pub(crate) fn run(
    envoy: &Envoy,
    case: &Case,
    upstream: &Upstream,
    is_answered: bool,
    before_the_body: impl FnOnce(),
) -> Seen {
    upstream.expect(&case.name, case.answer.clone());
    let mut progress = Progress::new(envoy.admin_address(), READ);
    let mut stream = TcpStream::connect(envoy.address()).expect("Envoy listens");
    let patience = if is_answered {
        PATIENCE
    } else {
        WITHOUT_ANSWER
    };
    stream.set_read_timeout(Some(patience)).expect("a timeout");
    let mut head = format!(
        "{} {} HTTP/1.1\r\nhost: a.test\r\nx-id: {}\r\n",
        case.method, case.path, case.name
    );
    for (name, value) in &case.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let chunked = case.chunks.len() > 1 || !case.trailers.is_empty();
    match case.chunks.first() {
        _ if chunked => head.push_str("transfer-encoding: chunked\r\n"),
        Some(chunk) => {
            let _ = write!(head, "content-length: {}\r\n", chunk.len());
        }
        None => {}
    }
    head.push_str("\r\n");
    // Characters up to 255 are bytes.
    let head: Vec<u8> = head.chars().map(|char| char as u32 as u8).collect();
    let send = || -> std::io::Result<()> {
        progress.write(&mut stream, &head)?;
        let parts = parts(&case.chunks, &case.trailers);
        if !parts.is_empty() {
            before_the_body();
        }
        for part in parts {
            progress.write(&mut stream, part)?;
        }
        Ok(())
    };
    // One that answers early may close early.
    let _ = send();
    let mut seen = Seen::default();
    let bodiless = case.method == "HEAD";
    if let Some(response) = read_message(&mut BufReader::new(&stream), bodiless) {
        let status = response
            .line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        seen.status = status.unwrap_or_default();
        seen.headers = essential(response.headers);
        seen.body = String::from_utf8_lossy(&response.body).into_owned();
        seen.trailers = essential(response.trailers);
    }
    seen.upstream = upstream.take(&case.name);
    seen
}
