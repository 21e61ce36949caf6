//! Texts that are recognized, and refused with what to do about it.

use crate::ParseError;
use crate::fields::strip_prefix_ignore_case;

const REHASH: &str =
    "have the password set anew, with bcrypt (`htpasswd -nB -C 10 NAME`) or argon2id";
const UNWRAP: &str = "leave out what stands before the hash itself";
const PLAIN: &str = "give a hash of it (bcrypt: `htpasswd -nB -C 10 NAME`)";

/// How texts begin, what they are, and what to do about it. The first that fits is taken.
const KNOWN: &[(&str, &str, &str)] = &[
    ("$apr1$", "Apache's MD5 hash ($apr1$)", REHASH),
    ("$1$", "MD5 crypt ($1$)", REHASH),
    ("$md5", "Sun's MD5 crypt ($md5)", REHASH),
    ("$sha1$", "SHA-1 crypt ($sha1$)", REHASH),
    ("$3$", "an NT hash ($3$)", REHASH),
    // crypt_blowfish before 1.1 extended the sign of each byte beyond ASCII, which wiped out the
    // ones before it (CVE-2011-2483).
    (
        "$2x$",
        "bcrypt as a faulty crypt_blowfish made it ($2x$), where many passwords share a hash,",
        REHASH,
    ),
    ("$2$", "the first form of bcrypt ($2$)", REHASH),
    ("$y$", "yescrypt ($y$)", REHASH),
    ("$gy$", "gost-yescrypt ($gy$)", REHASH),
    ("$7$", "scrypt ($7$)", REHASH),
    ("$scrypt$", "scrypt ($scrypt$)", REHASH),
    ("scrypt", "scrypt", REHASH),
    ("$pbkdf2$", "PBKDF2 with SHA-1 ($pbkdf2$)", REHASH),
    ("$pbkdf2-sha1$", "PBKDF2 with SHA-1 ($pbkdf2-sha1$)", REHASH),
    ("pbkdf2_sha1$", "PBKDF2 with SHA-1 (pbkdf2_sha1)", REHASH),
    (
        "$pbkdf2-sha512$",
        "PBKDF2 with SHA-512 ($pbkdf2-sha512$)",
        REHASH,
    ),
    ("pbkdf2:", "Werkzeug's form of PBKDF2", REHASH),
    (
        "$bcrypt-sha256$",
        "passlib's bcrypt of a SHA-256 ($bcrypt-sha256$)",
        REHASH,
    ),
    (
        "bcrypt_sha256$",
        "Django's bcrypt of a SHA-256 (bcrypt_sha256)",
        REHASH,
    ),
    ("bcrypt$", "Django's form of bcrypt (bcrypt$$2b$)", UNWRAP),
    (
        "argon2$",
        "Django's form of argon2 (argon2$argon2id$)",
        UNWRAP,
    ),
    (
        "$$",
        "a hash whose `$` are doubled",
        "write each of them once",
    ),
    ("{CRYPT}", "a hash of LDAP's {CRYPT}", UNWRAP),
    ("{bcrypt}", "Spring's form of bcrypt ({bcrypt})", UNWRAP),
    ("{argon2", "a wrapped argon2 ({argon2})", UNWRAP),
    ("{MD5}", "an MD5 hash ({MD5})", REHASH),
    ("{SMD5}", "an MD5 hash ({SMD5})", REHASH),
    ("{SHA", "a bare SHA-2 hash ({SHA256}, {SHA512})", REHASH),
    ("{SSHA", "a bare SHA-2 hash ({SSHA256}, {SSHA512})", REHASH),
    ("{PLAIN}", "a plain-text password ({PLAIN})", PLAIN),
    ("{CLEAR", "a plain-text password ({CLEARTEXT})", PLAIN),
    ("{noop}", "a plain-text password ({noop})", PLAIN),
];

/// Why `text`, which is no hash of a supported scheme, is refused.
pub(crate) fn reason(text: &str) -> ParseError {
    let known = KNOWN
        .iter()
        .find(|(prefix, ..)| strip_prefix_ignore_case(text, prefix).is_some());
    if let Some((_, what, instead)) = known {
        return ParseError::Unsupported { what, instead };
    }
    if is_des_crypt(text) {
        return ParseError::Unsupported {
            what: "a DES crypt hash (or a plain-text password)",
            instead: REHASH,
        };
    }
    ParseError::Unknown
}

/// 13 characters of crypt's alphabet, or `_` and 19 (BSDi's).
fn is_des_crypt(text: &str) -> bool {
    let (digits, length) = match text.strip_prefix('_') {
        Some(rest) => (rest, 19),
        None => (text, 13),
    };
    digits.len() == length
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'))
}

/// How many are known, for the test that has a case for each.
#[cfg(test)]
pub(crate) fn known() -> usize {
    KNOWN.len()
}
