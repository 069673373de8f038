//! Text that came from DNS, an API or a file, made safe to show (S12).

use serde::Serialize;

/// The text on one line, with everything that could drive a terminal, or make a line read as another one, written
/// as `\u{...}`.
pub fn clean(text: &str) -> String {
    crate::source::escape(text)
}

/// The lines of a text, each made safe; a tab becomes spaces, since people put them into commands.
pub fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(|line| clean(&line.replace('\t', "    ")))
}

/// A value as JSON on one line. What could drive a terminal is written as `\uXXXX`, which a reader of JSON undoes.
pub fn json(value: &impl Serialize) -> String {
    // Our own data has text keys only, so it can always be written.
    let written = serde_json::to_string(value)
        .unwrap_or_else(|error| format!("{{\"type\":\"error\",\"message\":\"{error}\"}}"));
    let mut out = String::with_capacity(written.len());
    for c in written.chars() {
        if c.is_ascii() && !c.is_control() {
            out.push(c);
            continue;
        }
        let alone = c.to_string();
        if clean(&alone) == alone {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json as value};

    use super::*;

    /// A name server's idea of a TXT record: clear the screen, set the title, turn the line round.
    const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}b\u{9b}31m\r\nc\u{202e}d\u{7f}";

    #[test]
    fn nothing_that_drives_a_terminal_is_left() {
        let shown = clean(HOSTILE);
        assert!(shown.chars().all(|c| !c.is_control()), "{shown}");
        assert!(!shown.contains('\u{202e}'));
        assert!(shown.starts_with("a\\u{1b}[2J\\u{1b}]0;owned\\u{7}b\\u{9b}31m"));
        assert_eq!(clean("Größe 日本 ✓"), "Größe 日本 ✓");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(
            lines("one\n\ttwo\n\u{1b}three").collect::<Vec<_>>(),
            ["one", "    two", "\\u{1b}three"]
        );
    }

    #[test]
    fn json_is_one_line_without_controls_and_reads_back_the_same() {
        let before = value!({"text": HOSTILE, "\u{85}key": ["ä", 1, null, "\u{e0001}"]});
        let shown = json(&before);
        assert!(shown.chars().all(|c| !c.is_control()), "{shown}");
        assert!(!shown.contains('\u{e0001}'));
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), before);
    }
}
