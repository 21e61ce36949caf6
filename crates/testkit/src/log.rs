//! What is logged.

/// Levels of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 0
    Trace,
    /// 1
    Debug,
    /// 2
    Info,
    /// 3
    Warn,
    /// 4
    Error,
    /// 5
    Critical,
}

impl Level {
    pub(crate) fn of(number: u32) -> Option<Self> {
        let levels = [
            Self::Trace,
            Self::Debug,
            Self::Info,
            Self::Warn,
            Self::Error,
            Self::Critical,
        ];
        levels.get(number as usize).copied()
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Whose VM wrote it; nothing for the canary's.
    pub worker: Option<usize>,
    /// Its level.
    pub level: Level,
    /// What the module wrote, without Envoy's prefix.
    pub text: String,
}
