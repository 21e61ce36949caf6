//! A text that arrives in pieces: where it is cut changes nothing, and of JSON it finds what a parser finds.
#![no_main]

use gatehouse_json_pointer::{Outcome, Pointer, Scan};
use std::rc::Rc;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for pointer in ["", "/a", "/a/b", "/0", "/a/1/b"] {
        let parsed = Rc::new(Pointer::parse(pointer).unwrap());
        let mut whole = Scan::new(parsed.clone());
        whole.read(bytes);
        let mut pieces = Scan::new(parsed);
        bytes.chunks(3).for_each(|piece| pieces.read(piece));
        assert_eq!(whole.end(), pieces.end());
        // Of two members of one name the parser takes the last, and a scan the first.
        let Ok(json) = gatehouse_strict_json::parse(bytes) else {
            continue;
        };
        if let Some(expected) = json.pointer(pointer).and_then(serde_json::Value::as_u64) {
            assert_eq!(whole.end(), Outcome::Number(expected));
        }
    }
});
