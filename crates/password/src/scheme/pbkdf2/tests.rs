//! PBKDF2-SHA256 of other implementations.

use crate::hash::tests::{Vector, parse_errors, verifies};

const MADE: &[Vector] = &[
    // passlib 1.7.4.
    (
        b"correct horse",
        "$pbkdf2-sha256$1000$qFXK2TtnbE2JcU7JubdWSg$/4Z0lOSfF6rxoV/u0J5Qmzg7QvnQLxW6wtFpilXdHSI",
    ),
    (
        b"correct horse",
        "$pbkdf2-sha256$1$4A$MUG5c5pLk.dMK0n3It9AYCFd/DPUsDtGxkpJPxcxJLs",
    ),
    (
        b"",
        "$pbkdf2-sha256$1000$894bQ2jtPWfMGcO49/7/nw$bRSLZVBR4BgcxmrStZyaDPS6Q/uansxSlkiNz2RbAPg",
    ),
    (
        "pässwörd".as_bytes(),
        "$pbkdf2-sha256$1000$pdQ6h3Du/V8LYYwxJuSccw$RAK18HbZDK.97N/JRkknL.6Rku8CQNLkwtfzokxsULY",
    ),
    (
        &[b'x'; 256],
        "$pbkdf2-sha256$1000$L.Wc8x7DeA/hvFeKUUppzQ$91hWuW/57W5YnyEwUsXCSgfb4TGPaASh6dqfsj7jhyk",
    ),
    // The same with `+`, which passlib reads too.
    (
        &[b'x'; 256],
        "$pbkdf2-sha256$1000$L+Wc8x7DeA/hvFeKUUppzQ$91hWuW/57W5YnyEwUsXCSgfb4TGPaASh6dqfsj7jhyk",
    ),
    // RustCrypto's pbkdf2 0.12.2.
    (
        b"correct horse",
        "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4Ofv/$S+9caDpDzbYxSC2wRcj0swK90vstRaGMTp21OFgVsDU",
    ),
    (
        "pässword".as_bytes(),
        "$pbkdf2-sha256$i=4096,l=32$MDEyMzQ1Njc4Ofv/$ak27RwkXiDDVtjNjCASqifuI0GiPUISMz9/R/eMCILU",
    ),
    // The same without `l`, as npm's @phc/pbkdf2 has it.
    (
        b"correct horse",
        "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4Ofv/$S+9caDpDzbYxSC2wRcj0swK90vstRaGMTp21OFgVsDU",
    ),
    // Django 5.2.19.
    (
        b"correct horse",
        "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
    ),
    (
        "pässwörd".as_bytes(),
        "pbkdf2_sha256$1000$lI0xz2rLhQXlrB9m0wT3uX$b+TWtWJv0RI62/q6XFS0NxrHi6M8uj9ScFdO2WykP10=",
    ),
    (
        b"a",
        "pbkdf2_sha256$1000000$YBClFZCEDf7mA5W1fDIF1y$YB9Cn1zKedXk7F8ElRlnMgnSdkudNSBuDoC9WQDwNxg=",
    ),
];

#[test]
fn others_hashes_are_verified() {
    verifies(MADE);
}

#[test]
fn malformed() {
    const FIELDS: &str =
        "PBKDF2-SHA256: must have the number of rounds, a salt and a hash, each after a `$`";
    const NUMBER: &str = "PBKDF2-SHA256: the number of rounds must be a decimal number";
    const LENGTH: &str = "PBKDF2-SHA256: after `i=…`, only `l=32` may follow";
    const SALT: &str = "PBKDF2-SHA256: the salt must be at least 1 byte in base64 without padding (Django's: text)";
    const HASH: &str =
        "PBKDF2-SHA256: the hash must be 32 bytes in base64 without padding (Django's: with)";
    const LEAST: &str = "PBKDF2-SHA256: the number of rounds is 0, and must be at least 1";
    const MOST: &str = "PBKDF2-SHA256: the number of rounds is 6000001, and must be at most 6000000: one verification may take no more than about 3 s and 64 MiB of a worker";
    parse_errors(&[
        ("nothing after", "$pbkdf2-sha256$", FIELDS),
        (
            "no hash",
            "$pbkdf2-sha256$1000$qFXK2TtnbE2JcU7JubdWSg",
            FIELDS,
        ),
        (
            "a further field",
            "$pbkdf2-sha256$1000$AAAA$AAAA$AAAA",
            FIELDS,
        ),
        ("Django's, no hash", "pbkdf2_sha256$1000$seasalt", FIELDS),
        ("PHC's, nothing after", "$pbkdf2-sha256$i=", FIELDS),
        ("rounds of letters", "$pbkdf2-sha256$1k$AAAA$AAAA", NUMBER),
        ("rounds of nothing", "$pbkdf2-sha256$$AAAA$AAAA", NUMBER),
        (
            "a zero before the rounds",
            "$pbkdf2-sha256$01$AAAA$AAAA",
            NUMBER,
        ),
        (
            "PHC's length in passlib's form",
            "$pbkdf2-sha256$1000,l=32$AAAA$AAAA",
            NUMBER,
        ),
        ("no rounds", "$pbkdf2-sha256$0$AAAA$AAAA", LEAST),
        (
            "PHC's, no rounds",
            "$pbkdf2-sha256$i=0,l=32$AAAA$AAAA",
            LEAST,
        ),
        ("Django's, no rounds", "pbkdf2_sha256$0$seasalt$AAAA", LEAST),
        ("too many rounds", "$pbkdf2-sha256$6000001$AAAA$AAAA", MOST),
        (
            "PHC's, too many rounds",
            "$pbkdf2-sha256$i=6000001$AAAA$AAAA",
            MOST,
        ),
        (
            "Django's, too many rounds",
            "pbkdf2_sha256$6000001$seasalt$AAAA",
            MOST,
        ),
        (
            "PHC's, a length of 64",
            "$pbkdf2-sha256$i=1000,l=64$AAAA$AAAA",
            LENGTH,
        ),
        (
            "PHC's, another order",
            "$pbkdf2-sha256$l=32,i=1000$AAAA$AAAA",
            NUMBER,
        ),
        (
            "PHC's, a further parameter",
            "$pbkdf2-sha256$i=1000,l=32,x=1$AAAA$AAAA",
            LENGTH,
        ),
        (
            "an empty salt",
            "$pbkdf2-sha256$1000$$/4Z0lOSfF6rxoV/u0J5Qmzg7QvnQLxW6wtFpilXdHSI",
            SALT,
        ),
        (
            "Django's, an empty salt",
            "pbkdf2_sha256$1000$$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
            SALT,
        ),
        (
            "a salt with padding",
            "$pbkdf2-sha256$1000$AA==$/4Z0lOSfF6rxoV/u0J5Qmzg7QvnQLxW6wtFpilXdHSI",
            SALT,
        ),
        (
            "PHC's, passlib's base64",
            "$pbkdf2-sha256$i=1000$L.Wc8x7DeA/hvFeKUUppzQ$AAAA",
            SALT,
        ),
        (
            "a hash of 31 bytes",
            "$pbkdf2-sha256$1000$AAAA$/4Z0lOSfF6rxoV/u0J5Qmzg7QvnQLxW6wtFpilXdHQ",
            HASH,
        ),
        (
            "a hash of 33 bytes",
            "$pbkdf2-sha256$1000$AAAA$/4Z0lOSfF6rxoV/u0J5Qmzg7QvnQLxW6wtFpilXdHSIA",
            HASH,
        ),
        (
            "a hash with padding",
            "$pbkdf2-sha256$1000$AAAA$/4Z0lOSfF6rxoV/u0J5Qmzg7QvnQLxW6wtFpilXdHSI=",
            HASH,
        ),
        (
            "a hash with stray bits",
            "$pbkdf2-sha256$1000$AAAA$/4Z0lOSfF6rxoV/u0J5Qmzg7QvnQLxW6wtFpilXdHSJ",
            HASH,
        ),
        (
            "Django's, a hash without padding",
            "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso",
            HASH,
        ),
        ("no hash but a separator", "$pbkdf2-sha256$1000$AAAA$", HASH),
    ]);
}
