//! An upstream that answers as a case says, and remembers what it got.

use crate::case::{Answer, SeenRequest, essential};
use crate::progress::{Progress, parts};
use crate::services;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What Envoy has read of it.
const READ: &str = "cluster.upstream.upstream_cx_rx_bytes_total";

/// A running upstream.
pub(crate) struct Upstream {
    address: SocketAddr,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// Of the Envoy that asks.
    admin: Option<SocketAddr>,
    answers: HashMap<String, Answer>,
    seen: HashMap<String, SeenRequest>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let known = Arc::new(Mutex::new(Known::default()));
        let shared = known.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let known = shared.clone();
                std::thread::spawn(move || serve(stream, &known));
            }
        });
        Self { address, known }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Chunks of its answers are read one by one by this Envoy, by the address of its admin interface.
    pub(crate) fn serve(&self, admin: SocketAddr) {
        self.known.lock().expect("a lock").admin = Some(admin);
    }

    pub(crate) fn expect(&self, name: &str, answer: Answer) {
        self.known
            .lock()
            .expect("a lock")
            .answers
            .insert(name.to_owned(), answer);
    }

    pub(crate) fn take(&self, name: &str) -> Option<SeenRequest> {
        self.known.lock().expect("a lock").seen.remove(name)
    }
}

/// One request a connection.
fn serve(mut stream: TcpStream, known: &Mutex<Known>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let request = read_message(&mut reader, false)?;
    let id = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("x-id"));
    let Some((_, id)) = id else {
        // A callout.
        if request.line.contains("/slow") {
            std::thread::sleep(services::SLOW);
        }
        let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\ncalled";
        return stream.write_all(answer.as_bytes()).ok();
    };
    let (answer, admin) = {
        let mut known = known.lock().expect("a lock");
        let line = request
            .line
            .rsplit_once(' ')
            .map(|(line, _)| line)
            .unwrap_or_default();
        let seen = SeenRequest {
            line: line.to_owned(),
            headers: essential(request.headers.clone()),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            trailers: essential(request.trailers),
        };
        known.seen.insert(id.clone(), seen);
        (known.answers.get(id).cloned()?, known.admin?)
    };
    let mut head = format!("HTTP/1.1 {} Said\r\nconnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let chunked = answer.chunks.len() > 1 || !answer.trailers.is_empty();
    match answer.chunks.first() {
        _ if chunked => head.push_str("transfer-encoding: chunked\r\n"),
        Some(chunk) => {
            let _ = write!(head, "content-length: {}\r\n", chunk.len());
        }
        None if answer.status == 204 => {}
        None => head.push_str("content-length: 0\r\n"),
    }
    let mut progress = Progress::new(admin, READ);
    progress.write(&mut stream, format!("{head}\r\n")).ok()?;
    for part in parts(&answer.chunks, &answer.trailers) {
        progress.write(&mut stream, &part).ok()?;
    }
    Some(())
}

/// A message as it was on the wire.
pub(crate) struct Read {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

/// Reads a request or a response; nothing if it breaks off.
pub(crate) fn read_message(reader: &mut impl BufRead, bodiless: bool) -> Option<Read> {
    let line = read_line(reader)?;
    let headers = read_fields(reader)?;
    let value = |name: &str| {
        let found = headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let mut read = Read {
        line,
        headers: headers.clone(),
        body: Vec::new(),
        trailers: Vec::new(),
    };
    if bodiless {
        return Some(read);
    }
    if let Some(length) = value("content-length").and_then(|length| length.parse().ok()) {
        read.body = vec![0; length];
        reader.read_exact(&mut read.body).ok()?;
    } else if value("transfer-encoding").is_some() {
        loop {
            let size = usize::from_str_radix(&read_line(reader)?, 16).ok()?;
            if size == 0 {
                break;
            }
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            read.body.extend_from_slice(&chunk[..size]);
        }
        read.trailers = read_fields(reader)?;
    }
    Some(read)
}

fn read_fields(reader: &mut impl BufRead) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            return Some(fields);
        }
        let (name, value) = line.split_once(':')?;
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    (reader.read_until(b'\n', &mut line).ok()? > 0).then_some(())?;
    let text: String = line.iter().map(|byte| char::from(*byte)).collect();
    Some(text.trim_end_matches(['\r', '\n']).to_owned())
}
