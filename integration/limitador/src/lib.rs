//! Tests with a real engine: Limitador's, with its counters in Redis. A crate of its own, since the engine takes minutes to
//! compile and nothing else needs it.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it starts processes and waits for them"
)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use gatehouse_integration::free_port;
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

    /// So many windows of the one counter there is: when each ends, which Redis says to the millisecond. Returns when the last one
    /// has begun.
    pub fn watch_windows(&self, count: usize) -> Vec<SystemTime> {
        let client = redis::Client::open(self.url()).expect("the URL of a Redis");
        let mut connection = client.get_connection().expect("Redis takes connections");
        let mut ends = BTreeSet::new();
        let deadline = Instant::now() + 2 * PATIENCE;
        while ends.len() < count {
            assert!(Instant::now() < deadline, "windows that ended: {ends:?}");
            let keys: Vec<String> = redis::cmd("KEYS")
                .arg("*")
                .query(&mut connection)
                .expect("Redis answers");
            for key in keys {
                let end: i64 = redis::cmd("PEXPIRETIME")
                    .arg(key)
                    .query(&mut connection)
                    .expect("a Redis of 7.0 answers");
                // Negative where it has just ended.
                if let Ok(end) = u64::try_from(end) {
                    ends.insert(SystemTime::UNIX_EPOCH + Duration::from_millis(end));
                }
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        ends.into_iter().collect()
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

fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

fn await_listener(address: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "nobody listens at {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
