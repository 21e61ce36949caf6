//! Tests with a real engine: Limitador's, with its counters in Redis. A crate of its own, since the engine takes minutes to
//! compile and nothing else needs it.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it starts processes and waits for them"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a process may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Redis that keeps nothing; killed when dropped.
pub struct Redis {
    process: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Redis {
    /// Starts one on a free port. Panics where Redis is not installed: `scripts/test` installs it.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let address = free_address();
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &address.port().to_string()])
            .arg("--dir")
            .arg(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server runs (Debian: apt-get install redis-server)");
        await_listener(address);
        Self {
            process,
            address,
            _directory: directory,
        }
    }

    fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The windows of the one counter there is, while `until` does not hold: when each ends, looked up every few milliseconds.
    pub fn watch_windows(&self, until: impl Fn() -> bool) -> Vec<Instant> {
        let client = redis::Client::open(self.url()).expect("the URL of a Redis");
        let mut connection = client.get_connection().expect("Redis takes connections");
        let mut ends: Vec<Instant> = Vec::new();
        while !until() {
            let keys: Vec<String> = redis::cmd("KEYS")
                .arg("*")
                .query(&mut connection)
                .expect("Redis answers");
            for key in keys {
                let left: i64 = redis::cmd("PTTL")
                    .arg(key)
                    .query(&mut connection)
                    .expect("Redis answers");
                let Ok(left @ 1..) = u64::try_from(left) else {
                    continue;
                };
                let end = Instant::now() + Duration::from_millis(left);
                // Too late by what the answer took to get here: the earliest is the best.
                match ends.last_mut() {
                    Some(last) if end < *last + Duration::from_millis(500) => {
                        *last = end.min(*last);
                    }
                    _ => ends.push(end),
                }
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        ends
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// The service: a process of its own, so that it can be killed, stopped and started again.
pub struct Limitador {
    process: Option<Child>,
    address: SocketAddr,
    redis: String,
    directory: TempDir,
    statuses: bool,
}

impl Limitador {
    /// Starts one on a free port, with these limits, in Limitador's own format. With `statuses` it says of questions about one
    /// thing what is left.
    pub fn start(redis: &Redis, limits: &str, statuses: bool) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("limits.yaml");
        std::fs::write(file, limits).expect("the limits are written");
        let mut limitador = Self {
            process: None,
            address: free_address(),
            redis: redis.url(),
            directory,
            statuses,
        };
        limitador.restart();
        limitador
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it again, where it was.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = Command::new(binary());
        command
            .arg(self.address.to_string())
            .arg(&self.redis)
            .arg(self.directory.path().join("limits.yaml"))
            .args(self.statuses.then_some("--statuses"))
            .stdout(Stdio::piped());
        let mut process = command.spawn().expect("the service runs");
        let output = process.stdout.take().expect("its output is a pipe");
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("it says where it listens");
        assert_eq!(line.trim(), self.address.to_string());
        self.process = Some(process);
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            end(&mut process);
        }
    }

    /// Makes it hang: it takes connections and questions, and answers nothing.
    pub fn hang(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs");
        let sent = Command::new("kill")
            .args([signal, &process.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for Limitador {
    fn drop(&mut self) {
        self.kill();
    }
}

fn end(process: &mut Child) {
    // Gone already is as good.
    let _ = process.kill();
    let _ = process.wait();
}

/// Where the server of this crate is, next to its tests.
fn binary() -> std::path::PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let directory = test.parent().and_then(Path::parent);
    directory
        .expect("it is in a directory of the target's")
        .join("gatehouse-limitador")
}

/// A port that nobody has right now.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address")
}

fn await_listener(address: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "nobody listens at {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
