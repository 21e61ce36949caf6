//! What a client says first, or its server.

use super::deadlines::after;
use super::{Filter, Found, Hearing, Now, Phase, State};
use crate::config::{FirstData, Mode, Protocol};
use crate::limiter::Limit;
use crate::rules::{Said, Tls};
use crate::stats::Reason;
use gatehouse_first_bytes::{Greeting, Inspector, Spoken, TlsVersion, Verdict};
use gatehouse_host::{Connection, ConnectionData, Flow, Host, Result, Side};

/// What the first bytes come to.
enum Heard {
    NotYet,
    TooLong,
    Malformed,
    Said(Said),
}

impl Filter {
    /// Waits for data. Only a connection whose upstream must not be connected is held for it.
    pub(super) fn listen(&self, state: &mut State, now: &Now<'_>) -> Result<Flow> {
        let first = self.first_data.unwrap_or_default();
        state.phase = Phase::First;
        state.hearing = Some(Box::new(hearing(first)));
        let until = after(now.get()?, first.within.as_nanos());
        state.until = Some(until);
        Ok(match self.is_held() {
            true => Flow::Wait { until },
            false => Flow::Continue,
        })
    }

    fn is_held(&self) -> bool {
        self.mode == Mode::Enforce && !self.server_speaks_first
    }

    /// Decides on data from the client.
    pub(super) fn hear(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
        now: &Now<'_>,
    ) -> Result<Flow> {
        match self.listen_to(connection, data, state)? {
            Heard::NotYet => Ok(match (state.until, self.mode) {
                (Some(until), Mode::Enforce) => Flow::Wait { until },
                (_, Mode::Report) => {
                    if let Some(hearing) = &mut state.hearing {
                        hearing.passed = hearing.passed.saturating_add(data.fresh());
                    }
                    Flow::Continue
                }
                (None, Mode::Enforce) => self.deny(connection, state, Reason::HostFailed, None),
            }),
            Heard::TooLong => {
                let reason = Reason::Limit(Limit::FirstDataSize);
                Ok(self.deny(connection, state, reason, None))
            }
            Heard::Malformed => Ok(self.deny(connection, state, Reason::MalformedTls, None)),
            Heard::Said(said) => self.judge(connection, state, &said, now),
        }
    }

    /// Decides on data from the server: also where the client has begun to say something, or a byte would do to get the
    /// server's greeting out of it. What is held of the client goes on with what comes next, or when its time is over.
    pub(super) fn hear_server(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
        now: &Now<'_>,
    ) -> Result<Flow> {
        let Some(hearing) = state.hearing.as_mut() else {
            return Ok(Flow::Continue);
        };
        if !self.server_speaks_first {
            return Ok(match self.is_held() {
                // Nobody behind this filter was told of it.
                true => self.deny(connection, state, Reason::Default, None),
                false => Flow::Continue,
            });
        }
        if data.is_empty() && !data.is_last() {
            return Ok(Flow::Continue);
        }
        let bytes = data.bytes(0, hearing.greeting.wants())?;
        let protocol = match hearing.greeting.feed(&bytes) {
            Some(true) => Protocol::Mysql,
            Some(false) => Protocol::Unknown,
            None if data.is_last() => Protocol::Unknown,
            None => return Ok(Flow::Continue),
        };
        // Nothing of TLS is asked for: the handshake may not be over, and before that Envoy makes a version up, and
        // stays with it (`Connection::tls_version`).
        let said = Said {
            protocol: Some(protocol),
            ..Said::default()
        };
        self.stats.count_protocol(protocol, connection.host());
        self.judge(connection, state, &said, now)
    }

    /// Counts what the client has said until it was let on. In report mode some of it went on before.
    pub(super) fn pass_first(
        &self,
        data: &ConnectionData<'_>,
        state: &mut State,
        host: &dyn Host,
    ) -> Option<Reason> {
        state.is_active = true;
        let traffic = state.traffic.as_mut()?;
        let passed = std::mem::take(&mut state.passed_before);
        let counted = traffic.count(
            Side::Downstream,
            data.len().saturating_add(passed),
            self.limiter.as_ref(),
            host,
        );
        self.reason_of(counted, host)
    }

    /// Goes through the rules with all there is to know.
    fn judge(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        said: &Said,
        now: &Now<'_>,
    ) -> Result<Flow> {
        match self.decide(connection, state, Some(said), now)? {
            Found::Decision(decision) => {
                state.passed_before = state.hearing.as_ref().map_or(0, |hearing| hearing.passed);
                self.conclude(connection, state, decision, Some(said), now)
            }
            // It never waits here: see `decide`.
            Found::Wait(until) => Ok(Flow::Wait { until }),
        }
    }

    fn listen_to(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
    ) -> Result<Heard> {
        let Some(hearing) = state.hearing.as_mut() else {
            return Ok(Heard::NotYet);
        };
        if data.is_empty() && !data.is_last() {
            return Ok(Heard::NotYet);
        }
        // An end without a byte may come before the handshake is over, if ever there is one.
        let mut said = match !data.is_empty() {
            true => self.shown(connection)?,
            false => Said::default(),
        };
        let envoy_ends_tls = said.tls != Tls::None;
        if !self.rules.needs.bytes(envoy_ends_tls) {
            return Ok(Heard::Said(said));
        }
        let bytes = data.bytes(data.held(), hearing.inspector.wants())?;
        let verdict = hearing.inspector.feed(&bytes);
        let reads_tls = !envoy_ends_tls && self.rules.needs.hello();
        let spoken = match verdict {
            Verdict::Is(spoken) => Some(spoken),
            Verdict::TooLong => return Ok(Heard::TooLong),
            // A more lenient server might find a name in it that a rule is about.
            Verdict::Malformed(_) if reads_tls => return Ok(Heard::Malformed),
            Verdict::NotYet { .. } if data.is_last() && reads_tls && hearing.inspector.is_tls() => {
                return Ok(Heard::Malformed);
            }
            Verdict::Unknown(_) | Verdict::Malformed(_) => None,
            Verdict::NotYet { .. } if data.is_last() => None,
            Verdict::NotYet { .. } => return Ok(Heard::NotYet),
        };
        let protocol = spoken.as_ref().map_or(Protocol::Unknown, protocol);
        self.stats.count_protocol(protocol, connection.host());
        said.protocol = Some(protocol);
        if let (Some(Spoken::Tls(hello)), false) = (spoken, envoy_ends_tls) {
            said.tls = Tls::Passed(hello);
        }
        Ok(Heard::Said(said))
    }

    /// What Envoy says of TLS, where Envoy ends it, and some rule asks.
    fn shown(&self, connection: &Connection<'_>) -> Result<Said> {
        let needs = self.rules.needs;
        let mut said = Said::default();
        if !needs.any_tls() {
            return Ok(said);
        }
        let Some(version) = connection.tls_version()? else {
            return Ok(said);
        };
        let mut versions = TlsVersion::ALL.iter();
        let known = versions.find(|(name, _)| name.as_bytes() == version);
        let server_name = match needs.sni {
            true => connection.server_name()?,
            false => None,
        };
        said.tls = Tls::Ended {
            server_name: server_name.and_then(|name| {
                let name = String::from_utf8(name).ok()?.to_ascii_lowercase();
                Some(name.strip_suffix('.').unwrap_or(&name).to_owned())
            }),
            version: known.map(|(_, version)| *version),
        };
        if needs.uri {
            said.uri = connection.certificate_uri()?;
        }
        if needs.dns {
            let name = connection.certificate_dns_name()?;
            said.dns = name.map(|name| name.to_ascii_lowercase());
        }
        if needs.digest {
            said.digest = connection.certificate_digest()?;
        }
        Ok(said)
    }
}

fn hearing(first: FirstData) -> Hearing {
    Hearing {
        inspector: Inspector::new(first.most.bytes()),
        greeting: Greeting::default(),
        passed: 0,
    }
}

fn protocol(spoken: &Spoken) -> Protocol {
    match spoken {
        Spoken::Tls(_) => Protocol::Tls,
        Spoken::Http1 => Protocol::Http1,
        Spoken::Http2 => Protocol::Http2,
        Spoken::Ssh => Protocol::Ssh,
        Spoken::Postgresql => Protocol::Postgresql,
        Spoken::Redis => Protocol::Redis,
        Spoken::Mqtt => Protocol::Mqtt,
        Spoken::Amqp => Protocol::Amqp,
    }
}
