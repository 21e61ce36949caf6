//! Protocols that begin with a line of text: HTTP, the version of SSH, and Redis' inline commands.
//!
//! What counts is what some server makes of a line, which is more than the RFCs allow:
//!
//! - Lines of nothing but blanks are passed over, as Redis, HTTP servers and some SSH servers (Go's, paramiko) do.
//! - Blanks are those of C and of Python, whose `http.server` splits a request line at them.
//! - There may be controls in a line, after its first word. A method may be as long as it likes (nginx, Go).

use crate::{Probe, Spoken};

/// Commands that somebody would type, or that do harm.
const COMMANDS: [&[u8]; 64] = [
    b"ACL",
    b"APPEND",
    b"AUTH",
    b"BGREWRITEAOF",
    b"BGSAVE",
    b"BLPOP",
    b"CLIENT",
    b"CLUSTER",
    b"COMMAND",
    b"CONFIG",
    b"DBSIZE",
    b"DEBUG",
    b"DECR",
    b"DEL",
    b"DUMP",
    b"ECHO",
    b"EVAL",
    b"EVALSHA",
    b"EXISTS",
    b"EXPIRE",
    b"FCALL",
    b"FLUSHALL",
    b"FLUSHDB",
    b"FUNCTION",
    b"GET",
    b"GETSET",
    b"HELLO",
    b"HGET",
    b"HGETALL",
    b"HSET",
    b"INCR",
    b"INFO",
    b"KEYS",
    b"LLEN",
    b"LPUSH",
    b"LRANGE",
    b"MEMORY",
    b"MGET",
    b"MIGRATE",
    b"MODULE",
    b"MONITOR",
    b"MSET",
    b"MULTI",
    b"OBJECT",
    b"PING",
    b"PSUBSCRIBE",
    b"PSYNC",
    b"PUBLISH",
    b"QUIT",
    b"RENAME",
    b"REPLCONF",
    b"REPLICAOF",
    b"RESTORE",
    b"ROLE",
    b"RPUSH",
    b"SADD",
    b"SAVE",
    b"SCAN",
    b"SCRIPT",
    b"SELECT",
    b"SET",
    b"SHUTDOWN",
    b"SLAVEOF",
    b"SUBSCRIBE",
];

/// Of those commands, the ones that are methods of HTTP. As a request has more words than the first takes, and the
/// second does no harm, they are no reason to doubt that.
const METHODS: [&[u8]; 2] = [b"GET", b"SUBSCRIBE"];

/// The first line of bytes, as far as it has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// Where it begins: after lines of nothing but blanks.
    begin: usize,
    /// How far the bytes were looked at.
    seen: usize,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// Only blanks so far.
    #[default]
    Blank,
    /// In the first word, which begins there.
    Word(usize),
    /// After the first word, or in one that may hold anything.
    Rest,
    /// It is no line of text.
    No,
}

impl Line {
    /// Where it begins, as far as is known.
    pub(crate) fn begin(&self) -> usize {
        self.begin
    }

    /// How the bytes look: all of them, of which those that were there before are not looked at again.
    pub(crate) fn feed(&mut self, head: &[u8]) -> Probe {
        for (place, byte) in head.iter().enumerate().skip(self.seen) {
            self.stage = match (self.stage, *byte) {
                (Stage::Blank, b'\n') => {
                    self.begin = place.saturating_add(1);
                    Stage::Blank
                }
                (Stage::No, _) => Stage::No,
                (_, b'\n') => {
                    let probe = complete(head.get(self.begin..place).unwrap_or_default());
                    self.stage = Stage::No;
                    self.seen = head.len();
                    return probe;
                }
                (Stage::Blank, byte) if is_blank(byte) => Stage::Blank,
                (Stage::Word(_), byte) if is_blank(byte) => Stage::Rest,
                (Stage::Blank | Stage::Word(_), b'"' | b'\'') | (Stage::Rest, _) => Stage::Rest,
                (Stage::Blank, byte) if is_in_token(byte) => Stage::Word(place),
                (Stage::Word(begin), byte) if is_in_token(byte) => Stage::Word(begin),
                (Stage::Word(begin), _) if is_ssh(head.get(begin..place).unwrap_or_default()) => {
                    Stage::Rest
                }
                (Stage::Blank | Stage::Word(_), _) => Stage::No,
            };
        }
        self.seen = head.len();
        match self.stage {
            Stage::No => Probe::No,
            _ => Probe::Maybe(usize::MAX),
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(
        byte,
        b'\t' | 0x0b | 0x0c | b'\r' | 0x1c..=0x1f | b' ' | 0x85 | 0xa0
    )
}

/// RFC 9110, 5.6.2.
fn is_in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// OpenSSH reads the numbers of a version by `sscanf`, which takes blanks, signs and zeros before them: `SSH- +02.0-x`.
fn is_ssh(line: &[u8]) -> bool {
    line.starts_with(b"SSH-")
}

fn is_command(word: &[u8]) -> bool {
    COMMANDS
        .iter()
        .any(|command| word.eq_ignore_ascii_case(command))
}

/// Redis takes words in quotes, wherever these begin, with escapes in them: `P"ING"`, `"\x50ING"`.
fn is_quoted(word: &[u8]) -> bool {
    word.iter().any(|byte| matches!(byte, b'"' | b'\''))
}

fn starts_with_http(word: &[u8]) -> bool {
    word.get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP/"))
}

/// A whole line, without what ends it.
fn complete(line: &[u8]) -> Probe {
    let mut words = line
        .split(|byte| is_blank(*byte))
        .filter(|word| !word.is_empty());
    let (first, target) = (words.next().unwrap_or_default(), words.next());
    let version = words.clone().find(|word| starts_with_http(word));
    let is_request = version.is_some() && first.iter().all(|byte| is_in_token(*byte));
    // HTTP/0.9, which nginx and Python's http.server take.
    let is_old_request = first == b"GET"
        && words.next().is_none()
        && target.is_some_and(|target| {
            target.starts_with(b"/") || target.windows(3).any(|at| at == b"://")
        });
    let is_redis = is_quoted(first) || is_command(first);
    match (is_ssh(first), is_request, is_redis) {
        (true, true, _) => Probe::Either(Spoken::Ssh, Spoken::Http1),
        (true, false, _) => Probe::Yes(Spoken::Ssh),
        // The preface of HTTP/2 begins so (RFC 9113, 3.4). Go takes it for one however its lines end.
        (false, true, _)
            if first == b"PRI" && version.is_some_and(|version| version.get(5) == Some(&b'2')) =>
        {
            Probe::Yes(Spoken::Http2)
        }
        (false, true, true) if !METHODS.contains(&first) => {
            Probe::Either(Spoken::Http1, Spoken::Redis)
        }
        (false, true, _) => Probe::Yes(Spoken::Http1),
        (false, false, true) if is_old_request => Probe::Either(Spoken::Http1, Spoken::Redis),
        (false, false, true) => Probe::Yes(Spoken::Redis),
        (false, false, false) => Probe::No,
    }
}
