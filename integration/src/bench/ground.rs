//! What a variant is measured on, and without its filters what is taken off.

use std::fmt;

use serde::Deserialize;

use crate::requests::Kind;

/// Where the requests go, through how many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ground {
    /// Of Envoy.
    pub(crate) workers: u32,
    pub(crate) route: Route,
    pub(crate) requests: Kind,
}

/// Who answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Route {
    /// Envoy itself.
    #[default]
    Direct,
    /// An upstream.
    Upstream,
}

impl Route {
    /// The port in the bootstrap of the listener with this route and no filter.
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Direct => 1,
            Self::Upstream => 2,
        }
    }
}

/// As in the table.
impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.requests.name())?;
        if self.route == Route::Upstream {
            f.write_str(", to an upstream")?;
        }
        match self.workers {
            1 => Ok(()),
            workers => write!(f, ", {workers} workers"),
        }
    }
}
