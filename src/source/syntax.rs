//! Broken YAML: the most likely reason, at the place where it was made rather than where the parser noticed.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use super::problem::{Code, Problem};
use super::shown::{escape, line_end, line_start};
use super::tree::DEEPEST;

/// The nearest start of a character at or before this byte.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// What the event parser refused.
pub(super) fn syntax(text: &str, error: &ScanError) -> Problem {
    let at = floor(text, error.marker().byte_offset().unwrap_or(0));
    let new = |span, text: &str| Problem::new(Code::Syntax, span, text);
    if let Some(tab) = tab(text, at, error.kind()) {
        return new(tab, "a tab cannot indent YAML\nuse spaces");
    }
    match error.kind() {
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => {
            if let Some(quote) = open_quote(text, at) {
                return new(quote, "this quote is not closed\nclose it on the same line");
            }
        }
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey => {
            if let Some(colon) = tight_colon(text, at) {
                return new(
                    colon,
                    "a space is missing after the colon\nwrite key: value",
                );
            }
        }
        ErrorKind::DirectiveDisallowed => {
            return new(
                rest_of_line(text, at),
                "YAML directives (%) are not taken here\nremove the line",
            );
        }
        ErrorKind::UnknownAnchor => {
            return new(
                rest_of_line(text, at),
                "this looks like a YAML alias\nput the text in quotes if it starts with *",
            );
        }
        ErrorKind::RecursionLimitExceeded => {
            let text_of = format!(
                "this is nested deeper than {DEEPEST} levels\nnothing here needs that; check brackets and indentation"
            );
            return new(rest_of_line(text, at), &text_of);
        }
        _ => {}
    }
    new(rest_of_line(text, at), &format!("this is not valid YAML: {}", escape(&error.kind().to_string())))
        .with_help("check the indentation, the space after each colon, and that quotes and brackets are closed")
}

fn rest_of_line(text: &str, at: usize) -> Range<usize> {
    at..line_end(text, at)
}

/// A tab in the indentation of the line: editors insert them, nobody sees them, and parsers complain about something else.
fn tab(text: &str, at: usize, kind: &ErrorKind) -> Option<Range<usize>> {
    let (start, end) = (line_start(text, at), line_end(text, at));
    let indent = text[start..end]
        .bytes()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    let tab = text[start..start + indent]
        .find('\t')
        .map(|tab| start + tab);
    let told = matches!(
        kind,
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation
    );
    tab.or_else(|| (told && text[at..].starts_with('\t')).then_some(at))
        .map(|tab| tab..tab + 1)
}

/// The last quote before this place that begins a value.
fn open_quote(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[..at];
    let begins =
        |index: usize| index == 0 || matches!(bytes[index - 1], b' ' | b'\n' | b'[' | b'{' | b',');
    let quote = (0..bytes.len())
        .rev()
        .find(|index| matches!(bytes[*index], b'"' | b'\'') && begins(*index))?;
    Some(rest_of_line(text, quote))
}

/// `key:value` on the line before, which YAML takes for one word.
fn tight_colon(text: &str, at: usize) -> Option<Range<usize>> {
    let mut end = line_start(text, at);
    while end > 0 {
        let start = line_start(text, end - 1);
        let line = &text[start..end - 1];
        end = start;
        let word = line.trim_start();
        if word.is_empty() || word.starts_with('#') {
            continue;
        }
        let colon = word.find(':')?;
        let is_key = colon > 0
            && word[..colon]
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let tight = word[colon + 1..].starts_with(|c: char| !c.is_whitespace() && c != '/');
        let from = start + (line.len() - word.len());
        return (is_key && tight).then(|| from..from + word.trim_end().len());
    }
    None
}
