//! A request target from a client: its normal form is normal, and a query without a name has lost
//! nothing but that.
#![no_main]

use gatehouse_request_match::{Path, query};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = Path::parse(bytes);
    if !path.is_ambiguous() && path.as_str().starts_with('/') && !path.as_str().contains(['%', '?', '#', ';']) {
        assert_eq!(Path::parse(path.as_str().as_bytes()).as_str(), path.as_str());
    }
    if let Some(rest) = query::without(bytes, b"k") {
        assert!(rest.len() < bytes.len());
        assert_eq!(query::without(&rest, b"k"), None);
    }
});
