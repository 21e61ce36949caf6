//! What a proxy says of a client certificate: parsed or refused, and no text in it has a separator that
//! was not in quotes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(elements) = gatehouse_xfcc::parse(bytes) else {
        return;
    };
    assert!(!elements.is_empty());
    let quoted = bytes.contains(&b'"');
    for element in elements {
        let texts = element.uris.iter().chain(&element.dns).chain(&element.subject);
        for text in texts {
            assert!(!text.is_empty());
            assert!(quoted || !text.contains([';', ',']));
        }
    }
});
