//! What is done with connections, and what is seen of them.

use gatehouse_testkit::{Behind, FailurePolicy};

/// A plugin, and what happens to its connections.
#[derive(Clone, Debug)]
pub struct TcpCase {
    /// Also the ID of the VM: no spaces, and each its own.
    pub name: String,
    /// The module, by its path in the repository.
    pub module: String,
    /// The text of its configuration.
    pub configuration: String,
    /// What is behind it.
    pub behind: Behind,
    /// `failure_policy`
    pub failure_policy: FailurePolicy,
    /// What happens. A client has connected by then.
    pub steps: Vec<Step>,
}

/// What happens next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Another client connects; what clients do is about the latest, until it is another one's turn.
    Connects,
    /// It is the turn of a client, by its number from 0.
    Turn(usize),
    /// The client sends this.
    Sends(Vec<u8>),
    /// The client sends no more.
    Ends,
    /// The client resets the connection.
    Resets,
    /// The upstream sends this on its latest connection.
    Says(Vec<u8>),
    /// The upstream sends no more.
    ServerEnds,
    /// The upstream resets its latest connection.
    ServerResets,
    /// Milliseconds pass.
    Waits(u64),
    /// Envoy counts with this metric, and it takes as long as it takes: what cannot be seen otherwise.
    Counts(&'static str),
}

impl TcpCase {
    /// One of the module that does what its configuration says: lines of `PHASE=ORDERS`.
    pub fn script(name: &str, orders: &str) -> Self {
        Self {
            name: name.to_owned(),
            module: "dist/test/script.wasm".to_owned(),
            configuration: format!("{name}\n{orders}"),
            behind: Behind::TcpProxy,
            failure_policy: FailurePolicy::default(),
            steps: Vec::new(),
        }
    }

    /// One of connection-guard.
    pub fn guard(name: &str, configuration: &str) -> Self {
        Self {
            module: "dist/gatehouse_connection_guard.wasm".to_owned(),
            configuration: configuration.to_owned(),
            behind: Behind::TcpProxyOnData,
            ..Self::script(name, "")
        }
    }

    /// What is behind it.
    #[must_use]
    pub fn behind(mut self, behind: Behind) -> Self {
        self.behind = behind;
        self
    }

    /// What becomes of connections when the VM has failed.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = policy;
        self
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// [`Step::Connects`]
    #[must_use]
    pub fn connects(self) -> Self {
        self.then(Step::Connects)
    }

    /// [`Step::Turn`]
    #[must_use]
    pub fn turn(self, client: usize) -> Self {
        self.then(Step::Turn(client))
    }

    /// [`Step::Sends`]
    #[must_use]
    pub fn sends(self, data: impl AsRef<[u8]>) -> Self {
        self.then(Step::Sends(data.as_ref().to_vec()))
    }

    /// [`Step::Ends`]
    #[must_use]
    pub fn ends(self) -> Self {
        self.then(Step::Ends)
    }

    /// [`Step::Resets`]
    #[must_use]
    pub fn resets(self) -> Self {
        self.then(Step::Resets)
    }

    /// [`Step::Says`]
    #[must_use]
    pub fn says(self, data: impl AsRef<[u8]>) -> Self {
        self.then(Step::Says(data.as_ref().to_vec()))
    }

    /// [`Step::ServerEnds`]
    #[must_use]
    pub fn server_ends(self) -> Self {
        self.then(Step::ServerEnds)
    }

    /// [`Step::ServerResets`]
    #[must_use]
    pub fn server_resets(self) -> Self {
        self.then(Step::ServerResets)
    }

    /// [`Step::Counts`]
    #[must_use]
    pub fn counts(self, metric: &'static str) -> Self {
        self.then(Step::Counts(metric))
    }

    /// [`Step::Waits`]
    #[must_use]
    pub fn waits(self, milliseconds: u64) -> Self {
        self.then(Step::Waits(milliseconds))
    }
}

/// What there is to see after a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpSeen {
    /// What each client got, and how that ended.
    pub clients: Vec<(String, SideEnd)>,
    /// What the upstream got on each connection, and how that ended.
    pub upstreams: Vec<(String, SideEnd)>,
    /// What the module logged.
    pub log: Vec<String>,
    /// What the access log says of connections that have ended, sorted.
    pub access: Vec<String>,
}

/// How one side sees the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SideEnd {
    /// More may come.
    #[default]
    Open,
    /// No more comes.
    Ended,
    /// The connection was reset.
    Reset,
    /// It has reset the connection itself.
    Left,
}

/// A ClientHello for this server, of TLS 1.2, that offers this protocol.
pub fn hello(server: &str, alpn: &str) -> Vec<u8> {
    let counted = |bytes: &[u8]| {
        let length = u16::try_from(bytes.len())
            .expect("it is short")
            .to_be_bytes();
        [&length, bytes].concat()
    };
    let name = counted(&[&[0], &*counted(server.as_bytes())].concat());
    let mut extensions = [&[0, 0][..], &counted(&name)].concat();
    if !alpn.is_empty() {
        let length = u8::try_from(alpn.len()).expect("it is short");
        let names = counted(&[&[length], alpn.as_bytes()].concat());
        extensions.extend([&[0, 16][..], &counted(&names)].concat());
    }
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0, 0, 2, 0x13, 1, 1, 0],
        &counted(&extensions),
    ]
    .concat();
    let length = u32::try_from(body.len())
        .expect("it is short")
        .to_be_bytes();
    let message = [&[1], &length[1..], &body].concat();
    [&[22, 3, 1][..], &counted(&message)].concat()
}
