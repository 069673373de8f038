//! DMARC (RFC 7489): what the domain asks receivers to do with mail that fails SPF and DKIM.

use serde::{Deserialize, Serialize};

use super::grammar::{TagFault, escapes_well, tag, tags, trim};
use super::seen::Seen;
use super::tls_rpt::is_mailbox;
use crate::dns::Name;
use crate::dns::text::safe;

/// What is known about a domain's DMARC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmarcView {
    /// Where the record is: at the domain itself or, for want of one there, at a domain above (RFC 7489, 6.6.3).
    pub at: Name,
    /// The record.
    pub record: Seen<Dmarc, DmarcError>,
}

/// A record (RFC 7489, 6.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dmarc {
    /// For the domain.
    pub policy: DmarcPolicy,
    /// For domains below; `None`: the same.
    pub below: Option<DmarcPolicy>,
    /// The percentage of mail that the policy is for.
    pub percent: u8,
    /// Whether this is the record of a public suffix, such as a country's government zone (RFC 9091).
    pub suffix: bool,
    /// Where daily reports go, as URIs (a size limit such as `!10m` is left in).
    pub reports: Vec<String>,
    /// What senders' software passes over: values that cannot be read, for which the default counts.
    pub ignored: Vec<String>,
}

/// What a receiver is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DmarcPolicy {
    /// Nothing.
    None,
    /// Put it aside.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl DmarcPolicy {
    fn read(text: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject]
            .into_iter()
            .find(|p| p.to_string().eq_ignore_ascii_case(text))
    }
}

impl std::fmt::Display for DmarcPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        })
    }
}

/// The record as one would publish it.
impl std::fmt::Display for Dmarc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v=DMARC1; p={}", self.policy)?;
        if let Some(below) = self.below {
            write!(f, "; sp={below}")?;
        }
        if self.percent != 100 {
            write!(f, "; pct={}", self.percent)?;
        }
        if self.suffix {
            f.write_str("; psd=y")?;
        }
        if !self.reports.is_empty() {
            write!(f, "; rua={}", self.reports.join(","))?;
        }
        Ok(())
    }
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "error", content = "text")]
pub enum DmarcError {
    /// More than one record.
    #[error(
        "there are {0} DMARC records; receivers take several for none (RFC 7489, 6.6.3): leave one"
    )]
    Several(usize),
    /// Not a list of tags.
    #[error("the DMARC record cannot be read: {0}")]
    Tags(TagFault),
    /// No policy, or an unknown one, and nowhere to report to.
    #[error("the DMARC record's policy (tag p) must be none, quarantine or reject, not {0:?}")]
    Policy(String),
}

/// Finds the one record among the TXT records at `_dmarc`. `None`: there is none.
///
/// # Errors
/// When there are several, or the one is malformed. Receivers then act as if there were none.
pub fn parse(texts: &[&str]) -> Result<Option<Dmarc>, DmarcError> {
    let ours: Vec<&str> = texts.iter().copied().filter(|t| is_record(t)).collect();
    match ours.as_slice() {
        [] => Ok(None),
        [one] => read(one).map(Some),
        several => Err(DmarcError::Several(several.len())),
    }
}

/// The version must come first and be exactly this (RFC 7489, 6.3).
fn is_record(text: &str) -> bool {
    let first = text.split(';').next().unwrap_or_default();
    first.split_once('=').is_some_and(|(name, value)| {
        name.trim_end_matches([' ', '\t']) == "v" && value.trim_matches([' ', '\t']) == "DMARC1"
    })
}

fn read(text: &str) -> Result<Dmarc, DmarcError> {
    let tags = tags(text).map_err(DmarcError::Tags)?;
    let mut ignored = Vec::new();
    let mut reports = Vec::new();
    for uri in tag(&tags, "rua").into_iter().flat_map(|v| v.split(',')) {
        let uri = trim(uri);
        if is_report_uri(uri) {
            reports.push(uri.to_owned());
        } else {
            ignored.push(safe(format!("rua={uri}").as_bytes()));
        }
    }
    let given = tag(&tags, "p");
    let below = tag(&tags, "sp");
    let (policy, below) = match (given.and_then(DmarcPolicy::read), below) {
        (Some(policy), None) => (policy, None),
        (Some(policy), Some(text)) if DmarcPolicy::read(text).is_some() => {
            (policy, DmarcPolicy::read(text))
        }
        // With somewhere to report to, a policy that cannot be read counts as none (RFC 7489, 6.6.3).
        _ if !reports.is_empty() => {
            ignored.push(match (given, below) {
                (None, _) => "p is missing".to_owned(),
                (Some(p), Some(sp)) => safe(format!("p={p}; sp={sp}").as_bytes()),
                (Some(p), None) => safe(format!("p={p}").as_bytes()),
            });
            (DmarcPolicy::None, None)
        }
        (Some(_), Some(text)) => return Err(DmarcError::Policy(safe(text.as_bytes()))),
        _ => {
            return Err(DmarcError::Policy(safe(
                given.unwrap_or_default().as_bytes(),
            )));
        }
    };
    let percent = match tag(&tags, "pct") {
        None => 100,
        Some(text) => percent(text).unwrap_or_else(|| {
            ignored.push(safe(format!("pct={text}").as_bytes()));
            100
        }),
    };
    Ok(Dmarc {
        policy,
        below,
        percent,
        suffix: tag(&tags, "psd").is_some_and(|v| v.eq_ignore_ascii_case("y")),
        reports,
        ignored,
    })
}

fn percent(text: &str) -> Option<u8> {
    Some(text)
        .filter(|t| (1..=3).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|t| t.parse().ok())
        .filter(|n| *n <= 100)
}

/// A URI, perhaps with a size limit behind a `!` (RFC 7489, 6.4). Receivers must know `mailto` only.
fn is_report_uri(uri: &str) -> bool {
    let (uri, limit) = uri.split_once('!').unwrap_or((uri, "1"));
    let digits = limit.trim_end_matches(['k', 'm', 'g', 't', 'K', 'M', 'G', 'T']);
    let limited = limit.len() - digits.len() <= 1
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit());
    let (scheme, rest) = uri.split_once(':').unwrap_or_default();
    limited
        && scheme.eq_ignore_ascii_case("mailto")
        && rest.bytes().all(|b| b.is_ascii_graphic())
        && escapes_well(rest)
        && is_mailbox(rest.split('?').next().unwrap_or_default())
}
