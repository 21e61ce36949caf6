use super::*;

const HELLO: &[u8] = br#"{"hello": "world"}"#;
const HELLO_LF: &[u8] = b"{\"hello\": \"world\"}\n";
const HELLO_256: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
const HELLO_512: &str = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
/// The content of appendices B.4 and B.6 whose digests stand there: Brotli makes `0B 09` of it, where
/// the RFC prints `8B 08`.
const BROTLI: &[u8] =
    b"\x0B\x09\x80\x7B\x22\x68\x65\x6C\x6C\x6F\x22\x3A\x20\x22\x77\x6F\x72\x6C\x64\x22\x7D\x0A\x03";

fn verify(lines: &[&str], body: &[u8]) -> Result<(), DigestRefusal> {
    let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
    verify_content_digest(&lines, body)
}

/// RFC 9530, appendix B; `Repr-Digest` has the same form, and is the same where there is no range and
/// no coding.
#[test]
fn examples_of_the_rfc() {
    let whole = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    let coded = "sha-256=:d435Qo+nKZ+gLcUHn7GQtQ72hiBVAgqoLsZnZPiTGPk=:";
    let both = "sha-256=:d435Qo+nKZ+gLcUHn7GQtQ72hiBVAgqoLsZnZPiTGPk=:,\
        sha-512=:db7fdBbgZMgX1Wb2MjA8zZj+rSNgfmDCEEXM8qLWfpfoNY0sCpHAzZbj09X1/7HAb7Od5Qfto4QpuBsFbUO3dQ==:";
    #[rustfmt::skip]
    let cases: &[(&str, &str, &[u8])] = &[
        ("B.1", whole, HELLO_LF),
        ("B.2, no content", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", b""),
        ("B.3, a range", "sha-256=:jjcgBDWNAtbYUXI37CVG3gRuGOAjaaDRGpIUFsdyepQ=:", b"\"world\"}\n"),
        ("B.4, Brotli", coded, BROTLI),
        ("B.6, two algorithms", both, BROTLI),
        ("B.7, request", "sha-256=:mEkdbO7Srd9LIOegftO0aBX+VPTVz7/CSHes2Z27gc4=:", b"{\"title\": \"New Title\"}\n"),
        ("B.7, response", "sha-256=:uVSlinTTdQUwm2On4k8TJUikGN1bf/Ds8WPX4oe0h9I=:", b"{\n  \"id\": \"123\",\n  \"title\": \"New Title\"\n}\n"),
        ("RFC 9421, B.2", HELLO_512, HELLO),
    ];
    for (name, header, body) in cases {
        assert_eq!(verify(&[header], body), Ok(()), "{name}");
        let other = [*body, b" "].concat();
        let refused = verify(&[header], &other);
        assert_eq!(refused, Err(DigestRefusal::Mismatch), "{name}");
    }
    // The example of B.5 has one `=` too many, which no decoder of base64 takes.
    let padded = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg==:";
    assert_eq!(verify(&[padded], HELLO_LF), Err(DigestRefusal::Malformed));
}

#[test]
fn headers_are_read_strictly() {
    use DigestRefusal::*;
    let both = format!("{HELLO_256}, {HELLO_512}");
    let wrong_512 = format!("sha-512=:{}==:", "A".repeat(86));
    let beside_unknown = format!("md5=:AA==:, unixsum=:AA==:, x=1, {HELLO_256}, y=(a b)");
    let parameters = format!("{HELLO_256};x=1");
    let upper = HELLO_256.replace("sha", "SHA");
    let as_string = HELLO_256.replace(':', "\"");
    let in_list = format!("sha-256=({})", HELLO_256.strip_prefix("sha-256=").unwrap());
    let long = format!("{HELLO_256}, x=:{}:", "A".repeat(16 * 1024));
    #[rustfmt::skip]
    let cases: &[(&str, &[&str], Result<(), DigestRefusal>)] = &[
        ("one", &[HELLO_256], Ok(())),
        ("two in a line", &[&both], Ok(())),
        ("two in two lines", &[HELLO_512, HELLO_256], Ok(())),
        ("unknown ones beside", &[&beside_unknown], Ok(())),
        ("parameters are ignored", &[&parameters], Ok(())),
        ("absent", &[], Err(Missing)),
        ("empty", &[""], Err(NoneKnown)),
        ("only deprecated ones", &["md5=:sZRqySSS0jR8YjW00mERhA==:, sha=:AA==:"], Err(NoneKnown)),
        ("one right, one wrong", &[HELLO_256, &wrong_512], Err(Mismatch)),
        ("the same twice in two lines", &[HELLO_256, HELLO_256], Err(Repeated)),
        ("the same twice in a line", &[&format!("{HELLO_256},{HELLO_256}")], Err(Repeated)),
        ("a right one before a wrong one", &[HELLO_256, "sha-256=:AA==:"], Err(Repeated)),
        ("an unknown one twice", &[HELLO_256, "x=1", "x=2"], Err(Repeated)),
        ("too short", &["sha-256=:AAAA:"], Err(Malformed)),
        ("empty bytes", &["sha-256=::"], Err(Malformed)),
        ("of the other length", &[&HELLO_512.replace("512", "256")], Err(Malformed)),
        ("a flag", &["sha-256"], Err(Malformed)),
        ("a string", &[&as_string], Err(Malformed)),
        ("a list", &[&in_list], Err(Malformed)),
        ("upper case", &[&upper], Err(Malformed)),
        ("the form of RFC 3230", &["SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="], Err(Malformed)),
        ("junk", &["\u{0}"], Err(Malformed)),
        ("too long", &[&long], Err(TooLong)),
    ];
    for (name, lines, expected) in cases {
        assert_eq!(verify(lines, HELLO), *expected, "{name}");
    }
}

#[test]
fn a_body_in_pieces() {
    let digest = ContentDigest::parse(&[HELLO_256.as_bytes(), HELLO_512.as_bytes()]).unwrap();
    for size in 1..=HELLO.len() {
        let mut check = digest.check();
        for piece in HELLO.chunks(size) {
            check.update(piece);
        }
        assert_eq!(check.finish(), Ok(()), "{size}");
    }
    let mut check = digest.check();
    check.update(&HELLO[1..]);
    assert_eq!(check.finish(), Err(DigestRefusal::Mismatch));
    assert_eq!(digest.check().finish(), Err(DigestRefusal::Mismatch));
}
