//! The rounds: every variant once in each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Command;

use gatehouse_integration::http::{Connection, Request};
use tokio::runtime::Runtime;

use crate::credentials::Credentials;
use crate::generator::{CONNECTIONS, Load, Statuses};
use crate::ground::Ground;
use crate::instructions::Instructions;
use crate::options::Options;
use crate::requests::Kind;
use crate::setup::{Listener, Setup};
use crate::variants::Proof;
use crate::{cpu, order};

/// One a round, the first round not among them; or why there are none.
pub(crate) type Figures = Result<Vec<Figure>, String>;

/// What a request cost in one round.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    /// µs of CPU time.
    pub(crate) time: f64,
    /// In user space, where they can be counted.
    pub(crate) instructions: Option<f64>,
}

/// What was measured.
pub(crate) struct Measured {
    /// With no filter.
    pub(crate) bare: BTreeMap<Ground, Figures>,
    /// In the order of the listeners.
    pub(crate) variants: Vec<Figures>,
    /// Why instructions were not counted.
    pub(crate) uncounted: Option<String>,
}

/// The counters, by the number of workers of the Envoy.
type Counters = BTreeMap<u32, Instructions>;

/// One listener with its load, and what has been measured of it.
struct Bench {
    address: SocketAddr,
    ground: Ground,
    load: Result<Load, String>,
    figures: Vec<Figure>,
}

/// Measures all listeners.
pub(crate) fn measure(
    setup: &Setup,
    credentials: &Credentials,
    options: &Options,
) -> Result<Measured, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let requests = |kind: Kind| kind.requests(credentials);
    let bench = |address, ground: Ground, shown_before: usize| {
        let mut load = Load::open(&runtime, address, requests(ground.requests));
        if let Ok(open) = &mut load
            && let Err(fault) = open.run(&runtime, shown_before)
        {
            load = Err(fault);
        }
        Bench {
            address,
            ground,
            load,
            figures: Vec::new(),
        }
    };

    let mut benches = Vec::new();
    let variants: Vec<Result<usize, String>> = setup
        .listeners
        .iter()
        .map(|listener| {
            let address = listener.address.clone()?;
            let ground = listener.variant.ground();
            let requests = requests(ground.requests);
            prove(setup, listener, address, &requests.at(0))?;
            benches.push(bench(address, ground, ground.requests.shown_before()));
            Ok(benches.len() - 1)
        })
        .collect();
    let grounds: BTreeSet<_> = benches.iter().map(|bench| bench.ground).collect();
    let bare: BTreeMap<Ground, usize> = grounds
        .into_iter()
        .map(|ground| {
            benches.push(bench(setup.bare(ground), ground, 0));
            (ground, benches.len() - 1)
        })
        .collect();

    let counters: Result<Counters, String> = setup
        .envoys()
        .map(|(workers, envoy)| Ok((workers, Instructions::of(envoy.id())?)))
        .collect();
    let (mut counters, uncounted) = match counters {
        Ok(counters) => (counters, None),
        Err(reason) => (Counters::new(), Some(reason)),
    };
    for round in 0..options.rounds {
        let dropped = if round == 0 { " (dropped)" } else { "" };
        eprintln!("round {} of {}{dropped}", round + 1, options.rounds);
        for index in order::shuffled(benches.len(), round) {
            let counter = counters.get_mut(&benches[index].ground.workers);
            benches[index].measure(&runtime, setup, options, counter, round > 0)?;
        }
    }

    let figures = |index: usize| {
        let bench = &benches[index];
        bench.load.as_ref().map_err(String::clone)?;
        Ok(bench.figures.clone())
    };
    Ok(Measured {
        bare: bare
            .into_iter()
            .map(|(ground, index)| (ground, figures(index)))
            .collect(),
        variants: variants.into_iter().map(|index| figures(index?)).collect(),
        uncounted,
    })
}

impl Bench {
    fn measure(
        &mut self,
        runtime: &Runtime,
        setup: &Setup,
        options: &Options,
        mut counter: Option<&mut Instructions>,
        keep: bool,
    ) -> Result<(), String> {
        let Ok(load) = &mut self.load else {
            return Ok(());
        };
        let process = setup.envoy(self.ground).id();
        let mut executed = || counter.as_mut().map(|counter| counter.total()).transpose();
        let (executed_before, before) = (executed()?, cpu::time(process)?);
        let answers = if options.h2load {
            h2load(self.address, options.requests)?
        } else {
            load.run(runtime, options.requests)
        };
        let spent = cpu::time(process)? - before;
        let executed = executed()?.zip(executed_before);
        match answers {
            Err(fault) => self.load = Err(fault),
            Ok(statuses) if statuses != Statuses::from([(200, options.requests)]) => {
                self.load = Err(format!(
                    "answers by status: {statuses:?}, all should be 200"
                ));
            }
            Ok(_) if keep => self.figures.push(Figure {
                time: spent as f64 / 1_000.0 / options.requests as f64,
                instructions: executed
                    .map(|(now, before)| (now - before) as f64 / options.requests as f64),
            }),
            Ok(_) => {}
        }
        Ok(())
    }
}

/// Looks whether the filter is at work.
pub(crate) fn prove(
    setup: &Setup,
    listener: &Listener,
    address: SocketAddr,
    request: &[u8],
) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let answer = Connection::open(address)
        .and_then(|mut connection| connection.send_bytes(request, false))
        .map_err(failed)?;
    if answer.status != 200 {
        return Err(format!(
            "answered {}: {}",
            answer.status,
            answer.text().trim()
        ));
    }
    match &listener.variant.proof {
        Proof::Nothing(_) => Ok(()),
        Proof::Refuses(status) => {
            let answer = Request::new(address, "GET", "/")
                .try_send()
                .map_err(failed)?;
            (answer.status == *status).then_some(()).ok_or(format!(
                "answered {} to no credential, not {status}",
                answer.status
            ))
        }
        Proof::ResponseHeader(name) => {
            let missing = answer.header(name).is_empty();
            (!missing)
                .then_some(())
                .ok_or(format!("no header {name} in the answer"))
        }
        Proof::Stat(name) => (setup.envoy(listener.variant.ground()).stat(name) > 0)
            .then_some(())
            .ok_or(format!("the counter {name} is zero")),
    }
}

/// The same load by somebody else's generator: all requests alike, on connections of its own. The inner error is
/// the variant's, the outer one h2load's.
fn h2load(to: SocketAddr, count: usize) -> Result<Result<Statuses, String>, String> {
    let output = Command::new("h2load")
        .args([
            "--h1",
            "-t",
            "1",
            "-c",
            &CONNECTIONS.to_string(),
            "-n",
            &count.to_string(),
        ])
        .args([
            "-H",
            "host: gatehouse.test",
            "-H",
            "user-agent: gatehouse-bench",
            "-H",
            "accept: */*",
        ])
        .arg(format!("http://{to}/api/v1/orders/42"))
        .output()
        .map_err(|error| format!("can't run h2load: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("status codes: "));
    let line = line.ok_or_else(|| format!("h2load: {text}"))?;
    if line.starts_with(&format!("{count} 2xx")) {
        return Ok(Ok(Statuses::from([(200, count)])));
    }
    Ok(Err(format!("answers by status: {line}")))
}
