//! The load: new connections, and one long stream.

use crate::upstream::{ECHO, STREAM};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

/// How many clients connect at once.
const CLIENTS: usize = 16;

/// Far longer than anything takes; a hang becomes a broken variant.
const PATIENCE: Duration = Duration::from_secs(30);

/// From so many addresses the clients connect in turn: one has ports for 28,000 connections a minute.
const ADDRESSES: usize = 32;

/// Connects so many times. Each time a byte goes there and back.
pub(crate) fn connect(to: SocketAddr, count: usize) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let next = std::sync::Arc::new(AtomicUsize::new(0));
    runtime.block_on(async {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let next = next.clone();
            clients.spawn(async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return Ok::<_, std::io::Error>(());
                    }
                    tokio::time::timeout(PATIENCE, once(to, index))
                        .await
                        .map_err(|_| std::io::ErrorKind::TimedOut)??;
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended
                .map_err(|error| error.to_string())?
                .map_err(|error| format!("a connection: {error}"))?;
        }
        Ok(())
    })
}

async fn once(to: SocketAddr, index: usize) -> std::io::Result<()> {
    let last = u8::try_from(index % ADDRESSES).unwrap_or_default() + 2;
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)))?;
    let mut stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    stream.write_u8(ECHO).await?;
    match stream.read_u8().await? {
        ECHO => {}
        _ => return Err(std::io::ErrorKind::InvalidData.into()),
    }
    // The other side has closed too when there is nothing more to read: it is over for Envoy as well.
    stream.shutdown().await?;
    match stream.read(&mut [0; 1]).await? {
        0 => Ok(()),
        _ => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

/// Has so many bytes sent on one connection.
pub(crate) fn stream(to: SocketAddr, size: u64) -> Result<(), String> {
    let all = || {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&[STREAM])?;
        stream.write_all(&size.to_be_bytes())?;
        let mut buffer = vec![0; 256 << 10];
        let mut received = 0;
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok::<_, std::io::Error>(received),
                read => received += read as u64,
            }
        }
    };
    match all() {
        Ok(received) if received == size => Ok(()),
        Ok(received) => Err(format!("a stream of {size} bytes ended after {received}")),
        Err(error) => Err(format!("a stream: {error}")),
    }
}
