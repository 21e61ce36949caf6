//! What holds whatever clients, issuers of tokens and upstreams send.

use super::*;
use gatehouse_host::{HeaderMap, HeaderMaps as _, Headers};
use proptest::prelude::*;

/// Bytes with more of what means something than chance would bring.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let meaning =
        prop::sample::select(&b"/.%2eE2fF;=&?#\\ \t\r\n\0\"',:@[]*-_aZ09\xff\xc3\xa9\x7f"[..]);
    prop::collection::vec(prop_oneof![4 => meaning, 1 => any::<u8>()], 0..24)
}

fn headers_of(host: &FakeHost, map: HeaderMap) -> Headers {
    Headers::decode(host.header_pairs(map).unwrap()).unwrap()
}

/// No header that was written can be read as two, or ends a line.
fn are_sound(headers: &Headers, written: &[&str]) -> bool {
    let mut all = headers.iter();
    all.all(|(name, value)| {
        !written.iter().any(|known| known.as_bytes() == name)
            || !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
    })
}

/// Without the white space that is none of a cookie's name.
fn trimmed(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

const REQUEST: &str = r#"
rules:
- request:
  - set: {name: x-set, value: "${request.header.x-in | trim}"}
  - append: {name: x-append, value: "<${request.header.x-in}>"}
  - replace: {name: x-in, regex: "[%/](.)", with: "$1$1"}
  - path: {with: "/a/${request.header.x-in | default(\"none\")}/b"}
  - query: {set: {name: q, value: "${request.header.x-in}"}}
  - query: {rename: {from: a, to: "b&c"}}
  - cookie: {remove: t}
  - cookie: {set: {name: s, value: "${request.header.x-in}"}}
  - host: {with: "${request.header.x-in | default(\"none\")}.internal.test"}
"#;

proptest! {
    #[test]
    fn requests(value in bytes(), query in bytes(), cookie in bytes()) {
        let host = FakeHost::default();
        let filter = configure(REQUEST, &host).unwrap();
        let target = [b"/p?", &query[..]].concat();
        host.begin([
            (":authority", &b"a.test"[..]), (":path", &target), ("x-in", &value), ("cookie", &cookie),
        ]);
        let (verdict, _) = request(&filter, &host);
        if let Verdict::Deny(reply) = verdict.unwrap() {
            prop_assert_eq!(reply.status, 400);
            return Ok(());
        }
        let headers = headers_of(&host, HeaderMap::Request);
        prop_assert!(are_sound(&headers, &["x-set", "x-append", "x-in"]));

        let target = headers.all(":path").next().unwrap();
        let path = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap();
        let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        prop_assert_eq!(segments.len(), 4, "{:?}", String::from_utf8_lossy(path));
        prop_assert_eq!((segments[1], segments[3]), (&b"a"[..], &b"b"[..]));
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(byte);
        prop_assert!(segments[2].iter().all(plain));

        // One parameter of the name, the last one, and its value has no delimiter.
        let own = target.strip_prefix(path).unwrap();
        let own = own.split(|byte| *byte == b'#').next().unwrap();
        let last = own.rsplit(|byte| matches!(byte, b'?' | b'&')).next().unwrap();
        if let Some(value) = last.strip_prefix(b"q=") {
            prop_assert!(value.iter().all(plain));
        }
        let named = gatehouse_request_match::query::pairs(target).filter(|pair| pair.is(b"q")).count();
        prop_assert!(named <= 1);

        let authority = headers.all(":authority").next().unwrap();
        let label = authority.strip_suffix(b".internal.test").unwrap();
        prop_assert!(label.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));

        let names = headers.all("cookie").flat_map(|line| line.split(|byte| *byte == b';'));
        let names = names.map(|cookie| trimmed(cookie.split(|byte| *byte == b'=').next().unwrap()));
        let names: Vec<&[u8]> = names.collect();
        prop_assert!(!names.contains(&&b"t"[..]));
        prop_assert!(names.iter().filter(|name| **name == b"s").count() <= 1);
    }

    #[test]
    fn responses(value in bytes(), cookie in bytes(), location in bytes(), origin in bytes()) {
        let rules = r#"
rules:
- cors: {origins: ["https://*.example.com"], credentials: true}
  response:
  - cookie: {secure: true, same_site: lax, path: {from: /a, to: /b}}
  - location: {hosts: [a.test], scheme: https, host: "${request.header.x-in}", path: {from: /a, to: /}}
  - location: {with: "/login?next=${request.header.x-in}"}
"#;
        let host = FakeHost::default();
        let filter = configure(rules, &host).unwrap();
        let origin = [b"https://", &origin[..], b".example.com"].concat();
        host.begin([(":method", &b"GET"[..]), ("x-in", &value), ("origin", &origin)]);
        let (verdict, pending) = request(&filter, &host);
        prop_assert_eq!(verdict, Ok(Verdict::Continue));
        host.respond([("set-cookie", &cookie[..]), ("location", &location)]);
        response(&filter, &host, pending).unwrap();
        let headers = headers_of(&host, HeaderMap::Response);

        // What the upstream set is still at the front, and the attributes are there.
        let set = headers.all("set-cookie").next().unwrap();
        let front = cookie.split(|byte| *byte == b';').next().unwrap();
        prop_assert!(set.starts_with(front));
        let mut attributes = set.split(|byte| *byte == b';').skip(1);
        let is_secure = |one: &[u8]| one.trim_ascii().eq_ignore_ascii_case(b"secure");
        let has_value = |one: &[u8]| one.to_ascii_lowercase().trim_ascii().starts_with(b"secure");
        prop_assert!(attributes.any(|one| is_secure(one) || has_value(one)));
        if let Some(next) = headers.all("location").next() {
            let next = next.strip_prefix(b"/login?next=").unwrap();
            prop_assert!(next.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(b)));
        }
        // An origin is named only if what stands before the dot is labels and nothing else.
        if let Some(allowed) = headers.all("access-control-allow-origin").next() {
            let labels = allowed.strip_prefix(b"https://").and_then(|rest| rest.strip_suffix(b".example.com"));
            let fits = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            prop_assert!(labels.unwrap().iter().all(fits));
        }
    }

    #[test]
    fn locations_do_not_change_hosts(location in bytes(), host_in in bytes()) {
        // Whatever it says, only one that names the host gets another, and no path becomes a host.
        let location = [b"/", &location[..]].concat();
        let rule = "response: [{location: {hosts: [a.test], host: b.test, path: {from: /a, to: /}}}]";
        let became = answered(rule, &[], &[("location", &location)]);
        let began = location.starts_with(b"//") || location.starts_with(b"/\\");
        for line in became.iter().filter_map(|line| line.strip_prefix("location: ")) {
            prop_assert!(began || !line.starts_with("//"), "{}", line);
        }
        let other = [b"https://", &host_in[..], b".evil.test/a/x"].concat();
        let became = answered(rule, &[], &[("location", &other)]);
        let before = format!("location: {}", String::from_utf8_lossy(&other));
        prop_assert!(became == [before] || other.starts_with(b"https://a.test") || other.starts_with(b"https://A.TEST"), "{:?}", became);
    }
}
