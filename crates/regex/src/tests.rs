//! The same as the regex crate, in all but size.

mod big;
mod mistakes;

use super::*;
use proptest::prelude::*;
use regex::bytes::{Regex, RegexBuilder};

fn theirs(pattern: &str) -> std::result::Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .build()
}

type Groups = Vec<Option<(usize, usize)>>;

fn our_matches(pattern: &str, text: &[u8]) -> Vec<Groups> {
    let search = Search::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let count = search.group_names().len() + 1;
    let groups = search.matches(text).map(|captures| {
        let group = |number| captures.group(number).map(|range| (range.start, range.end));
        (0..count).map(group).collect()
    });
    groups.map(without_last).collect()
}

fn their_matches(regex: &Regex, text: &[u8]) -> Vec<Groups> {
    let groups = regex.captures_iter(text).map(|captures| {
        let places = captures
            .iter()
            .map(|group| group.map(|g| (g.start(), g.end())));
        places.collect()
    });
    groups.map(without_last).collect()
}

/// Of `(a){0}`, the regex crate forgets the group.
fn without_last(mut groups: Groups) -> Groups {
    while groups.last() == Some(&None) {
        groups.pop();
    }
    groups
}

fn same(pattern: &str, text: &[u8]) {
    let regex = theirs(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let whole = theirs(&format!(r"\A(?:{pattern})\z"))
        .or_else(|_| theirs(&format!("\\A(?:{pattern}\n)\\z")))
        .unwrap();
    assert_eq!(
        Whole::new(pattern).unwrap().is_match(text),
        whole.is_match(text),
        "{pattern} against the whole of {text:?}"
    );
    assert_eq!(
        Search::new(pattern).unwrap().is_match(text),
        regex.is_match(text),
        "{pattern} anywhere in {text:?}"
    );
    assert_eq!(
        our_matches(pattern, text),
        their_matches(&regex, text),
        "{pattern} within {text:?}"
    );
}

#[test]
fn the_same_matches_and_groups() {
    let patterns = [
        "",
        "a",
        "ab",
        "a|b",
        "a|ab",
        "ab|a",
        "a*",
        "a+",
        "a?",
        "a*?",
        "a+?",
        "a??",
        "a{2}",
        "a{2,}",
        "a{1,2}",
        "a{0}",
        "a{0,1}?",
        "(a)",
        "(a)(b)?",
        "(a|b)*",
        "(a*)*",
        "(a*)+",
        "(a?)*b",
        "(a|b*)*",
        "((a)|b)*",
        "(?:a|(b))*c",
        "(a*?)*",
        "(|a)*",
        "(|a)+",
        "(a|)*",
        "(?:)*",
        "(?:^)*a",
        "(^|a)*b",
        "^",
        "$",
        "^a",
        "a$",
        "^$",
        r"\Aa",
        r"a\z",
        "(?m)^a$",
        "(?m)$",
        r"\b",
        r"\B",
        r"\ba",
        r"a\b",
        r"\Ba",
        r"(a\b|b)*",
        r"\b(\w+)\b",
        ".",
        "(?-s).",
        "(?-s).*",
        "(?s).*",
        "[ab]",
        "[^ab]",
        "[a-c]+",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
        "[a^]",
        r"[\d\s]+",
        r"[^\w]",
        r"[\]\\]",
        "[[:alpha:]]+",
        "[[:^alpha:]b]",
        r"\d+",
        r"\D",
        r"\s",
        r"\S+",
        r"\w",
        r"\W",
        r"\x61",
        r"\x{61}",
        r"\u0061",
        r"\xff",
        r"\x{ff}",
        "é",
        "é*",
        "é?a",
        "[\\xc3]",
        "(?i)A",
        "(?i)[a-b]+",
        "(?i)[^a]",
        "(?i)[[:upper:]]",
        "(?i)[[:^upper:]]",
        "(?i)[^[:^upper:]]",
        "(?i)[[:^lower:]]",
        "(?i)[^[:^lower:]]",
        "(?i)[[:^upper:]b]",
        "(?i)[[:^xdigit:]]",
        r"(?i)[\D]",
        r"(?i)[^\W]",
        r"(?i)[\Sb]",
        "(?i:a)b",
        "(?i)a|(?-i)B",
        "a(?i)b|c",
        "(?x) a b # c",
        "(?x) [a b] \\ ",
        "(?x)[ ^a]",
        "(?x)[ ^ a ]",
        "(?x)[ # c\n^a]",
        "(?x)[a ^]",
        "(?x)[ ]a]",
        "(?x)[ ^ ]a]",
        "(?x)[- -a]",
        "(?x)[^ - -a]",
        "(?x)[A- ]]",
        "(?x)[!- -a]",
        "(?x)a{1,2} ?",
        "(?x)a+ ?",
        "(?U)a*",
        "(?U)a*?",
        "(?P<x>a)",
        "(?<x>a)(?P<y>b)",
        "^/v1/(.*)$",
        "^(.*)/([^/]*)$",
        "(.*)(a.*)",
        "(.*?)(a.*)",
        "(a+)(a+)",
        "(a+?)(a+)",
        "(?:a{2}){2}",
        "(a{0,2}){2}",
        "x*",
        "(x+x+)+y",
        "[a-z]*1|[a-z]",
        r"\*\.\{",
        "a\\ b",
        "]",
        "}",
        "a-b",
        "&&",
        "(a{2,3}?)(a*)",
        "(?:(a)|(b)|(c))+",
        "(a(b)?)+",
        "((a)|(b))+?c",
        "(?:a?){3}a{3}",
        "(?:a|b|ab)(?:c|bcd)(?:d*)",
    ];
    let texts: [&[u8]; 31] = [
        b"",
        b"a",
        b"b",
        b"ab",
        b"ba",
        b"aa",
        b"aab",
        b"abab",
        b"aaa",
        b"c",
        b"abc",
        b"cab",
        b"A",
        b"AB",
        b"a b",
        b"a\nb",
        b"\n",
        b"a\n",
        b"\na",
        b"/v1/users/7",
        b"a/b/c",
        b"1a1",
        b"xxxxy",
        b"xxxx",
        "é".as_bytes(),
        "aéb".as_bytes(),
        b"\xff",
        b"a\xff\xfeb",
        b"*.{}]",
        b"a-b]&&",
        b"abcd abbcd aacb",
    ];
    for pattern in patterns {
        for text in texts {
            same(pattern, text);
        }
    }
}

/// Patterns out of the pieces that matter: groups, repetitions, empty parts, conditions.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a", "b", "c", "ab", "", ".", "[ab]", "[^a]", "^", "$", r"\b", r"\B", "(?m)^", "(?m)$",
        "(?i)A", "é", r"\xff", "\n",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let repeated = (
            inner.clone(),
            prop::sample::select(vec!["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}", "{2,3}?", "{0}"]),
        );
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            2 => inner.clone().prop_map(|inner| format!("({inner})")),
            3 => repeated.prop_map(|(inner, times)| format!("(?:{inner}){times}")),
            1 => inner.prop_map(|inner| format!("({inner})*")),
        ]
    })
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"a"[..],
        b"b",
        b"c",
        b"ab",
        b"A",
        b"\n",
        b" ",
        b"\xc3\xa9",
        b"\xff",
        b"\xc3",
    ]);
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_pattern_finds_what_the_regex_crate_finds(pattern in pattern(), text in text()) {
        prop_assume!(Whole::new(&pattern).is_ok() && Search::new(&pattern).is_ok());
        same(&pattern, &text);
    }

    /// No pattern panics, and what is refused there is refused here.
    #[test]
    fn no_pattern_panics(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "a", "-", "[", "]", "(", ")", "(?", "(?i", ":", "^", "$", "\\", "{", "}", "1", ",", "*", "+", "?", "|",
            ".", "&&", "[:alpha:]", "(?P<", "n>", "\\x", "\\b", "\\d", "é", " ", "#", "(?x)", "\n",
            "[:^upper:]", "[ ", "A", "]",
        ]), 0..12),
        text in text(),
    ) {
        let pattern = pieces.concat();
        if theirs(&pattern).is_err() {
            prop_assert!(Whole::new(&pattern).is_err(), "{} is accepted", pattern);
        } else if Whole::new(&pattern).is_ok() && Search::new(&pattern).is_ok() {
            same(&pattern, &text);
        }
    }

    #[test]
    fn a_set_finds_what_each_finds(patterns in prop::collection::vec(pattern(), 1..8), text in text()) {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let Ok(set) = Set::new(&patterns, 1 << 20) else { return Ok(()) };
        let each = patterns.iter().map(|pattern| Whole::new(pattern).unwrap().is_match(&text));
        let expected: Vec<usize> = each.enumerate().filter_map(|(place, found)| found.then_some(place)).collect();
        prop_assert_eq!(set.matches(&text), expected);
    }
}
