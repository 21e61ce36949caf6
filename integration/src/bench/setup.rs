//! One Envoy with a listener for each variant.

use std::net::SocketAddr;

use gatehouse_integration::{Config, Envoy};
use serde_json::{Value, json};

use crate::credentials::Credentials;
use crate::variants::Variant;

/// The ports of the services in the file: that of ext_authz, and RateLimitService.
const SERVICE_PORTS: [u16; 2] = [18081, 18082];

/// In the bootstrap, before Envoy takes free ports: the listener without a filter.
const BARE_PORT: u16 = 1;

/// How many lines of Envoy's log tell why it refused a variant.
const REASON_LINES: usize = 3;

/// A running Envoy.
pub(crate) struct Setup {
    pub(crate) envoy: Envoy,
    /// The listener without a filter.
    pub(crate) bare: SocketAddr,
    pub(crate) listeners: Vec<Listener>,
}

/// A variant, and its listener or why it has none.
pub(crate) struct Listener {
    pub(crate) variant: Variant,
    pub(crate) address: Result<SocketAddr, String>,
}

/// Starts Envoy with all variants. Where it refuses, finds the ones that it refuses and goes without them.
pub(crate) fn start(
    variants: Vec<Variant>,
    credentials: &Credentials,
    services: [SocketAddr; 2],
) -> Result<Setup, String> {
    let start = |variants: &[&Variant]| bootstrap(variants, credentials, services).try_start();
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
    Ok(Setup {
        bare: envoy.address_of(BARE_PORT),
        envoy,
        listeners,
    })
}

/// The port in the bootstrap of the variant at this place.
fn port(place: usize) -> u16 {
    u16::try_from(place).expect("few variants") + BARE_PORT + 1
}

fn bootstrap(
    variants: &[&Variant],
    credentials: &Credentials,
    services: [SocketAddr; 2],
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
        let bare = listeners
            .first()
            .expect("integration/bench/envoy.yaml has a listener")
            .clone();
        for (place, variant) in variants.iter().enumerate() {
            let mut listener = bare.clone();
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
