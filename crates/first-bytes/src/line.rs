//! Protocols that begin with a line of text: HTTP/1, and Redis' inline commands.

use crate::{Probe, Spoken};

/// No method is longer.
const LONGEST_METHOD: usize = 32;

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

/// How the bytes look; those before `known` were looked at.
pub(crate) fn probe(head: &[u8], known: usize) -> Probe {
    let begin = head.iter().take_while(|byte| is_newline(**byte)).count();
    let line = head.get(begin..).unwrap_or_default();
    let unseen = known.saturating_sub(begin).min(line.len());
    let fresh = line.get(unseen..).unwrap_or_default();
    let end = fresh.iter().position(|byte| *byte == b'\n');
    let fresh = end.and_then(|end| fresh.get(..end)).unwrap_or(fresh);
    // Controls are in no line of text. Others than ASCII are, in what clients send.
    let is_text = |byte: &u8| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\r');
    if !fresh.iter().all(is_text) {
        return Probe::No;
    }
    match end.and_then(|end| line.get(..unseen.saturating_add(end))) {
        Some(line) => complete(line),
        None if may_become(line) => Probe::Maybe(usize::MAX),
        None => Probe::No,
    }
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// RFC 9110, 5.6.2.
fn is_token(word: &[u8]) -> bool {
    let is_sign = |byte: &u8| b"!#$%&'*+-.^_`|~".contains(byte);
    !word.is_empty()
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || is_sign(byte))
}

fn is_command(word: &[u8]) -> bool {
    COMMANDS
        .iter()
        .any(|command| word.eq_ignore_ascii_case(command))
}

/// Redis takes words in quotes, with escapes in them. Nobody else begins so.
fn is_quoted(word: &[u8]) -> bool {
    matches!(word.first(), Some(b'"' | b'\''))
}

/// A whole line, without what ends it.
fn complete(line: &[u8]) -> Probe {
    let mut words = line
        .split(|byte| is_blank(*byte))
        .filter(|word| !word.is_empty());
    let (first, last) = (words.next().unwrap_or_default(), words.next_back());
    let has_target = words.next().is_some();
    let is_version = |word: &[u8]| matches!(word, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', digit] if digit.is_ascii_digit());
    if is_token(first)
        && first.len() <= LONGEST_METHOD
        && has_target
        && last.is_some_and(is_version)
    {
        return Probe::Yes(Spoken::Http1);
    }
    match is_command(first) || is_quoted(first) {
        true => Probe::Yes(Spoken::Redis),
        false => Probe::No,
    }
}

/// Whether a line that has not ended may still be one of either.
fn may_become(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let end = line.iter().position(|byte| is_blank(*byte));
    let word = end.and_then(|end| line.get(..end)).unwrap_or(line);
    word.is_empty() || is_quoted(word) || (word.len() <= LONGEST_METHOD && is_token(word))
}
