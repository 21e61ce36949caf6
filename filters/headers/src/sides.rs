//! The two sides that operations are done to.
//!
//! In report mode each is a rehearsal: the operations are done to a copy of the headers, so that they
//! see each other's effects and nothing else does.

use gatehouse_header_operations::{Rule, Side};
use gatehouse_host::{Clock, Entropy, Headers, Host, Only, Request, Response, Result, Trailers};
use gatehouse_request_match::Subject;
use gatehouse_template::{Scope, Variable, write_time, write_uuid_v4, write_uuid_v7};
use std::io::Write as _;

/// A request's headers.
pub(crate) struct RequestSide<'s, 'r> {
    request: &'s mut Request<'r>,
    subject: &'s mut Subject,
    captures: Vec<(&'s str, String)>,
    route: Option<Vec<u8>>,
    rehearsal: Option<Headers>,
}

/// What comes after a request's headers, and what was kept of these.
pub(crate) struct LaterSide<'s> {
    message: &'s mut dyn Message,
    rule: &'s Rule,
    kept: &'s [Option<Vec<u8>>],
    rehearsal: Option<Headers>,
}

/// A response, or the trailers of either side.
pub(crate) trait Message {
    fn host(&self) -> &dyn Host;
    fn headers(&mut self) -> Result<&Headers>;
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()>;
    fn append(&mut self, name: &str, value: &[u8]) -> Result<()>;
    fn remove(&mut self, name: &str) -> Result<()>;
}

macro_rules! message {
    ($type:ident, $headers:ident) => {
        impl Message for $type<'_> {
            fn host(&self) -> &dyn Host {
                $type::host(self)
            }

            fn headers(&mut self) -> Result<&Headers> {
                $type::$headers(self)
            }

            fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
                $type::set(self, name, value)
            }

            fn append(&mut self, name: &str, value: &[u8]) -> Result<()> {
                $type::append(self, name, value)
            }

            fn remove(&mut self, name: &str) -> Result<()> {
                $type::remove(self, name)
            }
        }
    };
}
message!(Response, headers);
message!(Trailers, fields);

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
        let route = match rule.names_route {
            true => request.host().property(&["xds", "route_name"])?,
            false => None,
        };
        let rehearsal = match rehearse {
            true => Some(request.headers()?.clone()),
            false => None,
        };
        Ok(Self {
            request,
            subject,
            captures,
            // Envoy calls a route without a name so, and none where there is none.
            route: route.filter(|name| !name.is_empty()),
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

    fn fill_random(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.request.host().fill_random(bytes)
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
            // Refused where a request's operations stand.
            Variable::ResponseHeader(_) => false,
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
            Variable::Route => match &self.route {
                Some(name) => {
                    out.extend_from_slice(name);
                    true
                }
                None => false,
            },
            Variable::Uuid => {
                write_uuid_v4(random(self.request.host())?, out);
                true
            }
            Variable::UuidV7 => {
                let now = self.request.now()?;
                write_uuid_v7(now, random(self.request.host())?, out);
                true
            }
            Variable::Now(format) => write_time(self.request.now()?, format, out),
        })
    }
}

impl<'s> LaterSide<'s> {
    /// Of what follows a request to which this rule applied.
    pub(crate) fn new(
        message: &'s mut dyn Message,
        rule: &'s Rule,
        kept: &'s [Option<Vec<u8>>],
        rehearse: bool,
    ) -> Result<Self> {
        let rehearsal = match rehearse {
            true => Some(message.headers()?.clone()),
            false => None,
        };
        Ok(Self {
            message,
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

impl Side for LaterSide<'_> {
    fn headers(&mut self) -> Result<&Headers> {
        match &self.rehearsal {
            Some(headers) => Ok(headers),
            None => self.message.headers(),
        }
    }

    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        match &mut self.rehearsal {
            Some(headers) => headers.set(name, value),
            None => self.message.set(name, value)?,
        }
        Ok(())
    }

    fn append(&mut self, name: &str, value: &[u8]) -> Result<()> {
        match &mut self.rehearsal {
            Some(headers) => headers.append(name, value),
            None => self.message.append(name, value)?,
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        match &mut self.rehearsal {
            Some(headers) => headers.remove(name),
            None => self.message.remove(name)?,
        }
        Ok(())
    }

    fn fill_random(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.message.host().fill_random(bytes)
    }
}

impl Scope for LaterSide<'_> {
    fn value(&mut self, variable: &Variable, out: &mut Vec<u8>) -> Result<bool> {
        let kept = match variable {
            Variable::Uuid | Variable::UuidV7 | Variable::Now(_) => {
                return generated(variable, self.message.host(), out);
            }
            Variable::ResponseHeader(name) => {
                let Only::One(value) = self.headers()?.only(name) else {
                    return Ok(false);
                };
                out.extend_from_slice(value);
                return Ok(true);
            }
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

/// The value of a variable that is of no request.
fn generated<H>(variable: &Variable, host: &H, out: &mut Vec<u8>) -> Result<bool>
where
    H: Entropy + Clock + ?Sized,
{
    match variable {
        Variable::Uuid => write_uuid_v4(random(host)?, out),
        Variable::UuidV7 => write_uuid_v7(host.now()?, random(host)?, out),
        Variable::Now(format) => return Ok(write_time(host.now()?, format, out)),
        _ => return Ok(false),
    }
    Ok(true)
}

fn random(host: &(impl Entropy + ?Sized)) -> Result<[u8; 16]> {
    let mut random = [0; 16];
    host.fill_random(&mut random)?;
    Ok(random)
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
