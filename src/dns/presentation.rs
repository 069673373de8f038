//! Names as text, and back (RFC 1035, 5.1).
//!
//! An octet that is not usual in a name becomes `\DDD`, a dot within a label too: so a dot always parts labels, nothing
//! acts on a terminal, and what came out of the DNS goes in again as the same name.

/// Room for most names.
const USUAL: usize = 24;

/// Labels as text: lower case, without the final dot.
pub(super) fn text<'a>(labels: impl Iterator<Item = &'a [u8]>) -> String {
    use std::fmt::Write as _;
    // As long as most names are: text that grows is moved several times.
    let mut out = String::with_capacity(USUAL);
    for (i, label) in labels.enumerate() {
        if i > 0 {
            out.push('.');
        }
        for byte in label.iter().map(u8::to_ascii_lowercase) {
            if byte.is_ascii_alphanumeric() || b"-_*/+=".contains(&byte) {
                out.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\{byte:03}");
            }
        }
    }
    out
}

/// Text as labels; one final dot is passed over, the root has none. `None`: it is no name, or none in ASCII.
pub(super) fn labels(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut out = Vec::new();
    if text.is_empty() || text == "." {
        return Some(out);
    }
    let mut label = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'.' if label.is_empty() => return None,
            b'.' => out.push(std::mem::take(&mut label)),
            b'\\' => label.push(escaped(&mut bytes)?),
            byte if byte.is_ascii_graphic() => label.push(byte),
            _ => return None,
        }
    }
    if !label.is_empty() {
        out.push(label);
    }
    Some(out)
}

/// What follows a backslash: three decimal digits, or the octet itself.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = bytes.next().filter(u8::is_ascii_graphic)?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, bytes.next()?, bytes.next()?];
    digits
        .iter()
        .try_fold(0_u16, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + u16::from(digit - b'0'))
        })
        .and_then(|sum| u8::try_from(sum).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let octets: Vec<&[u8]> = vec![b"_25", b"A.b\\", &[0, 255, 27], b"*"];
        let shown = text(octets.iter().copied());
        assert_eq!(shown, "_25.a\\046b\\092.\\000\\255\\027.*");
        let back = labels(&shown).expect("a name");
        let lower: Vec<Vec<u8>> = octets.iter().map(|l| l.to_ascii_lowercase()).collect();
        assert_eq!(back, lower);
        assert_eq!(
            labels("a\\.b.c."),
            Some(vec![b"a.b".to_vec(), b"c".to_vec()])
        );
        assert_eq!((labels("."), labels("")), (Some(vec![]), Some(vec![])));
        for bad in [
            "a..b", ".a", "..", "a\\", "a\\25", "a\\256", "a\\2x5", "a b", "a\u{1b}", "ü",
        ] {
            assert_eq!(labels(bad), None, "{bad}");
        }
    }
}
