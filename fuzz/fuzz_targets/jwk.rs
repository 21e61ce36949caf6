//! A set of keys from an issuer: read in one way only, bounded, and whatever key comes of it refuses
//! what it did not sign.
#![no_main]

use gatehouse_jose::{Algorithm, JwkSet, Key, MAX_PUBLISHED_KEYS};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = gatehouse_strict_json::parse(bytes) else {
        return;
    };
    let _ = Key::from_value(&document);
    let written = JwkSet::from_value(&document);
    let Ok((published, _)) = JwkSet::from_published(&document) else {
        return;
    };
    assert!(published.keys().len() <= MAX_PUBLISHED_KEYS);
    if let Ok(written) = written {
        assert!(written.keys().len() >= published.keys().len());
    }
    for key in published.keys() {
        assert_ne!(key.kty(), "oct");
        for algorithm in Algorithm::ALL {
            assert!(!key.verify(algorithm, b"message", bytes));
            assert!(key.accepts(algorithm) || key.host_material(algorithm).is_none());
        }
    }
});
