//! Streams that Envoy has announced.

use std::collections::VecDeque;

/// Should a proxy announce contexts and leave it at that, the oldest are forgotten.
const MAX_BEGUN: usize = 1024;

/// Context and plugin of streams that have begun, and whose first callback has not come. Envoy announces
/// a context right before that: there is never more than one.
pub(crate) struct Begun(VecDeque<(u32, u32)>);

impl Begun {
    pub(crate) const fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(crate) fn begin(&mut self, stream: u32, root: u32) {
        if self.0.len() >= MAX_BEGUN {
            self.0.pop_front();
        }
        self.0.push_back((stream, root));
    }

    /// The plugin of a stream of which nothing has come before.
    #[inline(always)]
    pub(crate) fn take(&mut self, stream: u32) -> Option<u32> {
        let mut latest = self.0.iter().rev();
        let back = latest.position(|(begun, _)| *begun == stream)?;
        let place = self.0.len().checked_sub(back + 1)?;
        self.0.remove(place).map(|(_, root)| root)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
