//! `gatehouse-module-trim IN.wasm OUT.wasm`: keeps only the callback exports a module declares.
//!
//! Envoy calls every callback a module exports and the Rust SDK exports all of them, needed or not; each call
//! that crosses into the module costs. The rules are in [`trim`].

mod trim;

use std::path::PathBuf;

use anyhow::{Context as _, bail};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(input), Some(output), None) = (args.next(), args.next(), args.next()) else {
        bail!("usage: gatehouse-module-trim IN.wasm OUT.wasm");
    };
    let module =
        std::fs::read(&input).with_context(|| format!("can't read {}", input.display()))?;
    let trimmed = trim::trim(&module).with_context(|| format!("can't trim {}", input.display()))?;

    // Envoy may be reading the old file: replace it in one step.
    let staging = output.with_extension("wasm.new");
    std::fs::write(&staging, &trimmed.module)
        .with_context(|| format!("can't write {}", staging.display()))?;
    std::fs::rename(&staging, &output)
        .with_context(|| format!("can't write {}", output.display()))?;

    println!(
        "{}: {} -> {} bytes, {} of {} callbacks kept: {}",
        output.display(),
        module.len(),
        trimmed.module.len(),
        trimmed.kept.len(),
        trimmed.kept.len() + trimmed.removed,
        trimmed.kept.join(" "),
    );
    Ok(())
}
