//! A YAML file with the place of every key and value.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::decode;
use super::problem::{Code, Problem, Rejected};
use super::tree;

/// A file larger than this is no file of ours: 1 MiB.
pub const LARGEST_FILE: u64 = 1024 * 1024;

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
    /// A mapping, in the order written.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The bytes that the key takes.
    pub place: Range<usize>,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// Where what is missing in it is reported when nothing stands above it: its first key, or itself.
    pub(super) fn first(&self) -> &Range<usize> {
        match &self.kind {
            NodeKind::Map(entries) => entries.first().map_or(&self.span, |entry| &entry.place),
            _ => &self.span,
        }
    }

    /// One step down: where its key stands, and its value.
    fn step(&self, step: Step<'_>) -> Option<(&Range<usize>, &Self)> {
        match (&self.kind, step) {
            (NodeKind::Map(entries), Step::Key(key)) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| (&entry.place, &entry.value)),
            (NodeKind::List(items), Step::Item(item)) => {
                items.get(item).map(|item| (&item.span, item))
            }
            _ => None,
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
        match tree::parse(&text) {
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
        way.iter()
            .try_fold(&self.root, |node, step| {
                node.step(*step).map(|(_, next)| next)
            })
            .is_some()
    }

    /// Where a key or value stands. Where the way leads to nothing, the nearest thing above it.
    pub fn span(&self, way: &[Step<'_>], part: Part) -> Range<usize> {
        let (mut key, mut node) = (self.root.first(), &self.root);
        for (index, step) in way.iter().enumerate() {
            let Some((found, next)) = node.step(*step) else {
                break;
            };
            (key, node) = (found, next);
            if index + 1 == way.len() && part == Part::Value {
                return node.span.clone();
            }
        }
        key.clone()
    }
}
