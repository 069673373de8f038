//! One recorded answer, as a file that a person can read, share and play back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scrub::Scrubber;
use super::tree::Node;
use crate::microsoft::error::Service;
use crate::microsoft::tap::Taken;

/// Larger answers are cut to nothing: a list of a thousand domains has the shape of a list of ten.
const MOST_ROWS: usize = 20;

/// One answer. The same form serves the table of shapes that the decoder is tested with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Who answered.
    pub service: Service,
    /// The cmdlet, or the Graph request.
    pub call: String,
    /// The domain it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The HTTP status.
    pub status: u16,
    /// The headers that matter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Body,
    /// What the decoder made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_as: Option<String>,
}

/// A body in one of three forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// JSON, with every key that it had.
    Json(Node),
    /// Anything else that is text.
    Text(String),
    /// Bytes, such as the NUL bytes of a refusal.
    Hex(String),
}

impl Body {
    /// The bytes as they go over the wire; `None` for hexadecimal that is none.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Json(node) => Some(node.to_string().into_bytes()),
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Hex(hex) => {
                let digits: Option<Vec<u8>> = hex
                    .bytes()
                    .map(|byte| {
                        char::from(byte)
                            .to_digit(16)
                            .and_then(|d| u8::try_from(d).ok())
                    })
                    .collect();
                let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
                Some(
                    digits
                        .chunks(2)
                        .map(|pair| pair[0] * 16 + pair[1])
                        .collect(),
                )
            }
        }
    }
}

impl Recorded {
    /// Scrubs an answer.
    pub fn scrubbed(taken: &Taken, read_as: &str, scrubber: &mut Scrubber) -> Self {
        Self {
            service: taken.service,
            call: taken.name.clone(),
            domain: taken
                .domain
                .as_deref()
                .map(|domain| scrubber.text(domain, 0)),
            status: taken.status,
            headers: taken
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), header(name, value, scrubber)))
                .collect(),
            body: body(&taken.body, scrubber),
            read_as: Some(read_as.to_owned()),
        }
    }
}

fn header(name: &str, value: &str, scrubber: &mut Scrubber) -> String {
    match name {
        // The parts of a challenge: names stay, the claims become ones that ask for nothing.
        "www-authenticate" => challenge(value, scrubber),
        "content-type" => value
            .split(';')
            .next()
            .map(|kind| scrubber.text(kind, 0))
            .unwrap_or_default(),
        _ => scrubber.text(value, 0),
    }
}

/// `{"access_token":{}}` in Base64.
const NO_CLAIMS: &str = "eyJhY2Nlc3NfdG9rZW4iOnt9fQ==";

fn challenge(value: &str, scrubber: &mut Scrubber) -> String {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let scheme = if scheme.eq_ignore_ascii_case("bearer") {
        scheme.to_owned()
    } else {
        scrubber.text(scheme, 0)
    };
    let mut parts = Vec::new();
    let mut rest = rest;
    while let Some((name, after)) = rest.split_once("=\"") {
        let Some((value, tail)) = after.split_once('"') else {
            break;
        };
        let name = name.trim_start_matches([',', ' ']);
        let shown = match name {
            "claims" => NO_CLAIMS.to_owned(),
            _ if name.chars().all(|c| c.is_ascii_lowercase() || c == '_') => {
                scrubber.text(value, 0)
            }
            _ => break,
        };
        parts.push(format!("{name}=\"{shown}\""));
        rest = tail;
    }
    format!("{scheme} {}", parts.join(", "))
        .trim_end()
        .to_owned()
}

fn body(bytes: &[u8], scrubber: &mut Scrubber) -> Body {
    if !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0) {
        return Body::Hex("00".repeat(bytes.len().min(512)));
    }
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    if let Some(node) = scrubber.json(text) {
        return Body::Json(shortened(node));
    }
    let text = text.trim();
    if text.is_empty() {
        return Body::Text(String::new());
    }
    // A page of a proxy, or something else: that it is none of the service's answers is all there is to say.
    if text.starts_with('<') {
        return Body::Text(format!("<html><body>{} bytes</body></html>", bytes.len()));
    }
    Body::Text(format!("no JSON, {} bytes", bytes.len()))
}

/// Long lists are cut after the first rows, which say all that the others do.
fn shortened(node: Node) -> Node {
    match node {
        Node::Object(fields) => Node::Object(
            fields
                .into_iter()
                .map(|(key, value)| match value {
                    Node::List(mut items) if key.eq_ignore_ascii_case("value") => {
                        items.truncate(MOST_ROWS);
                        (key, Node::List(items))
                    }
                    other => (key, other),
                })
                .collect(),
        ),
        other => other,
    }
}
