//! Shared data as Envoy keeps it (`proxy-wasm-cpp-host` `src/shared_data.cc`).

use gatehouse_host::Cas;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One map for all workers over it; clones are the same map.
#[derive(Clone, Default)]
pub struct Shared(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    values: BTreeMap<String, (Vec<u8>, u32)>,
    last: u32,
}

impl Shared {
    /// A value and its version.
    pub fn read(&self, key: &str) -> Option<(Vec<u8>, Cas)> {
        self.0
            .borrow()
            .values
            .get(key)
            .map(|(value, cas)| (value.clone(), Cas(*cas)))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.borrow().values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the values hold.
    pub fn bytes(&self) -> usize {
        self.0
            .borrow()
            .values
            .values()
            .map(|(value, _)| value.len())
            .sum()
    }

    /// As Envoy: zero overwrites; a version other than the key's is a mismatch; any version creates
    /// a missing key.
    pub fn swap(&self, key: &str, value: &[u8], cas: Cas) -> bool {
        let state = &mut *self.0.borrow_mut();
        let current = state.values.get(key).map(|(_, cas)| *cas);
        if current.is_some_and(|current| cas.0 != 0 && cas.0 != current) {
            return false;
        }
        state.last += 1;
        state
            .values
            .insert(key.to_owned(), (value.to_vec(), state.last));
        true
    }
}
