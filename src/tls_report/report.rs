//! One report, as RFC 8460 section 4 describes it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain_file::DomainName;
use crate::source::escape;

/// A text of somebody else's is kept to this many characters.
const LONGEST: usize = 255;

/// Why a file is no report. What it holds is escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// More than [`super::LARGEST_REPORT`] or [`super::LARGEST_PACKED`].
    #[error("it is larger than a report can be (8 MiB as it comes, 32 MiB unpacked)")]
    TooLarge,
    /// It begins as gzip and is none.
    #[error("it cannot be unpacked: {0}")]
    Gzip(String),
    /// Something that reports come in.
    #[error("it is {0}")]
    Container(&'static str),
    /// No JSON, or not that of a report.
    #[error("it is no report by RFC 8460: {0}")]
    Json(String),
    /// A value that cannot be.
    #[error("it is no report by RFC 8460: {0}")]
    Value(String),
}

/// What a sender looked for before it delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyKind {
    /// TLSA records: DANE.
    Tlsa,
    /// An MTA-STS policy that enforces, or of which the mode is not told.
    StsEnforce,
    /// An MTA-STS policy that only tests, or is taken back.
    StsTesting,
    /// Neither was found.
    NoPolicyFound,
    /// A kind of which RFC 8460 knows nothing.
    Other,
}

impl PolicyKind {
    /// Whether mail stays with the sender when a session of this kind fails.
    #[must_use]
    pub const fn demands_tls(self) -> bool {
        matches!(self, Self::Tlsa | Self::StsEnforce)
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Tlsa => "DANE",
            Self::StsEnforce => "MTA-STS (enforce)",
            Self::StsTesting => "MTA-STS (testing)",
            Self::NoPolicyFound => "no policy",
            Self::Other => "another policy",
        }
    }

    fn of(kind: &str, strings: &[String]) -> Self {
        match kind {
            "tlsa" => Self::Tlsa,
            "no-policy-found" => Self::NoPolicyFound,
            "sts" => {
                let mode = strings.iter().find_map(|line| {
                    let (key, value) = line.split_once(':')?;
                    (key.trim() == "mode").then(|| value.trim().to_owned())
                });
                match mode.as_deref() {
                    Some("testing" | "none") => Self::StsTesting,
                    _ => Self::StsEnforce,
                }
            }
            _ => Self::Other,
        }
    }
}

macro_rules! result_types {
    ($($name:ident: $text:literal,)*) => {
        /// Why a session failed (RFC 8460, 4.3).
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ResultType {
            $(#[doc = concat!("`", $text, "`.")] $name,)*
            /// One that RFC 8460 does not know.
            Other(String),
        }

        impl ResultType {
            /// Those that RFC 8460 knows.
            #[cfg(test)]
            pub(super) const KNOWN: &'static [Self] = &[$(Self::$name),*];

            /// As it is written in a report.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }

            fn of(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)*
                    other => Self::Other(cut(other)),
                }
            }
        }
    };
}

result_types! {
    StarttlsNotSupported: "starttls-not-supported",
    CertificateHostMismatch: "certificate-host-mismatch",
    CertificateExpired: "certificate-expired",
    CertificateNotTrusted: "certificate-not-trusted",
    ValidationFailure: "validation-failure",
    TlsaInvalid: "tlsa-invalid",
    DnssecInvalid: "dnssec-invalid",
    DaneRequired: "dane-required",
    StsPolicyFetchError: "sts-policy-fetch-error",
    StsPolicyInvalid: "sts-policy-invalid",
    StsWebpkiInvalid: "sts-webpki-invalid",
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ResultType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Who sent it.
    pub organization: String,
    /// How the sender tells it from its others.
    pub id: String,
    /// The beginning of what it is about.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// By policy.
    pub policies: Vec<Policy>,
}

/// What happened under one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// The domain whose mail it was.
    pub domain: String,
    /// Which kind of policy.
    pub kind: PolicyKind,
    /// Sessions that went as the policy wants.
    pub successful: u64,
    /// Sessions that did not.
    pub failed: u64,
    /// Why.
    pub details: Vec<Detail>,
}

/// Failures of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Which.
    pub result: ResultType,
    /// The sender's host, by its address; empty where it was not told.
    pub sending_mta: String,
    /// The domain's mail host, by name, else by address; empty where it was not told.
    pub receiving_mx: String,
    /// Sessions.
    pub sessions: u64,
    /// More about it, in the sender's words.
    pub reason: String,
}

impl Report {
    /// Reads the JSON of a report. Members that RFC 8460 does not know are left alone (its section 4.4).
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &[u8]) -> Result<Self, ReportError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        if let Some(container) = container(text) {
            return Err(ReportError::Container(container));
        }
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(ReportError::Json("it is no JSON object".to_owned()));
        }
        let written: Written = serde_json::from_slice(text)
            .map_err(|error| ReportError::Json(escape(&error.to_string())))?;
        let range = written.date_range;
        if range.end < range.start {
            return Err(value("its date-range ends before it begins".to_owned()));
        }
        let policies = written.policies.into_iter().map(Policy::of);
        Ok(Self {
            organization: cut(written.organization_name.as_deref().unwrap_or_default()),
            id: cut(&written.report_id),
            from: range.start,
            to: range.end,
            policies: policies.collect::<Result<_, _>>()?,
        })
    }
}

impl Policy {
    fn of(written: WrittenResult) -> Result<Self, ReportError> {
        let policy = written.policy;
        let name = policy.policy_domain.trim_end_matches('.');
        let domain: DomainName = name
            .parse()
            .map_err(|_| value(format!("its policy-domain {} is none", shown(name))))?;
        let details: Vec<Detail> = written
            .failure_details
            .into_iter()
            .map(Detail::of)
            .collect();
        Ok(Self {
            domain: domain.as_str().to_owned(),
            kind: PolicyKind::of(&policy.policy_type, &policy.policy_string),
            successful: written.summary.total_successful_session_count,
            failed: written.summary.total_failure_session_count,
            details,
        })
    }
}

impl Detail {
    fn of(written: WrittenDetail) -> Self {
        let text = |text: Option<String>| cut(text.as_deref().unwrap_or_default().trim());
        let name = text(written.receiving_mx_hostname)
            .trim_end_matches('.')
            .to_ascii_lowercase();
        let code = text(written.failure_reason_code);
        let more = text(written.additional_information);
        Self {
            result: ResultType::of(&written.result_type),
            sending_mta: text(written.sending_mta_ip),
            receiving_mx: if name.is_empty() {
                text(written.receiving_ip)
            } else {
                name
            },
            sessions: written.failed_session_count,
            reason: match (code.is_empty(), more.is_empty()) {
                (false, false) => format!("{code}; {more}"),
                _ => code + &more,
            },
        }
    }
}

/// What people save by mistake.
fn container(text: &[u8]) -> Option<&'static str> {
    let mail = [
        &b"Return-Path:"[..],
        b"Received:",
        b"From:",
        b"From ",
        b"Delivered-To:",
        b"MIME-Version:",
    ];
    if text.starts_with(b"PK\x03\x04") {
        Some("a ZIP archive; unpack it and name what was in it")
    } else if mail.iter().any(|head| text.starts_with(head)) {
        Some("a mail; save the report that is attached to it, and name that")
    } else if text.trim_ascii().is_empty() {
        Some("empty")
    } else {
        None
    }
}

fn value(text: String) -> ReportError {
    ReportError::Value(text)
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

fn shown(text: &str) -> String {
    crate::source::quoted(&cut(text))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Written {
    organization_name: Option<String>,
    date_range: WrittenRange,
    report_id: String,
    policies: Vec<WrittenResult>,
}

#[derive(Deserialize)]
struct WrittenRange {
    #[serde(rename = "start-datetime")]
    start: Timestamp,
    #[serde(rename = "end-datetime")]
    end: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WrittenResult {
    policy: WrittenPolicy,
    summary: WrittenSummary,
    #[serde(default, deserialize_with = "or_null")]
    failure_details: Vec<WrittenDetail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WrittenPolicy {
    policy_type: String,
    #[serde(default, deserialize_with = "one_or_many")]
    policy_string: Vec<String>,
    policy_domain: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WrittenSummary {
    total_successful_session_count: u64,
    total_failure_session_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WrittenDetail {
    result_type: String,
    sending_mta_ip: Option<String>,
    receiving_mx_hostname: Option<String>,
    receiving_ip: Option<String>,
    failed_session_count: u64,
    additional_information: Option<String>,
    failure_reason_code: Option<String>,
}

fn or_null<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// RFC 8460 wants a list; some write one text with line breaks.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        Many(Vec<String>),
        None(()),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::One(text) => text.lines().map(str::to_owned).collect(),
        Either::Many(lines) => lines,
        Either::None(()) => Vec::new(),
    })
}
