//! `Get-InboundConnector` and `Get-OutboundConnector`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{CmdletError, parameter};
use crate::world::World;

/// A connector of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// Into the tenant, or out of it.
    pub inbound: bool,
    /// Whether it is in use.
    pub enabled: bool,
    /// Sender domains of an inbound one, recipient domains of an outbound one.
    pub domains: Vec<String>,
    /// Smart hosts of an outbound one; none delivers by MX.
    pub smart_hosts: Vec<String>,
    /// The certificate name that it demands.
    pub tls_name: Option<String>,
}

impl Connector {
    /// One out of the tenant for every domain, to these smart hosts.
    #[must_use]
    pub fn outbound<'h>(name: &str, smart_hosts: impl IntoIterator<Item = &'h str>) -> Self {
        Self {
            name: name.to_owned(),
            inbound: false,
            enabled: true,
            domains: vec!["*".to_owned()],
            smart_hosts: smart_hosts.into_iter().map(str::to_owned).collect(),
            tls_name: None,
        }
    }

    /// One into the tenant from the organisation's own servers, for these sender domains.
    #[must_use]
    pub fn inbound<'d>(name: &str, domains: impl IntoIterator<Item = &'d str>) -> Self {
        Self {
            name: name.to_owned(),
            inbound: true,
            enabled: true,
            domains: domains.into_iter().map(str::to_owned).collect(),
            smart_hosts: Vec::new(),
            tls_name: None,
        }
    }

    fn row(&self) -> Value {
        if self.inbound {
            let domains: Vec<String> = self.domains.iter().map(|d| format!("smtp:{d};1")).collect();
            return json!({
                "Name": self.name, "Identity": self.name, "Enabled": self.enabled,
                "ConnectorType": "OnPremises", "ConnectorSource": "Default",
                "SenderDomains": domains, "SenderIPAddresses": [], "AssociatedAcceptedDomains": [],
                "RequireTls": self.tls_name.is_some(), "RestrictDomainsToCertificate": false,
                "RestrictDomainsToIPAddresses": false, "CloudServicesMailEnabled": false,
                "TlsSenderCertificateName": self.tls_name,
            });
        }
        json!({
            "Name": self.name, "Identity": self.name, "Enabled": self.enabled,
            "ConnectorType": "OnPremises", "ConnectorSource": "Default",
            "RecipientDomains": self.domains, "SmartHosts": self.smart_hosts,
            "UseMXRecord": self.smart_hosts.is_empty(), "AllAcceptedDomains": false,
            "RouteAllMessagesViaOnPremises": false, "IsTransportRuleScoped": false,
            "TlsSettings": self.tls_name.as_ref().map(|_| "DomainValidation"),
            "TlsDomain": self.tls_name, "SmtpDaneMode": "Opportunistic", "MtaStsMode": "Opportunistic",
        })
    }
}

pub(super) fn run(
    world: &World,
    inbound: bool,
    parameters: &Map<String, Value>,
) -> Result<Vec<Value>, CmdletError> {
    let wanted = parameter(parameters, "Identity").and_then(Value::as_str);
    let state = world.state();
    let found: Vec<Value> = state
        .connectors
        .iter()
        .filter(|c| c.inbound == inbound)
        .filter(|c| wanted.is_none_or(|wanted| c.name.eq_ignore_ascii_case(wanted)))
        .map(Connector::row)
        .collect();
    match wanted {
        Some(wanted) if found.is_empty() => Err(CmdletError::not_found(wanted)),
        _ => Ok(found),
    }
}
