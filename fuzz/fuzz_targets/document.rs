//! A configuration from bytes: a tree or a problem, and JSON never read as a Struct.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let parsed = gatehouse_config::document::parse(bytes);
    if let Ok(value) = gatehouse_strict_json::parse(bytes) {
        assert_eq!(parsed, Ok(value));
    }
});
