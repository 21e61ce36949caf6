use super::*;
use crate::Component;

/// Method and target, and what is derived.
type TargetCase<'c> = (&'c str, &'c [u8], [Option<&'c str>; 4]);

const NO_FIELDS: &[(&[u8], &[u8])] = &[];

fn request<'r>(
    method: &'r str,
    scheme: &'r str,
    authority: &'r str,
    target: &'r [u8],
) -> Request<'r> {
    Request {
        method: method.as_bytes(),
        scheme: scheme.as_bytes(),
        authority: authority.as_bytes(),
        target,
        fields: &NO_FIELDS,
    }
}

fn derive(request: &Request<'_>, component: &str) -> Result<String, Refusal> {
    let component = Component::parse(component).map_err(Refusal::Component)?;
    let value = request.derive(&component.source)?;
    Ok(String::from_utf8_lossy(&value).into_owned())
}

#[test]
fn authorities_are_normalized() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("https", "www.example.com", Some("www.example.com")),
        ("https", "WWW.Example.COM", Some("www.example.com")),
        ("https", "example.com:443", Some("example.com")),
        ("HTTPS", "example.com:443", Some("example.com")),
        ("http", "example.com:80", Some("example.com")),
        ("http", "example.com:443", Some("example.com:443")),
        ("https", "example.com:80", Some("example.com:80")),
        ("https", "example.com:8443", Some("example.com:8443")),
        ("https", "example.com:", Some("example.com")),
        ("ws", "example.com:80", Some("example.com:80")),
        ("https", "example.com.", Some("example.com.")),
        ("https", "[::1]", Some("[::1]")),
        ("https", "[2001:DB8::1]:443", Some("[2001:db8::1]")),
        ("https", "[::443]", Some("[::443]")),
        ("https", "[::1]:8443", Some("[::1]:8443")),
        ("https", "192.0.2.1:443", Some("192.0.2.1")),
        ("https", "", None),
        ("https", ":443", None),
        ("https", "user@example.com", None),
        ("https", "example.com/path", None),
        ("https", "example.com?a", None),
        ("https", "example.com#a", None),
        ("https", "example.com\\a", None),
        ("https", "example.com,evil.example", None),
        ("https", "example.com evil", None),
        ("https", "example.com\n\"@path\": /", None),
        ("https", "ex\u{e4}mple.com", None),
        ("https", "example.com:a", None),
        ("https", "::1", None),
        ("https", "[::1", None),
        ("https", "[::1]x", None),
        ("https", "[::1]x:1", None),
        ("https", "a]:1", Some("a]:1")),
        ("", "example.com", None),
    ];
    for (scheme, authority, expected) in cases {
        let derived = derive(&request("GET", scheme, authority, b"/"), "@authority");
        let expected = expected.map(str::to_owned).ok_or(Refusal::NotDerivable);
        assert_eq!(derived, expected, "{scheme} {authority}");
    }
}

#[test]
fn targets_are_taken_as_they_stand() {
    const NO: Option<&str> = None;
    #[rustfmt::skip]
    let cases: &[TargetCase<'_>] = &[
        // @path, @query, @request-target, @target-uri
        ("GET", b"/", [Some("/"), Some("?"), Some("/"), Some("https://Example.com:443/")]),
        ("GET", b"/a?", [Some("/a"), Some("?"), Some("/a?"), Some("https://Example.com:443/a?")]),
        ("GET", b"/a?b?c", [Some("/a"), Some("?b?c"), Some("/a?b?c"), Some("https://Example.com:443/a?b?c")]),
        ("GET", b"//a/../%2e%2F;x", [Some("//a/../%2e%2F;x"), Some("?"), Some("//a/../%2e%2F;x"), Some("https://Example.com:443//a/../%2e%2F;x")]),
        ("GET", b"/?%41=%zz", [Some("/"), Some("?%41=%zz"), Some("/?%41=%zz"), Some("https://Example.com:443/?%41=%zz")]),
        // Absolute form.
        ("GET", b"https://example.com/a?b", [Some("/a"), Some("?b"), Some("https://example.com/a?b"), Some("https://example.com/a?b")]),
        ("GET", b"HTTPS://EXAMPLE.com", [Some("/"), Some("?"), Some("HTTPS://EXAMPLE.com"), Some("HTTPS://EXAMPLE.com")]),
        ("GET", b"https://example.com?b", [Some("/"), Some("?b"), Some("https://example.com?b"), Some("https://example.com?b")]),
        ("GET", b"http://example.com/", [NO, NO, NO, NO]),
        ("GET", b"https://evil.example/", [NO, NO, NO, NO]),
        ("GET", b"https://", [NO, NO, NO, NO]),
        ("GET", b"://", [NO, NO, NO, NO]),
        // Asterisk and authority form.
        ("OPTIONS", b"*", [NO, NO, Some("*"), Some("https://Example.com:443")]),
        ("CONNECT", b"Example.com:443", [NO, NO, Some("Example.com:443"), NO]),
        ("CONNECT", b"", [NO, NO, Some("Example.com:443"), NO]),
        // Extended CONNECT (RFC 8441) has a path.
        ("CONNECT", b"/chat?a", [Some("/chat"), Some("?a"), Some("/chat?a"), Some("https://Example.com:443/chat?a")]),
        // None of them.
        ("GET", b"", [NO, NO, NO, NO]),
        ("GET", b"a", [NO, NO, NO, NO]),
        ("GET", b"/a b", [NO, NO, NO, NO]),
        ("GET", b"/a#b", [NO, NO, NO, NO]),
        ("GET", b"/a\n\"@query\": ?admin", [NO, NO, NO, NO]),
        ("GET", b"/a\0", [NO, NO, NO, NO]),
        ("GET", b"/\xc3\xa4", [NO, NO, NO, NO]),
        ("GET", b"/\xff", [NO, NO, NO, NO]),
    ];
    for (method, target, expected) in cases {
        let request = request(method, "https", "Example.com:443", target);
        let components = ["@path", "@query", "@request-target", "@target-uri"];
        for (component, expected) in components.into_iter().zip(expected) {
            let expected = expected.map(str::to_owned).ok_or(Refusal::NotDerivable);
            let target = String::from_utf8_lossy(target);
            let derived = derive(&request, component);
            assert_eq!(derived, expected, "{method} {target}: {component}");
        }
    }
}

#[test]
fn methods_and_schemes() {
    let derived =
        |method, scheme, component| derive(&request(method, scheme, "a", b"/"), component);
    assert_eq!(derived("get", "https", "@method"), Ok("get".to_owned()));
    assert_eq!(derived("", "https", "@method"), Err(Refusal::NotDerivable));
    let forged = derived("GET\n\"@path\": /", "https", "@method");
    assert_eq!(forged, Err(Refusal::NotDerivable));
    assert_eq!(derived("GET", "HTTPS", "@scheme"), Ok("https".to_owned()));
    assert_eq!(derived("GET", "", "@scheme"), Err(Refusal::NotDerivable));
}

#[test]
fn query_parameters() {
    let name = r#""@query-param";name="a""#;
    let derived = |target: &[u8]| derive(&request("GET", "https", "a", target), name);
    assert_eq!(derived(b"/?a=1+2"), Ok("1%202".to_owned()));
    assert_eq!(derived(b"/?b"), Err(Refusal::QueryParamMissing));
    assert_eq!(derived(b"/"), Err(Refusal::QueryParamMissing));
    assert_eq!(derived(b"/?a&b&a"), Err(Refusal::QueryParamRepeated));
    let long = [b"/?a=".as_slice(), &[b'x'; MAX_QUERY_BYTES]].concat();
    assert_eq!(derived(&long), Err(Refusal::BaseTooLong));
}

#[test]
fn host_is_the_authority_where_it_is_kept_there_only() {
    let lines = |fields: &[(&[u8], &[u8])], authority: &str| {
        let mut request = request("GET", "https", authority, b"/");
        request.fields = &fields;
        let lines = request.lines("host");
        lines.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    assert_eq!(lines(&[], "Example.com"), [b"Example.com".to_vec()]);
    assert_eq!(lines(&[(b"host", b"a")], "b"), [b"a".to_vec()]);
    assert!(lines(&[], "").is_empty());
}
