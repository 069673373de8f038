//! Record sets and changes to them: what this program writes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Name, text};

/// Largest TTL there is, in seconds (RFC 2181, section 8).
pub const TTL_MAX: u32 = i32::MAX as u32;

/// The types of record this program writes. Closed on purpose: nothing else is ever changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// Mail exchange (RFC 5321, section 5.1).
    Mx,
    /// Text (RFC 1035, section 3.3.14).
    Txt,
    /// Alias (RFC 1035, section 3.3.1).
    Cname,
}

impl RecordType {
    /// As zone files and APIs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Cname => "CNAME",
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RecordType {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        [Self::Mx, Self::Txt, Self::Cname]
            .into_iter()
            .find(|rtype| rtype.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| RecordError::Type(text::harmless(text, 40)))
    }
}

/// Why something is no record, record set or change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A type this program does not write.
    #[error("{0:?} is no record type that is written here: MX, TXT and CNAME are")]
    Type(String),
    /// The text of a value does not fit its type.
    #[error("{text:?} is no {rtype} value: write {}", wanted(*rtype))]
    Value {
        /// The type it should be of.
        rtype: RecordType,
        /// The text as given.
        text: String,
    },
    /// A record set without a value does not exist.
    #[error("the {rtype} record set at {name} has no value: leave the set away instead")]
    Empty {
        /// Where.
        name: Name,
        /// Of which type.
        rtype: RecordType,
    },
    /// A value of another type.
    #[error("the {rtype} record set at {name} holds a {found} value")]
    Mixed {
        /// Where.
        name: Name,
        /// The type of the set.
        rtype: RecordType,
        /// The type of the value.
        found: RecordType,
    },
    /// An alias has one target (RFC 2181, section 10.1).
    #[error("the CNAME at {0} has several targets: keep one")]
    SeveralTargets(Name),
    /// TTL beyond 2^31 - 1 seconds.
    #[error("a TTL of {0} s is beyond the largest there is, {TTL_MAX} s")]
    Ttl(u32),
    /// A change whose sides are of another name or type, or that has no side.
    #[error("the change of {rtype} at {name} does not hold together: {why}")]
    Change {
        /// Where.
        name: Name,
        /// Of which type.
        rtype: RecordType,
        /// What is wrong.
        why: &'static str,
    },
}

const fn wanted(rtype: RecordType) -> &'static str {
    match rtype {
        RecordType::Mx => "a preference and a host name with its final dot, like `10 mx.example.`",
        RecordType::Txt => "quoted strings of at most 255 octets, like `\"v=spf1 -all\"`",
        RecordType::Cname => "a host name with its final dot, like `host.example.`",
    }
}

/// One value of a record set, typed. Order is the canonical order of values here: by preference, then by name; by bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordData {
    /// A mail exchange. The root as exchange is the null MX: no mail is taken (RFC 7505).
    Mx {
        /// Lower is tried first.
        preference: u16,
        /// The host that takes the mail.
        exchange: Name,
    },
    /// The octets of all character strings, joined.
    Txt(Vec<u8>),
    /// The target of an alias.
    Cname(Name),
}

impl RecordData {
    /// A mail exchange.
    #[must_use]
    pub const fn mx(preference: u16, exchange: Name) -> Self {
        Self::Mx {
            preference,
            exchange,
        }
    }

    /// A text.
    pub fn txt(text: impl Into<Vec<u8>>) -> Self {
        Self::Txt(text.into())
    }

    /// Its type.
    #[must_use]
    pub const fn rtype(&self) -> RecordType {
        match self {
            Self::Mx { .. } => RecordType::Mx,
            Self::Txt(_) => RecordType::Txt,
            Self::Cname(_) => RecordType::Cname,
        }
    }

    /// Reads zone file text. A host name must have its final dot: without it, zone files mean a name
    /// relative to the zone, and guessing has cost mail before.
    ///
    /// # Errors
    /// [`RecordError::Value`] with the form that is wanted.
    pub fn parse(rtype: RecordType, text: &str) -> Result<Self, RecordError> {
        let wrong = || RecordError::Value {
            rtype,
            text: text::harmless(text, 300),
        };
        let host = |text: &str| match text.ends_with('.') {
            true => Name::parse(text).map_err(|_| wrong()),
            false => Err(wrong()),
        };
        match rtype {
            RecordType::Mx => {
                let (preference, exchange) = text.trim().split_once(' ').ok_or_else(wrong)?;
                let preference = preference.parse().map_err(|_| wrong())?;
                Ok(Self::Mx {
                    preference,
                    exchange: host(exchange.trim_start())?,
                })
            }
            RecordType::Txt => text::unquoted(text).map(Self::Txt).ok_or_else(wrong),
            RecordType::Cname => Ok(Self::Cname(host(text.trim())?)),
        }
    }

    /// Reads zone file text as a vendor keeps it that lets anybody type it in: a host name without its final dot is below
    /// `origin` (RFC 1035, section 5.1), and a text may lack its quotes.
    pub(crate) fn parse_below(
        origin: &Name,
        rtype: RecordType,
        text: &str,
    ) -> Result<Self, RecordError> {
        match rtype {
            RecordType::Txt => {
                let bare = || text.as_bytes().to_vec();
                Ok(Self::Txt(text::unquoted(text).unwrap_or_else(bare)))
            }
            _ if text.ends_with('.') => Self::parse(rtype, text),
            _ => Self::parse(rtype, &format!("{text}.{}", origin.fqdn())),
        }
    }
}

impl fmt::Display for RecordData {
    /// Zone file text: `10 mx.example.`, `"v=spf1 -all"`, `host.example.`. Plain ASCII without control characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mx {
                preference,
                exchange,
            } => write!(f, "{preference} {}", exchange.fqdn()),
            Self::Txt(bytes) => f.write_str(&text::quoted(bytes)),
            Self::Cname(target) => f.write_str(&target.fqdn()),
        }
    }
}

impl fmt::Debug for RecordData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.rtype())
    }
}

/// All records of one name and type, with the one TTL they share (RFC 2181, section 5).
///
/// The values are in canonical order, without duplicates, and at least one: a set without values is `None`
/// wherever a set may be missing. So two sets are equal exactly when servers would serve the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Rrset {
    name: Name,
    rtype: RecordType,
    ttl: u32,
    values: Vec<RecordData>,
}

impl Rrset {
    /// A record set; order and duplicates of `values` do not matter. `ttl` in seconds.
    ///
    /// # Errors
    /// [`RecordError`] when there is no value, one of another type, a second target of an alias, or a TTL beyond [`TTL_MAX`].
    pub fn new(
        name: Name,
        rtype: RecordType,
        ttl: u32,
        values: impl IntoIterator<Item = RecordData>,
    ) -> Result<Self, RecordError> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort();
        values.dedup();
        if values.is_empty() {
            return Err(RecordError::Empty { name, rtype });
        }
        if let Some(found) = values
            .iter()
            .map(RecordData::rtype)
            .find(|found| *found != rtype)
        {
            return Err(RecordError::Mixed { name, rtype, found });
        }
        if rtype == RecordType::Cname && values.len() > 1 {
            return Err(RecordError::SeveralTargets(name));
        }
        if ttl > TTL_MAX {
            return Err(RecordError::Ttl(ttl));
        }
        Ok(Self {
            name,
            rtype,
            ttl,
            values,
        })
    }

    /// The owner.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The type.
    #[must_use]
    pub const fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// Seconds that a cache may keep the set.
    #[must_use]
    pub const fn ttl(&self) -> u32 {
        self.ttl
    }

    /// The values in canonical order; never empty.
    #[must_use]
    pub fn values(&self) -> &[RecordData] {
        &self.values
    }

    /// The same values with another TTL.
    ///
    /// # Errors
    /// [`RecordError::Ttl`] beyond [`TTL_MAX`].
    pub fn with_ttl(&self, ttl: u32) -> Result<Self, RecordError> {
        Self::new(
            self.name.clone(),
            self.rtype,
            ttl,
            self.values.iter().cloned(),
        )
    }

    /// The same name, type and TTL with other values.
    ///
    /// # Errors
    /// As [`Rrset::new`].
    pub fn with_values(
        &self,
        values: impl IntoIterator<Item = RecordData>,
    ) -> Result<Self, RecordError> {
        Self::new(self.name.clone(), self.rtype, self.ttl, values)
    }
}

impl fmt::Display for Rrset {
    /// Zone file lines, one per value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, value) in self.values.iter().enumerate() {
            let end = if position == 0 { "" } else { "\n" };
            write!(
                f,
                "{end}{} {} IN {} {value}",
                self.name.fqdn(),
                self.ttl,
                self.rtype
            )?;
        }
        Ok(())
    }
}

/// How a set is stored and shown to programs: values as zone file text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: Name,
    #[serde(rename = "type")]
    rtype: RecordType,
    ttl: u32,
    values: Vec<String>,
}

impl TryFrom<Form> for Rrset {
    type Error = RecordError;

    fn try_from(form: Form) -> Result<Self, RecordError> {
        let values: Vec<_> = form
            .values
            .iter()
            .map(|text| RecordData::parse(form.rtype, text))
            .collect::<Result<_, _>>()?;
        Self::new(form.name, form.rtype, form.ttl, values)
    }
}

impl From<Rrset> for Form {
    fn from(set: Rrset) -> Self {
        let values = set.values.iter().map(ToString::to_string).collect();
        Self {
            name: set.name,
            rtype: set.rtype,
            ttl: set.ttl,
            values,
        }
    }
}

#[cfg(test)]
mod tests;
