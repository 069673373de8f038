//! Exchange Online's side of a domain: accepted domains, the DNSSEC host, inbound DANE.
//!
//! The cmdlets are run through the REST transport of Microsoft's own module (`microsoft.md` section 3), which is not
//! documented; so it stands behind a trait, and `powershell.rs` is the documented way round it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::answer::{
    AcceptedDomain, Connectors, DaneStatus, DnssecStatus, EnabledDnssec, Ipv6Status, Receipt,
};
use super::cmdlet::{Cmdlet, DisableDnssecByName};
use super::error::Result;

/// What a rollout needs from Exchange Online.
///
/// Reading calls repeat themselves after passing faults. A changing call is sent once; when its outcome is unknown
/// ([`MicrosoftError::is_unknown`](super::MicrosoftError::is_unknown)) the state is read back, never sent again (S6).
#[async_trait]
pub trait ExchangeApi: Send + Sync + std::fmt::Debug {
    /// Every accepted domain of the tenant, with its DANE state: one call serves all runs of a tenant.
    async fn accepted_domains(&self) -> Result<Vec<AcceptedDomain>>;

    /// One accepted domain; `None` when the tenant surely does not have it.
    async fn accepted_domain(&self, domain: &str) -> Result<Option<AcceptedDomain>>;

    /// Whether a host under `mx.microsoft` is provisioned, and what the service thinks of DNS.
    async fn dnssec_status(&self, domain: &str) -> Result<DnssecStatus>;

    /// `Enable-DnssecForVerifiedDomain`: provisions the new host. Can take minutes.
    async fn enable_dnssec(&self, domain: &str) -> Result<EnabledDnssec>;

    /// `Disable-DnssecForVerifiedDomain`. Destructive; only with a person's own words (S6).
    async fn disable_dnssec(&self, domain: &str, asked: DisableDnssecByName) -> Result<Receipt>;

    /// Whether inbound DANE is on.
    async fn dane_status(&self, domain: &str) -> Result<DaneStatus>;

    /// `Enable-SmtpDaneInbound`: publishes the TLSA records, 15 to 30 minutes later.
    async fn enable_dane(&self, domain: &str) -> Result<Receipt>;

    /// `Disable-SmtpDaneInbound`.
    async fn disable_dane(&self, domain: &str) -> Result<Receipt>;

    /// The tenant's connectors, each side for itself: a side that cannot be read says why and is never an empty list.
    ///
    /// # Errors
    /// Only when nothing could be asked at all: no token, or settings that are refused.
    async fn connectors(&self) -> Result<Connectors>;

    /// Whether IPv6 is on for a domain's MX hosts. Can be an hour old.
    async fn ipv6_status(&self, domain: &str) -> Result<Ipv6Status>;

    /// The cmdlets that this identity may run.
    async fn allowed_cmdlets(&self) -> Result<AllowedCmdlets>;
}

/// The cmdlets that this identity may run, lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedCmdlets(pub BTreeSet<String>);

impl AllowedCmdlets {
    /// Whether a cmdlet may be run.
    #[must_use]
    pub fn permits(&self, cmdlet: Cmdlet) -> bool {
        self.0.contains(&cmdlet.name().to_ascii_lowercase())
    }

    /// Those of the needed cmdlets that may not be run.
    #[must_use]
    pub fn missing(&self) -> Vec<Cmdlet> {
        Cmdlet::NEEDED
            .into_iter()
            .filter(|cmdlet| !self.permits(*cmdlet))
            .collect()
    }
}
