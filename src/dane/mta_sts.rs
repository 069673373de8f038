//! MTA-STS (RFC 8461): the TXT record, the policy behind it, and whether a pattern matches a host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dns::text::safe;
use crate::dns::{Name, Validated};

/// What is known about a domain's MTA-STS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum MtaStsView {
    /// There is no record: senders look for no policy (but may still hold one).
    None {
        /// The TXT lookup.
        lookup: Box<Validated>,
    },
    /// A record and a policy.
    Found {
        /// The record.
        record: StsRecord,
        /// The policy.
        policy: Policy,
        /// TTL of the TXT record, seconds.
        ttl: u32,
        /// When it was fetched.
        at: Timestamp,
    },
    /// The record, or the policy behind it, is there and wrong: senders ignore it, or go on with the one they hold.
    Invalid {
        /// The record, if it could be read.
        record: Option<StsRecord>,
        /// What is wrong, as a sentence.
        why: String,
        /// TTL of the TXT record, seconds.
        ttl: u32,
        /// When.
        at: Timestamp,
    },
    /// Could not tell.
    Unknown {
        /// The record, if it could be read.
        record: Option<StsRecord>,
        /// Why, as a sentence.
        why: String,
        /// When.
        at: Timestamp,
    },
}

impl MtaStsView {
    /// The policy, if there is one.
    #[must_use]
    pub const fn policy(&self) -> Option<&Policy> {
        match self {
            Self::Found { policy, .. } => Some(policy),
            _ => None,
        }
    }
}

/// The `_mta-sts` TXT record (RFC 8461, 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StsRecord {
    /// 1 to 32 letters and digits; a change makes senders fetch again.
    pub id: String,
    /// The TXT record as served.
    pub text: String,
}

/// A policy (RFC 8461, 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What a sender does when the host does not fit.
    pub mode: Mode,
    /// Seconds that a sender may keep it.
    pub max_age: u32,
    /// Host patterns, lower case.
    pub patterns: Vec<Name>,
    /// The body as fetched.
    pub body: String,
}

impl Policy {
    /// Whether one of the patterns matches `host`.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        self.patterns.iter().any(|p| matches(p, host))
    }
}

/// A policy's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Do not deliver where it does not fit.
    Enforce,
    /// Report only.
    Testing,
    /// No policy.
    None,
}

/// Whether an `mx` pattern covers a host (RFC 8461, 4.1): a leading `*.` stands for exactly one label.
///
/// So `*.mx.microsoft` does not cover `contoso-com.o-v1.mx.microsoft`.
#[must_use]
pub fn matches(pattern: &str, host: &str) -> bool {
    let pattern = crate::dns::normal(pattern);
    let host = crate::dns::normal(host);
    match pattern.strip_prefix("*.") {
        Some(rest) => host
            .split_once('.')
            .is_some_and(|(first, tail)| !first.is_empty() && tail == rest),
        None => !host.is_empty() && pattern == host,
    }
}

/// What is wrong with a record or policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StsError {
    /// More than one record: senders then see none (RFC 8461, 3.1).
    #[error(
        "there are {0} records starting with v=STSv1; senders take several for none: leave one"
    )]
    Several(usize),
    /// A field that is no field.
    #[error("{0:?} is no field of an MTA-STS record; a field is name=value")]
    RecordField(String),
    /// No id, or a wrong one.
    #[error("the record's id must be 1 to 32 letters and digits, not {0:?}")]
    Id(String),
    /// A line that is no line.
    #[error("{0:?} is no line of an MTA-STS policy; a line is name: value")]
    PolicyLine(String),
    /// Another version.
    #[error("the policy's version must be STSv1, not {0:?}")]
    Version(String),
    /// Another mode.
    #[error("the policy's mode must be enforce, testing or none, not {0:?}")]
    Mode(String),
    /// No lifetime, or a wrong one.
    #[error("the policy's max_age must be 0 to 31557600 seconds, not {0:?}")]
    MaxAge(String),
    /// A pattern that can match nothing.
    #[error("the policy's mx {0:?} is neither a host name nor one below a leading *.")]
    Pattern(String),
    /// No pattern.
    #[error("the policy names no mx, so no host could take mail")]
    NoPattern,
}

/// Finds the one record among the TXT records at `_mta-sts` (RFC 8461, 3.1). `None`: there is none.
///
/// # Errors
/// When there are several, or the one is malformed. Senders then act as if there were none.
pub fn read_record(texts: &[&str]) -> Result<Option<StsRecord>, StsError> {
    let ours: Vec<&str> = texts
        .iter()
        .copied()
        .filter(|text| {
            text.strip_prefix("v=STSv1")
                .is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with(';'))
        })
        .collect();
    let text = match ours.as_slice() {
        [] => return Ok(None),
        [one] => *one,
        several => return Err(StsError::Several(several.len())),
    };
    let mut id = None;
    let mut fields = text
        .split(';')
        .map(|f| f.trim_matches([' ', '\t']))
        .skip(1)
        .peekable();
    while let Some(field) = fields.next() {
        if field.is_empty() && fields.peek().is_none() {
            break;
        }
        let (name, value) = field
            .split_once('=')
            .filter(|(name, value)| is_field_name(name) && is_field_value(value))
            .ok_or_else(|| StsError::RecordField(safe(field.as_bytes())))?;
        if name == "id" && id.is_none() {
            let good =
                (1..=32).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric());
            if !good {
                return Err(StsError::Id(safe(value.as_bytes())));
            }
            id = Some(value.to_owned());
        }
    }
    let id = id.ok_or_else(|| StsError::Id(String::new()))?;
    Ok(Some(StsRecord {
        id,
        text: text.to_owned(),
    }))
}

fn is_field_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn is_field_value(value: &str) -> bool {
    !value.is_empty()
        && value
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b';' && b != b'=')
}

/// Reads a policy (RFC 8461, 3.2).
///
/// # Errors
/// When it is malformed. Senders then act as if the fetch had failed.
pub fn read_policy(body: &str) -> Result<Policy, StsError> {
    let mut version = None;
    let mut mode = None;
    let mut max_age = None;
    let mut patterns: Vec<Name> = Vec::new();
    for line in body.trim_end_matches(['\r', '\n']).split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (name, value) = line
            .split_once(':')
            .filter(|(name, _)| is_field_name(name))
            .ok_or_else(|| StsError::PolicyLine(safe(line.as_bytes())))?;
        let value = value.trim_matches([' ', '\t']);
        match name {
            // Of a field that may occur once, the first one counts.
            "version" => _ = version.get_or_insert(value),
            "mode" => _ = mode.get_or_insert(value),
            "max_age" => _ = max_age.get_or_insert(value),
            "mx" => patterns.push(pattern(value)?),
            _ => {}
        }
    }
    let shown = |value: Option<&str>| safe(value.unwrap_or_default().as_bytes());
    if version != Some("STSv1") {
        return Err(StsError::Version(shown(version)));
    }
    let mode = match mode {
        Some("enforce") => Mode::Enforce,
        Some("testing") => Mode::Testing,
        Some("none") => Mode::None,
        other => return Err(StsError::Mode(shown(other))),
    };
    let max_age = max_age
        .filter(|v| (1..=10).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|v| v.parse().ok())
        .filter(|age| *age <= LONGEST_AGE)
        .ok_or_else(|| StsError::MaxAge(shown(max_age)))?;
    if patterns.is_empty() && mode != Mode::None {
        return Err(StsError::NoPattern);
    }
    Ok(Policy {
        mode,
        max_age,
        patterns,
        body: body.to_owned(),
    })
}

/// About a year (RFC 8461, 3.2).
const LONGEST_AGE: u32 = 31_557_600;

fn pattern(value: &str) -> Result<Name, StsError> {
    let host = value.strip_prefix("*.").unwrap_or(value);
    let good = !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        });
    if good {
        Ok(value.to_ascii_lowercase())
    } else {
        Err(StsError::Pattern(safe(value.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_one_label() {
        let table = [
            ("mx.example.test", "mx.example.test", true),
            ("MX.example.test.", "mx.Example.test", true),
            ("*.example.test", "mx.example.test", true),
            ("*.example.test", "a.mx.example.test", false),
            ("*.example.test", "example.test", false),
            ("*.mx.microsoft", "contoso-com.o-v1.mx.microsoft", false),
            ("*.o-v1.mx.microsoft", "contoso-com.o-v1.mx.microsoft", true),
            (
                "*.mail.protection.outlook.com",
                "contoso-com.mail.protection.outlook.com",
                true,
            ),
            ("mx.example.test", "notmx.example.test", false),
            ("*.example.test", "xexample.test", false),
            ("", "", false),
        ];
        for (pattern, host, expected) in table {
            assert_eq!(matches(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn records() {
        let good = [
            ("v=STSv1; id=20260101T000000;", "20260101T000000"),
            ("v=STSv1;id=1", "1"),
            ("v=STSv1; id=1; future=yes", "1"),
            ("v=STSv1; future=yes; id=a1;", "a1"),
            ("v=STSv1 ; id=1 ;", "1"),
        ];
        for (text, id) in good {
            let read = read_record(&["v=spf1 -all", text])
                .expect(text)
                .expect(text);
            assert_eq!(read.id, id);
        }
        for text in [
            "",
            "v=STSv2; id=1",
            "v=stsv1; id=1",
            "v=STSv1",
            "v=STSv10; id=1",
            " v=STSv1; id=1",
            "something",
        ] {
            assert_eq!(read_record(&[text]), Ok(None), "{text}");
        }
        for text in [
            "v=STSv1;",
            "v=STSv1; id=",
            "v=STSv1; id=with-dash",
            "v=STSv1; id=123456789012345678901234567890123",
            "v=STSv1; id=1;; x=1",
            "v=STSv1; id = 1",
            "v=STSv1; id=1; x",
            "v=STSv1; id=ü",
        ] {
            assert!(read_record(&[text]).is_err(), "{text}");
        }
        assert_eq!(
            read_record(&["v=STSv1; id=1", "v=STSv1; id=2"]),
            Err(StsError::Several(2))
        );
    }

    #[test]
    fn policies() {
        let good = read_policy("version: STSv1\r\nmode: enforce\r\nmx: MX.example.test\r\nmx: *.example.test\r\nmax_age: 86400\r\n").expect("good");
        assert_eq!((good.mode, good.max_age), (Mode::Enforce, 86400));
        assert_eq!(good.patterns, ["mx.example.test", "*.example.test"]);
        assert!(
            good.allows("mx.example.test")
                && good.allows("b.example.test")
                && !good.allows("b.c.example.test")
        );
        let base = |mode: &str, rest: &str| format!("version: STSv1\nmode: {mode}\n{rest}");
        for body in [
            base("none", "max_age: 0"),
            base("testing", "max_age:31557600\nmx:a.b"),
            base("enforce", "mx: a\nmax_age: 1\nunknown: field"),
            // The first one counts.
            base("testing", "mode: nonsense\nmx: a\nmax_age: 1\nmax_age: x"),
        ] {
            assert!(read_policy(&body).is_ok(), "{body}");
        }
        for body in [
            String::new(),
            base("enforce", "max_age: 1"),
            base("enforce", "mx: a"),
            base("strict", "mx: a\nmax_age: 1"),
            base("Enforce", "mx: a\nmax_age: 1"),
            base("enforce", "mx: a\nmax_age: 31557601"),
            base("enforce", "mx: a\nmax_age: -1"),
            base("enforce", "mx: a\nmax_age: 1.5"),
            base("enforce", "mx: *\nmax_age: 1"),
            base("enforce", "mx: a.*.b\nmax_age: 1"),
            base("enforce", "mx: *a.b\nmax_age: 1"),
            base("enforce", "mx: 10 a.b\nmax_age: 1"),
            base("enforce", "mx: a..b\nmax_age: 1"),
            base("enforce", "mx: a\n\nmax_age: 1"),
            base("enforce", "mx: a\nmax_age 1"),
            "mode: enforce\nmx: a\nmax_age: 1".to_owned(),
            "version: STSv2\nmode: enforce\nmx: a\nmax_age: 1".to_owned(),
            "<html>not found</html>".to_owned(),
        ] {
            assert!(read_policy(&body).is_err(), "{body}");
        }
    }
}
