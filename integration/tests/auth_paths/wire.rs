//! Both ends of the wire, in bytes: a client that sends what no library would, over HTTP/1 and HTTP/2, and an upstream
//! that answers with the target it was asked for.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Far longer than any answer takes; a hang becomes a failed test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request, in bytes.
pub(crate) enum Sent {
    /// A request line and a host.
    Http1(Vec<u8>, &'static str),
    /// Pseudo-headers, in order.
    Http2(Vec<(&'static str, Vec<u8>)>),
}

/// What came back, and on which port of ours.
pub(crate) struct Received {
    /// It stays open so that no other connection gets its port.
    connection: TcpStream,
    /// Nothing where Envoy ended the stream or the connection without an answer.
    pub(crate) body: Option<Vec<u8>>,
}

impl Received {
    /// By which the access log names the connection.
    pub(crate) fn port(&self) -> u16 {
        let address = self.connection.local_addr().expect("an address");
        address.port()
    }
}

impl Sent {
    /// Sends it on a connection of its own, with these headers, and reads the answer to its end.
    pub(crate) fn send(&self, to: SocketAddr, headers: &[(&str, &str)]) -> Received {
        let mut connection = TcpStream::connect(to).expect("a connection");
        connection.set_nodelay(true).expect("a socket");
        connection
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket");
        let body = match self {
            Self::Http1(line, host) => {
                let head = [line, &b"\r\nhost: "[..], host.as_bytes(), b"\r\nconnection: close\r\n"];
                let mut request = head.concat();
                for (name, value) in headers {
                    request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
                }
                request.extend_from_slice(b"\r\n");
                // Envoy may answer and close before it has read everything: the answer is still there to read.
                let _ = connection.write_all(&request);
                http1_body(&mut connection)
            }
            Self::Http2(pseudo) => {
                let pseudo = pseudo.iter().map(|(name, value)| (*name, &**value));
                let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
                let block: Vec<u8> = pseudo
                    .chain(headers)
                    .flat_map(|(name, value)| literal(name.as_bytes(), value))
                    .collect();
                let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
                let frames = [frame(SETTINGS, 0, 0, b""), frame(HEADERS, 0x5, 1, &block)].concat();
                let _ = connection.write_all(&[preface, &*frames].concat());
                http2_body(&mut connection)
            }
        };
        Received { connection, body }
    }
}

/// The body of an answer after which the connection is closed.
fn http1_body(connection: &mut TcpStream) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    // A reset after the answer is an end as well.
    let ended = connection.read_to_end(&mut answer);
    let patient = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(ended.as_ref().err().is_none_or(patient), "{ended:?}");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(answer.split_off(end + 4))
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// What is in the DATA frames until the stream ends (RFC 9113, 4.1).
fn http2_body(connection: &mut TcpStream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut head = [0; 9];
        if connection.read_exact(&mut head).is_err() {
            return None;
        }
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, high, middle, low])).expect("32 bits")];
        connection.read_exact(&mut payload).expect("a whole frame");
        match kind {
            RST_STREAM | GOAWAY => return None,
            DATA => body.extend_from_slice(&payload),
            _ => {}
        }
        let ended = flags & 1 == 1 && u32::from_be_bytes(stream) == 1;
        if ended && matches!(kind, DATA | HEADERS) {
            return Some(body);
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame");
    let [_, high, middle, low] = length.to_be_bytes();
    let head = [high, middle, low, kind, flags, 0, 0, 0, stream];
    [&head, payload].concat()
}

/// A literal field without indexing and without Huffman coding (RFC 7541, 6.2.2).
fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        let mut length = text.len();
        if length < 127 {
            field.push(u8::try_from(length).expect("7 bits"));
        } else {
            field.push(127);
            length -= 127;
            while length >= 128 {
                field.push(u8::try_from(length % 128 + 128).expect("8 bits"));
                length /= 128;
            }
            field.push(u8::try_from(length).expect("7 bits"));
        }
        field.extend_from_slice(text);
    }
    field
}

/// Starts an upstream that answers every request with its target, byte by byte. It ends with the process.
pub(crate) fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(&stream));
        }
    });
    address
}

fn serve(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let mut header = Vec::new();
        while reader.read_until(b'\n', &mut header).is_ok_and(|read| read > 2) {
            header.clear();
        }
        let start = line.iter().position(|byte| *byte == b' ');
        let end = line.iter().rposition(|byte| *byte == b' ');
        let (Some(start), Some(end)) = (start, end) else {
            panic!("no request line: {}", line.escape_ascii());
        };
        let target = &line[start + 1..end];
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", target.len());
        let mut writer = stream;
        if writer.write_all(&[head.as_bytes(), target].concat()).is_err() {
            return;
        }
    }
}
impl Sent {
    pub(crate) fn shown(&self) -> String {
        let text = match self { Self::Http1(l, h) => format!("{} @{h}", l[..l.len().min(100)].escape_ascii()), Self::Http2(p) => p.iter().map(|(n,v)| format!("{n}={} ", v.escape_ascii())).collect() };
        text
    }
}
