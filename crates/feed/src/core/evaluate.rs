//! What an answer is good for.
//!
//! 1. Without headers there was no answer.
//! 2. 304 says that the document that is held is good for longer, where the server was told which that is. So
//!    does 200 with the same bytes.
//! 3. 200 with other bytes is the next step, or a document with a number of its own, by which workers tell it
//!    from others.
//! 4. Everything else is trouble.

use super::{Call, Core, Flight};
use crate::shared::{Etag, Stored};
use crate::trouble::Trouble;
use crate::{Address, lifetime};
use gatehouse_host::{Answer, Cas, Headers, Host};
use std::time::Duration;

/// A longer `etag` is not kept.
const MAX_ETAG_BYTES: usize = 256;

/// Overwrites what is there.
const OVERWRITE: Cas = Cas(0);

/// What an answer is good for.
pub(super) enum Outcome {
    /// It is the document that is known, for so long.
    Known(Duration),
    /// A document, for so long.
    Document(Stored, Duration),
    Next(Address),
}

impl Core {
    /// The document in shared data, where it is the one that is held and comes from this step.
    pub(super) fn stored(&self, host: &dyn Host, step: usize) -> Option<Stored> {
        let held = self.held.get();
        if held == 0 {
            return None;
        }
        let stored = Stored::read(host, &self.document_key).ok()??;
        (stored.document == held && stored.step == step).then_some(stored)
    }

    pub(super) fn evaluate(
        &self,
        call: &Call<'_>,
        flight: &Flight,
        answer: &Answer<'_>,
    ) -> std::result::Result<Outcome, Trouble> {
        let headers = answer.headers().map_err(Trouble::Host)?;
        if headers.is_empty() {
            return Err(Trouble::NoAnswer);
        }
        let lifetime = lifetime::of(&headers, &self.settings);
        match headers.status() {
            Some(200) => {}
            Some(304) if flight.conditional => return Ok(Outcome::Known(lifetime)),
            status => return Err(Trouble::Status(status.unwrap_or(0))),
        }
        let body = answer
            .body(self.settings.max_bytes)
            .map_err(Trouble::Host)?;
        let bytes = body.ok_or(Trouble::TooLong(answer.body_size()))?;
        let stored = self.stored(call.host, flight.step);
        if stored.is_some_and(|stored| stored.bytes == bytes) {
            return Ok(Outcome::Known(lifetime));
        }
        if let Some(next) = (call.read)(flight.step, &bytes).map_err(Trouble::Unreadable)? {
            return Ok(Outcome::Next(next));
        }
        let mut number = [0; 8];
        let _ = call.host.fill_random(&mut number);
        // Also by the time, since it may have no randomness; and never the number of the one before.
        let number = (u64::from_le_bytes(number) ^ call.now.as_nanos()).max(1);
        let document = match number == self.held.get() {
            true => number.wrapping_add(1).max(1),
            false => number,
        };
        let stored = Stored {
            document,
            step: flight.step,
            etag: etag_of(&headers, &flight.address),
            bytes,
        };
        Ok(Outcome::Document(stored, lifetime))
    }

    pub(super) fn store(
        &self,
        host: &dyn Host,
        stored: &Stored,
    ) -> std::result::Result<(), Trouble> {
        let Some(bytes) = stored.encode() else {
            return Err(Trouble::TooManySteps);
        };
        host.swap_shared(&self.document_key, &bytes, OVERWRITE)
            .map_err(Trouble::Host)?;
        Ok(())
    }
}

pub(super) fn name_of(address: &Address) -> String {
    format!("{}{}", address.authority, address.path)
}

fn etag_of(headers: &Headers, address: &Address) -> Option<Etag> {
    let value = headers.all("etag").next()?;
    let of = name_of(address);
    let fits =
        !value.is_empty() && value.len() <= MAX_ETAG_BYTES && u16::try_from(of.len()).is_ok();
    fits.then(|| Etag {
        of,
        value: value.to_vec(),
    })
}
