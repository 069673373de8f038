//! Microsoft Graph's side of a domain: is it verified, who hosts its DNS, which MX does the tenant expect
//! (`microsoft.md` section 4).

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Result;
use super::host::host_name;
use super::loose::{self, Row, get};

/// What a rollout needs from Graph. All of it only reads; the least permission is `Domain.Read.All`.
#[async_trait]
pub trait GraphApi: Send + Sync + std::fmt::Debug {
    /// Whether it is asked at all: beside PowerShell it need not be.
    fn is_asked(&self) -> bool {
        true
    }

    /// One domain; `None` when the tenant surely does not have it.
    async fn domain(&self, name: &str) -> Result<Option<GraphDomain>>;

    /// Every domain of the tenant.
    async fn domains(&self) -> Result<Vec<GraphDomain>>;

    /// The MX records that the tenant expects for a domain. Empty when it does not have the Email service.
    ///
    /// A cross-check only: what it shows right after `Enable-DnssecForVerifiedDomain`, and when, is not documented.
    async fn service_configuration_records(&self, name: &str) -> Result<Vec<GraphMx>>;
}

/// A `domain` resource. A missing boolean is `None`, never `false`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphDomain {
    /// The domain name, lower case.
    pub name: String,
    /// Whether the tenant proved that it owns the domain.
    pub is_verified: Option<bool>,
    /// Whether it is the tenant's `onmicrosoft.com` domain, which cannot be migrated.
    pub is_initial: Option<bool>,
    /// Whether it is the default domain.
    pub is_default: Option<bool>,
    /// Whether it is verified itself, not through its parent.
    pub is_root: Option<bool>,
    /// `Some(false)`: its DNS is delegated to Microsoft 365, where inbound DANE is not supported.
    pub is_admin_managed: Option<bool>,
    /// `Managed` or `Federated`.
    pub authentication_type: Option<String>,
    /// The services it is used for (`Email`, …).
    pub supported_services: Vec<String>,
}

impl GraphDomain {
    /// Whether mail for the domain goes to Exchange Online.
    #[must_use]
    pub fn has_email(&self) -> bool {
        self.supported_services
            .iter()
            .any(|service| service.eq_ignore_ascii_case("Email"))
    }

    /// Reads a resource. `None` when it has no usable name, or when its services are there and cannot be read: a domain
    /// must not look as if it had no Email service.
    #[must_use]
    pub fn from_row(row: &Row) -> Option<Self> {
        let flag = |name| loose::flag(get(row, name));
        Some(Self {
            name: host_name(&loose::text(get(row, "id"))?).ok()?,
            is_verified: flag("isVerified"),
            is_initial: flag("isInitial"),
            is_default: flag("isDefault"),
            is_root: flag("isRoot"),
            is_admin_managed: flag("isAdminManaged"),
            authentication_type: loose::text(get(row, "authenticationType")),
            supported_services: loose::texts(get(row, "supportedServices")).ok()?,
        })
    }
}

/// A `domainDnsMxRecord` of the Email service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphMx {
    /// The owner: the full domain name, not `@`.
    pub label: String,
    /// The host, lower case, without trailing dot.
    pub mail_exchange: String,
    /// The preference.
    pub preference: Option<u16>,
    /// The TTL in seconds.
    pub ttl: Option<u32>,
}

impl GraphMx {
    /// Whether a record of the mixed list is an MX record of the Email service.
    pub(crate) fn is_mx(row: &Row) -> bool {
        // The documentation prints the type without `#`, the wire has it.
        let kind = loose::text(get(row, "@odata.type")).unwrap_or_default();
        let is_mx = kind
            .trim_start_matches('#')
            .eq_ignore_ascii_case("microsoft.graph.domainDnsMxRecord")
            || loose::text(get(row, "recordType"))
                .is_some_and(|kind| kind.eq_ignore_ascii_case("Mx"));
        is_mx
            && loose::text(get(row, "supportedService"))
                .is_some_and(|name| name.eq_ignore_ascii_case("Email"))
    }

    /// Reads a record. `None` when a name in it is unusable.
    pub(crate) fn from_row(row: &Row) -> Option<Self> {
        let number = |name| get(row, name).and_then(Value::as_u64);
        Some(Self {
            label: host_name(&loose::text(get(row, "label"))?).ok()?,
            mail_exchange: host_name(&loose::text(get(row, "mailExchange"))?).ok()?,
            preference: number("preference").and_then(|n| u16::try_from(n).ok()),
            ttl: number("ttl").and_then(|n| u32::try_from(n).ok()),
        })
    }
}
