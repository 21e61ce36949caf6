//! What the workers of an Envoy have in common: the clock, the log, metrics, clusters.

use crate::metrics::Metrics;
use crate::plugin::{Clusters, Plugin};
use crate::{Cluster, LogLine, SharedData};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

pub(crate) struct World {
    /// Nanoseconds since 1970.
    pub(crate) now: Cell<u64>,
    pub(crate) shared: SharedData,
    pub(crate) metrics: RefCell<Metrics>,
    pub(crate) log: RefCell<Vec<LogLine>>,
    pub(crate) clusters: RefCell<Clusters>,
    pub(crate) random: Cell<u64>,
    /// Counts callouts, over all workers.
    pub(crate) callouts: Cell<u64>,
    pub(crate) tracing: Cell<bool>,
    /// Queues and the workers that were the last to register for them.
    pub(crate) consumers: RefCell<BTreeMap<u32, Option<usize>>>,
    /// Queues whose consumers are to be told.
    pub(crate) ready: RefCell<Vec<u32>>,
    pub(crate) plugin: Plugin,
}

impl World {
    pub(crate) fn cluster(&self, name: &str) -> Cluster {
        self.clusters.borrow().get(name)
    }

    pub(crate) fn log(&self, worker: Option<usize>, level: crate::Level, text: impl Into<String>) {
        let text = text.into();
        self.log.borrow_mut().push(LogLine {
            worker,
            level,
            text,
        });
    }

    /// SplitMix64: the same bytes in every run.
    pub(crate) fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn next_callout(&self) -> u64 {
        self.callouts.set(self.callouts.get() + 1);
        self.callouts.get()
    }
}
