//! Cores and CPU time.

use std::process::Command;

/// Where an Envoy with one worker is.
pub(crate) const ENVOY_CORE: usize = 0;

/// Where the load comes from.
pub(crate) const LOAD_CORE: usize = 1;

/// Pins all threads of a process, and those that they will start, to a core.
pub(crate) fn pin(process: u32, core: usize) -> Result<(), String> {
    pin_to(process, &core.to_string())
}

/// Lets a process have all of these many cores: workers that contend must run at the same time.
pub(crate) fn spread(process: u32, cores: usize) -> Result<(), String> {
    pin_to(process, &format!("0-{}", cores.saturating_sub(1)))
}

fn pin_to(process: u32, cores: &str) -> Result<(), String> {
    let output = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid"])
        .args([cores, &process.to_string()])
        .output()
        .map_err(|error| format!("can't run taskset: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "can't pin process {process} to {cores}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

/// User and system time of all threads of a process so far, in nanoseconds.
///
/// `schedstat` counts nanoseconds where `stat` counts hundredths of a second. A thread that ends takes its time
/// along; Envoy's stay.
pub(crate) fn time(process: u32) -> Result<u64, String> {
    let unreadable = |error| format!("CPU time of process {process}: {error}");
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).map_err(unreadable)?;
    let mut total = 0;
    for task in tasks {
        let path = task.map_err(unreadable)?.path().join("schedstat");
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        let ran = text
            .split_whitespace()
            .next()
            .and_then(|ran| ran.parse::<u64>().ok());
        total += ran.ok_or_else(|| format!("{}: {text:?}", path.display()))?;
    }
    Ok(total)
}
