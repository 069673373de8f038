//! Makes text that others wrote safe to show (S12).

/// The longest text from outside that is kept, in characters.
const LONGEST: usize = 300;

/// Bytes from the network as text without control characters, at most 300 characters.
///
/// Escape sequences, line breaks, and the Unicode marks that reorder or hide text become `�`.
#[must_use]
pub fn safe(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out: String = text.trim().chars().take(LONGEST).map(harmless).collect();
    if text.trim().chars().count() > LONGEST {
        out.push('…');
    }
    out
}

fn harmless(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        // Directional marks, zero-width characters, line and paragraph separators, soft hyphen, annotations, tags.
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{061c}'
        | '\u{feff}'
        | '\u{00ad}'
        | '\u{180e}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        c => c,
    }
}

/// Bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 0xf));
    }
    out
}

/// Hexadecimal, with blanks and either case, as bytes; `None` if it is none.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_cannot_reach_a_terminal() {
        assert_eq!(
            safe(b"220 \x1b[31mred\x07\r\n"),
            "220 \u{fffd}[31mred\u{fffd}"
        );
        assert_eq!(safe("a\u{202e}b".as_bytes()), "a\u{fffd}b");
        assert_eq!(safe(&[b'x'; 1000]).chars().count(), 301);
        assert_eq!(safe(&[0xff, b'a']), "\u{fffd}a");
    }

    #[test]
    fn hexadecimal_both_ways() {
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
        assert_eq!(unhex("00 FF\n10"), Some(vec![0, 255, 16]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
        assert_eq!(unhex(""), Some(vec![]));
    }
}
