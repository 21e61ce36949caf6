//! What the configuration of Envoy says of the plugin and its surroundings.

use crate::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// `failure_policy`: what becomes of streams when the VM has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// They fail.
    #[default]
    FailClosed,
    /// Streams after it pass without the filter; those that it had fail.
    FailOpen,
    /// They fail, and the VM is made anew for the next stream, one second after it was made at the earliest.
    FailReload,
}

/// What is behind a network filter, and with it what the filter gets to see when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behind {
    /// `tcp_proxy`: nothing is read of a client before its upstream is connected.
    #[default]
    TcpProxy,
    /// `tcp_proxy` with `upstream_connect_mode: ON_DOWNSTREAM_DATA`: it is read at once.
    TcpProxyOnData,
    /// An HTTP connection manager: it is read at once, and a client that sends no more is one that is gone.
    Http,
}

/// What a cluster does with callouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// They wait for the test to answer.
    Healthy,
    /// It has no healthy host: the host call fails at once.
    NoHealthyHost,
    /// There is no such cluster.
    Unknown,
}

/// The clusters of an Envoy.
#[derive(Clone, Debug)]
pub(crate) struct Clusters {
    known: BTreeMap<String, Cluster>,
    /// What those are that nobody spoke of.
    others: Cluster,
}

impl Default for Clusters {
    /// There is every cluster that is asked for.
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            others: Cluster::Healthy,
        }
    }
}

impl Clusters {
    /// There are these, and from now on no others.
    pub(crate) fn only<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        self.others = Cluster::Unknown;
        for name in names {
            self.set(name, Cluster::Healthy);
        }
    }

    pub(crate) fn set(&mut self, name: &str, cluster: Cluster) {
        self.known.insert(name.to_owned(), cluster);
    }

    pub(crate) fn get(&self, name: &str) -> Cluster {
        self.known.get(name).copied().unwrap_or(self.others)
    }
}

/// The configuration of the plugin and of its VM.
pub(crate) struct Plugin {
    pub(crate) name: String,
    pub(crate) root_id: String,
    pub(crate) vm_id: String,
    pub(crate) configuration: Vec<u8>,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) failure_policy: FailurePolicy,
    pub(crate) reload_backoff: Duration,
    pub(crate) allow_on_headers_stop_iteration: bool,
    pub(crate) buffer_limit: usize,
    pub(crate) behind: Behind,
    pub(crate) node: Value,
}
