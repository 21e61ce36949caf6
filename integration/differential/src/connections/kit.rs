//! A case in the test kit.

use super::case::{SideEnd, Step, TcpCase, TcpSeen};
use super::{Run, add_metrics};
use crate::services;
use gatehouse_integration::repository;
use gatehouse_testkit::{Behind, Connection, Engine, Envoy, Module, TcpClient};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long Envoy has been there before the first client comes.
const BEFORE: Duration = Duration::from_secs(1);

/// The cluster whose host nobody listens on.
const REFUSED: &str = "refused";

pub(super) fn run(case: &TcpCase, metrics: &mut BTreeMap<String, u64>) -> Run {
    let engine = Engine::options().cache(repository().join("target/testkit"));
    let engine = engine.build().expect("an engine");
    let module = Module::from_file(&engine, repository().join(crate::built(&case.module)))
        .expect("the module loads");
    let envoy = Envoy::builder(&module)
        .configuration(&case.configuration)
        .name("some-plugin")
        .root_id("some-root")
        .vm_id(&case.name)
        .clusters(services::CLUSTERS)
        .behind(case.behind)
        .failure_policy(case.failure_policy)
        .main_thread()
        .build()
        .unwrap_or_else(|error| panic!("{}: {error}", case.name));
    envoy.set_cluster("empty", gatehouse_testkit::Cluster::NoHealthyHost);
    services::advance(&envoy, BEFORE);
    let mut played = Played {
        case,
        envoy: &envoy,
        clients: Vec::new(),
        upstreams: Vec::new(),
        turn: 0,
    };
    played.connect();
    let mut run = Run::default();
    for step in std::iter::once(None).chain(case.steps.iter().map(Some)) {
        if let Some(step) = step {
            played.play(step);
        }
        services::answer(&envoy, false);
        played.settle();
        run.steps.push(played.look());
    }
    add_metrics(metrics, envoy.metrics());
    run
}

struct Played<'e> {
    case: &'e TcpCase,
    envoy: &'e Envoy,
    clients: Vec<(Connection<'e>, SideEnd)>,
    /// By the number of the client, in the order in which they were connected.
    upstreams: Vec<(usize, SideEnd)>,
    turn: usize,
}

impl<'e> Played<'e> {
    fn connect(&mut self) {
        self.turn = self.clients.len();
        let envoy: &'e Envoy = self.envoy;
        let connection = envoy.worker(0).tcp(&TcpClient::new());
        self.clients.push((connection, SideEnd::Open));
        self.settle();
    }

    fn play(&mut self, step: &Step) {
        let turn = self.turn;
        match step {
            Step::Connects => self.connect(),
            Step::Turn(client) => self.turn = *client,
            Step::Counts(_) => {}
            Step::Waits(milliseconds) => {
                services::advance(self.envoy, Duration::from_millis(*milliseconds));
            }
            Step::Sends(data) => {
                self.clients[turn].0.send(data, false);
            }
            Step::Ends => {
                self.clients[turn].0.send("", true);
            }
            Step::Resets => {
                self.clients[turn].1 = SideEnd::Left;
                self.clients[turn].0.close();
            }
            Step::Says(_) | Step::ServerEnds | Step::ServerResets => {
                let Some((client, end)) = self.upstreams.last_mut() else {
                    return;
                };
                let connection = &mut self.clients[*client].0;
                match step {
                    Step::Says(data) => {
                        connection.receive(data, false);
                    }
                    Step::ServerEnds => {
                        connection.receive("", true);
                    }
                    _ => {
                        *end = SideEnd::Left;
                        connection.close_locally();
                    }
                }
            }
        }
    }

    /// What is behind the filter does its part.
    fn settle(&mut self) {
        for (number, (connection, _)) in self.clients.iter_mut().enumerate() {
            if self.case.behind == Behind::Http {
                let asked = connection
                    .upstream()
                    .windows(4)
                    .any(|end| end == b"\r\n\r\n");
                if asked && connection.downstream().is_empty() {
                    connection.receive("HTTP/1.1 200", false);
                }
                continue;
            }
            if connection.cluster().as_deref() == Some(REFUSED) {
                connection.close_locally();
                continue;
            }
            let on_data = self.case.behind == Behind::TcpProxyOnData;
            let has_data = !connection.upstream().is_empty();
            let known = self.upstreams.iter().any(|(client, _)| *client == number);
            if connection.is_passed() && (!on_data || has_data) && !known {
                self.upstreams.push((number, SideEnd::Open));
            }
        }
    }

    fn look(&self) -> TcpSeen {
        let clients = self.clients.iter().map(|(connection, end)| {
            let received = connection.downstream().escape_ascii().to_string();
            let reset = self.upstreams.iter().any(|(client, end)| {
                std::ptr::eq(connection, &raw const self.clients[*client].0)
                    && *end == SideEnd::Left
            });
            let sees = match (end, connection.end()) {
                (SideEnd::Open, Some(_)) if reset => SideEnd::Reset,
                (SideEnd::Open, Some(_)) if connection.unread() > 0 => SideEnd::Reset,
                (SideEnd::Open, Some(_)) => SideEnd::Ended,
                (SideEnd::Open, None) if connection.downstream_ended() => SideEnd::Ended,
                (end, _) => *end,
            };
            (answered(self.case, received), sees)
        });
        let upstreams = self.upstreams.iter().map(|(client, end)| {
            let (connection, other) = &self.clients[*client];
            let received = connection.upstream().escape_ascii().to_string();
            let over = connection.upstream_ended() || connection.end().is_some();
            let sees = match end {
                // `tcp_proxy` hands a reset on.
                SideEnd::Open if *other == SideEnd::Left => SideEnd::Reset,
                SideEnd::Open if over => SideEnd::Ended,
                end => *end,
            };
            (received, sees)
        });
        let marker = format!("script {} ", self.case.name);
        let lines = self.envoy.logs();
        let log = lines
            .iter()
            .filter_map(|line| Some(line.text.split_once(&marker)?.1.to_owned()));
        let mut access: Vec<_> = self
            .clients
            .iter()
            .filter(|(connection, _)| connection.end().is_some())
            .map(|(connection, _)| line(connection))
            .collect();
        access.sort();
        TcpSeen {
            clients: clients.collect(),
            upstreams: upstreams.collect(),
            log: log.collect(),
            access,
        }
    }
}

/// As Envoy's access log has it.
fn line(connection: &Connection<'_>) -> String {
    let state = connection.filter_state();
    let shown = |name: &str| match state.get(name) {
        Some(value) => String::from_utf8_lossy(value).into_owned(),
        None => "-".to_owned(),
    };
    let close = match connection.closed() {
        // What tcp_proxy says where its upstream cannot be connected.
        None if connection.cluster().as_deref() == Some(REFUSED) => "tcp_initializion_failure:0",
        None | Some("") => "-",
        Some(reason) => reason,
    };
    format!(
        "denial={} state={} close={close} details=-",
        shown("gatehouse.denial"),
        shown("color"),
    )
}

/// Of an answer over HTTP, only that it came.
pub(super) fn answered(case: &TcpCase, received: String) -> String {
    match case.behind {
        Behind::Http => received.chars().take("HTTP/1.1 200".len()).collect(),
        _ => received,
    }
}
