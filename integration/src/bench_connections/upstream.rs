//! The upstream does what the first byte of a connection says, which is that of no protocol.
//!
//! - 0xff: it is sent back, and so is what follows.
//! - 0xfe, and eight bytes of a number (big-endian): so many bytes are sent.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const ECHO: u8 = 0xff;
pub(crate) const STREAM: u8 = 0xfe;

/// Starts it in a thread of its own.
pub(crate) fn start() -> std::io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener of this thread");
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    // An end of the connection by its client is the usual one.
                    tokio::spawn(async move { serve(stream).await.unwrap_or_default() });
                }
            }
        })
    });
    Ok(address)
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    match stream.read_u8().await? {
        ECHO => {
            stream.write_u8(ECHO).await?;
            let (mut reading, mut writing) = stream.split();
            tokio::io::copy(&mut reading, &mut writing).await.map(drop)
        }
        STREAM => {
            let mut left = stream.read_u64().await?;
            let chunk = vec![b'x'; 256 << 10];
            while left > 0 {
                let size = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                stream.write_all(&chunk[..size]).await?;
                left -= size as u64;
            }
            stream.shutdown().await
        }
        _ => Ok(()),
    }
}
