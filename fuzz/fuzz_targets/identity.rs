//! A consumer from filter state: what was read is written the same.
#![no_main]

use gatehouse_host::Consumer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(consumer) = Consumer::from_json(bytes) {
        assert_eq!(Consumer::from_json(&consumer.to_json()), Some(consumer));
    }
});
