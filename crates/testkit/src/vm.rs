//! A VM: an instance of the module, how it is started, and how it is called.

mod exports;
mod state;

pub(crate) use exports::Call;
pub(crate) use state::{Action, LocalReplyArguments, State, Tick};

use crate::record::Callback;
use crate::stream_state::Stream;
use crate::world::World;
use crate::{FailurePolicy, Level, Module};
use exports::Exports;
use std::rc::Rc;
use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

/// Fuel that no callback uses up.
const FUEL: u64 = 1 << 60;

/// An instance of a module.
pub(crate) struct Vm {
    pub(crate) store: Store<State>,
    exports: Rc<Exports>,
    counts_instructions: bool,
    /// It trapped: no callback is called any more.
    pub(crate) failed: bool,
}

impl Vm {
    /// Instantiates the module, starts the VM, and configures the plugin. What went wrong is in the log.
    pub(crate) fn start(module: &Module, world: &Rc<World>, worker: Option<usize>) -> Option<Self> {
        let state = State::new(world.clone(), worker);
        let mut store = Store::new(module.pre.module().engine(), state);
        let counts_instructions = module.engine.counts_instructions();
        if counts_instructions && store.set_fuel(FUEL).is_err() {
            return None;
        }
        let fail = |store: &Store<State>, text: String| store.data().log(Level::Critical, text);
        let instance = match module.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => {
                fail(
                    &store,
                    format!("Failed to instantiate Wasm module: {error:#}"),
                );
                return None;
            }
        };
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        let exports = match Exports::find(&instance, &mut store) {
            Ok(exports) => exports,
            Err(error) => {
                fail(&store, format!("Failed to load Wasm module: {error:#}"));
                return None;
            }
        };
        let mut vm = Self {
            store,
            exports: Rc::new(exports),
            counts_instructions,
            failed: false,
        };
        vm.initialize(&instance);
        let (vm_size, size) = (
            length(world.plugin.vm_configuration.len()),
            length(world.plugin.configuration.len()),
        );
        let root = vm.state().root;
        if vm.failed || vm.call(root, Call::ContextCreate { parent: 0 }).is_none() {
            return None;
        }
        if vm.call(root, Call::VmStart(vm_size)) == Some(Some(0)) && !vm.failed {
            vm.state().log(
                Level::Error,
                "Failed to start Wasm: proxy_on_vm_start returned false",
            );
            return None;
        }
        if vm.failed {
            return None;
        }
        vm.state().configuring = true;
        let configured = vm.call(root, Call::Configure(size));
        vm.state().configuring = false;
        if vm.failed || configured == Some(Some(0)) {
            return None;
        }
        Some(vm)
    }

    /// `_initialize` of a reactor, or else `_start` of a command.
    fn initialize(&mut self, instance: &Instance) {
        self.state().restricted = true;
        for name in ["_initialize", "_start"] {
            if let Ok(start) = instance.get_typed_func::<(), ()>(&mut self.store, name) {
                self.run(
                    0,
                    if name == "_start" {
                        "_start"
                    } else {
                        "_initialize"
                    },
                    &start,
                    (),
                );
                break;
            }
        }
        self.state().restricted = false;
    }

    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    pub(crate) fn stream(&mut self, context: u32) -> Option<&mut Stream> {
        self.state().streams.get_mut(&context)
    }

    /// Bytes of linear memory, which never shrinks.
    pub(crate) fn memory_size(&mut self) -> usize {
        let memory = self.state().memory;
        memory
            .map(|memory| memory.data_size(&self.store))
            .unwrap_or_default()
    }

    /// Calls a callback, and does what it left to be done. Nothing where the VM has failed; and nothing inside
    /// where the module does not export the callback.
    pub(crate) fn call(&mut self, context: u32, call: Call) -> Option<Option<u32>> {
        if self.failed {
            return None;
        }
        let result = self.dispatch(context, call);
        let stopped = std::mem::take(&mut self.state().stop_next) && !call.is_of_a_connection();
        self.run_actions();
        if self.failed {
            return None;
        }
        // What a callback that sent a local reply returns is nothing: it stops.
        Some(match (result, stopped) {
            (Some(_), true) => Some(u32::MAX),
            (result, _) => result,
        })
    }

    fn run_actions(&mut self) {
        while let Some(action) = self.state().actions.pop_front() {
            self.act(action);
        }
    }

    /// Enters the VM. A trap is its end.
    fn run<P: WasmParams, R: WasmResults>(
        &mut self,
        context: u32,
        name: &'static str,
        function: &TypedFunc<P, R>,
        arguments: P,
    ) -> Option<R> {
        let counts = self.counts_instructions;
        let state = self.state();
        let outer = (state.current, state.effective);
        (state.current, state.effective) = (context, 0);
        let fresh = Callback {
            name,
            context,
            ..Callback::default()
        };
        let outer_callback = std::mem::replace(&mut state.callback, fresh);
        if counts {
            self.store.set_fuel(FUEL).unwrap_or_default();
        }
        let result = function.call(&mut self.store, arguments);
        let fuel = if counts {
            FUEL - self.store.get_fuel().unwrap_or(FUEL)
        } else {
            0
        };
        let state = self.store.data_mut();
        (state.current, state.effective) = outer;
        let mut callback = std::mem::replace(&mut state.callback, outer_callback);
        callback.fuel = fuel;
        if let Err(error) = &result {
            let text = format!("{error:?}");
            state.log(Level::Critical, format!("Function: {name} failed: {text}"));
            callback.trap = Some(text);
            self.failed = true;
        }
        let state = self.state();
        match state.streams.get_mut(&context) {
            Some(stream) => stream.callbacks.push(callback),
            None => state.callbacks.push(callback),
        }
        result.ok()
    }

    /// Takes a number for a new stream, and announces it.
    pub(crate) fn create(&mut self, mut stream: Stream) -> u32 {
        let failed = self.failed;
        let state = self.state();
        stream.bypassed = failed && state.world.plugin.failure_policy == FailurePolicy::FailOpen;
        stream.began = state.world.now.get();
        let (context, parent) = (state.next_context, state.root);
        state.next_context += 1;
        state.streams.insert(context, stream);
        self.call(context, Call::ContextCreate { parent });
        context
    }
}

pub(crate) fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
