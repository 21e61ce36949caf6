//! A service that a test scripts: it says what it was asked, and answers, hangs, or cuts the connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What it does.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Answers {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// The same, later.
    AnswersAfter(Duration, Box<Does>),
    /// Nothing, until the test ends.
    Hangs,
    /// Cuts the connection.
    Cuts,
    /// These bytes, and then cuts the connection.
    Writes(Vec<u8>),
}

type Script = dyn Fn(&Asked) -> Does + Send + Sync;

struct Inner {
    script: Mutex<Arc<Script>>,
    asked: Mutex<Vec<Asked>>,
    connections: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

/// A running service; it ends when dropped.
pub(crate) struct Service {
    address: SocketAddr,
    inner: Arc<Inner>,
    accepting: Option<std::thread::JoinHandle<()>>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl Does {
    /// 200 with this JSON.
    pub(crate) fn json(body: &str) -> Self {
        Self::Answers {
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    /// A status, and no more.
    pub(crate) fn status(status: u16) -> Self {
        Self::Answers {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

impl Service {
    pub(crate) fn start(script: impl Fn(&Asked) -> Does + Send + Sync + 'static) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), script)
    }

    /// One at this address, where another one may have been.
    pub(crate) fn at(
        address: SocketAddr,
        script: impl Fn(&Asked) -> Does + Send + Sync + 'static,
    ) -> Self {
        let deadline = Instant::now() + Duration::from_secs(60);
        let listener = loop {
            match TcpListener::bind(address) {
                Ok(listener) => break listener,
                // Its connections may still be closing.
                Err(error) => assert!(Instant::now() < deadline, "{address}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner {
            script: Mutex::new(Arc::new(script)),
            asked: Mutex::default(),
            connections: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let ours = inner.clone();
        let accepting = std::thread::spawn(move || accept(&listener, &ours));
        Self {
            address,
            inner,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does something else from now on.
    pub(crate) fn now(&self, script: impl Fn(&Asked) -> Does + Send + Sync + 'static) {
        *self.inner.script.lock().unwrap() = Arc::new(script);
    }

    /// Takes what it was asked since this was last called.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.inner.asked.lock().unwrap())
    }

    /// Waits until it was asked so many times.
    pub(crate) fn await_asked(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.inner.asked.lock().unwrap().len() < count {
            assert!(Instant::now() < deadline, "not asked {count} times");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it; says where it was.
    pub(crate) fn kill(mut self) -> SocketAddr {
        self.end();
        self.address
    }

    fn end(&mut self) {
        self.inner.ended.store(true, Ordering::SeqCst);
        // So that `accept` returns.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("no panic");
        }
        for connection in self.inner.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

fn accept(listener: &TcpListener, inner: &Arc<Inner>) {
    for stream in listener.incoming() {
        if inner.ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else {
            continue;
        };
        let ours = stream.try_clone().expect("a second handle");
        inner.connections.lock().unwrap().push(ours);
        let inner = inner.clone();
        // A connection that breaks is the peer's business.
        std::thread::spawn(move || while_open(stream, &inner));
    }
}

fn while_open(stream: TcpStream, inner: &Inner) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let asked = read(&mut reader)?;
        inner.asked.lock().unwrap().push(asked.clone());
        let script = inner.script.lock().unwrap().clone();
        act(reader.get_mut(), script(&asked), inner)?;
    }
}

/// Nothing where the connection has ended.
fn act(stream: &mut TcpStream, does: Does, inner: &Inner) -> Option<()> {
    match does {
        Does::Answers {
            status,
            headers,
            body,
        } => {
            let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
            stream.write_all(&body).ok()
        }
        Does::AnswersAfter(delay, then) => {
            std::thread::sleep(delay);
            act(stream, *then, inner)
        }
        Does::Hangs => {
            while !inner.ended.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            None
        }
        Does::Cuts => {
            let _ = stream.shutdown(Shutdown::Both);
            None
        }
        Does::Writes(bytes) => {
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(Shutdown::Both);
            None
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    (reader.read_line(&mut line).ok()? > 0).then_some(())?;
    let mut parts = line.split_ascii_whitespace();
    let (method, path) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        method,
        path,
        headers,
        body: String::from_utf8(body).expect("a form"),
    })
}
