//! Against what the senders document.

use super::{Scheme, Webhook};

#[test]
fn signatures_that_others_have_made() {
    let webhook = |scheme, secret: &str, id: &str| Webhook {
        scheme,
        secret: secret.to_owned(),
        id: id.to_owned(),
        age: None,
    };
    let signed = |webhook: Webhook, body: &[u8], seconds: u64| {
        let headers = webhook
            .headers(body, seconds * 1_000_000_000)
            .expect("headers");
        let (_, last) = headers.last().expect("a header").clone();
        last
    };
    // docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation".
    assert_eq!(
        signed(
            webhook(Scheme::Github, "It's a Secret to Everybody", ""),
            b"Hello, World!",
            0
        ),
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    );
    // standard-webhooks, the test of its libraries.
    assert_eq!(
        signed(
            webhook(
                Scheme::StandardWebhooks,
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek"
            ),
            br#"{"test": 2432232314}"#,
            1_614_265_330
        ),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
    let old = Webhook {
        age: Some(gatehouse_config::Duration::from_secs(60)),
        ..webhook(Scheme::Stripe, "whsec_x", "")
    };
    assert!(signed(old, b"{}", 1_000).starts_with("t=940,v1="));
}
