//! What of a file may appear on a terminal: no control characters, no secrets, no endless lines.

use std::fmt::Write as _;
use std::ops::Range;

/// A word quoted in a message is cut after so many characters.
const LONGEST_QUOTE: usize = 60;
/// A line of a file is cut to about so many bytes around what is underlined.
const LONGEST_LINE: usize = 160;

/// Whether a character could change how a terminal shows its surroundings: controls, line separators, text direction,
/// characters without width (Unicode TR 36).
fn is_tricky(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every character that could trick a terminal written as `\u{...}`.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut out, c);
    }
    out
}

fn push(out: &mut String, c: char) {
    if is_tricky(c) {
        // Writing to a String does not fail.
        let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
    } else {
        out.push(c);
    }
}

/// The text in backticks for a message: escaped, and cut when long.
pub fn quoted(text: &str) -> String {
    let mut cut: String = text.chars().take(LONGEST_QUOTE).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("`{}`", escape(&cut))
}

/// The file as an error may show it, and where the given ranges are in that.
pub(super) fn shown(
    text: &str,
    masks: &[Range<usize>],
    spans: &[Range<usize>],
) -> (String, Vec<Range<usize>>) {
    let keep = kept(text, spans);
    let mut out = String::with_capacity(text.len().min(64 * 1024));
    // Pairs of an offset in the text and the offset of the same place in what is shown.
    let mut map = Vec::with_capacity(text.len() + 1);
    let mut gap = false;
    for (at, c) in text.char_indices() {
        map.push((at, out.len()));
        let wanted = keep.iter().any(|range| range.contains(&at)) || c == '\n';
        if !wanted {
            if !gap {
                out.push('…');
            }
            gap = true;
            continue;
        }
        gap = false;
        match c {
            '\n' => out.push('\n'),
            '\r' if text[at..].starts_with("\r\n") => {}
            // One column each, so that what is underlined stays under its text.
            '\t' => out.push('→'),
            _ if masks.iter().any(|mask| mask.contains(&at)) => out.push('*'),
            _ => push(&mut out, c),
        }
    }
    map.push((text.len(), out.len()));
    let find = |offset: usize| match map.binary_search_by_key(&offset, |(from, _)| *from) {
        Ok(index) => map[index].1,
        Err(index) => map.get(index).map_or(out.len(), |(_, to)| *to),
    };
    let spans = spans
        .iter()
        .map(|span| find(span.start)..find(span.end).max(find(span.start)))
        .collect();
    (out, spans)
}

/// The parts of the file worth showing: the lines with a span and their neighbours, long lines cut around the spans.
/// The rest is dropped but for its line breaks, so that line numbers stay right.
fn kept(text: &str, spans: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut keep = Vec::new();
    for span in spans {
        let start = line_start(text, span.start);
        let above = line_start(text, start.saturating_sub(1));
        let end = line_end(
            text,
            span.start.max(span.end.min(line_end(text, span.start))),
        );
        let below = line_end(text, (end + 1).min(text.len()));
        for (from, to) in [(above, start), (start, end), (end, below)] {
            if to - from <= LONGEST_LINE {
                keep.push(from..to);
            } else if from == start {
                keep.push(
                    span.start.saturating_sub(LONGEST_LINE / 2).max(from)
                        ..(span.start + LONGEST_LINE / 2).min(to),
                );
            } else {
                keep.push(from..from + LONGEST_LINE / 2);
            }
        }
    }
    keep
}

pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |found| found + 1)
}

pub(super) fn line_end(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    text.as_bytes()[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(text.len(), |found| at + found)
}

/// Where values stand whose keys sound like a secret, unless they are references. Works on the bare text, since the
/// file may be broken; in doubt it hides too much.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = logins(text);
    let mut at = 0;
    while let Some(colon) = text[at..].find([':', '=']).map(|colon| at + colon) {
        at = colon + 1;
        let head = text[..colon]
            .trim_end_matches([' ', '\t'])
            .trim_end_matches(['"', '\'']);
        let word_start = head
            .char_indices()
            .rev()
            .take_while(|(_, c)| c.is_alphanumeric() || *c == '_' || *c == '-')
            .last()
            .map_or(head.len(), |(start, _)| start);
        if !sounds_secret(&head[word_start..]) {
            continue;
        }
        let end = line_end(text, at);
        let value_start = at + (text[at..end].len() - text[at..end].trim_start().len());
        if is_reference(&text[value_start..end]) {
            at = value_start + 4;
            continue;
        }
        let masked_to = continued(text, word_start, value_start, end);
        found.push(value_start..masked_to);
        at = masked_to.max(at);
    }
    found
}

/// User names and passwords in URLs.
fn logins(text: &str) -> Vec<Range<usize>> {
    let hosts = text
        .match_indices("://")
        .map(|(at, slashes)| at + slashes.len());
    hosts
        .filter_map(|start| {
            let host = &text[start..];
            let end = host
                .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#'))
                .unwrap_or(host.len());
            Some(start..start + host[..end].rfind('@')?)
        })
        .collect()
}

/// The end of a value that goes on over the next lines: deeper indentation, or an open quote.
fn continued(text: &str, word_start: usize, value_start: usize, line_end_at: usize) -> usize {
    let quote = text[value_start..line_end_at]
        .chars()
        .next()
        .filter(|c| *c == '"' || *c == '\'');
    if let Some(quote) = quote
        && !text[value_start + 1..line_end_at].contains(quote)
    {
        let close = text[value_start + 1..]
            .find(quote)
            .map_or(text.len(), |close| value_start + 1 + close);
        return line_end(text, close);
    }
    let column = word_start - line_start(text, word_start);
    let mut must_hide = text[value_start..line_end_at].trim().is_empty();
    let mut end = line_end_at;
    while end < text.len() {
        let start = end + 1;
        let next_end = line_end(text, start);
        let line = &text[start..next_end];
        let indent = line.len() - line.trim_start().len();
        let blank = line.trim().is_empty();
        if !blank && indent <= column && !must_hide {
            break;
        }
        must_hide &= blank;
        end = next_end;
    }
    end
}

fn is_reference(value: &str) -> bool {
    let value = value.trim_start_matches(['"', '\'']);
    value.starts_with("env:") || value.starts_with("file:")
}

fn sounds_secret(word: &str) -> bool {
    let word = word.to_lowercase();
    let mut parts = word.split(['_', '-']);
    let about_it = [
        "name",
        "id",
        "file",
        "path",
        "tag",
        "algorithm",
        "url",
        "bits",
        "size",
        "type",
    ];
    if parts
        .clone()
        .next_back()
        .is_some_and(|last| about_it.contains(&last))
    {
        return false;
    }
    ["secret", "passw", "token", "apikey", "credential"]
        .iter()
        .any(|part| word.contains(part))
        || parts.any(|part| ["key", "pass", "pwd", "tsig"].contains(&part))
}
