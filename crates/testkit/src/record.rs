//! What modules do, callback by callback.

use std::collections::{BTreeMap, VecDeque};

/// One callback of a module, and the host calls it made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callback {
    /// `proxy_on_request_headers`.
    pub name: &'static str,
    /// The context it was for.
    pub context: u32,
    /// How often each host call was made, `proxy_log` and WASI's too.
    pub calls: BTreeMap<&'static str, usize>,
    /// WebAssembly instructions executed; 0 unless the engine counts them.
    pub fuel: u64,
    /// The host calls in order, where [`crate::Envoy::trace`] is on.
    pub trace: Vec<HostCall>,
    /// How it trapped, if it did.
    pub trap: Option<String>,
}

impl Callback {
    /// How many host calls it made, without those that log.
    pub fn host_calls(&self) -> usize {
        let others = self.calls.iter().filter(|(name, _)| **name != "proxy_log");
        others.map(|(_, count)| count).sum()
    }
}

/// A host call and its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// `proxy_get_property`.
    pub name: &'static str,
    /// Its arguments in short.
    pub arguments: String,
    /// 0 is Ok.
    pub status: u32,
}

/// All callbacks of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How many there were.
    pub callbacks: usize,
    /// How many host calls they made, without those that log.
    pub host_calls: usize,
}

/// How many callbacks of a root context are kept: ticks go on for as long as time passes.
const KEPT: usize = 1024;

/// The callbacks of a root context.
#[derive(Default)]
pub(crate) struct Recorded {
    latest: VecDeque<Callback>,
    totals: BTreeMap<&'static str, Total>,
}

impl Recorded {
    pub(crate) fn push(&mut self, callback: Callback) {
        let total = self.totals.entry(callback.name).or_default();
        total.callbacks += 1;
        total.host_calls += callback.host_calls();
        if self.latest.len() == KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(callback);
    }

    pub(crate) fn latest(&self) -> Vec<Callback> {
        self.latest.iter().cloned().collect()
    }

    pub(crate) fn totals(&self) -> BTreeMap<&'static str, Total> {
        self.totals.clone()
    }
}
