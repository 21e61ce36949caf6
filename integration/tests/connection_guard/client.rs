//! A client that speaks plain TCP from an address of its choice.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// A command of Redis, which is what the tests' rules let in. The servers send it back.
pub(crate) const COMMAND: &[u8] = b"PING\r\n";

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client(TcpStream);

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

impl Client {
    /// Connects from the address `127.0.SOURCE.1`.
    pub(crate) async fn connect(to: SocketAddr, source: u8) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, source, 1), 0)))?;
        let stream = patiently(socket.connect(to)).await?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// Sends the command, and says whether it came back: whether it was let in.
    pub(crate) async fn is_let_in(&mut self) -> Result<bool> {
        match self.send(COMMAND).await {
            Ok(()) => {}
            Err(error) if is_reset(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut answer = [0; COMMAND.len()];
        match patiently(self.0.read_exact(&mut answer)).await {
            Ok(_) => Ok(answer == COMMAND),
            Err(error) if is_reset(&error) || error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        patiently(self.0.write_all(bytes)).await
    }

    /// Reads one byte.
    pub(crate) async fn receive(&mut self) -> Result<u8> {
        patiently(self.0.read_u8()).await
    }

    pub(crate) async fn half_close(&mut self) -> Result<()> {
        self.0.shutdown().await
    }

    /// Reads on until it ends.
    pub(crate) async fn end(&mut self) -> Result<End> {
        let mut rest = Vec::new();
        match patiently(self.0.read_to_end(&mut rest)).await {
            Ok(_) => Ok(End::Closed),
            Err(error) if is_reset(&error) => Ok(End::Reset),
            Err(error) => Err(error),
        }
    }
}

fn is_reset(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}

async fn patiently<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let patient = tokio::time::timeout(PATIENCE, work).await;
    patient.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// Runs clients in this thread.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}
