use base64ct::{Base64UrlUnpadded, Encoding};

use super::*;
use crate::vectors::RFC7515_A1;

fn token(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let encode = Base64UrlUnpadded::encode_string;
    format!(
        "{}.{}.{}",
        encode(header),
        encode(payload),
        encode(b"signature")
    )
    .into_bytes()
}

#[test]
fn parts_are_what_was_sent() {
    let jws = Jws::parse(RFC7515_A1.as_bytes()).unwrap();
    let (signing_input, _) = RFC7515_A1.rsplit_once('.').unwrap();
    assert_eq!(jws.algorithm(), Algorithm::Hs256);
    assert_eq!((jws.kid(), jws.typ()), (None, Some("JWT")));
    assert_eq!(jws.signing_input(), signing_input.as_bytes());
    assert_eq!(jws.signature().len(), 32);
    // As printed in RFC 7515, appendix A.1.1.
    let payload =
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    assert_eq!(jws.payload(), payload.as_bytes());
    let claims = jws.claims().unwrap();
    assert_eq!(claims.get("iss"), Some(&Value::from("joe")));
    assert_eq!(claims.get("exp"), Some(&Value::from(1_300_819_380)));
}

#[test]
fn debug_shows_neither_payload_nor_signature() {
    let jws = Jws::parse(RFC7515_A1.as_bytes()).unwrap();
    assert_eq!(
        format!("{jws:?}"),
        r#"Jws { algorithm: Hs256, kid: None, typ: Some("JWT"), .. }"#
    );
}

/// Code and message of the refusal.
type Outcome = Result<(), (&'static str, &'static str)>;

#[test]
fn headers() {
    let (mal, alg, ext) = (
        "token_malformed",
        "algorithm_unsupported",
        "extension_unsupported",
    );
    #[rustfmt::skip]
    let cases: &[(&str, &[u8], Outcome)] = &[
        ("smallest", br#"{"alg":"ES256"}"#, Ok(())),
        ("kid and typ", br#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, Ok(())),
        ("b64 true", br#"{"alg":"ES256","b64":true}"#, Ok(())),
        ("another content type", br#"{"alg":"ES256","cty":"text/plain"}"#, Ok(())),
        ("an embedded key is ignored", br#"{"alg":"ES256","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://a.example","x5u":7,"x5c":[]}"#, Ok(())),
        ("alg none", br#"{"alg":"none"}"#, Err((alg, "the algorithm (alg) is not supported"))),
        ("alg None", br#"{"alg":"None"}"#, Err((alg, "the algorithm (alg) is not supported"))),
        ("alg nOnE", br#"{"alg":"nOnE"}"#, Err((alg, "the algorithm (alg) is not supported"))),
        ("alg in lower case", br#"{"alg":"hs256"}"#, Err((alg, "the algorithm (alg) is not supported"))),
        ("alg PS1", br#"{"alg":"PS1"}"#, Err((alg, "the algorithm (alg) is not supported"))),
        ("alg empty", br#"{"alg":""}"#, Err((alg, "the algorithm (alg) is not supported"))),
        ("no alg", br#"{"typ":"JWT"}"#, Err((alg, "the header has no alg"))),
        ("Alg is not alg", br#"{"Alg":"ES256"}"#, Err((alg, "the header has no alg"))),
        ("alg a number", br#"{"alg":256}"#, Err((mal, "the header parameter alg is not a string"))),
        ("alg an array", br#"{"alg":["ES256"]}"#, Err((mal, "the header parameter alg is not a string"))),
        ("alg null", br#"{"alg":null}"#, Err((mal, "the header parameter alg is not a string"))),
        ("kid a number", br#"{"alg":"ES256","kid":1}"#, Err((mal, "the header parameter kid is not a string"))),
        ("typ an object", br#"{"alg":"ES256","typ":{}}"#, Err((mal, "the header parameter typ is not a string"))),
        ("cty a number", br#"{"alg":"ES256","cty":1}"#, Err((mal, "the header parameter cty is not a string"))),
        ("crit", br#"{"alg":"ES256","crit":["exp"],"exp":1}"#, Err((ext, "the header has critical extensions (crit)"))),
        ("crit empty", br#"{"alg":"ES256","crit":[]}"#, Err((ext, "the header has critical extensions (crit)"))),
        ("crit null", br#"{"alg":"ES256","crit":null}"#, Err((ext, "the header has critical extensions (crit)"))),
        ("b64 false", br#"{"alg":"ES256","b64":false}"#, Err((ext, "the payload is not encoded (b64)"))),
        ("b64 false and critical", br#"{"alg":"ES256","b64":false,"crit":["b64"]}"#, Err((ext, "the header has critical extensions (crit)"))),
        ("b64 a string", br#"{"alg":"ES256","b64":"true"}"#, Err((ext, "the payload is not encoded (b64)"))),
        ("nested", br#"{"alg":"ES256","cty":"JWT"}"#, Err((ext, "the payload is another token (cty)"))),
        ("nested in lower case", br#"{"alg":"ES256","cty":"jwt"}"#, Err((ext, "the payload is another token (cty)"))),
        ("nested, in full", br#"{"alg":"ES256","cty":"application/JWT"}"#, Err((ext, "the payload is another token (cty)"))),
        ("alg twice", br#"{"alg":"none","alg":"ES256"}"#, Err((mal, r#"the header is not JSON: duplicate key "alg" at line 1 column 19"#))),
        ("alg twice by an escape", br#"{"alg":"ES256","\u0061lg":"none"}"#, Err((mal, r#"the header is not JSON: duplicate key "alg" at line 1 column 25"#))),
        ("an array", b"[]", Err((mal, "the header is not a JSON object"))),
        ("a string", br#""ES256""#, Err((mal, "the header is not a JSON object"))),
        ("not JSON", b"{", Err((mal, "the header is not JSON: EOF while parsing an object at line 1 column 1"))),
        ("two objects", br#"{"alg":"ES256"}{}"#, Err((mal, "the header is not JSON: trailing characters at line 1 column 16"))),
        ("byte order mark", b"\xef\xbb\xbf{}", Err((mal, "the header is not JSON: starts with a byte order mark at line 1 column 1"))),
        ("0xff", b"\xff\xff", Err((mal, "the header is not JSON: not UTF-8 at line 1 column 1"))),
    ];
    for (name, header, expected) in cases {
        let token = token(header, b"{}");
        let outcome = Jws::parse(&token)
            .map(|_| ())
            .map_err(|error| (error.code(), error.to_string()));
        let expected = expected.map_err(|(code, message)| (code, message.to_owned()));
        assert_eq!(outcome, expected, "{name}");
    }
}

#[test]
fn serializations() {
    const H: &str = "eyJhbGciOiJFUzI1NiJ9";
    let long = |payload: usize| format!("{H}.{}.AAAA", "A".repeat(payload)).into_bytes();
    let fitting = MAX_TOKEN_BYTES - H.len() - ".".len() - ".AAAA".len();
    #[rustfmt::skip]
    let cases: &[(&str, Vec<u8>, Option<&str>)] = &[
        ("three parts", format!("{H}.e30.AAAA").into(), None),
        ("empty", Vec::new(), Some("the token does not have three parts")),
        ("one part", H.into(), Some("the token does not have three parts")),
        ("two parts", format!("{H}.e30").into(), Some("the token does not have three parts")),
        ("four parts", format!("{H}.e30.AAAA.AAAA").into(), Some("the token does not have three parts")),
        ("four parts, the last empty", format!("{H}.e30.AAAA.").into(), Some("the token does not have three parts")),
        ("five parts, as encrypted", format!("{H}.AAAA.AAAA.AAAA.AAAA").into(), Some("the token does not have three parts")),
        ("dots only", "..".into(), Some("the header is empty")),
        ("no header", ".e30.AAAA".into(), Some("the header is empty")),
        ("no payload", format!("{H}..AAAA").into(), Some("the payload is empty")),
        ("no signature", format!("{H}.e30.").into(), Some("the signature is empty")),
        ("unsecured, RFC 7515 A.5", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.".into(), Some("the signature is empty")),
        ("padded header", "eyJhbGciOiJFUzI1NiIgfQ==.e30.AAAA".into(), Some("the header is not base64url without padding")),
        ("padded payload", format!("{H}.e30=.AAAA").into(), Some("the payload is not base64url without padding")),
        ("padded signature", format!("{H}.e30.AA==").into(), Some("the signature is not base64url without padding")),
        ("signature with trailing bits", format!("{H}.e30.AB").into(), Some("the signature is not base64url without padding")),
        ("payload with trailing bits", format!("{H}.e31.AA").into(), Some("the payload is not base64url without padding")),
        ("plain base64 alphabet", format!("{H}.e30.+/+/").into(), Some("the signature is not base64url without padding")),
        ("leading space", format!(" {H}.e30.AAAA").into(), Some("the header is not base64url without padding")),
        ("trailing line break", format!("{H}.e30.AAAA\n").into(), Some("the signature is not base64url without padding")),
        ("space between", format!("{H}. e30.AAAA").into(), Some("the payload is not base64url without padding")),
        ("0xff everywhere", vec![0xff; 100], Some("the token does not have three parts")),
        ("0xff in three parts", b"\xff\xff\xff\xff.\xff\xff.\xff".to_vec(), Some("the header is not base64url without padding")),
        ("0xff in the signature", [H.as_bytes(), b".e30.\xff\xff\xff\xff"].concat(), Some("the signature is not base64url without padding")),
        ("JSON serialization", br#"{"payload":"e30","signatures":[]}"#.to_vec(), Some("the token does not have three parts")),
        ("as long as may be", long(fitting), None),
        ("one byte longer", long(fitting + 1), Some("the token is longer than 16384 bytes")),
        ("a megabyte of dots", vec![b'.'; 1 << 20], Some("the token is longer than 16384 bytes")),
    ];
    for (name, token, expected) in cases {
        let message = Jws::parse(token).err().map(|error| error.to_string());
        assert_eq!(message.as_deref(), *expected, "{name}");
    }
}

#[test]
fn payloads() {
    let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    #[rustfmt::skip]
    let cases: &[(&str, Vec<u8>, Option<&str>)] = &[
        ("empty object", b"{}".to_vec(), None),
        ("as deep as may be", deep(63).into(), None),
        ("deeper", deep(64).into(), Some("the payload is not JSON: nested deeper than 64 levels at line 1 column 70")),
        ("12,000 levels", "[".repeat(12_000).into(), Some("the payload is not JSON: nested deeper than 64 levels at line 1 column 65")),
        ("a claim twice", br#"{"sub":"ann","sub":"root"}"#.to_vec(), Some(r#"the payload is not JSON: duplicate key "sub" at line 1 column 18"#)),
        ("a claim twice, deeper", br#"{"a":{"role":1,"role":2}}"#.to_vec(), Some(r#"the payload is not JSON: duplicate key "role" at line 1 column 21"#)),
        ("an array", b"[]".to_vec(), Some("the payload is not a JSON object")),
        ("text", b"hello".to_vec(), Some("the payload is not JSON: expected value at line 1 column 1")),
        ("0xff", vec![0xff; 64], Some("the payload is not JSON: not UTF-8 at line 1 column 1")),
        ("NUL after it", b"{}\0".to_vec(), Some("the payload is not JSON: trailing characters at line 1 column 3")),
    ];
    for (name, payload, expected) in cases {
        let token = token(br#"{"alg":"ES256"}"#, payload);
        let message = Jws::parse(&token)
            .unwrap()
            .claims()
            .err()
            .map(|error| error.to_string());
        assert_eq!(message.as_deref(), *expected, "{name}");
    }
}

#[test]
fn every_truncation_and_every_byte_is_survived() {
    let token = RFC7515_A1.as_bytes();
    for end in 0..token.len() {
        // A token cut within its signature may still parse; whatever it is, it is not a panic.
        if end <= token.len() - 43 {
            assert!(Jws::parse(&token[..end]).is_err(), "{end}");
        } else {
            let _ = Jws::parse(&token[..end]);
        }
    }
    for index in 0..token.len() {
        let mut broken = token.to_vec();
        broken[index] = 0xff;
        assert!(Jws::parse(&broken).is_err(), "{index}");
    }
}
