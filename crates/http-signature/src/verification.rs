//! Signatures of RFC 9421, verified with its keys (appendix B.1).

use ed25519_dalek::pkcs8::DecodePublicKey as _;
use hmac::{Hmac, Mac as _};
use p256::ecdsa::signature::Verifier as _;
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Digest as _, Sha256, Sha512};

use crate::message::Message;
use crate::{Algorithm, Component, Policy, Refusal};

/// A key of the tests: PEM, or a secret in base64.
pub(crate) fn verifies(algorithm: Algorithm, key: &str, base: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        Algorithm::RsaPssSha512 => {
            let key = RsaPublicKey::from_public_key_pem(key).unwrap();
            let padding = Pss::new_with_salt::<Sha512>(64);
            key.verify(padding, &Sha512::digest(base), signature)
                .is_ok()
        }
        Algorithm::RsaV15Sha256 => {
            let key = RsaPublicKey::from_public_key_pem(key).unwrap();
            let padding = Pkcs1v15Sign::new::<Sha256>();
            key.verify(padding, &Sha256::digest(base), signature)
                .is_ok()
        }
        Algorithm::HmacSha256 => {
            use base64ct::{Base64, Encoding as _};
            let key = Base64::decode_vec(key).unwrap();
            let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.chain_update(base).verify_slice(signature).is_ok()
        }
        Algorithm::EcdsaP256Sha256 => {
            let key = p256::ecdsa::VerifyingKey::from_public_key_pem(key).unwrap();
            let signature = p256::ecdsa::Signature::from_slice(signature);
            signature.is_ok_and(|signature| key.verify(base, &signature).is_ok())
        }
        Algorithm::Ed25519 => {
            let key = ed25519_dalek::VerifyingKey::from_public_key_pem(key).unwrap();
            let signature = ed25519_dalek::Signature::from_slice(signature);
            signature.is_ok_and(|signature| key.verify_strict(base, &signature).is_ok())
        }
        Algorithm::EcdsaP384Sha384 => panic!("no test has a key of that kind"),
    }
}

const RSA_PSS: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----
";
const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----
";
const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
";
const SHARED_SECRET: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

/// Appendix B.2, without signature.
const TEST_REQUEST: &str = r#"POST /foo?param=Value&Pet=dog HTTP/1.1
Host: example.com
Date: Tue, 20 Apr 2021 02:07:55 GMT
Content-Type: application/json
Content-Digest: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+T\
  aPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:
Content-Length: 18
"#;

/// Appendix B.4.
const TRANSFORM: &str = r#"GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.org
Date: Fri, 15 Jul 2022 14:24:55 GMT
Accept: application/json
Accept: */*
"#;
const TRANSFORM_SIGNATURE: &str = r#"Signature-Input: transform=("@method" "@path" "@authority" \
  "accept");created=1618884473;keyid="test-key-ed25519"
Signature: transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5J\
  Z1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:
"#;

const B21: &str = r#"Signature-Input: sig-b21=();created=1618884473\
  ;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"
Signature: sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopem\
  LJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG\
  52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx\
  2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6\
  UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3\
  +7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:
"#;
const B22: &str = r#"Signature-Input: sig-b22=("@authority" "content-digest" \
  "@query-param";name="Pet");created=1618884473\
  ;keyid="test-key-rsa-pss";tag="header-example"
Signature: sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQ\
  EdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT\
  8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SA\
  RYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd\
  4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoK\
  UqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:
"#;
const B23: &str = r#"Signature-Input: sig-b23=("date" "@method" "@path" "@query" \
  "@authority" "content-type" "content-digest" "content-length")\
  ;created=1618884473;keyid="test-key-rsa-pss"
Signature: sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yB\
  iMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fU\
  xN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1\
  pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9\
  bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5Z\
  JzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:
"#;
const B25: &str = r#"Signature-Input: sig-b25=("date" "@authority" "content-type")\
  ;created=1618884473;keyid="test-shared-secret"
Signature: sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:
"#;
const B26: &str = r#"Signature-Input: sig-b26=("date" "@method" "@path" "@authority" \
  "content-type" "content-length");created=1618884473\
  ;keyid="test-key-ed25519"
Signature: sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1\
  u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:
"#;
/// Section 2.4: the request that the response answers.
const SECTION_2_4: &str = r#"Signature-Input: sig1=("@method" "@authority" "@path" "@query" \
  "content-digest" "content-type" "content-length")\
  ;created=1618884475;keyid="test-key-rsa-pss"
Signature: sig1=:e8UJ5wMiRaonlth5ERtE8GIiEH7Akcr493nQ07VPNo6y3qvjdK\
  t0fo8VHO8xXDjmtYoatGYBGJVlMfIp06eVMEyNW2I4vN7XDAz7m5v1108vGzaDljr\
  d0H8+SJ28g7bzn6h2xeL/8q+qUwahWA/JmC8aOC9iVnwbOKCc0WSrLgWQwTY6VLp4\
  2Qt7jjhYT5W7/wCvfK9A1VmHH1lJXsV873Z6hpxesd50PSmO+xaNeYvDLvVdZlhtw\
  5PCtUYzKjHqwmaQ6DEuM8udRjYsoNqp2xZKcuCO1nKc0V3RjpqMZLuuyVbHDAbCzr\
  0pg2d2VM/OC33JAU7meEjjaNz+d7LWPg==:
"#;

/// Appendix B.3.
const TTRP: &str = r#"POST /foo?param=Value&Pet=dog HTTP/1.1
Host: service.internal.example
Date: Tue, 20 Apr 2021 02:07:55 GMT
Content-Type: application/json
Content-Length: 18
Client-Cert: :MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKD\
  BJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQT\
  AeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFk\
  wEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmck\
  C8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDV\
  R0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf\
  8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV\
  4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6\
  bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:
Signature-Input: ttrp=("@path" "@query" "@method" "@authority" \
  "client-cert");created=1618884473;keyid="test-key-ecc-p256"
Signature: ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6\
  Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:
"#;

/// Whether the only signature of a message is by this key.
fn is_signed(message: &Message, algorithm: Algorithm, key: &str) -> bool {
    let signature = message.signature().unwrap();
    let base = message.base().unwrap();
    verifies(algorithm, key, base.as_bytes(), &signature.signature)
}

#[test]
fn signatures_of_the_rfc_verify() {
    use Algorithm::{EcdsaP256Sha256, Ed25519, HmacSha256, RsaPssSha512};
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str, Algorithm, &str)] = &[
        ("B.2.1", TEST_REQUEST, B21, RsaPssSha512, RSA_PSS),
        ("B.2.2", TEST_REQUEST, B22, RsaPssSha512, RSA_PSS),
        ("B.2.3", TEST_REQUEST, B23, RsaPssSha512, RSA_PSS),
        ("B.2.5", TEST_REQUEST, B25, HmacSha256, SHARED_SECRET),
        ("B.2.6", TEST_REQUEST, B26, Ed25519, self::ED25519),
        ("2.4", TEST_REQUEST, SECTION_2_4, RsaPssSha512, RSA_PSS),
        ("B.3", TTRP, "", EcdsaP256Sha256, P256),
        ("B.4", TRANSFORM, TRANSFORM_SIGNATURE, Ed25519, self::ED25519),
    ];
    for (name, request, signature, algorithm, key) in cases {
        let message = Message::parse(&format!("{request}{signature}"));
        assert!(is_signed(&message, *algorithm, key), "{name}");

        // Nor does it verify over anything else.
        let parsed = message.signature().unwrap();
        let mut base = message.base().unwrap().into_bytes();
        base[3] ^= 1;
        assert!(
            !verifies(*algorithm, key, &base, &parsed.signature),
            "{name}"
        );
    }
}

/// Appendix B.2.4 signs a response, which a request is not.
#[test]
fn a_signed_response_is_refused() {
    let message = Message::parse(
        r#"POST /foo HTTP/1.1
Host: example.com
Content-Type: application/json
Content-Digest: sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41Q\
  JgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:
Content-Length: 23
Signature-Input: sig-b24=("@status" "content-type" \
  "content-digest" "content-length");created=1618884473\
  ;keyid="test-key-ecc-p256"
Signature: sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NK\
  ocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:
"#,
    );
    let refused = Err(Refusal::Component(crate::ComponentError::NotOfRequests));
    assert_eq!(message.base(), refused);
}

#[test]
fn what_signatures_say_of_themselves() {
    let message = Message::parse(&format!("{TEST_REQUEST}{B22}"));
    let signature = message.signature().unwrap();
    assert_eq!(signature.label, "sig-b22");
    assert_eq!(signature.keyid.as_deref(), Some("test-key-rsa-pss"));
    assert_eq!(signature.alg, None);
    assert_eq!(signature.created, Some(1_618_884_473));
    assert_eq!(signature.expires, None);
    assert_eq!(signature.nonce, None);
    assert_eq!(signature.tag.as_deref(), Some("header-example"));
    let components: Vec<_> = signature
        .components
        .iter()
        .map(Component::identifier)
        .collect();
    assert_eq!(
        components,
        [
            r#""@authority""#,
            r#""content-digest""#,
            r#""@query-param";name="Pet""#
        ]
    );
    assert_eq!(signature.signature.len(), 256);

    let message = Message::parse(&format!("{TEST_REQUEST}{B21}"));
    let signature = message.signature().unwrap();
    assert_eq!(signature.nonce.as_deref(), Some("b3k2pp5k7z-50gnwp.yemd"));
    // It covers nothing: good for every request, and so for none.
    let checked = Policy::default().check(&signature, 1_618_884_473);
    assert_eq!(checked, Err(Refusal::NotCovered));
}

/// Appendix B.4: what an intermediary may change, and what not.
#[test]
fn transformations() {
    let headers = |request: &str| {
        let message = Message::parse(&format!("{request}{TRANSFORM_SIGNATURE}"));
        is_signed(&message, Algorithm::Ed25519, ED25519)
    };
    #[rustfmt::skip]
    let cases: &[(&str, bool, &str)] = &[
        ("header and query parameter added", true, "\
GET /demo?name1=Value1&Name2=value2&param=added HTTP/1.1
Host: example.org
Date: Fri, 15 Jul 2022 14:24:55 GMT
Accept: application/json
Accept: */*
Accept-Language: en-US,en;q=0.5
"),
        ("header removed, added, collapsed", true, "\
GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.org
Referer: https://developer.example.org/demo
Accept: application/json, */*
"),
        ("headers in another order", true, "\
GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Accept: application/json
Accept: */*
Date: Fri, 15 Jul 2022 14:24:55 GMT
Host: example.org
"),
        ("method and authority changed", false, "\
POST /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.com
Date: Fri, 15 Jul 2022 14:24:55 GMT
Accept: application/json
Accept: */*
"),
        ("values of a header in another order", false, "\
GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.org
Date: Fri, 15 Jul 2022 14:24:55 GMT
Accept: */*
Accept: application/json
"),
        ("joined without a space", false, "\
GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.org
Accept: application/json,*/*
"),
    ];
    for (name, expected, request) in cases {
        assert_eq!(headers(request), *expected, "{name}");
    }
}
