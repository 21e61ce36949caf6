//! What is no regular expression, and why.

use crate::{Error, Search, Whole};

#[test]
fn each_has_its_reason() {
    let cases = [
        ("(", "unclosed group"),
        ("a)|(?:b", "unopened group"),
        ("a))", "unopened group"),
        ("[", "unclosed character class"),
        ("[]", "unclosed character class"),
        ("[a-", "unclosed character class"),
        ("[[:alpha:", "unclosed character class"),
        ("[[:alpah:]]", "no ASCII class has this name"),
        ("[a[b]]", "a \"[\" in a character class is written \"\\[\""),
        (
            "[a&&b]",
            "operators of classes are not supported: write such characters once",
        ),
        (
            "[a--b]",
            "operators of classes are not supported: write such characters once",
        ),
        (
            "(?x)[A- # c\n]]",
            "a comment after a \"-\" in a character class is not supported",
        ),
        (
            "[--a]",
            "operators of classes are not supported: write such characters once",
        ),
        (
            "[b-a]",
            "invalid character class range, the start must be <= the end",
        ),
        (r"[a-\d]", "invalid range boundary, must be a literal"),
        (r"[\w-z]", "invalid range boundary, must be a literal"),
        (r"[\b]", "invalid escape sequence found in character class"),
        ("[é]", "Unicode not allowed here"),
        (r"\pL", "Unicode not allowed here"),
        ("(?u)a", "Unicode not allowed here"),
        ("*", "repetition operator missing expression"),
        ("a|*", "repetition operator missing expression"),
        ("(?i)*", "repetition operator missing expression"),
        ("(?)", "repetition operator missing expression"),
        ("(?ii)a", "duplicate flag"),
        ("(?i-i:a)", "duplicate flag"),
        ("(?i--s:a)", "flag negation operator repeated"),
        ("a{", "unclosed counted repetition"),
        ("a{1", "unclosed counted repetition"),
        ("a{1,2", "unclosed counted repetition"),
        ("a{b}", "repetition quantifier expects a valid decimal"),
        (
            "a{99999999999}",
            "repetition quantifier expects a valid decimal",
        ),
        ("a{,2}", "repetition quantifier expects a valid decimal"),
        (
            "a{2,1}",
            "invalid repetition count range, the start must be <= the end",
        ),
        (
            "a\\",
            "incomplete escape sequence, reached end of pattern prematurely",
        ),
        (r"\y", "unrecognized escape sequence"),
        (r"\<a", "unrecognized escape sequence"),
        (r"\b{start}a", "special word boundaries are not supported"),
        (r"(a)\1", "backreferences are not supported"),
        (r"\xg0", "invalid hexadecimal digits"),
        (r"\x{61", "invalid hexadecimal digits"),
        (r"\x{}", "invalid hexadecimal digits"),
        (r"\u{d800}", "hexadecimal digits that are no character"),
        (
            "(?=a)",
            "look-around, including look-ahead and look-behind, is not supported",
        ),
        (
            "(?<!a)b",
            "look-around, including look-ahead and look-behind, is not supported",
        ),
        ("(?P<a", "unclosed capture group name"),
        ("(?P<>a)", "empty capture group name"),
        ("(?P<1>a)", "invalid capture group character"),
        ("(?P<a>a)(?<a>b)", "duplicate capture group name"),
        ("(?z)", "unrecognized flag"),
        ("(?i-)", "dangling flag negation operator"),
        ("(?--i)", "flag negation operator repeated"),
        ("(?i", "unclosed group"),
    ];
    for (pattern, reason) in cases {
        assert_eq!(
            Whole::new(pattern).unwrap_err(),
            Error::Syntax(reason),
            "{pattern}"
        );
        assert_eq!(
            Search::new(pattern).unwrap_err(),
            Error::Syntax(reason),
            "{pattern}"
        );
    }
}

#[test]
fn nesting_has_a_bound() {
    let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Whole::new(&deep(64)).is_ok());
    let reason = Error::Syntax("groups and repetitions are nested too deep");
    assert_eq!(Whole::new(&deep(65)).unwrap_err(), reason);
    assert_eq!(Whole::new(&"(".repeat(1 << 20)).unwrap_err(), reason);
    assert_eq!(
        Whole::new(&format!("a{}", "*".repeat(1 << 20))).unwrap_err(),
        reason
    );
}
