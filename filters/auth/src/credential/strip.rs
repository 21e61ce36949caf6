//! Taking credentials out of a request that goes on.

use super::{Location, Prefix};
use crate::spelling;
use gatehouse_config::HeaderName;
use gatehouse_host::{Request, Result};
use gatehouse_request_match::{cookie, query};

/// Every place of every provider, so that a credential does not reach an upstream because it was
/// sent where another rule would have asked for it.
#[derive(Debug, Default)]
pub(crate) struct Strip {
    headers: Vec<(HeaderName, Option<Prefix>)>,
    parameters: Vec<Box<str>>,
    cookies: Vec<Box<str>>,
}

impl Strip {
    /// All of these places.
    pub(crate) fn new<'l>(locations: impl IntoIterator<Item = &'l Location>) -> Self {
        let mut strip = Self::default();
        for location in locations {
            match location {
                Location::Header { name, prefix } => {
                    strip.headers.push((name.clone(), prefix.clone()));
                }
                Location::Query(name) => strip.parameters.push(name.clone()),
                Location::Cookie(name) => strip.cookies.push(name.clone()),
            }
        }
        strip
    }

    /// Takes them out. Costs no host call where there are none.
    pub(crate) fn apply(&self, request: &mut Request<'_>) -> Result<()> {
        for (name, prefix) in &self.headers {
            let others: Vec<String> = spelling::others(request.headers()?, name)
                .map(|(other, _)| other.to_owned())
                .collect();
            strip_header(request, name, prefix.as_ref())?;
            for other in others {
                strip_header(request, &other, prefix.as_ref())?;
            }
        }
        for name in &self.parameters {
            let headers = request.headers()?;
            let path = headers.all(":path").next().unwrap_or_default();
            if let Some(path) = query::without(path, name.as_bytes()) {
                request.set(":path", &path)?;
            }
        }
        if !self.cookies.is_empty() {
            match cookie::without(request.headers()?, &self.cookies) {
                cookie::Kept::All => {}
                cookie::Kept::None => request.remove("cookie")?,
                cookie::Kept::Some(line) => request.set("cookie", &line)?,
            }
        }
        Ok(())
    }
}

/// Values without the prefix are somebody else's (`authorization: Basic …`) and stay; one that was
/// joined with a value of ours goes with it.
fn strip_header(request: &mut Request<'_>, name: &str, prefix: Option<&Prefix>) -> Result<()> {
    let Some(prefix) = prefix else {
        return request.remove(name);
    };
    let (mut is_there, mut others) = (false, Vec::new());
    for value in request.headers()?.all(name) {
        match prefix.stands_in(value) {
            true => is_there = true,
            false => others.push(value.to_vec()),
        }
    }
    if !is_there {
        return Ok(());
    }
    request.remove(name)?;
    for value in others {
        request.append(name, &value)?;
    }
    Ok(())
}
