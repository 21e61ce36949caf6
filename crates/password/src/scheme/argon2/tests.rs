//! argon2 of other implementations.

use crate::hash::tests::{Vector, parse_errors, verifies};

/// `src/test.c` and the README of the reference implementation, all up to 64 MiB.
const REFERENCE: &[Vector] = &[
    (
        b"password",
        "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
    ),
    (
        b"password",
        "$argon2i$m=256,t=2,p=2$c29tZXNhbHQ$tsEVYKap1h6scGt5ovl9aLRGOqOth+AMB+KwHpDFZPs",
    ),
    (
        b"password",
        "$argon2i$m=65536,t=1,p=1$c29tZXNhbHQ$gWMFUrjzsfSM2xmSxMZ4ZD1JCytetP9sSzQ4tWIXJLI",
    ),
    (
        b"password",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
    ),
    (
        b"password",
        "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E",
    ),
    (
        b"password",
        "$argon2i$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$0WgHXE2YXhPr6uVgz4uUw7XYoWxRkWtvSsLaOsEbvs8",
    ),
    (
        b"password",
        "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG",
    ),
    (
        b"password",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    ),
    (
        b"password",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    ),
    (
        b"password",
        "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg",
    ),
    (
        b"differentpassword",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
    ),
    (
        b"password",
        "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw",
    ),
    (
        b"password",
        "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
    ),
    (
        b"password",
        "$argon2i$m=65536,t=4,p=1$c29tZXNhbHQ$8hLwFhXm6110c03D70Ct4tUdBSRo2MaUQKOh8sHChHs",
    ),
    (
        b"differentpassword",
        "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$6ckCB0tnVFMaOgvlGeW69ASzDOabPwGsO/ISKZYBCaM",
    ),
    (
        b"password",
        "$argon2i$m=65536,t=2,p=1$ZGlmZnNhbHQ$eaEDuQ/orvhXDLMfyLIiWXeJFvgza3vaw4kladTxxJc",
    ),
    (
        b"password",
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ),
    (
        b"password",
        "$argon2i$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$qqlT1YrzcGzj3xrv1KZKhOMdf1QXUjHxKFJZ+IF0zls",
    ),
    (
        b"differentpassword",
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$FK6NoBr+qHAMI1jc73xTWNkCEoK9iGY6RWL1n7dNIu4",
    ),
    (
        b"password",
        "$argon2i$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$sDV8zPvvkfOGCw26RHsjSMvv7K2vmQq/6cxAcmxSEnE",
    ),
    (
        b"password",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ),
    (
        b"password",
        "$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGiUghW9jFyw",
    ),
];

/// Made with argon2-cffi 25.1.0.
const MADE: &[Vector] = &[
    (
        b"correct horse",
        "$argon2d$v=19$m=64,t=2,p=2$PAK2aOlKjovCGydojWKIfg$VlsmKLGd1dx/sUIl0BYkL7WusPnPebzFDpwxXV7AoWA",
    ),
    (
        b"correct horse",
        "$argon2i$v=19$m=64,t=2,p=2$WMuTXtEBgbOvPmCcXSghEQ$WM8jVjaR8i2vl25cqfGTV1E7UWtJuZ4WObDhgIXu+gs",
    ),
    (
        b"correct horse",
        "$argon2id$v=19$m=64,t=2,p=2$4yDV2NctoY236lAbgVSo5A$TQMKo+4nylDAsflT7xQ3IT0zg+CT6AylBcf8VB7o7+0",
    ),
    (
        b"",
        "$argon2d$v=19$m=64,t=2,p=2$vhxx74Ari8//ueIExNkmbw$q3G/CRlA3BTC+cq7KGyx9DxMpoNAjbEndIeDXCehS24",
    ),
    (
        b"",
        "$argon2i$v=19$m=64,t=2,p=2$Vj0IMObWyXZJFQTLT/rNdA$r6og+T67cuo4svoYIe/K4mX5QU4jLyMNqDIYJrr4s9g",
    ),
    (
        b"",
        "$argon2id$v=19$m=64,t=2,p=2$uYaRBGfUUjgcx8K06N0XUw$kx/zdQOT1UVFJ38mRT/EaVYF8radgUs3ebN1wrlLfJA",
    ),
    (
        "pässwörd".as_bytes(),
        "$argon2id$v=19$m=64,t=2,p=2$68/sAoqBLdEWuo0eet2Sew$tYuSsaF9oJ2OhMaXs4UddPw0TFH33RQz2CmJpStBo3k",
    ),
    (
        &[b'x'; 256],
        "$argon2id$v=19$m=64,t=2,p=2$7a3vPXxMWLiz3uGjsUtdCg$Tfqm9xAVWxAeJ67sBF90fT5X+4ZqLQPM1ACJYDGjWzI",
    ),
    // A salt of 32 bytes and a hash of 64, then of 8 and 16; the defaults.
    (
        b"correct horse",
        "$argon2id$v=19$m=40,t=1,p=5$FIjnsORoNXKCV2pGNaxEkXonGGHxHn4xGhwWH7XxFSI$cGwW26BBki6UdzxlF+FQEfwYnHBevpL14u503zIClLQVbBhlOHZ9jFYSezKV1fr/h6Uj0Lw4PqEhV2u+ZWq15A",
    ),
    (
        b"correct horse",
        "$argon2id$v=19$m=8,t=1,p=1$V9YG4cWuchk$dFweq3+Hja9O9Y+ugzGAGQ",
    ),
    (
        b"correct horse",
        "$argon2id$v=19$m=65536,t=3,p=4$mXPkdEf/oJOKlPvL2Mp54Q$WHzgxv4ijsR87OrW6IH3E6pFox19QK67RsI/VI+oR9Y",
    ),
];

#[test]
fn others_hashes_are_verified() {
    verifies(REFERENCE);
    verifies(MADE);
}

#[test]
fn version_16_may_be_named() {
    verifies(&[(
        b"password",
        "$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
    )]);
}

#[test]
fn malformed() {
    const FIELDS: &str = "argon2id: must end in `$m=…,t=…,p=…$salt$hash`";
    const PARAMETERS: &str = "argon2id: the parameters must be `m=…,t=…,p=…`, in this order";
    const VERSION: &str = "argon2id: the version must be `v=19` or `v=16`";
    const SALT: &str = "argon2id: the salt must be 8 to 64 bytes in base64 without padding";
    const HASH: &str = "argon2id: the hash must be 16 to 64 bytes in base64 without padding";
    const LIMIT: &str = "one verification may take no more than about 3 s and 64 MiB of a worker";
    let salt_65 = "A".repeat(87);
    let hash_65 = "A".repeat(87);
    let with = |parameters: &str| {
        format!(
            "$argon2id$v=19${parameters}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
        )
    };
    parse_errors(&[
        ("nothing after", "$argon2id$", FIELDS),
        (
            "no hash",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
            FIELDS,
        ),
        (
            "no parameters",
            "$argon2id$v=19$c29tZXNhbHQ$nf65EOgLrQMR",
            FIELDS,
        ),
        (
            "a further field",
            &format!("{}$x", with("m=256,t=2,p=1")),
            FIELDS,
        ),
        (
            "no separator before the salt (reference)",
            "$argon2i$m=65536,t=2,p=1c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2i: must end in `$m=…,t=…,p=…$salt$hash`",
        ),
        (
            "no separator after the salt (reference)",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQwWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
            "argon2i: must end in `$m=…,t=…,p=…$salt$hash`",
        ),
        (
            "no salt (reference)",
            "$argon2i$m=65536,t=2,p=1$$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2i: the salt must be 8 to 64 bytes in base64 without padding",
        ),
        (
            "version 18",
            "$argon2id$v=18$m=256,t=2,p=1$c29tZXNhbHQ$AAAA",
            VERSION,
        ),
        (
            "version 0x13",
            "$argon2id$v=0x13$m=256,t=2,p=1$c29tZXNhbHQ$AAAA",
            VERSION,
        ),
        ("only a version", "$argon2id$v=19", VERSION),
        (
            "parameters in another order",
            &with("t=2,m=256,p=1"),
            PARAMETERS,
        ),
        ("a parameter missing", &with("m=256,t=2"), PARAMETERS),
        ("a parameter twice", &with("m=256,t=2,t=2,p=1"), PARAMETERS),
        (
            "a parameter of old",
            &with("m=256,t=2,p=1,keyid=Zm9v"),
            PARAMETERS,
        ),
        (
            "a space",
            &with("m=256, t=2,p=1"),
            "has white space, a control character or a letter beyond ASCII, which no hash has",
        ),
        (
            "m no number",
            &with("m=x,t=2,p=1"),
            "argon2id: m must be a decimal number",
        ),
        (
            "m with a zero before",
            &with("m=0256,t=2,p=1"),
            "argon2id: m must be a decimal number",
        ),
        (
            "m of 7",
            &with("m=7,t=2,p=1"),
            "argon2id: m is 7, and must be at least 8",
        ),
        (
            "m over 64 MiB",
            &with("m=65537,t=2,p=1"),
            &format!("argon2id: m is 65537, and must be at most 65536: {LIMIT}"),
        ),
        (
            "Django's m",
            &with("m=102400,t=2,p=8"),
            &format!("argon2id: m is 102400, and must be at most 65536: {LIMIT}"),
        ),
        (
            "m of 4 TiB",
            &with("m=4294967296,t=2,p=1"),
            &format!("argon2id: m is 4294967296, and must be at most 65536: {LIMIT}"),
        ),
        (
            "t of 0",
            &with("m=256,t=0,p=1"),
            "argon2id: t is 0, and must be at least 1",
        ),
        (
            "t of 33",
            &with("m=256,t=33,p=1"),
            &format!("argon2id: t is 33, and must be at most 32: {LIMIT}"),
        ),
        (
            "p of 0",
            &with("m=256,t=2,p=0"),
            "argon2id: p is 0, and must be at least 1",
        ),
        (
            "p of 17",
            &with("m=256,t=2,p=17"),
            &format!("argon2id: p is 17, and must be at most 16: {LIMIT}"),
        ),
        (
            "m less than 8 p",
            &with("m=127,t=2,p=16"),
            "argon2id: m must be at least 8 times p",
        ),
        (
            "a salt of 7 bytes",
            "$argon2id$v=19$m=256,t=2,p=1$AAAAAAAAAA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            SALT,
        ),
        (
            "a salt of 65 bytes",
            &format!(
                "$argon2id$v=19$m=256,t=2,p=1${salt_65}$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
            ),
            SALT,
        ),
        (
            "a salt with padding",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            SALT,
        ),
        (
            "a salt with stray bits",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            SALT,
        ),
        (
            "a hash of 15 bytes",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4r",
            HASH,
        ),
        (
            "a hash of 65 bytes",
            &format!("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ${hash_65}"),
            HASH,
        ),
        (
            "a hash with padding",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=",
            HASH,
        ),
        (
            "a hash cut by one",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/",
            HASH,
        ),
    ]);
}
