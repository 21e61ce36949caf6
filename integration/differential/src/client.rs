//! A case in stock Envoy: a client that writes and reads HTTP/1.1 byte by byte.

use crate::case::{Case, Seen, essential};
use crate::upstream::{Upstream, read_message};
use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Long enough for every answer that comes.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Between chunks, so that they are read one by one.
const GAP: Duration = Duration::from_millis(60);

pub(crate) fn run(to: SocketAddr, case: &Case, upstream: &Upstream) -> Seen {
    upstream.expect(&case.name, case.answer.clone());
    let mut stream = TcpStream::connect(to).expect("Envoy listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
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
    // One that answers early may close early.
    let _ = send(&mut stream, &head, case, chunked);
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

fn send(stream: &mut TcpStream, head: &[u8], case: &Case, chunked: bool) -> std::io::Result<()> {
    stream.write_all(head)?;
    for chunk in &case.chunks {
        std::thread::sleep(GAP);
        match chunked {
            true => stream.write_all(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes())?,
            false => stream.write_all(chunk.as_bytes())?,
        }
    }
    if chunked {
        std::thread::sleep(GAP);
        let mut end = String::from("0\r\n");
        for (name, value) in &case.trailers {
            let _ = write!(end, "{name}: {value}\r\n");
        }
        stream.write_all(format!("{end}\r\n").as_bytes())?;
    }
    Ok(())
}
