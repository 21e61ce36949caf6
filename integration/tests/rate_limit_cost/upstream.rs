//! An upstream whose answers say in their bodies what they cost, by the path.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// The length of the bodies at `/hostile/…`.
pub(crate) const HOSTILE: usize = 32 * 1024 * 1024;

const DOCUMENT: &str =
    r#"{"id":"x","choices":[{"text":"}\"{"}],"usage":{"prompt_tokens":2,"total_tokens":42}}"#;

const EVENTS: &str = "data: {\"choices\":[{\"delta\":\"a\"}],\"usage\":null}\n\n\
    data: {\"choices\":[],\"usage\":{\"total_tokens\":17}}\n\n\
    data: [DONE]\n\n";

/// The upstream. Its threads end with the test's process.
pub(crate) struct Upstream {
    address: SocketAddr,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that breaks is the test's business.
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// An answer that goes out chunk by chunk.
struct Answer(TcpStream);

impl Answer {
    fn begin(&mut self, headers: &str) -> Option<()> {
        let head = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n{headers}\r\n"
        );
        self.0.write_all(head.as_bytes()).ok()
    }

    fn chunk(&mut self, bytes: &[u8]) -> Option<()> {
        let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        self.0.write_all(&chunk).ok()
    }

    /// Each byte arrives alone.
    fn bytewise(&mut self, text: &str) -> Option<()> {
        for byte in text.as_bytes().chunks(1) {
            self.chunk(byte)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Some(())
    }

    fn end(&mut self, trailers: &str) -> Option<()> {
        self.0
            .write_all(format!("0\r\n{trailers}\r\n").as_bytes())
            .ok()
    }
}

const JSON: &str = "content-type: application/json\r\n";
const SSE: &str = "content-type: text/event-stream; charset=utf-8\r\n";

fn serve(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let mut answer = Answer(stream);
    let whole = |answer: &mut Answer, headers: &str, body: &str| {
        answer.begin(headers)?;
        answer.chunk(body.as_bytes())?;
        answer.end("")
    };
    match path.as_str() {
        "/json" => whole(&mut answer, JSON, DOCUMENT)?,
        "/json/bytewise" => {
            answer.begin(JSON)?;
            answer.bytewise(DOCUMENT)?;
            answer.end("")?;
        }
        "/json/large" => {
            let text = "x".repeat(3_000_000);
            let (before, after) = DOCUMENT.split_once("\"id\"")?;
            whole(
                &mut answer,
                JSON,
                &format!("{before}\"text\":\"{text}\",\"id\"{after}"),
            )?;
        }
        "/json/trailers" => {
            answer.begin(JSON)?;
            answer.chunk(DOCUMENT.as_bytes())?;
            answer.end("x-checksum: 1\r\n")?;
        }
        "/json/expensive" => {
            whole(
                &mut answer,
                JSON,
                r#"{"usage":{"total_tokens":1000000000000000000000}}"#,
            )?;
        }
        "/json/none" => whole(&mut answer, JSON, r#"{"error":"no"}"#)?,
        "/empty" => {
            let head = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            answer.0.write_all(head).ok()?;
        }
        "/html" => whole(&mut answer, "content-type: text/html\r\n", "<html></html>")?,
        "/negotiated" if !head.to_ascii_lowercase().contains("accept-encoding") => {
            whole(&mut answer, JSON, DOCUMENT)?;
        }
        "/gzip" | "/negotiated" => {
            answer.begin(&format!("{JSON}content-encoding: gzip\r\n"))?;
            answer.chunk(b"\x1f\x8b\x08\0\0\0\0\0\0\xff\xab\xae\x05\0C\xbf\xa6\xa3\x02\0\0\0")?;
            answer.end("")?;
        }
        "/header" => whole(&mut answer, "x-cost: 33\r\n", "ok")?,
        "/sse" => whole(&mut answer, SSE, EVENTS)?,
        "/sse/bytewise" => {
            answer.begin(SSE)?;
            answer.bytewise(EVENTS)?;
            answer.end("")?;
        }
        "/sse/none" => whole(
            &mut answer,
            SSE,
            "data: {\"usage\":null}\n\ndata: [DONE]\n\n",
        )?,
        "/sse/cut" => {
            answer.begin(SSE)?;
            answer.chunk(&EVENTS.as_bytes()[..EVENTS.len() - 17])?;
            std::thread::sleep(Duration::from_millis(100));
        }
        "/cut/before" => {
            answer.begin(JSON)?;
            answer.chunk(&DOCUMENT.as_bytes()[..DOCUMENT.len() - 4])?;
            std::thread::sleep(Duration::from_millis(100));
        }
        "/cut/after" => {
            answer.begin(JSON)?;
            answer.chunk(&DOCUMENT.as_bytes()[..DOCUMENT.len() - 1])?;
            std::thread::sleep(Duration::from_millis(100));
        }
        "/endless/none" | "/endless/seventeen" => {
            answer.begin(SSE)?;
            if path.ends_with("seventeen") {
                answer.chunk(EVENTS.as_bytes())?;
            }
            loop {
                answer.chunk(b": ping\n\n")?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        "/hostile/deep" => hostile(&mut answer, JSON, b'[')?,
        "/hostile/text" => hostile(&mut answer, JSON, b'a')?,
        "/hostile/events" => hostile(&mut answer, SSE, b'd')?,
        other => whole(&mut answer, JSON, other)?,
    }
    let _ = answer.0.shutdown(Shutdown::Both);
    Some(())
}

/// One value, or one line, that does not end.
fn hostile(answer: &mut Answer, headers: &str, byte: u8) -> Option<()> {
    answer.begin(headers)?;
    let begin: &[u8] = match byte {
        b'a' => b"{\"",
        b'd' => b"data: \"",
        _ => b"{\"x\":[",
    };
    answer.chunk(begin)?;
    let piece = vec![byte; 64 * 1024];
    let mut rest = HOSTILE - begin.len();
    while rest > 0 {
        let count = rest.min(piece.len());
        answer.chunk(&piece[..count])?;
        rest -= count;
    }
    answer.end("")
}
