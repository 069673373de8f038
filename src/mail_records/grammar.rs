//! The few forms that the TXT records about mail share.

/// A field name of RFC 8461, 3.1 and RFC 8460, 3: 1 to 32 characters, the first a letter or digit.
pub(crate) fn is_field_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// A field value of the same sections: visible, without `;` and `=`.
pub(crate) fn is_field_value(value: &str) -> bool {
    !value.is_empty()
        && value
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b';' && b != b'=')
}

/// A host name: letters, digits and inner hyphens (RFC 1123, 2.1).
pub(crate) fn is_host_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// What is wrong with a tag list.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "fault", content = "text")]
pub enum TagFault {
    /// Not `name=value`.
    #[error("{0:?} is no tag; a tag is name=value")]
    NoTag(String),
    /// A tag twice.
    #[error("the tag {0} stands there more than once")]
    Twice(String),
}

/// The tags of a tag list (RFC 6376, 3.2; RFC 7489, 6.4): names and values without blanks around, in order.
pub(crate) fn tags(text: &str) -> Result<Vec<(&str, &str)>, TagFault> {
    let mut out: Vec<(&str, &str)> = Vec::new();
    let mut pieces = text.split(';').map(trim).peekable();
    while let Some(piece) = pieces.next() {
        if piece.is_empty() && pieces.peek().is_none() && !out.is_empty() {
            break;
        }
        let (name, value) = piece
            .split_once('=')
            .map(|(name, value)| (trim(name), trim(value)))
            .filter(|(name, _)| is_tag_name(name))
            .ok_or_else(|| TagFault::NoTag(crate::dns::text::safe(piece.as_bytes())))?;
        if out.iter().any(|(known, _)| *known == name) {
            return Err(TagFault::Twice(name.to_owned()));
        }
        out.push((name, value));
    }
    Ok(out)
}

/// The value of a tag.
pub(crate) fn tag<'a>(tags: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    tags.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| *value)
}

fn is_tag_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Without folding white space around.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// Whether every `%` begins an escape of two hexadecimal digits (RFC 3986, 2.1).
pub(crate) fn escapes_well(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        rest.as_bytes()
            .get(..2)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}
