//! What a slot keeps and what goes.

use super::*;

fn at(until: u64) -> State {
    State {
        until,
        counts: [7, u32::MAX],
    }
}

fn slot(entries: &[(u64, u64)]) -> Slot {
    let bytes = entries
        .iter()
        .flat_map(|(print, until)| encode(*print, at(*until)));
    Slot::decode(bytes.collect()).unwrap()
}

#[test]
fn an_entry_is_removed() {
    type Entries<'a> = &'a [(u64, u64)];
    let cases: [(&str, Entries<'_>, u64, Entries<'_>); 4] = [
        ("of none", &[], 1, &[]),
        ("the only one", &[(1, 5)], 1, &[]),
        (
            "one between others",
            &[(1, 5), (2, 6), (3, 7)],
            2,
            &[(1, 5), (3, 7)],
        ),
        ("one that is not there", &[(1, 5)], 2, &[(1, 5)]),
    ];
    for (name, before, fingerprint, after) in cases {
        let mut removed = slot(before);
        removed.remove(fingerprint);
        assert_eq!(removed, slot(after), "{name}");
        assert_eq!(removed.find(fingerprint), None, "{name}");
    }
}

#[test]
fn an_entry_is_put_where_it_costs_least() {
    let full = [
        (1, 50),
        (2, 90),
        (3, 40),
        (4, 60),
        (5, 70),
        (6, 80),
        (7, 30),
        (8, 100),
    ];
    let with = |at: usize, entry: (u64, u64)| {
        let mut entries = full;
        entries[at] = entry;
        entries
    };
    type Entries<'a> = &'a [(u64, u64)];
    type Case<'a> = (&'a str, Entries<'a>, (u64, u64, u64), Entries<'a>, Lost);
    let cases: [Case<'_>; 7] = [
        ("empty", &[], (1, 5, 4), &[(1, 5)], Lost::Nothing),
        (
            "update",
            &[(1, 5), (2, 6)],
            (1, 9, 8),
            &[(1, 9), (2, 6)],
            Lost::Nothing,
        ),
        (
            "one that is full already is kept while there is room",
            &[(1, 5)],
            (2, 9, 8),
            &[(1, 5), (2, 9)],
            Lost::Nothing,
        ),
        (
            "the one that is full already",
            &full,
            (9, 41, 30),
            &with(6, (9, 41)),
            Lost::Nothing,
        ),
        (
            "the one that is full the soonest",
            &full,
            (9, 41, 29),
            &with(6, (9, 41)),
            Lost::Entry,
        ),
        (
            "update of a slot without room",
            &full,
            (8, 110, 29),
            &with(7, (8, 110)),
            Lost::Nothing,
        ),
        (
            "the ends of 64 bits",
            &[],
            (u64::MAX, u64::MAX, u64::MAX),
            &[(u64::MAX, u64::MAX)],
            Lost::Nothing,
        ),
    ];
    for (name, before, (print, until, now), after, lost) in cases {
        let mut slot_ = slot(before);
        assert_eq!(slot_.put(print, at(until), now), lost, "{name}");
        assert_eq!(slot_, slot(after), "{name}");
        assert_eq!(slot_.find(print), Some(at(until)), "{name}");
    }
}

#[test]
fn an_entry_is_found_by_its_whole_fingerprint() {
    let slot = slot(&[(1, 5), (1 << 63 | 1, 6)]);
    assert_eq!(slot.find(1), Some(at(5)));
    assert_eq!(slot.find(1 << 63 | 1), Some(at(6)));
    assert_eq!(slot.find(0), None);
}

#[test]
fn bytes() {
    let bytes = [
        1, 0, 0, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0xfe, 3, 0, 0, 0xfd, 4, 0, 0, 0xfc,
    ];
    let slot = Slot::decode(bytes.to_vec()).unwrap();
    let state = State {
        until: 0xfe00_0000_0000_0002,
        counts: [0xfd00_0003, 0xfc00_0004],
    };
    assert_eq!(slot.find(0xff00_0000_0000_0001), Some(state));
    let mut again = Slot::default();
    again.put(0xff00_0000_0000_0001, state, 0);
    assert_eq!(again.as_bytes(), bytes);
    for (length, valid) in [
        (0, true),
        (1, false),
        (16, false),
        (23, false),
        (24, true),
        (25, false),
        (192, true),
        (216, false),
    ] {
        assert_eq!(
            Slot::decode(vec![0; length]).is_some(),
            valid,
            "{length} bytes"
        );
    }
}

/// Entries of one window: the one that has counted least goes, whichever counter has it.
#[test]
fn of_entries_that_end_together_the_lightest_goes() {
    let counts = [
        [3, 9],
        [0, u32::MAX],
        [4, 7],
        [12, 0],
        [0, 10],
        [u32::MAX, u32::MAX],
        [6, 6],
        [5, 8],
    ];
    let mut slot = Slot::default();
    for (print, counts) in (0..).zip(counts) {
        slot.put(print, State { until: 50, counts }, 40);
    }
    let new = State {
        until: 50,
        counts: [0, 1],
    };
    assert_eq!(slot.put(100, new, 40), Lost::Entry);
    assert_eq!(slot.find(4), None, "ten, of all the least");
    assert_eq!(slot.put(101, new, 40), Lost::Entry);
    assert_eq!(slot.find(100), None, "the new one is the lightest now");
    let longer = State {
        until: 51,
        counts: [0, 1],
    };
    slot.put(102, longer, 40);
    slot.put(103, new, 40);
    assert_eq!(slot.find(102), Some(longer), "it ends later");
    for print in [0, 1, 2, 3, 5, 6, 7] {
        assert_eq!(slot.find(print).is_some(), print != 2, "{print}");
    }
}
