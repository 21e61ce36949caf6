//! Why a text is not taken as a password hash: for the operator.

use std::fmt;

use crate::{MAX_HASH_BYTES, Scheme};

/// Why a text is not taken as a password hash. Never repeats the text, which may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// No text at all.
    Empty,
    /// Longer than [`MAX_HASH_BYTES`].
    TooLong,
    /// White space, a control character, or one beyond ASCII.
    Characters,
    /// An account that nobody can log in to (`!`, `*`).
    Disabled,
    /// A hash of a scheme that is known, and not supported.
    Unsupported {
        /// The scheme.
        what: &'static str,
        /// What to do about it.
        instead: &'static str,
    },
    /// Nothing that is known: maybe a plain-text password.
    Unknown,
    /// A hash of a supported scheme that is not as it must be.
    Malformed {
        /// The scheme.
        scheme: Scheme,
        /// How it must be.
        problem: &'static str,
    },
    /// A parameter that is not a decimal number, without sign or leading zeros.
    NotANumber {
        /// The scheme.
        scheme: Scheme,
        /// The parameter.
        parameter: &'static str,
    },
    /// A parameter below what its scheme allows.
    TooLow {
        /// The scheme.
        scheme: Scheme,
        /// The parameter.
        parameter: &'static str,
        /// What was given.
        value: u64,
        /// The least that is taken.
        least: u32,
    },
    /// A parameter so high that a verification would hold a worker for too long.
    TooHigh {
        /// The scheme.
        scheme: Scheme,
        /// The parameter.
        parameter: &'static str,
        /// What was given.
        value: u64,
        /// The most that is taken.
        most: u32,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty: a password hash is needed"),
            Self::TooLong => write!(f, "is longer than the {MAX_HASH_BYTES} bytes of any hash"),
            Self::Characters => f.write_str(
                "has white space, a control character or a letter beyond ASCII, which no hash has",
            ),
            Self::Disabled => {
                f.write_str("marks a disabled account (`!` or `*`): leave this user out")
            }
            Self::Unsupported { what, instead } => write!(f, "{what} is not accepted: {instead}"),
            Self::Unknown => f.write_str(
                "is not a hash of a known scheme: if it is the password itself, give a hash of it \
                 (bcrypt: `htpasswd -nB -C 10 NAME`)",
            ),
            Self::Malformed { scheme, problem } => write!(f, "{scheme}: {problem}"),
            Self::NotANumber { scheme, parameter } => {
                write!(f, "{scheme}: {parameter} must be a decimal number")
            }
            Self::TooLow {
                scheme,
                parameter,
                value,
                least,
            } => write!(
                f,
                "{scheme}: {parameter} is {value}, and must be at least {least}"
            ),
            Self::TooHigh {
                scheme,
                parameter,
                value,
                most,
            } => write!(
                f,
                "{scheme}: {parameter} is {value}, and must be at most {most}: one verification may \
                 take no more than about 3 s and 64 MiB of a worker"
            ),
        }
    }
}

impl std::error::Error for ParseError {}
