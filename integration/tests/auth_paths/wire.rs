//! Both ends of the wire, in bytes: a client that sends what no library would, over HTTP/1 and HTTP/2, and an upstream
//! that answers with the target it was asked for.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Far longer than any answer takes; a hang becomes a failed test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request, in bytes.
pub(crate) enum Sent {
    /// A request line and a host.
    Http1(Vec<u8>, &'static str),
    /// Pseudo-headers, in order.
    Http2(Vec<(&'static str, Vec<u8>)>),
}

/// What came back.
pub(crate) struct Received {
    /// It stays open, so that no other connection gets its port.
    connection: TcpStream,
    /// Nothing where Envoy ended the stream or the connection without an answer.
    pub(crate) body: Option<Vec<u8>>,
}

impl Received {
    /// The port of our end, by which the access log knows the connection.
    pub(crate) fn port(&self) -> u16 {
        let address = self.connection.local_addr().expect("an address");
        address.port()
    }
}

impl Sent {
    /// The target or path, as it was sent.
    pub(crate) fn target(&self) -> &[u8] {
        match self {
            Self::Http1(line, _) => between_spaces(line),
            Self::Http2(fields) => {
                let path = fields.iter().find(|(name, _)| *name == ":path");
                path.map(|(_, path)| &**path).unwrap_or_default()
            }
        }
    }

    /// Sends it on a connection of its own, with these headers, and reads the answer.
    pub(crate) fn send(&self, to: SocketAddr, headers: &[(&str, &str)]) -> Received {
        let mut connection = TcpStream::connect(to).expect("a connection");
        let patience = Some(PATIENCE);
        connection.set_read_timeout(patience).expect("a socket");
        connection.set_nodelay(true).expect("a socket");
        // Envoy may answer and close before it has read everything (431): the answer is still there to read.
        let _ = connection.write_all(&self.bytes(headers));
        let body = match self {
            Self::Http1(..) => http1_body(&connection),
            Self::Http2(_) => http2_body(&connection),
        };
        Received { connection, body }
    }

    fn bytes(&self, headers: &[(&str, &str)]) -> Vec<u8> {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()));
        match self {
            Self::Http1(line, host) => {
                let mut head = [line, &b"\r\nhost: "[..], host.as_bytes(), b"\r\n"].concat();
                for (name, value) in headers {
                    head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
                }
                head.extend(b"\r\n");
                head
            }
            Self::Http2(fields) => {
                let fields = fields.iter().map(|(name, value)| (*name, &**value));
                let block = fields
                    .chain(headers)
                    .map(|(name, value)| field(name, value));
                let block = block.collect::<Vec<_>>().concat();
                let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
                [
                    &preface[..],
                    &frame(SETTINGS, 0, 0, b""),
                    &frame(HEADERS, END_STREAM | END_HEADERS, 1, &block),
                ]
                .concat()
            }
        }
    }
}

fn between_spaces(line: &[u8]) -> &[u8] {
    let first = line.iter().position(|byte| *byte == b' ');
    let last = line.iter().rposition(|byte| *byte == b' ');
    match (first, last) {
        (Some(first), Some(last)) if first < last => &line[first + 1..last],
        _ => b"",
    }
}

/// A reset ends a connection as well as a close does; a hang is a failed test.
fn is_end(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
    )
}

/// The body of an answer.
fn http1_body(connection: &TcpStream) -> Option<Vec<u8>> {
    let mut answer = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        match answer.read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => {
                assert!(is_end(&error), "{error}");
                return None;
            }
        }
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).expect("a whole body");
    Some(body)
}

/// Types and flags of frames (RFC 9113, 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What is in the DATA frames until the stream ends.
fn http2_body(mut connection: &TcpStream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut head = [0; 9];
        if let Err(error) = connection.read_exact(&mut head) {
            assert!(is_end(&error), "{error}");
            return None;
        }
        let [high, middle, low, kind, flags, ..] = head;
        let length = u32::from_be_bytes([0, high, middle, low]);
        let mut payload = vec![0; usize::try_from(length).expect("24 bits")];
        connection.read_exact(&mut payload).expect("a whole frame");
        match kind {
            RST_STREAM | GOAWAY => return None,
            DATA => body.extend(payload),
            HEADERS => {}
            _ => continue,
        }
        if flags & END_STREAM != 0 {
            return Some(body);
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame");
    let [_, high, middle, low] = length.to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A literal field, not indexed and without Huffman coding (RFC 7541, 6.2.2).
fn field(name: &str, value: &[u8]) -> Vec<u8> {
    let length = |text: &[u8]| {
        u8::try_from(text.len())
            .ok()
            .filter(|length| *length < 0x7f)
    };
    let length = |text: &[u8]| [length(text).expect("more than 126 bytes need more than one")];
    let name = name.as_bytes();
    [&[0], &length(name)[..], name, &length(value), value].concat()
}

/// Starts an upstream that answers every request with its target, byte by byte. It ends with the process.
pub(crate) fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut requests = BufReader::new(&stream);
                while serve(&mut requests, &stream).is_some() {}
            });
        }
    });
    address
}

/// Answers one request; nothing where there is none left.
fn serve(requests: &mut BufReader<&TcpStream>, mut stream: &TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if requests.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    let line = head.split(|byte| *byte == b'\r').next()?;
    let target = between_spaces(line);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        target.len()
    );
    stream.write_all(&[answer.as_bytes(), target].concat()).ok()
}
