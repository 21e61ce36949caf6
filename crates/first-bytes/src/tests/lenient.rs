//! What servers take though no client should send it, by their sources: it is told for what they take it.

use super::*;

#[test]
fn lines_that_servers_take() {
    let long_method = [&b"A".repeat(5000)[..], b" / HTTP/1.1\r\n"].concat();
    let cases: [(&str, &[u8], &str); 38] = [
        ("a version of nginx'", b"GET / HTTP/1.01\r\n", "http1"),
        ("a version of Python's", b"GET / HTTP/01.1\r\n", "http1"),
        ("in small letters", b"GET / http/1.1\r\n", "http1"),
        ("a version of HTTP/2", b"POST / HTTP/2.0\r\n", "http1"),
        ("something after it", b"GET / HTTP/1.1 x\r\n", "http1"),
        ("a control in it", b"POST /\x01\x7f HTTP/1.1\r\n", "http1"),
        ("a NUL in it", b"POST /\0 HTTP/1.1\r\n", "http1"),
        ("blanks of Python's", b"GET\x0b/\x1cHTTP/1.1\r\n", "http1"),
        ("blanks before it", b" \x0c GET / HTTP/1.1\r\n", "http1"),
        (
            "lines of blanks before it",
            b"\r\n \t\r\nGET / HTTP/1.1\r\n",
            "http1",
        ),
        ("a long method", &long_method, "http1"),
        (
            "a method of RFC 9110's",
            b"O'*~| / HTTP/1.1\r\n",
            "http1 or redis",
        ),
        ("HTTP/0.9", b"GET /index.html\r\n", "http1 or redis"),
        (
            "HTTP/0.9 with a whole URL",
            b"GET http://a.test/\n",
            "http1 or redis",
        ),
        ("no path", b"GET key\r\n", "redis"),
        ("a method that is a command", b"GET / HTTP/1.1\r\n", "http1"),
        ("another", b"SUBSCRIBE / HTTP/1.1\r\n", "http1"),
        (
            "a command that looks like a request",
            b"eval 1 0 HTTP/1.1\r\n",
            "http1 or redis",
        ),
        (
            "a preface whose lines end otherwise",
            b"PRI * HTTP/2.0\n\nSM\n\n",
            "http2",
        ),
        ("a version of SSH with zeros", b"SSH-002.0-x\r\n", "ssh"),
        ("with blanks", b"SSH- 2. 0-x\r\n", "ssh"),
        ("with signs", b"SSH-+2.-0-x\r\n", "ssh"),
        ("that overflows to 2", b"SSH-4294967298.0-x\r\n", "ssh"),
        ("after empty lines, for Go", b"\r\n\nSSH-2.0-x\n", "ssh"),
        (
            "that is a request",
            b"SSH-2.0-x / HTTP/1.1\r\n",
            "ssh or http1",
        ),
        (
            "RESP after an empty line",
            b"\r\n*1\r\n$4\r\nPING\r\n",
            "redis",
        ),
        ("RESP after blanks", b" \x0b\n\n*1\r\n", "redis"),
        (
            "RESP after a blank, which is none",
            b" *1\r\n",
            "unknown: nothing known",
        ),
        ("RESP of many", b"*1234567890\r\n", "redis"),
        ("a tab of another kind", b"\x0bPING\r\n", "redis"),
        ("quotes within", b"P\"ING\"\r\n", "redis"),
        ("single ones", b"p'in'g x\r\n", "redis"),
        ("controls in its arguments", b"SET k \x01\x02\r\n", "redis"),
        (
            "a packet of 10004 bytes",
            b"\0\0\x27\x14\0\x03\0\0",
            "postgresql",
        ),
        (
            "a packet for CockroachDB",
            b"\0\xff\xff\xff\0\x03\0\0",
            "postgresql",
        ),
        (
            "PostgreSQL 13's version 2",
            b"\0\0\x01\x28\0\x02\0\0",
            "postgresql",
        ),
        ("another AMQP", b"AMQP\0\0\0\0", "amqp"),
        ("another MQTT", b"\x10\x10\0\x04MQTT\x09", "mqtt"),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(inspect(bytes), expected, "{name}");
    }
    // SSLRequest, GSSENCRequest and CancelRequest of any length.
    for request in [0x2e, 0x2f, 0x30] {
        for length in [8, 9, 16, 255] {
            let packet = [0, 0, 0, length, 4, 0xd2, 0x16, request, 0];
            assert_eq!(inspect(&packet), "postgresql", "{packet:?}");
        }
    }
    // Whatever stands beside the type of a CONNECT.
    for kind in 0x10..=0x1f {
        let connect = [&[kind, 0x80, 0x80, 0][..], b"\0\x06MQIsdp\x03"].concat();
        assert_eq!(inspect(&connect), "mqtt", "{kind:#x}");
    }
}

#[test]
fn records_before_the_hello() {
    let hello = Hello::new(&[sni(b"a.test")]);
    let after = |first: &[u8]| [first, &hello.records(999)].concat();
    let with_version = |major: u8| {
        let mut bytes = hello.records(999);
        bytes[1] = major;
        bytes
    };
    const ALERT: &str = "malformed: an alert before the ClientHello";
    const OTHER: &str = "malformed: another record before the ClientHello";
    const VERSION: &str = "malformed: the version of the first record";
    const NOTHING: &str = "unknown: nothing known";
    let cases = [
        ("a warning", after(&[21, 3, 1, 0, 2, 1, 0x70]), ALERT),
        (
            "an alert of version 2",
            after(&[21, 2, 0, 0, 2, 1, 0]),
            ALERT,
        ),
        ("half an alert", after(&[21, 3, 1, 0, 1, 1]), OTHER),
        ("a change of ciphers", after(&[20, 3, 3, 0, 1, 1]), OTHER),
        (
            "an alert with the name of MQTT in it, by fuzzing",
            b"\x15\x03\0\x06MQIsdp\x15".to_vec(),
            OTHER,
        ),
        ("a heartbeat", after(&[24, 3, 1, 0, 3, 1, 0, 0]), OTHER),
        ("data", after(&[23, 3, 3, 0, 1, 0]), OTHER),
        (
            "data that is too long",
            after(&[23, 3, 3, 0x49, 0]),
            NOTHING,
        ),
        ("a type there is not", after(&[25, 3, 3, 0, 1, 0]), NOTHING),
        (
            "an alert of another length",
            after(&[21, 4, 1, 0, 3]),
            NOTHING,
        ),
        ("version 2, for Go", with_version(2), VERSION),
        ("version 0, for Go", with_version(0), VERSION),
        ("version 15, for Go", with_version(15), VERSION),
        ("version 255, for Java", with_version(255), VERSION),
        (
            "another message in another version",
            vec![22, 2, 0, 0, 9, 2],
            NOTHING,
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(inspect(&bytes), expected, "{name}");
    }
}

/// A hello in SSLv2's form, with so many bytes of ciphers, session and challenge.
fn sslv2(version: [u8; 2], lengths: [u8; 3]) -> Vec<u8> {
    let [ciphers, session, challenge] = lengths;
    let body = usize::from(ciphers) + usize::from(session) + usize::from(challenge);
    let length = u16::try_from(9 + body).unwrap() | 0x8000;
    let header = [
        1, version[0], version[1], 0, ciphers, 0, session, 0, challenge,
    ];
    [&length.to_be_bytes()[..], &header, &vec![b'\n'; body]].concat()
}

#[test]
fn a_hello_in_the_form_of_sslv2() {
    const ODD: &str = "malformed: a hello in SSLv2's form that cannot be read";
    let longer = {
        let mut bytes = sslv2([3, 1], [3, 0, 16]);
        bytes[1] += 1;
        bytes
    };
    // The length makes its first bytes a blank of Python's and a quote.
    let like_a_line = {
        let body = 0x0522 - 9;
        let [high, low] = u16::try_from(body - 18).unwrap().to_be_bytes();
        [
            &[0x85, 0x22, 1, 3, 3, high, low, 0, 0, 0, 18][..],
            &vec![b'\n'; body],
        ]
        .concat()
    };
    let cases = [
        ("TLS 1.0", sslv2([3, 1], [27, 0, 16]), "tls - [] TLSv1"),
        ("TLS 1.1", sslv2([3, 2], [3, 32, 32]), "tls - [] TLSv1.1"),
        ("SSL 3.0", sslv2([3, 0], [3, 0, 16]), "tls - [] SSLv3"),
        (
            "of the future",
            sslv2([3, 9], [3, 0, 16]),
            "tls - [] TLSv1.2",
        ),
        ("that looks like a line", like_a_line, "tls - [] TLSv1.2"),
        ("SSL 2.0", sslv2([0, 2], [3, 0, 16]), ODD),
        (
            "of another version, for Java",
            sslv2([4, 0], [3, 0, 16]),
            ODD,
        ),
        ("ciphers of an odd length", sslv2([3, 1], [4, 0, 16]), ODD),
        ("no ciphers", sslv2([3, 1], [0, 0, 16]), ODD),
        ("a session of 33 bytes", sslv2([3, 1], [3, 33, 16]), ODD),
        ("no challenge", sslv2([3, 1], [3, 0, 0]), ODD),
        (
            "lengths that don't add up",
            longer,
            "unknown: nothing known",
        ),
        (
            "a call of SunRPC's",
            b"\x80\0\x01\x03\x12\x34\x56\x78\0\0\0\0\0\0\0\x02".to_vec(),
            "unknown: nothing known",
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(inspect(&bytes), expected, "{name}");
    }
    let whole = sslv2([3, 1], [27, 0, 16]);
    for end in 0..whole.len() {
        assert_eq!(inspect(&whole[..end]), "waits", "{end}");
    }
}

/// What a name must be, where Envoy has read it as where it stands in a ClientHello.
#[test]
fn names_of_servers() {
    let cases: [(&str, &[u8], Option<&str>); 7] = [
        ("a name", b"A.test", Some("a.test")),
        ("with a dot", b"a.test.", Some("a.test")),
        ("not UTF-8", b"a\xff.test", None),
        ("not ASCII", "\u{e4}.test".as_bytes(), None),
        ("with a port", b"a.test:443", None),
        ("nothing", b"", None),
        ("too long", &[b'a'; 256], None),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(host_name(bytes).as_deref(), expected, "{name}");
    }
}
