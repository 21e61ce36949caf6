//! How long a document lasts, and when to try again. Pure.

use crate::Settings;
use gatehouse_host::Headers;
use std::time::Duration;

/// The first pause after a failure, and how often it is doubled.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MOST_DOUBLINGS: u32 = 6;

/// The lifetime of a response (RFC 9111, 4.2.1 and 4.2.3): what is left of its `max-age` after its
/// `age`, nothing with `no-store` or `no-cache`; never more than `refresh`, which it also is where the
/// response does not say, and never less than `min_refresh`.
pub(crate) fn of(headers: &Headers, settings: &Settings) -> Duration {
    let least = settings.min_refresh.min(settings.refresh);
    let said = max_age(headers).map(|max_age| {
        let age = headers.all("age").next().and_then(seconds).unwrap_or(0);
        max_age.saturating_sub(Duration::from_secs(age))
    });
    said.unwrap_or(settings.refresh)
        .clamp(least, settings.refresh)
}

/// `max-age` of a response (RFC 9111, 5.2.2), the shortest where it is said more than once; zero with
/// `no-store` or `no-cache`, and where it cannot be read. Nothing where the response does not say.
pub fn max_age(headers: &Headers) -> Option<Duration> {
    let lines = headers.all("cache-control");
    let directives = lines.flat_map(|line| line.split(|byte| *byte == b','));
    directives
        .filter_map(|directive| {
            let directive = directive.trim_ascii();
            let end = directive.iter().position(|byte| *byte == b'=');
            let (name, value) = directive.split_at_checked(end.unwrap_or(directive.len()))?;
            let name = name.trim_ascii();
            if name.eq_ignore_ascii_case(b"no-store") || name.eq_ignore_ascii_case(b"no-cache") {
                return Some(0);
            }
            // One that cannot be read counts as stale (RFC 9111, 4.2.1).
            name.eq_ignore_ascii_case(b"max-age").then(|| {
                let value = value.strip_prefix(b"=").unwrap_or_default();
                let value = value.trim_ascii();
                let quoted = value.strip_prefix(b"\"");
                let value = quoted
                    .and_then(|value| value.strip_suffix(b"\""))
                    .unwrap_or(value);
                seconds(value).unwrap_or(0)
            })
        })
        .min()
        .map(Duration::from_secs)
}

/// A number of seconds (RFC 9111, 1.2.2): what is too large for us is very long.
fn seconds(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    Some(
        text.parse()
            .unwrap_or(u64::from(u32::MAX))
            .min(u64::from(u32::MAX)),
    )
}

/// After so much of a lifetime the document is fetched anew: 75 to 85 % of it.
pub(crate) fn ahead(lifetime: Duration, random: u8) -> Duration {
    percent(lifetime, 75 + u32::from(random) * 10 / 255)
}

/// The pause after so many failures in a row.
pub(crate) fn pause(failures: u32, random: u8) -> Duration {
    let doublings = failures.saturating_sub(1).min(MOST_DOUBLINGS);
    percent(
        FIRST_PAUSE.saturating_mul(1 << doublings),
        75 + u32::from(random) * 50 / 255,
    )
}

fn percent(duration: Duration, percent: u32) -> Duration {
    duration.saturating_mul(percent) / 100
}
