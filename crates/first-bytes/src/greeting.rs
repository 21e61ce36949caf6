//! What a server says that speaks first.

/// So many bytes of a server are looked at.
const MOST: usize = 128;

/// The first packet of MySQL's is no longer: its texts have bounds of their own.
const LONGEST_PACKET: u32 = 1024;

const PROTOCOL_10: u8 = 10;
const ERROR: u8 = 0xff;

/// The first bytes of a server, as they pass.
#[derive(Debug, Clone, Default)]
pub struct Greeting(Vec<u8>);

impl Greeting {
    /// How many more bytes it may look at.
    pub fn wants(&self) -> usize {
        MOST.saturating_sub(self.0.len())
    }

    /// Whether it is MySQL's (or MariaDB's): a packet with the number 0, in which the server names protocol 10 and
    /// its version, or refuses the client. Nothing while it may be.
    pub fn feed(&mut self, fresh: &[u8]) -> Option<bool> {
        let taken = fresh.get(..fresh.len().min(self.wants())).unwrap_or(fresh);
        self.0.extend_from_slice(taken);
        let [a, b, c, number, kind, ref rest @ ..] = *self.0 else {
            return None;
        };
        let length = u32::from_le_bytes([a, b, c, 0]);
        if number != 0 || !(3..=LONGEST_PACKET).contains(&length) {
            return Some(false);
        }
        match kind {
            ERROR => Some(true),
            PROTOCOL_10 => {
                let version = rest.iter().take_while(|byte| **byte != 0);
                let length = version.clone().count();
                match version.into_iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
                    true if length < rest.len() => Some(length > 0),
                    true if self.wants() > 0 => None,
                    _ => Some(false),
                }
            }
            _ => Some(false),
        }
    }
}
