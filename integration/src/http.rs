//! An HTTP/1.1 client that sends exactly the bytes it is told to: doubled headers, values that are not UTF-8,
//! paths no URL type would take. Names and order of headers are kept.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::echo::Echoed;

/// Far longer than any answer takes; a hang becomes a failed test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request: what to send, and where to.
#[derive(Clone, Debug)]
pub struct Request {
    to: SocketAddr,
    method: String,
    target: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case and values, in the order of arrival.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

impl Request {
    /// A request to this address with `host: gatehouse.test`.
    pub fn new(to: SocketAddr, method: &str, target: impl AsRef<[u8]>) -> Self {
        let target = target.as_ref().to_vec();
        Self {
            to,
            method: method.to_owned(),
            target,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header, as it is, next to others of its name. A `host` replaces the one of [`Request::new`].
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body; `content-length` follows from it.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Sends it on a connection of its own. Panics when there is no complete answer.
    pub fn send(&self) -> Response {
        self.try_send().expect("a response")
    }

    /// Sends it on a connection of its own; an error is a connection that was cut or an answer that is not HTTP.
    pub fn try_send(&self) -> io::Result<Response> {
        Connection::open(self.to)?.send(self)
    }

    /// Where it goes.
    pub fn to(&self) -> SocketAddr {
        self.to
    }

    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let has = |name: &str| {
            self.headers
                .iter()
                .any(|(header, _)| header.eq_ignore_ascii_case(name))
        };
        let mut line = |parts: &[&[u8]]| {
            parts.iter().for_each(|part| out.extend_from_slice(part));
            out.extend_from_slice(b"\r\n");
        };
        line(&[self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1"]);
        if !has("host") {
            line(&[b"host: gatehouse.test"]);
        }
        if !self.body.is_empty() && !has("content-length") && !has("transfer-encoding") {
            line(&[b"content-length: ", self.body.len().to_string().as_bytes()]);
        }
        for (name, value) in &self.headers {
            line(&[name.as_bytes(), b": ", value]);
        }
        line(&[]);
        out.extend_from_slice(&self.body);
        out
    }
}

impl Response {
    /// All values of a header, by its lower-case name; what is not UTF-8 is replaced.
    pub fn header(&self, name: &str) -> Vec<String> {
        let named = self
            .headers
            .iter()
            .filter(|(candidate, _)| candidate == name);
        named
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON. Panics when it is something else.
    pub fn json(&self) -> serde_json::Value {
        self.parsed()
    }

    /// What the echo upstream received. Panics when the answer is not the echo upstream's.
    pub fn echoed(&self) -> Echoed {
        self.parsed()
    }

    fn parsed<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "{} with a body that is {error}: {}",
                self.status,
                self.text()
            )
        })
    }
}

/// A connection that is kept open between requests.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a request and reads the response.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        self.send_bytes(&request.encoded(), request.method == "HEAD")
    }

    /// Sends these bytes and reads one response; `bodiless` if its head announces a body that won't come.
    pub fn send_bytes(&mut self, bytes: &[u8], bodiless: bool) -> io::Result<Response> {
        // Envoy may answer and close before it has read everything (431, 413): the answer is still there to read.
        let written = self.stream.get_mut().write_all(bytes);
        self.read_response(bodiless)
            .map_err(|error| written.err().unwrap_or(error))
    }

    fn read_response(&mut self, bodiless: bool) -> io::Result<Response> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read_until(b'\n', &mut head)? == 0 {
                return Err(malformed("the connection was closed before a response"));
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed.parse(&head).map_err(malformed)?;
        let status = parsed.code.ok_or_else(|| malformed("no status"))?;
        let headers: Vec<_> = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec()))
            .collect();
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
        };
        if status == 100 {
            return self.read_response(bodiless);
        }
        if !bodiless && !matches!(status, 204 | 304) {
            response.body = self.read_body(&response)?;
        }
        Ok(response)
    }

    fn read_body(&mut self, response: &Response) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if response
            .header("transfer-encoding")
            .iter()
            .any(|coding| coding == "chunked")
        {
            loop {
                let size = usize::from_str_radix(self.line()?.trim(), 16).map_err(malformed)?;
                let start = body.len();
                body.resize(start + size, 0);
                self.stream.read_exact(&mut body[start..])?;
                self.line()?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        match response.header("content-length").first() {
            Some(length) => {
                body.resize(length.parse().map_err(malformed)?, 0);
                self.stream.read_exact(&mut body)?;
            }
            None => {
                self.stream.read_to_end(&mut body)?;
            }
        }
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line)
    }
}

fn malformed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
