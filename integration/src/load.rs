//! Many requests over several connections at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::http::{Connection, Request};

/// What became of the requests.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many were answered with each status.
    pub statuses: BTreeMap<u16, usize>,
    /// How many got no answer: their connection was refused or cut.
    pub failed: usize,
}

impl Outcome {
    /// How many were answered with this status.
    pub fn count(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or_default()
    }
}

/// The same as [`run`], for requests to several addresses: each on a connection of its own.
pub fn run_each(
    requests: usize,
    clients: usize,
    request: impl Fn(usize) -> Request + Sync,
) -> Outcome {
    let next = AtomicUsize::new(0);
    let client = || {
        let mut outcome = Outcome::default();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= requests {
                return outcome;
            }
            match request(index).try_send() {
                Ok(response) => *outcome.statuses.entry(response.status).or_default() += 1,
                Err(_) => outcome.failed += 1,
            }
        }
    };
    gather(clients, client)
}

/// Sends `requests` requests, the i-th being `request(i)`, over `connections` kept-open connections, each of which
/// sends its next request as soon as the last is answered. All of them are open before the first request goes out.
pub fn run(
    requests: usize,
    connections: usize,
    request: impl Fn(usize) -> Request + Sync,
) -> Outcome {
    let next = AtomicUsize::new(0);
    let start = std::sync::Barrier::new(connections);
    let client = || {
        let mut outcome = Outcome::default();
        let mut connection = Connection::open(request(0).to()).ok();
        start.wait();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= requests {
                return outcome;
            }
            let request = request(index);
            let mut open = match connection.take() {
                Some(open) => open,
                None => match Connection::open(request.to()) {
                    Ok(open) => open,
                    Err(_) => {
                        outcome.failed += 1;
                        continue;
                    }
                },
            };
            match open.send(&request) {
                Ok(response) => {
                    *outcome.statuses.entry(response.status).or_default() += 1;
                    let closes = response
                        .header("connection")
                        .iter()
                        .any(|value| value == "close");
                    connection = (!closes).then_some(open);
                }
                Err(_) => outcome.failed += 1,
            }
        }
    };

    gather(connections, client)
}

fn gather(clients: usize, client: impl Fn() -> Outcome + Sync) -> Outcome {
    let mut total = Outcome::default();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(&client)).collect();
        for client in clients {
            let outcome = client.join().expect("a client does not panic");
            total.failed += outcome.failed;
            for (status, count) in outcome.statuses {
                *total.statuses.entry(status).or_default() += count;
            }
        }
    });
    total
}
