//! What a person pasted, as the answer of the cmdlet that it came from.
//!
//! A paste is a person's word: it is kept with the time and the name, it fills in what cannot be asked, and nothing that
//! DNS can show is believed on its strength.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::answer::{
    AcceptedDomain, DnssecStatus, FeatureState, InboundConnector, OutboundConnector,
};
use super::super::cmdlet::Cmdlet;
use super::super::envelope::Answer;
use super::super::error::Call;
use super::super::host::{DnssecMxValue, domain_name};
use super::super::loose::{self, Row, get};
use super::super::outcome::{dane_state, enabled, ipv6_state};
use super::super::redact;
use super::paste::{PasteError, read_pasted_host};
use super::text::{rows, without_escapes};

/// Longer than all cmdlets together ever print.
const LONGEST: usize = 1 << 20;

/// The answer of one cmdlet, as pasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cmdlet", content = "said")]
pub enum PastedAnswer {
    /// Of `Enable-DnssecForVerifiedDomain`, or the bare host.
    #[serde(rename = "Enable-DnssecForVerifiedDomain")]
    Enabled(DnssecMxValue),
    /// Of `Get-DnssecStatusForVerifiedDomain`.
    #[serde(rename = "Get-DnssecStatusForVerifiedDomain")]
    Status(Box<DnssecStatus>),
    /// Of `Get-AcceptedDomain`: the domain's own row.
    #[serde(rename = "Get-AcceptedDomain")]
    Accepted(Box<AcceptedDomain>),
    /// Of `Get-SmtpDaneInboundStatus`.
    #[serde(rename = "Get-SmtpDaneInboundStatus")]
    Dane(FeatureState),
    /// Of `Get-IPv6StatusForAcceptedDomain`.
    #[serde(rename = "Get-IPv6StatusForAcceptedDomain")]
    Ipv6(FeatureState),
    /// Of `Get-InboundConnector`.
    #[serde(rename = "Get-InboundConnector")]
    Inbound(Vec<InboundConnector>),
    /// Of `Get-OutboundConnector`.
    #[serde(rename = "Get-OutboundConnector")]
    Outbound(Vec<OutboundConnector>),
}

impl PastedAnswer {
    /// The cmdlet it came from.
    #[must_use]
    pub fn cmdlet(&self) -> Cmdlet {
        match self {
            Self::Enabled(_) => Cmdlet::EnableDnssec,
            Self::Status(_) => Cmdlet::GetDnssecStatus,
            Self::Accepted(_) => Cmdlet::GetAcceptedDomain,
            Self::Dane(_) => Cmdlet::GetDaneStatus,
            Self::Ipv6(_) => Cmdlet::GetIpv6Status,
            Self::Inbound(_) => Cmdlet::GetInboundConnector,
            Self::Outbound(_) => Cmdlet::GetOutboundConnector,
        }
    }

    /// The new MX host, where the answer names one.
    #[must_use]
    pub fn mx_host(&self) -> Option<DnssecMxValue> {
        match self {
            Self::Enabled(host) => Some(host.clone()),
            Self::Status(status) if status.feature.is_enabled() => {
                status.expected_mx.as_ref()?.dnssec_host()
            }
            _ => None,
        }
    }
}

/// Reads whatever one or more cmdlets printed for a domain.
///
/// # Errors
/// [`PasteError`] says what is wrong and what to paste instead. Then nothing of the text counts.
pub fn read_pasted(text: &str, domain: &str) -> Result<Vec<PastedAnswer>, PasteError> {
    if text.len() > LONGEST {
        return Err(PasteError::TooLong);
    }
    if without_escapes(text).trim().is_empty() {
        return Err(PasteError::Empty);
    }
    same_domain(text, domain)?;
    refused(text)?;
    let rows = rows(text)?;
    let mut found = Vec::new();
    let mut accepted = Vec::new();
    let (mut inbound, mut outbound) = (Vec::new(), Vec::new());
    for row in &rows {
        match kind(row) {
            Some(Cmdlet::EnableDnssec) => found.push(PastedAnswer::Enabled(host(row, text)?)),
            Some(Cmdlet::GetDnssecStatus) => {
                found.push(PastedAnswer::Status(Box::new(status(row))));
            }
            Some(Cmdlet::GetAcceptedDomain) => accepted.extend(AcceptedDomain::from_row(row)),
            Some(Cmdlet::GetInboundConnector) => inbound.extend(InboundConnector::from_row(row)),
            Some(Cmdlet::GetOutboundConnector) => {
                outbound.extend(OutboundConnector::from_row(row));
            }
            Some(Cmdlet::GetDaneStatus) => {
                found.push(PastedAnswer::Dane(dane_state(std::slice::from_ref(row))));
            }
            Some(Cmdlet::GetIpv6Status) => {
                found.push(PastedAnswer::Ipv6(ipv6_state(std::slice::from_ref(row))));
            }
            _ => {}
        }
    }
    if !accepted.is_empty() {
        let names: Vec<String> = accepted.iter().map(|one| one.domain.clone()).collect();
        let own = accepted.into_iter().find(|one| one.domain == domain);
        let Some(own) = own else {
            return Err(PasteError::OtherDomain {
                found: names.join(", "),
                wanted: domain.to_owned(),
            });
        };
        found.push(PastedAnswer::Accepted(Box::new(own)));
    }
    if !inbound.is_empty() {
        found.push(PastedAnswer::Inbound(inbound));
    }
    if !outbound.is_empty() {
        found.push(PastedAnswer::Outbound(outbound));
    }
    one_each(&found)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let names: Vec<&str> = rows
        .iter()
        .flat_map(|row| row.keys().map(String::as_str))
        .collect();
    match read_pasted_host(text) {
        Ok(host) => Ok(vec![PastedAnswer::Enabled(host)]),
        Err(PasteError::NoHost) if !names.is_empty() => Err(PasteError::Unknown {
            properties: redact::excerpt(names.join(", ").as_bytes()),
        }),
        Err(PasteError::NoHost) => Err(PasteError::NoAnswer),
        Err(error) => Err(error),
    }
}

/// The cmdlet whose properties these are.
fn kind(row: &Row) -> Option<Cmdlet> {
    let has = |name: &str| row.keys().any(|key| key.eq_ignore_ascii_case(name));
    if has("DnssecFeatureStatus") || has("ExpectedMxRecord") {
        Some(Cmdlet::GetDnssecStatus)
    } else if has("DnssecMxValue") {
        Some(Cmdlet::EnableDnssec)
    } else if has("RecipientDomains") || has("SmartHosts") || has("UseMXRecord") {
        Some(Cmdlet::GetOutboundConnector)
    } else if has("SenderDomains") || has("SenderIPAddresses") || has("RequireTls") {
        Some(Cmdlet::GetInboundConnector)
    } else if has("DomainName") && (has("DomainType") || has("SmtpDaneStatus")) {
        Some(Cmdlet::GetAcceptedDomain)
    } else if row
        .keys()
        .any(|key| key.to_ascii_lowercase().contains("ipv6"))
    {
        Some(Cmdlet::GetIpv6Status)
    } else if row
        .keys()
        .any(|key| key.to_ascii_lowercase().contains("smtpdane"))
    {
        Some(Cmdlet::GetDaneStatus)
    } else {
        None
    }
}

/// The host of `Enable-DnssecForVerifiedDomain`, whose `Result` must be `Success`.
fn host(row: &Row, text: &str) -> Result<DnssecMxValue, PasteError> {
    let answer = Answer {
        rows: vec![row.clone()],
        ..Answer::default()
    };
    let failed = |result: String| PasteError::Failed { result };
    match loose::text(get(row, "Result")) {
        Some(word) if !word.eq_ignore_ascii_case("Success") => {
            let data = loose::text(get(row, "ErrorData")).unwrap_or_default();
            return Err(failed(redact::excerpt(
                format!("{word} {data}").trim().as_bytes(),
            )));
        }
        _ => {}
    }
    match enabled(Call::new(Cmdlet::EnableDnssec.name(), None), &answer) {
        Ok(enabled) => Ok(enabled.mx_host),
        // Says better what is wrong with the host itself.
        Err(_) => read_pasted_host(text),
    }
}

fn status(row: &Row) -> DnssecStatus {
    // Older instructions of this program had the record's last field printed by this name.
    let mut row = row.clone();
    if get(&row, "ExpectedMxRecord").is_none()
        && let Some(host) = loose::text(get(&row, "DnssecMxValue"))
    {
        row.insert("ExpectedMxRecord".to_owned(), Value::from(host));
    }
    DnssecStatus::from_row(&row)
}

/// The command line may be in the paste; then it says whose output this is.
fn same_domain(text: &str, domain: &str) -> Result<(), PasteError> {
    let mut words = text
        .split_whitespace()
        .map(|word| word.trim_matches(['\'', '"', '’', '‘']));
    while let Some(word) = words.next() {
        let names_domain = ["-DomainName", "-Domain", "-Identity"]
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name));
        if names_domain
            && let Some(named) = words.next().and_then(|word| domain_name(word).ok())
            && named != domain
        {
            return Err(PasteError::OtherDomain {
                found: named,
                wanted: domain.to_owned(),
            });
        }
    }
    Ok(())
}

/// An error message instead of an answer.
fn refused(text: &str) -> Result<(), PasteError> {
    let text = without_escapes(text);
    let is_error = |line: &&str| {
        [
            "FullyQualifiedErrorId",
            "CategoryInfo",
            "Exception|",
            "CommandNotFoundException",
            "is not recognized as",
        ]
        .iter()
        .any(|mark| line.contains(mark))
    };
    match text.lines().find(is_error) {
        None => Ok(()),
        Some(line) => Err(PasteError::Refused {
            said: redact::excerpt(line.trim().as_bytes()),
            no_right: text.contains("CommandNotFoundException")
                || text.contains("is not recognized as"),
        }),
    }
}

/// Two answers of one cmdlet that say different things cannot both be right.
fn one_each(found: &[PastedAnswer]) -> Result<(), PasteError> {
    for (index, one) in found.iter().enumerate() {
        if found[..index]
            .iter()
            .any(|other| other.cmdlet() == one.cmdlet() && other != one)
        {
            let hosts: Vec<String> = found
                .iter()
                .filter_map(PastedAnswer::mx_host)
                .map(|host| host.to_string())
                .collect();
            return Err(if hosts.is_empty() {
                PasteError::Twice {
                    cmdlet: one.cmdlet(),
                }
            } else {
                PasteError::Several {
                    hosts: hosts.join(", "),
                }
            });
        }
    }
    Ok(())
}
