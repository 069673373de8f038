//! Making text from a service fit to be shown, logged and kept.
//!
//! What a service says is data: it may hold control characters that rewrite a terminal, and a careless service or proxy
//! may echo a token. So every excerpt passes here before it reaches an error, a log or the journal.

/// The longest excerpt that is kept, in characters.
pub const EXCERPT_CHARS: usize = 600;

const HIDDEN: &str = "[redacted]";

/// Field names whose value is never shown, compared without case and punctuation.
const SECRET_FIELDS: [&str; 9] = [
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "clientsecret",
    "clientassertion",
    "assertion",
    "password",
    "authorization",
    "secret",
];

/// An excerpt of a body: redacted, control characters escaped, at most [`EXCERPT_CHARS`] long.
#[must_use]
pub fn excerpt(bytes: &[u8]) -> String {
    body(bytes, EXCERPT_CHARS)
}

/// A body: redacted, control characters escaped, at most `chars` characters long.
#[must_use]
pub fn body(body: &[u8], chars: usize) -> String {
    if body.is_empty() {
        return "(empty)".to_owned();
    }
    if body.iter().all(|byte| *byte == 0) {
        return format!("({} NUL bytes)", body.len());
    }
    // Cut before redacting only far beyond what is kept, so that a token at the edge is still recognised.
    let text = String::from_utf8_lossy(&body[..body.len().min(64 * 1024)]);
    shorten(&plain(&text), chars)
}

/// An excerpt of a body; of a web page no more than its title, as its markup helps nobody.
#[must_use]
pub fn page_or_excerpt(body: &[u8]) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(64 * 1024)]);
    let lower = start.to_ascii_lowercase();
    let trimmed = lower.trim_start();
    if !(trimmed.starts_with("<!doctype html") || trimmed.starts_with("<html")) {
        return excerpt(body);
    }
    let title = lower.find("<title").and_then(|at| {
        let from = at + lower[at..].find('>')? + 1;
        let to = from + lower[from..].find('<')?;
        start.get(from..to)
    });
    match title.map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) => format!("a web page titled \"{}\"", shorten(&plain(title), 100)),
        None => "a web page without a title".to_owned(),
    }
}

/// The text with secrets hidden and control characters escaped; not shortened.
#[must_use]
pub fn plain(text: &str) -> String {
    escape(&hide_tokens(&hide_fields(text)))
}

/// Replaces every occurrence of a known secret, as it is and in its percent-encoded form.
#[must_use]
pub fn scrub(text: &str, secret: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    let encoded: String = reqwest::Url::parse_with_params("x:y", [("k", secret)])
        .ok()
        .and_then(|url| {
            url.query()
                .map(|query| query.trim_start_matches("k=").to_owned())
        })
        .unwrap_or_default();
    let text = text.replace(secret, HIDDEN);
    if encoded.is_empty() {
        text
    } else {
        text.replace(&encoded, HIDDEN)
    }
}

fn shorten(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((at, _)) => format!(
            "{}… ({} more characters)",
            &text[..at],
            text[at..].chars().count()
        ),
    }
}

/// Control characters, and those that reorder or hide text, become visible escapes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() || is_invisible(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Bidirectional controls, zero-width characters and line separators (Unicode TR 36).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}'
            | '\u{ad}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Hides anything shaped like a JSON web token or following the word `Bearer`.
fn hide_tokens(text: &str) -> String {
    let is_token_char =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=' | '~');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_bearer = false;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_token_char(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        if word.is_empty() {
            let mut chars = tail.chars();
            if let Some(c) = chars.next() {
                out.push(c);
                after_bearer &= c.is_whitespace();
            }
            rest = chars.as_str();
            continue;
        }
        let is_jwt = word.len() > 24 && word.starts_with("eyJ");
        if is_jwt || (after_bearer && word.len() > 7) {
            out.push_str(HIDDEN);
        } else {
            out.push_str(word);
        }
        after_bearer = word.eq_ignore_ascii_case("bearer");
        rest = tail;
    }
    out
}

/// Hides the value after a telling field name, in JSON (`"x":"v"`), forms (`x=v`) and headers (`x: v`).
fn hide_fields(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        if end == 0 {
            let mut chars = rest.chars();
            out.extend(chars.next());
            rest = chars.as_str();
            continue;
        }
        let (name, tail) = rest.split_at(end);
        out.push_str(name);
        rest = tail;
        let bare: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if !SECRET_FIELDS.contains(&bare.as_str()) {
            continue;
        }
        let Some((separator, value)) = split_value(tail) else {
            continue;
        };
        out.push_str(separator);
        out.push_str(HIDDEN);
        rest = &tail[separator.len() + value.len()..];
    }
    out
}

/// Splits what follows a field name into the separator (with an opening quote) and the value.
fn split_value(tail: &str) -> Option<(&str, &str)> {
    let mut at = tail
        .strip_prefix("\\\"")
        .map_or_else(|| usize::from(tail.starts_with('"')), |_| 2);
    at += tail[at..].len() - tail[at..].trim_start_matches(' ').len();
    if !tail[at..].starts_with([':', '=']) {
        return None;
    }
    at += 1;
    at += tail[at..].len() - tail[at..].trim_start_matches(' ').len();
    let quoted = tail[at..].starts_with(['"', '\\']);
    at += tail[at..].len() - tail[at..].trim_start_matches(['\\', '"']).len();
    let value = &tail[at..];
    let end = if quoted {
        value.find('"').unwrap_or(value.len())
    } else {
        value
            .find(['&', ',', '\n', '\r', '}', ';'])
            .unwrap_or(value.len())
    };
    let value = value[..end].trim_end_matches('\\');
    (!value.is_empty()).then(|| (&tail[..at], value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_hide() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovLw.c2lnbmF0dXJl";
        for text in [
            format!("Authorization: Bearer {jwt}"),
            format!("{{\"access_token\":\"{jwt}\",\"x\":1}}"),
            format!("{{\\\"accessToken\\\":\\\"{jwt}\\\"}}"),
            format!("echo {jwt} end"),
            "bearer opaque-token-eyJhbGciOiJSUzI1NiJ9".to_owned(),
            "client_secret=eyJhbGciOiJSUzI1NiJ9&grant_type=x".to_owned(),
            "{\"client_secret\" : \"eyJhbGciOiJSUzI1NiJ9\"}".to_owned(),
            "Password: eyJhbGciOiJSUzI1NiJ9".to_owned(),
        ] {
            let shown = excerpt(text.as_bytes());
            assert!(!shown.contains("eyJhbGciOiJSUzI1NiJ9"), "{shown}");
            assert!(shown.contains(HIDDEN), "{shown}");
        }
    }

    #[test]
    fn ordinary_text_stays() {
        let text =
            r#"{"error":{"code":"BadRequest","message":"Token is fine, secret agents welcome"}}"#;
        assert_eq!(excerpt(text.as_bytes()), text);
    }

    #[test]
    fn known_secrets_are_scrubbed_in_both_forms() {
        let secret = "p~8Q a+b&c=";
        let shown = scrub("got p~8Q a+b&c= and p%7E8Q+a%2Bb%26c%3D", secret);
        assert!(!shown.contains("8Q"), "{shown}");
        assert_eq!(scrub("text", ""), "text");
    }

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{202e}d"), "a\\u{1b}[2Jb c\\u{202e}d");
        assert_eq!(excerpt(&[0; 12]), "(12 NUL bytes)");
        assert_eq!(excerpt(b""), "(empty)");
    }

    #[test]
    fn of_a_web_page_its_title_is_shown() {
        let page = b"\n<!DOCTYPE html><html><head><TITLE>\n Proxy \x1b sign-in</title><p>much";
        assert_eq!(
            page_or_excerpt(page),
            "a web page titled \"Proxy \\u{1b} sign-in\""
        );
        assert_eq!(page_or_excerpt(b"<html><p>x"), "a web page without a title");
        assert_eq!(
            page_or_excerpt(b"<html><title"),
            "a web page without a title"
        );
        assert_eq!(page_or_excerpt(b"{}"), "{}");
    }

    #[test]
    fn excerpts_are_short() {
        let shown = excerpt("ä".repeat(5000).as_bytes());
        assert!(shown.chars().count() < EXCERPT_CHARS + 40);
        assert!(shown.contains("4400 more characters"));
    }
}
