//! An upstream that does not answer before it is told to, or answers wrongly, by the path:
//!
//! | path | |
//! |---|---|
//! | `/hold…` | 200, when the test says so |
//! | `/reset…` | closes the connection in place of an answer |
//! | `/partial…` | the head and a part of the body, and closes |
//! | `/endless…` | a body that goes on until the test says so, or the client goes |
//! | `/upgrade…` | 101, and sends back what it gets |
//! | others | 200 |

#![allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "shared by tests that need parts of it; native test machinery has a clock of its own"
)]

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(2);

/// The upstream. Its threads end with the test's process.
pub(crate) struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    answers: AtomicBool,
    /// How many requests are held, by their paths.
    held: Mutex<BTreeMap<String, usize>>,
}

impl State {
    fn hold(&self, path: &str) {
        let mut held = self.held.lock().expect("a lock");
        *held.entry(path.to_owned()).or_default() += 1;
    }

    fn let_go(&self, path: &str) {
        let mut held = self.held.lock().expect("a lock");
        *held.get_mut(path).expect("it is held") -= 1;
    }
}

impl Upstream {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // A connection that breaks is the test's business.
                    let _ = serve(&stream, &state);
                });
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it holds.
    pub(crate) fn held(&self) -> usize {
        self.state.held.lock().expect("a lock").values().sum()
    }

    /// How many with this path it holds.
    pub(crate) fn held_at(&self, path: &str) -> usize {
        let held = self.state.held.lock().expect("a lock");
        held.get(path).copied().unwrap_or_default()
    }

    /// Answers what it holds, until it is enough.
    pub(crate) fn answer(&self, enough: impl Fn() -> bool) {
        self.state.answers.store(true, Ordering::SeqCst);
        until("what was held is answered", enough);
        self.state.answers.store(false, Ordering::SeqCst);
    }
}

/// Waits for something that is about to be.
pub(crate) fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(STEP);
    }
}

fn serve(stream: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let Some(path) = read_head(&mut reader)? else {
            return Ok(());
        };
        let is = |prefix: &str| path.starts_with(prefix);
        if is("/hold") {
            state.hold(&path);
            while !state.answers.load(Ordering::SeqCst) {
                std::thread::sleep(STEP);
            }
            state.let_go(&path);
        } else if is("/reset") {
            return Ok(());
        } else if is("/partial") {
            return writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart");
        } else if is("/endless") {
            writer.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            while !state.answers.load(Ordering::SeqCst) {
                writer.write_all(b"1\r\nx\r\n")?;
                std::thread::sleep(STEP);
            }
            writer.write_all(b"0\r\n\r\n")?;
            continue;
        } else if is("/upgrade") {
            let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            writer.write_all(head.as_bytes())?;
            let mut bytes = [0; 64];
            loop {
                match reader.read(&mut bytes)? {
                    0 => return Ok(()),
                    read => writer.write_all(&bytes[..read])?,
                }
            }
        }
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    }
}

/// The path of the next request, whose head is all of it; nothing where the connection ends.
fn read_head(reader: &mut impl std::io::BufRead) -> std::io::Result<Option<String>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut line = String::from("-");
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    Ok(first.split(' ').nth(1).map(str::to_owned))
}
