//! The ClientHello (RFC 8446, 4.1.2), as BoringSSL reads it where that matters.

use std::fmt;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// TLS 1.2, which was the last that is offered by the field of that name.
const LEGACY_MOST: u16 = 0x0303;

/// A version of TLS, by its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlsVersion(pub u16);

impl TlsVersion {
    /// All that there are, with the names Envoy has for them.
    pub const ALL: [(&str, Self); 5] = [
        ("SSLv3", Self(0x0300)),
        ("TLSv1", Self(0x0301)),
        ("TLSv1.1", Self(0x0302)),
        ("TLSv1.2", Self(0x0303)),
        ("TLSv1.3", Self(0x0304)),
    ];
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.iter().find(|(_, version)| version == self);
        match known {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{:#06x}", self.0),
        }
    }
}

/// What a client offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    server_name: Option<Box<str>>,
    /// As on the wire: a length and a name, each; checked.
    alpn: Box<[u8]>,
    version: Option<TlsVersion>,
    is_encrypted: bool,
}

impl ClientHello {
    /// The server that is asked for, in lower case and without a dot at its end. With an encrypted ClientHello,
    /// that of the outer one.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The protocols that are offered above TLS, in the client's order.
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = Reader(&self.alpn);
        std::iter::from_fn(move || rest.counted8())
    }

    /// The highest version that is offered; nothing where none is that is known here.
    pub fn version(&self) -> Option<TlsVersion> {
        self.version
    }

    /// Whether there is an encrypted ClientHello within (RFC 9849), or something in its place that looks like one.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// One that has nothing to say but its version.
    pub(crate) fn without_extensions(legacy_version: u16) -> Self {
        Self {
            server_name: None,
            alpn: Box::default(),
            version: legacy(legacy_version),
            is_encrypted: false,
        }
    }

    /// The body of a message. Nothing where any length does not fit, where something comes twice that may not, where
    /// the server's name is none, and where two versions are offered at once.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut body = Reader(body);
        let legacy_version = body.u16()?;
        body.take(32)?;
        let session = body.counted8()?;
        let suites = body.counted16()?;
        let compressions = body.counted8()?;
        let sound = session.len() <= 32
            && suites.len() >= 2
            && suites.len().is_multiple_of(2)
            && !compressions.is_empty();
        if !sound {
            return None;
        }
        let mut found = Extensions::default();
        if !body.0.is_empty() {
            let mut extensions = Reader(body.counted16()?);
            while !extensions.0.is_empty() {
                let kind = extensions.u16()?;
                found.note(kind, extensions.counted16()?)?;
            }
        }
        if !body.0.is_empty() {
            return None;
        }
        let version = match found.versions {
            // It has to be 1.2 then (RFC 8446, 4.1.2). A server that knows nothing of the extension goes by the field, and
            // would agree on less than what is offered there.
            Some(_) if legacy_version < LEGACY_MOST => return None,
            Some(versions) => highest(versions)?.or(legacy(legacy_version)),
            None => legacy(legacy_version),
        };
        Some(Self {
            server_name: match found.server_name {
                Some(extension) => Some(server_name(extension)?),
                None => None,
            },
            alpn: match found.alpn {
                Some(extension) => protocols(extension)?.into(),
                None => Box::default(),
            },
            version,
            is_encrypted: found.is_encrypted,
        })
    }
}

#[derive(Default)]
struct Extensions<'b> {
    server_name: Option<&'b [u8]>,
    alpn: Option<&'b [u8]>,
    versions: Option<&'b [u8]>,
    is_encrypted: bool,
}

impl<'b> Extensions<'b> {
    /// Nothing where it is there already: two server names are one for us and the other for the server.
    fn note(&mut self, kind: u16, value: &'b [u8]) -> Option<()> {
        let place = match kind {
            SERVER_NAME => &mut self.server_name,
            ALPN => &mut self.alpn,
            SUPPORTED_VERSIONS => &mut self.versions,
            ENCRYPTED_CLIENT_HELLO => {
                return (!std::mem::replace(&mut self.is_encrypted, true)).then_some(());
            }
            _ => return Some(()),
        };
        match place.replace(value) {
            None => Some(()),
            Some(_) => None,
        }
    }
}

/// One name of the only type there is (RFC 6066, 3), of which BoringSSL takes no second one either.
fn server_name(extension: &[u8]) -> Option<Box<str>> {
    let mut extension = Reader(extension);
    let mut list = Reader(extension.counted16()?);
    let is_host_name = list.take(1)? == [0];
    let name = list.counted16()?;
    let is_one = is_host_name && list.0.is_empty() && extension.0.is_empty();
    if is_one { host_name(name) } else { None }
}

/// The name of a server, in lower case and without a dot at its end; nothing where it is none.
pub fn host_name(name: &[u8]) -> Option<Box<str>> {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    if !(1..=255).contains(&name.len()) || !name.iter().all(in_name) {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    Some(name.strip_suffix('.').unwrap_or(&name).into())
}

/// RFC 7301, 3.1.
fn protocols(extension: &[u8]) -> Option<&[u8]> {
    let mut extension = Reader(extension);
    let list = extension.counted16()?;
    let mut names = Reader(list);
    while !names.0.is_empty() {
        if names.counted8()?.is_empty() {
            return None;
        }
    }
    (!list.is_empty() && extension.0.is_empty()).then_some(list)
}

/// The highest of a list that is known; nothing in that for none. Values that are there so that servers learn to
/// pass over what they don't know (RFC 8701) are among those that are not.
fn highest(extension: &[u8]) -> Option<Option<TlsVersion>> {
    let mut extension = Reader(extension);
    let mut list = Reader(extension.counted8()?);
    if list.0.is_empty() || !extension.0.is_empty() {
        return None;
    }
    let mut highest = None;
    while !list.0.is_empty() {
        highest = highest.max(known(list.u16()?));
    }
    Some(highest)
}

/// Whatever is offered so, servers agree on 1.2 at most (RFC 8446, 4.2.1).
fn legacy(number: u16) -> Option<TlsVersion> {
    known(number.min(LEGACY_MOST))
}

fn known(number: u16) -> Option<TlsVersion> {
    let mut all = TlsVersion::ALL.iter();
    all.find(|(_, version)| version.0 == number)
        .map(|(_, version)| *version)
}

/// Bytes with lengths among them.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        match self.take(2)? {
            [high, low] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    fn counted8(&mut self) -> Option<&'b [u8]> {
        let length = *self.take(1)?.first()?;
        self.take(length.into())
    }

    fn counted16(&mut self) -> Option<&'b [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }
}
