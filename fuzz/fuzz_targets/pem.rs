//! A key that an operator pasted: read or refused, and what the proxy is handed of it is the same key.
#![no_main]

use gatehouse_jose::{Algorithm, Key};

libfuzzer_sys::fuzz_target!(|input: (bool, &[u8])| {
    let (as_text, bytes) = input;
    let text = match as_text {
        true => String::from_utf8_lossy(bytes).into_owned(),
        // Past the text, to what reads DER.
        false => pem(bytes),
    };
    let Ok(key) = Key::from_pem(&text) else {
        return;
    };
    for algorithm in Algorithm::ALL {
        let Some(material) = key.host_material(algorithm) else {
            continue;
        };
        let again = Key::from_pem(&pem(material.spki_der)).unwrap();
        assert_eq!(again.host_material(algorithm), Some(material));
        assert!(!key.verify(algorithm, b"message", bytes));
    }
});

fn pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN PUBLIC KEY-----\n");
    for chunk in der.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            text.push(match place <= chunk.len() {
                true => char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]),
                false => '=',
            });
        }
    }
    text + "\n-----END PUBLIC KEY-----\n"
}
