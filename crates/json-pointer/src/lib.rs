//! JSON pointers (RFC 6901), and the number that one points to in a text that arrives in pieces.
//!
//! [`Pointer`] is a pointer taken apart. [`Scan`] reads a JSON text chunk by chunk, wherever it is cut,
//! and finds the number at a pointer. It keeps a few bytes for each name of the pointer and one number,
//! however long the text is and however deep it is nested, and stops at the first value it finds.
//!
//! A scan is no validator. On the way to the number it reads the text as RFC 8259 has it; of what lies
//! beside the way it only sees where it ends. On a text that is JSON it finds what a parser finds, and
//! of two members of one name the first.

mod number;
mod pointer;
mod scan;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use pointer::{Pointer, index};
pub use scan::{Outcome, Scan};
