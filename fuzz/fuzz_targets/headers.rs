//! A header map from the host: what is read stays within the bytes, changes are seen.
#![no_main]

use gatehouse_host::Headers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(mut headers) = Headers::decode(bytes.to_vec()) else {
        return;
    };
    let count = headers.iter().map(|(name, value)| name.len() + value.len()).count();
    assert_eq!(count, headers.len());
    headers.set("x", b"1");
    assert_eq!(headers.all("x").collect::<Vec<_>>(), [b"1"]);
    headers.remove("x");
    assert!(!headers.contains("x"));
});
