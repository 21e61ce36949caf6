//! An upstream that answers as its paths say, byte by byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The length of the body at `/large`.
pub(crate) const LARGE: usize = 3_000_000;

/// A running upstream; it takes no more connections once dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    /// How many second chunks may be written.
    more: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let ended = Arc::new(AtomicBool::new(false));
        let more = Arc::<AtomicUsize>::default();
        let (ours, allowed) = (ended.clone(), more.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ours.load(Ordering::SeqCst) {
                    return;
                }
                let (ended, more) = (ours.clone(), allowed.clone());
                // A connection that breaks is the peer's business.
                std::thread::spawn(move || serve(stream.ok()?, &ended, &more));
            }
        });
        Self {
            address,
            ended,
            more,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has one answer at `/chunks` go on: its first chunk has been read.
    pub(crate) fn go_on(&self) {
        self.more.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// One request a connection, so that each is framed by what is written here.
fn serve(stream: TcpStream, ended: &AtomicBool, more: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let chunked = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let pause = || std::thread::sleep(Duration::from_millis(150));
    let mut write = |bytes: &str| stream.write_all(bytes.as_bytes()).ok();
    match path.as_str() {
        "/chunks" => {
            write(chunked)?;
            pause();
            write("8\r\naaaa1111\r\n")?;
            let take = |allowed: usize| allowed.checked_sub(1);
            let taken = || more.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
            while taken().is_err() && !ended.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            write("8\r\nbbbb2222\r\n")?;
            pause();
            write("0\r\n\r\n")?;
        }
        "/trailers" => {
            write(chunked)?;
            pause();
            write("4\r\nbody\r\n")?;
            pause();
            write("0\r\nx-secret: 1\r\nx-checksum: 2\r\n\r\n")?;
        }
        "/empty" => write("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")?,
        "/cut" => {
            write(chunked)?;
            write("8\r\naaaa1111\r\n")?;
            pause();
        }
        "/drip" => {
            write(chunked)?;
            while !ended.load(Ordering::SeqCst) {
                write("8\r\naaaa1111\r\n")?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        "/large" => {
            write(&format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {LARGE}\r\n\r\n"
            ))?;
            write(&"x".repeat(LARGE))?;
        }
        "/reset" => {}
        "/upgrade" => {
            write(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
            )?;
            let mut bytes = [0; 3];
            reader.read_exact(&mut bytes).ok()?;
            stream.write_all(&bytes).ok()?;
        }
        "/late" | "/idle" | "/hang" => {
            while !ended.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        "/echo" => {
            let mut body = Vec::new();
            while !body.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                reader.read_exact(&mut byte).ok()?;
                body.push(byte[0]);
            }
            let body = String::from_utf8(body).ok()?;
            let length = body.len();
            write(&format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            ))?;
        }
        _ => write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")?,
    }
    let _ = stream.shutdown(Shutdown::Both);
    Some(())
}
