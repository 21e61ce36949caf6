//! The Envoys: one for each number of workers, with a listener for each variant of as many.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use gatehouse_integration::{Config, Envoy};
use serde_json::{Value, json};

use crate::credentials::Credentials;
use crate::ground::Ground;
use crate::variants::Variant;

/// The ports of the services in the file: that of ext_authz, RateLimitService, and the upstream.
const SERVICE_PORTS: [u16; 3] = [18081, 18082, 18083];

/// The first port in the bootstrap of a variant; those before it are of the listeners without a filter.
const FIRST_PORT: u16 = 3;

/// How many lines of Envoy's log tell why it refused a variant.
const REASON_LINES: usize = 3;

/// What is running.
pub(crate) struct Setup {
    /// By the number of their workers.
    envoys: BTreeMap<u32, Envoy>,
    /// In the order of the variants.
    pub(crate) listeners: Vec<Listener>,
}

/// A variant, and its listener or why it has none.
pub(crate) struct Listener {
    pub(crate) variant: Variant,
    pub(crate) address: Result<SocketAddr, String>,
}

impl Setup {
    /// The Envoy in which something is measured.
    pub(crate) fn envoy(&self, ground: Ground) -> &Envoy {
        &self.envoys[&ground.workers]
    }

    /// The listener without a filter.
    pub(crate) fn bare(&self, ground: Ground) -> SocketAddr {
        self.envoy(ground).address_of(ground.route.port())
    }

    /// All of them, with the number of their workers.
    pub(crate) fn envoys(&self) -> impl Iterator<Item = (u32, &Envoy)> {
        self.envoys.iter().map(|(workers, envoy)| (*workers, envoy))
    }
}

/// Starts the Envoys with all variants. What one of them refuses it goes without.
pub(crate) fn start(
    variants: Vec<Variant>,
    credentials: &Credentials,
    services: [SocketAddr; 3],
) -> Result<Setup, String> {
    let mut by_workers: BTreeMap<u32, Vec<(usize, Variant)>> = BTreeMap::new();
    for (place, variant) in variants.into_iter().enumerate() {
        let those = by_workers.entry(variant.workers).or_default();
        those.push((place, variant));
    }
    let mut envoys = BTreeMap::new();
    let mut listeners = BTreeMap::new();
    for (workers, variants) in by_workers {
        let (places, variants): (Vec<_>, Vec<_>) = variants.into_iter().unzip();
        let (envoy, started) = start_one(variants, credentials, services)?;
        listeners.extend(places.into_iter().zip(started));
        envoys.insert(workers, envoy);
    }
    Ok(Setup {
        envoys,
        listeners: listeners.into_values().collect(),
    })
}

/// Starts the Envoy of variants of one number of workers. Where it refuses, finds the ones that it refuses and goes
/// without them.
fn start_one(
    variants: Vec<Variant>,
    credentials: &Credentials,
    services: [SocketAddr; 3],
) -> Result<(Envoy, Vec<Listener>), String> {
    let workers = variants.first().map_or(1, |variant| variant.workers);
    let start = |variants: &[&Variant]| {
        bootstrap(variants, credentials, services)
            .workers(workers)
            .try_start()
    };
    let mut faults: Vec<Option<String>> = variants
        .iter()
        .map(|variant| Some(format!("{} has not been built", variant.missing_module()?)))
        .collect();
    let sound = |faults: &[Option<String>]| -> Vec<&Variant> {
        let both = variants.iter().zip(faults);
        both.filter(|(_, fault)| fault.is_none())
            .map(|(variant, _)| variant)
            .collect()
    };

    let mut started = start(&sound(&faults));
    if started.is_err() {
        for (variant, fault) in variants.iter().zip(&mut faults) {
            if fault.is_none() {
                *fault = start(&[variant]).err().map(|refused| reason(&refused.log));
            }
        }
        started = start(&sound(&faults));
    }
    let envoy = started.map_err(|refused| format!("Envoy does not start:\n{}", refused.log))?;

    let ports: Vec<_> = sound(&faults)
        .iter()
        .map(|variant| variant.name.clone())
        .collect();
    let listeners = variants.into_iter().zip(faults).map(|(variant, fault)| {
        let place = ports.iter().position(|name| *name == variant.name);
        let address = match (place, fault) {
            (Some(place), None) => Ok(envoy.address_of(port(place))),
            (_, fault) => Err(fault.unwrap_or_default()),
        };
        Listener { variant, address }
    });
    let listeners = listeners.collect();
    Ok((envoy, listeners))
}

/// The port in the bootstrap of the variant at this place.
fn port(place: usize) -> u16 {
    u16::try_from(place).expect("few variants") + FIRST_PORT
}

fn bootstrap(
    variants: &[&Variant],
    credentials: &Credentials,
    services: [SocketAddr; 3],
) -> Config {
    let config = Config::load("integration/bench/envoy.yaml");
    let services = SERVICE_PORTS.into_iter().zip(services);
    let config = services.fold(config, |config, (port, service)| {
        config.endpoint(port, service)
    });
    config.edit(|root| {
        let listeners = root
            .pointer_mut("/static_resources/listeners")
            .and_then(Value::as_array_mut);
        let listeners = listeners.expect("integration/bench/envoy.yaml has listeners");
        let bare = listeners.clone();
        for (place, variant) in variants.iter().enumerate() {
            let bare = bare.get(usize::from(variant.route.port()) - 1);
            let mut listener = bare
                .expect("integration/bench/envoy.yaml has a listener for each route")
                .clone();
            listener["name"] = json!(variant.name);
            listener["address"]["socket_address"]["port_value"] = json!(port(place));
            let chain = listener
                .pointer_mut("/filter_chains/0/filters/0/typed_config/http_filters")
                .and_then(Value::as_array_mut);
            chain
                .expect("a chain of filters")
                .splice(0..0, variant.http_filters(credentials));
            listeners.push(listener);
        }
    })
}

/// The end of what Envoy logged when it gave up.
fn reason(log: &str) -> String {
    let telling = |line: &&str| line.contains("[critical]") || line.contains("[error]");
    let lines: Vec<_> = log.lines().filter(telling).take(REASON_LINES).collect();
    format!("Envoy refuses it: {}", lines.join(" / "))
}
