//! A YAML file with the place of every key and value.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput};
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::decode;
use super::problem::{Code, Problem, Rejected};
use super::shown::{self, quoted};

/// A file larger than this is no file of ours: 1 MiB.
pub const LARGEST_FILE: u64 = 1024 * 1024;
/// Nothing of ours is nested deeper.
const DEEPEST: usize = 32;

/// A value in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The bytes it takes. Of a value left out, those of its key.
    pub span: Range<usize>,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A single value; its text, and whether it is in quotes or a block.
    Scalar(String, bool),
    /// A list.
    List(Vec<Node>),
    /// A mapping: each key with its place, and its value.
    Map(Vec<(String, Range<usize>, Node)>),
}

impl Node {
    /// What it is called in messages.
    pub const fn noun(&self) -> &'static str {
        match self.kind {
            NodeKind::Scalar(..) => "a single value",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
        }
    }
}

/// One step on the way to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// The value of this key.
    Key(&'a str),
    /// The item of this number, from 0.
    Item(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(item: usize) -> Self {
        Self::Item(item)
    }
}

/// Which part of an entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its key.
    Key,
    /// Its value.
    Value,
}

/// A parsed file.
#[derive(Debug, Clone)]
pub struct Document {
    name: String,
    text: String,
    root: Node,
    value: Value,
}

impl Document {
    /// Reads a file. `name` is what messages call it.
    ///
    /// # Errors
    /// When it cannot be read, is no text, or no plain YAML.
    pub fn read(path: &Path, name: &str) -> Result<Self, Rejected> {
        let failed =
            |text: String| Rejected::new(name, "", vec![Problem::whole(Code::Unreadable, &text)]);
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
            .map_err(|error| failed(format!("the file cannot be read: {error}")))?;
        Self::from_bytes(name, bytes)
    }

    /// Parses the content of a file.
    ///
    /// # Errors
    /// When it is no text, or no plain YAML.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, Rejected> {
        if bytes.len() as u64 > LARGEST_FILE {
            let text = "the file is larger than 1 MiB, so it is not one of ours\nname another file";
            return Err(Rejected::new(
                name,
                "",
                vec![Problem::whole(Code::Unreadable, text)],
            ));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(name, text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let problem = Problem::new(
                    Code::NotText,
                    at..at + '\u{fffd}'.len_utf8(),
                    "the file is not UTF-8 text from here on\nsave it as UTF-8",
                );
                Err(Rejected::new(name, &text, vec![problem]))
            }
        }
    }

    /// Parses a text.
    ///
    /// # Errors
    /// When it is no plain YAML.
    pub fn parse(name: &str, text: String) -> Result<Self, Rejected> {
        let text = text
            .strip_prefix('\u{feff}')
            .map(str::to_owned)
            .unwrap_or(text);
        match parse(&text) {
            Ok((root, value)) => Ok(Self {
                name: name.to_owned(),
                text,
                root,
                value,
            }),
            Err(problems) => Err(Rejected::new(name, &text, problems)),
        }
    }

    /// The file's name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The topmost value.
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// Decodes the whole file. Every unknown key is reported, not only the first.
    ///
    /// # Errors
    /// Unknown or missing keys, wrong types, and what the types refuse.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Rejected> {
        decode::decode(&self.value, &self.root).map_err(|problems| self.reject(problems))
    }

    /// The report of these mistakes.
    pub fn reject(&self, problems: Vec<Problem>) -> Rejected {
        Rejected::new(&self.name, &self.text, problems)
    }

    /// Whether the file has a value there.
    pub fn has(&self, way: &[Step<'_>]) -> bool {
        let mut node = &self.root;
        way.iter().all(|step| {
            let next = match (&node.kind, step) {
                (NodeKind::Map(entries), Step::Key(name)) => entries
                    .iter()
                    .find(|entry| entry.0 == *name)
                    .map(|entry| &entry.2),
                (NodeKind::List(items), Step::Item(item)) => items.get(*item),
                _ => None,
            };
            next.is_some_and(|next| {
                node = next;
                true
            })
        })
    }

    /// Where a key or value stands. Where the way leads to nothing, the nearest thing above it.
    pub fn span(&self, way: &[Step<'_>], part: Part) -> Range<usize> {
        let mut node = &self.root;
        let mut key = match &node.kind {
            NodeKind::Map(entries) => entries
                .first()
                .map_or_else(|| node.span.clone(), |entry| entry.1.clone()),
            _ => node.span.clone(),
        };
        for (index, step) in way.iter().enumerate() {
            let next = match (&node.kind, step) {
                (NodeKind::Map(entries), Step::Key(name)) => entries
                    .iter()
                    .find(|entry| entry.0 == *name)
                    .map(|entry| (entry.1.clone(), &entry.2)),
                (NodeKind::List(items), Step::Item(item)) => {
                    items.get(*item).map(|item| (item.span.clone(), item))
                }
                _ => None,
            };
            let Some((found, value)) = next else {
                return key;
            };
            key = found;
            node = value;
            if index + 1 == way.len() && part == Part::Value {
                return node.span.clone();
            }
        }
        key
    }
}

fn parse(text: &str) -> Result<(Node, Value), Vec<Problem>> {
    if let Some((at, c)) = text
        .char_indices()
        .find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        let text = format!(
            "the file holds the control character U+{:04X}\nremove it",
            u32::from(c)
        );
        return Err(vec![Problem::new(
            Code::NotText,
            at..at + c.len_utf8(),
            &text,
        )]);
    }
    let root = Builder::new(text)
        .build()
        .map_err(|problem| vec![problem])?;
    let value =
        serde_yaml::from_str::<Value>(text).map_err(|error| vec![from_reader(text, &error)])?;
    agree(&root, &value).map_err(|problem| vec![problem])?;
    Ok((root, value))
}

/// What the value reader refused though the event parser took it.
fn from_reader(text: &str, error: &serde_yaml::Error) -> Problem {
    let at = error
        .location()
        .map_or(0, |location| floor(text, location.index()));
    Problem::new(
        Code::Syntax,
        at..shown::line_end(text, at),
        "this is no YAML that can be read safely\nwrite it more plainly, or put the value in quotes",
    )
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Both readers must see the same.
fn agree(node: &Node, value: &Value) -> Result<(), Problem> {
    let same = match (&node.kind, value) {
        (NodeKind::Map(entries), Value::Mapping(map)) if entries.len() == map.len() => {
            for ((_, _, child), (_, value)) in entries.iter().zip(map) {
                agree(child, value)?;
            }
            true
        }
        (NodeKind::List(items), Value::Sequence(values)) if items.len() == values.len() => {
            for (child, value) in items.iter().zip(values) {
                agree(child, value)?;
            }
            true
        }
        (NodeKind::Scalar(text, _), Value::String(value)) => text == value,
        (NodeKind::Scalar(_, quoted), Value::Null | Value::Bool(_) | Value::Number(_)) => !quoted,
        _ => false,
    };
    if same {
        return Ok(());
    }
    Err(Problem::new(
        Code::Syntax,
        node.span.clone(),
        "YAML readers do not agree on what this means\nwrite it more plainly, or put it in quotes",
    ))
}

/// Builds the tree from the parser's events.
struct Builder<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        let options: Options = granit_parser::options! {
            disallow_directives: true,
            emit_comments: false,
            flow_nesting_limit: DEEPEST,
            block_nesting_limit: DEEPEST,
        };
        Self {
            text,
            parser: Parser::new_from_str_with_options(text, options),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(syntax(self.text, &error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let range = span.byte_range().unwrap_or_default();
        let start = floor(self.text, range.start);
        start..floor(self.text, range.end).max(start)
    }

    fn build(mut self) -> Result<Node, Problem> {
        const EMPTY: &str = "the file is empty\nthe examples folder shows what belongs into it; rollout init writes a domain file";
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    let range = self.range(span);
                    let text = "a second document starts here, but a file holds one\nremove the line --- and what follows, or make it a file of its own";
                    return Err(Problem::new(Code::Syntax, range, text));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, span, &(0..0))?),
            }
        }
        match root {
            Some(Node {
                kind: NodeKind::Scalar(text, false),
                ..
            }) if text.is_empty() => Err(Problem::new(Code::Empty, 0..0, EMPTY)),
            Some(node) => Ok(node),
            None => Err(Problem::new(Code::Empty, 0..0, EMPTY)),
        }
    }

    /// `owner` is the place of the key, which stands in for a value left out. The depth is bounded by the parser.
    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        owner: &Range<usize>,
    ) -> Result<Node, Problem> {
        let mut range = self.range(span);
        let refused = |what: &str| {
            let text = format!(
                "{what} not taken here: each value must stand in its own place\nwrite the value out"
            );
            Err(Problem::new(
                Code::Syntax,
                if range.is_empty() {
                    owner.clone()
                } else {
                    range.clone()
                },
                &text,
            ))
        };
        match &event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return refused("YAML aliases (*name) are");
            }
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(_, anchor, _)
            | Event::MappingStart(_, anchor, _)
                if *anchor != 0 =>
            {
                return refused("YAML anchors (&name) are");
            }
            event if event.tag().is_some() => return refused("YAML tags (!name) are"),
            _ => {}
        }
        match event {
            Event::Scalar(text, style, ..) => {
                if range.is_empty() && text.is_empty() {
                    range = owner.clone();
                }
                Ok(Node {
                    span: range,
                    kind: NodeKind::Scalar(text.into_owned(), style != ScalarStyle::Plain),
                })
            }
            Event::SequenceStart(..) => {
                let mut items: Vec<Node> = Vec::new();
                let end = loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break self.range(span).end;
                    }
                    let here = self.range(span);
                    items.push(self.node(event, span, &here)?);
                };
                range.end = self.end(&range, end, items.last().map(|item| item.span.end));
                Ok(Node {
                    span: range,
                    kind: NodeKind::List(items),
                })
            }
            Event::MappingStart(..) => self.map(range),
            _ => Err(Problem::new(
                Code::Syntax,
                range,
                "this YAML is not taken here\nwrite it more plainly",
            )),
        }
    }

    fn map(&mut self, mut range: Range<usize>) -> Result<Node, Problem> {
        let mut entries: Vec<(String, Range<usize>, Node)> = Vec::new();
        let mut seen = HashMap::new();
        let end = loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break self.range(span).end;
            }
            let here = self.range(span);
            let key = self.node(event, span, &here)?;
            let NodeKind::Scalar(name, _) = key.kind else {
                return Err(Problem::new(
                    Code::Syntax,
                    key.span,
                    "a key must be a single word\nwrite key: value",
                ));
            };
            if name == "<<" {
                return Err(Problem::new(
                    Code::Syntax,
                    key.span,
                    "merge keys (<<) are not taken here\nwrite the values out",
                ));
            }
            if let Some(first) = seen.insert(name.clone(), key.span.start) {
                let line = self.text[..first].matches('\n').count() + 1;
                let text = format!(
                    "the key {} stands here a second time\nthe first is in line {line}; keep one of them",
                    quoted(&name)
                );
                return Err(Problem::new(Code::DuplicateKey, key.span, &text));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, &key.span)?;
            entries.push((name, key.span, value));
        };
        let last = entries
            .last()
            .map(|entry| entry.2.span.end.max(entry.1.end));
        if let Some(first) = entries.first() {
            range.start = range.start.min(first.1.start);
        }
        range.end = self.end(&range, end, last);
        Ok(Node {
            span: range,
            kind: NodeKind::Map(entries),
        })
    }

    /// The end of a collection: its bracket, or the end of its last item, since a block ends where the next thing starts.
    fn end(&self, range: &Range<usize>, end: usize, last: Option<usize>) -> usize {
        let flow = self.text[range.start..].starts_with(['[', '{']);
        if flow { end } else { last.unwrap_or(range.end) }.max(range.start)
    }
}

/// A syntax error with the most likely reason.
fn syntax(text: &str, error: &ScanError) -> Problem {
    let at = floor(text, error.marker().byte_offset().unwrap_or(0));
    let (start, end) = (shown::line_start(text, at), shown::line_end(text, at));
    // Editors insert tabs that nobody sees, and parsers then complain about something else nearby.
    let indent_end = start
        + text[start..end]
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
    let tab = text[start..indent_end].find('\t').map(|tab| start + tab);
    if let Some(tab) = tab.or_else(|| {
        matches!(
            error.kind(),
            ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation
        )
        .then_some(at)
    }) {
        return Problem::new(
            Code::Syntax,
            tab..(tab + 1).min(text.len()),
            "a tab cannot indent YAML\nuse spaces",
        );
    }
    let span = at..if at < end { end } else { at };
    let (message, help) = match error.kind() {
        ErrorKind::DirectiveDisallowed => (
            "YAML directives (%) are not taken here".to_owned(),
            "remove the line",
        ),
        ErrorKind::UnknownAnchor => (
            "this looks like a YAML alias".to_owned(),
            "put the text in quotes if it starts with *",
        ),
        ErrorKind::RecursionLimitExceeded => (
            format!("this is nested deeper than {DEEPEST} levels"),
            "nothing here needs that; check brackets and indentation",
        ),
        _ => (
            format!(
                "this is not valid YAML: {}",
                shown::escape(&error.kind().to_string())
            ),
            "check the indentation, the space after each colon, and that quotes and brackets are closed",
        ),
    };
    Problem::new(Code::Syntax, span, &message).with_help(help)
}
