//! Fetching: when it is time, or on demand; the lease first, then one step after the other.

use super::evaluate::name_of;
use super::{Call, Core, Flight, GRACE};
use crate::Address;
use crate::shared::{Lease, State, has_come};
use crate::trouble::Trouble;
use gatehouse_host::{Callout, CalloutId, Host, Level};

impl Core {
    pub(crate) fn fetch_if_due(&self, call: &Call<'_>) {
        let state = self.state.get();
        if self.is_due(&state, call.now) && !self.is_leased(&state, call.now) {
            self.fetch(call, false, &|state| self.is_due(state, call.now));
        }
    }

    /// Fetches although it is not time yet, unless it was done just now.
    pub(crate) fn fetch_on_demand(&self, call: &Call<'_>) {
        let (now, period) = (call.now, self.settings.on_demand);
        let allowed = |state: &State| has_come(state.want_after, now.as_nanos(), period);
        if allowed(&self.state.get()) {
            self.fetch(call, true, &|state| {
                let allowed = allowed(state);
                state.want_after = now.after(period).as_nanos();
                allowed
            });
        }
    }

    /// Takes the lease and sends the first step. `wanted` may change the state too.
    fn fetch(&self, call: &Call<'_>, on_demand: bool, wanted: &dyn Fn(&mut State) -> bool) {
        let mut random = [0; 9];
        // Without randomness there is no jitter, and the lease is told by its time alone.
        let _ = call.host.fill_random(&mut random);
        let [jitter, token @ ..] = random;
        let lease = Lease {
            token: u64::from_le_bytes(token),
            until: call.now.after(self.lease_length()).as_nanos(),
        };
        let taken = State::change(call.host, &self.state_key, &|state| {
            let wanted = !self.is_leased(state, call.now) && wanted(state);
            state.lease = lease;
            wanted
        });
        match taken {
            Ok(Some((_, state))) => self.state.set(state),
            // Somebody else took it: who waits must know until when.
            Ok(None) => return self.look(call),
            // It comes again with the next tick.
            Err(error) if !self.said.replace(true) => {
                return self.log(call.host, Level::Error, &error.to_string());
            }
            Err(_) => return,
        }
        self.said.set(false);
        let before = Flight {
            callout: CalloutId(0),
            step: 0,
            address: self.settings.first.clone(),
            conditional: false,
            until: call.now,
            lease,
            on_demand,
            random: jitter,
        };
        self.send(call, 0, self.settings.first.clone(), &before);
    }

    pub(super) fn send(&self, call: &Call<'_>, step: usize, address: Address, before: &Flight) {
        if step >= self.settings.steps {
            return self.failed(call, before, &Trouble::TooManySteps);
        }
        let etag = self.etag(call.host, step, &address);
        let conditional = etag.is_some();
        let mut headers = vec![
            (":method".to_owned(), b"GET".to_vec()),
            (":path".to_owned(), address.path.clone().into_bytes()),
            (
                ":authority".to_owned(),
                address.authority.clone().into_bytes(),
            ),
            ("accept".to_owned(), b"application/json, */*;q=0.5".to_vec()),
            ("user-agent".to_owned(), b"gatehouse".to_vec()),
        ];
        headers.extend(etag.map(|etag| ("if-none-match".to_owned(), etag)));
        let sent = call.host.call_out(&Callout {
            cluster: address.cluster.clone(),
            headers,
            body: Vec::new(),
            timeout: self.settings.timeout,
        });
        match sent {
            Err(error) => self.failed(call, before, &Trouble::NotSent(error)),
            Ok(callout) => {
                let until = call.now.after(self.settings.timeout.saturating_add(GRACE));
                *self.flight.borrow_mut() = Some(Flight {
                    callout,
                    step,
                    address,
                    conditional,
                    until,
                    lease: before.lease,
                    on_demand: before.on_demand,
                    random: before.random,
                });
            }
        }
    }

    /// What the server called the document that is held, if that came from this address.
    fn etag(&self, host: &dyn Host, step: usize, address: &Address) -> Option<Vec<u8>> {
        let stored = self.stored(host, step)?;
        let etag = stored.etag?;
        (etag.of == name_of(address)).then_some(etag.value)
    }
}
