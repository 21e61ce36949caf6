//! A token from a client: parsed or refused, and what parses is read in one way only.
#![no_main]

use gatehouse_jose::Jws;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(jws) = Jws::parse(bytes) {
        let input = jws.signing_input();
        assert!(bytes.starts_with(input));
        let _ = jws.claims();
    }
});
