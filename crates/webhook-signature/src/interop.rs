//! Codes of RFC 4231 and RFC 2202, and requests that another implementation signed.

use crate::message::{Headers, clock, secrets};
use crate::{Encoding, MacAlgorithm, Secret, standard_webhooks};

/// A name, the algorithm, key and message, the code.
type Case<'c> = (&'c str, MacAlgorithm, &'c [u8], &'c [u8], &'c str);

#[test]
fn codes_of_the_rfcs() {
    use MacAlgorithm::*;
    let (zero_b, aa) = (vec![0x0b; 20], vec![0xaa; 131]);
    let long = b"Test Using Larger Than Block-Size Key - Hash Key First".as_slice();
    let want = b"what do ya want for nothing?".as_slice();
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        ("RFC 4231, 4.2", HmacSha256, &zero_b, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        ("RFC 4231, 4.2", HmacSha512, &zero_b, b"Hi There", "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"),
        ("RFC 4231, 4.3", HmacSha256, b"Jefe", want, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ("RFC 4231, 4.3", HmacSha512, b"Jefe", want, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"),
        ("RFC 4231, 4.7", HmacSha256, &aa, long, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        ("RFC 2202, 3, case 1", InsecureHmacSha1, &zero_b, b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
        ("RFC 2202, 3, case 2", InsecureHmacSha1, b"Jefe", want, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    ];
    for (name, algorithm, key, message, expected) in cases {
        let secret = Secret::new(key).unwrap();
        let (first, second) = message.split_at(3);
        let code = algorithm.compute(&secret, &[first, second]);
        assert_eq!(Some(code.clone()), Encoding::Hex.decode(expected), "{name}");
        assert_eq!(code.len(), algorithm.length(), "{name}");
    }
}

/// `standardwebhooks` 1.1.0 of PyPI; the body is not ASCII.
#[test]
fn standard_webhooks_of_python() {
    let body = r#"{"type":"invoice.paid","data":{"id":"in_1","total":"12,50 €"}}"#;
    #[rustfmt::skip]
    let cases: [(&str, &[u8]); 2] = [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b"v1,kiXbbjf/xYbOPu67KWuSguEWjqNXqi9TWOt9XTkY/TA="),
        ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", b"v1,cy5LTo+3YcvjLD8cYdyMtRwGZ2YEJuk7PPzYZ0ZfNB4="),
    ];
    for (secret, signature) in cases {
        let headers: [(&str, &[u8]); 3] = [
            ("webhook-id", b"msg_2"),
            ("webhook-timestamp", b"1795132800"),
            ("webhook-signature", signature),
        ];
        let pending = standard_webhooks(&Headers(&headers), &clock(1_795_132_800)).unwrap();
        let key = Secret::standard_webhooks(secret.as_bytes()).unwrap();
        let verified = pending.verify(body.as_bytes(), &[key]).unwrap();
        assert_eq!(verified.timestamp, Some(1_795_132_800));
        // The text of the secret is not the secret.
        assert!(
            pending
                .verify(body.as_bytes(), &secrets(&[secret]))
                .is_err()
        );
    }
}
