//! bcrypt of other implementations.

use crate::PasswordHash;
use crate::hash::tests::{Vector, parse_errors, verifies};

const DIGITS: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The test vectors of Openwall's crypt_blowfish (`wrapper.c`), without `$2x$` and what is below.
const OPENWALL: &[Vector] = &[
    (
        b"U*U",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ),
    (
        b"U*U*",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
    ),
    (
        b"U*U*U",
        "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a",
    ),
    (
        DIGITS.as_bytes(),
        "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    ),
    (
        b"\xff\xff\xa3",
        "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
    ),
    (
        b"\xff\xff\xa3",
        "$2b$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
    ),
    (
        b"\xa3",
        "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq",
    ),
    (
        b"\xa3",
        "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq",
    ),
    (
        b"\xa3",
        "$2b$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq",
    ),
    (
        b"\xff\xa334\xff\xff\xff\xa3345",
        "$2y$05$/OK.fbVrR/bpIqNJ5ianF.o./n25XVfn6oAPaUvHe.Csk4zRfsYPi",
    ),
    (
        b"\xff\xa3345",
        "$2y$05$/OK.fbVrR/bpIqNJ5ianF.nRht2l/HRhr6zmCp9vYUvvsqynflf9e",
    ),
    (
        b"\xff\xa3345",
        "$2a$05$/OK.fbVrR/bpIqNJ5ianF.nRht2l/HRhr6zmCp9vYUvvsqynflf9e",
    ),
    (
        b"\xa3ab",
        "$2a$05$/OK.fbVrR/bpIqNJ5ianF.6IflQkJytoRVc1yuaNtHfiuq.FRlSIS",
    ),
    (
        b"\xa3ab",
        "$2y$05$/OK.fbVrR/bpIqNJ5ianF.6IflQkJytoRVc1yuaNtHfiuq.FRlSIS",
    ),
    (
        &[0xaa; 72],
        "$2a$05$/OK.fbVrR/bpIqNJ5ianF.swQOIzjOiJ9GHEPuhEkvqrUyvWhEMx6",
    ),
    (
        &alternating([0xaa, 0x55]),
        "$2a$05$/OK.fbVrR/bpIqNJ5ianF.R9xrDjiycxMbQE2bp.vgqlYpW5wx2yy",
    ),
    (
        &alternating([0x55, 0xaa, 0xff]),
        "$2a$05$/OK.fbVrR/bpIqNJ5ianF.9tQZzcJfm3uj2NvJ/n5xkhpqLrMpWCe",
    ),
    (
        b"",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy",
    ),
];

/// The vectors of jBCrypt, which OpenBSD's regression tests have too.
const JBCRYPT: &[Vector] = &[
    (
        b"",
        "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
    ),
    (
        b"",
        "$2a$08$HqWuK6/Ng6sg9gQzbLrgb.Tl.ZHfXLhvt/SgVyWhQqgqcZ7ZuUtye",
    ),
    (
        b"",
        "$2a$10$k1wbIrmNyFAPwPVPSVa/zecw2BCEnBwVS2GbrmgzxFUOqW9dk4TCW",
    ),
    (
        b"",
        "$2a$12$k42ZFHFWqBp3vWli.nIn8uYyIkbvYRvodzbfbK18SSsY.CsIQPlxO",
    ),
    (
        b"a",
        "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
    ),
    (
        b"a",
        "$2a$08$cfcvVd2aQ8CMvoMpP2EBfeodLEkkFJ9umNEfPD18.hUF62qqlC/V.",
    ),
    (
        b"a",
        "$2a$10$k87L/MF28Q673VKh8/cPi.SUl7MU/rWuSiIDDFayrKk/1tBsSQu4u",
    ),
    (
        b"a",
        "$2a$12$8NJH3LsPrANStV6XtBakCez0cKHXVxmvxIlcz785vxAIZrihHZpeS",
    ),
    (
        b"abc",
        "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
    ),
    (
        b"abc",
        "$2a$08$Ro0CUfOqk6cXEKf3dyaM7OhSCvnwM9s4wIX9JeLapehKK5YdLxKcm",
    ),
    (
        b"abc",
        "$2a$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi",
    ),
    (
        b"abc",
        "$2a$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q",
    ),
    (
        b"abcdefghijklmnopqrstuvwxyz",
        "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC",
    ),
    (
        b"abcdefghijklmnopqrstuvwxyz",
        "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz.",
    ),
    (
        b"abcdefghijklmnopqrstuvwxyz",
        "$2a$10$fVH8e28OQRj9tqiDXs1e1uxpsjN0c7II7YPKXua2NAKYvM6iQk7dq",
    ),
    (
        b"abcdefghijklmnopqrstuvwxyz",
        "$2a$12$D4G5f18o7aMMfwasBL7GpuQWuP3pkrZrOAnqP.bmezbMng.QwJ/pG",
    ),
    (
        b"~!@#$%^&*()      ~!@#$%^&*()PNBFRD",
        "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO",
    ),
    (
        b"~!@#$%^&*()      ~!@#$%^&*()PNBFRD",
        "$2a$08$Eq2r4G/76Wv39MzSX262huzPz612MZiYHVUJe/OcOql2jo4.9UxTW",
    ),
    (
        b"~!@#$%^&*()      ~!@#$%^&*()PNBFRD",
        "$2a$10$LgfYWkbzEvQ4JakH7rOvHe0y8pHKF9OaFgwUZ2q7W2FFZmZzJYlfS",
    ),
    (
        b"~!@#$%^&*()      ~!@#$%^&*()PNBFRD",
        "$2a$12$WApznUOJfkEGSmYRfnkrPOr466oFDCaj4b6HY3EXGvfxm43seyhgC",
    ),
];

/// Made with htpasswd of Apache 2.4.71, mkpasswd (libxcrypt of Debian 12) and Python's bcrypt 4.0.1.
const MADE: &[Vector] = &[
    (
        b"correct horse",
        "$2y$05$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2",
    ),
    (
        b"",
        "$2y$04$gha4Vy0G3mklrr0fNm1K9On0D0kQZecZPCmWXNuWkiJ1MB2n4Tl3i",
    ),
    (
        "pässwörd".as_bytes(),
        "$2y$04$R287rd7iT//bVdu5dW/XJuq4n2n3R.scNbvxicwykVBZpzBbEJcXG",
    ),
    (
        b"correct horse",
        "$2b$05$t13uufUDvnKKwro4KXZxsOtbCl/XGkElAuw.8/IMEPBCiafiAC7GO",
    ),
    (
        b"correct horse",
        "$2a$05$cKQOuLox04BraKvjm5kkuOqEN73djMMalmNxcrgxU57btUcj1HUPm",
    ),
    (
        b"correct horse",
        "$2b$04$JEyjvFL3SqAI07fITKGn7.uDEsV0GZQ7gGISSdnjO344mJIzYOywe",
    ),
    (
        b"",
        "$2b$04$6t4a20sPUutmp8jwkPqp9.BIMJUqNAYXDa.3OfihNP7Yb1TvB67Q6",
    ),
    (
        "pässwörd".as_bytes(),
        "$2b$04$P1aX3fWx1E3w5jOQyqzJ4eib1oeSlbbirARKOjsJ6uUyoS5fE8lMe",
    ),
];

const fn alternating<const N: usize>(pattern: [u8; N]) -> [u8; 72] {
    let mut bytes = [0; 72];
    let mut index = 0;
    while index < bytes.len() {
        bytes[index] = pattern[index % N];
        index += 1;
    }
    bytes
}

#[test]
fn others_hashes_are_verified() {
    verifies(OPENWALL);
    verifies(JBCRYPT);
    verifies(MADE);
}

/// crypt_blowfish alters what it makes for `$2a$` of passwords that its old fault made weak. Nobody
/// else does, so its hash does not match.
#[test]
fn the_countermeasure_of_crypt_blowfish_is_not_known() {
    let cases: &[Vector] = &[
        (
            b"\xff\xff\xa3",
            "$2a$05$/OK.fbVrR/bpIqNJ5ianF.nqd1wy.pTMdcvrRWxyiGL2eMz.2a85.",
        ),
        (
            b"\xff\xa334\xff\xff\xff\xa3345",
            "$2a$05$/OK.fbVrR/bpIqNJ5ianF.ZC1JEJ8Z4gPfpe1JOr/oyPXTWl9EFd.",
        ),
    ];
    for (password, hash) in cases {
        assert!(
            !PasswordHash::parse(hash).unwrap().verify(password),
            "{hash}"
        );
    }
}

#[test]
fn what_bcrypt_does_not_look_at_is_refused() {
    let seventy_two = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    let abc = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
    let empty = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy";
    let longer = |rest: &str| format!("{DIGITS}{rest}").into_bytes();
    let cases = [
        ("72 bytes", seventy_two, longer(""), true),
        ("73 bytes", seventy_two, longer("c"), false),
        // Openwall's vector, which others let in.
        (
            "98 bytes",
            seventy_two,
            longer("chars after 72 are ignored"),
            false,
        ),
        ("72 bytes and a NUL", seventy_two, longer("\0"), false),
        (
            "71 bytes",
            seventy_two,
            DIGITS.as_bytes()[..71].to_vec(),
            false,
        ),
        ("no NUL", abc, b"abc".into(), true),
        ("a NUL at the end", abc, b"abc\0".into(), false),
        // The key is repeated to 72 bytes, so without a check this would be `abc`.
        ("repeated with NUL", abc, b"abc\0abc".into(), false),
        ("a NUL within", abc, b"abc\0def".into(), false),
        ("nothing", empty, b"".into(), true),
        ("only a NUL", empty, b"\0".into(), false),
        ("two NUL", empty, b"\0\0".into(), false),
    ];
    for (name, hash, password, expected) in cases {
        let verified = PasswordHash::parse(hash).unwrap().verify(&password);
        assert_eq!(verified, expected, "{name}");
    }
}

#[test]
fn malformed() {
    const SHAPE: &str =
        "bcrypt: must be `$2b$`, two digits of cost, `$` and 53 characters of `./A-Za-z0-9`";
    const SALT: &str =
        "bcrypt: the salt must be 22 characters of `./A-Za-z0-9`, the last one of `.Oeu`";
    const DIGEST: &str = "bcrypt: 31 characters of `./A-Za-z0-9` must follow the salt, with no stray bits in the last";
    const TOO_HIGH: &str = "and must be at most 15: one verification may take no more than about 3 s and 64 MiB of a worker";
    parse_errors(&[
        ("nothing after", "$2b$", SHAPE),
        ("no salt", "$2b$10$", SHAPE),
        ("only a salt", "$2b$10$CCCCCCCCCCCCCCCCCCCCC.", DIGEST),
        ("a salt too short", "$2b$10$CCCCCCCCCCCCCCCCCCCCC", SHAPE),
        (
            "one digit of cost",
            "$2b$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            SHAPE,
        ),
        (
            "three digits of cost",
            "$2b$010$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            SHAPE,
        ),
        (
            "a cost of letters",
            "$2b$xx$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "bcrypt: cost must be a decimal number",
        ),
        (
            "a signed cost",
            "$2b$+5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "bcrypt: cost must be a decimal number",
        ),
        (
            "cost 0",
            "$2b$00$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "bcrypt: cost is 0, and must be at least 4",
        ),
        (
            "cost 3 (Openwall)",
            "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "bcrypt: cost is 3, and must be at least 4",
        ),
        (
            "cost 16",
            "$2y$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            &format!("bcrypt: cost is 16, {TOO_HIGH}"),
        ),
        (
            "cost 32 (Openwall)",
            "$2a$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            &format!("bcrypt: cost is 32, {TOO_HIGH}"),
        ),
        (
            "one character less",
            "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
            DIGEST,
        ),
        (
            "one character more",
            "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
            DIGEST,
        ),
        (
            "a character of no base64",
            "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyO+W",
            DIGEST,
        ),
        (
            "stray bits of the hash",
            "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX",
            DIGEST,
        ),
        (
            "stray bits of the salt",
            "$2b$10$CCCCCCCCCCCCCCCCCCCCCCE5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            SALT,
        ),
        (
            "a character of no base64 in the salt",
            "$2b$10$CCCC+CCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            SALT,
        ),
        (
            "a further field",
            "$2b$10$CCCCCCCCCCCCCCCCCCCCC.$E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            DIGEST,
        ),
    ]);
}
