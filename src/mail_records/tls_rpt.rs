//! TLS-RPT (RFC 8460): where senders report that mail could not be delivered over TLS.

use serde::{Deserialize, Serialize};

use super::grammar::{escapes_well, is_field_name, is_field_value, is_host_name};
use crate::dns::Name;
use crate::dns::text::safe;

/// The record at `_smtp._tls` (RFC 8460, 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsRpt {
    /// Where reports go, in order: at least one.
    pub destinations: Vec<Destination>,
    /// Destinations that cannot be used, and why; senders report to the others.
    pub unusable: Vec<TlsRptError>,
    /// Names of fields that RFC 8460 does not know; senders pass over them.
    pub unknown: Vec<String>,
    /// Fields that are no fields; strict senders then ignore the record.
    pub malformed: Vec<String>,
}

/// Where reports go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A mail address; the URI's text after `mailto:`, escapes as published.
    Mail(String),
    /// An HTTPS address, the whole URI.
    Https(String),
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mail(address) => write!(f, "mailto:{address}"),
            Self::Https(uri) => f.write_str(uri),
        }
    }
}

/// The record as one would publish it, without the fields that nobody knows.
impl std::fmt::Display for TlsRpt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("v=TLSRPTv1; rua=")?;
        for (i, destination) in self.destinations.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{destination}")?;
        }
        Ok(())
    }
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "error", content = "text")]
pub enum TlsRptError {
    /// More than one record.
    #[error(
        "there are {0} TLS-RPT records; senders take several for none (RFC 8460, 3): leave one"
    )]
    Several(usize),
    /// No `rua`, or an empty one.
    #[error(
        "the TLS-RPT record has no rua, so no report can be sent: name a mailto: or https: address"
    )]
    NoDestination,
    /// Another scheme, or none.
    #[error("reports cannot be sent to {0:?}: it must begin with mailto: or https:")]
    Scheme(String),
    /// Not a URI of its scheme.
    #[error("{0:?} is no valid mailto: or https: address")]
    Address(String),
    /// A `!` as in DMARC.
    #[error(
        "{0:?} holds an exclamation mark, which RFC 8460 wants written as %21; sizes cannot be limited here"
    )]
    Exclamation(String),
}

/// Where the record of a domain stands.
#[must_use]
pub fn name(domain: &str) -> Name {
    format!("_smtp._tls.{domain}")
}

/// Finds the one record among the TXT records at `_smtp._tls`. `None`: there is none.
///
/// # Errors
/// When there are several, or no destination can be used. Senders then report nothing.
pub fn parse(texts: &[&str]) -> Result<Option<TlsRpt>, TlsRptError> {
    let ours: Vec<&str> = texts
        .iter()
        .filter_map(|text| text.strip_prefix("v=TLSRPTv1"))
        // The text of the section wants `v=TLSRPTv1;`, its grammar allows blanks before the semicolon.
        .filter(|rest| rest.trim_start_matches(BLANK).starts_with(';'))
        .collect();
    match ours.as_slice() {
        [] => Ok(None),
        [one] => fields(one).map(Some),
        several => Err(TlsRptError::Several(several.len())),
    }
}

const BLANK: [char; 2] = [' ', '\t'];

/// Reads what stands after the version.
fn fields(text: &str) -> Result<TlsRpt, TlsRptError> {
    let mut out = TlsRpt {
        destinations: Vec::new(),
        unusable: Vec::new(),
        unknown: Vec::new(),
        malformed: Vec::new(),
    };
    let mut fields = text
        .split(';')
        .map(|f| f.trim_matches(BLANK))
        .skip(1)
        .peekable();
    while let Some(field) = fields.next() {
        match field.split_once('=') {
            // Several of them add up: the grammar allows it.
            Some(("rua", value)) => {
                for uri in value.split(',').map(|u| u.trim_matches(BLANK)) {
                    match destination(uri) {
                        Ok(destination) => out.destinations.push(destination),
                        Err(why) => out.unusable.push(why),
                    }
                }
            }
            Some((name, value)) if is_field_name(name) && is_field_value(value) => {
                out.unknown.push(name.to_owned());
            }
            // After the last semicolon there need be nothing.
            None if field.is_empty() && fields.peek().is_none() => {}
            _ => out.malformed.push(safe(field.as_bytes())),
        }
    }
    if out.destinations.is_empty() {
        return Err(out
            .unusable
            .into_iter()
            .next()
            .unwrap_or(TlsRptError::NoDestination));
    }
    Ok(out)
}

fn destination(uri: &str) -> Result<Destination, TlsRptError> {
    if uri.is_empty() {
        return Err(TlsRptError::NoDestination);
    }
    let shown = || safe(uri.as_bytes());
    // Schemes have no case (RFC 3986, 3.1).
    let (scheme, rest) = uri
        .split_once(':')
        .ok_or_else(|| TlsRptError::Scheme(shown()))?;
    let mail = scheme.eq_ignore_ascii_case("mailto");
    if !mail && !scheme.eq_ignore_ascii_case("https") {
        return Err(TlsRptError::Scheme(shown()));
    }
    if rest.contains('!') {
        return Err(TlsRptError::Exclamation(shown()));
    }
    let plain = rest
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    let good = plain
        && escapes_well(rest)
        && if mail {
            is_mailbox(rest.split('?').next().unwrap_or_default())
        } else {
            rest.strip_prefix("//").is_some_and(has_host)
        };
    match (good, mail) {
        (false, _) => Err(TlsRptError::Address(shown())),
        (true, true) => Ok(Destination::Mail(rest.to_owned())),
        (true, false) => Ok(Destination::Https(format!("https:{rest}"))),
    }
}

/// One mailbox: what is before the last `@` is not ours to judge.
pub(super) fn is_mailbox(address: &str) -> bool {
    address
        .rsplit_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && is_host_name(domain))
}

fn has_host(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(']') || !port.is_empty() => (host, port),
        _ => (authority, ""),
    };
    let literal = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let good = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_host_name(host),
    };
    good && port.bytes().all(|b| b.is_ascii_digit())
}
