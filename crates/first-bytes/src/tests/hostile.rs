//! Bytes that lie.

use super::*;

#[test]
fn lengths_that_lie() {
    let good = || Hello::new(&[sni(b"a.test"), alpn(&[b"h2"]), versions(&[0x0304])]);
    let change = |place: usize, byte: u8| {
        let mut bytes = good().records(16_384);
        bytes[place] = byte;
        bytes
    };
    let extension = |kind: u16, value: &[u8]| Hello::new(&[(kind, value.to_vec())]).records(16_384);
    const BAD: &str = "malformed: a ClientHello that cannot be read";
    let cases = [
        (
            "32 records of no bytes",
            [record(b"").repeat(32), good().records(40)].concat(),
            "tls a.test [h2] TLSv1.3",
        ),
        (
            "33 records of no bytes",
            record(b"").repeat(33),
            "malformed: the length of a record",
        ),
        (
            "a record of 16385",
            vec![22, 3, 1, 0x40, 1, 1],
            "malformed: the length of a record",
        ),
        (
            "an alert in between",
            [record(&good().message()[..50]), vec![21, 3, 1, 0, 2, 1, 0]].concat(),
            "malformed: another record before the ClientHello is complete",
        ),
        (
            "another major version in between",
            [record(&good().message()[..50]), vec![22, 2, 0, 0, 2, 1, 0]].concat(),
            "malformed: another record before the ClientHello is complete",
        ),
        (
            "a ServerHello",
            record(&[2, 0, 0, 4, 0, 0, 0, 0]),
            "malformed: no ClientHello",
        ),
        (
            "a message of 16 MiB",
            record(&[1, 0xff, 0xff, 0xff, 3, 3]),
            "too long",
        ),
        (
            "a record that says more than comes",
            change(4, 0xff),
            "waits_or_hello",
        ),
        ("a message that says less than it has", change(8, 0x10), BAD),
        ("a session of 33 bytes", change(5 + 4 + 34, 33), BAD),
        ("suites of an odd length", change(5 + 4 + 36, 3), BAD),
        ("no suites", change(5 + 4 + 36, 0), BAD),
        ("no compression", change(5 + 4 + 41, 0), BAD),
        (
            "a name list longer than its extension",
            extension(0, b"\0\xff\0\0\x06a.test"),
            BAD,
        ),
        (
            "a name longer than its list",
            extension(0, b"\0\x09\0\0\xffa.test"),
            BAD,
        ),
        (
            "a name list shorter than its extension",
            extension(0, b"\0\x09\0\0\x06a.test!"),
            BAD,
        ),
        ("an empty name", extension(0, b"\0\x03\0\0\0"), BAD),
        ("an empty list", extension(0, b"\0\0"), BAD),
        ("an empty extension of names", extension(0, b""), BAD),
        (
            "a name of another type",
            extension(0, b"\0\x09\x01\0\x06a.test"),
            BAD,
        ),
        (
            "two names",
            extension(0, b"\0\x12\0\0\x06a.test\0\0\x06b.test"),
            BAD,
        ),
        (
            "a NUL in the name",
            Hello::new(&[sni(b"a.test\0.b.test")]).records(99),
            BAD,
        ),
        (
            "a blank in the name",
            Hello::new(&[sni(b"a .test")]).records(99),
            BAD,
        ),
        (
            "a name that is not ASCII",
            Hello::new(&[sni(b"\xc3\xa9.test")]).records(99),
            BAD,
        ),
        (
            "a name of 256 bytes",
            Hello::new(&[sni(&[b'a'; 256])]).records(99),
            BAD,
        ),
        (
            "two extensions of names",
            Hello::new(&[sni(b"a.test"), sni(b"b.test")]).records(99),
            BAD,
        ),
        (
            "two of ALPN",
            Hello::new(&[alpn(&[b"h2"]), alpn(&[b"h3"])]).records(99),
            BAD,
        ),
        (
            "two of versions",
            Hello::new(&[versions(&[0x0303]), versions(&[0x0304])]).records(99),
            BAD,
        ),
        ("an empty protocol", extension(16, b"\0\x01\0"), BAD),
        ("no protocol", extension(16, b"\0\0"), BAD),
        (
            "a protocol longer than its list",
            extension(16, b"\0\x03\xffh2"),
            BAD,
        ),
        ("half a version", extension(43, b"\x03\x03\x04\x03"), BAD),
        ("no version", extension(43, b"\0"), BAD),
        (
            "1.3, and 1.0 to a server that knows no better",
            Hello {
                legacy_version: 0x0301,
                ..good()
            }
            .records(999),
            BAD,
        ),
    ];
    for (name, bytes, expected) in cases {
        let found = inspect(&bytes);
        match expected {
            // The message is complete before the record is.
            "waits_or_hello" => assert_eq!(found, "tls a.test [h2] TLSv1.3", "{name}"),
            expected => assert_eq!(found, expected, "{name}"),
        }
    }
}

/// A hello cut anywhere waits; with one byte of it changed it is read or refused, and never more than it is.
#[test]
fn cut_and_changed_everywhere() {
    let bytes = hex(OPENSSL);
    for end in 0..bytes.len() {
        let cut = in_pieces(&bytes[..end], usize::MAX, 16_384);
        assert!(
            matches!(cut, Verdict::NotYet { .. }),
            "cut to {end}: {cut:?}"
        );
    }
    for place in 0..bytes.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut changed = bytes.clone();
            changed[place] = byte;
            let whole = in_pieces(&changed, usize::MAX, 16_384);
            assert_eq!(in_pieces(&changed, 1, 16_384), whole, "{byte} at {place}");
        }
    }
}

/// 16 MiB of nothing in particular, of each kind: refused within what is looked at, and nothing more is kept.
#[test]
fn sixteen_mebibytes_of_nothing_in_particular() {
    const MIB: usize = 1 << 20;
    let fill = |start: &[u8], byte: u8| {
        let mut bytes = start.to_vec();
        bytes.resize(16 * MIB, byte);
        bytes
    };
    let cases = [
        ("zeros", fill(b"", 0), "unknown: nothing known", 8),
        ("ones", fill(b"", 0xff), "unknown: nothing known", 3),
        ("letters", fill(b"", b'A'), "too long", 4096),
        (
            "a request line without end",
            fill(b"GET /", b'a'),
            "too long",
            4096,
        ),
        (
            "a command without end",
            fill(b"SET k ", b'a'),
            "too long",
            4096,
        ),
        ("empty lines", fill(b"", b'\n'), "too long", 4096),
        (
            "a hello of one record after another",
            [22, 3, 1, 0, 1, 1].repeat(16 * MIB / 6),
            "too long",
            4096,
        ),
        (
            "a record that never ends",
            fill(b"\x16\x03\x01\x40\x00\x01\x00\x0f\xf8", 7),
            "too long",
            4096,
        ),
    ];
    for (name, bytes, expected, most) in cases {
        for of in [1, 100, 16 * MIB] {
            let mut inspector = Inspector::new(4096);
            let mut fed = 0;
            let mut last = Verdict::NotYet { most: 0 };
            for piece in bytes.chunks(of) {
                assert!(inspector.wants() > 0, "{name}");
                fed += piece.len();
                last = inspector.feed(piece);
                if !matches!(last, Verdict::NotYet { .. }) {
                    break;
                }
            }
            assert_eq!(word(&last), expected, "{name}");
            assert!(of > 100 || fed <= most + of, "{name}: {fed}");
            let kept = inspector.head.capacity();
            assert!(kept <= 8192, "{name}: {kept} bytes");
        }
    }
}

/// Who waits says for how much, and it is enough.
#[test]
fn how_much_is_missing() {
    let cases: [(&[u8], usize); 6] = [
        (b"", 100),
        (b"PRI * ", 94),
        (b"\0\0\0", 5),
        (b"AMQ", 97),
        (b"SSH-2", 95),
        (b"GET /", 95),
    ];
    for (bytes, expected) in cases {
        let mut inspector = Inspector::new(100);
        let verdict = inspector.feed(bytes);
        assert_eq!(verdict, Verdict::NotYet { most: expected }, "{bytes:?}");
    }
}
