//! What is kept of a module, in this order:
//!
//! 1. The custom sections named `gatehouse.callbacks` (UTF-8, names separated by newlines) are united; a module
//!    without one is refused, since an untrimmed module would go unnoticed.
//! 2. A declared callback that the module does not export as a function is an error: it would never be called.
//! 3. Of the function exports that start with `proxy_on_`, the declared ones and [`ALWAYS_KEPT`] stay.
//!    Every other export stays (`memory`, `_initialize`, `malloc`, `proxy_abi_version_*`).
//! 4. What is unreachable from the remaining exports goes; DWARF, `producers` and `gatehouse.callbacks` too. So a
//!    trimmed module can't be trimmed again.
//! 5. The names of our own functions stay, for Envoy's stack traces, as a person would write them: without mangling
//!    and without the compiler's hash. Those of libraries go.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use walrus::{ExportItem, Module, ModuleConfig};

/// The custom section in which an entrypoint declares its callbacks.
const SECTION: &str = "gatehouse.callbacks";

/// How the names of our own crates begin.
const OURS: &str = "gatehouse_";

/// What starts the name of every callback of the proxy-wasm ABI.
const CALLBACK_PREFIX: &str = "proxy_on_";

/// Callbacks that every module begins with: the life cycle of a VM, and the beginning of its contexts.
const ALWAYS_KEPT: [&str; 4] = [
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_memory_allocate",
    "proxy_on_vm_start",
];

/// A trimmed module and what became of its callbacks.
pub(crate) struct Trimmed {
    /// The module, encoded.
    pub(crate) module: Vec<u8>,
    /// The `proxy_on_*` exports that are left, sorted.
    pub(crate) kept: Vec<String>,
    /// How many `proxy_on_*` exports were removed.
    pub(crate) removed: usize,
}

/// Trims an encoded module by the rules above.
pub(crate) fn trim(encoded: &[u8]) -> anyhow::Result<Trimmed> {
    let mut module = ModuleConfig::new()
        .generate_name_section(true)
        .generate_dwarf(false)
        .generate_producers_section(false)
        .parse(encoded)?;

    let declared = take_declared(&mut module)?;
    let exported: Vec<_> = module
        .exports
        .iter()
        .filter(|export| {
            matches!(export.item, ExportItem::Function(_))
                && export.name.starts_with(CALLBACK_PREFIX)
        })
        .map(|export| (export.id(), export.name.clone()))
        .collect();

    let missing: Vec<_> = declared
        .iter()
        .filter(|name| !exported.iter().any(|(_, export)| export == *name))
        .collect();
    if !missing.is_empty() {
        bail!("declared in {SECTION} but not exported: {missing:?}");
    }

    let mut kept = Vec::new();
    let mut removed = 0;
    for (id, name) in exported {
        if declared.contains(&name) || ALWAYS_KEPT.contains(&name.as_str()) {
            kept.push(name);
        } else {
            module.exports.delete(id);
            removed += 1;
        }
    }
    kept.sort();

    walrus::passes::gc::run(&mut module);
    for function in module.funcs.iter_mut() {
        function.name = function.name.as_deref().and_then(readable);
    }
    Ok(Trimmed {
        module: module.emit_wasm(),
        kept,
        removed,
    })
}

/// The name of a function as a person would write it, where it is one of ours: a trace that names those
/// says where a trap came from, and those of libraries are four fifths of all bytes of names.
fn readable(name: &str) -> Option<String> {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    // Also methods of a trait, `<gatehouse_host::… as …>`; not what drops or moves something of ours.
    let bare = name.trim_start_matches(['<', '&']);
    let is_ours = bare.starts_with(OURS) || !name.contains("::");
    let is_end = ["core::", "alloc::", "std::panicking::"]
        .iter()
        .any(|library| bare.starts_with(library))
        && !name.starts_with('<')
        && (name.contains("panic") || name.contains("alloc_error"));
    // All of ours are Gatehouse's: saying so in each is a tenth of all names.
    (is_ours || is_end).then(|| name.replace(OURS, ""))
}

/// Takes the `gatehouse.callbacks` sections out of the module and unites what they declare.
fn take_declared(module: &mut Module) -> anyhow::Result<BTreeSet<String>> {
    let sections: Vec<_> = module
        .customs
        .iter()
        .filter(|(_, section)| section.name() == SECTION)
        .map(|(id, _)| id)
        .collect();
    if sections.is_empty() {
        bail!("no custom section {SECTION}: the module declares no callbacks");
    }

    let mut declared = BTreeSet::new();
    for id in sections {
        let Some(section) = module.customs.delete(id) else {
            continue;
        };
        let content = section.data(&Default::default());
        let names =
            std::str::from_utf8(&content).with_context(|| format!("{SECTION} is not UTF-8"))?;
        declared.extend(
            names
                .lines()
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
        );
    }
    if let Some(name) = declared
        .iter()
        .find(|name| !name.starts_with(CALLBACK_PREFIX))
    {
        bail!(
            "{SECTION} declares {name:?}, which is not a callback: callbacks start with {CALLBACK_PREFIX}"
        );
    }
    Ok(declared)
}

#[cfg(test)]
mod tests;
