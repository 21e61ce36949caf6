//! A table, on hosts that share their data.

use super::*;
use gatehouse_host::Entropy as _;
use gatehouse_host_fake::{FakeHost, Shared};
use std::rc::Rc;

pub(crate) const NAME: &str = "gatehouse.test";
const LONGEST: Duration = Duration::from_secs(300);

pub(crate) fn table(slots: u32) -> Table {
    Table::new(NAME, slots, LONGEST)
}

/// So many seconds after the start.
pub(crate) fn at(seconds: u64) -> Timestamp {
    FakeHost::START.after(Duration::from_secs(seconds))
}

fn present(
    table: &Table,
    id: &str,
    until: u64,
    now: u64,
    host: &FakeHost,
) -> Result<Seen, Failure> {
    table.first_time(&[id.as_bytes()], at(until), at(now), host)
}

#[test]
fn once() {
    let host = FakeHost::default();
    let table = table(16);
    let cases: &[(&str, &[&[u8]], Seen)] = &[
        ("an identifier", &[b"a", b"b"], Seen::First),
        ("again", &[b"a", b"b"], Seen::Before),
        ("and again", &[b"a", b"b"], Seen::Before),
        ("the same bytes in other parts", &[b"ab"], Seen::First),
        ("with an empty part", &[b"ab", b""], Seen::First),
        ("an empty part", &[b""], Seen::First),
        ("no part", &[], Seen::First),
        ("in another order", &[b"b", b"a"], Seen::First),
        ("any bytes", &[b"\0\xff", b"\n"], Seen::First),
        ("no part, again", &[], Seen::Before),
    ];
    for (name, id, expected) in cases {
        let seen = table.first_time(id, at(60), at(0), &host);
        assert_eq!(seen, Ok(*expected), "{name}");
    }
}

#[test]
fn for_all_workers_and_after_their_vms() {
    let shared = Shared::default();
    let (one, two) = (FakeHost::new(shared.clone()), FakeHost::new(shared.clone()));
    assert_eq!(present(&table(16), "a", 60, 0, &one), Ok(Seen::First));
    assert_eq!(present(&table(16), "a", 60, 0, &two), Ok(Seen::Before));
    assert_eq!(present(&table(16), "b", 60, 0, &two), Ok(Seen::First));
    // A VM made anew.
    assert_eq!(present(&table(16), "b", 60, 0, &one), Ok(Seen::Before));
    // Another table.
    let other = Table::new("gatehouse.other", 16, LONGEST);
    assert_eq!(present(&other, "a", 60, 0, &one), Ok(Seen::First));
}

#[test]
fn host_calls() {
    let host = FakeHost::default();
    let table = table(16);
    let calls = |id: &str| {
        host.begin([]);
        let _ = present(&table, id, 60, 0, &host);
        host.call_count()
    };
    assert_eq!(calls("first of all"), 5, "with a seed that is made");
    assert_eq!(calls("new"), 2);
    assert_eq!(calls("new"), 1, "a replay is only read");
    let later = self::table(16);
    host.begin([]);
    let _ = present(&later, "newer", 60, 0, &host);
    assert_eq!(host.call_count(), 3, "with a seed that is read");
}

/// Two workers at the same slot: each presents after the other has read and before it writes.
#[test]
fn another_worker_comes_between() {
    for (name, other, expected) in [
        ("the same", "a", [Ok(Seen::Before), Ok(Seen::First)]),
        ("another one", "b", [Ok(Seen::First), Ok(Seen::First)]),
    ] {
        let shared = Shared::default();
        let (one, two) = (FakeHost::new(shared.clone()), FakeHost::new(shared.clone()));
        let (ours, theirs) = (table(1), Rc::new(table(1)));
        assert_eq!(present(&ours, "c", 60, 0, &one), Ok(Seen::First));
        let between = Rc::new(Cell::new(None));
        let result = between.clone();
        one.before_swap(move || {
            if result.get().is_none() {
                result.set(Some(present(&theirs, other, 60, 0, &two)));
            }
        });
        let ours = present(&ours, "a", 60, 0, &one);
        assert_eq!([ours, between.get().unwrap()], expected, "{name}");
    }
}

#[test]
fn two_workers_make_one_seed() {
    let shared = Shared::default();
    let (one, two) = (FakeHost::new(shared.clone()), FakeHost::new(shared.clone()));
    // So that the two would make different ones.
    two.fill_random(&mut [0; 16]).unwrap();
    let (ours, theirs) = (table(16), table(16));
    let between = Rc::new(Cell::new(None));
    let result = between.clone();
    one.before_swap(move || {
        if result.get().is_none() {
            result.set(Some(present(&theirs, "a", 60, 0, &two)));
        }
    });
    assert_eq!(present(&ours, "a", 60, 0, &one), Ok(Seen::Before));
    assert_eq!(between.get(), Some(Ok(Seen::First)));
    assert_eq!(shared.len(), 2, "a seed and a slot");
}

#[test]
fn retries_end() {
    let shared = Shared::default();
    let (one, two) = (FakeHost::new(shared.clone()), FakeHost::new(shared));
    let (ours, theirs) = (table(1), table(1));
    assert_eq!(present(&ours, "begin", 60, 0, &one), Ok(Seen::First));
    let count = Cell::new(0_u64);
    one.before_swap(move || {
        // Each time something else, whose time is over by the next.
        count.set(count.get() + 10);
        let id = count.get().to_string();
        let now = 1000 + count.get();
        assert_eq!(present(&theirs, &id, now, now, &two), Ok(Seen::First));
    });
    one.begin([]);
    assert_eq!(
        present(&ours, "a", 9000, 5000, &one),
        Err(Failure::Contended)
    );
    assert_eq!(one.call_count(), 2 * ATTEMPTS);
}

#[test]
fn a_full_slot_refuses_and_forgets_nothing() {
    let host = FakeHost::default();
    let table = table(1);
    let id = |index: usize| format!("id {index}");
    for index in 0..ENTRIES {
        let seen = present(&table, &id(index), 100, 0, &host);
        assert_eq!(seen, Ok(Seen::First), "{index}");
    }
    let bytes = host.shared_data().bytes();
    for now in [0, 50, 100] {
        assert_eq!(present(&table, "new", 200, now, &host), Err(Failure::Full));
        for index in 0..ENTRIES {
            let seen = present(&table, &id(index), 100, now, &host);
            assert_eq!(seen, Ok(Seen::Before), "{index} at {now}");
        }
    }
    assert_eq!(present(&table, "new", 200, 101, &host), Ok(Seen::First));
    assert_eq!(present(&table, "new", 200, 101, &host), Ok(Seen::Before));
    assert_eq!(host.shared_data().bytes(), bytes);
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let host = FakeHost::default();
    let table = table(8);
    for index in 0..10_000_u64 {
        let _ = present(&table, &index.to_string(), index + 5, index, &host);
    }
    assert_eq!(host.shared_data().len(), 9, "8 slots and the seed");
    assert!(host.shared_data().bytes() <= 16 + 8 * (5 + 12 * ENTRIES));
}

/// What the documentation says of the room: 12 for each slot, and one in a million refused.
#[test]
fn slots_fill_evenly() {
    let host = FakeHost::default();
    let table = table(256);
    let refused = (0..256 * 12).filter(|index: &i32| {
        present(&table, &index.to_string(), 100, 0, &host) == Err(Failure::Full)
    });
    assert_eq!(refused.count(), 0);
    assert_eq!(host.shared_data().len(), 257);
}

#[test]
fn a_clock_that_jumps() {
    let host = FakeHost::default();
    let table = table(1);
    assert_eq!(present(&table, "a", 100, 0, &host), Ok(Seen::First));
    // Forward: its time seems over. It is known all the same.
    assert_eq!(present(&table, "a", 100, 5000, &host), Ok(Seen::Before));
    assert_eq!(present(&table, "b", 5100, 5000, &host), Ok(Seen::First));
    assert_eq!(present(&table, "a", 100, 0, &host), Ok(Seen::Before));
    // Forward, and so much traffic that it makes room.
    for index in 0..ENTRIES {
        let id = format!("id {index}");
        let seen = present(&table, &id, 5100, 5000, &host);
        let has_room = index + 1 < ENTRIES;
        assert_eq!(seen.is_ok(), has_room, "{index}");
    }
    // Back: it may have been there. So may others that are good no longer; the rest has no room
    // until the clock is where it was.
    assert_eq!(present(&table, "a", 100, 0, &host), Err(Failure::Forgotten));
    assert_eq!(present(&table, "c", 99, 0, &host), Err(Failure::Forgotten));
    assert_eq!(present(&table, "c", 101, 0, &host), Err(Failure::Full));
    assert_eq!(present(&table, "c", 5200, 5101, &host), Ok(Seen::First));
}

#[test]
fn the_ends_of_time() {
    let host = FakeHost::default();
    let table = table(1);
    let ends = [0, 1, u64::MAX];
    for (index, until) in ends.into_iter().enumerate() {
        for (other, now) in ends.into_iter().enumerate() {
            let id = format!("{index} {other}");
            let present = || {
                let (until, now) = (Timestamp::from_nanos(until), Timestamp::from_nanos(now));
                table.first_time(&[id.as_bytes()], until, now, &host)
            };
            match until {
                // Good at no time at all.
                0 => assert_eq!(present(), Err(Failure::Forgotten)),
                _ => {
                    assert_eq!(present(), Ok(Seen::First), "{until} {now}");
                    assert_eq!(present(), Ok(Seen::Before), "{until} {now}");
                }
            }
        }
    }
}

#[test]
fn a_host_that_fails() {
    for call in [
        "proxy_get_shared_data",
        "proxy_set_shared_data",
        "random_get",
    ] {
        let host = FakeHost::default();
        let table = table(16);
        let status = Status::Code(10);
        host.fail(call, status);
        let expected = Err(Failure::Host(HostError { call, status }));
        assert_eq!(present(&table, "a", 60, 0, &host), expected, "{call}");
        host.heal(call);
        assert_eq!(
            present(&table, "a", 60, 0, &host),
            Ok(Seen::First),
            "{call}"
        );
    }
}

#[test]
fn a_table_that_something_else_wrote_over() {
    let shared = Shared::default();
    let host = FakeHost::new(shared.clone());
    let malformed = Err(Failure::Host(MALFORMED));
    assert_eq!(present(&table(1), "a", 60, 0, &host), Ok(Seen::First));
    shared.swap("gatehouse.test.0", b"?", Cas(0));
    assert_eq!(present(&table(1), "a", 60, 10, &host), malformed);
    // "a" was there, and what it held may have been good for the longest time.
    assert_eq!(
        present(&table(1), "a", 60, 10, &host),
        Err(Failure::Forgotten)
    );
    let longest = 10 + LONGEST.as_secs();
    assert_eq!(
        present(&table(1), "b", longest, 10, &host),
        Err(Failure::Forgotten)
    );
    let later = longest + 2;
    assert_eq!(present(&table(1), "b", later, 100, &host), Ok(Seen::First));
    assert_eq!(present(&table(1), "b", later, 100, &host), Ok(Seen::Before));

    shared.swap("gatehouse.test.seed", b"?", Cas(0));
    assert_eq!(present(&table(1), "c", 600, 0, &host), malformed);
}
