use super::*;
use crate::message::{Headers, clock, secrets};

const NOW: u64 = 1_795_132_800;
const SECRET: &str = "whsec_test_secret";
const BODY: &str = r#"{"type":"invoice.paid","data":{"id":"in_1","total":"12,50 €"}}"#;
/// `WebhookSignature.generate_signature_header` of Stripe's library for Python, 16.1.0.
const HEADER: &str =
    "t=1795132800,v1=380c1d7396dcc14ba730326eec2aab018e2834affb4781a4e8572c2f7d670b52";
const EMPTY: &str =
    "t=1795132800,v1=0dc30ad0723d438edfa667518e5061abce32f3a4db16d086d011fe46b76dcce9";
/// Under another secret.
const ROLLED: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ROLLED_HEADER: &str =
    "t=1795132800,v1=27f30f863b6dad5e84d405f31b0549e8be72a3717ddc7d13a1fb036d6d6b5422";

/// A name, the header, the body, the secrets, the clock, and which secret it is.
type Case<'c> = (
    &'c str,
    &'c str,
    &'c str,
    &'c [&'c str],
    u64,
    Result<usize, Refusal>,
);

fn v1(header: &str) -> &str {
    header.split_once(',').unwrap().1
}

fn verify(header: &str, body: &str, keys: &[&str], now: u64) -> Result<usize, Refusal> {
    let headers = [("stripe-signature", header.as_bytes())];
    let pending = stripe(&Headers(&headers), &clock(now))?;
    let verified = pending.verify(body.as_bytes(), &secrets(keys))?;
    Ok(verified.secret)
}

#[test]
fn events() {
    use Refusal::*;
    let (old, new) = (v1(HEADER), v1(ROLLED_HEADER));
    let zero = "0".repeat(64);
    let sixteen = format!("t={NOW},{}{old}", format!("v1={zero},").repeat(15));
    let seventeen = format!("t={NOW},{}{old}", format!("v1={zero},").repeat(16));
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        ("an event", HEADER, BODY, &[SECRET], NOW, Ok(0)),
        ("an empty body", EMPTY, "", &[SECRET], NOW, Ok(0)),
        ("whitespace around", &format!(" {} ", HEADER.replace(',', ", ")), BODY, &[SECRET], NOW, Ok(0)),
        ("the time after the signature", &format!("{old},t={NOW}"), BODY, &[SECRET], NOW, Ok(0)),
        ("v0 is ignored", &format!("{HEADER},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"), BODY, &[SECRET], NOW, Ok(0)),
        ("rolling over, the new one known", &format!("{HEADER},{new}"), BODY, &[ROLLED], NOW, Ok(0)),
        ("rolling over, the old one known", &format!("{HEADER},{new}"), BODY, &[SECRET], NOW, Ok(0)),
        ("rolling over, both known", &format!("{ROLLED_HEADER},{old}"), BODY, &[SECRET, ROLLED], NOW, Ok(0)),
        ("both known, one signature", ROLLED_HEADER, BODY, &[SECRET, ROLLED], NOW, Ok(1)),
        ("sixteen", &sixteen, BODY, &[SECRET], NOW, Ok(0)),
        ("seventeen", &seventeen, BODY, &[SECRET], NOW, Err(TooManySignatures)),
        ("as late as allowed", HEADER, BODY, &[SECRET], NOW + 300, Ok(0)),
        ("later", HEADER, BODY, &[SECRET], NOW + 301, Err(TimestampTooOld)),
        ("as early as allowed", HEADER, BODY, &[SECRET], NOW - 300, Ok(0)),
        ("earlier", HEADER, BODY, &[SECRET], NOW - 301, Err(TimestampInFuture)),
        ("another time", &HEADER.replace("800,", "801,"), BODY, &[SECRET], NOW, Err(Mismatch)),
        ("another body", HEADER, "{}", &[SECRET], NOW, Err(Mismatch)),
        ("another secret", HEADER, BODY, &[ROLLED], NOW, Err(Mismatch)),
        ("as v0", &HEADER.replace("v1", "v0"), BODY, &[SECRET], NOW, Err(VersionUnsupported)),
        ("no time", old, BODY, &[SECRET], NOW, Err(TimestampMissing)),
        ("two times, alike", &format!("t={NOW},{HEADER}"), BODY, &[SECRET], NOW, Err(TimestampMalformed)),
        ("two times", &format!("t=1,{HEADER}"), BODY, &[SECRET], NOW, Err(TimestampMalformed)),
        ("an empty time", &format!("t=,{old}"), BODY, &[SECRET], NOW, Err(TimestampMalformed)),
        ("a time with a sign", &HEADER.replace("t=", "t=+"), BODY, &[SECRET], NOW, Err(TimestampMalformed)),
        ("a time with a zero before it", &HEADER.replace("t=", "t=0"), BODY, &[SECRET], NOW, Err(TimestampMalformed)),
        ("a time with a body in it", &format!("t={NOW}.{{}},{old}"), BODY, &[SECRET], NOW, Err(TimestampMalformed)),
        ("one good, one malformed", &format!("{HEADER},v1=00"), BODY, &[SECRET], NOW, Err(SignatureMalformed)),
        ("not hexadecimal", &format!("t={NOW},v1={}", "g".repeat(64)), BODY, &[SECRET], NOW, Err(SignatureMalformed)),
        ("empty", "", BODY, &[SECRET], NOW, Err(SignatureMalformed)),
        ("a trailing comma", &format!("{HEADER},"), BODY, &[SECRET], NOW, Err(SignatureMalformed)),
        ("only a time", &format!("t={NOW}"), BODY, &[SECRET], NOW, Err(VersionUnsupported)),
    ];
    for (name, header, body, keys, now, expected) in cases {
        assert_eq!(verify(header, body, keys, *now), *expected, "{name}");
    }
}

#[test]
fn the_header_is_there_once() {
    let none = stripe(&Headers(&[]), &clock(NOW));
    assert_eq!(none.err(), Some(Refusal::Missing));
    let line = ("stripe-signature", HEADER.as_bytes());
    let two = stripe(&Headers(&[line, line]), &clock(NOW));
    assert_eq!(two.err(), Some(Refusal::HeaderRepeated));
}

/// Whoever sends a request again can leave out a signature, but not change what is signed.
#[test]
fn the_key_of_a_replay_does_not_depend_on_the_signature() {
    let keys = secrets(&[SECRET, ROLLED]);
    let key = |header: &str| {
        let headers = [("stripe-signature", header.as_bytes())];
        let pending = stripe(&Headers(&headers), &clock(NOW)).unwrap();
        let verified = pending.verify(BODY.as_bytes(), &keys).unwrap();
        assert_eq!(verified.timestamp, Some(NOW));
        verified.replay_key
    };
    let both = format!("{HEADER},{}", v1(ROLLED_HEADER));
    assert_eq!(key(HEADER), key(&both));
    assert_eq!(key(HEADER), key(ROLLED_HEADER));
}
