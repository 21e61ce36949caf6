//! A TCP server for tests, with a thread for each connection; and ports.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use tokio::net::TcpSocket;

/// The ports of [`free_port`]: below those that Linux hands out by itself, so that nobody gets one before its server does.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// A port of the loopback address for a server that has to be told one. Each is given once.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Tests of another process begin elsewhere.
    let first = std::process::id() % count * 61;
    loop {
        let given = GIVEN.fetch_add(1, Ordering::SeqCst);
        assert!(given < count, "no port is free");
        let port = PORTS.start + (first + given) % count;
        let port = u16::try_from(port).expect("a port");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// An address that refuses connections, and nobody else's while this is there.
pub struct Refusing {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Refusing {
    /// Takes a free port of the loopback address, and does not listen.
    pub fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(any).expect("a free port");
        Self {
            address: socket.local_addr().expect("an address"),
            _socket: socket,
        }
    }

    /// Where nobody listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A server on the loopback address that does the same with each connection. Stops when dropped.
pub struct TcpServer {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
}

impl TcpServer {
    /// Serves connections by a function that ends when the connection does.
    pub fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let (count, stop, serve) = (accepted.clone(), stopping.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                let serve = serve.clone();
                std::thread::spawn(move || serve(stream));
            }
        });
        Self {
            address,
            accepted,
            stopping,
        }
    }

    /// Sends back what it gets, then closes.
    pub fn echo() -> Self {
        Self::start(|stream| echo(&stream))
    }

    /// Speaks first: sends a greeting, then sends back what it gets.
    pub fn greeting(greeting: &'static str) -> Self {
        Self::start(move |mut stream| {
            if stream.write_all(greeting.as_bytes()).is_ok() {
                echo(&stream);
            }
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has accepted.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn echo(mut stream: &TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(size) = stream.read(&mut buffer) {
        if size == 0 || stream.write_all(&buffer[..size]).is_err() {
            return;
        }
    }
}
