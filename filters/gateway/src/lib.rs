//! The gateway filter.
