//! A request, and what is derived from it (RFC 9421, section 2.2).
//!
//! 1. A value with anything but visible ASCII in it is not derived: section 2.2 wants it so, and a
//!    new line would forge other lines of the signature base.
//! 2. The target is taken as it stands, in one of the four forms of RFC 9112 (section 3.2): nothing is
//!    decoded, no path is normalized. One with a fragment is not one.
//! 3. A target in absolute form that contradicts scheme or authority is not derived from.
//! 4. CONNECT and `*` have neither path nor query.

use crate::component::Source;
use crate::query::Parameters;
use crate::{Fields, Refusal};

/// Longer queries are not taken apart into parameters: 16 KiB.
const MAX_QUERY_BYTES: usize = 16 * 1024;

/// What of a request can be signed. All of it as it was received: what is normalized is normalized
/// here.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// The method.
    pub method: &'r [u8],
    /// `http` or `https`.
    pub scheme: &'r [u8],
    /// The pseudo-header `:authority`, or the header `host`.
    pub authority: &'r [u8],
    /// The request target: the pseudo-header `:path`, or what the request line has in its place.
    pub target: &'r [u8],
    /// The header fields.
    pub fields: &'r dyn Fields,
}

/// The forms of a request target.
enum Target<'r> {
    /// The whole of it, path and query.
    Absolute(&'r [u8], Option<&'r [u8]>),
    Origin(&'r [u8], Option<&'r [u8]>),
    Authority,
    Asterisk,
}

impl<'r> Request<'r> {
    /// The value of a derived component.
    pub(crate) fn derive(&self, source: &Source) -> Result<Vec<u8>, Refusal> {
        match source {
            Source::Method => self.method().map(<[u8]>::to_vec),
            Source::Scheme => self.scheme(),
            Source::Authority => self.authority(),
            Source::RequestTarget => self.request_target(),
            Source::TargetUri => self.target_uri(),
            Source::Path => Ok(match self.path_and_query()? {
                (b"", _) => b"/".to_vec(),
                (path, _) => path.to_vec(),
            }),
            Source::Query => {
                let (_, query) = self.path_and_query()?;
                Ok([b"?", query.unwrap_or_default()].concat())
            }
            Source::QueryParam(name) => Ok(self.parameters()?.value(name)?.into_bytes()),
            Source::Field(..) => Err(Refusal::NotDerivable),
        }
    }

    /// The lines of a field. Where a proxy keeps `host` as the authority only, it is that (RFC 9110,
    /// section 7.2).
    pub(crate) fn lines(&self, name: &str) -> Vec<&'r [u8]> {
        let lines = self.fields.values(name);
        if lines.is_empty() && name == "host" && !self.authority.is_empty() {
            return vec![self.authority];
        }
        lines
    }

    fn method(&self) -> Result<&'r [u8], Refusal> {
        visible(self.method)
    }

    fn scheme(&self) -> Result<Vec<u8>, Refusal> {
        Ok(visible(self.scheme)?.to_ascii_lowercase())
    }

    /// In lower case, without the default port (RFC 9110, section 4.2.3).
    fn authority(&self) -> Result<Vec<u8>, Refusal> {
        let scheme = self.scheme()?;
        normalized(self.authority, &scheme)
    }

    fn request_target(&self) -> Result<Vec<u8>, Refusal> {
        match self.target()? {
            Target::Authority if self.target.is_empty() => Ok(visible(self.authority)?.to_vec()),
            _ => Ok(self.target.to_vec()),
        }
    }

    /// The scheme in lower case, then authority and target as they were received (RFC 9110, section
    /// 7.1). Section 2.2.2 normalizes nothing.
    fn target_uri(&self) -> Result<Vec<u8>, Refusal> {
        let target = match self.target()? {
            Target::Absolute(..) => return Ok(self.target.to_vec()),
            Target::Origin(..) => self.target,
            Target::Asterisk => b"",
            Target::Authority => return Err(Refusal::NotDerivable),
        };
        // Checked as `@authority` is, so that its end is where it seems to be.
        self.authority()?;
        Ok([&self.scheme()?, b"://".as_slice(), self.authority, target].concat())
    }

    fn path_and_query(&self) -> Result<(&'r [u8], Option<&'r [u8]>), Refusal> {
        match self.target()? {
            Target::Absolute(path, query) | Target::Origin(path, query) => Ok((path, query)),
            Target::Authority | Target::Asterisk => Err(Refusal::NotDerivable),
        }
    }

    /// The parameters of the query.
    pub(crate) fn parameters(&self) -> Result<Parameters, Refusal> {
        let (_, query) = self.path_and_query()?;
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY_BYTES {
            return Err(Refusal::BaseTooLong);
        }
        Ok(Parameters::of(query))
    }

    fn target(&self) -> Result<Target<'r>, Refusal> {
        let is_connect = self.method == b"CONNECT";
        if self.target.is_empty() && is_connect {
            return Ok(Target::Authority);
        }
        let target = visible(self.target)?;
        if target.contains(&b'#') {
            return Err(Refusal::NotDerivable);
        }
        if target.starts_with(b"/") {
            let (path, query) = split_query(target);
            return Ok(Target::Origin(path, query));
        }
        if target == b"*" {
            return Ok(Target::Asterisk);
        }
        if is_connect {
            return Ok(Target::Authority);
        }
        self.absolute(target).ok_or(Refusal::NotDerivable)
    }

    fn absolute(&self, target: &'r [u8]) -> Option<Target<'r>> {
        let at = target.windows(3).position(|three| three == b"://")?;
        let (scheme, rest) = target.split_at_checked(at)?;
        let rest = rest.get(3..)?;
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
        let (authority, rest) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let own = self.scheme().ok()?;
        if scheme.to_ascii_lowercase() != own
            || normalized(authority, &own).ok()? != self.authority().ok()?
        {
            return None;
        }
        let (path, query) = split_query(rest);
        Some(Target::Absolute(path, query))
    }
}

fn split_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    let at = target.iter().position(|byte| *byte == b'?');
    match at.and_then(|at| target.split_at_checked(at)) {
        Some((path, query)) => (path, query.get(1..)),
        None => (target, None),
    }
}

fn normalized(authority: &[u8], scheme: &[u8]) -> Result<Vec<u8>, Refusal> {
    let authority = visible(authority)?.to_ascii_lowercase();
    // User information is no part of it (RFC 9110, section 4.2.4), and the rest ends it.
    if authority
        .iter()
        .any(|byte| matches!(byte, b'@' | b'/' | b'?' | b'#' | b'\\' | b','))
    {
        return Err(Refusal::NotDerivable);
    }
    let default: &[u8] = match scheme {
        b"https" => b"443",
        b"http" => b"80",
        _ => b"",
    };
    let (host, port) = split_port(&authority);
    let is_literal = host.starts_with(b"[") && host.ends_with(b"]");
    let is_port = port.is_none_or(|port| port.iter().all(u8::is_ascii_digit));
    if host.is_empty() || !is_port || (host.contains(&b':') && !is_literal) {
        return Err(Refusal::NotDerivable);
    }
    match port {
        Some(port) if !port.is_empty() && port != default => Ok(authority),
        _ => Ok(host.to_vec()),
    }
}

/// The host, and the port if there is a colon for one: that of an IPv6 address is within brackets.
fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    if authority.ends_with(b"]") {
        return (authority, None);
    }
    let at = authority.iter().rposition(|byte| *byte == b':');
    match at.and_then(|at| authority.split_at_checked(at)) {
        Some((host, port)) => (host, port.get(1..)),
        None => (authority, None),
    }
}

/// Not empty, and visible ASCII only.
fn visible(text: &[u8]) -> Result<&[u8], Refusal> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_graphic) {
        return Err(Refusal::NotDerivable);
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
