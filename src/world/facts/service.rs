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
    /// Whether it is an accepted domain.
    pub accepted: bool,
    /// `Authoritative` or `InternalRelay`.
    pub domain_type: String,
    /// DNSSEC for the domain's MX host.
    pub dnssec: FeatureState,
    /// Inbound SMTP DANE.
    pub dane: FeatureState,
    /// The MX host Exchange Online expects, once assigned.
    pub expected_mx: Option<Host>,
    /// Advice of the service's own validation, shown as it is.
    pub advice: Vec<String>,
}

/// Signing at the DNS provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signing", rename_all = "kebab-case")]
pub enum SigningFacts {
    /// Its API cannot sign: a person, or the server's configuration, has to.
    Elsewhere,
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
    /// Whether it can bring a DS to the parent.
    pub registrar: bool,
    /// Whether signing alone already announces the DS by CDS, so that a registry that scans takes it without
    /// being told.
    #[serde(default)]
    pub announces: bool,
}
