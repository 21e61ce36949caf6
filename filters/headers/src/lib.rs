//! The headers filter.
