use super::*;
use crate::Scheme;

/// Made with htpasswd of Apache 2.4.71 (`-nbB -C 5`, `-nbs`, `-nb5`), password `correct horse`.
const FILE: &str = "\u{feff}# users of the wiki\r
ann:$2y$05$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2\r
\r
  bob:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=:a comment, as in nginx's files \t
carl:secret
\t
dora:$6$oQzkn4per68mr9qr$F.O.ZHCv247zAfkRwC3FJjZZzPaAvY5rQuKP//c6.NSD0PY2zHJthWYMYyuyQmBQGE0MZLOXoMmKqy9RlYrlu.:19000:0:99999:7:::
emil
bob:!";

#[test]
fn a_file() {
    let lines: Vec<_> = parse(FILE)
        .map(|(number, line)| match line {
            Ok((user, hash)) => {
                assert!(hash.verify(b"correct horse"), "{user}");
                format!("{number}: {user}: {}", hash.scheme())
            }
            Err(error) => format!("{number}: {error}"),
        })
        .collect();
    assert_eq!(
        lines,
        [
            "2: ann: bcrypt",
            "4: bob: {SHA}",
            "5: the hash of \"carl\": is not a hash of a known scheme: if it is the password itself, \
             give a hash of it (bcrypt: `htpasswd -nB -C 10 NAME`)",
            "7: dora: SHA-512-crypt",
            "8: must be `user:hash`, and has no colon",
            "9: the hash of \"bob\": marks a disabled account (`!` or `*`): leave this user out",
        ]
    );
}

#[test]
fn no_lines() {
    for text in ["", "\n", "#", "# x\n\n \t\r\n", "\u{feff}"] {
        assert_eq!(parse(text).count(), 0, "{text:?}");
    }
}

#[test]
fn lines() {
    let sha = "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=";
    let longest = "u".repeat(256);
    let user = |name: &str| Ok(Some(name.to_owned()));
    let cases = [
        ("plain", format!("ann:{sha}"), user("ann")),
        ("beyond ASCII", format!("jürgen:{sha}"), user("jürgen")),
        ("spaces within", format!("ann b:{sha}"), user("ann b")),
        (
            "white space around the line",
            format!(" \tann:{sha} \r\n"),
            user("ann"),
        ),
        ("a hash sign within", format!("a#b:{sha}"), user("a#b")),
        ("a comment", format!("#ann:{sha}"), Ok(None)),
        ("a comment after a space", format!(" #ann:{sha}"), Ok(None)),
        ("empty", String::new(), Ok(None)),
        (
            "the longest name",
            format!("{longest}:{sha}"),
            user(&longest),
        ),
        (
            "a name too long",
            format!("{longest}u:{sha}"),
            Err(LineError::User(UserError::TooLong)),
        ),
        (
            "no name",
            format!(":{sha}"),
            Err(LineError::User(UserError::Empty)),
        ),
        (
            "only a colon",
            ":".to_owned(),
            Err(LineError::User(UserError::Empty)),
        ),
        ("no colon", sha.to_owned(), Err(LineError::NoColon)),
        (
            "a tab in the name",
            format!("a\tb:{sha}"),
            Err(LineError::User(UserError::ControlCharacter)),
        ),
        (
            "a NUL in the name",
            format!("a\0b:{sha}"),
            Err(LineError::User(UserError::ControlCharacter)),
        ),
        (
            "a C1 control",
            format!("a\u{85}b:{sha}"),
            Err(LineError::User(UserError::ControlCharacter)),
        ),
        (
            "a space after the name",
            format!("ann :{sha}"),
            Err(LineError::UserWhiteSpace),
        ),
        (
            "a no-break space before the name",
            format!("\u{a0}ann:{sha}"),
            Err(LineError::UserWhiteSpace),
        ),
        (
            "a space before the hash",
            format!("ann: {sha}"),
            Err(LineError::Hash {
                user: "ann".to_owned(),
                error: ParseError::Characters,
            }),
        ),
        (
            "no hash",
            "ann:".to_owned(),
            Err(LineError::Hash {
                user: "ann".to_owned(),
                error: ParseError::Empty,
            }),
        ),
        (
            "no hash but a comment",
            "ann::x".to_owned(),
            Err(LineError::Hash {
                user: "ann".to_owned(),
                error: ParseError::Empty,
            }),
        ),
        (
            "a hash of another file (htdigest)",
            "ann:realm:0123456789abcdef0123456789abcdef".to_owned(),
            Err(LineError::Hash {
                user: "ann".to_owned(),
                error: ParseError::Unknown,
            }),
        ),
    ];
    for (name, line, expected) in cases {
        let parsed = parse_line(&line).map(|entry| {
            entry.map(|(user, hash)| {
                assert_eq!(hash.scheme(), Scheme::Sha1, "{name}");
                user
            })
        });
        assert_eq!(parsed, expected, "{name}");
    }
}

#[test]
fn messages() {
    let cases = [
        (LineError::NoColon, "must be `user:hash`, and has no colon"),
        (
            LineError::User(UserError::Empty),
            "the name of the user is empty",
        ),
        (
            LineError::User(UserError::TooLong),
            "the name of the user is longer than 256 bytes",
        ),
        (
            LineError::User(UserError::ControlCharacter),
            "the name of the user has a control character",
        ),
        (
            LineError::UserWhiteSpace,
            "the name of the user begins or ends with white space",
        ),
        (
            LineError::Hash {
                user: "a\"b".to_owned(),
                error: ParseError::Empty,
            },
            "the hash of \"a\\\"b\": is empty: a password hash is needed",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(error.to_string(), expected);
    }
}
