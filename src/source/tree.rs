//! The event parser's view of a file: what stands where.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput};
use serde_yaml::Value;

use super::document::{Entry, Node, NodeKind};
use super::problem::{Code, Problem};
use super::shown::{line_end, quoted};
use super::syntax::{floor, syntax};

/// Nothing of ours is nested deeper.
pub(super) const DEEPEST: usize = 32;

/// Reads a text with both readers.
pub(super) fn parse(text: &str) -> Result<(Node, Value), Vec<Problem>> {
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
        at..line_end(text, at),
        "this is no YAML that can be read safely\nwrite it more plainly, or put the value in quotes",
    )
}

/// Both readers must see the same.
fn agree(node: &Node, value: &Value) -> Result<(), Problem> {
    let same = match (&node.kind, value) {
        (NodeKind::Map(entries), Value::Mapping(map)) if entries.len() == map.len() => {
            for (entry, (_, value)) in entries.iter().zip(map) {
                agree(&entry.value, value)?;
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
                // The parser tells a value left out as `~` that takes no room.
                let left_out = range.is_empty() && style == ScalarStyle::Plain;
                let text = if left_out {
                    String::new()
                } else {
                    text.into_owned()
                };
                if left_out {
                    range = owner.clone();
                }
                Ok(Node {
                    span: range,
                    kind: NodeKind::Scalar(text, style != ScalarStyle::Plain),
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
        let mut entries: Vec<Entry> = Vec::new();
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
            entries.push(Entry {
                key: name,
                place: key.span,
                value,
            });
        };
        let last = entries
            .last()
            .map(|entry| entry.value.span.end.max(entry.place.end));
        if let Some(first) = entries.first() {
            range.start = range.start.min(first.place.start);
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
