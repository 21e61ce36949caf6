//! Configuration bytes to validated values: every problem at once, each with its path.
