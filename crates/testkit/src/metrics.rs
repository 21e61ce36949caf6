//! The metrics that modules define, by name: all VMs count in the same ones.

use std::collections::BTreeMap;

/// A metric and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Only grows.
    Counter(u64),
    /// Goes up and down.
    Gauge(u64),
    /// All that was recorded, in order.
    Histogram(Vec<u64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub(crate) fn of(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Counter),
            1 => Some(Self::Gauge),
            2 => Some(Self::Histogram),
            _ => None,
        }
    }
}

/// Names of different kinds are different metrics, as in Envoy.
#[derive(Debug, Default)]
pub(crate) struct Metrics(BTreeMap<(String, Kind), Metric>);

impl Metrics {
    pub(crate) fn define(&mut self, kind: Kind, name: &str) {
        let key = (name.to_owned(), kind);
        self.0.entry(key).or_insert(match kind {
            Kind::Counter => Metric::Counter(0),
            Kind::Gauge => Metric::Gauge(0),
            Kind::Histogram => Metric::Histogram(Vec::new()),
        });
    }

    pub(crate) fn get_mut(&mut self, kind: Kind, name: &str) -> Option<&mut Metric> {
        self.0.get_mut(&(name.to_owned(), kind))
    }

    pub(crate) fn all(&self) -> BTreeMap<String, Metric> {
        self.0
            .iter()
            .map(|((name, _), metric)| (name.clone(), metric.clone()))
            .collect()
    }

    /// The value of a counter or a gauge.
    pub(crate) fn value(&self, name: &str) -> Option<u64> {
        let find = |kind| self.0.get(&(name.to_owned(), kind));
        match find(Kind::Counter).or_else(|| find(Kind::Gauge))? {
            Metric::Counter(value) | Metric::Gauge(value) => Some(*value),
            Metric::Histogram(_) => None,
        }
    }
}
