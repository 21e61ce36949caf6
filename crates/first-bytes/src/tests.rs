//! First bytes of real clients, of made-up ones, and of those who mean no good.

use super::*;
use proptest::prelude::*;

mod hostile;
mod lenient;

/// `openssl s_client -servername Www.Example.com -alpn h2,http/1.1`, OpenSSL 3.0.
const OPENSSL: &str = "160301014e0100014a0303e7ea16cf033d029f37ab9382189bc0d92e2bf55db5df8941d7397a2ad5420bc12059ffa801d51bc7771506136e30a960787d881fbaae27ff29b491e53dfd110585003e130213031301c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff010000c300000014001200000f5777772e4578616d706c652e636f6d000b000403000102000a00160014001d0017001e0019001801000101010201030104002300000010000e000c02683208687474702f312e310016000000170000000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b0009080304030303020301002d00020101003300260024001d00200bb2d1ee98fad65028b74a32b52ab8ab8e536d9e0f5ba556d6ba1e658608d01d";

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A ClientHello as a test wants it.
pub(crate) struct Hello {
    pub(crate) legacy_version: u16,
    pub(crate) extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    pub(crate) fn new(extensions: &[(u16, Vec<u8>)]) -> Self {
        Self {
            legacy_version: 0x0303,
            extensions: extensions.to_vec(),
        }
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        let mut body = self.legacy_version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.extend([0, 0, 4, 0x13, 1, 0x0a, 0x0a, 1, 0]);
        let extensions: Vec<u8> = self
            .extensions
            .iter()
            .flat_map(|(kind, value)| [&kind.to_be_bytes()[..], &counted16(value)].concat())
            .collect();
        body.extend(counted16(&extensions));
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[1], &length[1..], &body].concat()
    }

    /// In records of so many bytes.
    pub(crate) fn records(&self, of: usize) -> Vec<u8> {
        let message = self.message();
        let records = message.chunks(of).map(record);
        records.collect::<Vec<_>>().concat()
    }
}

pub(crate) fn record(fragment: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &counted16(fragment)].concat()
}

pub(crate) fn counted16(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length, bytes].concat()
}

pub(crate) fn sni(name: &[u8]) -> (u16, Vec<u8>) {
    (0, counted16(&[&[0], &*counted16(name)].concat()))
}

pub(crate) fn alpn(names: &[&[u8]]) -> (u16, Vec<u8>) {
    let counted = |name: &&[u8]| [&[u8::try_from(name.len()).unwrap()], *name].concat();
    let names: Vec<u8> = names.iter().flat_map(counted).collect();
    (16, counted16(&names))
}

pub(crate) fn versions(numbers: &[u16]) -> (u16, Vec<u8>) {
    let list: Vec<u8> = numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    (43, [&[u8::try_from(list.len()).unwrap()], &*list].concat())
}

/// In one word: `http1`, `unknown: too long`, `waits`.
pub(crate) fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Is(Spoken::Tls(hello)) => {
            let alpn: Vec<_> = hello.alpn().map(String::from_utf8_lossy).collect();
            let version = hello.version().map(|version| version.to_string());
            let ech = if hello.is_encrypted() { " ech" } else { "" };
            format!(
                "tls {} [{}] {}{ech}",
                hello.server_name().unwrap_or("-"),
                alpn.join(" "),
                version.unwrap_or("-".to_owned()),
            )
        }
        Verdict::Is(other) => format!("{other:?}").to_ascii_lowercase(),
        Verdict::Either(one, other) => format!("{one:?} or {other:?}").to_ascii_lowercase(),
        Verdict::NotYet { .. } => "waits".to_owned(),
        Verdict::TooLong => "too long".to_owned(),
        Verdict::Malformed(why) => format!("malformed: {why}"),
        Verdict::Unknown(why) => format!("unknown: {why}"),
    }
}

/// What comes of bytes in pieces of so many, as far as it must read.
pub(crate) fn in_pieces(bytes: &[u8], of: usize, most: usize) -> Verdict {
    let mut inspector = Inspector::new(most);
    let mut last = Verdict::NotYet { most };
    for piece in bytes.chunks(of) {
        last = inspector.feed(piece);
        if !matches!(last, Verdict::NotYet { .. }) {
            break;
        }
    }
    last
}

/// What comes of bytes, which is the same in one piece and byte by byte.
pub(crate) fn inspect(bytes: &[u8]) -> String {
    let whole = in_pieces(bytes, usize::MAX, 16_384);
    for of in [1, 2, 3, 7] {
        assert_eq!(in_pieces(bytes, of, 16_384), whole, "{of}: {bytes:?}");
    }
    word(&whole)
}

#[test]
fn real_clients() {
    let cases: [(&str, &[u8], &str); 6] = [
        (
            "openssl s_client",
            &hex(OPENSSL),
            "tls www.example.com [h2 http/1.1] TLSv1.3",
        ),
        (
            "curl",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "http1",
        ),
        (
            "curl --http2-prior-knowledge",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04",
            "http2",
        ),
        ("ssh", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u6\r\n", "ssh"),
        ("psql", b"\x00\x00\x00\x08\x04\xd2\x16/", "postgresql"),
        ("redis-cli", b"*1\r\n$4\r\nping\r\n", "redis"),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(inspect(bytes), expected, "{name}");
    }
}

#[test]
fn what_is_spoken() {
    let cases: [(&str, &[u8], &str); 53] = [
        ("nothing", b"", "waits"),
        ("HTTP/1.0", b"GET / HTTP/1.0\r\n", "http1"),
        ("HTTP/1 without a CR", b"POST /a HTTP/1.1\n", "http1"),
        (
            "empty lines before it",
            b"\r\n\r\nGET / HTTP/1.1\r\n",
            "http1",
        ),
        (
            "an absolute target",
            b"GET http://a.test/ HTTP/1.1\r\n",
            "http1",
        ),
        ("CONNECT", b"CONNECT a.test:443 HTTP/1.1\r\n", "http1"),
        ("a method nobody knows", b"M-SEARCH * HTTP/1.1\r\n", "http1"),
        ("two blanks", b"GET  /  HTTP/1.1\r\n", "http1"),
        ("a tab", b"GET\t/\tHTTP/1.1\r\n", "http1"),
        ("a blank in the target", b"GET /a b HTTP/1.1\r\n", "http1"),
        (
            "not ASCII in the target",
            b"GET /\xc3\xa9 HTTP/1.1\r\n",
            "http1",
        ),
        (
            "a line that goes on",
            b"GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "waits",
        ),
        ("another version", b"POST / HTTP/2.0\r\n", "http1"),
        ("no target", b"POST HTTP/1.1\r\n", "unknown: nothing known"),
        (
            "a method of 33 letters",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n",
            "http1",
        ),
        ("no method", b"@ / HTTP/1.1\r\n", "unknown: nothing known"),
        ("half a preface", b"PRI * HTTP/2.0\r", "waits"),
        (
            "no preface",
            b"PRI * XTTP/2.0\r\n",
            "unknown: nothing known",
        ),
        ("SSH 1.99", b"SSH-1.99-x\n", "ssh"),
        ("SSH 1.5", b"SSH-1.5-x\r\n", "ssh"),
        ("half of SSH", b"SSH-2.0-x", "waits"),
        (
            "a version of SSH with a comment",
            b"SSH-2.0-x(y)/z@\xc3\xa9 \x01\r\n",
            "ssh",
        ),
        (
            "SSH in small letters",
            b"ssh-2.0-x\r\n",
            "unknown: nothing known",
        ),
        (
            "PostgreSQL 3.0",
            b"\0\0\0\x29\0\x03\0\0user\0x\0",
            "postgresql",
        ),
        (
            "PostgreSQL 3.2",
            b"\0\0\0\x29\0\x03\0\x02user\0x\0",
            "postgresql",
        ),
        ("GSSENCRequest", b"\0\0\0\x08\x04\xd2\x16\x30", "postgresql"),
        (
            "CancelRequest",
            b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02",
            "postgresql",
        ),
        (
            "a startup packet of 7 bytes",
            b"\0\0\0\x07\0\x03\0\0",
            "unknown: nothing known",
        ),
        (
            "PostgreSQL 4.0",
            b"\0\0\0\x29\0\x04\0\0",
            "unknown: nothing known",
        ),
        ("half of PostgreSQL", b"\0\0\0\x29\0\x03\0", "waits"),
        ("Redis, inline", b"ping\r\n", "redis"),
        (
            "Redis, inline with arguments",
            b"SET k \xff\xfe\r\n",
            "redis",
        ),
        ("Redis after empty lines", b"\r\n\n\r\nAUTH x\n", "redis"),
        (
            "a word that is no command",
            b"HELO me\r\n",
            "unknown: nothing known",
        ),
        (
            "RESP of no words, which Redis passes over",
            b"*0\r\nPING\r\n",
            "redis",
        ),
        ("RESP of less than none", b"*-1\r\n", "redis"),
        ("RESP without a number", b"*\r\n", "unknown: nothing known"),
        (
            "RESP of too many",
            b"*12345678901\r\n",
            "unknown: nothing known",
        ),
        (
            "RESP whose line feed is none, which Redis does not look at",
            b"*1\rX$4\r",
            "redis",
        ),
        ("Redis, inline in quotes", b"\"PING\"\r\n", "redis"),
        ("Redis, inline in escapes", b"\"\\x50ING\"\r\n", "redis"),
        ("half of RESP", b"*12\r", "waits"),
        (
            "MQTT 3.1.1",
            b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd",
            "mqtt",
        ),
        ("MQTT 5", b"\x10\x10\0\x04MQTT\x05\x02\0\x3c\0", "mqtt"),
        ("MQTT 3.1", b"\x10\x80\x01\0\x06MQIsdp\x03\x02", "mqtt"),
        (
            "a bridge of MQTT",
            b"\x10\x80\x80\x01\0\x04MQTT\x84",
            "mqtt",
        ),
        (
            "MQTT-like",
            b"\x10\x10\0\x04MQTS\x04",
            "unknown: nothing known",
        ),
        (
            "a length of MQTT of five bytes",
            b"\x10\xff\xff\xff\xff\x01",
            "unknown: nothing known",
        ),
        ("half of MQTT", b"\x10\x10\0\x04MQT", "waits"),
        ("AMQP 0-9-1", b"AMQP\0\0\x09\x01", "amqp"),
        ("AMQP 1.0 with SASL", b"AMQP\x03\x01\0\0", "amqp"),
        ("half of AMQP", b"AMQP", "waits"),
        (
            "a word that begins as AMQP",
            b"AMQPX / HTTP/1.1\r\n",
            "http1",
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(inspect(bytes), expected, "{name}");
    }
}

#[test]
fn what_a_client_hello_says() {
    let grease = (0x0a0a, vec![]);
    let ech = (0xfe0d, vec![0; 40]);
    let cases = [
        ("no extension", Hello::new(&[]), "tls - [] TLSv1.2"),
        (
            "a name",
            Hello::new(&[sni(b"a.test")]),
            "tls a.test [] TLSv1.2",
        ),
        (
            "in another case, with a dot",
            Hello::new(&[sni(b"A.tEsT.")]),
            "tls a.test [] TLSv1.2",
        ),
        (
            "ALPN",
            Hello::new(&[alpn(&[b"h2", b"\x0a\x0a", b"postgresql"])]),
            "tls - [h2 \n\n postgresql] TLSv1.2",
        ),
        (
            "1.3",
            Hello::new(&[versions(&[0x0304, 0x0303])]),
            "tls - [] TLSv1.3",
        ),
        (
            "GREASE is the highest of numbers",
            Hello::new(&[grease, versions(&[0xfafa, 0x0303, 0x0301])]),
            "tls - [] TLSv1.2",
        ),
        (
            "a draft alone, which an old server passes over",
            Hello::new(&[versions(&[0x7f1c])]),
            "tls - [] TLSv1.2",
        ),
        (
            "an outer hello",
            Hello::new(&[sni(b"public.test"), ech]),
            "tls public.test [] TLSv1.2 ech",
        ),
        (
            "1.0",
            Hello {
                legacy_version: 0x0301,
                extensions: vec![],
            },
            "tls - [] TLSv1",
        ),
        (
            "of the future",
            Hello {
                legacy_version: 0x0305,
                extensions: vec![],
            },
            "tls - [] TLSv1.2",
        ),
    ];
    for (name, hello, expected) in cases {
        assert_eq!(inspect(&hello.records(16_384)), expected, "{name}");
        // However it is cut into records.
        for of in [1, 5, 40] {
            assert_eq!(
                inspect(&hello.records(of)),
                expected,
                "{name} in records of {of}"
            );
        }
    }
    // Before extensions there was nothing after the compressions.
    let mut message = Hello::new(&[]).message();
    message.truncate(message.len() - 2);
    message[3] -= 2;
    assert_eq!(inspect(&record(&message)), "tls - [] TLSv1.2");
}

#[test]
fn servers_that_speak_first() {
    let mariadb = b"\x5d\0\0\0\x0a5.5.5-10.11.4-MariaDB\0\x01\0\0\0";
    let cases: [(&str, &[u8], Option<bool>); 11] = [
        ("MySQL", b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0", Some(true)),
        ("MariaDB", mariadb, Some(true)),
        ("a refusal", b"\x45\0\0\0\xff\x6a\x04Host", Some(true)),
        ("half of it", b"\x4a\0\0\0\x0a8.0", None),
        ("nothing", b"", None),
        (
            "the second packet",
            b"\x4a\0\0\x01\x0a8.0.36\0",
            Some(false),
        ),
        ("protocol 9", b"\x4a\0\0\0\x098.0.36\0", Some(false)),
        ("no version", b"\x4a\0\0\0\x0a\0\x08\0", Some(false)),
        (
            "a version of controls",
            b"\x4a\0\0\0\x0a\x01\x02\0",
            Some(false),
        ),
        ("SMTP", b"220 mail.test ESMTP\r\n", Some(false)),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", Some(false)),
    ];
    for (name, bytes, expected) in cases {
        for of in [1, 2, usize::MAX] {
            let mut greeting = Greeting::default();
            let mut found = None;
            for piece in bytes.chunks(of) {
                found = greeting.feed(piece);
                if found.is_some() {
                    break;
                }
            }
            assert_eq!(found, expected, "{name} in pieces of {of}");
        }
    }
    let mut endless = Greeting::default();
    assert_eq!(endless.feed(b"\x4a\0\0\0\x0a"), None);
    assert_eq!(endless.feed(&[b'8'; 4096]), Some(false));
    assert_eq!(endless.wants(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// What is decided does not depend on the pieces, and no more is kept than was asked for.
    #[test]
    fn pieces_do_not_matter(
        start in prop::sample::select(vec![
            &b""[..], b"\x16\x03\x01", b"GET ", b"*1", b"AMQP", b"\x10", b"\0\0\0", b"SSH-", b"PRI * HTTP",
        ]),
        rest in prop::collection::vec(prop_oneof![any::<u8>(), 0..4_u8, prop::sample::select(vec![b'\r', b'\n', b' '])], 0..200),
        of in 1..50_usize,
        most in 1..250_usize,
    ) {
        let bytes = [start, &rest].concat();
        prop_assert_eq!(in_pieces(&bytes, of, most), in_pieces(&bytes, usize::MAX, most));
    }

    #[test]
    fn every_hello_that_was_written_is_read(
        name in "[a-z0-9_-]{1,20}(\\.[a-z0-9-]{1,20}){0,3}",
        protocols in prop::collection::vec("[a-z0-9/.]{1,20}", 1..6),
        of in 1..400_usize,
    ) {
        let names: Vec<&[u8]> = protocols.iter().map(String::as_bytes).collect();
        let hello = Hello::new(&[alpn(&names), sni(name.as_bytes())]);
        let expected = format!("tls {name} [{}] TLSv1.2", protocols.join(" "));
        prop_assert_eq!(inspect(&hello.records(of)), expected);
    }
}
