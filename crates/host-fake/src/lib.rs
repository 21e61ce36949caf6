//! A deterministic in-memory host for unit tests.
