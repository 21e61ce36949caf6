//! Tokens, minted by PyJWT (`testdata/mint.py`).

use super::*;
use gatehouse_jose::{Algorithm, JwkSet};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const ONLY_SSO: &str = "
rules: [{require: sso}]
forward: {claim_headers: [{claim: email, header: x-email}]}
";

const ALL: &str = "algorithms: [RS256, RS384, RS512, ES256, ES384, HS256, HS384, HS512, EdDSA]";

#[test]
fn each_token() {
    let gate = Gate::new(&sso(ALL), ONLY_SSO);
    let cases = [
        ("rs256", "ann"),
        ("rs384", "ann"),
        ("rs512", "ann"),
        ("es256", "ann"),
        ("es384", "ann"),
        ("eddsa", "ann"),
        ("hs256", "ann"),
        ("hs384", "ann"),
        ("hs512", "ann"),
        ("ps256", "token_algorithm"),
        ("none", "token_malformed"),
        ("no_kid", "ann"),
        ("kid_unknown", "token_key_unknown"),
        ("kid_of_another_key", "token_key_unknown"),
        ("kid_injection", "token_key_unknown"),
        ("stranger", "token_signature"),
        ("stranger_brings_jwk", "token_signature"),
        ("stranger_brings_jku", "token_signature"),
        ("confusion_pem", "token_key_unknown"),
        ("confusion_der", "token_key_unknown"),
        ("crit", "token_extension"),
        ("b64_false", "token_extension"),
        ("nested", "token_extension"),
        ("expired", "token_expired"),
        ("expired_within_skew", "ann"),
        ("expired_at_skew", "token_expired"),
        ("nbf", "token_not_yet_valid"),
        ("nbf_within_skew", "ann"),
        ("iat", "token_issued_in_future"),
        ("no_exp", "claim_missing"),
        ("exp_text", "claim_malformed"),
        ("other_issuer", "token_issuer"),
        ("issuer_prefix", "token_issuer"),
        ("no_issuer", "claim_missing"),
        ("other_audience", "token_audience"),
        ("audiences", "ann"),
        ("no_audience", "claim_missing"),
        ("no_sub", "claim_missing"),
        ("sub_number", "claim_malformed"),
        ("sub_empty", "claim_missing"),
        ("sub_crlf", "claim_unsafe"),
        ("sub_space", "claim_unsafe"),
        ("sub_utf8", "Änne"),
        ("groups_number", "claim_malformed"),
        ("groups_mixed", "claim_malformed"),
        ("email_crlf", "claim_unsafe"),
        ("email_nul", "claim_unsafe"),
        ("email_space", "claim_unsafe"),
        ("email_list_comma", "claim_unsafe"),
        ("email_object", "claim_unsafe"),
        ("claim_twice", "token_malformed"),
        ("claims_list", "token_malformed"),
        ("claims_not_json", "token_malformed"),
        ("deep", "token_malformed"),
        ("large", "ann"),
        ("too_long", "token_too_long"),
    ];
    for (name, expected) in cases {
        let token = token(name);
        assert_eq!(gate.bearer(&token), expected, "{name}");
        // Remembered or not, the answer is the same.
        assert_eq!(gate.bearer(&token), expected, "{name}, again");
    }
}

#[test]
fn what_is_no_token() {
    let gate = Gate::new(&sso(ALL), ONLY_SSO);
    let good = token("rs256");
    let mut tampered = good.clone().into_bytes();
    // The second letter of the signature.
    let signature = good.rfind('.').unwrap() + 2;
    tampered[signature] = if tampered[signature] == b'A' {
        b'B'
    } else {
        b'A'
    };
    let mut other_claims = good.clone().into_bytes();
    // Within `iss`, which is looked at before the signature.
    other_claims[good.find('.').unwrap() + 20] ^= 1;
    let last = good.len() - 1;
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", b"".to_vec(), "token_malformed"),
        ("dots", b"..".to_vec(), "token_malformed"),
        (
            "not UTF-8",
            b"\xff\xfe.\xff.\xff".to_vec(),
            "token_malformed",
        ),
        ("60 KiB", vec![b'a'; 60 * 1024], "token_too_long"),
        ("1 MiB", vec![b'.'; 1 << 20], "token_too_long"),
        ("tampered", tampered, "token_signature"),
        ("another issuer in it", other_claims, "token_issuer"),
        ("cut", good.as_bytes()[..last].to_vec(), "token_malformed"),
        (
            "one more part",
            format!("{good}.x").into_bytes(),
            "token_malformed",
        ),
        (
            "two joined",
            format!("{good}, {good}").into_bytes(),
            "credential_ambiguous",
        ),
        (
            "two joined by a space",
            format!("{good} {good}").into_bytes(),
            "token_malformed",
        ),
        ("padded", format!("{good}=").into_bytes(), "token_malformed"),
        (
            "another prefix before it",
            format!("Bearer {good}").into_bytes(),
            "token_malformed",
        ),
    ];
    for (name, token, expected) in cases {
        let value = [b"Bearer ".as_slice(), &token].concat();
        assert_eq!(
            gate.outcome("/", &[("authorization", &value)]),
            expected,
            "{name}"
        );
    }
    let header = format!("bearer   {good}");
    assert_eq!(
        gate.outcome("/", &[("authorization", header.as_bytes())]),
        "ann"
    );
}

#[test]
fn only_configured_algorithms_are_accepted() {
    let gate = Gate::new(&sso("algorithms: [ES256]"), ONLY_SSO);
    assert_eq!(gate.bearer(&token("es256")), "ann");
    for name in [
        "rs256",
        "es384",
        "eddsa",
        "hs256",
        "confusion_pem",
        "confusion_der",
    ] {
        assert_eq!(gate.bearer(&token(name)), "token_algorithm", "{name}");
    }
}

#[test]
fn tokens_from_other_places() {
    let from = "from: [{header: authorization, prefix: 'Bearer '}, {header: x-token}, {query: access_token}, {cookie: session}]";
    let gate = Gate::new(&sso(&format!("algorithms: [RS256]\n    {from}")), ONLY_SSO);
    let token = token("rs256");
    let bare = token.as_bytes();
    assert_eq!(gate.outcome("/", &[("x-token", bare)]), "ann");
    assert_eq!(gate.outcome(&format!("/?access_token={token}"), &[]), "ann");
    let cookie = format!("session={token}");
    assert_eq!(gate.outcome("/", &[("cookie", cookie.as_bytes())]), "ann");
    assert_eq!(
        gate.outcome(&format!("/?access_token={token}"), &[("x-token", bare)]),
        "credential_ambiguous"
    );
}

#[test]
fn groups_and_scopes_are_read() {
    let gate = Gate::new(&sso("algorithms: [RS256]"), ONLY_SSO);
    let cases = [
        ("rs256", r#"["staff","admin"]"#, r#"["read","write"]"#),
        ("groups_text", r#"["staff"]"#, r#"["read","write"]"#),
        ("no_groups", "[]", r#"["read","write"]"#),
        ("scope_list", r#"["staff","admin"]"#, r#"["read"]"#),
    ];
    for (name, groups, scopes) in cases {
        assert_eq!(gate.bearer(&token(name)), "ann", "{name}");
        let identity = gate.host.property_value("gatehouse.identity").unwrap();
        let identity: serde_json::Value = serde_json::from_slice(&identity).unwrap();
        assert_eq!(identity["groups"].to_string(), groups, "{name}");
        assert_eq!(identity["scopes"].to_string(), scopes, "{name}");
        assert_eq!(identity["provider"], "sso", "{name}");
        assert_eq!(
            identity["claims"]["iss"], "https://issuer.example",
            "{name}"
        );
    }
}

#[test]
fn claims_become_headers() {
    let gate = Gate::new(&sso("algorithms: [RS256]"), ONLY_SSO);
    let cases: [(&str, Option<&str>); 7] = [
        ("rs256", Some("ann@example.com")),
        ("email_number", Some("7")),
        ("email_true", Some("true")),
        ("email_list", Some("a,1,true")),
        ("email_null", None),
        ("email_empty", None),
        ("no_email", None),
    ];
    for (name, expected) in cases {
        let bearer = format!("Bearer {}", token(name));
        let headers = [
            ("authorization", bearer.as_bytes()),
            ("x-email", b"root@example.com"),
        ];
        assert_eq!(gate.outcome("/", &headers), "ann", "{name}");
        let expected: Vec<_> = expected.iter().map(|value| ("x-email", *value)).collect();
        let path = [(":path", "/")];
        assert_eq!(
            gate.upstream(),
            pairs(&[&path[..], &expected].concat()),
            "{name}"
        );
    }
}

#[test]
fn the_proxy_verifies_what_it_can() {
    let keys: serde_json::Value =
        serde_json::from_str(&include_str!("../../testdata/jwks.json").replace(
            "${env:HS_SECRET}",
            include_str!("../../testdata/hs_secret.txt").trim(),
        ))
        .unwrap();
    let keys = JwkSet::from_value(&keys).unwrap();
    let gate = Gate::new(&sso(ALL), ONLY_SSO);
    let asked = Rc::new(RefCell::new(Vec::new()));
    let log = asked.clone();
    gate.host
        .verifies(Box::new(move |hash, key, signature, message| {
            log.borrow_mut()
                .push((hash.to_owned(), signature.first().copied()));
            let rs = &keys.keys()[0];
            let algorithm = match hash {
                "sha256" => Algorithm::Rs256,
                "sha384" => Algorithm::Rs384,
                _ => Algorithm::Rs512,
            };
            let of_rs = rs
                .host_material(algorithm)
                .is_some_and(|material| material.spki_der == key);
            // An ECDSA signature arrives as a DER sequence.
            if of_rs {
                rs.verify(algorithm, message, signature)
            } else {
                signature[0] == 0x30
            }
        }));
    let cases = [
        ("rs256", "ann", Some("sha256")),
        ("rs384", "ann", Some("sha384")),
        ("rs512", "ann", Some("sha512")),
        ("stranger", "token_signature", Some("sha256")),
        ("es256", "ann", Some("sha256")),
        ("es384", "ann", Some("sha384")),
        ("eddsa", "ann", None),
        ("hs256", "ann", None),
    ];
    for (name, expected, hash) in cases {
        asked.borrow_mut().clear();
        assert_eq!(gate.bearer(&token(name)), expected, "{name}");
        let hashes: Vec<_> = asked
            .borrow()
            .iter()
            .map(|(hash, _)| hash.clone())
            .collect();
        assert_eq!(hashes.first().map(String::as_str), hash, "{name}");
    }
    assert!(
        !gate
            .host
            .counters()
            .contains_key("gatehouse.auth.host_verify_unavailable.provider.sso")
    );

    // A host that says no is believed: no second opinion.
    let gate = Gate::new(&sso(ALL), ONLY_SSO);
    gate.host.verifies(Box::new(|_, _, _, _| false));
    assert_eq!(gate.bearer(&token("rs256")), "token_signature");
    assert_eq!(gate.bearer(&token("hs256")), "ann");
}

#[test]
fn a_token_that_names_no_key_is_tried_with_a_few() {
    let named: serde_json::Value =
        serde_json::from_str(include_str!("../../testdata/jwks.json")).unwrap();
    let mut ours = named["keys"][0].clone();
    ours.as_object_mut().unwrap().remove("kid");
    let bootstrap = value(include_str!("../../../../envoy/auth.yaml"));
    let mut other = bootstrap
        .pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/configuration/value/providers/sso/jwt/jwks/inline/keys/0")
        .unwrap()
        .clone();
    other.as_object_mut().unwrap().remove("kid");
    for (others, expected, tried) in [(0, "ann", 1), (3, "ann", 4), (4, "token_signature", 4)] {
        let mut keys = vec![other.clone(); others];
        keys.push(ours.clone());
        let provider = format!(
            "sso: {{jwt: {{issuer: 'https://issuer.example', audiences: [api], algorithms: [RS256], jwks: {{inline: {}}}}}}}",
            serde_json::json!({"keys": keys})
        );
        let gate = Gate::new(&provider, ONLY_SSO);
        for name in ["no_kid", "rs256"] {
            assert_eq!(gate.bearer(&token(name)), expected, "{name} after {others}");
            let calls = gate.host.calls()["proxy_call_foreign_function"];
            assert_eq!(calls, tried, "{name} after {others}");
        }
    }
}

#[test]
fn without_the_proxys_verifier_rust_verifies() {
    let gate = Gate::new(&sso(ALL), ONLY_SSO);
    assert_eq!(gate.bearer(&token("rs256")), "ann");
    assert_eq!(gate.bearer(&token("stranger")), "token_signature");
    assert_eq!(
        gate.host.counters()["gatehouse.auth.host_verify_unavailable.provider.sso"],
        2
    );
    assert_eq!(gate.bearer(&token("eddsa")), "ann");
    assert_eq!(
        gate.host.counters()["gatehouse.auth.host_verify_unavailable.provider.sso"],
        2
    );
}

#[test]
fn a_remembered_token_is_not_verified_again() {
    let gate = Gate::new(&sso("algorithms: [RS256]"), ONLY_SSO);
    let misses = || {
        let counters = gate.host.counters();
        counters
            .get("gatehouse.auth.token_cache_miss.provider.sso")
            .copied()
    };
    assert_eq!(gate.bearer(&token("rs256")), "ann");
    assert_eq!(misses(), Some(1));
    assert_eq!(gate.bearer(&token("rs256")), "ann");
    assert_eq!(misses(), Some(1));
    // Bad tokens and long ones are verified each time.
    for (name, misses_then) in [
        ("expired", 2),
        ("expired", 3),
        ("stranger", 4),
        ("stranger", 5),
        ("large", 6),
        ("large", 7),
    ] {
        gate.bearer(&token(name));
        assert_eq!(misses(), Some(misses_then), "{name}");
    }
}

#[test]
fn a_remembered_token_expires() {
    let gate = Gate::new(&sso("algorithms: [RS256]"), ONLY_SSO);
    let short = token("short");
    assert_eq!(gate.bearer(&short), "ann");
    // It expires after 60 s, give or take 30.
    gate.host.advance(Duration::from_secs(89));
    assert_eq!(gate.bearer(&short), "ann");
    gate.host.advance(Duration::from_secs(1));
    assert_eq!(gate.bearer(&short), "token_expired");
    assert_eq!(gate.bearer(&short), "token_expired");
}

#[test]
fn a_clock_that_goes_back_makes_no_early_token_good() {
    let gate = Gate::new(&sso("algorithms: [RS256]"), ONLY_SSO);
    let token = token("nbf_within_skew");
    assert_eq!(gate.bearer(&token), "ann");
    let back = FakeHost::START.as_nanos() - 1_000_000_000;
    gate.host
        .set_now(gatehouse_host::Timestamp::from_nanos(back));
    assert_eq!(gate.bearer(&token), "token_not_yet_valid");
}

#[test]
fn challenges_are_as_rfc_6750_has_them() {
    let gate = Gate::new(&sso("algorithms: [RS256]"), ONLY_SSO);
    let challenges = |headers: &[(&str, &[u8])]| {
        let Verdict::Deny(reply) = gate.send("/", headers) else {
            panic!("it was let in");
        };
        let own = reply
            .headers
            .into_iter()
            .filter(|(name, _)| name == "www-authenticate");
        own.map(|(_, value)| String::from_utf8(value).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(challenges(&[]), ["Bearer"]);
    let stranger = format!("Bearer {}", token("stranger"));
    assert_eq!(
        challenges(&[("authorization", stranger.as_bytes())]),
        ["Bearer error=\"invalid_token\""]
    );
}
