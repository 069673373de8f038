//! What the cmdlets answer, as data. Everything can be kept in a journal and seeds a plan.

mod connectors;

use serde::{Deserialize, Serialize};

pub use connectors::{ConnectorKind, Connectors, InboundConnector, Listed, OutboundConnector};

use super::error::Call;
use super::host::{DnssecMxValue, host_name};
use super::loose::{self, Nested, Row, get};
use super::redact;

/// Whether a feature is on, as the service says; "could not tell" is a state of its own (S7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureState {
    /// On.
    Enabled,
    /// Off.
    Disabled,
    /// The service said `Unknown`, nothing, or something that has no documented meaning.
    CouldNotTell {
        /// What it said, redacted.
        saw: String,
    },
}

impl FeatureState {
    /// The state for an answer without a documented meaning.
    #[must_use]
    pub fn could_not_tell(saw: &str) -> Self {
        Self::CouldNotTell {
            saw: saw.to_owned(),
        }
    }

    /// Whether it is known to be on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        *self == Self::Enabled
    }

    /// Whether it is known to be off. Not the opposite of [`is_enabled`](Self::is_enabled).
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        *self == Self::Disabled
    }
}

/// How Exchange treats mail for a domain (`DomainType`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DomainType {
    /// All recipients are here.
    Authoritative,
    /// Some recipients are elsewhere; usual in hybrid.
    InternalRelay,
    /// All recipients are elsewhere.
    ExternalRelay,
    /// Another word, or none.
    Other(String),
}

/// One row of `Get-AcceptedDomain` (`microsoft.md` 2.3). A missing boolean is `None`, never `false`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedDomain {
    /// The domain, lower case.
    pub domain: String,
    /// How mail for it is treated.
    pub domain_type: DomainType,
    /// Inbound SMTP DANE (`SmtpDaneStatus`).
    pub dane: FeatureState,
    /// Whether it is the tenant's `onmicrosoft.com` domain, which cannot be migrated.
    pub initial: Option<bool>,
    /// Whether it is the default domain.
    pub default: Option<bool>,
    /// Whether subdomains are accepted too.
    pub match_subdomains: Option<bool>,
    /// Whether it is being removed.
    pub pending_removal: Option<bool>,
    /// Whether its set-up is unfinished.
    pub pending_completion: Option<bool>,
    /// Whether it only sends.
    pub outbound_only: Option<bool>,
    /// Whether it is used for mail and nothing else.
    pub email_only: Option<bool>,
    /// Whether mail is routed by it between this tenant and another system.
    pub coexistence: Option<bool>,
    /// Whether mail to it is switched off.
    pub sending_to_disabled: Option<bool>,
}

impl AcceptedDomain {
    /// Reads a row. `None` when it has no usable domain name.
    #[must_use]
    pub fn from_row(row: &Row) -> Option<Self> {
        let domain = host_name(&loose::text(get(row, "DomainName"))?).ok()?;
        let flag = |name| loose::flag(get(row, name));
        let domain_type = match loose::text(get(row, "DomainType")).unwrap_or_default() {
            word if word.eq_ignore_ascii_case("Authoritative") => DomainType::Authoritative,
            word if word.eq_ignore_ascii_case("InternalRelay") => DomainType::InternalRelay,
            word if word.eq_ignore_ascii_case("ExternalRelay") => DomainType::ExternalRelay,
            word => DomainType::Other(redact::excerpt(word.as_bytes())),
        };
        Some(Self {
            domain,
            domain_type,
            dane: loose::state(get(row, "SmtpDaneStatus")),
            initial: flag("InitialDomain"),
            default: flag("Default"),
            match_subdomains: flag("MatchSubDomains"),
            pending_removal: flag("PendingRemoval"),
            pending_completion: flag("PendingCompletion"),
            outbound_only: flag("OutboundOnly"),
            email_only: flag("EmailOnly"),
            coexistence: flag("IsCoexistenceDomain"),
            sending_to_disabled: flag("SendingToDomainDisabled"),
        })
    }
}

/// Whether inbound DANE is on, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaneStatus {
    /// The state.
    pub state: FeatureState,
    /// The cmdlet that said so.
    pub source: String,
}

/// Whether the domain's MX hosts have IPv6 addresses, and who said so. The service's own answer can be an hour old
/// (`microsoft.md` section 5), so it explains what DNS shows and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipv6Status {
    /// The state.
    pub state: FeatureState,
    /// The cmdlet that said so.
    pub source: String,
    /// What it warned of, redacted: a domain whose DNS was never set either way is answered with a warning.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// How grave a validation message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// The service calls it an error.
    Error,
    /// The service calls it a warning.
    Warning,
    /// The service calls it an error, but it contradicts Microsoft's own procedure; never a reason to stop.
    Advice,
}

/// A message of `Get-DnssecStatusForVerifiedDomain`. Show it; never branch on its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationMessage {
    /// The code (`EX003`), when there is one.
    pub code: Option<String>,
    /// How grave it is.
    pub kind: MessageKind,
    /// The text, redacted.
    pub text: String,
}

impl ValidationMessage {
    /// Reads `EX003:Priority of …`; the letter decides the kind, and without a code the list it stood in does.
    #[must_use]
    pub fn parse(line: &str, in_warnings: bool) -> Self {
        let coded = line.split_once(':').and_then(|(code, text)| {
            let code = code.trim();
            let b = code.as_bytes();
            let is_code = b.len() == 5
                && matches!(b[0], b'E' | b'W')
                && b[1].is_ascii_uppercase()
                && b[2..].iter().all(u8::is_ascii_digit);
            is_code.then(|| (code.to_owned(), text.trim().to_owned()))
        });
        let (code, text) = match coded {
            Some((code, text)) => (Some(code), text),
            None => (None, line.trim().to_owned()),
        };
        let kind = match code.as_deref() {
            // Microsoft's procedure ends at preference 0, its validation expects 10 (`microsoft.md` 1.9).
            Some("EX003") => MessageKind::Advice,
            Some(code) if code.starts_with('W') => MessageKind::Warning,
            Some(_) => MessageKind::Error,
            None if in_warnings => MessageKind::Warning,
            None => MessageKind::Error,
        };
        Self {
            code,
            kind,
            text: redact::plain(&text),
        }
    }
}

/// One of the three checks inside the DNSSEC status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// `Status` or `DnssecSupport`, as the service words it (`Valid`).
    pub status: Option<String>,
    /// Its errors and warnings.
    pub messages: Vec<ValidationMessage>,
}

/// The MX record that the service expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedMx {
    /// The whole text, zone-file style (`@ 60 IN MX 10 contoso-com.e-v1.mx.microsoft`). TTL and preference are a template.
    pub record: String,
    /// Its last field, as a host name without trailing dot.
    pub host: String,
}

impl ExpectedMx {
    /// The host, when it is under `mx.microsoft`; before enabling it may be the legacy one.
    #[must_use]
    pub fn dnssec_host(&self) -> Option<DnssecMxValue> {
        DnssecMxValue::new(&self.host).ok()
    }

    /// Reads a record; the host is the last field.
    #[must_use]
    pub fn parse(record: &str) -> Option<Self> {
        let record = record.trim();
        if loose::is_type_name(record) {
            return None;
        }
        let last = record.split_whitespace().next_back()?;
        let host = host_name(last).ok()?;
        Some(Self {
            record: redact::plain(record),
            host,
        })
    }
}

/// The answer of `Get-DnssecStatusForVerifiedDomain` (`microsoft.md` 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnssecStatus {
    /// Whether a host under `mx.microsoft` is provisioned.
    pub feature: FeatureState,
    /// The expected MX record, when the service names one.
    pub expected_mx: Option<ExpectedMx>,
    /// The service's view of the zone's DNSSEC.
    pub dns: Validation,
    /// The service's view of the MX. Advice only: MX correctness is decided by our own look at DNS.
    pub mx: Validation,
    /// The MX records the service saw, zone-file style.
    pub actual_mx: Vec<String>,
    /// The service's view of MTA-STS.
    pub mta_sts: Validation,
    /// Whether the service found an MTA-STS policy.
    pub mta_sts_available: Option<bool>,
    /// The policy's mode, as the service words it.
    pub mta_sts_mode: Option<String>,
    /// Messages about the whole.
    pub messages: Vec<ValidationMessage>,
    /// Properties whose content was cut away on the wire. What they would have said is unknown, not "nothing".
    pub lost: Vec<String>,
}

impl DnssecStatus {
    /// Reads a row.
    #[must_use]
    pub fn from_row(row: &Row) -> Self {
        let mut lost = Vec::new();
        let mut part = |name: &str| match loose::nested(get(row, name)) {
            Nested::Object(map) => map,
            Nested::Absent => Row::new(),
            Nested::Lost(_) => {
                lost.push(name.to_owned());
                Row::new()
            }
        };
        let dns = part("DnsValidation");
        let mx = part("MxValidation");
        let mta_sts = part("MtaStsValidation");
        let mut messages = |owner: &str, map: &Row| {
            let mut found = Vec::new();
            for (name, in_warnings) in [("Errors", false), ("Warnings", true)] {
                match loose::texts(get(map, name)) {
                    Ok(lines) => {
                        found.extend(
                            lines
                                .iter()
                                .map(|line| ValidationMessage::parse(line, in_warnings)),
                        );
                    }
                    Err(_) => lost.push(format!("{owner}{name}")),
                }
            }
            found
        };
        let own = messages("", row);
        let validation = |status, messages| Validation { status, messages };
        let dns = validation(
            loose::text(get(&dns, "DnssecSupport")),
            messages("DnsValidation.", &dns),
        );
        let mx_check = validation(
            loose::text(get(&mx, "Status")),
            messages("MxValidation.", &mx),
        );
        let mta = validation(
            loose::text(get(&mta_sts, "Status")),
            messages("MtaStsValidation.", &mta_sts),
        );
        let actual_mx = loose::texts(get(&mx, "ActualMxRecords")).unwrap_or_else(|_| {
            lost.push("MxValidation.ActualMxRecords".to_owned());
            Vec::new()
        });
        let expected_mx = expected(row, &mut lost);
        Self {
            feature: loose::state(get(row, "DnssecFeatureStatus")),
            expected_mx,
            dns,
            mx: mx_check,
            actual_mx,
            mta_sts: mta,
            mta_sts_available: loose::flag(get(&mta_sts, "MtaStsAvailable")),
            mta_sts_mode: loose::text(get(&mta_sts, "MtaStsMode")),
            messages: own,
            lost,
        }
    }

    /// All messages of all parts.
    pub fn all_messages(&self) -> impl Iterator<Item = &ValidationMessage> {
        [
            &self.messages,
            &self.dns.messages,
            &self.mx.messages,
            &self.mta_sts.messages,
        ]
        .into_iter()
        .flatten()
    }
}

/// `ExpectedMxRecord`: an object with `Record`, or the record as a text.
fn expected(row: &Row, lost: &mut Vec<String>) -> Option<ExpectedMx> {
    let value = get(row, "ExpectedMxRecord")?;
    let record = match loose::nested(Some(value)) {
        Nested::Absent => return None,
        Nested::Object(map) if map.is_empty() => return None,
        Nested::Object(map) => match loose::nested(get(&map, "Record")) {
            Nested::Absent => return None,
            _ => loose::text(get(&map, "Record")),
        },
        Nested::Lost(_) => loose::text(Some(value)),
    };
    let found = record.as_deref().and_then(ExpectedMx::parse);
    if found.is_none() {
        lost.push("ExpectedMxRecord".to_owned());
    }
    found
}

/// What a changing cmdlet answered. Kept in the journal; the change itself is proven by reading back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The call with the ids for a support case.
    pub call: Call,
    /// The service's warnings, redacted.
    pub warnings: Vec<String>,
    /// The `Result` property, when there was one.
    pub result: Option<String>,
}

/// The answer of `Enable-DnssecForVerifiedDomain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnabledDnssec {
    /// The host to publish as the new MX.
    pub mx_host: DnssecMxValue,
    /// The receipt.
    pub receipt: Receipt,
}
