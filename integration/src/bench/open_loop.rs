//! Load at a fixed rate: requests are sent when they are due, whether or not earlier ones were answered, and how long
//! one took is counted from when it was due. So a proxy that stands still for a moment is charged for every request
//! that would have come meanwhile (what a closed loop leaves out is known as coordinated omission).
//!
//! One thread that looks at clock and connections without a pause: a timer's tick would be longer than most answers
//! take. It needs its core for itself.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::generator::head;
use crate::requests::Requests;

/// As many requests can be on their way at once; more wait, and their clock runs.
const CONNECTIONS: usize = 64;

/// Far longer than any answer takes; a hang becomes a broken variant.
const PATIENCE: Duration = Duration::from_secs(10);

/// Open connections to one listener, and the requests for it.
pub(crate) struct OpenLoop {
    connections: Vec<Connection>,
    requests: Requests,
    /// How many requests have been sent in all.
    sent: usize,
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    due: Instant,
}

impl OpenLoop {
    /// Opens the connections.
    pub(crate) fn open(to: SocketAddr, requests: Requests) -> Result<Self, String> {
        let open = |_| {
            let stream = TcpStream::connect(to)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(Connection {
                stream,
                buffer: vec![0; 16 * 1024],
                filled: 0,
                due: Instant::now(),
            })
        };
        let connections: io::Result<_> = (0..CONNECTIONS).map(open).collect();
        Ok(Self {
            connections: connections.map_err(|error| error.to_string())?,
            requests,
            sent: 0,
        })
    }

    /// Sends `rate` requests a second for so long, and says how long each took, in nanoseconds.
    pub(crate) fn run(&mut self, rate: u64, length: Duration) -> Result<Vec<u64>, String> {
        let interval = Duration::from_secs(1) / u32::try_from(rate).unwrap_or(u32::MAX);
        let total = usize::try_from(rate * length.as_secs()).unwrap_or(usize::MAX);
        let mut took = Vec::with_capacity(total);
        let mut idle: Vec<usize> = (0..self.connections.len()).collect();
        let mut busy: Vec<usize> = Vec::with_capacity(self.connections.len());
        let start = Instant::now();
        let mut due = start;
        let mut begun = 0;
        while took.len() < total {
            let now = Instant::now();
            while begun < total && due <= now {
                // None is free: the request waits, and its time is counted.
                let Some(place) = idle.pop() else { break };
                let request = self.requests.at(self.sent);
                self.connections[place].send(&request, due)?;
                busy.push(place);
                self.sent += 1;
                begun += 1;
                due += interval;
            }
            let mut at = 0;
            while let Some(&place) = busy.get(at) {
                let connection = &mut self.connections[place];
                match connection.answer()? {
                    None => at += 1,
                    Some(200) => {
                        took.push(nanoseconds(connection.due.elapsed()));
                        busy.swap_remove(at);
                        idle.push(place);
                    }
                    Some(status) => return Err(format!("answered {status}, all should be 200")),
                }
            }
            if now - start > length + PATIENCE {
                let missing = total - took.len();
                return Err(format!("{missing} of {total} requests were not answered"));
            }
            std::hint::spin_loop();
        }
        Ok(took)
    }
}

impl Connection {
    fn send(&mut self, request: &[u8], due: Instant) -> Result<(), String> {
        self.due = due;
        self.filled = 0;
        // A request is far smaller than what a socket holds: it goes whole or not at all.
        self.stream
            .write_all(request)
            .map_err(|error| error.to_string())
    }

    /// The status of the answer, once all of it is there.
    fn answer(&mut self) -> Result<Option<u16>, String> {
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => return Err("the connection was cut".to_owned()),
            Ok(read) => self.filled += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.to_string()),
        }
        let answer = &self.buffer[..self.filled];
        let head = head(answer).map_err(|error| error.to_string())?;
        Ok(head
            .filter(|(_, length)| answer.len() >= *length)
            .map(|(status, _)| status))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that answers each request at once, but stands still once for a while.
    fn server(still: Duration, answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let connections = std::iter::from_fn(|| listener.accept().ok()).take(CONNECTIONS);
            let mut streams: Vec<_> = connections.map(|(stream, _)| stream).collect();
            let mut answered = 0;
            let mut buffer = [0; 256];
            streams
                .iter()
                .for_each(|s| s.set_nonblocking(true).unwrap());
            loop {
                for stream in &mut streams {
                    match stream.read(&mut buffer) {
                        Ok(1..) => {
                            answered += 1;
                            if answered == 100 {
                                std::thread::sleep(still);
                            }
                            stream.write_all(answer).unwrap();
                        }
                        Ok(0) => return,
                        Err(_) => std::thread::yield_now(),
                    }
                }
            }
        });
        address
    }

    #[test]
    fn requests_that_were_due_in_a_standstill_are_charged_for_it() {
        let still = Duration::from_millis(300);
        let to = server(still, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        let requests = Requests::Ready([b"GET / HTTP/1.1\r\n\r\n".to_vec()].into());
        let mut load = OpenLoop::open(to, requests).unwrap();
        let took = load.run(1_000, Duration::from_secs(1)).unwrap();
        assert_eq!(took.len(), 1_000);
        // 300 were due meanwhile, evenly: half of them waited for half of it or longer.
        let half = nanoseconds(still / 2);
        let charged = took.iter().filter(|took| **took >= half).count();
        assert!(charged >= 140, "{charged}");
    }

    #[test]
    fn another_answer_is_a_fault() {
        let to = server(
            Duration::ZERO,
            b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
        );
        let requests = Requests::Ready([b"GET / HTTP/1.1\r\n\r\n".to_vec()].into());
        let mut load = OpenLoop::open(to, requests).unwrap();
        let fault = load.run(10, Duration::from_secs(1)).unwrap_err();
        assert_eq!(fault, "answered 503, all should be 200");
    }
}
