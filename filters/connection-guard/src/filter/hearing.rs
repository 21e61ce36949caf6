//! What a client says first, or its server.

use super::deadlines::after;
use super::decision::Found;
use super::{Filter, Hearing, Now, Phase, State};
use crate::config::{Mode, Protocol};
use crate::limiter::Limit;
use crate::rules::{Said, Tls};
use crate::stats::Reason;
use gatehouse_first_bytes::{Greeting, Inspector, Spoken, TlsVersion, Verdict, host_name};
use gatehouse_host::{Connection, ConnectionData, Flow, Result};

/// What the first bytes come to.
enum Heard {
    NotYet,
    TooLong,
    Malformed,
    Said(Said),
}

impl Filter {
    /// Waits for data. Only a connection whose upstream must not be connected is held for it. What it has said already, while
    /// it waited for a list, is not handed over once more, and decides now.
    pub(super) fn listen(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        now: &Now<'_>,
    ) -> Result<Flow> {
        let first = self.first_data.unwrap_or_default();
        self.begin_to_hear(state);
        state.phase = Phase::First;
        let until = after(now.get()?, first.within.as_nanos());
        state.until = Some(until);
        let hearing = state.hearing.as_ref();
        if hearing.is_some_and(|hearing| hearing.shown.is_some() || hearing.is_last) {
            return self.weigh(connection, state, now);
        }
        Ok(match self.is_held() {
            true => Flow::Wait { until },
            false => Flow::Continue,
        })
    }

    pub(super) fn begin_to_hear(&self, state: &mut State) {
        let first = self.first_data.unwrap_or_default();
        let hearing = || Box::new(Hearing::new(first.most.bytes()));
        state.hearing.get_or_insert_with(hearing);
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
        self.take_in(connection, data, state)?;
        let flow = self.weigh(connection, state, now)?;
        if state.phase == Phase::First
            && flow == Flow::Continue
            && let Some(hearing) = &mut state.hearing
        {
            hearing.passed = hearing.passed.saturating_add(data.fresh());
        }
        Ok(flow)
    }

    /// Decides on what the client has said so far.
    fn weigh(&self, connection: &Connection<'_>, state: &mut State, now: &Now<'_>) -> Result<Flow> {
        match self.heard(connection, state) {
            Heard::NotYet => Ok(match (state.until, self.mode) {
                (Some(until), Mode::Enforce) => Flow::Wait { until },
                (_, Mode::Report) => Flow::Continue,
                (None, Mode::Enforce) => self.deny(connection, state, Reason::HostFailed, None),
            }),
            Heard::TooLong => {
                let reason = Reason::Limit(Limit::FirstDataSize);
                Ok(self.deny(connection, state, reason, None))
            }
            Heard::Malformed => Ok(self.deny(connection, state, Reason::MalformedTls, None)),
            Heard::Said(said) => self.judge(connection, state, said, true, now),
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
        // The client came first, and waits for a list. The server's data cannot.
        if let Some(said) = hearing.said.take() {
            return self.judge(connection, state, said, false, now);
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
        self.judge(connection, state, said, false, now)
    }

    /// Goes through the rules with all there is to know.
    pub(super) fn judge(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        said: Said,
        may_wait: bool,
        now: &Now<'_>,
    ) -> Result<Flow> {
        match self.decide(connection, state, Some(&said), may_wait, now)? {
            Found::Decision(decision) => {
                state.passed_before = state.hearing.as_ref().map_or(0, |hearing| hearing.passed);
                self.conclude(connection, state, decision, Some(&said), now)
            }
            Found::Wait(until) => {
                if let Some(hearing) = &mut state.hearing {
                    hearing.said = Some(said);
                }
                state.until = Some(until);
                Ok(Flow::Wait { until })
            }
        }
    }

    /// Takes what the client says, also while a list is awaited: nothing is handed over twice, and when its wait is over
    /// nothing that is held can be read.
    pub(super) fn take_in(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
    ) -> Result<()> {
        let Some(hearing) = state.hearing.as_mut() else {
            return Ok(());
        };
        hearing.is_last |= data.is_last();
        if data.is_empty() {
            return Ok(());
        }
        let shown = match &mut hearing.shown {
            Some(shown) => shown,
            shown => shown.insert(self.shown(connection)?),
        };
        let is_open = matches!(hearing.verdict, None | Some(Verdict::NotYet { .. }));
        if is_open && self.rules.needs.bytes(shown.tls != Tls::None) {
            let bytes = data.bytes(data.held(), hearing.inspector.wants())?;
            hearing.verdict = Some(hearing.inspector.feed(&bytes));
        }
        Ok(())
    }

    /// What that comes to.
    fn heard(&self, connection: &Connection<'_>, state: &mut State) -> Heard {
        let Some(hearing) = state.hearing.as_mut() else {
            return Heard::NotYet;
        };
        // Where only a list is missing, nothing more is heard.
        if hearing.said.is_some() {
            return Heard::NotYet;
        }
        let mut said = match &hearing.shown {
            Some(shown) => shown.clone(),
            // An end without a byte may come before the handshake is over, if ever there is one.
            None if hearing.is_last => Said::default(),
            None => return Heard::NotYet,
        };
        if said.tls == Tls::Malformed {
            return Heard::Malformed;
        }
        let envoy_ends_tls = said.tls != Tls::None;
        if !self.rules.needs.bytes(envoy_ends_tls) {
            return Heard::Said(said);
        }
        let needs = self.rules.needs;
        let reads_tls = needs.protocol_tls || (!envoy_ends_tls && needs.hello());
        let is_last = hearing.is_last;
        let (spoken, other) = match hearing.verdict.take() {
            Some(Verdict::Is(spoken)) => (Some(spoken), None),
            Some(Verdict::Either(one, other)) => (Some(one), Some(other)),
            Some(Verdict::TooLong) => return Heard::TooLong,
            // A more lenient server might find a name in it that a rule is about.
            Some(Verdict::Malformed(_)) if reads_tls => return Heard::Malformed,
            Some(Verdict::NotYet { .. }) | None
                if is_last && reads_tls && hearing.inspector.is_tls() =>
            {
                return Heard::Malformed;
            }
            Some(Verdict::Unknown(_) | Verdict::Malformed(_)) => (None, None),
            Some(Verdict::NotYet { .. }) | None if is_last => (None, None),
            Some(Verdict::NotYet { .. }) | None => return Heard::NotYet,
        };
        said.protocol = Some(spoken.as_ref().map_or(Protocol::Unknown, protocol));
        said.or_protocol = other.as_ref().map(protocol);
        for protocol in said.protocol.iter().chain(&said.or_protocol) {
            self.stats.count_protocol(*protocol, connection.host());
        }
        if let (Some(Spoken::Tls(hello)), false) = (spoken, envoy_ends_tls) {
            said.tls = Tls::Passed(hello);
        }
        Heard::Said(said)
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
        let server_name = match server_name.map(|name| host_name(&name)) {
            Some(None) => {
                said.tls = Tls::Malformed;
                return Ok(said);
            }
            Some(name) => name,
            None => None,
        };
        said.tls = Tls::Ended {
            server_name,
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

impl Hearing {
    fn new(most: usize) -> Self {
        Self {
            inspector: Inspector::new(most),
            verdict: None,
            shown: None,
            is_last: false,
            said: None,
            greeting: Greeting::default(),
            passed: 0,
        }
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
