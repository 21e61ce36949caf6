use super::*;
use crate::message::{Headers, secrets};

/// Of GitHub's documentation on validating deliveries.
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// A name, the values of the header, the body, the secrets, and which of them it is.
type Case<'c> = (
    &'c str,
    &'c [&'c [u8]],
    &'c [u8],
    &'c [&'c str],
    Result<usize, Refusal>,
);

fn verify(values: &[&[u8]], body: &[u8], keys: &[&str]) -> Result<usize, Refusal> {
    let headers: Vec<_> = values
        .iter()
        .map(|value| ("x-hub-signature-256", *value))
        .collect();
    let pending = github(&Headers(&headers))?;
    pending
        .verify(body, &secrets(keys))
        .map(|verified| verified.secret)
}

#[test]
fn deliveries() {
    use Refusal::*;
    let upper = SIGNATURE.to_ascii_uppercase().replace("SHA256", "sha256");
    let good = SIGNATURE.as_bytes();
    let short = SIGNATURE.strip_suffix("17").unwrap();
    let sha1 = format!("sha256={}", "0".repeat(40));
    let padded = format!(" {SIGNATURE}\t");
    let long = [b'a'; 20_000];
    let two = [good, b", ", good].concat();
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        ("of the documentation", &[good], BODY, &[SECRET], Ok(0)),
        ("whitespace around", &[padded.as_bytes()], BODY, &[SECRET], Ok(0)),
        ("upper-case digits", &[upper.as_bytes()], BODY, &[SECRET], Ok(0)),
        ("the second secret", &[good], BODY, &["new", SECRET], Ok(1)),
        ("the same secret twice", &[good], BODY, &[SECRET, SECRET], Ok(0)),
        ("another secret", &[good], BODY, &["new"], Err(Mismatch)),
        ("no secret", &[good], BODY, &[], Err(Mismatch)),
        ("another body", &[good], b"Hello, World?", &[SECRET], Err(Mismatch)),
        ("no body", &[good], b"", &[SECRET], Err(Mismatch)),
        ("a body that goes on", &[good], b"Hello, World!\n", &[SECRET], Err(Mismatch)),
        ("absent", &[], BODY, &[SECRET], Err(Missing)),
        ("twice", &[good, good], BODY, &[SECRET], Err(HeaderRepeated)),
        ("empty", &[b""], BODY, &[SECRET], Err(SignatureMalformed)),
        ("no digits", &[b"sha256="], BODY, &[SECRET], Err(SignatureMalformed)),
        ("too short", &[short.as_bytes()], BODY, &[SECRET], Err(SignatureMalformed)),
        ("of the length of SHA-1", &[sha1.as_bytes()], BODY, &[SECRET], Err(SignatureMalformed)),
        ("another prefix", &[b"sha1=757107ea0eb2509fc211221cce984b8a37570b6d"], BODY, &[SECRET], Err(SignatureMalformed)),
        ("no prefix", &[&good[7..]], BODY, &[SECRET], Err(SignatureMalformed)),
        ("two in a line", &[&two], BODY, &[SECRET], Err(SignatureMalformed)),
        ("not UTF-8", &[b"sha256=\xff"], BODY, &[SECRET], Err(HeaderMalformed)),
        ("NUL", &[b"sha256=\0"], BODY, &[SECRET], Err(HeaderMalformed)),
        ("too long", &[&long], BODY, &[SECRET], Err(HeaderTooLong)),
    ];
    for (name, values, body, keys, expected) in cases {
        assert_eq!(verify(values, body, keys), *expected, "{name}");
    }
}

#[test]
fn the_header_with_sha1_is_ignored() {
    let headers = [("x-hub-signature", b"sha1=00".as_slice())];
    assert_eq!(github(&Headers(&headers)).err(), Some(Refusal::Missing));
}

#[test]
fn what_is_verified() {
    let headers = [
        ("x-hub-signature-256", SIGNATURE.as_bytes()),
        ("x-github-delivery", b"1"),
    ];
    let pending = github(&Headers(&headers)).unwrap();
    assert!(pending.needs_body());
    let verified = pending.verify(BODY, &secrets(&[SECRET])).unwrap();
    assert_eq!(verified.timestamp, None);
    use sha2::Digest as _;
    assert_eq!(verified.replay_key[..], sha2::Sha256::digest(BODY)[..]);
}
