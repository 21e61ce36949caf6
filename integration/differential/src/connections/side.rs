//! One end of a connection: what comes is collected as it comes.

use super::case::SideEnd;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks at whether to stop.
const POLL: Duration = Duration::from_millis(5);

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    end: SideEnd,
    stop: bool,
}

/// One end.
pub(super) struct Side {
    stream: Option<TcpStream>,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
}

impl Side {
    pub(super) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(POLL)).expect("a socket");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (shared, reading) = (seen.clone(), stream.try_clone().expect("a socket"));
        let reader = std::thread::spawn(move || read(reading, &shared));
        Self {
            stream: Some(stream),
            seen,
            reader: Some(reader),
        }
    }

    pub(super) fn seen(&self) -> (String, SideEnd) {
        let seen = self.seen.lock().expect("a lock");
        (seen.bytes.escape_ascii().to_string(), seen.end)
    }

    /// The other side may be gone.
    pub(super) fn send(&self, data: &[u8]) {
        if let Some(mut stream) = self.stream.as_ref() {
            let _ = stream.write_all(data);
        }
    }

    pub(super) fn end(&self) {
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    pub(super) fn reset(&mut self) {
        self.stop();
        if let Some(stream) = self.stream.take() {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        self.seen.lock().expect("a lock").end = SideEnd::Left;
    }

    fn stop(&mut self) {
        self.seen.lock().expect("a lock").stop = true;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.stop();
    }
}

fn read(mut stream: TcpStream, seen: &Mutex<Seen>) {
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer);
        let mut seen = seen.lock().expect("a lock");
        match read {
            Ok(0) => seen.end = SideEnd::Ended,
            Ok(size) => seen.bytes.extend_from_slice(&buffer[..size]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => seen.end = SideEnd::Reset,
        }
        if seen.stop || seen.end != SideEnd::Open {
            return;
        }
    }
}

/// An upstream, which does what the script says.
pub(super) struct Server {
    address: SocketAddr,
    accepted: Arc<Mutex<Vec<Side>>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let shared = accepted.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.lock().expect("a lock").push(Side::new(stream));
            }
        });
        Self { address, accepted }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn seen(&self) -> Vec<(String, SideEnd)> {
        let accepted = self.accepted.lock().expect("a lock");
        accepted.iter().map(Side::seen).collect()
    }

    /// Does something on the latest connection.
    pub(super) fn latest(&self, act: impl FnOnce(&mut Side)) {
        if let Some(side) = self.accepted.lock().expect("a lock").last_mut() {
            act(side);
        }
    }
}
