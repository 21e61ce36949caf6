//! Password hashes of htpasswd files and user databases, checked.
//!
//! The parts, in the order in which they are used:
//!
//! 1. [`PasswordHash::parse`] reads a hash once, when a configuration is read, and refuses what is
//!    not supported, no hash at all, or beyond the bounds below: with a [`ParseError`] for the
//!    operator, which never repeats the text. [`check_user`] checks the name that belongs to it;
//!    [`htpasswd`] reads whole lines and files.
//! 2. [`PasswordHash::cost`] says what one verification takes, for a configuration to cap.
//! 3. [`basic::decode`] takes the credentials of a request apart (RFC 7617).
//! 4. [`PasswordHash::verify`] decides on a password. [`Nobody`] says whose hash stands in for a user
//!    who does not exist, and [`PasswordHash::verify_nobody`] spends the same time on it.
//!
//! Nothing here reads a clock, needs random bytes, or keeps state.
//!
//! # What is read
//!
//! | scheme | written as |
//! |---|---|
//! | bcrypt | `$2a$`, `$2b$`, `$2y$`, which are one and the same here |
//! | argon2id, argon2i, argon2d | `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`; `v=16`, also meant where `v` is left out |
//! | PBKDF2 with SHA-256 | passlib's `$pbkdf2-sha256$29000$salt$hash`, PHC's `$pbkdf2-sha256$i=600000,l=32$salt$hash`, Django's `pbkdf2_sha256$600000$salt$hash` |
//! | SHA-256-crypt, SHA-512-crypt | `$5$salt$hash`, `$6$rounds=100000$salt$hash` |
//! | SHA-1 | `{SHA}` and, with a salt, `{SSHA}`: guessed by the billion in a second, for what cannot be changed |
//!
//! An encoding must be canonical: a hash with stray bits was cut or copied wrongly.
//!
//! # What a verification costs
//!
//! Hashing passwords is slow by design, and a worker does nothing else meanwhile. [`Cost`] is an
//! estimate, in milliseconds of a worker, which is comparable between the schemes:
//!
//! | scheme | time | an example |
//! |---|---|---|
//! | bcrypt | 98.6 µs · 2^cost | cost 10: 101 ms |
//! | argon2 | 1.5 µs · m · t | m=19456, t=2: 59 ms |
//! | PBKDF2-SHA256 | 0.53 µs · rounds | 600,000 rounds: 318 ms |
//! | SHA-256-crypt | 3 µs · rounds | 5,000 rounds: 15 ms |
//! | SHA-512-crypt | 2.6 µs · rounds | 5,000 rounds: 13 ms |
//! | `{SHA}`, `{SSHA}` | below 2 µs | 1 ms, being rounded up |
//!
//! How the factors were obtained: every scheme was timed in the V8 of stock Envoy 1.40 (a module that
//! runs it while it is configured; the least of nine runs; compiled as our modules are), and scaled so
//! that bcrypt at cost 10 takes the 101 ms that it took a worker on our reference machine. They are
//! ratios, good to about a fifth; the milliseconds are of that machine. Native timings would
//! mislead: there PBKDF2 is three times faster beside bcrypt, since processors have instructions for
//! SHA-256. Argon2 is faster per KiB while it fits in the processor's caches (0.9 µs at 8 MiB); the
//! factor is that of 64 MiB. The time of SHA-crypt grows with the password: what is given is the
//! longest one's, which a stranger is free to send, and five times that of a usual one.
//!
//! Whatever is configured, a hash is refused that takes longer than about 3.3 s or more than 64 MiB:
//! bcrypt beyond cost 15, argon2 beyond m=65536, t=32 or p=16, PBKDF2 beyond 6,000,000 rounds, SHA-crypt
//! beyond 1,000,000. The memory of a wasm module never shrinks, so what argon2 takes once
//! stays with the worker; it is taken again by the next one.
//!
//! # Which passwords are refused unseen
//!
//! 1. More than [`MAX_PASSWORD_BYTES`].
//! 2. A NUL byte: bcrypt and `crypt` end the password there, PBKDF2 takes `x` and `x` with a NUL
//!    after it for the same, and no client may send one (RFC 7617, section 2).
//! 3. For bcrypt, more than 72 bytes: it would not look at the rest, and somebody who knows only
//!    the beginning would be let in. Other implementations cut silently; a user with such a
//!    password needs a hash of another scheme.
//!
//! Passwords are bytes and compared as such: `é` in one Unicode normalization form is not `é` in another.
//! If the memory for argon2 cannot be had, nobody is let in.

pub mod basic;
mod cost;
mod error;
mod fields;
mod hash;
pub mod htpasswd;
mod nobody;
mod refused;
mod scheme;
mod user;

pub use cost::Cost;
pub use error::ParseError;
pub use hash::{MAX_HASH_BYTES, MAX_PASSWORD_BYTES, PasswordHash};
pub use nobody::Nobody;
pub use scheme::Scheme;
pub use user::{MAX_USER_BYTES, UserError, check_user};
