//! Domain names, as A-labels.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A domain or host name in lower case and A-labels (RFC 5890), without the final dot, of at least two labels.
///
/// Reads U-labels too: `bücher.example` becomes `xn--bcher-kva.example`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

/// Why a text is no domain name. Display is a sentence; the text itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is there.
    #[error("the domain name is empty")]
    Empty,
    /// It looks like something else that people paste here.
    #[error("{what} is not a domain name\nwrite the bare name, as in contoso.com")]
    NotAName {
        /// What it looks like.
        what: &'static str,
    },
    /// One label only, as in `com` or `localhost`.
    #[error("a domain name needs at least two labels, as in contoso.com")]
    OneLabel,
    /// A label breaks the rules of host names (RFC 1123 section 2.1) or of IDNA (UTS 46).
    #[error(
        "this is not a valid domain name\nlabels hold letters, digits and inner hyphens, at most 63 each and 253 in all"
    )]
    Invalid,
}

impl DomainName {
    /// The name: lower case, A-labels, no final dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `zone` or a name below it.
    pub fn is_in(&self, zone: &Self) -> bool {
        self.0
            .strip_suffix(zone.as_str())
            .is_some_and(|head| head.is_empty() || head.ends_with('.'))
    }

    /// Whether the name belongs to Microsoft, as in `contoso.onmicrosoft.com`, so that its DNS cannot be changed.
    pub fn is_onmicrosoft(&self) -> bool {
        ["onmicrosoft.com", "onmicrosoft.us", "onmicrosoft.cn"]
            .iter()
            .any(|zone| Self((*zone).to_owned()) == *self || self.is_in(&Self((*zone).to_owned())))
    }
}

impl FromStr for DomainName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.contains("://") || text.contains('/') {
            return Err(NameError::NotAName {
                what: "a URL or path",
            });
        }
        if text.contains('@') {
            return Err(NameError::NotAName {
                what: "a mail address",
            });
        }
        if text.contains('*') {
            return Err(NameError::NotAName { what: "a wildcard" });
        }
        if text.chars().any(|c| c.is_whitespace() || c == ',') {
            return Err(NameError::NotAName {
                what: "a list or a text with spaces",
            });
        }
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Err(NameError::NotAName {
                what: "an IP address",
            });
        }
        // At most one final dot: `contoso.com.` is the same name, `contoso.com..` is a mistake.
        let text = text.strip_suffix('.').unwrap_or(text);
        let ascii = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::STD3)
            .map_err(|_| NameError::Invalid)?
            .into_owned();
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        };
        if ascii.len() > 253 || !ascii.split('.').all(label_ok) {
            return Err(NameError::Invalid);
        }
        if !ascii.contains('.') {
            return Err(NameError::OneLabel);
        }
        if ascii
            .rsplit('.')
            .next()
            .is_some_and(|tld| tld.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(NameError::NotAName { what: "a number" });
        }
        Ok(Self(ascii))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for DomainName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for DomainName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DomainName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for DomainName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DomainName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 3,
            "maxLength": 255,
            "pattern": "^[^\\s/@*,:]+\\.[^\\s/@*,:]+$"
        })
    }
}
