//! What a client of TLS says first.

/// A ClientHello for this server, of TLS 1.2.
pub(crate) fn hello(server: &str) -> Vec<u8> {
    let counted = |bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        [&length, bytes].concat()
    };
    let name = counted(&[&[0], &*counted(server.as_bytes())].concat());
    let extensions = counted(&[&[0, 0][..], &counted(&name)].concat());
    let suites = [0, 0, 2, 0x13, 1, 1, 0];
    let body = [&[3, 3][..], &[7; 32], &suites, &extensions].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[1], &length[1..], &body].concat();
    [&[22, 3, 1][..], &counted(&message)].concat()
}
