use serde_json::json;

use super::*;

const NOW: u64 = 1_795_132_800;
const NOW_NS: u64 = NOW * 1_000_000_000;

fn claims(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other}"),
    }
}

fn rules() -> ClaimRules {
    ClaimRules {
        issuer: Some("https://issuer.example".to_owned()),
        audiences: vec!["api".to_owned(), "web".to_owned()],
        clock_skew: Duration::from_secs(30),
        require_exp: true,
    }
}

/// Good claims with `changes` over them; null removes.
fn changed(changes: Value) -> Map<String, Value> {
    let mut all = claims(json!({
        "iss": "https://issuer.example", "aud": "api", "sub": "ann", "exp": NOW + 60,
    }));
    for (name, value) in claims(changes) {
        if value.is_null() {
            all.remove(&name);
        } else {
            all.insert(name, value);
        }
    }
    all
}

type Verdict = Result<(), ClaimError>;

#[test]
fn under_strict_rules() {
    use ClaimError::{
        AudienceMismatch, Expired, IssuedInFuture, IssuerMismatch, Malformed, Missing, NotYetValid,
    };
    #[rustfmt::skip]
    let cases: &[(&str, Value, Verdict)] = &[
        ("good", json!({}), Ok(())),
        ("no iss", json!({"iss": null}), Err(Missing("iss"))),
        ("another iss", json!({"iss": "https://issuer.example/"}), Err(IssuerMismatch)),
        ("iss in another case", json!({"iss": "https://ISSUER.example"}), Err(IssuerMismatch)),
        ("iss empty", json!({"iss": ""}), Err(IssuerMismatch)),
        ("iss an array with ours", json!({"iss": ["https://issuer.example"]}), Err(Malformed("iss"))),
        ("no aud", json!({"aud": null}), Err(Missing("aud"))),
        ("the second audience", json!({"aud": "web"}), Ok(())),
        ("one of several", json!({"aud": ["other", "web"]}), Ok(())),
        ("another aud", json!({"aud": "apis"}), Err(AudienceMismatch)),
        ("aud empty", json!({"aud": ""}), Err(AudienceMismatch)),
        ("no aud in the array", json!({"aud": []}), Err(AudienceMismatch)),
        ("aud of a number and ours", json!({"aud": ["api", 1]}), Err(Malformed("aud"))),
        ("aud an object", json!({"aud": {"api": true}}), Err(Malformed("aud"))),
        ("sub a number", json!({"sub": 1}), Err(Malformed("sub"))),
        ("jti a number", json!({"jti": 1}), Err(Malformed("jti"))),
        ("no exp", json!({"exp": null}), Err(Missing("exp"))),
        ("exp now, within the skew", json!({"exp": NOW}), Ok(())),
        ("exp 29 s ago", json!({"exp": NOW - 29}), Ok(())),
        ("exp a fraction less than the skew ago", json!({"exp": 1_795_132_770.5}), Ok(())),
        ("exp the skew ago", json!({"exp": NOW - 30}), Err(Expired)),
        ("exp long ago", json!({"exp": 0}), Err(Expired)),
        ("exp 0.0", json!({"exp": 0.0}), Err(Expired)),
        ("exp beyond all time", json!({"exp": u64::MAX}), Ok(())),
        ("exp 1e300", json!({"exp": 1e300}), Ok(())),
        ("exp negative", json!({"exp": -1}), Err(Malformed("exp"))),
        ("exp negative fraction", json!({"exp": -0.5}), Err(Malformed("exp"))),
        ("exp text", json!({"exp": "1795132860"}), Err(Malformed("exp"))),
        ("exp true", json!({"exp": true}), Err(Malformed("exp"))),
        ("nbf now", json!({"nbf": NOW}), Ok(())),
        ("nbf the skew ahead", json!({"nbf": NOW + 30}), Ok(())),
        ("nbf a fraction more", json!({"nbf": 1_795_132_830.5}), Err(NotYetValid)),
        ("nbf more than the skew ahead", json!({"nbf": NOW + 31}), Err(NotYetValid)),
        ("nbf beyond all time", json!({"nbf": 1e300}), Err(NotYetValid)),
        ("nbf text", json!({"nbf": ""}), Err(Malformed("nbf"))),
        ("nbf negative", json!({"nbf": -1}), Err(Malformed("nbf"))),
        ("iat the skew ahead", json!({"iat": NOW + 30}), Ok(())),
        ("iat more than the skew ahead", json!({"iat": NOW + 31}), Err(IssuedInFuture)),
        ("iat long ago", json!({"iat": 0}), Ok(())),
        ("iat an array", json!({"iat": [1]}), Err(Malformed("iat"))),
        ("malformed is told before mismatch", json!({"iss": "x", "nbf": "y"}), Err(Malformed("nbf"))),
        ("mismatch is told before expiry", json!({"aud": "x", "exp": 1}), Err(AudienceMismatch)),
    ];
    for (name, changes, expected) in cases {
        let claims = changed(changes.clone());
        assert_eq!(validate(&claims, &rules(), NOW_NS), *expected, "{name}");
    }
}

#[test]
fn null_is_not_absence() {
    for name in ["iss", "aud", "sub", "jti", "exp", "nbf", "iat"] {
        let mut claims = changed(json!({}));
        claims.insert(name.to_owned(), Value::Null);
        let expected = Err(ClaimError::Malformed(name));
        assert_eq!(validate(&claims, &rules(), NOW_NS), expected, "{name}");
    }
}

#[test]
fn under_other_rules() {
    let default = ClaimRules::default;
    let no_expiry = || ClaimRules {
        require_exp: false,
        ..default()
    };
    let endless_skew = || ClaimRules {
        clock_skew: Duration::MAX,
        ..default()
    };
    #[rustfmt::skip]
    let cases: &[(&str, ClaimRules, Value, u64, Verdict)] = &[
        ("exp is required by default", default(), json!({}), NOW_NS, Err(ClaimError::Missing("exp"))),
        ("exp alone does by default", default(), json!({"exp": NOW + 1}), NOW_NS, Ok(())),
        ("no skew: one nanosecond before", default(), json!({"exp": NOW}), NOW_NS - 1, Ok(())),
        ("no skew: at the instant", default(), json!({"exp": NOW}), NOW_NS, Err(ClaimError::Expired)),
        ("no skew: nbf at the instant", default(), json!({"exp": NOW + 1, "nbf": NOW}), NOW_NS, Ok(())),
        ("no skew: nbf one nanosecond before", default(), json!({"exp": NOW + 1, "nbf": NOW}), NOW_NS - 1, Err(ClaimError::NotYetValid)),
        ("exp waived", no_expiry(), json!({}), NOW_NS, Ok(())),
        ("exp waived, but passed", no_expiry(), json!({"exp": NOW - 1}), NOW_NS, Err(ClaimError::Expired)),
        ("exp waived, but malformed", no_expiry(), json!({"exp": "never"}), NOW_NS, Err(ClaimError::Malformed("exp"))),
        ("aud not configured, but malformed", default(), json!({"exp": NOW + 1, "aud": 1}), NOW_NS, Err(ClaimError::Malformed("aud"))),
        ("endless skew does not wrap", endless_skew(), json!({"exp": 1, "nbf": NOW * 2}), NOW_NS, Ok(())),
        ("at the epoch", default(), json!({"exp": 1}), 0, Ok(())),
        ("at the end of time", default(), json!({"exp": u64::MAX}), u64::MAX, Err(ClaimError::Expired)),
    ];
    for (name, rules, value, now_ns, expected) in cases {
        let claims = claims(value.clone());
        assert_eq!(validate(&claims, rules, *now_ns), *expected, "{name}");
    }
}

type Expiry = Result<Option<u64>, ClaimError>;

#[test]
fn expiry() {
    let cases: &[(&str, Value, Expiry)] = &[
        ("none", json!({}), Ok(None)),
        ("whole", json!({"exp": NOW}), Ok(Some(NOW_NS))),
        ("fraction", json!({"exp": 1.25}), Ok(Some(1_250_000_000))),
        ("too large", json!({"exp": u64::MAX}), Ok(Some(u64::MAX))),
        (
            "too large as a float",
            json!({"exp": 1e19}),
            Ok(Some(u64::MAX)),
        ),
        (
            "text",
            json!({"exp": "1"}),
            Err(ClaimError::Malformed("exp")),
        ),
    ];
    for (name, value, expected) in cases {
        assert_eq!(expiry_ns(&claims(value.clone())), *expected, "{name}");
    }
}

#[test]
fn errors_have_codes_and_messages() {
    use ClaimError::{
        AudienceMismatch, Expired, IssuedInFuture, IssuerMismatch, Malformed, Missing, NotYetValid,
    };
    #[rustfmt::skip]
    let cases: &[(ClaimError, &str, &str)] = &[
        (Malformed("exp"), "claim_malformed", "the claim exp is malformed"),
        (Missing("aud"), "claim_missing", "the claim aud is missing"),
        (IssuerMismatch, "issuer_mismatch", "the token is from another issuer (iss)"),
        (AudienceMismatch, "audience_mismatch", "the token is for another audience (aud)"),
        (Expired, "expired", "the token has expired (exp)"),
        (NotYetValid, "not_yet_valid", "the token is not valid yet (nbf)"),
        (IssuedInFuture, "issued_in_future", "the token was issued in the future (iat)"),
    ];
    for (error, code, message) in cases {
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (*code, *message)
        );
    }
}
