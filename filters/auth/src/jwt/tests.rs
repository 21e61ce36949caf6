//! The memory of tokens is bounded.

use super::cache::{Cache, Entry, Found, MAX_TOKEN_BYTES};
use crate::identity::Identity;
use gatehouse_host::{Consumer, Timestamp};
use std::rc::Rc;

fn entry(name: &str) -> Entry {
    let consumer = Consumer {
        name: name.to_owned(),
        ..Consumer::default()
    };
    let identity = Rc::new(Identity::new(consumer, &[]).unwrap());
    Entry::new(identity, at(10), at(20))
}

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn name(found: Found) -> Option<String> {
    match found {
        Found::Valid(identity) => Some(identity.consumer.name.clone()),
        Found::Expired | Found::Unknown => None,
    }
}

#[test]
fn a_flood_of_tokens_takes_no_more_room_and_leaves_what_is_in_use() {
    let mut cache = Cache::new(100);
    cache.remember(b"in use", entry("ann"));
    for index in 0..10_000 {
        cache.remember(format!("token {index}").as_bytes(), entry("other"));
        assert!(cache.len() <= 100, "{}", cache.len());
        if index % 40 == 0 {
            assert_eq!(
                name(cache.find(b"in use", at(10))).as_deref(),
                Some("ann"),
                "{index}"
            );
        }
    }
    assert_eq!(cache.find(b"token 0", at(10)), Found::Unknown);
}

#[test]
fn only_in_their_time() {
    let mut cache = Cache::new(2);
    cache.remember(b"t", entry("ann"));
    assert_eq!(cache.find(b"t", at(9)), Found::Unknown);
    assert_eq!(name(cache.find(b"t", at(19))).as_deref(), Some("ann"));
    assert_eq!(cache.find(b"t", at(20)), Found::Expired);
    assert_eq!(cache.len(), 0);
    assert_eq!(cache.find(b"t", at(19)), Found::Unknown);
}

#[test]
fn tokens_with_one_end() {
    let end = "the signature of both, of more than 32 bytes";
    let (good, bad) = (format!("good.{end}"), format!("evil.{end}"));
    let mut cache = Cache::new(2);
    cache.remember(good.as_bytes(), entry("ann"));
    let cases = [
        ("itself", good.clone(), Some("ann")),
        ("another beginning", bad.clone(), None),
        ("a byte less", good.trim_start_matches('g').to_owned(), None),
        ("a byte more", format!("x{good}"), None),
        ("the end alone", end.to_owned(), None),
        ("nothing", String::new(), None),
        ("itself, after all of these", good.clone(), Some("ann")),
    ];
    for (case, token, expected) in cases {
        let found = name(cache.find(token.as_bytes(), at(10)));
        assert_eq!(found.as_deref(), expected, "{case}");
    }
    // In the old generation.
    cache.remember(b"t", entry("bob"));
    assert_eq!(name(cache.find(bad.as_bytes(), at(10))), None);
    assert_eq!(
        name(cache.find(good.as_bytes(), at(10))).as_deref(),
        Some("ann")
    );
    // The later one stays.
    cache.remember(bad.as_bytes(), entry("eve"));
    assert_eq!(
        name(cache.find(bad.as_bytes(), at(10))).as_deref(),
        Some("eve")
    );
    assert_eq!(name(cache.find(good.as_bytes(), at(10))), None);
}

#[test]
fn not_at_all() {
    let long = vec![b't'; MAX_TOKEN_BYTES + 1];
    let fits = vec![b't'; MAX_TOKEN_BYTES];
    let mut none = Cache::new(0);
    none.remember(&fits, entry("ann"));
    assert_eq!(none.len(), 0);
    let mut cache = Cache::new(10);
    cache.remember(&long, entry("ann"));
    assert_eq!(cache.len(), 0);
    cache.remember(&fits, entry("ann"));
    assert_eq!(cache.len(), 1);
}
