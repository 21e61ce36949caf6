//! The rate-limit filter.
