//! The policy: which hosts may take the domain's mail, and what a sender does when it is another.

use serde::{Deserialize, Serialize};

use super::StsError;
use super::remark::Remark;
use crate::dns::Name;
use crate::dns::text::safe;
use crate::mail_records::grammar::{is_field_name, is_host_name};

/// A policy (RFC 8461, 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What a sender does when the host does not fit.
    pub mode: Mode,
    /// Seconds that a sender may keep it.
    pub max_age: u32,
    /// Host patterns, lower case.
    pub patterns: Vec<Name>,
    /// The body as fetched.
    pub body: String,
}

impl Policy {
    /// Whether one of the patterns matches `host`.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        self.patterns.iter().any(|p| matches(p, host))
    }

    /// What is not as it should be although senders read past it.
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        let mut seen: Vec<&str> = Vec::new();
        let mut remarks = Vec::new();
        for line in lines(&self.body) {
            match line {
                Line::Empty => remarks.push(Remark::EmptyLine),
                Line::Field("mx", _) => {}
                Line::Field(name @ ("version" | "mode" | "max_age"), _) => {
                    if seen.contains(&name) {
                        remarks.push(Remark::Repeated(name.to_owned()));
                    }
                    seen.push(name);
                }
                Line::Field(name, value) if is_field_name(name) && is_extension(value) => {
                    remarks.push(Remark::UnknownField(name.to_owned()));
                }
                Line::Field(..) | Line::Other(_) => {
                    remarks.push(Remark::BadField(safe(line.text().as_bytes())));
                }
            }
        }
        remarks
    }
}

/// The policy as one would publish it (RFC 8461, 3.2, with CRLF).
impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version: STSv1\r\nmode: {}\r\n", self.mode)?;
        for pattern in &self.patterns {
            write!(f, "mx: {pattern}\r\n")?;
        }
        write!(f, "max_age: {}\r\n", self.max_age)
    }
}

/// A policy's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Do not deliver where it does not fit.
    Enforce,
    /// Report only.
    Testing,
    /// No policy.
    None,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        })
    }
}

/// Whether an `mx` pattern covers a host (RFC 8461, 4.1): a leading `*.` stands for exactly one label.
///
/// So `*.mx.microsoft` does not cover `contoso-com.o-v1.mx.microsoft`.
#[must_use]
pub fn matches(pattern: &str, host: &str) -> bool {
    let pattern = crate::dns::normal(pattern);
    let host = crate::dns::normal(host);
    match pattern.strip_prefix("*.") {
        Some(rest) => host
            .split_once('.')
            .is_some_and(|(first, tail)| !first.is_empty() && !tail.is_empty() && tail == rest),
        None => !host.is_empty() && pattern == host,
    }
}

/// Reads a policy (RFC 8461, 3.2).
///
/// # Errors
/// When it is malformed. Senders then act as if the fetch had failed.
pub fn read_policy(body: &str) -> Result<Policy, StsError> {
    let mut version = None;
    let mut mode = None;
    let mut max_age = None;
    let mut patterns: Vec<Name> = Vec::new();
    for line in lines(body) {
        match line {
            Line::Empty => {}
            Line::Other(text) => return Err(StsError::PolicyLine(safe(text.as_bytes()))),
            Line::Field(name, value) => match name {
                // Of a field that may occur once, the first one counts.
                "version" => _ = version.get_or_insert(value),
                "mode" => _ = mode.get_or_insert(value),
                "max_age" => _ = max_age.get_or_insert(value),
                "mx" => patterns.push(pattern(value)?),
                _ => {}
            },
        }
    }
    let shown = |value: Option<&str>| safe(value.unwrap_or_default().as_bytes());
    if version != Some("STSv1") {
        return Err(StsError::Version(shown(version)));
    }
    let mode = match mode {
        Some("enforce") => Mode::Enforce,
        Some("testing") => Mode::Testing,
        Some("none") => Mode::None,
        other => return Err(StsError::Mode(shown(other))),
    };
    let max_age = max_age
        .filter(|v| (1..=10).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|v| v.parse().ok())
        .filter(|age| *age <= LONGEST_AGE)
        .ok_or_else(|| StsError::MaxAge(shown(max_age)))?;
    if patterns.is_empty() && mode != Mode::None {
        return Err(StsError::NoPattern);
    }
    Ok(Policy {
        mode,
        max_age,
        patterns,
        body: body.to_owned(),
    })
}

/// About a year (RFC 8461, 3.2).
const LONGEST_AGE: u32 = 31_557_600;

/// A line of a policy, without its end.
pub(super) enum Line<'a> {
    Empty,
    /// What is before the first colon, and what is after it without blanks around.
    Field(&'a str, &'a str),
    Other(&'a str),
}

impl Line<'_> {
    /// As one would write it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Field(name, value) => format!("{name}: {value}"),
            Self::Other(text) => (*text).to_owned(),
        }
    }
}

/// The lines, without the empty ones at the end. Only LF and CRLF end a line.
pub(super) fn lines(body: &str) -> impl Iterator<Item = Line<'_>> {
    let body = body.trim_end_matches(['\r', '\n']);
    body.split('\n').filter_map(move |line| {
        if body.is_empty() {
            return None;
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        Some(match line.split_once(':') {
            Some((name, value)) => Line::Field(name, value.trim_matches([' ', '\t'])),
            None if line.trim_matches([' ', '\t']).is_empty() => Line::Empty,
            None => Line::Other(line),
        })
    })
}

/// What the value of a field that nobody knows may hold.
fn is_extension(value: &str) -> bool {
    !value.is_empty() && !value.chars().any(char::is_control)
}

fn pattern(value: &str) -> Result<Name, StsError> {
    if is_host_name(value.strip_prefix("*.").unwrap_or(value)) {
        Ok(value.to_ascii_lowercase())
    } else {
        Err(StsError::Pattern(safe(value.as_bytes())))
    }
}
