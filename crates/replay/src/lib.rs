//! What was seen before, in shared data of a fixed size.
