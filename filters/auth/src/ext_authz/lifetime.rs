//! For how long a decision holds (RFC 9111, 5.2.2).

use gatehouse_host::Headers;
use std::time::Duration;

/// `max-age` of the answer, but no longer than `most`; `usual` where it says nothing. Not at all with
/// `no-store` or `no-cache`. Of several `max-age` the shortest counts, and one that is no number is
/// zero (RFC 9111, 4.2.1).
pub(super) fn of(headers: &Headers, usual: Duration, most: Duration) -> Duration {
    let lines = headers.all("cache-control");
    let directives = lines.flat_map(|line| line.split(|byte| *byte == b','));
    directives
        .filter_map(age)
        .min()
        .map_or(usual, |age| age.min(most))
}

/// What a directive says of the age that the answer may reach.
fn age(directive: &[u8]) -> Option<Duration> {
    let directive = directive.trim_ascii();
    let end = directive.iter().position(|byte| *byte == b'=');
    let (name, value) = directive.split_at_checked(end.unwrap_or(directive.len()))?;
    let name = name.trim_ascii();
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    if is("no-store") || is("no-cache") {
        return Some(Duration::ZERO);
    }
    is("max-age").then(|| {
        let value = value.strip_prefix(b"=").unwrap_or_default().trim_ascii();
        let quoted = value.strip_prefix(b"\"");
        let unquoted = quoted.and_then(|value| value.strip_suffix(b"\""));
        seconds(unquoted.unwrap_or(value))
    })
}

/// RFC 9111, 1.2.2: what is too large to count is very long.
fn seconds(digits: &[u8]) -> Duration {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| all);
    let seconds = text.map_or(0, |text| text.parse().unwrap_or(u32::MAX));
    Duration::from_secs(u64::from(seconds))
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
