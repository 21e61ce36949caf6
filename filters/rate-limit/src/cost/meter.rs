//! Reading a number off the body of a response as it passes.
//!
//! | body | the number |
//! |---|---|
//! | `text/event-stream` | that of the last event that has one, as language models stream it: `data: {"usage": …}` before `data: [DONE]` |
//! | `application/x-ndjson`, `application/jsonl` | that of the last line that has one |
//! | `application/grpc…` | none: it is not JSON |
//! | anything else | that of the document |
//!
//! Events are taken apart as the HTML standard has it (9.2.6): lines end with CR LF, LF or CR; those of
//! `data` make up an event's text, with a line break between them; an empty line ends it. All other
//! fields are passed over. Nothing is kept of a line but the place in it.
//!
//! A byte order mark before a body is no part of it: that of a stream is passed over by the HTML standard, and that of
//! a JSON text by nearly all who read one (RFC 8259, 8.1).

use gatehouse_host::Headers;
use gatehouse_json_pointer::{Outcome, Pointer, Scan};
use std::rc::Rc;

/// What a source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Number(u64),
    /// Nothing.
    Absent,
    /// Something that is no number; or a body that is not what it should be, or not complete.
    Malformed,
    /// It is compressed.
    Encoded,
}

/// The number in a body, as far as the body has passed.
#[derive(Debug)]
pub(crate) struct Meter {
    scan: Scan,
    framing: Framing,
    /// So many bytes of a byte order mark were all of the body so far. Nothing once that is known.
    mark: Option<usize>,
    /// Of the texts that are over, the last number.
    last: Option<u64>,
    /// Whether something else than a number was where the number should be.
    is_malformed: bool,
}

/// What the texts in a body are.
#[derive(Debug)]
enum Framing {
    /// The body is one.
    Whole,
    /// Each line is one.
    Lines,
    /// Each event has one.
    Events(Line),
}

/// Where in a line of an event the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// In the field's name, of which so many bytes are those of `data`. At 0 the line is empty so far.
    Field(usize),
    /// Right after the colon: one space is not part of the value.
    Colon,
    Data,
    /// In another field, or a comment.
    Other,
    /// After a CR: an LF belongs to it.
    Return,
}

const DATA: &[u8] = b"data";

/// In UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Meter {
    /// For the body that these headers are of.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) fn for_response(headers: &Headers, pointer: &Rc<Pointer>) -> Result<Self, Reading> {
        let mut encodings = headers
            .all("content-encoding")
            .flat_map(|line| line.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|coding| !coding.is_empty());
        if encodings.any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Err(Reading::Encoded);
        }
        let kind = headers.all("content-type").next().unwrap_or_default();
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
        let kind = kind.trim_ascii().to_ascii_lowercase();
        let framing = match &*kind {
            b"text/event-stream" => Framing::Events(Line::Field(0)),
            b"application/x-ndjson" | b"application/jsonl" => Framing::Lines,
            kind if kind.starts_with(b"application/grpc") => return Err(Reading::Absent),
            _ => Framing::Whole,
        };
        Ok(Self {
            scan: Scan::new(Rc::clone(pointer)),
            framing,
            mark: Some(0),
            last: None,
            is_malformed: false,
        })
    }

    /// Reads what has arrived.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        while let Some(same) = self.mark
            && let Some((byte, rest)) = bytes.split_first()
        {
            if BYTE_ORDER_MARK.get(same) == Some(byte) {
                bytes = rest;
                self.mark = Some(same + 1).filter(|same| *same < BYTE_ORDER_MARK.len());
            } else {
                self.mark = None;
                // A part of one is no part of a JSON text or of the name of a field either.
                self.read_text(BYTE_ORDER_MARK.get(..same).unwrap_or_default());
            }
        }
        self.read_text(bytes);
    }

    /// Reads what is no byte order mark.
    fn read_text(&mut self, mut bytes: &[u8]) {
        match self.framing {
            Framing::Whole => self.scan.read(bytes),
            Framing::Lines => {
                while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
                    let (line, rest) = bytes.split_at_checked(at).unwrap_or_default();
                    self.scan.read(line);
                    self.end_text();
                    bytes = rest.get(1..).unwrap_or_default();
                }
                self.scan.read(bytes);
            }
            Framing::Events(line) => {
                let line = self.read_events(line, bytes);
                self.framing = Framing::Events(line);
            }
        }
    }

    fn read_events(&mut self, mut line: Line, mut bytes: &[u8]) -> Line {
        while let Some((&byte, rest)) = bytes.split_first() {
            if line == Line::Return {
                line = Line::Field(0);
                if byte == b'\n' {
                    bytes = rest;
                    continue;
                }
            }
            if matches!(byte, b'\r' | b'\n') {
                match line {
                    Line::Field(0) => self.end_text(),
                    // A text goes on in the event's next line of data.
                    Line::Data | Line::Colon => self.scan.read(b"\n"),
                    Line::Field(_) | Line::Other | Line::Return => {}
                }
                line = match byte {
                    b'\r' => Line::Return,
                    _ => Line::Field(0),
                };
                bytes = rest;
                continue;
            }
            bytes = match line {
                Line::Field(same) => {
                    line = match byte {
                        b':' if same == DATA.len() => Line::Colon,
                        byte if DATA.get(same) == Some(&byte) => Line::Field(same + 1),
                        _ => Line::Other,
                    };
                    rest
                }
                Line::Colon => {
                    line = Line::Data;
                    match byte {
                        b' ' => rest,
                        _ => bytes,
                    }
                }
                Line::Data | Line::Other | Line::Return => {
                    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                    let (value, rest) = bytes
                        .split_at_checked(end.unwrap_or(bytes.len()))
                        .unwrap_or((bytes, b""));
                    if line == Line::Data {
                        self.scan.read(value);
                    }
                    rest
                }
            };
        }
        line
    }

    /// A text of several is over.
    fn end_text(&mut self) {
        match self.scan.end() {
            Outcome::Number(number) => self.last = Some(number),
            Outcome::Other => self.is_malformed = true,
            // Not all that is streamed need be JSON: `[DONE]`.
            Outcome::Absent | Outcome::Malformed => {}
        }
        self.scan.restart();
    }

    /// Whether nothing that follows can change the number.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.framing, Framing::Whole) && self.scan.is_over()
    }

    /// What it has read, now that the body has ended or is given up.
    pub(crate) fn end(&mut self) -> Reading {
        if let Some(same) = self.mark.take() {
            self.read_text(BYTE_ORDER_MARK.get(..same).unwrap_or_default());
        }
        if matches!(self.framing, Framing::Whole) {
            return match self.scan.end() {
                Outcome::Number(number) => Reading::Number(number),
                Outcome::Absent => Reading::Absent,
                Outcome::Other | Outcome::Malformed => Reading::Malformed,
            };
        }
        // The last text may have no end of its own.
        self.end_text();
        match (self.last, self.is_malformed) {
            (Some(number), _) => Reading::Number(number),
            (None, true) => Reading::Malformed,
            (None, false) => Reading::Absent,
        }
    }
}
