use super::*;
use proptest::prelude::*;
use prost::Message as _;

fn status(code: i32) -> DescriptorStatus {
    DescriptorStatus {
        code,
        current_limit: Some(Limit {
            requests_per_unit: 100,
            unit: 2,
        }),
        limit_remaining: 7,
        duration_until_reset: Some(Duration {
            seconds: 12,
            nanos: 5,
        }),
    }
}

fn answer(overall_code: i32, statuses: &[DescriptorStatus]) -> Vec<u8> {
    let response = RateLimitResponse {
        overall_code,
        statuses: statuses.to_vec(),
    };
    response.encode_to_vec()
}

fn standing(is_over: bool) -> Standing {
    Standing {
        is_over,
        limit: Some(CurrentLimit {
            count: 100,
            window_s: Some(60),
            remaining: 7,
        }),
        reset_ns: Some(12_000_000_005),
    }
}

/// The bytes as `protoc` has them.
#[test]
fn questions() {
    let descriptor = |value: &str, cost| Descriptor::new([("limit", "a"), ("k", value)], cost);
    let entries = b"\x0a\x0a\x0a\x05limit\x12\x01a\x0a\x06\x0a\x01k\x12\x01";
    let with = |value: &str, rest: &[u8]| [entries, value.as_bytes(), rest].concat();
    let cases = [
        (
            "one",
            vec![descriptor("x", 1)],
            [b"\x0a\x01d\x12\x14", &*with("x", b""), b"\x18\x01"].concat(),
        ),
        (
            "a cost for all, said once",
            vec![descriptor("x", 300), descriptor("y", 300)],
            [
                b"\x0a\x01d\x12\x14",
                &*with("x", b""),
                b"\x12\x14",
                &*with("y", b""),
                b"\x18\xac\x02",
            ]
            .concat(),
        ),
        (
            "costs that differ, and the most for all",
            vec![descriptor("x", 1), descriptor("y", 3)],
            [
                b"\x0a\x01d\x12\x18",
                &*with("x", b"\x1a\x02\x08\x01"),
                b"\x12\x18",
                &*with("y", b"\x1a\x02\x08\x03"),
                b"\x18\x03",
            ]
            .concat(),
        ),
        (
            "more than 32 bits",
            vec![descriptor("x", 1 << 32)],
            [
                b"\x0a\x01d\x12\x1c",
                &*with("x", b"\x1a\x06\x08\x80\x80\x80\x80\x10"),
                b"\x18\xff\xff\xff\xff\x0f",
            ]
            .concat(),
        ),
    ];
    for (name, descriptors, expected) in cases {
        assert_eq!(request("d", descriptors), expected, "{name}");
    }
}

#[test]
fn answers() {
    let ok = |standings: Vec<Standing>| {
        Ok(Answer {
            is_admitted: true,
            standings,
        })
    };
    let over = |standings: Vec<Standing>| {
        Ok(Answer {
            is_admitted: false,
            standings,
        })
    };
    let no_limit = DescriptorStatus {
        code: CODE_OK,
        ..DescriptorStatus::default()
    };
    let nothing_known = Standing {
        is_over: false,
        limit: None,
        reset_ns: None,
    };
    let unit = |unit: i32, window_s: Option<u64>| {
        let mut sent = status(1);
        let mut read = standing(false);
        sent.current_limit = Some(Limit {
            requests_per_unit: 5,
            unit,
        });
        read.limit = Some(CurrentLimit {
            count: 5,
            window_s,
            remaining: 7,
        });
        (sent, read)
    };
    let reset = |seconds, nanos, reset_ns| {
        let (mut sent, mut read) = (status(1), standing(false));
        sent.duration_until_reset = Some(Duration { seconds, nanos });
        read.reset_ns = reset_ns;
        (sent, read)
    };
    type Case = (&'static str, Vec<u8>, usize, Result<Answer, Malformed>);
    let mut cases: Vec<Case> = vec![
        (
            "within",
            answer(1, &[status(1)]),
            1,
            ok(vec![standing(false)]),
        ),
        (
            "over",
            answer(2, &[status(2)]),
            1,
            over(vec![standing(true)]),
        ),
        (
            "one of two over",
            answer(2, &[status(1), status(2)]),
            2,
            over(vec![standing(false), standing(true)]),
        ),
        ("no statuses, within", answer(1, &[]), 2, ok(vec![])),
        ("no statuses, over", answer(2, &[]), 2, over(vec![])),
        (
            "shadow mode: over, and all the same within",
            answer(1, &[status(2)]),
            1,
            ok(vec![standing(false)]),
        ),
        (
            "no limit for it",
            answer(1, &[no_limit]),
            1,
            ok(vec![nothing_known]),
        ),
        ("empty", vec![], 1, Err(Malformed::Code(0))),
        (
            "unknown",
            answer(0, &[status(1)]),
            1,
            Err(Malformed::Code(0)),
        ),
        ("code 3", answer(3, &[]), 1, Err(Malformed::Code(3))),
        ("code -1", answer(-1, &[]), 1, Err(Malformed::Code(-1))),
        (
            "a status without code",
            answer(1, &[status(0)]),
            1,
            Err(Malformed::Code(0)),
        ),
        (
            "a status with code 9",
            answer(2, &[status(9)]),
            1,
            Err(Malformed::Code(9)),
        ),
        (
            "a status too few",
            answer(1, &[status(1)]),
            2,
            Err(Malformed::Statuses(1)),
        ),
        (
            "a status too many",
            answer(2, &[status(2), status(2)]),
            1,
            Err(Malformed::Statuses(2)),
        ),
        (
            "over, and no descriptor is",
            answer(2, &[status(1)]),
            1,
            Err(Malformed::Contradiction),
        ),
        ("text", b"<html>".to_vec(), 1, Err(Malformed::Bytes)),
        (
            "cut off",
            answer(1, &[status(1)])[..6].to_vec(),
            1,
            Err(Malformed::Bytes),
        ),
        (
            "a length beyond the end",
            b"\x08\x01\x12\xff\xff\xff\xff\x0f".to_vec(),
            1,
            Err(Malformed::Bytes),
        ),
        (
            "groups within groups",
            [vec![8, 1], vec![0x7b; 100_000]].concat(),
            1,
            Err(Malformed::Bytes),
        ),
        (
            "fields that are not needed are skipped",
            b"\x08\x01\x1a\x04\x0a\x02hi\x2a\x04body\x32\x00\x3a\x00".to_vec(),
            1,
            ok(vec![]),
        ),
    ];
    let windows = [
        ("unit: none", unit(0, None)),
        ("unit: second", unit(1, Some(1))),
        ("unit: hour", unit(3, Some(3_600))),
        ("unit: day", unit(4, Some(86_400))),
        ("unit: month", unit(5, Some(2_592_000))),
        ("unit: year", unit(6, Some(31_536_000))),
        ("unit: week", unit(7, Some(604_800))),
        ("unit: not known", unit(8, None)),
        ("unit: negative", unit(-1, None)),
        ("reset: now", reset(0, 0, Some(0))),
        ("reset: before", reset(-1, 0, None)),
        ("reset: negative nanoseconds", reset(1, -1, None)),
        ("reset: too many nanoseconds", reset(1, 1_000_000_000, None)),
        ("reset: far", reset(i64::MAX, 999_999_999, Some(u64::MAX))),
    ];
    for (name, (sent, read)) in windows {
        cases.push((name, answer(1, &[sent]), 1, ok(vec![read])));
    }
    for (name, bytes, asked, expected) in cases {
        assert_eq!(read(&bytes, asked), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), asked in 0_usize..5) {
        if let Ok(answer) = read(&bytes, asked) {
            prop_assert!(answer.standings.is_empty() || answer.standings.len() == asked);
        }
    }
}
