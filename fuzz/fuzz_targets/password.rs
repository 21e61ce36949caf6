//! A line of an htpasswd file, and the same bytes as credentials: what is read keeps its promises, and
//! a cheap hash verifies anything without a panic.
#![no_main]

use gatehouse_password::{MAX_USER_BYTES, PasswordHash, basic, htpasswd};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(credentials) = basic::decode(bytes) {
        let user = credentials.user();
        assert!(!user.is_empty() && user.len() <= MAX_USER_BYTES);
        assert!(!user.contains(|letter: char| letter == ':' || letter.is_control()));
        assert!(!credentials.password().iter().any(u8::is_ascii_control));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(hash) = PasswordHash::parse(text) {
        let cost = hash.cost();
        assert!(cost.millis > 0 && cost.millis <= 3_300 && cost.memory_kib <= 65_536);
        if cost.millis <= 2 {
            hash.verify(bytes);
            assert!(!hash.verify_nobody(bytes));
        }
        // Django's salts may have colons, which end a hash in a file.
        if !text.contains(':') {
            assert!(
                matches!(htpasswd::parse_line(&format!("ann:{text}")), Ok(Some((user, _))) if user == "ann")
            );
        }
    }
    for (_, line) in htpasswd::parse(text) {
        if let Ok((user, _)) = line {
            assert!(!user.is_empty() && user.len() <= MAX_USER_BYTES);
            assert!(!user.contains(':') && user.trim() == user);
        }
    }
});
