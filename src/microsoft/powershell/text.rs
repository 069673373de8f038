//! From what PowerShell printed into a window, and a person copied out of it, to rows of properties.
//!
//! Three forms are read: JSON, lists (`Format-List`) and tables. Names of properties are not localised in any of them.

use serde_json::Value;

use super::super::loose::{Row, without_sidecars};
use super::super::redact;
use super::paste::PasteError;

/// Every object in a text, in its order.
///
/// # Errors
/// [`PasteError::Json`] for JSON that does not end, [`PasteError::Cut`] for a value that the window cut off.
pub(super) fn rows(text: &str) -> Result<Vec<Row>, PasteError> {
    let text = without_escapes(text);
    let mut found = Vec::new();
    let mut rest = text.as_str();
    // JSON stands at the beginning of a line; what is before and after it may be lists and tables of other cmdlets.
    while let Some(at) = json_start(rest) {
        plain_rows(&rest[..at], &mut found)?;
        let (value, used) = first_json(&rest[at..])?;
        match without_sidecars(value) {
            Value::Array(items) => found.extend(items.into_iter().filter_map(object)),
            value => found.extend(object(value)),
        }
        rest = &rest[at + used..];
    }
    plain_rows(rest, &mut found)?;
    Ok(found)
}

fn object(value: Value) -> Option<Row> {
    match value {
        Value::Object(row) => Some(row),
        _ => None,
    }
}

/// Where the first line begins that opens an object, or a list of objects.
fn json_start(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let after = |open: char| {
            let here = at + line.len() - trimmed.len();
            let next = text[here..].strip_prefix(open)?.trim_start();
            Some((here, next))
        };
        if let Some((here, next)) = after('{')
            && next.starts_with(['"', '}'])
        {
            return Some(here);
        }
        if let Some((here, next)) = after('[')
            && next.starts_with(['{', ']'])
        {
            return Some(here);
        }
        at += line.len();
    }
    None
}

fn first_json(text: &str) -> Result<(Value, usize), PasteError> {
    let read = |text: &str| {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let value = stream.next()?;
        Some(value.map(|value| (value, stream.byte_offset())))
    };
    let failed = match read(text) {
        Some(Ok(found)) => return Ok(found),
        Some(Err(error)) => error.to_string(),
        None => "it is empty".to_owned(),
    };
    // A narrow window breaks lines inside texts, where JSON allows none.
    let joined: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    match read(&joined) {
        Some(Ok((value, used))) => {
            let breaks = |text: &str| text.chars().filter(|c| matches!(c, '\n' | '\r')).count();
            let mut end = used;
            while end - breaks(&text[..floor(text, end)]) < used {
                end += 1;
            }
            Ok((value, floor(text, end.min(text.len()))))
        }
        _ => Err(PasteError::Json { why: failed }),
    }
}

/// The nearest boundary of a character at or below.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Lists and tables.
fn plain_rows(text: &str, found: &mut Vec<Row>) -> Result<(), PasteError> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut row = Row::new();
    let mut last: Option<String> = None;
    let mut index = 0;
    while let Some(line) = lines.get(index).copied() {
        if let Some(dashes) = lines.get(index + 1).copied().filter(|line| is_rule(line)) {
            close(&mut row, found)?;
            last = None;
            index += 2;
            index += table(line, dashes, &lines[index..], found)?;
            continue;
        }
        index += 1;
        if line.is_empty() {
            // A list is followed by an empty line, and so is each of its objects.
            if !row.is_empty() {
                close(&mut row, found)?;
            }
            last = None;
        } else if let Some((name, value)) = property(line) {
            if row.contains_key(name) {
                close(&mut row, found)?;
            }
            row.insert(name.to_owned(), Value::from(value));
            last = Some(name.to_owned());
        } else if line.starts_with([' ', '\t'])
            && let Some(Value::String(value)) = last.as_ref().and_then(|name| row.get_mut(name))
        {
            value.push_str(line.trim());
        }
    }
    close(&mut row, found)
}

/// Ends an object: its values are whole now.
fn close(row: &mut Row, found: &mut Vec<Row>) -> Result<(), PasteError> {
    let row = std::mem::take(row);
    if row.is_empty() {
        return Ok(());
    }
    let mut whole = Row::new();
    for (name, value) in row {
        let value = match value {
            Value::String(text) => read_value(&name, &text)?,
            value => value,
        };
        whole.insert(name, value);
    }
    found.push(whole);
    Ok(())
}

/// `Name   : value`, at the beginning of a line.
fn property(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line
        .split_once(" : ")
        .or_else(|| line.strip_suffix(" :").map(|name| (name, "")))
        // Where it is pasted from a chat or a mail, the padding may be gone.
        .or_else(|| line.split_once(": "))
        .or_else(|| line.strip_suffix(':').map(|name| (name, "")))?;
    let name = name.trim_end();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    is_name.then(|| (name, value.trim()))
}

fn read_value(name: &str, text: &str) -> Result<Value, PasteError> {
    let cut = |seen: &str| PasteError::Cut {
        property: redact::excerpt(name.as_bytes()),
        seen: redact::excerpt(seen.as_bytes()),
    };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if let Some(inside) = text.strip_prefix('{') {
        let Some(inside) = inside.strip_suffix('}') else {
            return Err(cut(text));
        };
        if inside.ends_with("...") || inside.ends_with('…') {
            return Err(cut(text));
        }
        let items = inside
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        return Ok(items.map(Value::from).collect());
    }
    if text.ends_with('…') || text.ends_with("...") && !text.contains(' ') {
        return Err(cut(text));
    }
    Ok(Value::from(text))
}

/// A line of nothing but dashes under the names of columns.
fn is_rule(line: &str) -> bool {
    line.trim_start().starts_with('-') && line.chars().all(|c| matches!(c, '-' | ' '))
}

/// A table's rows; says how many lines it took.
fn table(
    names: &str,
    dashes: &str,
    lines: &[&str],
    found: &mut Vec<Row>,
) -> Result<usize, PasteError> {
    let dashes: Vec<char> = dashes.chars().collect();
    let mut starts = Vec::new();
    for (at, c) in dashes.iter().enumerate() {
        if *c == '-' && (at == 0 || dashes[at - 1] == ' ') {
            starts.push(at);
        }
    }
    let cells = |line: &str| -> Vec<String> {
        let chars: Vec<char> = line.chars().collect();
        // Pasted through a chat or a mail, the columns may have lost their places.
        let in_place = starts
            .iter()
            .skip(1)
            .all(|start| chars.get(start - 1).is_none_or(|c| *c == ' '));
        if !in_place {
            let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            words.resize(starts.len(), String::new());
            return words;
        }
        let ends = starts.iter().skip(1).copied().chain([chars.len()]);
        let cell = |(start, end): (&usize, usize)| {
            let end = end.min(chars.len());
            let text: String = chars[(*start).min(end)..end].iter().collect();
            text.trim().to_owned()
        };
        starts.iter().zip(ends).map(cell).collect()
    };
    let names = cells(names);
    let mut taken = 0;
    for line in lines {
        if line.is_empty() || property(line).is_some() || json_start(line).is_some() {
            break;
        }
        taken += 1;
        let mut row = Row::new();
        for (name, value) in names.iter().zip(cells(line)) {
            if !name.is_empty() {
                row.insert(name.clone(), read_value(name, &value)?);
            }
        }
        if !row.is_empty() {
            found.push(row);
        }
    }
    Ok(taken)
}

/// Removes the colour codes that PowerShell 7 puts around labels, and invisible characters.
pub(super) fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.peek() == Some(&'[') {
            chars.next();
            // A control sequence ends with a byte from @ to ~ (ECMA-48 section 5.4).
            for c in chars.by_ref() {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        } else if !matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}') {
            out.push(c);
        }
    }
    out
}
