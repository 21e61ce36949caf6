//! The first bytes of a client and of a server: decided on the same in whatever pieces, within what is looked at.
#![no_main]

use gatehouse_first_bytes::{Greeting, Inspector, Spoken, Verdict};

const MOST: usize = 4096;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else {
        return;
    };
    let feed = |of: usize| {
        let mut inspector = Inspector::new(MOST);
        let mut last = inspector.feed(&[]);
        for piece in bytes.chunks(of) {
            assert!(inspector.wants() <= MOST);
            last = inspector.feed(piece);
            match last {
                Verdict::NotYet { most } => assert!(most > 0 && most <= inspector.wants()),
                _ => break,
            }
        }
        last
    };
    let whole = feed(usize::MAX);
    assert_eq!(feed(usize::from(*first).max(1)), whole);
    assert_eq!(feed(1), whole);
    if let Verdict::Is(Spoken::Tls(hello)) = &whole {
        assert!(hello.alpn().all(|name| !name.is_empty()));
        assert!(hello.server_name().is_none_or(|name| name.len() <= 255 && name.is_ascii()));
    }
    let greet = |of: usize| {
        let mut greeting = Greeting::default();
        bytes.chunks(of).find_map(|piece| greeting.feed(piece))
    };
    assert_eq!(greet(1), greet(usize::MAX));
});
