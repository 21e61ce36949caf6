//! Compiles modules, and keeps what was compiled.

use crate::imports;
use crate::vm::State;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::hash::{Hash as _, Hasher};
use std::path::{Path, PathBuf};
use wasmtime::{Config, InstancePre, Linker};

/// Compiles modules. Cheap to clone, and shared by threads.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    cache: Option<PathBuf>,
    fuel: bool,
}

/// What engines differ in.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    cache: Option<PathBuf>,
    fuel: bool,
}

impl EngineOptions {
    /// Keeps what was compiled in this directory, by the hash of the module; it is made when it is needed. Nobody
    /// else may write there: what is in it is run.
    #[must_use]
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = Some(directory.into());
        self
    }

    /// Counts the instructions that modules execute ([`crate::Callback::fuel`]): the same on every machine, for the
    /// same module and the same input. It makes modules slower.
    #[must_use]
    pub fn count_instructions(mut self) -> Self {
        self.fuel = true;
        self
    }

    /// An engine with these options.
    pub fn build(self) -> Result<Engine, LoadError> {
        let mut config = Config::new();
        config.consume_fuel(self.fuel);
        let engine = wasmtime::Engine::new(&config).map_err(LoadError::new)?;
        Ok(Engine {
            engine,
            cache: self.cache,
            fuel: self.fuel,
        })
    }
}

impl Engine {
    /// One that keeps nothing on disk.
    pub fn new() -> Result<Self, LoadError> {
        EngineOptions::default().build()
    }

    /// An engine with other options.
    pub fn options() -> EngineOptions {
        EngineOptions::default()
    }

    pub(crate) fn counts_instructions(&self) -> bool {
        self.fuel
    }

    fn compile(&self, bytes: &[u8]) -> Result<wasmtime::Module, LoadError> {
        let Some(directory) = &self.cache else {
            return wasmtime::Module::new(&self.engine, bytes).map_err(LoadError::new);
        };
        let path = directory.join(self.key(bytes));
        if let Some(module) = self.cached(&path) {
            return Ok(module);
        }
        let module = wasmtime::Module::new(&self.engine, bytes).map_err(LoadError::new)?;
        if let Ok(compiled) = module.serialize() {
            // A cache that cannot be written is none.
            let _ = write_atomically(directory, &path, &compiled);
        }
        Ok(module)
    }

    /// Of the module, and of all that the compiled form depends on.
    fn key(&self, bytes: &[u8]) -> String {
        let mut hasher = Sha256Hasher(Sha256::new());
        self.engine
            .precompile_compatibility_hash()
            .hash(&mut hasher);
        hasher.write(bytes);
        let digest: String = hasher
            .0
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{digest}.cwasm")
    }

    #[expect(
        unsafe_code,
        reason = "what was compiled before is trusted, as the documentation of the cache says"
    )]
    fn cached(&self, path: &Path) -> Option<wasmtime::Module> {
        let stored = std::fs::read(path).ok()?;
        let (digest, compiled) = stored.split_first_chunk::<32>()?;
        if Sha256::digest(compiled)[..] != digest[..] {
            return None;
        }
        // SAFETY: the file is one that `write_atomically` wrote, whole, from a module of this version of wasmtime,
        // which checks the version and the settings again.
        unsafe { wasmtime::Module::deserialize(&self.engine, compiled) }.ok()
    }
}

/// The digest, then the module; put in place whole, so that processes can share the directory.
fn write_atomically(directory: &Path, path: &Path, compiled: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let temporary = path.with_extension(format!(
        "{}.{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    let mut bytes = Sha256::digest(compiled).to_vec();
    bytes.extend_from_slice(compiled);
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, path)
}

struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// A module that was compiled and linked. Cheap to clone, and shared by threads.
#[derive(Clone)]
pub struct Module {
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<State>,
}

impl Module {
    /// Reads and compiles a `.wasm` file.
    pub fn from_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path)
            .map_err(|error| LoadError(format!("{}: {error}", path.display())))?;
        Self::from_bytes(engine, &bytes)
    }

    /// Compiles a module. Like Envoy, refuses one that imports what there is not, or does not say that it is of
    /// ABI 0.2.0 or 0.2.1.
    pub fn from_bytes(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadError> {
        let module = engine.compile(bytes)?;
        let versions = ["proxy_abi_version_0_2_0", "proxy_abi_version_0_2_1"];
        if !versions
            .iter()
            .any(|version| module.get_export(version).is_some())
        {
            return Err(LoadError(
                "Missing or unknown Proxy-Wasm ABI version".to_owned(),
            ));
        }
        let mut linker = Linker::new(&engine.engine);
        imports::link(&mut linker).map_err(LoadError::new)?;
        let pre = linker.instantiate_pre(&module).map_err(LoadError::new)?;
        Ok(Self {
            engine: engine.clone(),
            pre,
        })
    }
}

/// A module that cannot be loaded, and why.
#[derive(Debug)]
pub struct LoadError(pub(crate) String);

impl LoadError {
    pub(crate) fn new(error: wasmtime::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}
