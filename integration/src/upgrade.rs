//! Upgrades to another protocol, which Envoy sends on with the client's own `connection`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use serde_json::{Value, json};

const ANSWER: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

/// Has the first listener of a bootstrap let upgrades to WebSocket through.
pub fn allow(root: &mut Value) {
    let chain = &mut root["static_resources"]["listeners"][0]["filter_chains"][0];
    let manager = &mut chain["filters"][0]["typed_config"];
    manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
}

/// An upstream that agrees to one upgrade.
pub struct Upgrade {
    address: SocketAddr,
    head: JoinHandle<Vec<String>>,
}

impl Upgrade {
    /// Waits for a connection.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let head = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("Envoy connects");
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head = lines.take_while(|line| !line.is_empty()).collect();
            (&stream).write_all(ANSWER).expect("Envoy reads");
            head
        });
        Self { address, head }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines of the head that it was sent. Waits for it.
    pub fn head(self) -> Vec<String> {
        self.head.join().expect("the upstream got a request")
    }
}
