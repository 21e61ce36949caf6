//! The load: prepared requests over kept-open HTTP/1.1 connections, each of which sends its next request as soon
//! as the last is answered. One thread, as h2load's `-t 1`; what h2load can't do is a header that varies.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::requests::Requests;

/// How many connections.
pub(crate) const CONNECTIONS: usize = 16;

/// Far longer than any answer takes; a hang becomes a broken variant.
const PATIENCE: Duration = Duration::from_secs(30);

/// Open connections to one listener, and the requests for it.
pub(crate) struct Load {
    connections: Vec<Connection>,
    requests: Requests,
    /// The index of the next request to send, on whichever connection.
    next: usize,
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// How many answers had which status.
pub(crate) type Statuses = BTreeMap<u16, usize>;

impl Load {
    /// Opens the connections and sends one request on each.
    pub(crate) fn open(
        runtime: &Runtime,
        to: SocketAddr,
        requests: Requests,
    ) -> Result<Self, String> {
        let connections = runtime.block_on(async {
            let mut connections = Vec::with_capacity(CONNECTIONS);
            for _ in 0..CONNECTIONS {
                let stream = TcpStream::connect(to).await?;
                stream.set_nodelay(true)?;
                let buffer = vec![0; 16 * 1024];
                connections.push(Connection { stream, buffer });
            }
            Ok(connections)
        });
        let connections = connections.map_err(|error: io::Error| error.to_string())?;
        let mut load = Self {
            connections,
            requests,
            next: 0,
        };
        load.run(runtime, CONNECTIONS)?;
        Ok(load)
    }

    /// Sends so many requests and waits for all answers. An error is a connection that was cut, or a hang.
    pub(crate) fn run(&mut self, runtime: &Runtime, count: usize) -> Result<Statuses, String> {
        let next = Arc::new(AtomicUsize::new(self.next));
        self.next += count;
        let end = self.next;
        let clients = self.connections.drain(..).map(|mut connection| {
            let (next, requests) = (Arc::clone(&next), self.requests.clone());
            async move {
                let mut statuses = Statuses::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= end {
                        return Ok::<_, io::Error>((connection, statuses));
                    }
                    let status = connection.send(&requests.at(index)).await?;
                    *statuses.entry(status).or_default() += 1;
                }
            }
        });
        let mut clients: JoinSet<_> = {
            let _entered = runtime.enter();
            clients.collect()
        };
        let mut total = Statuses::new();
        runtime.block_on(async {
            // The whole run may take as long as its answers take; only a standstill of all is a hang.
            let patience = PATIENCE + Duration::from_millis(count as u64);
            while let Some(ended) = tokio::time::timeout(patience, clients.join_next())
                .await
                .map_err(|_| "no answers any more".to_owned())?
            {
                let (connection, statuses) = ended
                    .map_err(|error| error.to_string())?
                    .map_err(|error| error.to_string())?;
                self.connections.push(connection);
                for (status, count) in statuses {
                    *total.entry(status).or_default() += count;
                }
            }
            Ok(total)
        })
    }
}

impl Connection {
    /// Sends a request, reads all of its answer, and says its status.
    async fn send(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some((status, length)) = head(&self.buffer[..filled])?
                && filled >= length
            {
                return Ok(status);
            }
        }
    }
}

/// The status of an answer and its length with its body, once its head is there.
pub(crate) fn head(answer: &[u8]) -> io::Result<Option<(u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut headers);
    let malformed = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let httparse::Status::Complete(head) = parsed
        .parse(answer)
        .map_err(|error| malformed(error.to_string()))?
    else {
        return Ok(None);
    };
    let length = parsed
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = match length.map(|header| str::from_utf8(header.value)) {
        None => 0,
        Some(length) => length
            .ok()
            .and_then(|length| length.parse::<usize>().ok())
            .ok_or_else(|| malformed("content-length".to_owned()))?,
    };
    Ok(parsed.code.map(|status| (status, head + length)))
}
