//! The generic cell rate algorithm over absolute nanoseconds.
