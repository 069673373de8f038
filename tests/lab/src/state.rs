//! What the laboratory would have to remember to go on tomorrow: zones, the tenant, credentials.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dns::content::ZoneContent;
use crate::microsoft::cmdlets::Connector;
use crate::options::DomainKind;
use crate::places::Hosting;

/// Everything that changes while the laboratory runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// By name of the zone, with a final dot.
    pub(crate) zones: BTreeMap<String, HostedZone>,
    /// By name of the domain, without a final dot.
    pub(crate) domains: BTreeMap<String, MailDomain>,
    /// DS sets that a parent has decided on and will serve later, by child zone.
    pub(crate) coming_ds: BTreeMap<String, ComingDs>,
    pub(crate) next_scan: Timestamp,
    pub(crate) policies: BTreeMap<String, StsPolicy>,
    /// Files that are served as they are, in place of a policy; by name of the domain.
    #[serde(default)]
    pub(crate) policy_files: BTreeMap<String, std::path::PathBuf>,
    #[serde(default)]
    pub(crate) connectors: Vec<Connector>,
}

/// A zone and how it is hosted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HostedZone {
    pub(crate) content: ZoneContent,
    pub(crate) hosting: Hosting,
    /// How far the second server lags.
    pub(crate) lag: Duration,
    /// Whether the provider's API knows it.
    pub(crate) in_api: bool,
    /// The provider's settings of the zone, by kind.
    pub(crate) metadata: BTreeMap<String, Vec<String>>,
    pub(crate) api_rectify: bool,
}

/// A DS set on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ComingDs {
    pub(crate) due: Timestamp,
    pub(crate) contents: Vec<String>,
}

/// A domain as Exchange knows it (or, for other tenants', as the mail hosts do).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MailDomain {
    pub(crate) kind: DomainKind,
    /// Legacy host, without a final dot.
    pub(crate) legacy_host: String,
    /// New host, once assigned; kept when DNSSEC is disabled again.
    pub(crate) assigned_host: Option<String>,
    /// Since when DNSSEC is enabled.
    pub(crate) dnssec_since: Option<Timestamp>,
    /// Since when inbound DANE is enabled.
    pub(crate) dane_since: Option<Timestamp>,
    /// Whether its hosts have IPv6 addresses, as far as Exchange says.
    #[serde(default)]
    pub(crate) ipv6: bool,
}

impl MailDomain {
    /// The new host, while DNSSEC is enabled.
    pub(crate) fn new_host(&self) -> Option<&str> {
        self.dnssec_since.and(self.assigned_host.as_deref())
    }

    /// Whether Exchange lists it as accepted.
    pub(crate) fn accepted(&self) -> bool {
        self.kind.in_tenant() && self.kind != DomainKind::Unverified
    }
}

/// An MTA-STS policy (RFC 8461 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StsPolicy {
    /// `enforce`, `testing` or `none`.
    pub mode: String,
    /// Host patterns.
    pub mx: Vec<String>,
    /// Seconds.
    pub max_age: u32,
}

impl StsPolicy {
    /// The policy file.
    pub(crate) fn text(&self) -> String {
        let hosts: String = self.mx.iter().map(|h| format!("mx: {h}\r\n")).collect();
        format!(
            "version: STSv1\r\nmode: {}\r\n{hosts}max_age: {}\r\n",
            self.mode, self.max_age
        )
    }
}

/// Who may do what; made once per laboratory.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) tenant_id: String,
    pub(crate) initial_domain: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) powerdns_key: String,
    /// Key that signs access tokens.
    pub(crate) token_key: String,
}

impl Credentials {
    pub(crate) fn generate(initial_domain: String) -> Self {
        use crate::dns::keys::hex;
        use crate::places::random;
        Self {
            tenant_id: guid(random()),
            initial_domain,
            client_id: guid(random()),
            client_secret: hex(&random::<20>()),
            powerdns_key: hex(&random::<16>()),
            token_key: hex(&random::<32>()),
        }
    }
}

/// A GUID's text from random bytes.
pub(crate) fn guid(bytes: [u8; 16]) -> String {
    let text = crate::dns::keys::hex(&bytes);
    format!(
        "{}-{}-4{}-8{}-{}",
        &text[..8],
        &text[8..12],
        &text[13..16],
        &text[17..20],
        &text[20..]
    )
}
