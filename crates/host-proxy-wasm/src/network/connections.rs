//! The connections of a VM, and what is known of each.

use crate::begun::Begun;
use crate::stream::ContextHasher;
use gatehouse_host::{NetworkFilter, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::rc::Rc;
use std::time::Duration;

/// As many connections may be held at once, in one VM. Each takes some hundred bytes here, and in Envoy
/// what it has sent.
pub(crate) const MAX_HELD: usize = 64 * 1024;

/// A connection of which its filter wants to know more.
pub(crate) struct Known<F: NetworkFilter> {
    pub(crate) filter: Rc<F>,
    pub(crate) state: F::State,
    /// It is held until then.
    pub(crate) until: Option<Timestamp>,
    /// So many bytes are held that its filter has seen.
    pub(crate) seen: usize,
    pub(crate) is_closed: bool,
    /// It is counted among those that are held.
    counts: bool,
    /// It is in the schedule at this time.
    scheduled: Option<Timestamp>,
}

impl<F: NetworkFilter> Known<F> {
    pub(crate) fn new(filter: Rc<F>) -> Box<Self> {
        Box::new(Self {
            filter,
            state: F::State::default(),
            until: None,
            seen: 0,
            is_closed: false,
            counts: false,
            scheduled: None,
        })
    }

    /// When something is to be done though nothing happens.
    fn deadline(&self) -> Option<Timestamp> {
        if self.is_closed {
            return None;
        }
        let own = self.filter.deadline(&self.state);
        match (own, self.until) {
            (Some(own), Some(until)) => Some(own.min(until)),
            (own, until) => own.or(until),
        }
    }

    /// Whether anything of it is needed later. A closed one is, so that nothing of it passes until it is
    /// gone, and for its end.
    fn is_wanted(&self) -> bool {
        keeps::<F>()
            && (self.is_closed || self.until.is_some() || self.filter.wants_more(&self.state))
    }
}

/// Whether something of a connection may have to be kept.
pub(crate) const fn keeps<F: NetworkFilter>() -> bool {
    F::WANTS_DOWNSTREAM_DATA
        || F::WANTS_UPSTREAM_DATA
        || F::WANTS_CLOSES
        || F::WANTS_DEADLINES
        || F::WANTS_END
}

/// What [`Connections::end`] found.
pub(crate) enum Found<F: NetworkFilter> {
    /// No connection that has begun.
    Nothing,
    /// One of which nothing is known, or which a callback is about.
    Connection,
    /// One that its filter wants to know the end of.
    Known(Box<Known<F>>),
}

/// The connections of which something must be known, by their context.
pub(crate) struct Connections<F: NetworkFilter> {
    begun: Begun,
    /// Nothing for one that a callback is about.
    known: HashMap<u32, Option<Box<Known<F>>>, BuildHasherDefault<ContextHasher>>,
    agenda: Agenda,
}

/// Who is held, and when something is to be done.
struct Agenda {
    /// Each at most once: a deadline that moves on, as that of an idle time does with each byte, is looked
    /// at when the time comes that it had at first.
    schedule: BTreeSet<(Timestamp, u32)>,
    held: usize,
}

impl<F: NetworkFilter> Connections<F> {
    pub(crate) const fn new() -> Self {
        Self {
            begun: Begun::new(),
            known: HashMap::with_hasher(BuildHasherDefault::new()),
            agenda: Agenda {
                schedule: BTreeSet::new(),
                held: 0,
            },
        }
    }

    pub(crate) fn begin(&mut self, connection: u32, root: u32) {
        self.begun.begin(connection, root);
    }

    pub(crate) fn take_begun(&mut self, connection: u32) -> Option<u32> {
        self.begun.take(connection)
    }

    /// Takes out what is known of a connection for a callback about it.
    pub(crate) fn take(&mut self, connection: u32) -> Option<Box<Known<F>>> {
        self.known.get_mut(&connection)?.take()
    }

    /// Keeps what a new connection's filter wants to know later.
    pub(crate) fn keep(&mut self, connection: u32, mut known: Box<Known<F>>) {
        if known.is_wanted() {
            self.agenda.arrange(connection, &mut known);
            self.known.insert(connection, Some(known));
        }
    }

    /// Puts back what was taken out. One that ended meanwhile is handed back for its end.
    pub(crate) fn put_back(
        &mut self,
        connection: u32,
        mut known: Box<Known<F>>,
    ) -> Option<Box<Known<F>>> {
        let Some(place) = self.known.get_mut(&connection) else {
            self.agenda.disarrange(connection, &mut known);
            return Some(known);
        };
        if known.is_wanted() {
            self.agenda.arrange(connection, &mut known);
            *place = Some(known);
        } else {
            self.known.remove(&connection);
            self.agenda.disarrange(connection, &mut known);
        }
        None
    }

    /// Forgets a connection.
    pub(crate) fn end(&mut self, connection: u32) -> Found<F> {
        match self.known.remove(&connection) {
            Some(Some(mut known)) => {
                self.agenda.disarrange(connection, &mut known);
                Found::Known(known)
            }
            Some(None) => Found::Connection,
            None => match self.begun.take(connection) {
                Some(_) => Found::Connection,
                None => Found::Nothing,
            },
        }
    }

    /// Whether one more connection can be held.
    pub(crate) fn has_room(&self) -> bool {
        self.agenda.held < MAX_HELD
    }

    /// The connections whose time has come.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<u32> {
        let later = now.after(Duration::from_nanos(1));
        let rest = self.agenda.schedule.split_off(&(later, 0));
        let over = std::mem::replace(&mut self.agenda.schedule, rest);
        let mut due = Vec::new();
        for (_, connection) in over {
            let Some(Some(known)) = self.known.get_mut(&connection) else {
                continue;
            };
            known.scheduled = None;
            match known.deadline() {
                Some(deadline) if deadline <= now => due.push(connection),
                Some(deadline) => {
                    known.scheduled = Some(deadline);
                    self.agenda.schedule.insert((deadline, connection));
                }
                None => {}
            }
        }
        due
    }

    pub(crate) fn any_scheduled(&self) -> bool {
        !self.agenda.schedule.is_empty()
    }

    /// Whether nothing is known of any connection.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty()
            && self.known.is_empty()
            && self.agenda.schedule.is_empty()
            && self.agenda.held == 0
    }
}

impl Agenda {
    /// Counts and schedules what is put back.
    fn arrange<F: NetworkFilter>(&mut self, connection: u32, known: &mut Known<F>) {
        let counts = known.until.is_some() && !known.is_closed;
        match (known.counts, counts) {
            (false, true) => self.held += 1,
            (true, false) => self.held = self.held.saturating_sub(1),
            _ => {}
        }
        known.counts = counts;
        if !F::WANTS_DEADLINES {
            return;
        }
        if let Some(deadline) = known.deadline()
            && known.scheduled.is_none_or(|known| deadline < known)
        {
            if let Some(scheduled) = known.scheduled {
                self.schedule.remove(&(scheduled, connection));
            }
            self.schedule.insert((deadline, connection));
            known.scheduled = Some(deadline);
        }
    }

    fn disarrange<F: NetworkFilter>(&mut self, connection: u32, known: &mut Known<F>) {
        if known.counts {
            self.held = self.held.saturating_sub(1);
            known.counts = false;
        }
        if let Some(scheduled) = known.scheduled.take() {
            self.schedule.remove(&(scheduled, connection));
        }
    }
}
