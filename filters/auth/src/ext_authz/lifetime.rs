//! For how long a decision holds (RFC 9111, 5.2.2).

use gatehouse_host::Headers;
use std::time::Duration;

/// `max-age` of the answer, but no longer than `most`; `usual` where it says nothing. Not at all with
/// `no-store` or `no-cache`. Of several `max-age` the shortest counts, and one that is no number is
/// zero (RFC 9111, 4.2.1).
pub(super) fn of(headers: &Headers, usual: Duration, most: Duration) -> Duration {
    gatehouse_feed::max_age(headers).map_or(usual, |age| age.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes() {
        let cases: &[(&str, &[&str], u64)] = &[
            ("nothing said", &[], 30),
            ("something else", &["public, must-revalidate"], 30),
            ("shorter", &["max-age=5"], 5),
            ("longer", &["max-age=45"], 45),
            ("longer than ever", &["max-age=86400"], 60),
            (
                "longer than a number",
                &["max-age=99999999999999999999"],
                60,
            ),
            ("not at all", &["no-store"], 0),
            ("not at all, in other words", &["No-Cache"], 0),
            ("not at all, beside an age", &["max-age=20, no-store"], 0),
            ("zero", &["max-age=0"], 0),
            ("twice", &["max-age=20, max-age=10"], 10),
            ("on two lines", &["max-age=20", "no-store"], 0),
            ("spaces and case", &["public , Max-Age = 7 "], 7),
            ("quoted", &["max-age=\"7\""], 7),
            ("half quoted", &["max-age=\"7"], 0),
            ("no number", &["max-age=soon"], 0),
            ("negative", &["max-age=-1"], 0),
            ("no value", &["max-age"], 0),
            ("another name", &["x-max-age=1"], 30),
        ];
        for (name, lines, expected) in cases {
            let headers: Headers = lines
                .iter()
                .map(|line| ("cache-control", line.as_bytes()))
                .collect();
            let (usual, most) = (Duration::from_secs(30), Duration::from_secs(60));
            assert_eq!(of(&headers, usual, most).as_secs(), *expected, "{name}");
        }
        let not_utf8: Headers = [("cache-control", &b"max-age=\xff"[..])]
            .into_iter()
            .collect();
        let (usual, most) = (Duration::from_secs(30), Duration::from_secs(60));
        assert_eq!(of(&not_utf8, usual, most), Duration::ZERO);
    }
}
