//! A pattern of an operator and a text from a client: what the crate takes, the regex crate takes too, and
//! both find the same.
#![no_main]

use gatehouse_regex::{Search, Whole};
use regex::bytes::{Regex, RegexBuilder};

fn theirs(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .build()
}

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8])| {
    let (pattern, text) = input;
    // Short ones say as much, and take less time.
    if pattern.len() > 40 || text.len() > 200 {
        return;
    }
    let (Ok(whole), Ok(search)) = (Whole::new(pattern), Search::new(pattern)) else {
        return;
    };
    let regex = match theirs(pattern) {
        Ok(regex) => regex,
        Err(regex::Error::CompiledTooBig(_)) => return,
        Err(error) => panic!("{pattern:?} is taken, but: {error}"),
    };
    let ours: Vec<_> = search.matches(text).map(|found| found.group(0)).collect();
    let found: Vec<_> = regex.find_iter(text).map(|found| Some(found.range())).collect();
    assert_eq!(ours, found, "{pattern:?} within {text:?}");
    // A pattern may end in a comment.
    let around = theirs(&format!("\\A(?:{pattern})\\z"))
        .or_else(|_| theirs(&format!("\\A(?:{pattern}\n)\\z")));
    if let Ok(around) = around {
        assert_eq!(whole.is_match(text), around.is_match(text), "{pattern:?} against {text:?}");
    }
});
