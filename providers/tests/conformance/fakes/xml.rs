//! XML as a tree, for stand-ins that speak it.

use quick_xml::{Reader, XmlVersion, escape, events::Event};

/// An element without its attributes.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    /// Its own text, unescaped.
    pub text: String,
    pub children: Vec<Self>,
}

impl Element {
    /// The root of a document; `None` for what is no XML.
    pub fn parse(document: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => open.push(Self::named(start.local_name().as_ref())),
                Event::Empty(start) => {
                    let element = Self::named(start.local_name().as_ref());
                    open.last_mut()?.children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop()?;
                    open.last_mut()?.children.push(element);
                }
                Event::Text(text) => {
                    let text = text.xml_content(XmlVersion::Implicit1_0);
                    open.last_mut()?.text.push_str(&text);
                }
                Event::GeneralRef(reference) => {
                    let text = match reference.resolve_char_ref().ok()? {
                        Some(character) => character.to_string(),
                        None => {
                            let name = reference.into_inner();
                            escape::resolve_xml_entity(&name)?.to_owned()
                        }
                    };
                    open.last_mut()?.text.push_str(&text);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        // Only the holder of the root is still open, and it has one child.
        let mut holder = open.pop().filter(|_| open.is_empty())?;
        holder.children.pop().filter(|_| holder.children.is_empty())
    }

    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element at the end of a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |element, name| element.child(name))
    }

    /// The text at the end of a path; empty where there is none.
    pub fn text_at(&self, path: &[&str]) -> &str {
        self.at(path).map_or("", |element| element.text.trim())
    }
}

/// `<name>text</name>`.
pub fn leaf(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape::escape(text))
}

/// `<name>`, what is in it, `</name>`.
pub fn node(name: &str, content: impl AsRef<str>) -> String {
    format!("<{name}>{}</{name}>", content.as_ref())
}
