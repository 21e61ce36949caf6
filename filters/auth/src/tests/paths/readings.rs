//! How servers read a request target. Written without a look at the filter's normal form, to hold
//! that against it; the tests on Envoy use it too.
//!
//! A server cuts the target before `?`, or before `?` and `#`. Of what is left it does some of the
//! following, in an order of its own, each once:
//!
//! 1. takes a host out: `http://host/x` and `//host/x` are `/x`;
//! 2. decodes percent-escapes, and perhaps once more; what is no escape stays;
//! 3. takes `\` for `/`;
//! 4. strips the parameters of each segment, from its first `;`;
//! 5. merges slashes;
//! 6. removes dot segments (RFC 3986, 5.2.4).
//!
//! Not here, since no filter can tell: servers that ignore case, ignore dots and spaces at the end
//! of a name, fold Unicode, or look for `?` and `#` after decoding.

use std::collections::BTreeSet;

#[derive(Clone, Copy)]
enum Step {
    Host,
    Decode,
    Backslash,
    Parameters,
    Merge,
    Dots,
}

const STEPS: [Step; 7] = [
    Step::Host,
    Step::Decode,
    Step::Decode,
    Step::Backslash,
    Step::Parameters,
    Step::Merge,
    Step::Dots,
];

/// Whether some server takes the target for a path whose first segment is this.
pub(crate) fn may_begin_with(target: &[u8], segment: &str) -> bool {
    let before = |marks: &[u8]| {
        let end = target.iter().position(|byte| marks.contains(byte));
        target[..end.unwrap_or(target.len())].to_vec()
    };
    let mut seen = BTreeSet::new();
    let mut open = vec![(before(b"?"), 0_u8), (before(b"?#"), 0)];
    while let Some((path, done)) = open.pop() {
        let own = path.strip_prefix(b"/").unwrap_or(&path);
        if own.split(|byte| *byte == b'/').next() == Some(segment.as_bytes()) {
            return true;
        }
        for (place, step) in STEPS.iter().enumerate() {
            let with = done | 1 << place;
            // A step that changes nothing leads nowhere new.
            let read = step.read(&path);
            if with != done && read != path && seen.insert((read.clone(), with)) {
                open.push((read, with));
            }
        }
    }
    false
}

impl Step {
    fn read(self, path: &[u8]) -> Vec<u8> {
        match self {
            Self::Host => without_host(path),
            Self::Decode => decoded(path),
            Self::Backslash => {
                let slash = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
                path.iter().map(slash).collect()
            }
            Self::Parameters => {
                let name = |segment: &[u8]| {
                    segment
                        .split(|byte| *byte == b';')
                        .next()
                        .map(<[u8]>::to_vec)
                };
                let names: Vec<_> = path.split(|byte| *byte == b'/').filter_map(name).collect();
                names.join(&b'/')
            }
            Self::Merge => {
                let mut merged = path.to_vec();
                merged.dedup_by(|byte, before| *byte == b'/' && *before == b'/');
                merged
            }
            Self::Dots => without_dots(path),
        }
    }
}

fn without_host(path: &[u8]) -> Vec<u8> {
    let start = path.windows(2).position(|two| two == b"//");
    let is_scheme = |before: &[u8]| before.ends_with(b":") && !before.contains(&b'/');
    let Some(start) = start.filter(|start| *start == 0 || is_scheme(&path[..*start])) else {
        return path.to_vec();
    };
    let rest = &path[start + 2..];
    match rest.iter().position(|byte| *byte == b'/') {
        Some(slash) => rest[slash..].to_vec(),
        None => b"/".to_vec(),
    }
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::new();
    let mut place = 0;
    while let Some(byte) = path.get(place) {
        let escape = (digit(path.get(place + 1)), digit(path.get(place + 2)));
        match (byte, escape) {
            (b'%', (Some(high), Some(low))) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap());
                place += 3;
            }
            _ => {
                decoded.push(*byte);
                place += 1;
            }
        }
    }
    decoded
}

fn without_dots(path: &[u8]) -> Vec<u8> {
    let own = path.strip_prefix(b"/").unwrap_or(path);
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut directory = false;
    for segment in own.split(|byte| *byte == b'/') {
        directory = matches!(segment, b"." | b"..");
        match segment {
            b"." => {}
            b".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    if directory {
        kept.push(b"");
    }
    [b"/", &*kept.join(&b'/')].concat()
}

#[test]
fn readings() {
    let cases: &[(&str, &str, bool)] = &[
        ("itself", "/admin", true),
        ("with more", "/admin/users?x=y", true),
        ("another name", "/administrator", false),
        ("another case", "/ADMIN", false),
        ("in a query", "/public?/../admin", false),
        ("in a query, after a fragment", "/public#?/../admin", false),
        ("after a query", "/admin?x", true),
        ("deeper", "/public/admin", false),
        ("two slashes", "//admin", true),
        ("host", "//host/admin", true),
        ("absolute form", "http://host/admin", true),
        ("a host after a dot", "/.//host/admin", true),
        ("a host after parameters", "/;x/host/admin", true),
        ("dots", "/public/../admin", true),
        ("dots above the root", "/../../admin", true),
        ("dots that do not suffice", "/public/x/../admin", false),
        ("dots, slashes not merged", "/public//../admin", true),
        ("dots at the end", "/admin/..", true),
        ("dots behind a fragment", "/public#/../../admin", true),
        ("escaped dots", "/public/%2e%2E/admin", true),
        ("escaped slashes", "/public%2f..%2Fadmin", true),
        ("escaped twice", "/public%252f..%252fadmin", true),
        ("escaped three times", "/public%25252f..%25252fadmin", false),
        ("no escape", "/%6/%xxadmin", false),
        ("backslashes", "\\public\\..\\admin", true),
        ("escaped backslashes", "/public%5c..%5cadmin", true),
        ("parameters", "/admin;x/users", true),
        ("parameters of dots", "/public/..;x/admin", true),
        ("escaped parameters", "/public/..%3bx/admin", true),
        ("names escaped", "/%61dmin", true),
        ("asterisk", "*", false),
        ("nothing", "", false),
    ];
    for (name, target, expected) in cases {
        assert_eq!(
            may_begin_with(target.as_bytes(), "admin"),
            *expected,
            "{name}"
        );
    }
}
