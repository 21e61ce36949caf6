use super::*;
use crate::message::Message;

const NOW: u64 = 1_795_132_800;

/// A name, what is covered, what is required, the outcome.
type Coverage<'c> = (&'c str, &'c str, &'c [&'c str], Result<(), Refusal>);

fn signature(parameters: &str) -> Signature {
    Message::parse("GET / HTTP/1.1\nHost: a\n")
        .with(
            "signature-input",
            format!("a=(\"@method\" \"@path\"){parameters}").as_bytes(),
        )
        .with("signature", b"a=:AA==:")
        .signature()
        .unwrap()
}

fn policy() -> Policy {
    Policy {
        required: vec![Component::parse("@method").unwrap()],
        tolerance: 10,
        ..Policy::default()
    }
}

fn requiring(components: &[&str]) -> Policy {
    let required = components
        .iter()
        .map(|text| Component::parse(text).unwrap());
    Policy {
        required: required.collect(),
        ..policy()
    }
}

#[test]
fn demands_are_checked() {
    use Refusal::*;
    let plain = policy();
    let aged = Policy {
        max_age: Some(60),
        ..policy()
    };
    let created = Policy {
        require_created: true,
        ..policy()
    };
    let expires = Policy {
        require_expires: true,
        ..policy()
    };
    let nonce = Policy {
        require_nonce: true,
        ..policy()
    };
    let tagged = Policy {
        tag: Some("app".to_owned()),
        ..policy()
    };
    let exact = Policy {
        max_age: Some(0),
        tolerance: 0,
        ..policy()
    };
    let endless = Policy {
        max_age: Some(u64::MAX),
        tolerance: u64::MAX,
        ..policy()
    };
    let at =
        |name: &str, offset: i64| format!(";{name}={}", NOW.checked_add_signed(offset).unwrap());
    #[rustfmt::skip]
    let cases: &[(&str, &Policy, String, Result<(), Refusal>)] = &[
        ("nothing demanded", &plain, String::new(), Ok(())),
        ("created now", &plain, at("created", 0), Ok(())),
        ("created long ago, no age demanded", &plain, ";created=0".to_owned(), Ok(())),
        ("created at the end of the tolerance", &plain, at("created", 10), Ok(())),
        ("created beyond it", &plain, at("created", 11), Err(CreatedInFuture)),
        ("created at the end of time", &plain, ";created=999999999999999".to_owned(), Err(CreatedInFuture)),
        ("expires at the end of the tolerance", &plain, at("expires", -10), Ok(())),
        ("expired, though not demanded", &plain, at("expires", -11), Err(Expired)),
        ("expired since ever", &plain, ";expires=0".to_owned(), Err(Expired)),
        ("expires before it was made", &plain, at("created", 0) + &at("expires", -11), Err(Expired)),
        ("an age demanded, created missing", &aged, String::new(), Err(CreatedMissing)),
        ("an age demanded, expires does not do", &aged, at("expires", 1), Err(CreatedMissing)),
        ("as old as allowed", &aged, at("created", -70), Ok(())),
        ("older", &aged, at("created", -71), Err(TooOld)),
        ("older, though it has not expired", &aged, at("created", -71) + &at("expires", 1000), Err(TooOld)),
        ("young, though it has expired", &aged, at("created", -20) + &at("expires", -11), Err(Expired)),
        ("created demanded", &created, String::new(), Err(CreatedMissing)),
        ("created there", &created, ";created=0".to_owned(), Ok(())),
        ("expires demanded", &expires, at("created", 0), Err(ExpiresMissing)),
        ("expires there", &expires, at("expires", 0), Ok(())),
        ("a nonce demanded", &nonce, String::new(), Err(NonceMissing)),
        ("an empty nonce", &nonce, ";nonce=\"\"".to_owned(), Err(NonceMissing)),
        ("a nonce there", &nonce, ";nonce=\"n\"".to_owned(), Ok(())),
        ("a tag demanded", &tagged, String::new(), Err(TagMismatch)),
        ("another tag", &tagged, ";tag=\"App\"".to_owned(), Err(TagMismatch)),
        ("the tag", &tagged, ";tag=\"app\"".to_owned(), Ok(())),
        ("a tag not asked for", &plain, ";tag=\"app\"".to_owned(), Ok(())),
        ("to the second", &exact, at("created", 0), Ok(())),
        ("a second early", &exact, at("created", 1), Err(CreatedInFuture)),
        ("a second late", &exact, at("created", -1), Err(TooOld)),
        ("no overflow", &endless, ";created=999999999999999;expires=999999999999999".to_owned(), Ok(())),
    ];
    for (name, policy, parameters, expected) in cases {
        let signature = signature(parameters);
        assert_eq!(policy.check(&signature, NOW), *expected, "{name}");
    }
}

#[test]
fn coverage_is_demanded() {
    use Refusal::NotCovered;
    #[rustfmt::skip]
    let cases: &[Coverage<'_>] = &[
        ("nothing, though nothing is demanded", "", &[], Err(NotCovered)),
        ("something, and nothing demanded", "\"date\"", &[], Ok(())),
        ("nothing", "", &["@method"], Err(NotCovered)),
        ("the same", "\"@method\"", &["@method"], Ok(())),
        ("more", "\"@method\" \"@path\"", &["@path"], Ok(())),
        ("one missing", "\"@method\" \"@path\"", &["@path", "@query"], Err(NotCovered)),
        ("the target has the path in it", "\"@method\" \"@target-uri\"", &["@method", "@path", "@query", "@authority"], Ok(())),
        ("a member is not the field", "\"content-digest\";key=\"md5\"", &["content-digest"], Err(NotCovered)),
        ("the whole field in strict form", "\"content-digest\";sf", &["content-digest"], Ok(())),
        ("another parameter", "\"@query-param\";name=\"a\"", &["\"@query-param\";name=\"b\""], Err(NotCovered)),
        ("another field", "\"content-type\"", &["content-digest"], Err(NotCovered)),
    ];
    for (name, covered, required, expected) in cases {
        let message = Message::parse("GET / HTTP/1.1\nHost: a\n").covering(covered);
        let signature = message.signature().unwrap();
        let checked = requiring(required).check(&signature, NOW);
        assert_eq!(checked, *expected, "{name}");
    }
}

#[test]
fn the_last_second_is_the_last_one_that_passes() {
    let aged = Policy {
        max_age: Some(60),
        ..policy()
    };
    let endless = Policy {
        max_age: Some(u64::MAX),
        ..policy()
    };
    let created = format!(";created={NOW}");
    let both = |expires: u64| format!("{created};expires={}", NOW + expires);
    let cases: &[(&str, &Policy, String, Option<u64>)] = &[
        ("for ever", &policy(), created.clone(), None),
        ("for ever without a time", &policy(), String::new(), None),
        ("by age", &aged, created.clone(), Some(NOW + 70)),
        ("by expiry", &policy(), both(5), Some(NOW + 15)),
        (
            "by expiry, which comes first",
            &aged,
            both(5),
            Some(NOW + 15),
        ),
        (
            "by age, which comes first",
            &aged,
            both(500),
            Some(NOW + 70),
        ),
        ("no overflow", &endless, created.clone(), Some(u64::MAX)),
    ];
    for (name, policy, parameters, expected) in cases {
        let signature = signature(parameters);
        assert_eq!(policy.valid_until(&signature), *expected, "{name}");
        if let Some(last) = expected.filter(|last| *last < u64::MAX) {
            assert_eq!(policy.check(&signature, last), Ok(()), "{name}");
            assert!(policy.check(&signature, last + 1).is_err(), "{name}");
        }
    }
}
