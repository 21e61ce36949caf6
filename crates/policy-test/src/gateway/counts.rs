//! What filters have counted, called and logged.

use gatehouse_testkit::{Envoy, Metric};
use std::collections::BTreeMap;

/// What has been counted so far.
pub(super) struct Counts {
    pub(super) metrics: BTreeMap<String, u64>,
    /// Host calls in callbacks for answers.
    pub(super) answer_calls: u64,
    /// Lines in the log of each filter.
    pub(super) logged: Vec<usize>,
}

impl Counts {
    pub(super) fn of(envoys: &[Envoy]) -> Self {
        let mut metrics = BTreeMap::new();
        let mut answer_calls = 0;
        for envoy in envoys {
            for (name, metric) in envoy.metrics() {
                let value = match metric {
                    Metric::Counter(value) | Metric::Gauge(value) => value,
                    Metric::Histogram(values) => u64::try_from(values.len()).unwrap_or(u64::MAX),
                };
                *metrics.entry(name).or_default() += value;
            }
            let totals = envoy.worker(0).totals();
            let answers = totals
                .iter()
                .filter(|(name, _)| name.contains("http_call") || name.contains("grpc"));
            let calls: usize = answers.map(|(_, total)| total.host_calls).sum();
            answer_calls += u64::try_from(calls).unwrap_or(u64::MAX);
        }
        Self {
            metrics,
            answer_calls,
            logged: envoys.iter().map(|envoy| envoy.logs().len()).collect(),
        }
    }
}
