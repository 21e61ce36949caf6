//! Where the modules of a suite are, and what they are compiled to.

use crate::chain::Plugin;
use gatehouse_testkit::{Engine, LoadError, Module};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Modules that were compiled, for all suites of a run.
pub struct Modules {
    engine: Engine,
    directory: Option<PathBuf>,
    loaded: Mutex<HashMap<PathBuf, Result<Module, String>>>,
}

impl Modules {
    /// Modules out of `directory`, or from where the configurations name them. What is compiled is kept in
    /// `cache`, which nobody else may write to.
    ///
    /// # Errors
    /// Where this machine cannot run modules.
    pub fn new(directory: Option<PathBuf>, cache: Option<PathBuf>) -> Result<Self, LoadError> {
        let engine = match cache {
            Some(cache) => Engine::options().cache(cache).build()?,
            None => Engine::new()?,
        };
        Ok(Self {
            engine,
            directory,
            loaded: Mutex::default(),
        })
    }

    /// The module of a filter.
    pub(crate) fn of(&self, plugin: &Plugin) -> Result<Module, String> {
        let candidates = self.candidates(plugin);
        let Some(path) = candidates.iter().find(|path| path.is_file()) else {
            let looked: Vec<_> = candidates
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            return Err(format!(
                "{}: its module is not there; looked for {} (scripts/build makes it, --modules DIR says where it is)",
                plugin.name,
                looked.join(", ")
            ));
        };
        // A lock that a panic has poisoned still guards a whole map.
        let mut loaded = self
            .loaded
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let load = || {
            Module::from_file(&self.engine, path)
                .map_err(|error| format!("{}: {error}", path.display()))
        };
        loaded.entry(path.clone()).or_insert_with(load).clone()
    }

    /// In the order in which they are tried: in the directory that was given; or as it is named, from here and
    /// from the file that names it; or in `dist`, from here and from the directories around that file.
    fn candidates(&self, plugin: &Plugin) -> Vec<PathBuf> {
        let name = plugin
            .module
            .file_name()
            .map_or(plugin.module.as_path(), Path::new);
        if let Some(directory) = &self.directory {
            return vec![directory.join(name)];
        }
        let mut candidates = Vec::new();
        if plugin.module.components().count() > 1 {
            candidates.push(plugin.module.clone());
        }
        candidates.push(plugin.directory.join(&plugin.module));
        candidates.push(Path::new("dist").join(name));
        let around = plugin.directory.canonicalize().unwrap_or_default();
        candidates.extend(
            around
                .ancestors()
                .map(|directory| directory.join("dist").join(name)),
        );
        candidates
    }
}
