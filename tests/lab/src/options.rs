//! What a laboratory is made of: domains, times, places.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everything that can be chosen before a laboratory starts. [`Options::default`] is the laboratory of `rollout demo`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The customer domains.
    pub domains: Vec<DomainSeed>,
    /// How long things take and are cached.
    pub timing: Timing,
    /// Fixed addresses and ports; anything left out is chosen at random among the free ones.
    pub places: Places,
    /// Number of caching, validating resolvers, 1 to 9.
    pub resolvers: u8,
    /// How `Get-DnssecStatusForVerifiedDomain` writes its enum (the real form is not public; reference 2.2).
    pub status_shape: StatusShape,
    /// Whether a second `Enable-...` fails with "already enabled" (true) or succeeds again.
    pub enabling_twice_fails: bool,
    /// The partition (`e`, `j`, `o`, `p` or `r`: `o` is `o-v1.mx.microsoft`) that new hosts are assigned to; `None`: one at
    /// random, as Microsoft chooses. For who mirrors the hosts elsewhere.
    pub partition: Option<char>,
    /// Nothing happens by itself after the start: no parent looks for CDS, no host or TLSA set appears, no version is late.
    /// For thousands of domains, where looking whether something is due would cost more than answering.
    pub still: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            domains: DomainSeed::gallery(),
            timing: Timing::default(),
            places: Places::default(),
            resolvers: 3,
            status_shape: StatusShape::Text,
            enabling_twice_fails: true,
            partition: None,
            still: false,
        }
    }
}

impl Options {
    /// A laboratory with these domains only.
    #[must_use]
    pub fn with_domains(domains: impl IntoIterator<Item = DomainSeed>) -> Self {
        Self {
            domains: domains.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// One customer domain at the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainSeed {
    /// The domain without a final dot. Its top-level domain must be `com`, `ch` or `net`.
    pub name: String,
    /// What it stands for.
    pub kind: DomainKind,
    /// Signed, with its DS at the parent.
    pub signed: bool,
    /// Whether the zone offers CDS and CDNSKEY as soon as it is signed (`PUBLISH-CDS`).
    pub publishes_cds: bool,
    /// By how much the second name server lags behind the first.
    pub second_server_lag: Duration,
    /// Preference of the MX at the start.
    pub preference: u16,
}

/// What a seeded domain stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DomainKind {
    /// In the tenant, on the legacy MX: the case the tool is made for.
    Ordinary,
    /// The tenant's initial `onmicrosoft.com` domain: Microsoft refuses it.
    Initial,
    /// DNS delegated to Microsoft (`isAdminManaged` false): Microsoft refuses it.
    FullyDelegated,
    /// Added to the tenant, never verified, so it is no accepted domain.
    Unverified,
    /// Served by our name servers, but in somebody else's tenant.
    NotInTenant,
    /// Already on `mx.microsoft`, DNSSEC enabled, DANE off.
    Moved,
    /// Everything done: `mx.microsoft`, DNSSEC, DANE.
    Finished,
    /// On the legacy MX with an enforcing MTA-STS policy.
    EnforcingMtaSts,
    /// In the tenant, but its MX is a third party's filter.
    Gateway,
}

impl DomainKind {
    pub(crate) fn in_tenant(self) -> bool {
        self != Self::NotInTenant
    }

    pub(crate) fn starts_on_new_host(self) -> bool {
        matches!(self, Self::Moved | Self::Finished)
    }
}

impl DomainSeed {
    /// A domain of this kind with the laboratory's usual surroundings; moved and finished ones are signed.
    #[must_use]
    pub fn new(name: &str, kind: DomainKind) -> Self {
        Self {
            name: name.trim_end_matches('.').to_ascii_lowercase(),
            kind,
            signed: kind.starts_on_new_host(),
            publishes_cds: true,
            second_server_lag: Duration::from_millis(500),
            preference: 0,
        }
    }

    /// An unsigned domain on the legacy MX.
    #[must_use]
    pub fn ordinary(name: &str) -> Self {
        Self::new(name, DomainKind::Ordinary)
    }

    /// The same, signed with its DS at the parent.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// The same, with CDS switched off: a person must carry the DS to the parent.
    #[must_use]
    pub fn without_cds(mut self) -> Self {
        self.publishes_cds = false;
        self
    }

    /// The same, with this lag of the second name server.
    #[must_use]
    pub fn lagging(mut self, lag: Duration) -> Self {
        self.second_server_lag = lag;
        self
    }

    /// One domain of each kind, as the default laboratory has them.
    #[must_use]
    pub fn gallery() -> Vec<Self> {
        vec![
            Self::ordinary("contoso.com"),
            Self::ordinary("fabrikam.ch").signed(),
            Self::ordinary("adventure-works.net").without_cds(),
            Self::new("northwind.com", DomainKind::EnforcingMtaSts).signed(),
            Self::new("contoso.onmicrosoft.com", DomainKind::Initial),
            Self::new("litware.ch", DomainKind::FullyDelegated),
            Self::new("tailspin.com", DomainKind::Unverified),
            Self::new("wingtip.com", DomainKind::NotInTenant),
            Self::new("proseware.ch", DomainKind::Moved),
            Self::new("adatum.com", DomainKind::Finished),
            Self::new("treyresearch.com", DomainKind::Gateway),
        ]
    }
}

/// Times of the laboratory. Real ones are minutes and hours; these are seconds, in the same proportions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// TTL, in seconds, of every record in a customer zone at the start.
    pub record_ttl: u32,
    /// Negative TTL, in seconds, of every zone (RFC 2308 5).
    pub negative_ttl: u32,
    /// TTL, in seconds, of DS records at the parents.
    pub ds_ttl: u32,
    /// TTL, in seconds, of DNSKEY sets.
    pub dnskey_ttl: u32,
    /// TTL, in seconds, of records in Microsoft's zones (TLSA, its alias, host addresses).
    pub microsoft_ttl: u32,
    /// TTL, in seconds, of records in the root and the top-level domains other than DS.
    pub infrastructure_ttl: u32,
    /// How often a parent looks for CDS in its children.
    pub parent_scan: Duration,
    /// How long a parent must see the same CDS before it believes the first one of an unsigned delegation
    /// (RFC 8078 3.3; days at real registries). Less than `record_ttl` and the DS comes before unsigned answers have expired.
    pub parent_hold: Duration,
    /// From a parent's decision to the DS being served (registries publish in batches).
    pub parent_batch: Duration,
    /// How long an enabling or disabling cmdlet runs ("a few minutes").
    pub cmdlet: Duration,
    /// After so long the front end gives up on a cmdlet that is still running (15 minutes).
    pub cmdlet_limit: Duration,
    /// From `Enable-DnssecForVerifiedDomain` taking effect to the new host's name being served.
    pub new_host: Duration,
    /// From `Enable-SmtpDaneInbound` taking effect to the TLSA record being served (15 to 30 minutes).
    pub tlsa: Duration,
    /// `max_age`, in seconds, of seeded MTA-STS policies.
    pub sts_max_age: u32,
    /// Life of an access token.
    pub token: Duration,
    /// How long a resolver keeps a bogus verdict; some keep it a minute, whatever the TTLs (`real-servers.md`).
    pub bogus_memory: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            record_ttl: 8,
            negative_ttl: 3,
            ds_ttl: 4,
            dnskey_ttl: 4,
            microsoft_ttl: 4,
            infrastructure_ttl: 30,
            parent_scan: Duration::from_secs(2),
            parent_hold: Duration::from_secs(8),
            parent_batch: Duration::from_secs(1),
            cmdlet: Duration::from_secs(2),
            cmdlet_limit: Duration::from_secs(10),
            new_host: Duration::from_secs(1),
            tlsa: Duration::from_secs(4),
            sts_max_age: 20,
            token: Duration::from_secs(3600),
            bogus_memory: Duration::from_secs(2),
        }
    }
}

/// Where the laboratory listens. Every address is `127.a.b.x`; `None` means any free place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Places {
    /// The middle octets `a` and `b` of every name server's and mail host's address.
    pub network: Option<(u8, u8)>,
    /// The port of every name server and resolver, UDP and TCP.
    pub dns_port: Option<u16>,
    /// The port of every mail host.
    pub smtp_port: Option<u16>,
    /// The port of the MTA-STS policy host.
    pub https_port: Option<u16>,
    /// Entra, Graph, Exchange and DNS provider, in this order, each on 127.0.0.1.
    pub api_ports: Option<[u16; 4]>,
}

/// How an enum value appears in cmdlet answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusShape {
    /// `"Enabled"`
    Text,
    /// `{"Value":"Enabled"}`
    Wrapped,
    /// `{"value":"Enabled"}` inside, nested objects as text holding JSON.
    NestedText,
}
