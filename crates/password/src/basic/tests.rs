use base64ct::{Base64, Base64Unpadded, Base64Url, Encoding};

use super::*;

type Outcome = Result<(&'static str, &'static [u8]), BasicError>;

fn outcome(encoded: &[u8]) -> Result<(String, Vec<u8>), BasicError> {
    decode(encoded).map(|credentials| {
        (
            credentials.user().to_owned(),
            credentials.password().to_vec(),
        )
    })
}

fn owned(expected: Outcome) -> Result<(String, Vec<u8>), BasicError> {
    expected.map(|(user, password)| (user.to_owned(), password.to_vec()))
}

#[test]
fn encoded() {
    let cases: [(&str, &[u8], Outcome); 20] = [
        (
            "RFC 7617, section 2",
            b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            Ok(("Aladdin", b"open sesame")),
        ),
        (
            "RFC 7617, section 2.1",
            b"dGVzdDoxMjPCow==",
            Ok(("test", "123£".as_bytes())),
        ),
        ("no padding needed", b"dXNlcjpwYXNz", Ok(("user", b"pass"))),
        ("nothing", b"", Err(BasicError::NoColon)),
        (
            "no padding",
            b"QWxhZGRpbjpvcGVuIHNlc2FtZQ",
            Err(BasicError::NotBase64),
        ),
        (
            "half the padding",
            b"QWxhZGRpbjpvcGVuIHNlc2FtZQ=",
            Err(BasicError::NotBase64),
        ),
        (
            "too much padding",
            b"dXNlcjpwYXNz====",
            Err(BasicError::NotBase64),
        ),
        (
            "padding within",
            b"dXNl==cjpwYXNz",
            Err(BasicError::NotBase64),
        ),
        (
            "two in one",
            b"QTpiQQ==QTpiQQ==",
            Err(BasicError::NotBase64),
        ),
        ("only padding", b"====", Err(BasicError::NotBase64)),
        (
            "stray bits",
            b"QWxhZGRpbjpvcGVuIHNlc2FtZR==",
            Err(BasicError::NotBase64),
        ),
        (
            "a space before",
            b" dXNlcjpwYXNz",
            Err(BasicError::NotBase64),
        ),
        (
            "a space after",
            b"dXNlcjpwYXNz ",
            Err(BasicError::NotBase64),
        ),
        ("four spaces", b"    ", Err(BasicError::NotBase64)),
        (
            "a line break",
            b"dXNl\r\ncjpwYXNz",
            Err(BasicError::NotBase64),
        ),
        (
            "a comma",
            b"dXNlcjpwYXNz,dXNlcjpwYXNz",
            Err(BasicError::NotBase64),
        ),
        ("not encoded", b"user:pass", Err(BasicError::NotBase64)),
        (
            "the scheme not taken off",
            b"Basic dXNlcjpwYXNz",
            Err(BasicError::NotBase64),
        ),
        ("not ASCII", b"\xff\xff\xff\xff", Err(BasicError::NotBase64)),
        ("NUL", b"\0\0\0\0", Err(BasicError::NotBase64)),
    ];
    for (name, encoded, expected) in cases {
        assert_eq!(outcome(encoded), owned(expected), "{name}");
    }
}

#[test]
fn decoded() {
    let control = BasicError::ControlCharacter;
    let cases: [(&str, &[u8], Outcome); 27] = [
        ("plain", b"ann:secret", Ok(("ann", b"secret"))),
        ("an empty password", b"ann:", Ok(("ann", b""))),
        (
            "colons in the password",
            b"ann:a:b::",
            Ok(("ann", b"a:b::")),
        ),
        ("only colons in the password", b"ann:::", Ok(("ann", b"::"))),
        ("spaces", b" ann : secret ", Ok((" ann ", b" secret "))),
        (
            "UTF-8",
            "jürgen:pässwörd".as_bytes(),
            Ok(("jürgen", "pässwörd".as_bytes())),
        ),
        (
            "a password of Latin-1",
            b"ann:p\xe4ss",
            Ok(("ann", b"p\xe4ss")),
        ),
        (
            "a password of any bytes",
            b"ann:\xff\xfe\x80",
            Ok(("ann", b"\xff\xfe\x80")),
        ),
        (
            "a C1 control in the password",
            "ann:\u{85}".as_bytes(),
            Ok(("ann", "\u{85}".as_bytes())),
        ),
        ("no colon", b"ann", Err(BasicError::NoColon)),
        (
            "no colon, control character",
            b"ann\0",
            Err(BasicError::NoColon),
        ),
        (
            "no name",
            b":secret",
            Err(BasicError::User(UserError::Empty)),
        ),
        (
            "only a colon",
            b":",
            Err(BasicError::User(UserError::Empty)),
        ),
        (
            "a name of Latin-1",
            b"j\xfcrgen:x",
            Err(BasicError::UserNotUtf8),
        ),
        (
            "an overlong colon",
            b"ann\xc0\xbaroot:x",
            Err(BasicError::UserNotUtf8),
        ),
        (
            "a surrogate",
            b"\xed\xa0\x80:x",
            Err(BasicError::UserNotUtf8),
        ),
        ("NUL in the name", b"ann\0root:x", Err(control)),
        ("NUL in the password", b"ann:x\0y", Err(control)),
        ("NUL at the end", b"ann:x\0", Err(control)),
        ("a tab in the password", b"ann:x\ty", Err(control)),
        (
            "a line feed in the name",
            b"ann\nx-admin: 1:x",
            Err(control),
        ),
        ("CR LF in the password", b"ann:x\r\ny", Err(control)),
        ("escape in the name", b"\x1b[2Jann:x", Err(control)),
        ("DEL in the name", b"ann\x7f:x", Err(control)),
        ("DEL in the password", b"ann:\x7f", Err(control)),
        ("control character and not UTF-8", b"\xff\0:x", Err(control)),
        (
            "a C1 control in the name",
            "ann\u{85}:x".as_bytes(),
            Err(BasicError::User(UserError::ControlCharacter)),
        ),
    ];
    for (name, credentials, expected) in cases {
        let encoded = Base64::encode_string(credentials);
        assert_eq!(outcome(encoded.as_bytes()), owned(expected), "{name}");
    }
}

#[test]
fn lengths() {
    let credentials = |user: usize, password: usize| {
        let text = format!("{}:{}", "u".repeat(user), "p".repeat(password));
        decode(Base64::encode_string(text.as_bytes()).as_bytes()).map(|_| ())
    };
    let cases = [
        ("the longest of both", 256, 256, Ok(())),
        ("a password that verifies nothing", 1, 511, Ok(())),
        ("one byte more", 256, 257, Err(BasicError::TooLong)),
        ("a password of 1 MiB", 1, 1 << 20, Err(BasicError::TooLong)),
        (
            "a name too long",
            257,
            1,
            Err(BasicError::User(UserError::TooLong)),
        ),
        ("a name of 1 MiB", 1 << 20, 1, Err(BasicError::TooLong)),
    ];
    for (name, user, password, expected) in cases {
        assert_eq!(credentials(user, password), expected, "{name}");
    }
    assert_eq!(MAX_ENCODED_BYTES, 684);
    for length in 0..2_000 {
        let expected = if length > 684 {
            BasicError::TooLong
        } else {
            BasicError::NotBase64
        };
        assert_eq!(
            decode(&vec![b'='; length]).err(),
            (length > 0)
                .then_some(expected)
                .or(Some(BasicError::NoColon)),
            "{length}"
        );
    }
}

#[test]
fn only_the_standard_alphabet() {
    let credentials = b"ann:\xfb\xff\xfe";
    let standard = Base64::encode_string(credentials);
    let url = Base64Url::encode_string(credentials);
    assert_ne!(standard, url);
    assert_eq!(
        outcome(standard.as_bytes()),
        Ok(("ann".to_owned(), b"\xfb\xff\xfe".to_vec()))
    );
    assert_eq!(outcome(url.as_bytes()), Err(BasicError::NotBase64));
    let unpadded = Base64Unpadded::encode_string(b"ann:x");
    assert_eq!(outcome(unpadded.as_bytes()), Err(BasicError::NotBase64));
}

#[test]
fn the_password_is_not_printed() {
    let credentials = decode(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
    assert_eq!(
        format!("{credentials:?}"),
        "Credentials { user: \"Aladdin\", .. }"
    );
}

#[test]
fn messages() {
    let cases = [
        (
            BasicError::TooLong,
            "the credentials are longer than 684 bytes",
        ),
        (BasicError::NotBase64, "the credentials are not base64"),
        (BasicError::NoColon, "the credentials have no colon"),
        (
            BasicError::ControlCharacter,
            "the credentials have a control character",
        ),
        (BasicError::UserNotUtf8, "the name of the user is not UTF-8"),
        (
            BasicError::User(UserError::Empty),
            "the name of the user is empty",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(error.to_string(), expected);
    }
}
