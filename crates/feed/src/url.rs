//! The parts of a URL that a callout needs.

/// The scheme. Whether a connection is encrypted is the cluster's business, not the URL's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Scheme {
    Http,
    Https,
}

/// A URL of `http` or `https`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// The scheme.
    pub scheme: Scheme,
    /// Host and perhaps port, in lower case.
    pub authority: String,
    /// Path and query; at least `/`.
    pub path: String,
}

impl Url {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// What is wrong with it, to follow its name: another scheme, no host, a user, a fragment, or a
    /// character that cannot be sent as it is.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("is not a URL")?;
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            _ if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            _ => return Err("is neither http nor https"),
        };
        if !rest.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
            return Err("has a character that must be percent-encoded");
        }
        if rest.contains('#') {
            return Err("has a fragment, which is never sent");
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or("is not a URL")?;
        if authority.contains('@') {
            return Err("has a user");
        }
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~[]:".contains(&byte);
        let host = authority.split(':').next().unwrap_or_default();
        if host.is_empty() || !authority.bytes().all(is_host) {
            return Err("has no host");
        }
        Ok(Self {
            scheme,
            authority: authority.to_ascii_lowercase(),
            path: match path.strip_prefix('?') {
                Some(_) => format!("/{path}"),
                None if path.is_empty() => "/".to_owned(),
                None => path.to_owned(),
            },
        })
    }
}
