//! A webhook from anybody: read or refused, and never by a secret that nobody used.
#![no_main]

use gatehouse_webhook_signature::{
    Canonical, CanonicalConfig, Clock, Encoding, Fields, MacAlgorithm, Nonce, Part, Request,
    Secret, Time, Unit, github, standard_webhooks, stripe,
};

const NAMES: [&[u8]; 8] = [
    b"x-hub-signature-256",
    b"stripe-signature",
    b"webhook-id",
    b"webhook-timestamp",
    b"webhook-signature",
    b"x-signature",
    b"x-nonce",
    b"x-a",
];

fn scheme() -> Canonical {
    let parts = vec![
        Part::Method,
        Part::Path,
        Part::Query,
        Part::Authority,
        Part::Header("x-a".to_owned()),
        Part::Timestamp,
        Part::Nonce,
        Part::Body,
    ];
    let config = CanonicalConfig {
        parts,
        separator: "\n".to_owned(),
        algorithm: MacAlgorithm::HmacSha256,
        encoding: Encoding::Base64Url,
        signature_header: "x-signature".to_owned(),
        signature_prefix: "v1=".to_owned(),
        time: Some(Time {
            header: "webhook-timestamp".to_owned(),
            unit: Unit::Milliseconds,
        }),
        nonce: Some(Nonce {
            header: "x-nonce".to_owned(),
        }),
    };
    Canonical::new(config).unwrap()
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Method, authority, target and body; then values, each after the number of its name.
    let mut texts = bytes.split(|byte| *byte == 0);
    let mut next = || texts.next().unwrap_or_default();
    let (method, authority, target, body) = (next(), next(), next(), next());
    let fields: Vec<_> = texts
        .filter_map(|text| {
            let (index, value) = text.split_first()?;
            Some((NAMES[usize::from(*index) % NAMES.len()], value))
        })
        .collect();
    let fields = fields.as_slice();
    let fields: &dyn Fields = &fields;
    // Any time is within the tolerance.
    let clock = Clock {
        now: 0,
        tolerance: u64::MAX,
    };
    let request = Request {
        method,
        authority,
        target,
        fields,
    };
    let _ = Secret::standard_webhooks(body);
    let secrets = [Secret::new(b"nobody used this").unwrap()];
    let pending = [
        github(fields),
        stripe(fields, &clock),
        standard_webhooks(fields, &clock),
        scheme().read(&request, &clock),
    ];
    for pending in pending.into_iter().flatten() {
        assert!(pending.needs_body());
        assert!(pending.verify(body, &secrets).is_err());
    }
});
