//! URLs, taken apart.

use crate::{Scheme, Url};

#[test]
fn urls() {
    let cases = [
        (
            "https://a.test/keys",
            Ok((Scheme::Https, "a.test", "/keys")),
        ),
        (
            "http://a.test:8080/k?x=1",
            Ok((Scheme::Http, "a.test:8080", "/k?x=1")),
        ),
        ("HTTPS://A.Test", Ok((Scheme::Https, "a.test", "/"))),
        ("https://a.test?x=1", Ok((Scheme::Https, "a.test", "/?x=1"))),
        ("https://[::1]:1/k", Ok((Scheme::Https, "[::1]:1", "/k"))),
        ("/keys", Err("is not a URL")),
        ("a.test/keys", Err("is not a URL")),
        ("ftp://a.test/", Err("is neither http nor https")),
        ("file:///etc/passwd", Err("is neither http nor https")),
        ("https:///keys", Err("has no host")),
        ("https://:80/keys", Err("has no host")),
        ("https://a,b/", Err("has no host")),
        ("https://ann@a.test/", Err("has a user")),
        (
            "https://a.test/#k",
            Err("has a fragment, which is never sent"),
        ),
        (
            "https://a.test/a b",
            Err("has a character that must be percent-encoded"),
        ),
        (
            "https://a.test/\r\nx: y",
            Err("has a character that must be percent-encoded"),
        ),
        (
            "https://ä.test/",
            Err("has a character that must be percent-encoded"),
        ),
    ];
    for (text, expected) in cases {
        let expected = expected.map(|(scheme, authority, path): (_, &str, &str)| Url {
            scheme,
            authority: authority.to_owned(),
            path: path.to_owned(),
        });
        assert_eq!(Url::parse(text), expected, "{text}");
    }
}
