//! A message part by part: Envoy has read one before the next is written, so that it reads them one by one.

use gatehouse_integration::Request;
use std::fmt::Write as _;
use std::io::{Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Where Envoy does not read on, the next part comes all the same.
const PATIENCE: Duration = Duration::from_secs(3);

/// Between two looks.
const POLL: Duration = Duration::from_millis(5);

/// For what follows from what was read.
const GAP: Duration = Duration::from_millis(20);

/// What is written to Envoy, beside what one of its counters says of it.
pub(crate) struct Progress {
    admin: SocketAddr,
    counter: &'static str,
    /// What it is when all of that is read.
    sum: u64,
    is_begun: bool,
}

impl Progress {
    /// Begins before anything is written.
    pub(crate) fn new(admin: SocketAddr, counter: &'static str) -> Self {
        let mut progress = Self {
            admin,
            counter,
            sum: 0,
            is_begun: false,
        };
        progress.sum = progress.read();
        progress
    }

    fn read(&self) -> u64 {
        let target = format!("/stats?usedonly&filter={}", self.counter);
        let text = Request::new(self.admin, "GET", target).send().text();
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        let value = lines
            .filter(|(name, _)| *name == self.counter)
            .find_map(|(_, value)| value.parse().ok());
        value.unwrap_or_default()
    }

    /// Writes the next part.
    pub(crate) fn write(&mut self, stream: &mut TcpStream, part: impl AsRef<[u8]>) -> Result<()> {
        if self.is_begun {
            self.wait(stream);
        }
        let part = part.as_ref();
        self.is_begun = true;
        self.sum += part.len() as u64;
        stream.write_all(part)
    }

    /// Waits until Envoy has read what was written; not where it has answered, or has gone.
    fn wait(&self, stream: &TcpStream) {
        let deadline = Instant::now() + PATIENCE;
        while self.read() < self.sum && !is_over(stream) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        std::thread::sleep(GAP);
    }
}

/// A body and its trailers after a head that says how it is sent: with its length, where it is one chunk, or else with that of
/// each chunk.
pub(crate) fn parts(chunks: &[String], trailers: &[(String, String)]) -> Vec<String> {
    if chunks.len() <= 1 && trailers.is_empty() {
        return chunks.to_vec();
    }
    let chunk = |chunk: &String| format!("{:x}\r\n{chunk}\r\n", chunk.len());
    let mut parts: Vec<_> = chunks.iter().map(chunk).collect();
    let mut end = String::from("0\r\n");
    for (name, value) in trailers {
        let _ = write!(end, "{name}: {value}\r\n");
    }
    parts.push(end + "\r\n");
    parts
}

fn is_over(stream: &TcpStream) -> bool {
    let _ = stream.set_nonblocking(true);
    let peeked = stream.peek(&mut [0]);
    let _ = stream.set_nonblocking(false);
    !peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}
