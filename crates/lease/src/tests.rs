use super::*;

const SECOND: u64 = 1_000_000_000;
const NOW: u64 = 1_767_225_600 * SECOND;

/// A share of 20 of a minute's quota: low water is 5.
const TERMS: Terms = Terms {
    share: 20,
    period_ns: 60 * SECOND,
    patience_ns: 2 * SECOND,
};

fn holding(held: u64) -> Lease {
    Lease::default().granted(&TERMS, NOW, first(held), Some(30 * SECOND), Some(50))
}

/// Nothing is held, and the service said that so much is left.
fn told(left: u64) -> Lease {
    Lease::default().granted(&TERMS, NOW, first(0), Some(30 * SECOND), Some(left))
}

/// What becomes of a lease that asks a service which has so much left, and does not say how much.
fn answered(lease: &Lease, terms: &Terms, ask: Ask, left: &mut u64) -> Lease {
    let reset = Some(30 * SECOND);
    match left.checked_sub(ask.units) {
        Some(rest) => {
            *left = rest;
            lease.granted(terms, NOW, ask, reset, None)
        }
        None => lease.refused(terms, NOW, ask, reset, None),
    }
}

fn first(units: u64) -> Ask {
    let turn = Turn::First;
    Ask { units, turn }
}

fn second(units: u64) -> Ask {
    let turn = Turn::Second;
    Ask { units, turn }
}

/// `Served` with what is then held and what to ask for, and so on.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Served(u64, Option<u64>),
    Short(u64),
    /// Of the second to ask, and of further ones.
    Second(u64),
    Further(u64),
    Alone,
    Over(u64),
}

fn seen(lease: &Lease, now: u64, cost: u64) -> Seen {
    seen_waiting(lease, now, cost, 0)
}

fn seen_waiting(lease: &Lease, now: u64, cost: u64, waiting: u64) -> Seen {
    match lease.take(&TERMS, now, cost, waiting) {
        Taken::Served { lease, ask } => {
            assert!(ask.is_none_or(|ask| ask.turn == Turn::First));
            Seen::Served(lease.held(&TERMS, now), ask.map(|ask| ask.units))
        }
        Taken::Short { ask, .. } => match ask.turn {
            Turn::First => Seen::Short(ask.units),
            Turn::Second => Seen::Second(ask.units),
            Turn::Further => Seen::Further(ask.units),
        },
        Taken::Alone => Seen::Alone,
        Taken::Over { retry_after_ns } => Seen::Over(retry_after_ns),
    }
}

fn asked(lease: &Lease, now: u64) -> Lease {
    match lease.take(&TERMS, now, 1, 0) {
        Taken::Short { lease, .. } | Taken::Served { lease, .. } => lease,
        other => panic!("{other:?}"),
    }
}

#[test]
fn taking() {
    let new = Lease::default();
    let over = |units, told| new.refused(&TERMS, NOW, first(units), Some(9 * SECOND), told);
    let later = 31 * SECOND;
    let cases = [
        ("nothing is known", new, 0, 1, Seen::Short(20)),
        ("for nothing", new, 0, 0, Seen::Served(0, None)),
        ("as much as a share", new, 0, 20, Seen::Alone),
        ("more than a share", new, 0, 21, Seen::Alone),
        ("held", holding(20), 0, 1, Seen::Served(19, None)),
        ("at low water", holding(6), 0, 1, Seen::Served(5, None)),
        ("below it", holding(5), 0, 1, Seen::Served(4, Some(20))),
        (
            "below it, and it is asked for",
            asked(&holding(5), NOW),
            1,
            1,
            Seen::Served(3, None),
        ),
        ("the last", holding(1), 0, 1, Seen::Served(0, Some(20))),
        ("all at once", holding(20), 0, 20, Seen::Served(0, Some(20))),
        ("more than is held", holding(3), 0, 4, Seen::Short(20)),
        ("less is left than a share", told(7), 0, 1, Seen::Short(7)),
        (
            "as much is left as is needed",
            told(1),
            0,
            1,
            Seen::Short(1),
        ),
        ("nothing is left", told(0), 0, 1, Seen::Short(1)),
        ("after the window", holding(20), later, 1, Seen::Short(20)),
        ("at its end", holding(20), 30 * SECOND, 1, Seen::Short(20)),
        (
            "right before its end",
            holding(20),
            30 * SECOND - 1,
            1,
            Seen::Served(19, None),
        ),
        (
            "somebody asks",
            asked(&new, NOW),
            SECOND,
            1,
            Seen::Second(10),
        ),
        (
            "somebody asks, and half a share is not enough",
            asked(&new, NOW),
            SECOND,
            12,
            Seen::Second(12),
        ),
        (
            "two ask",
            asked(&asked(&new, NOW), NOW),
            SECOND,
            3,
            Seen::Further(3),
        ),
        (
            "somebody asks for all that is left but three",
            asked(&told(23), NOW),
            0,
            1,
            Seen::Second(3),
        ),
        (
            "somebody asked for too long",
            asked(&new, NOW),
            2 * SECOND,
            1,
            Seen::Short(20),
        ),
        ("a share was refused", over(20, None), 0, 1, Seen::Short(5)),
        (
            "a share was refused, less is left",
            over(20, Some(3)),
            0,
            1,
            Seen::Short(3),
        ),
        (
            "a share was refused, and more is wanted than is likely",
            over(20, Some(9)),
            0,
            6,
            Seen::Short(6),
        ),
        (
            "a share was refused, nothing is left",
            over(20, Some(0)),
            0,
            1,
            Seen::Short(1),
        ),
        (
            "one was refused",
            over(1, Some(0)),
            0,
            1,
            Seen::Over(9 * SECOND),
        ),
        (
            "two were refused, and one is wanted",
            over(2, None),
            0,
            1,
            Seen::Short(1),
        ),
        (
            "two were refused, and three are wanted",
            over(2, None),
            SECOND,
            3,
            Seen::Over(8 * SECOND),
        ),
        (
            "refused in the window before",
            over(1, None),
            9 * SECOND,
            1,
            Seen::Short(20),
        ),
    ];
    for (name, lease, after, cost, expected) in cases {
        assert_eq!(seen(&lease, NOW + after, cost), expected, "{name}");
    }
}

#[test]
fn the_clock_set_back() {
    let hour = 3_600 * SECOND;
    let refused = Lease::default().refused(&TERMS, NOW, first(1), Some(30 * SECOND), None);
    let marked = asked(&Lease::default(), NOW);
    let cases = [
        (
            "a second: held",
            holding(20),
            NOW - SECOND,
            Seen::Served(19, None),
        ),
        ("an hour: held", holding(20), NOW - hour, Seen::Short(20)),
        ("an hour: refused", refused, NOW - hour, Seen::Short(20)),
        (
            "a second: somebody asks",
            marked,
            NOW - SECOND,
            Seen::Second(10),
        ),
        (
            "an hour: somebody asks",
            marked,
            NOW - hour,
            Seen::Short(20),
        ),
        ("to zero", holding(20), 0, Seen::Short(20)),
        ("to its end", holding(20), u64::MAX, Seen::Short(20)),
    ];
    for (name, lease, now, expected) in cases {
        assert_eq!(seen(&lease, now, 1), expected, "{name}");
    }
}

#[test]
fn granting() {
    let with = |held, reset_ns: Option<u64>, after: u64| {
        let now = NOW + after;
        let asked = holding(held).marked(Turn::First, 20, now);
        let lease = asked.granted(&TERMS, now, first(20), reset_ns, Some(9));
        (
            lease.held(&TERMS, now),
            lease.reset_ns(&TERMS, now),
            lease.remaining(&TERMS, now),
        )
    };
    let s = SECOND;
    let cases = [
        ("the first", with(0, Some(30 * s), 0), (20, 30 * s, 29)),
        (
            "in the same window",
            with(5, Some(20 * s), 10 * s),
            (25, 20 * s, 34),
        ),
        (
            "rounded up",
            with(5, Some(21 * s), 10 * s),
            (25, 20 * s, 34),
        ),
        (
            "rounded down",
            with(5, Some(19 * s), 10 * s),
            (25, 19 * s, 34),
        ),
        (
            "in the next window, a moment early",
            with(5, Some(60 * s), 29 * s),
            (20, 60 * s, 29),
        ),
        (
            "in the next window",
            with(5, Some(59 * s), 31 * s),
            (20, 59 * s, 29),
        ),
        (
            "no window is known: that of what is held",
            with(5, None, 10 * s),
            (25, 20 * s, 34),
        ),
        (
            "no window is known, and nothing is held",
            with(0, None, 10 * s),
            (20, 60 * s, 29),
        ),
        (
            "no longer than a period",
            with(0, Some(3_600 * s), 0),
            (20, 60 * s, 29),
        ),
        (
            "its window ends within a second",
            with(0, Some(0), 0),
            (20, s, 29),
        ),
    ];
    for (name, seen, expected) in cases {
        assert_eq!(seen, expected, "{name}");
    }
    let most = holding(5).granted(
        &TERMS,
        NOW,
        first(u64::MAX),
        Some(30 * s),
        Some(u64::MAX - 1),
    );
    assert_eq!(most.held(&TERMS, NOW), u64::MAX);
    assert_eq!(most.remaining(&TERMS, NOW), u64::MAX);
}

#[test]
fn refusing() {
    let s = SECOND;
    // What is held stays, and is served first.
    let lease = holding(5).refused(&TERMS, NOW, first(20), Some(40 * s), None);
    assert_eq!(lease.held(&TERMS, NOW), 5);
    assert_eq!(lease.reset_ns(&TERMS, NOW), 30 * s);
    assert_eq!(seen(&lease, NOW, 6), Seen::Short(5));
    // Nor does it end sooner where the service does not say when anything ends.
    let lease = asked(&holding(5), NOW).refused(&TERMS, NOW, first(20), None, None);
    assert_eq!(lease.held(&TERMS, NOW + 29 * s), 4);
    assert_eq!(lease.reset_ns(&TERMS, NOW), 30 * s);
    // Nobody asks ahead again for as long as a question lasts; who needs more asks.
    assert_eq!(seen(&lease, NOW, 1), Seen::Served(3, None));
    assert_eq!(seen(&lease, NOW + 2 * s, 1), Seen::Served(3, Some(20)));
    assert_eq!(seen(&lease, NOW, 5), Seen::Second(10));
    // Where the service does not say for how long, it is a second.
    let lease = Lease::default().refused(&TERMS, NOW, first(1), None, None);
    assert_eq!(seen(&lease, NOW, 1), Seen::Over(s));
    assert_eq!(seen(&lease, NOW + s, 1), Seen::Short(20));
    // The least that was refused counts.
    let lease = lease.refused(&TERMS, NOW, first(20), Some(s), None);
    assert_eq!(seen(&lease, NOW, 1), Seen::Over(s));
    // A later grant ends it.
    let lease = lease.granted(&TERMS, NOW, first(20), None, None);
    assert_eq!(seen(&lease, NOW, 20), Seen::Served(0, Some(20)));
}

#[test]
fn a_question_without_answer() {
    let lease = asked(&Lease::default(), NOW);
    assert_eq!(seen(&lease, NOW, 1), Seen::Second(10));
    assert_eq!(seen(&lease.ended(first(20)), NOW, 1), Seen::Short(20));
    assert_eq!(
        asked(&holding(5), NOW).ended(first(20)).held(&TERMS, NOW),
        4
    );
}

/// What others cost that wait is asked for too, as far as it is likely to be there.
#[test]
fn asking_for_those_that_wait() {
    let new = Lease::default();
    let refused = |told| new.refused(&TERMS, NOW, first(40), Some(30 * SECOND), told);
    let low = holding(5);
    let cases = [
        ("less than a share", new, 1, 18, Seen::Short(20)),
        ("more", new, 1, 30, Seen::Short(31)),
        ("more than is left", told(25), 1, 30, Seen::Short(20)),
        ("more than half of it", told(50), 1, 30, Seen::Short(25)),
        ("more than is likely", refused(None), 1, 30, Seen::Short(10)),
        ("the second", asked(&new, NOW), 1, 30, Seen::Second(31)),
        ("ahead of need", low, 1, 30, Seen::Served(4, Some(25))),
        ("without end", new, 1, u64::MAX, Seen::Short(u64::MAX)),
        (
            "served all the same",
            holding(20),
            1,
            30,
            Seen::Served(19, None),
        ),
    ];
    for (name, lease, cost, waiting, expected) in cases {
        let seen = seen_waiting(&lease, NOW, cost, waiting);
        assert_eq!(seen, expected, "{name}");
    }
}

/// Questions of two workers at once: each answer ends its own, and what is left is known from the last.
#[test]
fn two_questions() {
    let lease = asked(&asked(&holding(0), NOW), NOW);
    assert_eq!(seen(&lease, NOW, 2), Seen::Further(2));
    let half = lease.granted(&TERMS, NOW, second(10), Some(30 * SECOND), Some(32));
    assert_eq!(half.held(&TERMS, NOW), 10);
    assert_eq!(half.remaining(&TERMS, NOW), 42);
    // The other one may be in it or not.
    assert_eq!(seen_waiting(&half, NOW, 11, 50), Seen::Second(10));
    assert_eq!(seen_waiting(&half, NOW, 11, 0), Seen::Second(10));
    // That says what was left before the half was taken.
    let old = half.granted(&TERMS, NOW, first(20), Some(30 * SECOND), Some(42));
    assert_eq!(old.remaining(&TERMS, NOW), 30 + 32);
    let both = half.granted(&TERMS, NOW, first(20), Some(30 * SECOND), Some(19));
    assert_eq!(both.held(&TERMS, NOW), 30);
    assert_eq!(both.remaining(&TERMS, NOW), 49);
    assert_eq!(seen(&both, NOW, 31), Seen::Short(19));
    let lost = half.ended(first(20));
    assert_eq!(seen(&lost, NOW, 11), Seen::Short(20));
    // Of one that is forgotten, so is what it asked for.
    assert_eq!(seen(&half, NOW + 3 * SECOND, 11), Seen::Short(20));
    // A question that was alone throughout is believed, whatever was known.
    let alone =
        asked(&holding(0), NOW).granted(&TERMS, NOW, first(20), Some(30 * SECOND), Some(70));
    assert_eq!(alone.remaining(&TERMS, NOW), 90);
}

/// However much is left when a share is refused, few questions find it, and the last one says that there is no more.
#[test]
fn the_last_of_a_quota() {
    let terms = Terms {
        share: 1_000,
        ..TERMS
    };
    for left in 0..1_000_u64 {
        let (mut lease, mut left, mut calls) = (Lease::default(), left, 0);
        let all = left;
        let mut served = 0;
        loop {
            lease = match lease.take(&terms, NOW, 1, 0) {
                Taken::Served { lease, ask: None } => {
                    served += 1;
                    lease
                }
                Taken::Short { ask, lease } => {
                    calls += 1;
                    answered(&lease, &terms, ask, &mut left)
                }
                Taken::Served {
                    lease,
                    ask: Some(ask),
                } => {
                    served += 1;
                    calls += 1;
                    answered(&lease, &terms, ask, &mut left)
                }
                Taken::Over { .. } => break,
                Taken::Alone => panic!("{left}"),
            };
        }
        assert_eq!(served, all);
        assert!(calls <= 40, "{all}: {calls}");
    }
}

/// What is asked for ahead of need comes on top of what is left, and what another worker asks for meanwhile on that;
/// never more than is said.
#[test]
fn the_most_that_is_held() {
    assert_eq!(TERMS.most_held(), 34);
    let mut lease = holding(20);
    let mut most = 20;
    for _ in 0..1_000 {
        lease = match lease.take(&TERMS, NOW, 1, 0) {
            Taken::Served { lease, ask: None } => lease,
            Taken::Served {
                lease,
                ask: Some(ask),
            } => lease.granted(&TERMS, NOW, ask, Some(30 * SECOND), None),
            other => panic!("{other:?}"),
        };
        most = most.max(lease.held(&TERMS, NOW));
    }
    assert_eq!(most, 24);
}

#[test]
fn slots() {
    let lease = |until, held| Lease {
        until,
        held,
        ..Lease::default()
    };
    let mut slot = Slot::default();
    assert_eq!(slot.find(7), Lease::default());
    for (print, until) in [(1, 50), (2, 30), (3, 40), (4, 60)] {
        assert_eq!(slot.put(print, &lease(until, print), 0), Lost::Nothing);
    }
    assert_eq!(slot.put(2, &lease(35, 9), 0), Lost::Nothing, "in its place");
    assert_eq!(slot.find(2), lease(35, 9));
    assert_eq!(
        slot.put(5, &lease(70, 5), 20),
        Lost::Lease(9),
        "what ends first"
    );
    assert_eq!(slot.find(2), Lease::default());
    assert_eq!(
        slot.put(6, &lease(80, 6), 40),
        Lost::Nothing,
        "what has ended"
    );
    assert_eq!(slot.find(3), Lease::default());
    assert_eq!(slot.as_bytes().len(), 256);
    assert_eq!(Slot::decode(slot.as_bytes().to_vec()), Some(slot));
    for (length, valid) in [
        (0, true),
        (1, false),
        (64, true),
        (65, false),
        (256, true),
        (320, false),
    ] {
        assert_eq!(Slot::decode(vec![0; length]).is_some(), valid, "{length}");
    }
    // Whatever else writes there is a lease of some kind, and panics nothing.
    let junk = Slot::decode(vec![0xff; 64]).unwrap().find(u64::MAX);
    assert_eq!(seen(&junk, NOW, 1), Seen::Short(20));
}
