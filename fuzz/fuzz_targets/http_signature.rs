//! A signed request from a client: a base is built in one way, has a line for each component, and
//! says itself how it was built.
#![no_main]

use gatehouse_http_signature::{
    ContentDigest, MAX_COMPONENTS, Policy, Request, Signatures, StructuredFields, StructuredType,
};

const NAMES: [&[u8]; 8] = [
    b"signature-input",
    b"signature",
    b"content-digest",
    b"host",
    b"x-a",
    b"x-dict",
    b"x-list",
    b"x-item",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Method, scheme, authority and target; then values, each after the number of its name.
    let mut texts = bytes.split(|byte| *byte == 0);
    let mut next = || texts.next().unwrap_or_default();
    let (method, scheme, authority, target) = (next(), next(), next(), next());
    let fields: Vec<_> = texts
        .filter_map(|text| {
            let (index, value) = text.split_first()?;
            Some((NAMES[usize::from(*index) % NAMES.len()], value))
        })
        .collect();
    let digests: Vec<_> = fields
        .iter()
        .filter(|(name, _)| *name == NAMES[2])
        .map(|(_, value)| *value)
        .collect();
    if let Ok(digest) = ContentDigest::parse(&digests) {
        // No two bodies have the same digest.
        let mut other = digest.check();
        other.update(b"x");
        assert!(digest.check().finish().is_err() || other.finish().is_err());
    }
    let fields = fields.as_slice();
    let Ok(signatures) = Signatures::parse(&fields, MAX_COMPONENTS) else {
        return;
    };
    let mut structured = StructuredFields::default();
    structured.add("x-dict", StructuredType::Dictionary);
    structured.add("x-list", StructuredType::List);
    structured.add("x-item", StructuredType::Item);
    let request = Request {
        method,
        scheme,
        authority,
        target,
        fields: &fields,
    };
    for signature in signatures.candidates(None, &|_| true).unwrap_or_default() {
        let _ = Policy::default().check(signature, 1);
        let Ok(base) = signature.base(&request, &structured) else {
            continue;
        };
        let base = String::from_utf8(base).unwrap();
        assert!(base.is_ascii());
        let mut lines = base.split('\n');
        for component in &signature.components {
            let line = lines.next().unwrap();
            assert!(line.starts_with(&format!("{component}: ")));
        }
        let input = lines
            .next()
            .unwrap()
            .strip_prefix("\"@signature-params\": ")
            .unwrap();
        assert_eq!(lines.next(), None);

        // Sent in its strict form, it has the same base.
        let input = format!("a={input}");
        let again: &[(&[u8], &[u8])] = &[(NAMES[0], input.as_bytes()), (NAMES[1], b"a=:AA==:")];
        let again = Signatures::parse(&again, MAX_COMPONENTS).unwrap();
        let again = again.candidates(None, &|_| true).unwrap()[0].clone();
        assert_eq!(
            again.base(&request, &structured).unwrap(),
            base.into_bytes()
        );
    }
});
