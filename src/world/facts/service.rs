//! What Microsoft and the DNS provider say.

use serde::{Deserialize, Serialize};

use crate::kernel::{Host, KeyId};
use crate::world::MxRrset;

/// The tenant's domain as Microsoft Graph knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantFacts {
    /// Whether the tenant has the domain.
    pub exists: bool,
    /// Whether it is verified.
    pub verified: bool,
    /// Whether it is the initial `onmicrosoft.com` domain.
    pub initial: bool,
    /// False when DNS is delegated to Microsoft 365.
    pub admin_managed: bool,
    /// Whether the domain has the Email service.
    pub email: bool,
    /// MX hosts that Graph names for it.
    pub mx_hosts: Vec<Host>,
}

/// On or off at Exchange Online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureState {
    /// On.
    Enabled,
    /// Off.
    Disabled,
    /// The service did not say in a way that is understood.
    Unknown,
}

/// The domain as Exchange Online knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeFacts {
    /// True when a person runs the cmdlets: nothing below was asked.
    pub manual: bool,
    /// Whence what is below is known, where a person pasted it; DNS is believed before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether it is an accepted domain.
    pub accepted: bool,
    /// `Authoritative`, `InternalRelay` or `ExternalRelay`.
    pub domain_type: String,
    /// What else `Get-AcceptedDomain` says of it.
    #[serde(default)]
    pub flags: DomainFlags,
    /// DNSSEC for the domain's MX host.
    pub dnssec: FeatureState,
    /// Inbound SMTP DANE.
    pub dane: FeatureState,
    /// The MX host under `mx.microsoft` that Exchange Online expects, once assigned.
    pub expected_mx: Option<Host>,
    /// What `Get-DnssecStatusForVerifiedDomain` refused to answer for good, in its own words: the only sign of a domain
    /// that Microsoft does not support for a reason that no field tells.
    #[serde(default)]
    pub status_refused: Option<String>,
    /// Advice of the service's own validation, shown as it is.
    pub advice: Vec<Advice>,
}

/// What `Get-AcceptedDomain` says of a domain beside its type; `None` where it did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DomainFlags {
    /// `InitialDomain`: the tenant's `onmicrosoft.com` domain.
    pub initial: Option<bool>,
    /// `PendingRemoval`: it is being taken out of the tenant.
    pub pending_removal: Option<bool>,
    /// `PendingCompletion`: its set-up is not finished.
    pub pending_completion: Option<bool>,
    /// `OutboundOnly`: it only sends.
    pub outbound_only: Option<bool>,
    /// `EmailOnly`: it is used for mail and nothing else.
    pub email_only: Option<bool>,
    /// `SendingToDomainDisabled`: mail to it is switched off.
    pub sending_to_disabled: Option<bool>,
    /// `IsCoexistenceDomain`: mail is routed by it between this tenant and another system.
    pub coexistence: Option<bool>,
}

/// A message of the service's own validation. Shown, never branched on by its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// Its code, as in `EX003`.
    pub code: Option<String>,
    /// Its words.
    pub text: String,
}

impl std::fmt::Display for Advice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// The tenant's connectors, as far as they name hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorFacts {
    /// `Get-OutboundConnector`.
    pub outbound: Listing,
    /// `Get-InboundConnector`.
    pub inbound: Listing,
    /// The tenant's initial domain, from which the name is made that connectors shall use.
    pub initial_domain: Option<Host>,
}

/// The connectors of one direction; an empty list only where the service said so (S7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "listing", rename_all = "kebab-case")]
pub enum Listing {
    /// All of them.
    Known {
        /// Each.
        connectors: Vec<Connector>,
    },
    /// They could not be listed.
    CouldNotTell {
        /// Why.
        why: String,
    },
}

/// One connector, as far as it names hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// Whether it is in use; `None` where the service did not say.
    pub enabled: Option<bool>,
    /// The hosts it names: smart hosts, and names that a certificate must have.
    pub hosts: Vec<Host>,
    /// Fields that could not be read: what they name is unknown.
    pub unread: Vec<String>,
}

/// Signing at the DNS provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signing", rename_all = "kebab-case")]
pub enum SigningFacts {
    /// Its API cannot sign: a person, or the server's configuration, has to.
    Elsewhere,
    /// A zone cannot be signed there at all.
    Nowhere {
        /// Why, and what to do instead.
        instead: String,
    },
    /// Off, and the API can turn it on.
    Off,
    /// Being turned on.
    Pending,
    /// On.
    On {
        /// The DS records the provider reports.
        ds: Vec<KeyId>,
    },
}

/// What the registrar has on file for the domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on-file", rename_all = "kebab-case")]
pub enum OnFile {
    /// No registrar is asked.
    #[default]
    NotAsked,
    /// These DS records.
    Known {
        /// In presentation form.
        ds: Vec<KeyId>,
    },
    /// It refused: the credentials do not fit, or the domain is not there.
    Refused {
        /// Why, and by whom.
        why: String,
    },
    /// Could not tell.
    CouldNotTell {
        /// Why.
        why: String,
    },
}

/// Whether the DNS provider brings the DS to the parent by itself once the zone is signed, at a time of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandsOver {
    /// No.
    #[default]
    Never,
    /// Where the domain is registered there, too, which nobody asked.
    IfRegisteredThere,
    /// Yes.
    Always,
}

/// The DNS provider's view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFacts {
    /// Its name in the registry.
    pub provider: String,
    /// Whether it can write at all, or a person has to.
    pub manual: bool,
    /// Lowest TTL it takes.
    pub ttl_min: u32,
    /// Highest TTL it takes.
    pub ttl_max: u32,
    /// The MX RRset as its API has it; `None` for manual providers.
    pub mx: Option<MxRrset>,
    /// Signing.
    pub signing: SigningFacts,
    /// The largest TTL in the zone, where the API can list it, in seconds.
    pub largest_ttl: Option<u32>,
    /// Whether it, or the registrar that the domain file names, can bring a DS to the parent by an API.
    pub registrar: bool,
    /// What the registrar has on file, where there is one.
    #[serde(default)]
    pub on_file: OnFile,
    /// Whether signing alone already announces the DS by CDS, so that a registry that scans takes it without
    /// being told.
    #[serde(default)]
    pub announces: bool,
    /// Whether signing alone brings the DS to the parent, at a time of the provider's own.
    #[serde(default)]
    pub hands_over: HandsOver,
    /// Sentences of the provider's about this zone, for a person.
    #[serde(default)]
    pub notes: Vec<String>,
}
