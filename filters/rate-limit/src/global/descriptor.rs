//! What the service is told of a key: a descriptor for each limit.
//!
//! 1. The first entry is `limit`, the limit's name. Then comes one entry for each part of its key, in the
//!    order of the configuration: `consumer`, `group`, `claim.<name>`, `header.<name>`, `cookie.<name>`,
//!    `query.<name>`, `method`, `path`, `path_param.<name>`, `host`, `route`, `client_ip`, `const`.
//! 2. A consumer is `<provider>/<name>`, a claim `<provider>/<value>`: both are unique in a provider only.
//!    Groups are in the order of their names, with commas between them. An address with fewer bits than
//!    it has is a range: `192.0.2.0/24`, `2001:db8::/64`. A part that is missing is empty.
//! 3. A value is a string of UTF-8 to the service, and bytes to us. Bytes that are not UTF-8, control
//!    characters and `%` are written as `%XX`; in a provider `/` too, and in a group `,`. No two values
//!    become one.
//! 4. Of a value that is longer than [`MOST`] then, its SHA-256 is sent: `%sha256:` and 64 digits.

use gatehouse_host::{Request, Result};
use gatehouse_limit_config::{Limit, Part, Reading, entry_name};
use gatehouse_rate_limit_service::Descriptor;
use gatehouse_request_match::Subject;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The key of the entry with the limit's name.
const LIMIT: &str = "limit";

/// So many bytes of a value are sent as they are.
const MOST: usize = 256;

/// The descriptor of a limit for a request, of which the key was read before.
///
/// # Errors
/// Where the host does not say what a part of the key is.
pub(crate) fn of(
    limit: &Limit,
    cost: u64,
    subject: &mut Subject,
    request: &mut Request<'_>,
) -> Result<Descriptor> {
    let mut entries = Vec::with_capacity(limit.key.len().saturating_add(1));
    entries.push((LIMIT.to_owned(), limit.name.to_string()));
    for part in &limit.key {
        entries.push((entry_name(part), value(part, limit, subject, request)?));
    }
    Ok(Descriptor::new(entries, cost))
}

fn value(
    part: &Part,
    limit: &Limit,
    subject: &mut Subject,
    request: &mut Request<'_>,
) -> Result<String> {
    if let Part::ClientIp(prefixes) = part {
        let address = subject.client_ip(request)?;
        return Ok(address.map_or_else(String::new, |address| prefixes.range(address)));
    }
    let provider = match part {
        Part::Consumer | Part::Claim(_) => request.consumer()?.map(|who| who.provider.clone()),
        _ => None,
    };
    let comma: &[u8] = match part {
        Part::Group => b",",
        _ => b"",
    };
    let mut text = String::new();
    let reading = part.read(&limit.matches, subject, request, &mut |value| {
        match &provider {
            Some(provider) => {
                write_text(provider.as_bytes(), b"/", &mut text);
                text.push('/');
            }
            None if !text.is_empty() => text.push(','),
            None => {}
        }
        write_text(value, comma, &mut text);
    })?;
    Ok(match reading {
        Reading::There if text.len() <= MOST => text,
        Reading::There => digest(&text),
        // It is `if_absent` that lets such a key pass.
        Reading::Missing | Reading::Ambiguous => String::new(),
    })
}

/// Writes bytes as text, so that no two of them become one. `special` are characters that are not to
/// be in it.
fn write_text(bytes: &[u8], special: &[u8], text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let is_special = u8::try_from(character).is_ok_and(|byte| special.contains(&byte));
            if character.is_control() || character == '%' || is_special {
                let mut bytes = [0; 4];
                write_bytes(character.encode_utf8(&mut bytes).as_bytes(), text);
            } else {
                text.push(character);
            }
        }
        write_bytes(chunk.invalid(), text);
    }
}

fn write_bytes(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        let written = write!(text, "%{byte:02X}");
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
}

fn digest(text: &str) -> String {
    let mut digest = "%sha256:".to_owned();
    for byte in Sha256::digest(text) {
        let written = write!(digest, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], special: &[u8]) -> String {
        let mut text = String::new();
        write_text(bytes, special, &mut text);
        text
    }

    #[test]
    fn texts() {
        let cases: [(&str, &[u8], &[u8], &str); 9] = [
            ("plain", b"acme-1 & co", b"", "acme-1 & co"),
            ("UTF-8", "Müller".as_bytes(), b"", "Müller"),
            ("percent", b"50%", b"", "50%25"),
            ("what looks written already", b"%FF", b"", "%25FF"),
            ("not UTF-8", b"a\xff\xfeb", b"", "a%FF%FEb"),
            ("cut off", b"\xc3", b"", "%C3"),
            (
                "control characters",
                "a\0b\x7fc\u{85}".as_bytes(),
                b"",
                "a%00b%7Fc%C2%85",
            ),
            ("special", b"a/b,c", b"/", "a%2Fb,c"),
            ("special, but another", b"a/b,c", b",", "a/b%2Cc"),
        ];
        for (name, bytes, special, expected) in cases {
            assert_eq!(text(bytes, special), expected, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_two_become_one(one: Vec<u8>, other: Vec<u8>) {
            proptest::prop_assert_eq!(text(&one, b"/") == text(&other, b"/"), one == other);
        }
    }

    /// FIPS 180-4, "abc".
    #[test]
    fn digests() {
        assert_eq!(
            digest("abc"),
            "%sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
