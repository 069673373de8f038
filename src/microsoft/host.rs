//! The host name that Microsoft assigns to a domain for inbound DANE.

use serde::{Deserialize, Serialize};

/// The zone under which every such host lives.
pub const DNSSEC_MX_SUFFIX: &str = ".mx.microsoft";

/// The MX host of a domain under `mx.microsoft`, as `Enable-DnssecForVerifiedDomain` returned it.
///
/// It is read, kept and never computed: the letter in `contoso-com.o-v1.mx.microsoft` is assigned by the service and the
/// label is not derivable for every name (`microsoft.md` 1.3). Checked are only the suffix and that it is a host name;
/// lower case, no trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnssecMxValue(String);

impl DnssecMxValue {
    /// Checks and takes a host name; a trailing dot and upper case are accepted.
    ///
    /// # Errors
    /// [`HostError`] when it is no host name (RFC 1123 section 2.1) or not under `mx.microsoft`.
    pub fn new(text: &str) -> Result<Self, HostError> {
        let name = host_name(text)?;
        if name.len() > DNSSEC_MX_SUFFIX.len() && name.ends_with(DNSSEC_MX_SUFFIX) {
            Ok(Self(name))
        } else {
            Err(HostError {
                text: shown(text),
                why: "it is not under mx.microsoft",
            })
        }
    }

    /// The host name without a trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DnssecMxValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DnssecMxValue {
    type Error = HostError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        Self::new(&value)
    }
}

impl From<DnssecMxValue> for String {
    fn from(value: DnssecMxValue) -> Self {
        value.0
    }
}

/// A text that is no acceptable host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The host name \"{text}\" is refused: {why}.")]
pub struct HostError {
    /// The text, escaped and shortened.
    pub text: String,
    /// Why not.
    pub why: &'static str,
}

/// Checks a host name: ASCII letters, digits and hyphens, labels of 1 to 63, at most 253, at least two labels.
///
/// # Errors
/// [`HostError`] says which rule is broken.
pub fn host_name(text: &str) -> Result<String, HostError> {
    let refuse = |why| {
        Err(HostError {
            text: shown(text),
            why,
        })
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        return refuse("it is empty");
    }
    if name.len() > 253 {
        return refuse("it is longer than 253 characters");
    }
    if name.chars().any(char::is_control) {
        return refuse("it holds control characters");
    }
    if !name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
    {
        return refuse("it holds characters that a host name cannot have");
    }
    let mut labels = 0;
    for label in name.split('.') {
        labels += 1;
        if label.is_empty() || label.len() > 63 {
            return refuse("a label is empty or longer than 63 characters");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return refuse("a label begins or ends with a hyphen");
        }
    }
    if labels < 2 {
        return refuse("it has only one label");
    }
    Ok(name.to_ascii_lowercase())
}

/// Checks a domain name given by a person, turning an internationalised one into its ASCII form (RFC 5891).
///
/// # Errors
/// [`HostError`] when the name is not a domain name.
pub fn domain_name(text: &str) -> Result<String, HostError> {
    if text.is_ascii() {
        return host_name(text);
    }
    match idna::domain_to_ascii_strict(text) {
        Ok(ascii) => host_name(&ascii),
        Err(_) => Err(HostError {
            text: shown(text),
            why: "it is not a valid internationalised name",
        }),
    }
}

fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .flat_map(char::escape_default)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_every_shape_seen_in_public() {
        for (given, kept) in [
            (
                "contoso-com.o-v1.mx.microsoft",
                "contoso-com.o-v1.mx.microsoft",
            ),
            (
                "Contoso-Com.E-v1.MX.Microsoft.",
                "contoso-com.e-v1.mx.microsoft",
            ),
            (
                "contoso-com.1j2b.mx.microsoft",
                "contoso-com.1j2b.mx.microsoft",
            ),
            ("x.mx.microsoft", "x.mx.microsoft"),
            (
                "xn--mller-kva-de.l-v1.mx.microsoft",
                "xn--mller-kva-de.l-v1.mx.microsoft",
            ),
        ] {
            assert_eq!(DnssecMxValue::new(given).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn refuses_what_is_not_such_a_host() {
        for bad in [
            "",
            ".",
            "mx.microsoft",
            ".mx.microsoft",
            "contoso-com.mail.protection.outlook.com",
            "contoso.mx.microsoft.example.com",
            "evilmx.microsoft",
            "a b.mx.microsoft",
            "a\u{0}.mx.microsoft",
            "a\n.mx.microsoft",
            "a..mx.microsoft",
            "-a.mx.microsoft",
            "a_b.mx.microsoft",
            "a.mx.microsoft..",
            "ä.mx.microsoft",
            "a\u{1b}[2J.mx.microsoft",
            "*.mx.microsoft",
            "0 a.mx.microsoft",
        ] {
            assert!(DnssecMxValue::new(bad).is_err(), "{bad:?}");
        }
        assert!(DnssecMxValue::new(&format!("{}.mx.microsoft", "a".repeat(64))).is_err());
        assert!(DnssecMxValue::new(&format!("{}mx.microsoft", "a.".repeat(130))).is_err());
    }

    #[test]
    fn a_journal_cannot_smuggle_one_in() {
        assert!(serde_json::from_str::<DnssecMxValue>("\"evil.example.com\"").is_err());
        let good: DnssecMxValue = serde_json::from_str("\"a.b-v1.mx.microsoft\"").unwrap();
        assert_eq!(
            serde_json::to_string(&good).unwrap(),
            "\"a.b-v1.mx.microsoft\""
        );
    }

    #[test]
    fn domains_may_be_internationalised() {
        assert_eq!(domain_name("Müller.de").unwrap(), "xn--mller-kva.de");
        assert_eq!(domain_name("Contoso.COM.").unwrap(), "contoso.com");
        for bad in ["contoso", "a b.com", "a'.com", "x\u{0}.com", "a/b.com", ""] {
            assert!(domain_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_error_shows_no_raw_control_character() {
        let text = DnssecMxValue::new("a\u{1b}[2J.mx.microsoft")
            .unwrap_err()
            .to_string();
        assert!(!text.contains('\u{1b}'));
    }
}
