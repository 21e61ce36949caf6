//! Filters that wait until they must decide, one after the other.

use super::*;

#[test]
fn each_filter_has_a_time_of_its_own() {
    // How each wait ends, and what the filters are then asked.
    type End = fn(&mut Exchange, usize);
    let cases: [(&str, End, &[&str]); 4] = [
        (
            "each in time",
            |exchange, _| exchange.end_wait(),
            &[
                "a request",
                "a request, for the last time",
                "b request",
                "b request, for the last time",
                "c request",
                "c request, for the last time",
            ],
        ),
        (
            "there is no room: for none of them",
            |exchange, _| exchange.end_all_waits(),
            &[
                "a request",
                "a request, for the last time",
                "b request, for the last time",
                "c request, for the last time",
            ],
        ),
        (
            "the first in time, and then there is no room",
            |exchange, wait| match wait {
                0 => exchange.end_wait(),
                _ => exchange.end_all_waits(),
            },
            &[
                "a request",
                "a request, for the last time",
                "b request",
                "b request, for the last time",
                "c request, for the last time",
            ],
        ),
        (
            "what the first waits for comes",
            |exchange, wait| {
                if wait > 0 {
                    exchange.end_wait();
                }
            },
            &[
                "a request",
                "a request",
                "a request, for the last time",
                "b request",
                "b request, for the last time",
                "c request",
                "c request, for the last time",
            ],
        ),
    ];
    for (name, end_of, expected) in cases {
        let chain = Chain::of(vec![
            both("a", Does::WaitsOut, ""),
            end("b", Does::WaitsOut, ""),
            both("c", Does::WaitsOut, ""),
        ]);
        let host = FakeHost::default();
        host.begin([]);
        let (mut exchange, mut pending) = (Exchange::default(), Kept::default());
        for wait in 0..9 {
            let mut request = Request::new(&host, &mut exchange);
            match chain.request(&mut request, &mut pending) {
                Ok(Verdict::Continue) => break,
                _ => end_of(&mut exchange, wait),
            }
        }
        let lines = host.log_lines().into_iter();
        let lines: Vec<_> = lines.map(|line| line.replace("Info: ", "")).collect();
        assert_eq!(lines, expected, "{name}");
    }
}
