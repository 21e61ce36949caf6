//! What holds of every scheme.

use super::*;
use crate::refused;

/// A password and a hash of it.
pub(crate) type Vector = (&'static [u8], &'static str);

pub(crate) fn parse(text: &str) -> PasswordHash {
    PasswordHash::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Each hash takes its password, and no other.
pub(crate) fn verifies(vectors: &[Vector]) {
    for (password, text) in vectors {
        let hash = parse(text);
        assert!(hash.verify(password), "{text}");
        if hash.cost().millis > 20 {
            continue;
        }
        assert!(!hash.verify_nobody(password), "{text}: nobody");
        let mut longer = password.to_vec();
        longer.push(b'x');
        assert!(!hash.verify(&longer), "{text}: one byte more");
        if let Some((last, shorter)) = password.split_last() {
            assert!(!hash.verify(shorter), "{text}: one byte less");
            let mut other = shorter.to_vec();
            other.push(last ^ 1);
            assert!(!hash.verify(&other), "{text}: one bit else");
        }
    }
}

/// Each text, by its name, is refused with the message.
pub(crate) fn parse_errors(cases: &[(&str, &str, &str)]) {
    for (name, text, expected) in cases {
        let error = PasswordHash::parse(text).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{name}");
    }
}

/// One of each scheme, of the password `correct horse`, made by others (see the tests of the schemes).
const ONE_OF_EACH: [&str; 9] = [
    "$2y$05$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2",
    "$argon2id$v=19$m=64,t=2,p=2$4yDV2NctoY236lAbgVSo5A$TQMKo+4nylDAsflT7xQ3IT0zg+CT6AylBcf8VB7o7+0",
    "$argon2i$v=19$m=64,t=2,p=2$WMuTXtEBgbOvPmCcXSghEQ$WM8jVjaR8i2vl25cqfGTV1E7UWtJuZ4WObDhgIXu+gs",
    "$argon2d$v=19$m=64,t=2,p=2$PAK2aOlKjovCGydojWKIfg$VlsmKLGd1dx/sUIl0BYkL7WusPnPebzFDpwxXV7AoWA",
    "$pbkdf2-sha256$1000$qFXK2TtnbE2JcU7JubdWSg$/4Z0lOSfF6rxoV/u0J5Qmzg7QvnQLxW6wtFpilXdHSI",
    "$5$rounds=1000$bXfQ4Jfin/JDlb0O$6yPthX9PoHPiAGjWMJyDqk/l8Qp9ufd2wJCJngT091.",
    "$6$rounds=1000$ZqdOv/71mqGYiuQJ$M2K33dZ8.5Lg3hrVS2iuzTeauc2g23JN3Cr6yYyzvqJfG4ZBkKIkQL0tUxW7F9QNKXS1K9ukG1Aw.1vBI5FW4.",
    "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
    "{SSHA}gucRPy2rAGtS9M2tKltnH55+szJ6L6WU",
];

#[test]
fn schemes() {
    let names: Vec<_> = ONE_OF_EACH
        .map(|text| parse(text).scheme().to_string())
        .into();
    assert_eq!(
        names,
        [
            "bcrypt",
            "argon2id",
            "argon2i",
            "argon2d",
            "PBKDF2-SHA256",
            "SHA-256-crypt",
            "SHA-512-crypt",
            "{SHA}",
            "{SSHA}"
        ]
    );
}

#[test]
fn whatever_a_client_sends() {
    let huge = vec![b'a'; 1 << 20];
    let passwords: [(&str, &[u8]); 12] = [
        ("nothing", b""),
        ("NUL", b"\0"),
        ("NUL at the end", b"correct horse\0"),
        ("NUL within", b"correct\0horse"),
        ("upper case", b"CORRECT HORSE"),
        ("a space at the end", b"correct horse "),
        ("not UTF-8", b"\xff\xfe\xc0\x80"),
        ("every byte 0xff", &[0xff; 72]),
        ("beyond bcrypt", &[b'a'; 73]),
        ("the longest", &[b'a'; MAX_PASSWORD_BYTES]),
        ("one more", &[b'a'; MAX_PASSWORD_BYTES + 1]),
        ("1 MiB", &huge),
    ];
    for text in ONE_OF_EACH {
        let hash = parse(text);
        assert!(hash.verify(b"correct horse"), "{text}");
        for (name, password) in passwords {
            assert!(!hash.verify(password), "{text}: {name}");
            assert!(!hash.verify_nobody(password), "{text}: nobody, {name}");
        }
    }
}

/// The hashes are right: passlib 1.7.4 made them.
#[test]
fn passwords_that_are_refused_unseen() {
    let nul = b"correct\0horse".to_vec();
    let cases = [
        (
            "256 bytes",
            "{SSHA}ypm89y/ixEDR3FQuio0DQ2fvPBx7LwXA",
            vec![b'x'; 256],
            true,
        ),
        (
            "257 bytes",
            "{SHA}B5YGd0i2sMKvhkZWo5n3ci75KDo=",
            vec![b'x'; 257],
            false,
        ),
        ("a NUL", "{SHA}iFYAQ3QBh+orwB2XHhl5gnl8Oqk=", nul, false),
    ];
    for (name, text, password, expected) in cases {
        assert_eq!(parse(text).verify(&password), expected, "{name}");
    }
}

#[test]
fn nothing_is_printed() {
    for text in ONE_OF_EACH {
        let hash = parse(text);
        let expected = format!(
            "PasswordHash {{ scheme: {:?}, cost: {:?}, .. }}",
            hash.scheme(),
            hash.cost()
        );
        assert_eq!(format!("{hash:?}"), expected);
    }
}

const REHASH: &str =
    "have the password set anew, with bcrypt (`htpasswd -nB -C 10 NAME`) or argon2id";
const UNKNOWN: &str = "is not a hash of a known scheme: if it is the password itself, give a hash of it (bcrypt: `htpasswd -nB -C 10 NAME`)";
const CHARACTERS: &str =
    "has white space, a control character or a letter beyond ASCII, which no hash has";

#[test]
fn no_hash() {
    let disabled = "marks a disabled account (`!` or `*`): leave this user out";
    parse_errors(&[
        ("nothing", "", "is empty: a password hash is needed"),
        (
            "1025 bytes",
            &"x".repeat(1025),
            "is longer than the 1024 bytes of any hash",
        ),
        ("1024 bytes", &"x".repeat(1024), UNKNOWN),
        (
            "a space before",
            " {SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
            CHARACTERS,
        ),
        (
            "a line feed after",
            "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n",
            CHARACTERS,
        ),
        ("a space within", "correct horse", CHARACTERS),
        ("NUL", "\0", CHARACTERS),
        ("DEL", "{SHA}\x7f", CHARACTERS),
        ("beyond ASCII", "pässwörd", CHARACTERS),
        ("!", "!", disabled),
        ("!!", "!!", disabled),
        ("*", "*", disabled),
        ("*0, a failure of crypt", "*0", disabled),
        (
            "a locked account",
            "!$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            disabled,
        ),
        ("a password", "secret", UNKNOWN),
        ("a shadowed password", "x", UNKNOWN),
        ("only a separator", "$", UNKNOWN),
        ("a password that looks like a hash", "$ecret$", UNKNOWN),
        (
            "a scheme of no one",
            "$2c$05$CCCCCCCCCCCCCCCCCCCCC.",
            UNKNOWN,
        ),
        ("2z (Openwall)", "$2z$05$CCCCCCCCCCCCCCCCCCCCC.", UNKNOWN),
        (
            "in capitals",
            "$2B$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            UNKNOWN,
        ),
        (
            "argon2 in capitals",
            "$ARGON2ID$v=19$m=8,t=1,p=1$V9YG4cWuchk$dFweq3+Hja9O9Y+ugzGAGQ",
            UNKNOWN,
        ),
        (
            "a hash without its separator",
            "2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            UNKNOWN,
        ),
        ("a scheme alone", "$2b", UNKNOWN),
        ("no scheme in braces", "{}secret", UNKNOWN),
    ]);
}

/// Made with htpasswd of Apache 2.4.71, mkpasswd (libxcrypt of Debian 12), passlib 1.7.4, Django 5.2.19.
#[test]
fn schemes_that_are_not_supported() {
    const UNWRAP: &str = "leave out what stands before the hash itself";
    const PLAIN: &str = "give a hash of it (bcrypt: `htpasswd -nB -C 10 NAME`)";
    let cases = [
        (
            "$apr1$6QdaCt5k$vVfm/aEGQoAgQCP6TQi/l.",
            "Apache's MD5 hash ($apr1$)",
            REHASH,
        ),
        (
            "$1$l5uCIjk7$puMs4w4/WWFD/0zHljNNY.",
            "MD5 crypt ($1$)",
            REHASH,
        ),
        (
            "$md5,rounds=33825$vHVKKDXK$$YO77YVFWNjnzxbIFUGesG.",
            "Sun's MD5 crypt ($md5)",
            REHASH,
        ),
        (
            "$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq",
            "SHA-1 crypt ($sha1$)",
            REHASH,
        ),
        (
            "$3$$cfc43211ba8dc470832267827cac1407",
            "an NT hash ($3$)",
            REHASH,
        ),
        (
            "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
            "bcrypt as a faulty crypt_blowfish made it ($2x$), where many passwords share a hash,",
            REHASH,
        ),
        (
            "$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "the first form of bcrypt ($2$)",
            REHASH,
        ),
        (
            "$y$j9T$Yd4zshL.UXJmr3ruQeKx6.$fwDg7VljdPb6tlFUfaTOr3iFMLWeSUFFcW80zrimuwA",
            "yescrypt ($y$)",
            REHASH,
        ),
        (
            "$gy$j9T$/JpItAQv1nFmkd.53qpyW.$.yBPBNgAtxC8PwlVjfU72Hir81sfcDtefQbpUaB6TNA",
            "gost-yescrypt ($gy$)",
            REHASH,
        ),
        (
            "$7$CU..../....IL/vLq8evqpDH8RAhbBhr/$8SG0fufJGrnDcUxoPTYbYYQDPm5QANl4ojOCBLSSBL6",
            "scrypt ($7$)",
            REHASH,
        ),
        (
            "$scrypt$ln=4,r=8,p=1$hRBibI3xvvdeK2Usxfhf6w$PZo3VbG8qQrWxzkpCd3HTmFvwCjSyJu/FlXz6E9pF7Y",
            "scrypt ($scrypt$)",
            REHASH,
        ),
        (
            "scrypt$16384$pfOj7YH82Abi7niQ0h22rO$8$5$WKBjeHAzGWNhIGFQPAfkk/i1KI0g4fwhj2affQR4IVSlQcD/esZy5PNL2A9TQ5dErsHsyFVgSCZ/HxPz8ergUg==",
            "scrypt",
            REHASH,
        ),
        (
            "$pbkdf2$131000$Qcj5P6f0/p/T2htDiJGScg$9UPLD8KIBYyXJut04r/Wd2GwgbY",
            "PBKDF2 with SHA-1 ($pbkdf2$)",
            REHASH,
        ),
        (
            "$pbkdf2-sha1$i=1000$AAAA$AAAA",
            "PBKDF2 with SHA-1 ($pbkdf2-sha1$)",
            REHASH,
        ),
        (
            "pbkdf2_sha1$1000000$CYlUs95V2VJjByITvpSZgL$g7KGbwTGFot5eIuc0W3X94U0Z/M=",
            "PBKDF2 with SHA-1 (pbkdf2_sha1)",
            REHASH,
        ),
        (
            "$pbkdf2-sha512$25000$Xus9ZwyBUAph7P3/31tLKQ$sMAjtpgB1u9jlB9ADS.LLN/eatAUnh0FprfTYFL9z54/ZCmJiZcY.9f351xZHujXCTpFkF38TYcMMhJlP7YzWA",
            "PBKDF2 with SHA-512 ($pbkdf2-sha512$)",
            REHASH,
        ),
        (
            "pbkdf2:sha256:600000$salt$0011",
            "Werkzeug's form of PBKDF2",
            REHASH,
        ),
        (
            "$bcrypt-sha256$v=2,t=2b,r=4$dCMqlVTuKux1u2yThidR3e$qmuowWGLiZ5jb230W8qku2NVeAVRL/.",
            "passlib's bcrypt of a SHA-256 ($bcrypt-sha256$)",
            REHASH,
        ),
        (
            "bcrypt_sha256$$2b$12$6TwoGoyYul2cXUSpvWNbEOS13/r4JlOqnIe79ViL5hqlydJ6UdYp2",
            "Django's bcrypt of a SHA-256 (bcrypt_sha256)",
            REHASH,
        ),
        (
            "bcrypt$$2b$12$pP3C74JOblPdke4gF4yLRO0JACE/vuyLVRGd3XdEZhfwEOIMrSb6a",
            "Django's form of bcrypt (bcrypt$$2b$)",
            UNWRAP,
        ),
        (
            "argon2$argon2id$v=19$m=102400,t=2,p=8$REN5b05HY0RjeVZVbWQyNTZNSXdYTg$2IwsvKReBe6lCpeZNN/tkVOcyS6pwh5f0vY2dGcauYE",
            "Django's form of argon2 (argon2$argon2id$)",
            UNWRAP,
        ),
        (
            "$$2y$$05$$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2",
            "a hash whose `$` are doubled",
            "write each of them once",
        ),
        (
            "{CRYPT}$2y$05$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2",
            "a hash of LDAP's {CRYPT}",
            UNWRAP,
        ),
        ("{crypt}d6KgFaTbRuLEo", "a hash of LDAP's {CRYPT}", UNWRAP),
        (
            "{bcrypt}$2y$05$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2",
            "Spring's form of bcrypt ({bcrypt})",
            UNWRAP,
        ),
        (
            "{ARGON2}$argon2id$v=19",
            "a wrapped argon2 ({argon2})",
            UNWRAP,
        ),
        (
            "{MD5}1B2M2Y8AsgTpgAmY7PhCfg==",
            "an MD5 hash ({MD5})",
            REHASH,
        ),
        (
            "{SMD5}1B2M2Y8AsgTpgAmY7PhCfg==",
            "an MD5 hash ({SMD5})",
            REHASH,
        ),
        (
            "{SHA256}47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "a bare SHA-2 hash ({SHA256}, {SHA512})",
            REHASH,
        ),
        (
            "{SSHA512}AAAA",
            "a bare SHA-2 hash ({SSHA256}, {SSHA512})",
            REHASH,
        ),
        ("{PLAIN}secret", "a plain-text password ({PLAIN})", PLAIN),
        (
            "{CLEARTEXT}secret",
            "a plain-text password ({CLEARTEXT})",
            PLAIN,
        ),
        ("{noop}secret", "a plain-text password ({noop})", PLAIN),
        (
            "d6KgFaTbRuLEo",
            "a DES crypt hash (or a plain-text password)",
            REHASH,
        ),
        (
            "kzzkZXh3pfgIE",
            "a DES crypt hash (or a plain-text password)",
            REHASH,
        ),
        (
            "_J9..mZd/pdFRrYxckQw",
            "a DES crypt hash (or a plain-text password)",
            REHASH,
        ),
    ];
    for (text, what, instead) in cases {
        let error = PasswordHash::parse(text).unwrap_err();
        assert_eq!(error, ParseError::Unsupported { what, instead }, "{text}");
        assert_eq!(
            error.to_string(),
            format!("{what} is not accepted: {instead}")
        );
    }
    assert_eq!(
        refused::known(),
        cases.len() - 4,
        "a case for each that is known"
    );
}
