//! The provider `basic`: users and their passwords (RFC 7617).
//!
//! A hash of a password is slow by design, and a worker that computes one serves nobody else. So it
//! is decided, in this order:
//!
//! 1. Credentials that are not in Basic's form are refused ([`gatehouse_password::basic`]).
//! 2. A password that was verified before is good, a wrong one that was tried before is wrong
//!    ([`memory`]): neither costs a hash, looks at the limits, or counts as a failure again.
//! 3. Where too many other attempts have failed, for this user or from this address, the password is
//!    not looked at ([`failures`]).
//! 4. Nor is it where this worker has spent as much of its time on passwords as it may ([`budget`]).
//! 5. It is hashed and compared. For a user who does not exist another one's hash is, in vain, and
//!    all else is the same: the limits, what is remembered, the answer.
//! 6. Only a wrong password counts as a failure: it is charged before, and given back where the
//!    password is good. So limits are exact, however many workers verify at the same time.

mod budget;
mod config;
mod failures;
mod keyed;
mod memory;
mod users;

use crate::challenge::{Challenge, Realm};
use crate::credential::{Location, Presented};
use crate::identity::ClaimHeader;
use crate::provider::{Kind, Opinion};
use crate::reason::{Class, Reason};
use crate::stats::ProviderStats;
use budget::Budget;
use failures::{Charge, Failures, Limits, Room, Who};
use gatehouse_host::{Host, Level, Request, Result};
use gatehouse_password::basic::{self, Credentials};
use gatehouse_request_match::Subject;
use memory::{Mark, Memory, Recalled};
use std::borrow::Cow;
use std::time::Duration;
use users::{Account, Users};

/// A provider of this kind as it is configured.
pub(crate) struct BasicConfig {
    pub(crate) from: Vec<Location>,
    realm: Option<Realm>,
    accounts: Vec<Account>,
    memory: memory::Bounds,
    limits: Limits,
    /// Of a hundred parts of a worker's time, so many for passwords.
    max_busy: u8,
}

/// The users of one provider.
pub(crate) struct Passwords {
    provider: String,
    from: Vec<Location>,
    realm: Option<Realm>,
    users: Users,
    bounds: memory::Bounds,
    limits: Limits,
    max_busy: u8,
    ready: Option<Ready>,
}

/// What is there once the provider was started.
struct Ready {
    trusted_hops: u32,
    memory: Memory,
    failures: Failures,
    budget: Budget,
}

/// The places of [`Kind::counters`].
const VERIFIED: usize = 0;
const WRONG_AGAIN: usize = 1;
const CONTENDED: usize = 2;

/// Where other workers are faster.
const SOON: Duration = Duration::from_secs(1);

/// So many users are named in a line of the log.
const NAMED: usize = 10;

impl Passwords {
    /// The users of the provider of this name.
    pub(crate) fn new(config: BasicConfig, provider: &str, headers: &[ClaimHeader]) -> Self {
        Self {
            provider: provider.to_owned(),
            from: config.from,
            realm: config.realm,
            users: Users::new(config.accounts, provider, headers),
            bounds: config.memory,
            limits: config.limits,
            max_busy: config.max_busy,
            ready: None,
        }
    }

    fn warn_of_weak_hashes(&self, host: &dyn Host) {
        let weak: Vec<&str> = self.users.with_unsalted_hashes().collect();
        if weak.is_empty() {
            return;
        }
        let named: Vec<&str> = weak.iter().copied().take(NAMED).collect();
        let more = match weak.len().saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "auth: provider {}: {{SHA}} is SHA-1 without a salt, which is guessed by the billion in a \
             second; give these users a better hash: {}{more}",
            self.provider,
            named.join(", ")
        );
        host.log(Level::Warn, &message);
    }

    /// What is decided without a hash.
    fn recall(&self, ready: &Ready, mark: &Mark, now: u64) -> Option<Recalled> {
        let recalled = ready.memory.recall(mark, now)?;
        match recalled {
            // It is remembered for as long as it is in use: this provider's passwords don't change.
            Recalled::Good { user, since } if ready.memory.is_half_over(since, now) => {
                ready.memory.remember_good(mark, user, now);
            }
            _ => {}
        }
        Some(recalled)
    }

    /// What is decided with one, or not at all.
    fn verify(
        &self,
        ready: &Ready,
        credentials: &Credentials,
        mark: Option<&Mark>,
        request: &mut Request<'_>,
        stats: &ProviderStats,
    ) -> Result<Opinion> {
        let who = Who {
            user: credentials.user(),
            client: match ready.failures.needs_client() {
                true => Subject::new(ready.trusted_hops).client_ip(request)?,
                false => None,
            },
        };
        let host = request.host();
        // Not the time of the request: another provider may have hashed since.
        let begun = host.now()?.as_nanos();
        let mut attempt = match ready.failures.look(&who, begun, host)? {
            Room::For(attempt) => attempt,
            Room::After(wait) => return Ok(Opinion::Later(Reason::TooManyFailures, wait)),
        };
        if let Some(refusal) = ready.budget.refuses(begun) {
            if refusal.is_first {
                let message = format!(
                    "auth: provider {}: passwords take more than {}% of this worker (max_busy); \
                     those not seen lately are refused meanwhile",
                    self.provider, self.max_busy
                );
                host.log(Level::Warn, &message);
            }
            return Ok(Opinion::Later(Reason::VerificationBusy, refusal.wait));
        }
        match attempt.charge(begun, host)? {
            Charge::Made => {}
            Charge::NoRoom(wait) => return Ok(Opinion::Later(Reason::TooManyFailures, wait)),
            Charge::Contended => {
                stats.count(host, CONTENDED);
                return Ok(Opinion::Later(Reason::VerificationBusy, SOON));
            }
        }
        stats.count(host, VERIFIED);
        let verification = self.users.verify(who.user, credentials.password());
        // Without a clock, what was spent is what was expected.
        let ended = host.now().map_or(begun, |now| now.as_nanos());
        ready.budget.spend(verification.cost, begun, ended);
        if let Some(user) = verification.user {
            attempt.refund(begun, host);
            if let Some(mark) = mark {
                ready.memory.remember_good(mark, user, ended);
            }
            return Ok(self.opinion(user));
        }
        if let Some(mark) = mark {
            ready.memory.remember_wrong(mark, ended);
        }
        Ok(Opinion::Bad(Reason::PasswordWrong))
    }

    fn opinion(&self, user: usize) -> Opinion {
        match self.users.identity(user) {
            Some(identity) => Opinion::Good(identity.clone()),
            None => Opinion::Bad(Reason::PasswordWrong),
        }
    }
}

impl Kind for Passwords {
    fn start(&mut self, trusted_hops: u32, host: &dyn Host) -> Result<()> {
        self.warn_of_weak_hashes(host);
        self.ready = Some(Ready {
            trusted_hops,
            memory: Memory::new(self.bounds, host)?,
            failures: Failures::open(&self.provider, self.limits, host)?,
            budget: Budget::new(self.max_busy),
        });
        Ok(())
    }

    fn from(&self) -> &[Location] {
        &self.from
    }

    fn check(
        &self,
        presented: &Presented,
        request: &mut Request<'_>,
        stats: &ProviderStats,
    ) -> Result<Opinion> {
        let encoded = match presented {
            Presented::Absent => return Ok(Opinion::Missing),
            Presented::Several => return Ok(Opinion::Bad(Reason::CredentialAmbiguous)),
            Presented::TooLong => return Ok(Opinion::Bad(Reason::CredentialMalformed)),
            Presented::One(encoded) => encoded,
        };
        let Ok(credentials) = basic::decode(encoded) else {
            return Ok(Opinion::Bad(Reason::CredentialMalformed));
        };
        // A filter starts its providers before it asks them.
        let Some(ready) = &self.ready else {
            return Ok(Opinion::Bad(Reason::VerificationBusy));
        };
        let mark = ready.memory.mark(&credentials);
        if let Some(mark) = &mark {
            let now = request.now()?.as_nanos();
            match self.recall(ready, mark, now) {
                Some(Recalled::Good { user, .. }) => return Ok(self.opinion(user)),
                Some(Recalled::Wrong) => {
                    stats.count(request.host(), WRONG_AGAIN);
                    return Ok(Opinion::Bad(Reason::PasswordWrong));
                }
                None => {}
            }
        }
        self.verify(ready, &credentials, mark.as_ref(), request, stats)
    }

    fn challenge(&self, refused: Option<Reason>) -> Option<Cow<'static, str>> {
        if let Some(Class::Malformed | Class::Throttled | Class::Unavailable) =
            refused.map(Reason::class)
        {
            // Another password would not help, and a browser would ask for one.
            return None;
        }
        // RFC 7617, 2: there must be a realm.
        let challenge = match &self.realm {
            Some(realm) => Challenge::new("Basic", Some(realm)),
            None => Challenge::new("Basic", None).with("realm", &self.provider),
        };
        // RFC 7617, 2.1: names of users are UTF-8 here.
        Some(challenge.with("charset", "UTF-8").into())
    }

    fn counters(&self) -> &'static [&'static str] {
        &[
            "password_verified",
            "password_wrong_again",
            "failures_contended",
        ]
    }
}
