//! The table of buckets ([`gatehouse_limit_table`]), as this filter fails where it does.

pub(crate) use gatehouse_limit_table::{ATTEMPTS, Address, Bucket, Table, write_part};

use crate::stats::Cause;
use gatehouse_host::HostError;
use gatehouse_limit_config::Metered;
use gatehouse_limit_table as table;

/// What is decided on a limit, by its strictest window.
pub(crate) type Found<'l> = table::Found<'l, Metered>;

/// What a charge comes to.
#[cfg(test)]
pub(crate) type Charged<'l> = table::Charged<'l, Metered>;

/// Why a limit cannot be decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Other workers came first, every time.
    Contended,
    /// A host call failed: of shared data, or another one that the limit needs.
    Host(Cause, HostError),
}

impl From<table::Failure> for Failure {
    fn from(failure: table::Failure) -> Self {
        match failure {
            table::Failure::Contended => Self::Contended,
            table::Failure::Store(error) => store_failed(error),
            table::Failure::Host(error) => host_failed(error),
        }
    }
}

pub(crate) fn store_failed(error: HostError) -> Failure {
    Failure::Host(Cause::StoreFailed, error)
}

/// Another call than those of shared data failed.
pub(crate) fn host_failed(error: HostError) -> Failure {
    Failure::Host(Cause::HostFailed, error)
}
