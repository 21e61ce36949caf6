//! Finding the number at a pointer in a text that arrives in pieces.

use crate::number::Digits;
use crate::pointer::{Pointer, index};
use std::rc::Rc;

/// What stands at the pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A number, rounded up to a whole one; `u64::MAX` where it is larger.
    Number(u64),
    /// Nothing, or null.
    Absent,
    /// Something else than a number: a negative one too, and one of more than 64 characters.
    Other,
    /// The text is not JSON, or is not complete.
    Malformed,
}

/// One JSON text that is being read.
#[derive(Debug, Clone)]
pub struct Scan {
    pointer: Rc<Pointer>,
    state: State,
    /// The objects and lists that are open on the way: never more than the pointer has names.
    open: Vec<Open>,
}

/// An object or a list on the way to the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    /// So many of the elements are over.
    List(u64),
}

/// What the next byte is about.
#[derive(Debug, Clone)]
enum State {
    /// Before a value.
    Value(Place),
    /// After `[`.
    FirstElement,
    /// After `{`.
    FirstName,
    /// After the comma of an object.
    Name,
    InName(Name),
    /// After a name.
    Colon(Place),
    /// After a value.
    Next,
    /// A value beside the way: a text, an object or a list, and so many of them are open.
    Beside {
        depth: u64,
        text: Text,
    },
    /// A number or a word beside the way.
    Word,
    /// The number.
    Number(Digits),
    Over(Outcome),
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the pointer, or above what it points to.
    OnTheWay,
    Beside,
}

/// Whether a byte stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    /// After a backslash.
    Escaped,
}

/// A member's name, as far as it was read.
#[derive(Debug, Clone, Copy)]
struct Name {
    /// So many bytes of the pointer's name it has begun with; nothing where it is another name.
    same: Option<usize>,
    escape: Escape,
    /// The first half of a character that is escaped in two.
    high: Option<u16>,
}

#[derive(Debug, Clone, Copy)]
enum Escape {
    None,
    /// After a backslash.
    Begun,
    /// After `\u` and so many digits.
    Unicode {
        digits: u8,
        value: u16,
    },
}

impl Scan {
    /// A text that has not begun.
    pub fn new(pointer: Rc<Pointer>) -> Self {
        Self {
            pointer,
            state: State::Value(Place::OnTheWay),
            open: Vec::new(),
        }
    }

    /// Begins anew, with another text.
    pub fn restart(&mut self) {
        self.state = State::Value(Place::OnTheWay);
        self.open.clear();
    }

    /// Reads what has arrived.
    pub fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.is_over() {
                return;
            }
            self.take(*byte);
        }
    }

    /// Whether all is known, so that the rest of the text need not be read.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// What stands at the pointer, now that the text has ended.
    pub fn end(&self) -> Outcome {
        match &self.state {
            State::Over(outcome) => *outcome,
            // A number alone ends with the text, and so does any other value.
            State::Number(digits) if self.open.is_empty() => outcome(digits),
            State::Value(_) if self.open.is_empty() => Outcome::Absent,
            State::Word if self.open.is_empty() => Outcome::Absent,
            _ => Outcome::Malformed,
        }
    }

    fn take(&mut self, byte: u8) {
        match &mut self.state {
            State::Over(_) => {}
            State::InName(name) => {
                let token = match self.open.len().checked_sub(1) {
                    Some(level) => self.pointer.tokens().get(level),
                    None => None,
                };
                let token = token.map_or("", |token| token);
                if let Some(place) = name.take(byte, token.as_bytes()) {
                    self.state = State::Colon(place);
                }
            }
            State::Beside { depth, text } => {
                *text = match (*text, byte) {
                    (Text::Escaped, _) => Text::Inside,
                    (Text::Inside, b'\\') => Text::Escaped,
                    (Text::Inside, b'"') => Text::Outside,
                    (Text::Outside, b'"') => Text::Inside,
                    (unchanged, _) => unchanged,
                };
                if *text == Text::Outside {
                    match byte {
                        b'{' | b'[' => *depth += 1,
                        b'}' | b']' => *depth -= 1,
                        _ => {}
                    }
                    if *depth == 0 {
                        self.state = self.after_value();
                    }
                }
            }
            State::Word if is_word(byte) => {}
            State::Word => {
                self.state = self.after_value();
                self.between(byte);
            }
            State::Number(digits) if is_word(byte) => {
                if !digits.push(byte) {
                    self.state = State::Over(Outcome::Other);
                }
            }
            State::Number(digits) => {
                let outcome = match byte {
                    b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' => outcome(digits),
                    _ => Outcome::Malformed,
                };
                self.state = State::Over(outcome);
            }
            _ => self.between(byte),
        }
    }

    /// Takes a byte that is part of no text, number or word.
    fn between(&mut self, byte: u8) {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return;
        }
        self.state = match (&self.state, byte) {
            (State::Over(_), _) => return,
            (State::Value(place), _) => self.value(*place, byte),
            (State::FirstElement, b']') | (State::FirstName, b'}') => self.close(),
            (State::FirstElement, _) => self.value(self.place_of_element(), byte),
            (State::FirstName | State::Name, b'"') => State::InName(Name::BEGUN),
            (State::Colon(place), b':') => State::Value(*place),
            (State::Next, _) => match (self.open.last_mut(), byte) {
                (Some(Open::Object), b',') => State::Name,
                (Some(Open::List(over)), b',') => {
                    *over += 1;
                    State::Value(self.place_of_element())
                }
                (Some(Open::Object), b'}') | (Some(Open::List(_)), b']') => self.close(),
                _ => State::Over(Outcome::Malformed),
            },
            _ => State::Over(Outcome::Malformed),
        };
    }

    /// At the first byte of a value.
    fn value(&mut self, place: Place, byte: u8) -> State {
        let wanted = match place {
            Place::OnTheWay => self.pointer.tokens().get(self.open.len()),
            Place::Beside => None,
        };
        match (place, wanted, byte) {
            (Place::OnTheWay, None, b'-' | b'0'..=b'9') => {
                let mut digits = Digits::NONE;
                digits.push(byte);
                State::Number(digits)
            }
            (Place::OnTheWay, None, b'n') => State::Over(Outcome::Absent),
            (Place::OnTheWay, None, b'"' | b'{' | b'[' | b't' | b'f') => {
                State::Over(Outcome::Other)
            }
            (_, Some(_), b'{') => {
                self.open.push(Open::Object);
                State::FirstName
            }
            (_, Some(token), b'[') if index(token).is_some() => {
                self.open.push(Open::List(0));
                State::FirstElement
            }
            (_, _, b'{' | b'[') => State::Beside {
                depth: 1,
                text: Text::Outside,
            },
            (_, _, b'"') => State::Beside {
                depth: 0,
                text: Text::Inside,
            },
            (_, _, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => State::Word,
            _ => State::Over(Outcome::Malformed),
        }
    }

    fn close(&mut self) -> State {
        self.open.pop();
        self.after_value()
    }

    fn after_value(&self) -> State {
        match self.open.is_empty() {
            true => State::Over(Outcome::Absent),
            false => State::Next,
        }
    }

    /// Of the element of a list on the way that comes next.
    fn place_of_element(&self) -> Place {
        let level = self.open.len().saturating_sub(1);
        let wanted = self.pointer.tokens().get(level);
        match self.open.last() {
            Some(Open::List(over)) if wanted.and_then(|token| index(token)) == Some(*over) => {
                Place::OnTheWay
            }
            _ => Place::Beside,
        }
    }
}

impl Name {
    const BEGUN: Self = Self {
        same: Some(0),
        escape: Escape::None,
        high: None,
    };

    /// Takes a byte of a name; says what the member is once its name is over.
    fn take(&mut self, byte: u8, wanted: &[u8]) -> Option<Place> {
        match self.escape {
            Escape::None => match byte {
                b'"' => {
                    let is_wanted = self.high.is_none() && self.same == Some(wanted.len());
                    return Some(match is_wanted {
                        true => Place::OnTheWay,
                        false => Place::Beside,
                    });
                }
                b'\\' => self.escape = Escape::Begun,
                byte => self.is(&[byte], wanted),
            },
            Escape::Begun => {
                self.escape = Escape::None;
                match byte {
                    b'u' => {
                        self.escape = Escape::Unicode {
                            digits: 0,
                            value: 0,
                        }
                    }
                    b'b' => self.is(b"\x08", wanted),
                    b'f' => self.is(b"\x0c", wanted),
                    b'n' => self.is(b"\n", wanted),
                    b'r' => self.is(b"\r", wanted),
                    b't' => self.is(b"\t", wanted),
                    byte => self.is(&[byte], wanted),
                }
            }
            Escape::Unicode { digits, value } => {
                let Some(digit) = char::from(byte)
                    .to_digit(16)
                    .and_then(|digit| u16::try_from(digit).ok())
                else {
                    self.same = None;
                    self.escape = Escape::None;
                    return None;
                };
                let value = value << 4 | digit;
                if digits < 3 {
                    self.escape = Escape::Unicode {
                        digits: digits + 1,
                        value,
                    };
                    return None;
                }
                self.escape = Escape::None;
                self.unit(value, wanted);
            }
        }
        None
    }

    /// A code unit of UTF-16 (RFC 8259, 7).
    fn unit(&mut self, unit: u16, wanted: &[u8]) {
        if self.high.is_none() && (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
            return;
        }
        let units = self.high.take().into_iter().chain([unit]);
        let mut decoded = char::decode_utf16(units);
        match (decoded.next(), decoded.next()) {
            (Some(Ok(character)), None) => {
                let mut bytes = [0; 4];
                let bytes = character.encode_utf8(&mut bytes);
                self.is(bytes.as_bytes(), wanted);
            }
            _ => self.same = None,
        }
    }

    /// The next bytes of the name are these.
    fn is(&mut self, bytes: &[u8], wanted: &[u8]) {
        // Half a character was before them.
        if self.high.take().is_some() {
            self.same = None;
        }
        self.same = self.same.filter(|same| {
            let rest = wanted.get(*same..);
            rest.is_some_and(|rest| rest.starts_with(bytes))
        });
        self.same = self.same.map(|same| same + bytes.len());
    }
}

fn outcome(digits: &Digits) -> Outcome {
    digits.value().map_or(Outcome::Other, Outcome::Number)
}

/// Whether a number or a word goes on with it.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}
