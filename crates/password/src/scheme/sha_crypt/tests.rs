//! SHA-crypt of other implementations.

use crate::hash::tests::{Vector, parse_errors, verifies};

const LONGER: &[u8] =
    b"a very much longer text to encrypt.  This one even stretches over morethan one line.";

/// All vectors of Ulrich Drepper's specification: what `crypt` gives for its salts that are too long
/// and its rounds that are too few.
const DREPPER: &[Vector] = &[
    (
        b"Hello world!",
        "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
    ),
    (
        b"Hello world!",
        "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
    ),
    (
        b"This is just a test",
        "$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5",
    ),
    (
        LONGER,
        "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
    ),
    (
        b"we have a short salt string but not a short password",
        "$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/",
    ),
    (
        b"a short string",
        "$5$rounds=123456$asaltof16chars..$gP3VQ/6X7UUEW3HkBn2w1/Ptq2jxPyzV/cZKmF/wJvD",
    ),
    (
        b"the minimum number is still observed",
        "$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC",
    ),
    (
        b"Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    (
        b"Hello world!",
        "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
    ),
    (
        b"This is just a test",
        "$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0",
    ),
    (
        LONGER,
        "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
    ),
    (
        b"we have a short salt string but not a short password",
        "$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0",
    ),
    (
        b"a short string",
        "$6$rounds=123456$asaltof16chars..$BtCwjqMJGx5hrJhZywWvt0RLE8uZ4oPwcelCjmw2kSYu.Ec6ycULevoBK25fs2xXgMNrCzIMVcgEJAstJeonj1",
    ),
    (
        b"the minimum number is still observed",
        "$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.",
    ),
];

const MADE: &[Vector] = &[
    // htpasswd of Apache 2.4.71: -2 and -5, without and with -r.
    (
        b"correct horse",
        "$5$OkRaUJRjgTcjPlS2$voP4fETQ71Kii01FT86hvnUyqV0oEr321YsbBTMfeRB",
    ),
    (
        b"correct horse",
        "$6$oQzkn4per68mr9qr$F.O.ZHCv247zAfkRwC3FJjZZzPaAvY5rQuKP//c6.NSD0PY2zHJthWYMYyuyQmBQGE0MZLOXoMmKqy9RlYrlu.",
    ),
    (
        b"correct horse",
        "$5$rounds=1000$bXfQ4Jfin/JDlb0O$6yPthX9PoHPiAGjWMJyDqk/l8Qp9ufd2wJCJngT091.",
    ),
    (
        b"correct horse",
        "$6$rounds=12345$6YKp/L4Z3i.jhy1m$zXBZb8dA7scVPtV8eC4D8F1KqVMmcYoaa5vnIFiZulQtYZStxKV4oxsVC1yE/NuqrkMsuComwHZqOmJOfPvCY0",
    ),
    // mkpasswd (libxcrypt of Debian 12).
    (
        b"correct horse",
        "$6$i4yKWSU8rcy6OTrP$JcNCza2w4ux22c2Y7F0woz4O4UyFRWBWZGhQqMTIByjVl7QsYGhxEhflSW7MfiwU7hxNjrDEiqMBGRHTZSmqX/",
    ),
    (
        b"correct horse",
        "$5$MHm7OCPm8.GVhoov$Dqcd6PGJk8mjmGWDGZZYAY0KlZib3aYKKEjTyFaE9rB",
    ),
    // OpenSSL 3.0.19, a salt with other characters among it.
    (
        b"correct horse",
        "$6$a-b_c$H2BYuA60J4U.cNrTmLm5paOnND.93TS41ORotX3R9RQQ6XoS2NQldPcXFK3Jsmn5Beq5SarIaCS7OnM1G3DkI1",
    ),
    (
        b"correct horse",
        "$5$NKQ6aZQt8nKRTKv2$zNvvIx5yJljZYYR947AS9.8gJJsl5Y1lgHET0FhTFT.",
    ),
    // passlib 1.7.4, no salt among it.
    (
        b"correct horse",
        "$5$rounds=1000$dO6Rg9/pwn2wxJyk$VUqoS9B8954ogt.ubBLtdBrO/nOKdzZbg1LbK0bQLaD",
    ),
    (
        b"correct horse",
        "$5$rounds=1000$$Qq2SZC3NeUzIDXheJm.s6eO00IPVPLvCg7WU75UqFx.",
    ),
    (
        b"",
        "$5$rounds=1000$yySfKdQsB6A0PlJ4$h7cAESw34lBjxp8TXlYhyJIASxt66oDCuliElzVhsID",
    ),
    (
        b"",
        "$6$rounds=1000$2AZPG1VWQXL6JJaT$ACzw6fASg0kw56MwPzgavOA8gAMU1IiOgWnLw2w68dHeKIX2B3.zrWt/1fKiBbFRC9LqLDSeJ2deDfwp09pEn/",
    ),
    (
        "pässwörd".as_bytes(),
        "$6$rounds=1000$7p/s7kNKHilNg1wp$OqykYKuTirYBVptQ45XwmhqqpWDLby/DifGGuiwqM6doLkuRg4p08/TawPZ93.ipAtqUllB.ms9TzRhOjL5UQ.",
    ),
    (
        &[b'x'; 256],
        "$5$rounds=1000$YY/Uklaj7FswXdVb$IGI3yx/X5DrtX09nKyWmmqwgAMGC9taKdu2Ma3U3wX3",
    ),
    // Python's crypt (glibc of Debian 12).
    (
        b"",
        "$5$rounds=5000$xxxxxxxxxxxxxxxx$m32qKAVPPqgdgLMm0tMvD34z4me.SZ3lEshTTPa4qZ1",
    ),
    (
        &[b'x'; 256],
        "$6$rounds=1000$54HeaCNbaNjOAYgo$E1m.m/Cepk/eLun5fb/q37bmBvLlGedO.89K5UM4l85iRvTj0QwVLT.Niq46TDV1JVJIfVSQRVB6gG5FmbWoc/",
    ),
];

#[test]
fn others_hashes_are_verified() {
    verifies(DREPPER);
    verifies(MADE);
}

#[test]
fn malformed() {
    const FIELDS: &str = "SHA-256-crypt: must have a salt and a hash, each after a `$`, and maybe `rounds=…$` before";
    const NUMBER: &str = "SHA-256-crypt: rounds must be a decimal number";
    const SALT: &str =
        "SHA-256-crypt: the salt must be at most 16 characters, without any of `:;*!\\`";
    const HASH: &str = "SHA-256-crypt: the hash must be 43 characters of `./0-9A-Za-z`, the last one of `./0-9A-D`";
    const HASH_512: &str =
        "SHA-512-crypt: the hash must be 86 characters of `./0-9A-Za-z`, the last one of `./01`";
    const MOST: &str = "and must be at most 1000000: one verification may take no more than about 3 s and 64 MiB of a worker";
    let hash = "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
    parse_errors(&[
        ("nothing after", "$5$", FIELDS),
        ("only a salt", "$5$saltstring", FIELDS),
        ("only rounds", "$5$rounds=10000", FIELDS),
        ("rounds and a salt", "$5$rounds=10000$saltstring", FIELDS),
        ("a further field", &format!("$5$salt${hash}$"), FIELDS),
        (
            "rounds twice",
            &format!("$5$rounds=1000$rounds=1000$salt${hash}"),
            FIELDS,
        ),
        ("no rounds", &format!("$5$rounds=$salt${hash}"), NUMBER),
        (
            "rounds of letters",
            &format!("$5$rounds=1e4$salt${hash}"),
            NUMBER,
        ),
        (
            "a zero before",
            &format!("$5$rounds=05000$salt${hash}"),
            NUMBER,
        ),
        ("a sign", &format!("$5$rounds=-1$salt${hash}"), NUMBER),
        (
            "rounds of 10 (Drepper)",
            &format!("$5$rounds=10$roundstoolow${hash}"),
            "SHA-256-crypt: rounds is 10, and must be at least 1000",
        ),
        (
            "rounds of 999",
            &format!("$5$rounds=999$salt${hash}"),
            "SHA-256-crypt: rounds is 999, and must be at least 1000",
        ),
        (
            "rounds of 1000001",
            &format!("$5$rounds=1000001$salt${hash}"),
            &format!("SHA-256-crypt: rounds is 1000001, {MOST}"),
        ),
        (
            "the most of the specification",
            &format!("$6$rounds=999999999$salt${hash}"),
            &format!("SHA-512-crypt: rounds is 999999999, {MOST}"),
        ),
        (
            "more than the specification has",
            &format!("$6$rounds=1000000000$salt${hash}"),
            &format!("SHA-512-crypt: rounds is 1000000000, {MOST}"),
        ),
        (
            "a salt of 17",
            &format!("$5$saltstringsaltstr${hash}"),
            SALT,
        ),
        ("a colon in the salt", &format!("$5$sa:lt${hash}"), SALT),
        (
            "a backslash in the salt",
            &format!("$5$sa\\lt${hash}"),
            SALT,
        ),
        ("no hash", "$5$saltstring$", HASH),
        (
            "a hash cut by one",
            "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc",
            HASH,
        ),
        (
            "a hash longer by one",
            &format!("$5$saltstring${hash}5"),
            HASH,
        ),
        (
            "a character of no base64",
            "$5$saltstring$5B8vYYiY+CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
            HASH,
        ),
        (
            "a last character of 5 bits",
            "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEcE",
            HASH,
        ),
        (
            "SHA-512 named SHA-256",
            "$5$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            HASH,
        ),
        (
            "SHA-256 named SHA-512",
            &format!("$6$saltstring${hash}"),
            HASH_512,
        ),
        (
            "a last character of 3 bits",
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz2",
            HASH_512,
        ),
    ]);
}
