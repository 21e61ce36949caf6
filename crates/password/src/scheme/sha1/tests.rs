//! `{SHA}` and `{SSHA}` of other implementations.

use crate::Scheme;
use crate::hash::tests::{Vector, parse, parse_errors, verifies};

const MADE: &[Vector] = &[
    // htpasswd of Apache 2.4.71: -s.
    (b"correct horse", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="),
    (b"", "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
    // passlib 1.7.4: salts of 4 bytes (its default) and of 16.
    (b"correct horse", "{SSHA}gucRPy2rAGtS9M2tKltnH55+szJ6L6WU"),
    (
        b"correct horse",
        "{SSHA}lOr84qhdW6s2ffM2PYm6C0pi6o1qDaF0LuUco9T6HwOgNGbM",
    ),
    (b"", "{SSHA}veqKqMePIDdAEH2jj6NqfU6vaIejdE7p"),
    (
        b"",
        "{SSHA}MgKjmGqzH66mW8k2v3IJhfm8C+Tq/T+HsFZqjZHS2ts7Z8yZ",
    ),
    (
        "pässwörd".as_bytes(),
        "{SSHA}gGEFEcTh6+exIUy5WMb7GZyP+bMXovSe",
    ),
    (&[b'x'; 256], "{SSHA}ypm89y/ixEDR3FQuio0DQ2fvPBx7LwXA"),
    // FIPS 180, of `abc`; with the salt `c`, of `ab`.
    (b"abc", "{SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0="),
    (b"ab", "{SSHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J1j"),
    // The names of schemes may be of either case.
    (b"correct horse", "{sha}L55TUjtiq8FBorTWAZ0jy6g129A="),
    (b"correct horse", "{Ssha}gucRPy2rAGtS9M2tKltnH55+szJ6L6WU"),
];

#[test]
fn others_hashes_are_verified() {
    verifies(MADE);
}

#[test]
fn salted_or_not() {
    assert_eq!(
        parse("{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=").scheme(),
        Scheme::Sha1
    );
    assert_eq!(
        parse("{SSHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J1j").scheme(),
        Scheme::SaltedSha1
    );
}

#[test]
fn malformed() {
    parse_errors(&[
        (
            "nothing after",
            "{SHA}",
            "{SHA}: must have the 20 bytes of a SHA-1",
        ),
        (
            "nothing after, with a salt",
            "{SSHA}",
            "{SSHA}: must have the 20 bytes of a SHA-1",
        ),
        (
            "19 bytes",
            "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBw==",
            "{SHA}: must have the 20 bytes of a SHA-1",
        ),
        (
            "21 bytes",
            "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwkA",
            "{SHA}: must have 20 bytes: with a salt, it is `{SSHA}`",
        ),
        (
            "no salt",
            "{SSHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
            "{SSHA}: has no salt after the 20 bytes of the hash",
        ),
        (
            "no padding",
            "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk",
            "{SHA}: base64 with padding must follow, canonical",
        ),
        (
            "stray bits",
            "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwl=",
            "{SHA}: base64 with padding must follow, canonical",
        ),
        (
            "hexadecimal",
            "{SHA}da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "{SHA}: must have 20 bytes: with a salt, it is `{SSHA}`",
        ),
        (
            "base64url",
            "{SHA}2jmj7l5rSw0yVb_vlWAYkK_YBwk=",
            "{SHA}: base64 with padding must follow, canonical",
        ),
    ]);
}
