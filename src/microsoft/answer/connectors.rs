//! `Get-InboundConnector` and `Get-OutboundConnector`: where mail flow of the tenant names hosts and domains.
//!
//! Source: `exchange-ps/ExchangePowerShell/{Get,New}-{Inbound,Outbound}Connector.md`. Both cmdlets are optional: without the
//! right to run one, that side is "could not tell" and nothing waits for it.

use serde::{Deserialize, Serialize};

use crate::microsoft::host::host_name;
use crate::microsoft::loose::{self, Row, get};
use crate::microsoft::redact;

/// What is known of one side's connectors; an empty list is only said when the service said so (S7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listed<T> {
    /// The whole list.
    Known(Vec<T>),
    /// No list, or not a whole one.
    CouldNotTell {
        /// Why not: a sentence for people, with the ids for a support case.
        why: String,
    },
}

impl<T> Listed<T> {
    /// The entries, when the whole list is known.
    #[must_use]
    pub fn known(&self) -> Option<&[T]> {
        match self {
            Self::Known(items) => Some(items),
            Self::CouldNotTell { .. } => None,
        }
    }

    /// Why there is no list.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::CouldNotTell { why } => Some(why),
        }
    }
}

/// The connectors of a tenant, each side for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connectors {
    /// `Get-InboundConnector`: who may deliver into the tenant, and how.
    pub inbound: Listed<InboundConnector>,
    /// `Get-OutboundConnector`: where the tenant sends, and how.
    pub outbound: Listed<OutboundConnector>,
}

/// `ConnectorType`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ConnectorKind {
    /// The organisation's own servers.
    OnPremises,
    /// Another organisation.
    Partner,
    /// Another word, a number or none.
    Other(String),
}

impl ConnectorKind {
    fn read(row: &Row) -> Self {
        match loose::text(get(row, "ConnectorType")).unwrap_or_default() {
            word if word.eq_ignore_ascii_case("OnPremises") => Self::OnPremises,
            word if word.eq_ignore_ascii_case("Partner") => Self::Partner,
            word => Self::Other(redact::excerpt(word.as_bytes())),
        }
    }
}

/// One row of `Get-InboundConnector`. A missing boolean is `None`, never `false`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundConnector {
    /// Its name.
    pub name: String,
    /// Whether it is in use.
    pub enabled: Option<bool>,
    /// Whose servers it is for.
    pub kind: ConnectorKind,
    /// Sender domains (`*`, `*.contoso.com`, `contoso.com`), lower case, without the `smtp:` and the cost around them.
    pub sender_domains: Vec<String>,
    /// Addresses or ranges from which it takes mail.
    pub sender_addresses: Vec<String>,
    /// Accepted domains it is limited to; empty means all.
    pub accepted_domains: Vec<String>,
    /// Whether it demands TLS.
    pub require_tls: Option<bool>,
    /// The certificate name it demands (`TlsSenderCertificateName`).
    pub tls_certificate: Option<String>,
    /// Properties whose content was lost on the wire: what they would have said is unknown, not "nothing".
    pub lost: Vec<String>,
}

/// One row of `Get-OutboundConnector`. A missing boolean is `None`, never `false`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundConnector {
    /// Its name.
    pub name: String,
    /// Whether it is in use.
    pub enabled: Option<bool>,
    /// Whose servers it is for.
    pub kind: ConnectorKind,
    /// Recipient domains (`*`, `*.contoso.com`, `contoso.com`), lower case.
    pub recipient_domains: Vec<String>,
    /// Smart hosts: host names in lower case without trailing dot, or addresses without brackets.
    pub smart_hosts: Vec<String>,
    /// Whether it delivers by MX instead.
    pub use_mx: Option<bool>,
    /// `TlsSettings` as the service words it (`EncryptionOnly`, `CertificateValidation`, `DomainValidation`); none is opportunistic.
    pub tls_settings: Option<String>,
    /// The certificate name it demands (`TlsDomain`), which breaks when the host behind it changes.
    pub tls_domain: Option<String>,
    /// `SmtpDaneMode` (`Opportunistic`, `Mandatory`, `None`), new in 2026.
    pub dane_mode: Option<String>,
    /// Whether it is only used where a mail flow rule says so.
    pub scoped_to_rules: Option<bool>,
    /// Properties whose content was lost on the wire: what they would have said is unknown, not "nothing".
    pub lost: Vec<String>,
}

impl InboundConnector {
    /// Reads a row. `None` when it has no name.
    #[must_use]
    pub fn from_row(row: &Row) -> Option<Self> {
        let mut lost = Vec::new();
        Some(Self {
            name: name(row)?,
            enabled: loose::flag(get(row, "Enabled")),
            kind: ConnectorKind::read(row),
            sender_domains: list(row, "SenderDomains", &mut lost, pattern),
            sender_addresses: list(row, "SenderIPAddresses", &mut lost, plain),
            accepted_domains: list(row, "AssociatedAcceptedDomains", &mut lost, pattern),
            require_tls: loose::flag(get(row, "RequireTls")),
            tls_certificate: word(row, "TlsSenderCertificateName"),
            lost,
        })
    }
}

impl OutboundConnector {
    /// Reads a row. `None` when it has no name.
    #[must_use]
    pub fn from_row(row: &Row) -> Option<Self> {
        let mut lost = Vec::new();
        Some(Self {
            name: name(row)?,
            enabled: loose::flag(get(row, "Enabled")),
            kind: ConnectorKind::read(row),
            recipient_domains: list(row, "RecipientDomains", &mut lost, pattern),
            smart_hosts: list(row, "SmartHosts", &mut lost, smart_host),
            use_mx: loose::flag(get(row, "UseMXRecord")),
            tls_settings: word(row, "TlsSettings"),
            tls_domain: word(row, "TlsDomain").map(|domain| pattern(&domain)),
            dane_mode: word(row, "SmtpDaneMode"),
            scoped_to_rules: loose::flag(get(row, "IsTransportRuleScoped")),
            lost,
        })
    }
}

fn name(row: &Row) -> Option<String> {
    ["Name", "Identity", "Id"]
        .iter()
        .find_map(|key| word(row, key))
}

fn word(row: &Row, name: &str) -> Option<String> {
    loose::text(get(row, name))
        .filter(|text| !loose::is_type_name(text))
        .map(|text| redact::plain(&text))
}

fn list(row: &Row, name: &str, lost: &mut Vec<String>, read: fn(&str) -> String) -> Vec<String> {
    let Ok(items) = loose::texts(get(row, name)) else {
        lost.push(name.to_owned());
        return Vec::new();
    };
    items
        .iter()
        // A multi-valued property that lost its structure prints as one text with commas.
        .flat_map(|item| item.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(read)
        .collect()
}

fn plain(text: &str) -> String {
    text.to_owned()
}

/// `smtp:*.Contoso.com;1` is an address space with a type and a cost; what matters is the pattern.
fn pattern(text: &str) -> String {
    let text = text.split(';').next().unwrap_or(text).trim();
    let text = match text.split_once(':') {
        Some((kind, rest)) if kind.eq_ignore_ascii_case("smtp") => rest,
        _ => text,
    };
    text.trim_end_matches('.').to_ascii_lowercase()
}

/// A smart host is a host name, or an address that may stand in brackets.
fn smart_host(text: &str) -> String {
    let text = text.trim_start_matches('[').trim_end_matches(']');
    host_name(text).unwrap_or_else(|_| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: serde_json::Value) -> Row {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn an_outbound_connector_in_every_spelling() {
        for hosts in [
            json!(["Contoso-com.mail.protection.outlook.com."]),
            json!("contoso-com.mail.protection.outlook.com"),
            json!([{"Value": "contoso-com.mail.protection.outlook.com"}]),
            json!("[\"contoso-com.mail.protection.outlook.com\"]"),
        ] {
            let read = OutboundConnector::from_row(&row(json!({
                "Name": "To Contoso", "Enabled": "True", "ConnectorType": {"Value": "Partner"},
                "SmartHosts": hosts, "RecipientDomains": ["Contoso.com", "*.fabrikam.com"],
                "TlsSettings": "DomainValidation", "TlsDomain": "*.mail.protection.outlook.com",
                "UseMXRecord": false,
            })))
            .unwrap();
            assert_eq!(
                read.smart_hosts,
                ["contoso-com.mail.protection.outlook.com"]
            );
            assert_eq!(read.kind, ConnectorKind::Partner);
            assert_eq!(read.recipient_domains, ["contoso.com", "*.fabrikam.com"]);
            assert_eq!(
                read.tls_domain.as_deref(),
                Some("*.mail.protection.outlook.com")
            );
            assert_eq!((read.enabled, read.use_mx), (Some(true), Some(false)));
            assert!(read.lost.is_empty());
        }
    }

    #[test]
    fn an_inbound_connector_loses_prefixes_not_content() {
        let read = InboundConnector::from_row(&row(json!({
            "Identity": "From HQ", "ConnectorType": 2, "SenderDomains": ["smtp:*;1", "smtp:Contoso.com;5"],
            "SenderIPAddresses": "Microsoft.Exchange.Data.MultiValuedProperty`1[Microsoft.Exchange.Data.IPRange]",
            "RequireTls": true, "TlsSenderCertificateName": "*.contoso.com",
        })))
        .unwrap();
        assert_eq!(read.sender_domains, ["*", "contoso.com"]);
        assert_eq!(read.kind, ConnectorKind::Other("2".to_owned()));
        assert_eq!(read.lost, ["SenderIPAddresses"]);
        assert_eq!((read.enabled, read.require_tls), (None, Some(true)));
        assert_eq!(
            InboundConnector::from_row(&row(json!({"Enabled": true}))),
            None
        );
    }
}
