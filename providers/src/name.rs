//! Names of hosts and zones.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An absolute domain name: lower-case, every label ASCII (an internationalised label as its
/// IDNA A-label), validated.
///
/// Two spellings of one name are one value: `Example.COM`, `example.com` and `example.com.` are
/// equal. The order is the canonical order of DNSSEC (RFC 4034, section 6.1): a name sorts
/// directly before the names below it.
///
/// ```
/// use rollout_providers::Name;
/// let name: Name = "Bücher.Example".parse()?;
/// assert_eq!(name.to_string(), "xn--bcher-kva.example");
/// assert_eq!(name.fqdn(), "xn--bcher-kva.example.");
/// # Ok::<(), rollout_providers::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Two dots in a row, a leading dot, or no text at all.
    #[error("{0:?} is not a domain name: it has an empty label. Remove the extra dot")]
    EmptyLabel(String),
    /// A label of more than 63 octets (RFC 1035, section 2.3.4).
    #[error("{0:?} is not a domain name: a label is longer than 63 octets")]
    LabelTooLong(String),
    /// More than 255 octets on the wire (RFC 1035, section 2.3.4).
    #[error("{0:?} is not a domain name: it is longer than 253 characters")]
    TooLong(String),
    /// A character that no host or service name has.
    #[error(
        "{name:?} is not a domain name: {character:?} is not allowed. \
         Letters, digits, hyphens and underscores are"
    )]
    Character {
        /// The text as given.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// IDNA (RFC 5890) refuses the text.
    #[error("{0:?} is not a domain name: IDNA allows no such internationalised label")]
    Idna(String),
}

impl Name {
    /// The root, the empty name. As a mail exchange it is the null MX (RFC 7505).
    #[must_use]
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// Reads a name, absolute with or without the final dot.
    ///
    /// # Errors
    /// [`NameError`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text == "." {
            return Ok(Self::root());
        }
        let bare = text.strip_suffix('.').unwrap_or(text);
        let ascii = to_ascii(bare, text)?;
        let wrong = || text.to_owned();
        if ascii.len() > 253 {
            return Err(NameError::TooLong(wrong()));
        }
        for (position, label) in ascii.split('.').enumerate() {
            if label.is_empty() {
                return Err(NameError::EmptyLabel(wrong()));
            }
            if label.len() > 63 {
                return Err(NameError::LabelTooLong(wrong()));
            }
            if position == 0 && label == "*" {
                continue;
            }
            let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if let Some(character) = label.chars().find(|c| !ok(*c)) {
                let name = wrong();
                return Err(NameError::Character { name, character });
            }
        }
        Ok(Self(ascii))
    }

    /// The text without the final dot; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text with the final dot, as zone files and many APIs want it; `.` for the root.
    #[must_use]
    pub fn fqdn(&self) -> String {
        format!("{}.", self.0)
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels from left to right; none for the root.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.').filter(|label| !label.is_empty())
    }

    /// The name one label up; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let above = self.0.split_once('.').map_or("", |(_, above)| above);
        Some(Self(above.to_owned()))
    }

    /// The name one or more labels below: `example.com` and `_smtp._tls` give `_smtp._tls.example.com`.
    ///
    /// # Errors
    /// [`NameError`] when the result is no name.
    pub fn child(&self, labels: &str) -> Result<Self, NameError> {
        Self::parse(&format!("{labels}.{}", self.0))
    }

    /// Whether this name is `zone` itself or below it.
    #[must_use]
    pub fn is_within(&self, zone: &Self) -> bool {
        self.relative_to(zone).is_some()
    }

    /// The part left of `zone`; empty at the apex, `None` outside the zone.
    #[must_use]
    pub fn relative_to(&self, zone: &Self) -> Option<&str> {
        if zone.is_root() || self == zone {
            return Some(if self == zone { "" } else { &self.0 });
        }
        self.0.strip_suffix(zone.as_str())?.strip_suffix('.')
    }

    /// The name as people write it, internationalised labels in Unicode. For output only.
    #[must_use]
    pub fn unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }

    /// The uncompressed wire form, canonical by construction (RFC 4034, section 6.2).
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(self.0.len() + 2);
        for label in self.labels() {
            // A label is at most 63 octets: checked by `parse`.
            wire.push(label.len() as u8);
            wire.extend_from_slice(label.as_bytes());
        }
        wire.push(0);
        wire
    }
}

/// Lower-case ASCII; IDNA only where a label is internationalised, because it would refuse
/// names that the DNS allows (a leading `*`, hyphens in odd places).
fn to_ascii(bare: &str, text: &str) -> Result<String, NameError> {
    let lower = bare.to_ascii_lowercase();
    let plain = lower.is_ascii() && !lower.split('.').any(|label| label.starts_with("xn--"));
    if plain {
        return Ok(lower);
    }
    let (wildcard, rest) = match lower.strip_prefix("*.") {
        Some(rest) => ("*.", rest),
        None => ("", lower.as_str()),
    };
    let ascii = idna::domain_to_ascii(rest).map_err(|_| NameError::Idna(text.to_owned()))?;
    Ok(format!("{wildcard}{ascii}"))
}

impl fmt::Display for Name {
    /// Without the final dot, as people read it; the root as `.`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.is_root() { "." } else { &self.0 })
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.labels().rev().cmp(other.labels().rev())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl TryFrom<&str> for Name {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.to_string()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn spellings_of_one_name_are_one_value() {
        for text in ["example.com", "EXAMPLE.com.", "Example.Com"] {
            assert_eq!(name(text), name("example.com"), "{text}");
        }
        assert_eq!(name("BÜCHER.example"), name("xn--bcher-kva.example."));
        assert_eq!(name("XN--BCHER-KVA.example"), name("bücher.example"));
        assert_eq!(name("bücher.example").unicode(), "bücher.example");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "..",
            ".com",
            "a..b",
            "a b",
            "a.b;",
            "x.*.y",
            "back\\slash",
            "xn--\u{0}",
            "xn--zzzzzz99999999",
        ] {
            assert!(Name::parse(text).is_err(), "{text:?} was taken");
        }
        assert!(Name::parse(&"a".repeat(64)).is_err());
        assert!(Name::parse(&"a".repeat(63)).is_ok());
        let long = vec!["a".repeat(63); 4].join(".");
        assert!(matches!(Name::parse(&long), Err(NameError::TooLong(_))));
    }

    #[test]
    fn service_names_and_wildcards_are_names() {
        for text in [
            "_25._tcp.mx.example",
            "_mta-sts.example",
            "*.example",
            "*.bücher.example",
            "a-.example",
        ] {
            assert!(Name::parse(text).is_ok(), "{text:?} was refused");
        }
    }

    #[test]
    fn the_root_is_a_dot() {
        let root = name(".");
        assert!(root.is_root());
        assert_eq!(
            (root.to_string().as_str(), root.fqdn().as_str()),
            (".", ".")
        );
        assert_eq!(root.to_wire(), [0]);
        assert_eq!(root.parent(), None);
        assert_eq!(root.labels().count(), 0);
        assert!(name("com").is_within(&root));
        assert_eq!(name("com").relative_to(&root), Some("com"));
        assert_eq!(serde_json::from_str::<Name>("\".\"").unwrap(), root);
    }

    #[test]
    fn within_is_by_labels_not_by_letters() {
        let zone = name("example.com");
        assert!(name("example.com").is_within(&zone));
        assert!(name("a.b.example.com").is_within(&zone));
        assert!(!name("badexample.com").is_within(&zone));
        assert!(!name("com").is_within(&zone));
        assert_eq!(name("a.b.example.com").relative_to(&zone), Some("a.b"));
        assert_eq!(name("example.com").relative_to(&zone), Some(""));
        assert_eq!(
            name("a.b.example.com").parent(),
            Some(name("b.example.com"))
        );
        assert_eq!(
            zone.child("_smtp._tls").unwrap(),
            name("_smtp._tls.example.com")
        );
    }

    #[test]
    fn order_is_the_canonical_order() {
        // The example of RFC 4034, section 6.1, as far as the labels are ours.
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "z.a.example",
            "zabc.a.example",
            "z.example",
            "*.z.example",
        ];
        let mut names: Vec<Name> = sorted.iter().rev().map(|text| name(text)).collect();
        names.sort();
        assert_eq!(names, sorted.map(name));
    }

    #[test]
    fn wire_form() {
        assert_eq!(name("a.bc").to_wire(), b"\x01a\x02bc\x00");
    }
}
