//! A ClientHello, as a client would write it.

use super::connection::Tls;

/// In one record.
pub(super) fn bytes(tls: &Tls) -> Vec<u8> {
    let version = tls.version.map_or(0x304, |(_, number)| number);
    // TLS 1.3 is offered in an extension, by a client that says that it is 1.2 (RFC 8446, section 4.1.2).
    let legacy = version.min(0x303);
    let mut extensions = Vec::new();
    if let Some(name) = &tls.sni {
        let mut list = vec![0];
        list.extend(sized(2, name.as_bytes()));
        extensions.extend(extension(0, &sized(2, &list)));
    }
    if !tls.alpn.is_empty() {
        let names: Vec<u8> = tls
            .alpn
            .iter()
            .flat_map(|name| sized(1, name.as_bytes()))
            .collect();
        extensions.extend(extension(16, &sized(2, &names)));
    }
    if version > legacy {
        let versions = [version, legacy].map(u16::to_be_bytes).concat();
        extensions.extend(extension(43, &sized(1, &versions)));
    }
    let mut hello = legacy.to_be_bytes().to_vec();
    hello.extend([0x5a; 32]);
    hello.extend(sized(1, &[0; 32]));
    hello.extend(sized(2, &[0x13, 0x01, 0xc0, 0x2f]));
    hello.extend(sized(1, &[0]));
    hello.extend(sized(2, &extensions));
    let mut handshake = vec![1];
    handshake.extend(sized(3, &hello));
    let mut record = vec![22, 3, 1];
    record.extend(sized(2, &handshake));
    record
}

fn extension(number: u16, content: &[u8]) -> Vec<u8> {
    [number.to_be_bytes().to_vec(), sized(2, content)].concat()
}

/// Behind its length, in so many bytes.
fn sized(width: usize, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    let start = length.len().saturating_sub(width);
    let mut written = length.get(start..).unwrap_or_default().to_vec();
    written.extend_from_slice(content);
    written
}
