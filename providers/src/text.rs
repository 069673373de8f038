//! Presentation text of character strings (RFC 1035, section 5.1) and of bytes.

use std::fmt::Write as _;

/// Most octets in one character string (RFC 1035, section 3.3).
const SEGMENT: usize = 255;

/// Bytes as quoted character strings of at most 255 octets each: `"v=spf1 -all"`.
///
/// Printable ASCII stays readable; quote and backslash get a backslash, the rest is `\DDD`.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    quoted_by(bytes, |byte| format!("\\{byte:03}"))
}

/// The same with the numbers in octal, `\OOO`, as Amazon Route 53 has them.
pub(crate) fn quoted_octal(bytes: &[u8]) -> String {
    quoted_by(bytes, |byte| format!("\\{byte:03o}"))
}

fn quoted_by(bytes: &[u8], number: fn(u8) -> String) -> String {
    if bytes.is_empty() {
        return "\"\"".to_owned();
    }
    let mut text = String::with_capacity(bytes.len() + 2);
    for (position, segment) in bytes.chunks(SEGMENT).enumerate() {
        text.push_str(if position == 0 { "\"" } else { " \"" });
        for &byte in segment {
            match byte {
                b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
                b' '..=b'~' => text.push(char::from(byte)),
                _ => text.push_str(&number(byte)),
            }
        }
        text.push('"');
    }
    text
}

/// Reads one or more quoted character strings and joins them. `None` when the text is anything else.
///
/// Text that is not ASCII stands for its UTF-8 bytes, as every API that lets it through means it.
pub(crate) fn unquoted(text: &str) -> Option<Vec<u8>> {
    unquoted_by(text, 10)
}

/// The same where the numbers are octal.
pub(crate) fn unquoted_octal(text: &str) -> Option<Vec<u8>> {
    unquoted_by(text, 8)
}

fn unquoted_by(text: &str, radix: u16) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.trim().as_bytes();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        rest = rest.strip_prefix(b"\"")?;
        let mut length = 0;
        loop {
            let (byte, after) = match rest {
                [b'"', after @ ..] => {
                    rest = after.trim_ascii_start();
                    // Two strings need a blank between them.
                    if !rest.is_empty() && rest.len() == after.len() {
                        return None;
                    }
                    break;
                }
                [
                    b'\\',
                    a @ b'0'..=b'9',
                    b @ b'0'..=b'9',
                    c @ b'0'..=b'9',
                    after @ ..,
                ] => {
                    let digits = [a, b, c].map(|digit| u16::from(*digit - b'0'));
                    if digits.iter().any(|digit| *digit >= radix) {
                        return None;
                    }
                    let value = digits.iter().fold(0, |sum, digit| sum * radix + digit);
                    (u8::try_from(value).ok()?, after)
                }
                [b'\\', byte, after @ ..] if !byte.is_ascii_digit() => (*byte, after),
                [b'\\', ..] | [] => return None,
                [byte, after @ ..] => (*byte, after),
            };
            bytes.push(byte);
            length += 1;
            rest = after;
            if length > SEGMENT {
                return None;
            }
        }
    }
    Some(bytes)
}

/// Bytes as the text that a vendor takes without quotes around it; `None` unless all are printable ASCII.
pub(crate) fn plain(bytes: &[u8]) -> Option<&str> {
    let printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    std::str::from_utf8(bytes).ok().filter(|_| printable)
}

/// Upper-case hexadecimal, as DS records are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02X}");
            text
        })
}

/// Reads hexadecimal in either case, blanks allowed (RFC 4034, section 5.3).
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// Foreign text made fit for a message: no control characters (a terminal would obey them), not endless.
pub(crate) fn harmless(text: &str, most: usize) -> String {
    let mut clean: String = text
        .chars()
        .map(|c| {
            if c.is_control() || is_invisible(c) {
                ' '
            } else {
                c
            }
        })
        .take(most + 1)
        .collect();
    if clean.chars().count() > most {
        clean.pop();
        clean.push('…');
    }
    clean.trim().to_owned()
}

/// Characters that turn the reading direction or hide text.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_quotes_look_like() {
        assert_eq!(quoted(b""), "\"\"");
        assert_eq!(quoted(br#"a"b\c;d"#), r#""a\"b\\c;d""#);
        assert_eq!(quoted("ü".as_bytes()), r#""\195\188""#);
        assert_eq!(
            quoted(&[b'x'; 256]),
            format!("\"{}\" \"x\"", "x".repeat(255))
        );
    }

    #[test]
    fn what_is_read() {
        assert_eq!(unquoted(r#""a" "b""#).unwrap(), b"ab");
        assert_eq!(unquoted(r#""a\;b""#).unwrap(), b"a;b");
        assert_eq!(unquoted(r#""\195\188""#).unwrap(), "ü".as_bytes());
        assert_eq!(unquoted("\"ü\"").unwrap(), "ü".as_bytes());
        for text in [
            "",
            "bare",
            "\"open",
            "\"a\"b",
            "\"a\"\"b\"",
            r#""\256""#,
            r#""\1""#,
            "\"a\\",
            "\"a\" b",
        ] {
            assert_eq!(unquoted(text), None, "{text}");
        }
        assert_eq!(unquoted(&format!("\"{}\"", "x".repeat(256))), None);
    }

    #[test]
    fn what_needs_no_quotes() {
        assert_eq!(plain(b"v=spf1 \\ \"x\""), Some("v=spf1 \\ \"x\""));
        assert_eq!(
            (plain("\u{fc}".as_bytes()), plain(b"\n"), plain(&[255])),
            (None, None, None)
        );
    }

    #[test]
    fn numbers_in_octal() {
        assert_eq!(quoted_octal("a\"ü\x7f".as_bytes()), r#""a\"\303\274\177""#);
        assert_eq!(
            unquoted_octal(r#""\303\274" "\\\"\040""#).unwrap(),
            "ü\\\" ".as_bytes()
        );
        for text in [r#""\400""#, r#""\189""#, r#""\19""#] {
            assert_eq!(unquoted_octal(text), None, "{text}");
        }
    }

    #[test]
    fn a_terminal_is_not_commanded() {
        assert_eq!(harmless("a\x1b[31mb\r\nc", 80), "a [31mb  c");
        assert_eq!(harmless("abcdef", 3), "abc…");
        assert_eq!(harmless("abc", 3), "abc");
        assert_eq!(harmless("a\u{202e}b", 9), "a b");
    }

    proptest! {
        #[test]
        fn quoting_is_lossless(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
            prop_assert_eq!(unquoted_octal(&quoted_octal(&bytes)), Some(bytes.clone()));
            prop_assert_eq!(unquoted(&quoted(&bytes)), Some(bytes));
        }

        #[test]
        fn hexadecimal_is_lossless(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        }

        #[test]
        fn reading_never_panics(text in ".*") {
            let _ = unquoted(&text);
            let _ = unhex(&text);
        }
    }
}
