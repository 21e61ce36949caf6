//! Text to trees.

use crate::merge::merged;
use crate::{
    Entry, Error, Kind, MAX_DEPTH, MAX_NODES, Node, Position, Reader, Scalar, refuse, strict,
};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};
use std::collections::HashMap;

/// One document of a text.
#[derive(Debug)]
pub struct Document {
    /// All of it.
    pub root: Node,
    /// What a comment before it says it is: `# gatehouse: auth`.
    pub declared: Option<String>,
    /// Whether the text is JSON too, in which nothing has two meanings.
    pub is_json: bool,
}

impl Document {
    /// Who reads it: what Kubernetes keeps is YAML of another kind than Envoy's own files.
    pub fn reader(&self) -> Reader {
        match self.is_json || is_resource(&self.root) {
            true => Reader::Json,
            false => Reader::Envoy,
        }
    }
}

/// Whether it is something that Kubernetes keeps.
fn is_resource(root: &Node) -> bool {
    root.get("apiVersion").is_some() && root.get("kind").is_some()
}

/// The documents of a text that others read; empty ones are left out.
///
/// # Errors
/// Where it is no YAML, or too much.
pub fn parse(text: &str) -> Result<Vec<Document>, Error> {
    parse_from(text, Origin::File, false)
}

/// The documents of a text that nobody but Gatehouse reads ([`Reader::Core`]).
///
/// # Errors
/// As [`parse`], and where readers would differ.
pub fn parse_strict(text: &str) -> Result<Vec<Document>, Error> {
    parse_from(text, Origin::File, true)
}

/// The documents of the text that a scalar holds. Only a block keeps its lines, so that positions in it are
/// exact; everything in another scalar stands where that begins.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(scalar: &Node) -> Result<Vec<Document>, Error> {
    let Kind::Scalar(Scalar { text, is_block, .. }) = &scalar.kind else {
        return Ok(Vec::new());
    };
    let origin = match is_block {
        true => Origin::Block(scalar.at),
        false => Origin::Elsewhere(scalar.at),
    };
    parse_from(text, origin, false)
}

/// What positions of the parser are relative to.
#[derive(Clone, Copy)]
enum Origin {
    File,
    Block(Position),
    Elsewhere(Position),
}

impl Origin {
    fn place(self, mark: &Marker) -> Position {
        let (line, column) = (mark.line().max(1), mark.col() + 1);
        match self {
            Self::File => Position { line, column },
            Self::Block(at) => Position {
                line: at.line + line - 1,
                column: at.column + column - 1,
            },
            Self::Elsewhere(at) => at,
        }
    }
}

fn parse_from(text: &str, origin: Origin, is_strict: bool) -> Result<Vec<Document>, Error> {
    // Not all JSON is YAML.
    let is_json = serde_json::from_str::<serde_json::Value>(text).is_ok();
    let rewritten = is_json.then(|| as_yaml(text));
    let text = rewritten.as_deref().unwrap_or(text);
    let mut builder = Builder {
        events: Parser::new_from_str(text),
        origin,
        is_strict,
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    let mut begins = 0;
    while let Some((event, span)) = builder.next()? {
        match event {
            Event::DocumentStart(_) => builder.anchors.clear(),
            Event::DocumentEnd => begins = span.start.line().saturating_sub(1),
            Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
            event => {
                let ends = span.start.line().saturating_sub(1);
                let root = builder.node(event, span, MAX_DEPTH)?;
                let root = match !is_strict && !is_json && is_resource(&root) {
                    true => merged(root)?,
                    false => root,
                };
                let lines = text.lines().take(ends).skip(begins);
                let declared = lines
                    .filter_map(|line| line.trim().strip_prefix("# gatehouse:"))
                    .map(|name| name.trim().to_owned())
                    .last();
                if !matches!(&root.kind, Kind::Scalar(scalar) if scalar.is_plain && scalar.text.is_empty())
                {
                    documents.push(Document {
                        root,
                        declared,
                        is_json,
                    });
                }
            }
        }
    }
    Ok(documents)
}

struct Builder<'t> {
    events: Parser<'t, StrInput<'t>>,
    origin: Origin,
    is_strict: bool,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, Error> {
        match self.events.next() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => refuse(
                self.origin.place(error.marker()),
                format!("not YAML: {}", error.info()),
            ),
        }
    }

    /// The next event of a collection, which has not ended yet.
    fn inner(&mut self, at: Position) -> Result<(Event<'t>, Span), Error> {
        match self.next()? {
            Some(event) => Ok(event),
            None => refuse(at, "it has no end"),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Error> {
        let at = self.origin.place(&span.start);
        let too_deep = || refuse(at, format!("nested deeper than {MAX_DEPTH}"));
        let Some(depth) = depth.checked_sub(1) else {
            return too_deep();
        };
        self.count(1, at)?;
        let (anchor, tag, kind) = match event {
            Event::Alias(anchor) => {
                // One that stands in what it names has no end.
                let Some(mut copy) = self.anchors.get(&anchor).cloned() else {
                    return refuse(at, "the alias stands in what it names");
                };
                if depth_of(&copy) > depth {
                    return too_deep();
                }
                self.count(size_of(&copy), at)?;
                copy.at = at;
                return Ok(copy);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.as_deref().is_some_and(is_text_tag);
                // Of a text that is tagged as something else, that is what it is.
                let is_plain = style == ScalarStyle::Plain || (self.is_strict && tag.is_some());
                let scalar = Scalar {
                    text: text.into_owned(),
                    is_plain: is_plain && !is_text,
                    is_block: style == ScalarStyle::Literal,
                };
                (anchor, tag, Kind::Scalar(scalar))
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    match self.inner(at)? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span, depth)?),
                    }
                }
                (anchor, tag, Kind::List(items))
            }
            Event::MappingStart(anchor, tag) => {
                let mut entries = Vec::new();
                loop {
                    let (event, span) = self.inner(at)?;
                    if matches!(event, Event::MappingEnd) {
                        break;
                    }
                    entries.extend(self.entry(event, span, depth)?);
                }
                if self.is_strict {
                    strict::entries(&mut entries)?;
                }
                (anchor, tag, Kind::Object(entries))
            }
            _ => return refuse(at, "not a value"),
        };
        if let (true, Some(tag)) = (self.is_strict, tag.as_deref()) {
            strict::tag(tag, &kind, at)?;
        }
        let node = Node { at, kind };
        if anchor > 0 {
            self.count(size_of(&node), at)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// Nothing for a key that Envoy leaves out: one with the tag `!ignore`, under which people keep anchors.
    fn entry(
        &mut self,
        event: Event<'t>,
        span: Span,
        depth: usize,
    ) -> Result<Option<Entry>, Error> {
        let ignored = matches!(&event, Event::Scalar(_, _, _, Some(tag)) if tag.suffix == "ignore");
        let key = self.node(event, span, depth)?;
        let key_at = key.at;
        let (event, span) = self.inner(key_at)?;
        let value = self.node(event, span, depth)?;
        let Kind::Scalar(Scalar {
            text: key,
            is_plain,
            ..
        }) = key.kind
        else {
            return refuse(key_at, "a key that is a list or a mapping");
        };
        let entry = Entry {
            key,
            key_at,
            is_plain,
            value,
        };
        Ok((!ignored).then_some(entry))
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), Error> {
        self.nodes += nodes;
        match self.nodes > MAX_NODES {
            true => refuse(
                at,
                format!("more than {MAX_NODES} values, aliases expanded"),
            ),
            false => Ok(()),
        }
    }
}

/// `!` and `!!str`: text, whatever it looks like.
fn is_text_tag(tag: &Tag) -> bool {
    (tag.is_yaml_core_schema() && tag.suffix == "str") || tag.suffix.is_empty()
}

fn children(node: &Node) -> impl Iterator<Item = &Node> {
    let values = node.entries().iter().map(|entry| &entry.value);
    node.items().iter().chain(values)
}

fn size_of(node: &Node) -> usize {
    1 + children(node).map(size_of).sum::<usize>()
}

fn depth_of(node: &Node) -> usize {
    1 + children(node).map(depth_of).max().unwrap_or_default()
}

/// JSON text as YAML has it, all but its lines of one length: what is beyond the Basic Multilingual Plane is one
/// escape (`\U0001f600`) and not two (`\ud83d\ude00`), and white space is no tab. There is none in texts.
fn as_yaml(json: &str) -> String {
    let json = json.replace('\t', " ");
    let mut yaml = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some((before, after)) = rest.split_once('\\') {
        yaml.push_str(before);
        rest = match surrogates(after) {
            Some((letter, after)) => {
                yaml.push_str(&format!("\\U{:08x}", u32::from(letter)));
                after
            }
            // The letter after it is escaped, and begins no escape of its own.
            None => {
                yaml.push('\\');
                let mut letters = after.chars();
                yaml.extend(letters.next());
                letters.as_str()
            }
        };
    }
    yaml.push_str(rest);
    yaml
}

/// The letter that `ud83d\ude00` stands for at the beginning of a text, and what comes after it.
fn surrogates(text: &str) -> Option<(char, &str)> {
    let (pair, after) = text.split_at_checked(11)?;
    let (high, low) = pair.strip_prefix('u')?.split_once("\\u")?;
    let unit = |text| u16::from_str_radix(text, 16).ok();
    let mut letters = char::decode_utf16([unit(high)?, unit(low)?]);
    match (letters.next()?.ok()?, letters.next()) {
        (letter, None) => Some((letter, after)),
        _ => None,
    }
}
