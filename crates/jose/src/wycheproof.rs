//! The vectors of Project Wycheproof: signatures that wrong verifiers accepted, or refused.
//!
//! The number of tests run, and of those left out where any are, is held at each set: a set that
//! changes, or is no longer run, is noticed. What is `acceptable`, which leaves the outcome to the
//! verifier, is refused. The sets with JSON Web Signatures are not in the package.

use ::wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use crate::{Algorithm, Key};

/// Tests of a set: run, and left out.
type Counts = (usize, usize);

#[test]
fn ecdsa_in_the_form_of_jose() {
    use ecdsa::TestName::{
        EcdsaSecp256r1Sha256P1363, EcdsaSecp384r1Sha384P1363, EcdsaSecp521r1Sha512P1363,
    };
    let sets: &[(ecdsa::TestName, Algorithm, usize)] = &[
        (EcdsaSecp256r1Sha256P1363, Algorithm::Es256, 262),
        (EcdsaSecp384r1Sha384P1363, Algorithm::Es384, 280),
        (EcdsaSecp521r1Sha512P1363, Algorithm::Es512, 318),
    ];
    for (name, algorithm, expected) in sets {
        let mut count = 0;
        for group in ecdsa::TestSet::load(*name).unwrap().test_groups {
            let key = Key::from_pem(&group.pem).unwrap();
            for test in group.tests {
                let verified = key.verify(*algorithm, &test.msg, &test.sig);
                assert_eq!(
                    verified,
                    test.result == TestResult::Valid,
                    "{name:?} {}: {}",
                    test.tc_id,
                    test.comment
                );
                // What the host is not handed is refused in Rust as well.
                let handed = key.host_signature(*algorithm, &test.sig).is_some();
                assert!(handed || !verified, "{name:?} {}", test.tc_id);
                count += 1;
            }
        }
        assert_eq!(count, *expected, "{name:?}");
    }
}

/// The same curves with signatures in DER: what is valid there is refused here.
#[test]
fn ecdsa_in_der_is_refused() {
    use ecdsa::TestName::{EcdsaSecp256r1Sha256, EcdsaSecp384r1Sha384, EcdsaSecp521r1Sha512};
    let sets: &[(ecdsa::TestName, Algorithm, usize)] = &[
        (EcdsaSecp256r1Sha256, Algorithm::Es256, 484),
        (EcdsaSecp384r1Sha384, Algorithm::Es384, 504),
        (EcdsaSecp521r1Sha512, Algorithm::Es512, 542),
    ];
    for (name, algorithm, expected) in sets {
        let mut count = 0;
        for group in ecdsa::TestSet::load(*name).unwrap().test_groups {
            let key = Key::from_pem(&group.pem).unwrap();
            for test in group.tests {
                assert!(
                    !key.verify(*algorithm, &test.msg, &test.sig),
                    "{name:?} {}",
                    test.tc_id
                );
                assert_eq!(
                    key.host_signature(*algorithm, &test.sig),
                    None,
                    "{name:?} {}",
                    test.tc_id
                );
                count += 1;
            }
        }
        assert_eq!(count, *expected, "{name:?}");
    }
}

#[test]
fn ed25519() {
    let mut count = 0;
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519)
        .unwrap()
        .test_groups
    {
        let key = Key::from_pem(&group.pem).unwrap();
        for test in group.tests {
            let verified = key.verify(Algorithm::EdDsa, &test.msg, &test.sig);
            assert_eq!(
                verified,
                test.result == TestResult::Valid,
                "{}: {}",
                test.tc_id,
                test.comment
            );
            count += 1;
        }
    }
    assert_eq!(count, 151);
}

/// A key shorter than the hash is not taken (RFC 7518, section 3.2); those tests are left out after
/// seeing that. A tag shorter than the hash is run, and refused whatever the set says.
#[test]
fn hmac() {
    let sets: &[(mac::TestName, Algorithm, usize, Counts)] = &[
        (mac::TestName::HmacSha256, Algorithm::Hs256, 32, (168, 6)),
        (mac::TestName::HmacSha384, Algorithm::Hs384, 48, (168, 6)),
        (mac::TestName::HmacSha512, Algorithm::Hs512, 64, (168, 6)),
    ];
    for (name, algorithm, length, expected) in sets {
        let mut counts = (0, 0);
        for group in mac::TestSet::load(*name).unwrap().test_groups {
            for test in group.tests {
                let key = Key::symmetric(&test.key);
                if test.key.len() < *length {
                    assert!(
                        !key.is_ok_and(|key| key.accepts(*algorithm)),
                        "{name:?} {}",
                        test.tc_id
                    );
                    counts.1 += 1;
                    continue;
                }
                let whole = test.tag.len() == *length;
                let verified = key.unwrap().verify(*algorithm, &test.msg, &test.tag);
                assert_eq!(
                    verified,
                    whole && test.result == TestResult::Valid,
                    "{name:?} {}: {}",
                    test.tc_id,
                    test.comment
                );
                counts.0 += 1;
            }
        }
        assert_eq!(counts, *expected, "{name:?}");
    }
}

/// All moduli with the hashes of JOSE. What is acceptable lacks the NULL in its padding (RFC 8017,
/// appendix A.2.4).
#[test]
fn rsa_pkcs1() {
    use rsa_pkcs1_verify::TestName::{
        Rsa2048Sha256, Rsa2048Sha384, Rsa2048Sha512, Rsa3072Sha256, Rsa3072Sha384, Rsa3072Sha512,
        Rsa4096Sha256, Rsa4096Sha384, Rsa4096Sha512, Rsa8192Sha256, Rsa8192Sha384, Rsa8192Sha512,
    };
    let sets: &[(rsa_pkcs1_verify::TestName, Algorithm, usize)] = &[
        (Rsa2048Sha256, Algorithm::Rs256, 259),
        (Rsa2048Sha384, Algorithm::Rs384, 258),
        (Rsa2048Sha512, Algorithm::Rs512, 259),
        (Rsa3072Sha256, Algorithm::Rs256, 259),
        (Rsa3072Sha384, Algorithm::Rs384, 259),
        (Rsa3072Sha512, Algorithm::Rs512, 260),
        (Rsa4096Sha256, Algorithm::Rs256, 258),
        (Rsa4096Sha384, Algorithm::Rs384, 259),
        (Rsa4096Sha512, Algorithm::Rs512, 259),
        (Rsa8192Sha256, Algorithm::Rs256, 258),
        (Rsa8192Sha384, Algorithm::Rs384, 259),
        (Rsa8192Sha512, Algorithm::Rs512, 259),
    ];
    for (name, algorithm, expected) in sets {
        let mut count = 0;
        for group in rsa_pkcs1_verify::TestSet::load(*name).unwrap().test_groups {
            let key = Key::from_pem(&group.pem).unwrap();
            for test in group.tests {
                let verified = key.verify(*algorithm, &test.msg, &test.sig);
                assert_eq!(
                    verified,
                    test.result == TestResult::Valid,
                    "{name:?} {}: {}",
                    test.tc_id,
                    test.comment
                );
                count += 1;
            }
        }
        assert_eq!(count, *expected, "{name:?}");
    }
}

/// The groups whose hash, MGF1 hash and salt length are those of an algorithm (RFC 7518, section 3.5)
/// are run by it. Of the other groups, which use other parameters, what is valid is run by all three
/// and refused. Left out are the invalid tests of those, and keys that carry parameters
/// (id-RSASSA-PSS), which are not read.
#[test]
fn rsa_pss() {
    use ::wycheproof::HashFunction::{Sha2_256, Sha2_384, Sha2_512};
    use ::wycheproof::Mgf::Mgf1;
    let algorithms = [
        (Algorithm::Ps256, Sha2_256, 32),
        (Algorithm::Ps384, Sha2_384, 48),
        (Algorithm::Ps512, Sha2_512, 64),
    ];
    let (mut own, mut foreign, mut left_out) = (0, 0, 0);
    for name in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            if format!("{name:?}").ends_with("WithParams") {
                let error = Key::from_pem(&group.pem).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    "is a key for the algorithm 1.2.840.113549.1.1.10: use RSA, EC or Ed25519"
                );
                left_out += group.tests.len();
                continue;
            }
            let key = Key::from_pem(&group.pem).unwrap();
            for test in &group.tests {
                let place = format!("{name:?} {}: {}", test.tc_id, test.comment);
                let valid = test.result == TestResult::Valid;
                let (mut run, mut fitting) = (false, false);
                for (algorithm, hash, salt) in algorithms {
                    let fits = group.hash == hash
                        && group.mgf == Mgf1
                        && group.mgf_hash == Some(hash)
                        && group.salt_size == salt;
                    // What is invalid by other parameters may be valid by these.
                    if fits || valid {
                        let verified = key.verify(algorithm, &test.msg, &test.sig);
                        assert_eq!(verified, fits && valid, "{algorithm} {place}");
                        run = true;
                        fitting |= fits;
                    }
                }
                match (run, fitting) {
                    (true, true) => own += 1,
                    (true, false) => foreign += 1,
                    (false, _) => left_out += 1,
                }
            }
        }
    }
    assert_eq!((own, foreign, left_out), (788, 1119, 1590));
}
