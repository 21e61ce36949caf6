//! connection-guard whose VM is lost with all that it knew: the places of its connections are free again after a while.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: places take their time"
)]

mod fragile;
#[path = "connection_guard/guarded.rs"]
mod guarded;

use gatehouse_integration::TcpServer;
use guarded::{bootstrap, counter, dials_at_once, listener};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Data of this many bytes, or more, is what the module traps at.
const FATAL: usize = 13;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that was let in, if it was.
fn let_in(to: SocketAddr) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    is_served(&mut stream).then_some(stream)
}

fn is_served(stream: &mut TcpStream) -> bool {
    let mut answer = [0];
    stream.write_all(b"x").is_ok() && stream.read_exact(&mut answer).is_ok()
}

#[test]
fn places_of_a_vm_that_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("fragile.wasm");
    let callback = "proxy_on_downstream_data";
    fragile::write("connection_guard", callback, FATAL, &module);
    let upstream = TcpServer::echo();
    let limits = "{default: allow, limits: {concurrent: {total: 3, expires: 2s}}}";
    let mut fragile = dials_at_once(listener("fragile", 10000, limits));
    let file = fragile.pointer_mut(
        "/filter_chains/0/filters/0/typed_config/config/vm_config/code/local/filename",
    );
    *file.unwrap() = json!(module.to_str().unwrap());
    let envoy = bootstrap(&[(fragile, upstream.address())]).start();
    let to = envoy.address();
    let mut clients: Vec<_> = (0..3).map(|_| let_in(to).unwrap()).collect();
    assert!(let_in(to).is_none(), "no more");
    clients[0].write_all(&[b'x'; FATAL]).unwrap();
    let end = clients[0].read(&mut [0; FATAL]);
    assert!(!matches!(end, Ok(1..)), "it is closed, not answered");
    for client in &mut clients {
        assert!(!is_served(client), "the VM takes its connections with it");
    }
    drop(clients);
    // Its successor gives the places to others once nobody has said for long enough that they are taken, and no more of them.
    let deadline = Instant::now() + PATIENCE;
    let mut next = Vec::new();
    while next.len() < 3 {
        assert!(
            Instant::now() < deadline,
            "{} of 3 places are free",
            next.len()
        );
        match let_in(to) {
            Some(client) => next.push(client),
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    assert!(let_in(to).is_none(), "three again");
    assert!(next.iter_mut().all(is_served), "they stay");
    assert_eq!(envoy.stat("wasm.fragile.vm_reload_success"), 1);
    assert_eq!(envoy.stat(&counter("not_released")), 0);
}
