//! Expressions that grow, and texts that are long: bounded memory, and time linear in the text.

use crate::{Error, Search, Set, Whole};

#[test]
fn what_explodes_is_refused() {
    let whole = [
        // 2^21 sets of states: after each byte, which of the last 20 were an "a".
        ".*a.{20}",
        "(?:a|b)*a(?:a|b){30}",
        r"(?:\w{999}){999}",
        "(?:(?:(?:a{1000}){1000}){1000}){1000}",
        "(?:(?:a?){1000}){1000}",
    ];
    for pattern in whole {
        assert_eq!(Whole::new(pattern).unwrap_err(), Error::TooBig, "{pattern}");
    }
    for pattern in ["a.{20}b", "[ab].{24}c", r"\w{2000}"] {
        assert_eq!(
            Search::new(pattern).unwrap_err(),
            Error::TooBig,
            "{pattern}"
        );
    }
    // Nothing, often, is nothing.
    assert!(Whole::new("(?:(?:(?:(?:){1000}){1000}){1000}){1000}").is_ok());
}

#[test]
fn what_operators_write_is_small() {
    let cases = [
        "/v[0-9]+/users/[^/]+(?:/.*)?",
        "(?i)/admin(?:/.*)?",
        r".*\.(?:jpe?g|png|gif|css|js|woff2?|svg)",
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
        r"Bearer [A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+",
        r"Mozilla/5\.0 .*(?:Chrome|Firefox|Safari)/[0-9.]+.*",
        ".*(?:curl|wget|python-requests|Go-http-client|sqlmap|nikto).*",
    ];
    for pattern in cases {
        let size = Whole::new(pattern).unwrap().size();
        assert!(size < 64 << 10, "{pattern}: {size}");
    }
    for pattern in [
        "^/v1/(.*)$",
        "([^;]+); *path=([^;]*)",
        r"(\w+)@(\w+\.\w+)",
        "[a-z]*1|[a-z]",
        "(.{1,20})-(.*)",
    ] {
        assert!(Search::new(pattern).is_ok(), "{pattern}");
    }
}

#[test]
fn long_texts() {
    let text = "a".repeat(60 << 10).into_bytes();
    assert!(Whole::new("(?:a?){50}a*").unwrap().is_match(&text));
    assert!(!Whole::new("(?:a|aa|aaa)*b").unwrap().is_match(&text));
    // Each search of its own reads to the end in vain, and finds one letter: quadratic elsewhere.
    let found = Search::new("[a-z]*1|[a-z]").unwrap();
    assert_eq!(found.matches(&text).count(), text.len());
    let found = Search::new("(a+)(a?)(a*)").unwrap();
    let only = found.matches(&text).next().unwrap();
    assert_eq!(only.group(1), Some(0..text.len()));
    assert_eq!(only.group(3), Some(text.len()..text.len()));
}

#[test]
fn a_set_of_many() {
    let patterns: Vec<String> = (0..1000)
        .map(|n| format!("/service{n}/[a-z]+/[0-9]+"))
        .collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let set = Set::new(&patterns, 4 << 20).unwrap();
    assert_eq!(set.matches(b"/service77/users/5"), [77]);
    assert_eq!(set.matches(b"/service77/users/"), [0; 0]);
    assert_eq!(Set::new(&patterns, 64 << 10).unwrap_err(), Error::TooBig);
}
