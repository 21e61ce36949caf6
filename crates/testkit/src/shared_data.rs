//! The map that all VMs of a process share, and its queues.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Shared data and queues. Clones are the same data: two [`crate::Envoy`]s over clones are two plugins of one
/// process, also on two threads.
#[derive(Clone, Debug, Default)]
pub struct SharedData(Arc<Mutex<Inner>>, Hook);

/// What comes before each access.
#[derive(Clone, Default)]
struct Hook(Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() {
            "Hook"
        } else {
            "No hook"
        })
    }
}

#[derive(Debug, Default)]
struct Inner {
    /// By the ID of the VM and the key.
    entries: BTreeMap<(String, Vec<u8>), (Vec<u8>, u32)>,
    version: u32,
    queues: Vec<Queue>,
}

#[derive(Debug)]
struct Queue {
    vm_id: String,
    name: Vec<u8>,
    items: VecDeque<Vec<u8>>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Swap {
    Done,
    Mismatch,
}

impl SharedData {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does something before each reading and writing of a value, whoever reads or writes it: where VMs on several
    /// threads share the data, it can let another one come between. Once for all clones.
    pub fn before_access(&self, hook: impl Fn() + Send + Sync + 'static) {
        assert!(
            self.1.0.set(Box::new(hook)).is_ok(),
            "there is a hook already"
        );
    }

    fn pass(&self) {
        if let Some(hook) = self.1.0.get() {
            hook();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value and its version.
    pub fn get(&self, vm_id: &str, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.pass();
        self.inner()
            .entries
            .get(&(vm_id.to_owned(), key.to_vec()))
            .cloned()
    }

    /// Writes a value, whatever is there.
    pub fn set(&self, vm_id: &str, key: &[u8], value: &[u8]) {
        self.swap(vm_id, key, value, 0);
    }

    /// Writes a value unless another version is there. 0 is any version, and so is whatever is given where there
    /// is nothing (`SharedData::set` of proxy-wasm-cpp-host).
    pub(crate) fn swap(&self, vm_id: &str, key: &[u8], value: &[u8], cas: u32) -> Swap {
        self.pass();
        let mut inner = self.inner();
        let key = (vm_id.to_owned(), key.to_vec());
        if let Some((_, version)) = inner.entries.get(&key)
            && cas != 0
            && cas != *version
        {
            return Swap::Mismatch;
        }
        inner.version = inner.version.checked_add(1).unwrap_or(1);
        let version = inner.version;
        inner.entries.insert(key, (value.to_vec(), version));
        Swap::Done
    }

    /// All keys of a VM's ID and their values.
    pub fn entries(&self, vm_id: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let inner = self.inner();
        let entries = inner.entries.iter().filter(|((id, _), _)| id == vm_id);
        entries
            .map(|((_, key), (value, _))| (key.clone(), value.clone()))
            .collect()
    }

    /// The number of a queue, which is made where it is not there.
    pub(crate) fn register_queue(&self, vm_id: &str, name: &[u8]) -> u32 {
        if let Some(token) = self.resolve_queue(vm_id, name) {
            return token;
        }
        let mut inner = self.inner();
        inner.queues.push(Queue {
            vm_id: vm_id.to_owned(),
            name: name.to_vec(),
            items: VecDeque::new(),
        });
        u32::try_from(inner.queues.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn resolve_queue(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        let inner = self.inner();
        let place = inner
            .queues
            .iter()
            .position(|queue| queue.vm_id == vm_id && queue.name == name)?;
        u32::try_from(place + 1).ok()
    }

    /// Whether there is such a queue.
    pub(crate) fn enqueue(&self, token: u32, item: &[u8]) -> bool {
        let mut inner = self.inner();
        let queue = (token as usize)
            .checked_sub(1)
            .and_then(|place| inner.queues.get_mut(place));
        queue
            .map(|queue| queue.items.push_back(item.to_vec()))
            .is_some()
    }

    /// The next item, if there is such a queue, and one in it.
    pub(crate) fn dequeue(&self, token: u32) -> Option<Option<Vec<u8>>> {
        let mut inner = self.inner();
        let queue = (token as usize)
            .checked_sub(1)
            .and_then(|place| inner.queues.get_mut(place))?;
        Some(queue.items.pop_front())
    }
}
