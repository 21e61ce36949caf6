//! Instructions that Envoy executes, where the machine counts them: unlike time, they are the same on a machine that
//! is slow or busy, so two runs may be compared by them.

use perf_event::events::Hardware;
use perf_event::{Builder, Counter};

/// The instructions of one process in user space: the kernel's, for the network, are not a filter's.
pub(crate) struct Instructions {
    /// One for each thread; those that a thread starts later count with it.
    threads: Vec<Counter>,
}

impl Instructions {
    /// Counts from now on.
    ///
    /// # Errors
    ///
    /// Why the machine does not count: no counters in a virtual machine, or `kernel.perf_event_paranoid` above 2.
    pub(crate) fn of(process: u32) -> Result<Self, String> {
        let uncounted = |error| format!("instructions are not counted here: {error}");
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).map_err(uncounted)?;
        let mut threads = Vec::new();
        for task in tasks {
            let name = task.map_err(uncounted)?.file_name();
            let Some(thread) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let mut counter = Builder::new(Hardware::INSTRUCTIONS)
                .observe_pid(thread)
                .inherit(true)
                .build()
                .map_err(uncounted)?;
            counter.enable().map_err(uncounted)?;
            threads.push(counter);
        }
        Ok(Self { threads })
    }

    /// So far.
    ///
    /// # Errors
    ///
    /// A counter that cannot be read, or one that shared the processor's counters with others and so saw only a
    /// part of what was executed.
    pub(crate) fn total(&mut self) -> Result<u64, String> {
        let mut total = 0;
        for counter in &mut self.threads {
            let read = counter.read_full().map_err(|error| error.to_string())?;
            if read.time_running() != read.time_enabled() {
                return Err("somebody else counts too".to_owned());
            }
            total += read.count();
        }
        Ok(total)
    }
}
