//! How an Envoy is set up, and started.

use crate::callouts::nanos;
use crate::envoy::Slot;
use crate::metrics::Metrics;
use crate::plugin::{Clusters, Plugin};
use crate::vm::Vm;
use crate::world::World;
use crate::{Behind, Envoy, FailurePolicy, LogLine, Module, SharedData, Value};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// The time at which clocks start: 2026-01-01T00:00:00Z.
pub const START: Duration = Duration::from_secs(1_767_225_600);

/// Envoy's `per_connection_buffer_limit_bytes`, unless it is configured.
const BUFFER_LIMIT: usize = 1024 * 1024;

/// The configuration was refused.
#[derive(Clone, Debug)]
pub struct ConfigureError {
    /// All that was logged.
    pub log: Vec<LogLine>,
}

impl fmt::Display for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the module refused to start:")?;
        self.log
            .iter()
            .try_for_each(|line| write!(f, "\n{}", line.text))
    }
}

impl std::error::Error for ConfigureError {}

/// How an [`Envoy`] is set up.
pub struct Builder<'m> {
    module: &'m Module,
    plugin: Plugin,
    workers: usize,
    main_thread: bool,
    clock: Duration,
    clusters: Clusters,
    shared: SharedData,
    seed: u64,
}

impl<'m> Builder<'m> {
    pub(crate) fn new(module: &'m Module) -> Self {
        Self {
            module,
            plugin: Plugin {
                name: String::new(),
                root_id: String::new(),
                vm_id: String::new(),
                configuration: Vec::new(),
                vm_configuration: Vec::new(),
                environment: BTreeMap::new(),
                failure_policy: FailurePolicy::default(),
                reload_backoff: Duration::from_secs(1),
                allow_on_headers_stop_iteration: false,
                buffer_limit: BUFFER_LIMIT,
                behind: Behind::default(),
                node: Value::Map(BTreeMap::new()),
            },
            workers: 1,
            main_thread: false,
            clock: START,
            clusters: Clusters::default(),
            shared: SharedData::new(),
            seed: 0,
        }
    }

    /// The bytes that `proxy_on_configure` reads. Envoy unwraps `StringValue` and `BytesValue`, and hands a
    /// `google.protobuf.Struct` over as the serialized message.
    #[must_use]
    pub fn configuration(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.plugin.configuration = bytes.as_ref().to_vec();
        self
    }

    /// The bytes that `proxy_on_vm_start` reads.
    #[must_use]
    pub fn vm_configuration(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.plugin.vm_configuration = bytes.as_ref().to_vec();
        self
    }

    /// The name of the plugin.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.plugin.name);
        self
    }

    /// The root ID.
    #[must_use]
    pub fn root_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.plugin.root_id);
        self
    }

    /// The ID of the VM, under which shared data is.
    #[must_use]
    pub fn vm_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.plugin.vm_id);
        self
    }

    /// A variable of the VM's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.plugin
            .environment
            .insert(name.to_owned(), value.to_owned());
        self
    }

    /// How many workers there are: one unless set, and at least one.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Envoy has a VM on its main thread too. It gets no streams and no connections; it is configured, ticks and sends callouts like a
    /// worker's. Unless it is asked for, there is none. As a worker it has the number after the last.
    #[must_use]
    pub fn main_thread(mut self) -> Self {
        self.main_thread = true;
        self
    }

    /// The time since 1970 at which the clock starts: [`START`] unless set.
    #[must_use]
    pub fn clock(mut self, time: Duration) -> Self {
        self.clock = time;
        self
    }

    /// There are only these clusters, and they are healthy. Unless it is called, there is every cluster that is asked for.
    #[must_use]
    pub fn clusters<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.clusters.only(names);
        self
    }

    /// Shared data that others use too.
    #[must_use]
    pub fn shared_data(mut self, shared: &SharedData) -> Self {
        self.shared = shared.clone();
        self
    }

    /// What becomes of streams when the VM has failed.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.plugin.failure_policy = policy;
        self
    }

    /// `allow_on_headers_stop_iteration`: body callbacks go on while the headers wait.
    #[must_use]
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Self {
        self.plugin.allow_on_headers_stop_iteration = allow;
        self
    }

    /// How much of a body is buffered: 1 MiB unless set.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.plugin.buffer_limit = bytes;
        self
    }

    /// What is behind a network filter: `tcp_proxy` unless set.
    #[must_use]
    pub fn behind(mut self, behind: Behind) -> Self {
        self.plugin.behind = behind;
        self
    }

    /// Where the random numbers begin, which are the same in every run.
    #[must_use]
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The attribute `node`.
    #[must_use]
    pub fn node(mut self, node: Value) -> Self {
        self.plugin.node = node;
        self
    }

    /// Starts the canary, which configures the plugin first and is thrown away, then the workers.
    pub fn build(self) -> Result<Envoy, ConfigureError> {
        let world = Rc::new(World {
            now: Cell::new(nanos(self.clock)),
            shared: self.shared,
            metrics: RefCell::new(Metrics::default()),
            log: RefCell::default(),
            clusters: RefCell::new(self.clusters),
            random: Cell::new(self.seed),
            callouts: Cell::new(0),
            tracing: Cell::new(false),
            consumers: RefCell::default(),
            ready: RefCell::default(),
            plugin: self.plugin,
        });
        let refused = || ConfigureError {
            log: world.log.borrow().clone(),
        };
        Vm::start(self.module, &world, None).ok_or_else(refused)?;
        let mut slots = Vec::new();
        for worker in 0..self.workers + usize::from(self.main_thread) {
            let vm = Vm::start(self.module, &world, Some(worker)).ok_or_else(refused)?;
            slots.push(Slot {
                vm: RefCell::new(Rc::new(RefCell::new(vm))),
                loaded_at: Cell::new(world.now.get()),
                reloads: Cell::new(0),
            });
        }
        let envoy = Envoy {
            module: self.module.clone(),
            world,
            slots,
            workers: self.workers,
        };
        envoy.settle();
        Ok(envoy)
    }
}
