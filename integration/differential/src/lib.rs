//! The same requests through the test kit and through stock Envoy. A crate of its own, for the minutes wasmtime takes to
//! compile.
//!
//! A [`Stage`] is one module with one configuration in both. [`Stage::compare`] sends each [`Case`] through both and says
//! where they differ: what the client gets, what the upstream sees, what the module logs, and at the end its metrics.
//! [`connections`] does the same with connections and network filters.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: clients and upstreams take their time"
)]

mod case;
mod client;
pub mod connections;
mod kit;
mod progress;
mod services;
mod upstream;

pub use case::{Answer, Case, Seen, SeenRequest};

use gatehouse_integration::{Config, Envoy, repository};
use gatehouse_testkit as testkit;
use serde_json::json;
use services::Services;
use std::fmt::{Debug, Write as _};
use std::time::{Duration, Instant};
use upstream::Upstream;

const BOOTSTRAP: &str = r#"
static_resources:
  listeners:
  - name: http
    address: {socket_address: {address: 127.0.0.1, port_value: 10000}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          http_protocol_options: {enable_trailers: true}
          common_http_protocol_options: {max_headers_count: 2000}
          max_request_headers_kb: 512
          use_remote_address: false
          route_config:
            virtual_hosts:
            - name: all
              domains: ['*']
              routes:
              - name: some-route
                match: {prefix: /}
                route: {cluster: upstream, timeout: 60s}
                metadata: {filter_metadata: {gatehouse: {plan: gold, limits: {hits: 3}, open: true, all: [a, b]}}}
          http_filters:
          - name: module
            typed_config:
              '@type': type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                name: some-plugin
                root_id: some-root
                vm_config:
                  runtime: envoy.wasm.runtime.v8
                  vm_id: differential
                  code: {local: {filename: NONE}}
          - name: envoy.filters.http.router
            typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: upstream
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        common_http_protocol_options: {max_headers_count: 2000}
        explicit_http_config: {http_protocol_options: {enable_trailers: true}}
    load_assignment:
      cluster_name: upstream
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18080}}}}]}]
"#;

/// What is set up on both sides.
pub struct Setup<'s> {
    /// The module, by its path in the repository.
    pub module: &'s str,
    /// The text of its configuration.
    pub configuration: &'s str,
    /// `allow_on_headers_stop_iteration`
    pub body_while_paused: bool,
    /// `failure_policy`
    pub failure_policy: testkit::FailurePolicy,
    /// `per_connection_buffer_limit_bytes` of the listener, if it is not Envoy's.
    pub buffer_limit: Option<u32>,
}

impl<'s> Setup<'s> {
    /// A module with a configuration, and everything else as it is by default.
    pub fn new(module: &'s str, configuration: &'s str) -> Self {
        Self {
            module,
            configuration,
            body_while_paused: false,
            failure_policy: testkit::FailurePolicy::default(),
            buffer_limit: None,
        }
    }
}

/// A module in both.
pub struct Stage {
    envoy: Envoy,
    kit: testkit::Envoy,
    upstream: Upstream,
    _services: Services,
}

impl Stage {
    /// Starts both.
    pub fn new(setup: &Setup<'_>) -> Self {
        let upstream = Upstream::start();
        let services = Services::start();
        let policy = match setup.failure_policy {
            testkit::FailurePolicy::FailClosed => "FAIL_CLOSED",
            testkit::FailurePolicy::FailOpen => "FAIL_OPEN",
            testkit::FailurePolicy::FailReload => "FAIL_RELOAD",
        };
        let with_services = Config::parse(BOOTSTRAP).edit(|root| {
            let clusters = root.pointer_mut("/static_resources/clusters");
            let clusters = clusters.and_then(|clusters| clusters.as_array_mut());
            clusters.expect("clusters").extend(Services::clusters());
        });
        let config = services
            .endpoints(with_services)
            .endpoint(18080, upstream.address())
            .plugin_text(setup.configuration)
            .edit(|root| {
                let listener = root.pointer_mut("/static_resources/listeners/0").expect("a listener");
                if let Some(limit) = setup.buffer_limit {
                    listener["per_connection_buffer_limit_bytes"] = json!(limit);
                }
                let plugin = listener
                    .pointer_mut("/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config")
                    .expect("a plugin");
                plugin["allow_on_headers_stop_iteration"] = json!(setup.body_while_paused);
                plugin["failure_policy"] = json!(policy);
                plugin["vm_config"]["code"]["local"]["filename"] = json!(setup.module);
            });
        let envoy = config.start();
        upstream.serve(envoy.admin_address());
        Self {
            envoy,
            kit: kit::start(setup),
            upstream,
            _services: services,
        }
    }

    /// The test kit's side.
    pub fn kit(&self) -> &testkit::Envoy {
        &self.kit
    }

    /// Sends each case through both, then compares the metrics. Panics with all differences.
    pub fn compare(&self, cases: &[Case]) {
        let mut report = String::new();
        for case in cases {
            let (mut kit, before_the_body) = kit::run(&self.kit, case);
            let is_answered = kit.status != 0;
            let mut envoy = client::run(&self.envoy, case, &self.upstream, is_answered, || {
                self.logged(case, before_the_body);
            });
            envoy.log = self.logged(case, kit.log.len());
            // They do not run at the same moment.
            kit.body = without_waits(&kit.body);
            envoy.body = without_waits(&envoy.body);
            for headers in [&mut kit.headers, &mut envoy.headers] {
                headers
                    .iter_mut()
                    .for_each(|(_, value)| *value = without_waits(value));
            }
            if kit != envoy {
                let _ = writeln!(report, "--- {}", case.name);
                difference_of(&mut report, "envoy", &envoy, &kit);
                difference_of(&mut report, "test kit", &kit, &envoy);
            }
        }
        let stats = self.envoy.stats();
        for (name, metric) in self.kit.metrics() {
            let (testkit::Metric::Counter(value) | testkit::Metric::Gauge(value)) = metric else {
                continue;
            };
            let real = stats
                .get(&format!("wasmcustom.{name}"))
                .copied()
                .unwrap_or_default();
            if value != real {
                let _ = writeln!(report, "--- metric {name}: envoy {real}, test kit {value}");
            }
        }
        assert!(report.is_empty(), "they differ:\n{report}");
    }

    /// What the module logged of a case, once there are so many lines, or after a while.
    fn logged(&self, case: &Case, count: usize) -> Vec<String> {
        let marker = format!("script {} ", case.name);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let log = self.envoy.log();
            let lines: Vec<_> = log
                .lines()
                .filter_map(|line| Some(line.split_once(&marker)?.1.to_owned()))
                .collect();
            if lines.len() >= count || Instant::now() > deadline {
                return lines;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A text without how many seconds are to be waited.
fn without_waits(text: &str) -> String {
    match text.split_once("retry in ") {
        Some((before, after)) => {
            format!(
                "{before}retry in {}",
                after.trim_start_matches(|digit: char| digit.is_ascii_digit())
            )
        }
        None => text.to_owned(),
    }
}

/// The lines that one has and the other has not.
fn difference_of(report: &mut String, who: &str, one: &impl Debug, other: &impl Debug) {
    let lines = |seen: &dyn Debug| -> Vec<String> {
        format!("{seen:#?}").lines().map(str::to_owned).collect()
    };
    let theirs = lines(other);
    let mut all_known = true;
    for line in lines(one) {
        if !theirs.contains(&line) {
            all_known = false;
            let _ = writeln!(report, "{who:>9}: {line}");
        }
    }
    if all_known {
        let _ = writeln!(report, "{who:>9}: {one:?}");
    }
}

/// A path of a module that must have been built.
pub fn built(path: &str) -> &str {
    assert!(
        repository().join(path).exists(),
        "{path} is missing: scripts/test build makes it"
    );
    path
}
