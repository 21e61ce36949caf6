use super::*;
use crate::Secret;
use crate::message::{Headers, clock};

/// Of the specification's reference libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIME: u64 = 1_614_265_330;
const BODY: &str = r#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
/// The same under another secret, by `standardwebhooks` 1.1.0 of PyPI.
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER_SIGNATURE: &str = "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44=";

/// A name, identifier, time, signatures, body, secrets, and which secret it is.
type Case<'c> = (
    &'c str,
    &'c str,
    &'c str,
    &'c str,
    &'c str,
    &'c [&'c str],
    Result<usize, Refusal>,
);

fn verify(
    id: &str,
    time: &str,
    signature: &str,
    body: &str,
    keys: &[&str],
) -> Result<usize, Refusal> {
    verify_at(TIME, id, time, signature, body, keys)
}

fn verify_at(
    now: u64,
    id: &str,
    time: &str,
    signature: &str,
    body: &str,
    keys: &[&str],
) -> Result<usize, Refusal> {
    let headers = [
        ("webhook-id", id.as_bytes()),
        ("webhook-timestamp", time.as_bytes()),
        ("webhook-signature", signature.as_bytes()),
    ];
    let pending = standard_webhooks(&Headers(&headers), &clock(now))?;
    let keys = keys
        .iter()
        .map(|key| Secret::standard_webhooks(key.as_bytes()));
    let keys: Vec<_> = keys.flatten().collect();
    let verified = pending.verify(body.as_bytes(), &keys)?;
    Ok(verified.secret)
}

#[test]
fn messages() {
    use Refusal::*;
    let time = TIME.to_string();
    let both = format!("{SIGNATURE} {OTHER_SIGNATURE}");
    let asymmetric = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    let beside = format!("{asymmetric} {SIGNATURE} v2,x");
    let wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let sixteen = format!("{}{SIGNATURE}", format!("{wrong} ").repeat(15));
    let seventeen = format!("{wrong} {sixteen}");
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        ("of the specification", ID, &time, SIGNATURE, BODY, &[SECRET], Ok(0)),
        ("by the other secret", ID, &time, OTHER_SIGNATURE, BODY, &[SECRET, OTHER], Ok(1)),
        ("rolling over, the new one known", ID, &time, &both, BODY, &[OTHER], Ok(0)),
        ("rolling over, the old one known", ID, &time, &both, BODY, &[SECRET], Ok(0)),
        ("other versions beside", ID, &time, &beside, BODY, &[SECRET], Ok(0)),
        ("more spaces", ID, &time, &format!("  {SIGNATURE}  v2,x "), BODY, &[SECRET], Ok(0)),
        ("without padding", ID, &time, SIGNATURE.trim_end_matches('='), BODY, &[SECRET], Ok(0)),
        ("sixteen", ID, &time, &sixteen, BODY, &[SECRET], Ok(0)),
        ("seventeen", ID, &time, &seventeen, BODY, &[SECRET], Err(TooManySignatures)),
        ("another secret", ID, &time, SIGNATURE, BODY, &[OTHER], Err(Mismatch)),
        ("another body", ID, &time, SIGNATURE, "{}", &[SECRET], Err(Mismatch)),
        ("another identifier", "msg_1", &time, SIGNATURE, BODY, &[SECRET], Err(Mismatch)),
        ("another time", ID, "1614265331", SIGNATURE, BODY, &[SECRET], Err(Mismatch)),
        ("only Ed25519", ID, &time, asymmetric, BODY, &[SECRET], Err(VersionUnsupported)),
        ("the version in upper case", ID, &time, &SIGNATURE.replace('v', "V"), BODY, &[SECRET], Err(VersionUnsupported)),
        ("no signature", ID, &time, "", BODY, &[SECRET], Err(VersionUnsupported)),
        ("no version", ID, &time, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, &[SECRET], Err(SignatureMalformed)),
        ("not base64", ID, &time, "v1,%", BODY, &[SECRET], Err(SignatureMalformed)),
        ("too short", ID, &time, "v1,AAAA", BODY, &[SECRET], Err(SignatureMalformed)),
        ("one good, one malformed", ID, &time, &format!("{SIGNATURE} v1,AAAA"), BODY, &[SECRET], Err(SignatureMalformed)),
        ("with commas", ID, &time, &format!("{SIGNATURE},{OTHER_SIGNATURE}"), BODY, &[SECRET], Err(SignatureMalformed)),
        ("no identifier", "", &time, SIGNATURE, BODY, &[SECRET], Err(IdMalformed)),
        ("a space in it", "msg 1", &time, SIGNATURE, BODY, &[SECRET], Err(IdMalformed)),
        ("time not a number", ID, "now", SIGNATURE, BODY, &[SECRET], Err(TimestampMalformed)),
        ("time with a fraction", ID, "1614265330.0", SIGNATURE, BODY, &[SECRET], Err(TimestampMalformed)),
    ];
    for (name, id, time, signature, body, keys, expected) in cases {
        let verified = verify(id, time, signature, body, keys);
        assert_eq!(verified, *expected, "{name}");
    }
}

#[test]
fn times() {
    use Refusal::*;
    let at = |now: u64| verify_at(now, ID, &TIME.to_string(), SIGNATURE, BODY, &[SECRET]);
    assert_eq!(at(TIME + 300), Ok(0));
    assert_eq!(at(TIME + 301), Err(TimestampTooOld));
    assert_eq!(at(TIME - 300), Ok(0));
    assert_eq!(at(TIME - 301), Err(TimestampInFuture));
}

#[test]
fn every_header_is_there_once() {
    use Refusal::*;
    let all: [(&str, &[u8]); 3] = [
        ("webhook-id", ID.as_bytes()),
        ("webhook-timestamp", b"1614265330"),
        ("webhook-signature", SIGNATURE.as_bytes()),
    ];
    let missing = [IdMissing, TimestampMissing, Missing];
    for (index, expected) in missing.into_iter().enumerate() {
        let mut without = all.to_vec();
        let one = without.remove(index);
        let read = standard_webhooks(&Headers(&without), &clock(TIME));
        assert_eq!(read.err(), Some(expected), "{}", one.0);
        without.extend([one, one]);
        let read = standard_webhooks(&Headers(&without), &clock(TIME));
        assert_eq!(read.err(), Some(HeaderRepeated), "{}", one.0);
    }
}

/// What the sender signed as `a`, `1614265330` and the body `1614265331.{}` is, to the byte, what would
/// be signed for the identifier `a.1614265330`, a later time and the body `{}`.
#[test]
fn a_time_can_not_be_moved() {
    let time = TIME.to_string();
    let moved = verify(
        &format!("a.{time}"),
        "1614265331",
        SIGNATURE,
        "{}",
        &[SECRET],
    );
    assert_eq!(moved, Err(Refusal::IdMalformed));
}
