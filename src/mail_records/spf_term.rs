//! The terms of an SPF record (RFC 7208, 5 and 6).

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::dns::text::safe;

/// A term.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// A mechanism with its qualifier.
    Directive(Directive),
    /// A modifier.
    Modifier(Modifier),
}

/// A mechanism and what comes of it when it matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directive {
    /// What comes of it.
    pub qualifier: Qualifier,
    /// The mechanism.
    pub mechanism: Mechanism,
}

/// What comes of a match (RFC 7208, 4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Qualifier {
    /// `+`, or nothing.
    Pass,
    /// `-`.
    Fail,
    /// `~`.
    SoftFail,
    /// `?`.
    Neutral,
}

/// A mechanism (RFC 7208, 5). Domains are as published, with macros.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// Everybody.
    All,
    /// Whoever another record passes.
    Include(String),
    /// The addresses of a name; `None`: of the domain.
    A {
        /// The name.
        domain: Option<String>,
        /// The networks around the addresses.
        prefix: Prefix,
    },
    /// The addresses of the hosts that take a domain's mail; `None`: the domain's own.
    Mx {
        /// The domain.
        domain: Option<String>,
        /// The networks around the addresses.
        prefix: Prefix,
    },
    /// Whoever has a name below the domain (not to be used any more).
    Ptr(Option<String>),
    /// An IPv4 network.
    Ip4(Ipv4Addr, u8),
    /// An IPv6 network.
    Ip6(Ipv6Addr, u8),
    /// Whoever makes this name exist.
    Exists(String),
}

impl Mechanism {
    /// Whether it asks the DNS (RFC 7208, 4.6.4).
    #[must_use]
    pub const fn asks(&self) -> bool {
        !matches!(self, Self::All | Self::Ip4(..) | Self::Ip6(..))
    }
}

/// Prefix lengths for IPv4 and IPv6; `None`: the address alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefix {
    /// For IPv4.
    pub v4: Option<u8>,
    /// For IPv6.
    pub v6: Option<u8>,
}

/// A modifier (RFC 7208, 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modifier {
    /// Another record decides.
    Redirect(String),
    /// Where an explanation is.
    Exp(String),
    /// Unknown: passed over.
    Other(String, String),
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "error", content = "text")]
pub enum SpfError {
    /// More than one record.
    #[error("there are {0} SPF records, a permanent error (RFC 7208, 4.5): make one of them")]
    Several(usize),
    /// A term that nobody knows: a permanent error (RFC 7208, 4.6).
    #[error("{0:?} is no term of SPF, a permanent error: correct or remove it")]
    Term(String),
    /// A term without what it needs, or with what it cannot have.
    #[error("the SPF term {0:?} is not well formed, a permanent error: correct or remove it")]
    Argument(String),
    /// A modifier that may stand there once.
    #[error("{0} stands in the SPF record more than once, a permanent error: leave one")]
    Twice(String),
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directive(directive) => directive.fmt(f),
            Self::Modifier(Modifier::Redirect(to)) => write!(f, "redirect={to}"),
            Self::Modifier(Modifier::Exp(to)) => write!(f, "exp={to}"),
            Self::Modifier(Modifier::Other(name, value)) => write!(f, "{name}={value}"),
        }
    }
}

impl std::fmt::Display for Directive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.qualifier {
            Qualifier::Pass => "",
            Qualifier::Fail => "-",
            Qualifier::SoftFail => "~",
            Qualifier::Neutral => "?",
        })?;
        let named = |f: &mut std::fmt::Formatter<'_>, name: &str, domain: &Option<String>| {
            f.write_str(name)?;
            domain.as_ref().map_or(Ok(()), |d| write!(f, ":{d}"))
        };
        match &self.mechanism {
            Mechanism::All => f.write_str("all"),
            Mechanism::Include(domain) => write!(f, "include:{domain}"),
            Mechanism::Exists(domain) => write!(f, "exists:{domain}"),
            Mechanism::Ptr(domain) => named(f, "ptr", domain),
            Mechanism::A { domain, prefix } => {
                named(f, "a", domain)?;
                prefix.fmt(f)
            }
            Mechanism::Mx { domain, prefix } => {
                named(f, "mx", domain)?;
                prefix.fmt(f)
            }
            Mechanism::Ip4(address, 32) => write!(f, "ip4:{address}"),
            Mechanism::Ip4(address, length) => write!(f, "ip4:{address}/{length}"),
            Mechanism::Ip6(address, 128) => write!(f, "ip6:{address}"),
            Mechanism::Ip6(address, length) => write!(f, "ip6:{address}/{length}"),
        }
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(length) = self.v4 {
            write!(f, "/{length}")?;
        }
        if let Some(length) = self.v6 {
            write!(f, "//{length}")?;
        }
        Ok(())
    }
}

/// Reads one term.
pub(super) fn read(word: &str) -> Result<Term, SpfError> {
    let unknown = || SpfError::Term(safe(word.as_bytes()));
    let bad = || SpfError::Argument(safe(word.as_bytes()));
    // A modifier has its `=` before any of the signs that may follow a mechanism's name.
    let end = word
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(word.len());
    let (name, rest) = word.split_at(end);
    if let Some(value) = rest.strip_prefix('=') {
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(unknown());
        }
        return modifier(name, value).map(Term::Modifier).ok_or_else(bad);
    }
    let (qualifier, word_after) = match word.split_at_checked(1) {
        Some(("+", rest)) => (Qualifier::Pass, rest),
        Some(("-", rest)) => (Qualifier::Fail, rest),
        Some(("~", rest)) => (Qualifier::SoftFail, rest),
        Some(("?", rest)) => (Qualifier::Neutral, rest),
        _ => (Qualifier::Pass, word),
    };
    let end = word_after.find([':', '/']).unwrap_or(word_after.len());
    let (name, rest) = word_after.split_at(end);
    let name = name.to_ascii_lowercase();
    let known = ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];
    if !known.contains(&name.as_str()) {
        return Err(unknown());
    }
    let mechanism = mechanism(&name, rest).ok_or_else(bad)?;
    Ok(Term::Directive(Directive {
        qualifier,
        mechanism,
    }))
}

fn modifier(name: &str, value: &str) -> Option<Modifier> {
    match name.to_ascii_lowercase().as_str() {
        "redirect" => is_domain(value).then(|| Modifier::Redirect(value.to_owned())),
        "exp" => is_domain(value).then(|| Modifier::Exp(value.to_owned())),
        _ => is_macro_string(value).then(|| Modifier::Other(name.to_owned(), value.to_owned())),
    }
}

fn mechanism(name: &str, rest: &str) -> Option<Mechanism> {
    let after_colon = rest.strip_prefix(':');
    let domain = || after_colon.filter(|d| is_domain(d)).map(ToOwned::to_owned);
    Some(match name {
        "all" if rest.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(domain()?),
        "exists" => Mechanism::Exists(domain()?),
        "ptr" if rest.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(domain()?)),
        "a" | "mx" => {
            let (before, prefix) = split_prefix(rest)?;
            let domain = match before.strip_prefix(':') {
                Some(domain) if is_domain(domain) => Some(domain.to_owned()),
                None if before.is_empty() => None,
                _ => return None,
            };
            if name == "a" {
                Mechanism::A { domain, prefix }
            } else {
                Mechanism::Mx { domain, prefix }
            }
        }
        "ip4" => {
            let (address, length) = network(after_colon?, 32)?;
            Mechanism::Ip4(address.parse().ok()?, length)
        }
        "ip6" => {
            let (address, length) = network(after_colon?, 128)?;
            Mechanism::Ip6(address.parse().ok()?, length)
        }
        _ => return None,
    })
}

fn network(text: &str, longest: u8) -> Option<(&str, u8)> {
    match text.split_once('/') {
        None => Some((text, longest)),
        Some((address, length)) => Some((address, prefix_length(length, longest)?)),
    }
}

/// Takes `/24`, `//64` or `/24//64` off the end; a slash within a macro is none of them.
fn split_prefix(text: &str) -> Option<(&str, Prefix)> {
    let from = text.rfind('}').map_or(0, |end| end + 1);
    let Some(slash) = text.get(from..)?.find('/') else {
        return Some((text, Prefix::default()));
    };
    let (before, lengths) = text.split_at(from + slash);
    let (v4, v6) = match lengths.split_once("//") {
        Some((v4, v6)) => (v4, Some(prefix_length(v6, 128)?)),
        None => (lengths, None),
    };
    let v4 = match v4.strip_prefix('/') {
        Some(length) => Some(prefix_length(length, 32)?),
        None if v4.is_empty() => None,
        None => return None,
    };
    Some((before, Prefix { v4, v6 }))
}

/// A number without leading zeros (RFC 7208, 12).
fn prefix_length(text: &str, longest: u8) -> Option<u8> {
    let plain = text == "0"
        || !text.is_empty() && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|length| plain && *length <= longest)
}

/// A domain, perhaps with macros: it ends in a macro or in a dot and a label that is no number (RFC 7208, 7.1).
fn is_domain(text: &str) -> bool {
    if !is_macro_string(text) {
        return false;
    }
    if text.ends_with('}') {
        return true;
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    name.rsplit_once('.').is_some_and(|(_, top)| {
        !top.is_empty()
            && top.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !top.bytes().all(|b| b.is_ascii_digit())
            && !top.starts_with('-')
            && !top.ends_with('-')
    })
}

/// Visible characters; `%` only as `%%`, `%_`, `%-` or `%{…}` (RFC 7208, 7.1).
fn is_macro_string(text: &str) -> bool {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        if !is_visible(before) {
            return false;
        }
        rest = match after.split_at_checked(1) {
            Some(("%" | "_" | "-", rest)) => rest,
            Some(("{", inside)) => match inside.split_once('}') {
                Some((inside, rest)) if is_macro(inside) => rest,
                _ => return false,
            },
            _ => return false,
        };
    }
    is_visible(rest)
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

/// A letter, how many labels, whether reversed, and what divides labels.
fn is_macro(inside: &str) -> bool {
    let Some((letter, rest)) = inside.split_at_checked(1) else {
        return false;
    };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.strip_prefix(['r', 'R']).unwrap_or(rest);
    "slodiphcrtv".contains(&letter.to_ascii_lowercase())
        && rest.chars().all(|c| ".-+,/_=".contains(c))
}
