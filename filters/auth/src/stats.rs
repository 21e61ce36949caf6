//! The counters of the filter. All are defined when it is configured: their number depends on the
//! configuration, not on traffic.

use crate::reason::Reason;
use gatehouse_host::{Counter, Host, Result};

/// What is counted.
pub(crate) struct Stats {
    /// In the order of the configuration.
    providers: Vec<ProviderStats>,
    allowed_anonymous: Counter,
    /// By the discriminant of [`Reason`].
    refused: Vec<Counter>,
    /// Only in report mode, where the host's failures don't deny.
    host_failed: Option<Counter>,
}

/// What is counted of one provider.
pub(crate) struct ProviderStats {
    allowed: Counter,
    /// In the order of [`crate::provider::Kind::counters`].
    own: Vec<Counter>,
}

impl Stats {
    /// Defines the counters. `providers`: names, and what each counts of its own.
    pub(crate) fn define<'p>(
        host: &dyn Host,
        providers: impl IntoIterator<Item = (&'p str, &'p [&'p str])>,
        report: bool,
    ) -> Result<Self> {
        let mut stats = Vec::new();
        for (name, counters) in providers {
            let of =
                |what: &str| host.define_counter(&format!("gatehouse.auth.{what}.provider.{name}"));
            stats.push(ProviderStats {
                allowed: of("allowed")?,
                own: counters
                    .iter()
                    .map(|what| of(what))
                    .collect::<Result<_>>()?,
            });
        }
        let outcome = if report { "would_deny" } else { "denied" };
        let refused = |reason: &str| {
            host.define_counter(&format!("gatehouse.auth.{outcome}.reason.{reason}"))
        };
        Ok(Self {
            providers: stats,
            allowed_anonymous: host.define_counter("gatehouse.auth.allowed_anonymous")?,
            refused: Reason::ALL
                .iter()
                .map(|reason| refused(reason.as_str()))
                .collect::<Result<_>>()?,
            host_failed: report.then(|| refused("host_error")).transpose()?,
        })
    }

    /// In the order of the configuration.
    pub(crate) fn providers(&self) -> impl Iterator<Item = &ProviderStats> {
        self.providers.iter()
    }

    pub(crate) fn provider(&self, index: usize) -> Option<&ProviderStats> {
        self.providers.get(index)
    }

    pub(crate) fn allowed(&self, host: &dyn Host, provider: usize) {
        if let Some(provider) = self.providers.get(provider) {
            host.increment(provider.allowed, 1);
        }
    }

    pub(crate) fn allowed_anonymous(&self, host: &dyn Host) {
        host.increment(self.allowed_anonymous, 1);
    }

    /// A denial, or in report mode what would have been one.
    pub(crate) fn refused(&self, host: &dyn Host, reason: Reason) {
        if let Some(counter) = self.refused.get(reason as usize) {
            host.increment(*counter, 1);
        }
    }

    pub(crate) fn host_failed(&self, host: &dyn Host) {
        if let Some(counter) = self.host_failed {
            host.increment(counter, 1);
        }
    }
}

impl ProviderStats {
    /// Counts what stands at this place of the kind's counters.
    pub(crate) fn count(&self, host: &dyn Host, place: usize) {
        if let Some(counter) = self.own.get(place) {
            host.increment(*counter, 1);
        }
    }
}
