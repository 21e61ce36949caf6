//! Lists of addresses that others publish: refused, or every prefix of them is found again.
#![no_main]

use gatehouse_address_set::document::{Bad, Terms, read};
use std::net::IpAddr;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let terms = |bad| Terms {
        most: 100,
        bad,
        may_be_empty: true,
    };
    let strict = read(bytes, terms(Bad::Refuse));
    let lenient = read(bytes, terms(Bad::Skip));
    if let Ok(strict) = strict {
        assert!(strict.left_out.is_none() && lenient.is_ok());
    }
    let Ok(list) = lenient else { return };
    assert!(list.addresses.len() <= 100);
    let lines = bytes.split(|byte| *byte == b'\n');
    for address in lines.filter_map(|line| {
        std::str::from_utf8(line.trim_ascii())
            .ok()?
            .parse::<IpAddr>()
            .ok()
    }) {
        let is_list = bytes.trim_ascii_start().first() != Some(&b'[');
        assert!(!is_list || list.addresses.labels(address).has(0));
    }
});
