//! The two sides that operations are done to.
//!
//! In report mode each is a rehearsal: the operations are done to a copy of the headers, so that they
//! see each other's effects and nothing else does.

use crate::config::Rule;
use crate::edit::Side;
use gatehouse_host::{Entropy, Headers, Request, Response, Result};
use gatehouse_request_match::Subject;
use gatehouse_template::{Scope, Variable, write_time, write_uuid_v4};
use std::io::Write as _;

/// A request's headers.
pub(crate) struct RequestSide<'s, 'r> {
    request: &'s mut Request<'r>,
    subject: &'s mut Subject,
    captures: Vec<(&'s str, String)>,
    rehearsal: Option<Headers>,
}

/// A response's headers, and what was kept of its request.
pub(crate) struct ResponseSide<'s, 'r> {
    response: &'s mut Response<'r>,
    rule: &'s Rule,
    kept: &'s [Option<Vec<u8>>],
    rehearsal: Option<Headers>,
}

impl<'s, 'r> RequestSide<'s, 'r> {
    /// Of a request to which this rule applies. What the rule says of the client's address and of the
    /// path is found out before the operations change what it is found out from.
    pub(crate) fn new(
        request: &'s mut Request<'r>,
        subject: &'s mut Subject,
        rule: &'s Rule,
        rehearse: bool,
    ) -> Result<Self> {
        let captures = match &rule.matching {
            Some(matching) if rule.names_captures => matching.captures(subject, request)?,
            _ => Vec::new(),
        };
        if rule.names_client {
            subject.client_ip(request)?;
        }
        let rehearsal = match rehearse {
            true => Some(request.headers()?.clone()),
            false => None,
        };
        Ok(Self {
            request,
            subject,
            captures,
            rehearsal,
        })
    }

    /// The headers that the operations would leave; only in a rehearsal.
    pub(crate) fn into_rehearsal(self) -> Option<Headers> {
        self.rehearsal
    }
}

impl Side for RequestSide<'_, '_> {
    fn headers(&mut self) -> Result<&Headers> {
        match &self.rehearsal {
            Some(headers) => Ok(headers),
            None => self.request.headers(),
        }
    }

    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        match &mut self.rehearsal {
            Some(headers) => headers.set(name, value),
            None => self.request.set(name, value)?,
        }
        Ok(())
    }

    fn append(&mut self, name: &str, value: &[u8]) -> Result<()> {
        match &mut self.rehearsal {
            Some(headers) => headers.append(name, value),
            None => self.request.append(name, value)?,
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        match &mut self.rehearsal {
            Some(headers) => headers.remove(name),
            None => self.request.remove(name)?,
        }
        Ok(())
    }
}

impl Scope for RequestSide<'_, '_> {
    fn value(&mut self, variable: &Variable, out: &mut Vec<u8>) -> Result<bool> {
        Ok(match variable {
            Variable::Consumer(part) => match self.request.consumer()? {
                Some(consumer) => part.write(&consumer, out),
                None => false,
            },
            Variable::Header(part) => part.write(self.headers()?, out),
            Variable::ClientIp => match self.subject.client_ip(self.request)? {
                Some(address) => write!(out, "{address}").is_ok(),
                None => false,
            },
            Variable::Capture(name) => {
                let found = self.captures.iter().find(|(known, _)| *known == &**name);
                match found {
                    Some((_, value)) => {
                        out.extend_from_slice(value.as_bytes());
                        true
                    }
                    None => false,
                }
            }
            Variable::Uuid => write_uuid(self.request.host(), out)?,
            Variable::Now => write_time(self.request.now()?, out),
        })
    }
}

impl<'s, 'r> ResponseSide<'s, 'r> {
    /// Of a response to a request to which this rule applied.
    pub(crate) fn new(
        response: &'s mut Response<'r>,
        rule: &'s Rule,
        kept: &'s [Option<Vec<u8>>],
        rehearse: bool,
    ) -> Result<Self> {
        let rehearsal = match rehearse {
            true => Some(response.headers()?.clone()),
            false => None,
        };
        Ok(Self {
            response,
            rule,
            kept,
            rehearsal,
        })
    }

    /// The headers that the operations would leave; only in a rehearsal.
    pub(crate) fn into_rehearsal(self) -> Option<Headers> {
        self.rehearsal
    }
}

impl Side for ResponseSide<'_, '_> {
    fn headers(&mut self) -> Result<&Headers> {
        match &self.rehearsal {
            Some(headers) => Ok(headers),
            None => self.response.headers(),
        }
    }

    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        match &mut self.rehearsal {
            Some(headers) => headers.set(name, value),
            None => self.response.set(name, value)?,
        }
        Ok(())
    }

    fn append(&mut self, name: &str, value: &[u8]) -> Result<()> {
        match &mut self.rehearsal {
            Some(headers) => headers.append(name, value),
            None => self.response.append(name, value)?,
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        match &mut self.rehearsal {
            Some(headers) => headers.remove(name),
            None => self.response.remove(name)?,
        }
        Ok(())
    }
}

impl Scope for ResponseSide<'_, '_> {
    fn value(&mut self, variable: &Variable, out: &mut Vec<u8>) -> Result<bool> {
        let kept = match variable {
            Variable::Uuid => return write_uuid(self.response.host(), out),
            Variable::Now => return Ok(write_time(self.response.host().now()?, out)),
            kept => self.rule.kept.iter().position(|known| known == kept),
        };
        let value = kept.and_then(|index| self.kept.get(index)?.as_ref());
        Ok(match value {
            Some(value) => {
                out.extend_from_slice(value);
                true
            }
            None => false,
        })
    }
}

fn write_uuid(host: &(impl Entropy + ?Sized), out: &mut Vec<u8>) -> Result<bool> {
    let mut random = [0; 16];
    host.fill_random(&mut random)?;
    write_uuid_v4(random, out);
    Ok(true)
}

/// Whether two header maps say something else: the order of a header's values counts, that of
/// different headers does not.
pub(crate) fn differ(one: &Headers, other: &Headers) -> bool {
    // With as many lines, and the same values for every name of the one, the other has no further.
    let same = |name: &[u8]| {
        let values = one.iter().filter(|(known, _)| *known == name);
        values.eq(other.iter().filter(|(known, _)| *known == name))
    };
    one.len() != other.len() || one.iter().any(|(name, _)| !same(name))
}
