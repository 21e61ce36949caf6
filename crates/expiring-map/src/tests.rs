//! The bounds hold whatever is done, and nothing is found out of its time.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn map(entries: usize, bytes: usize) -> ExpiringMap<u32> {
    ExpiringMap::new(Bounds { entries, bytes })
}

const PLENTY: usize = 1 << 20;

#[test]
fn a_flood_takes_no_more_room_and_leaves_what_is_in_use() {
    let mut map = map(100, PLENTY);
    map.insert(b"in use", 7, 0, 10..20);
    for index in 0..10_000_u32 {
        map.insert(&index.to_be_bytes(), index, 0, 10..20);
        assert!(map.len() <= 100, "{}", map.len());
        if index % 40 == 0 {
            assert_eq!(map.find(b"in use", 10), Found::Valid(7), "{index}");
        }
    }
    assert_eq!(map.find(&0_u32.to_be_bytes(), 10), Found::Unknown);
    assert_eq!(map.find(&9_999_u32.to_be_bytes(), 10), Found::Valid(9_999));
}

#[test]
fn a_flood_of_large_values_takes_no_more_bytes() {
    let mut map = map(1_000_000, 100_000);
    for index in 0..10_000_u32 {
        map.insert(&index.to_be_bytes(), index, 1_000, 10..20);
        assert!(map.weight() <= 100_000, "{}", map.weight());
    }
    // Half of the bytes, at 1,100 each.
    assert!((45..=90).contains(&map.len()), "{}", map.len());
}

#[test]
fn only_in_their_time() {
    let mut map = map(2, PLENTY);
    map.insert(b"k", 1, 0, 10..20);
    for (now, expected) in [
        (9, Found::Unknown),
        (10, Found::Valid(1)),
        (0, Found::Unknown),
        (19, Found::Valid(1)),
        (20, Found::Expired),
        (19, Found::Unknown),
    ] {
        assert_eq!(map.find(b"k", now), expected, "{now}");
    }
    assert!(map.is_empty());
}

#[test]
fn expired_in_the_old_generation() {
    let mut map = map(2, PLENTY);
    map.insert(b"a", 1, 0, 10..20);
    map.insert(b"b", 2, 0, 10..20);
    assert_eq!(map.find(b"a", 20), Found::Expired);
    assert_eq!(map.find(b"a", 20), Found::Unknown);
    assert_eq!(map.len(), 1);
}

#[test]
fn what_is_not_kept() {
    let cases: [(&str, usize, usize, usize, Range<u64>); 6] = [
        ("no room", 0, PLENTY, 0, 10..20),
        ("room for half an entry", 1, PLENTY, 0, 10..20),
        ("more than half of the bytes", 10, 2_000, 1_000, 10..20),
        ("a weight without end", 10, PLENTY, usize::MAX, 10..20),
        ("true at no time", 10, PLENTY, 0, 20..20),
        (
            "over before it begins",
            10,
            PLENTY,
            0,
            Range { start: 20, end: 10 },
        ),
    ];
    for (name, entries, bytes, weight, when) in cases {
        let mut map = map(entries, bytes);
        map.insert(b"k", 1, weight, when);
        assert!(map.is_empty(), "{name}");
        assert_eq!(map.weight(), 0, "{name}");
    }
}

#[test]
fn a_value_that_is_not_kept_takes_the_former_with_it() {
    let mut map = map(10, 2_000);
    map.insert(b"k", 1, 0, 10..20);
    map.insert(b"k", 2, 2_000, 10..20);
    assert_eq!(map.find(b"k", 10), Found::Unknown);
}

#[test]
fn replaced_in_either_generation_and_removed_from_both() {
    let mut map = map(4, PLENTY);
    map.insert(b"a", 1, 0, 0..9);
    map.insert(b"a", 2, 0, 0..9);
    assert_eq!((map.len(), map.find(b"a", 0)), (1, Found::Valid(2)));
    map.insert(b"b", 1, 0, 0..9);
    map.insert(b"c", 1, 0, 0..9);
    // "a" is old now.
    map.insert(b"a", 3, 0, 0..9);
    assert_eq!((map.len(), map.find(b"a", 0)), (3, Found::Valid(3)));
    for key in [b"a", b"b", b"c"] {
        map.remove(key);
        assert_eq!(map.find(key, 0), Found::Unknown);
    }
    assert_eq!((map.len(), map.weight()), (0, 0));
    map.insert(b"a", 1, 0, 0..9);
    map.clear();
    assert_eq!((map.find(b"a", 0), map.weight()), (Found::Unknown, 0));
}

/// `printf` and `sha256sum` agree.
#[test]
fn digests_tell_all_lists_of_parts_apart() {
    let lists: [&[&[u8]]; 8] = [
        &[],
        &[b""],
        &[b"", b""],
        &[b"abc"],
        &[b"ab", b"c"],
        &[b"a", b"bc"],
        &[b"\0\0\0\0\0\0\0\x01c"],
        &[b"ab", b"\0\0\0\0\0\0\0\x01c"],
    ];
    let digests: Vec<_> = lists
        .iter()
        .map(|parts| digest(parts.iter().copied()))
        .collect();
    for (index, one) in digests.iter().enumerate() {
        assert!(!digests[..index].contains(one), "{:?}", lists[index]);
    }
    let expected = "c3494ca1a2cf8eeb8a11ded316fb55b83c3bbbedb6313cd50415251e5d09e12f";
    let hex: String = digest([&b"abc"[..]])
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, expected);
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, usize, u64, u64),
    Find(u8, u64),
    Remove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<u8>(), 0_usize..400, 0_u64..50, 0_u64..50)
            .prop_map(|(key, weight, from, until)| Step::Insert(key, weight, from, until)),
        (any::<u8>(), 0_u64..50).prop_map(|(key, now)| Step::Find(key, now)),
        any::<u8>().prop_map(Step::Remove),
    ]
}

proptest! {
    /// What is found is the last that was inserted, in its time; and the bounds hold after each step.
    #[test]
    fn never_wrong_and_never_too_large(steps in vec(step(), 0..400)) {
        let mut map: ExpiringMap<usize> = ExpiringMap::new(Bounds { entries: 20, bytes: 4_000 });
        let mut last = std::collections::HashMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(key, weight, from, until) => {
                    map.insert(&[key], number, weight, from..until);
                    last.insert(key, (number, from, until));
                }
                Step::Remove(key) => {
                    map.remove(&[key]);
                    last.remove(&key);
                }
                Step::Find(key, now) => if let Found::Valid(found) = map.find(&[key], now) {
                    let (number, from, until) = last[&key];
                    prop_assert_eq!(found, number);
                    prop_assert!((from..until).contains(&now));
                },
            }
            prop_assert!(map.len() <= 20);
            prop_assert!(map.weight() <= 4_000);
            prop_assert_eq!(map.bytes, map.young.values().map(|entry| entry.bytes).sum::<usize>());
        }
    }
}
