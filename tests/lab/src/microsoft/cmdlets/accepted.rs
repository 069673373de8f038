//! `Get-AcceptedDomain` (reference 2.3).

use serde_json::{Map, Value, json};

use super::{CmdletError, lagging, on_or_off, parameter};
use crate::options::DomainKind;
use crate::state::MailDomain;
use crate::world::World;

pub(super) fn run(
    world: &World,
    parameters: &Map<String, Value>,
) -> Result<Vec<Value>, CmdletError> {
    let wanted = parameter(parameters, "Identity")
        .and_then(Value::as_str)
        .map(str::to_ascii_lowercase);
    let lag = world.faults().status_lag;
    let state = world.state();
    let found: Vec<Value> = state
        .domains
        .iter()
        .filter(|(name, domain)| {
            domain.accepted() && wanted.as_ref().is_none_or(|wanted| wanted == *name)
        })
        .map(|(name, domain)| row(name, &lagging(domain, lag)))
        .collect();
    match wanted {
        Some(wanted) if found.is_empty() => Err(CmdletError::not_found(&wanted)),
        _ => Ok(found),
    }
}

/// The live record's fields that matter here, with one of its sidecar keys (reference 2.3, 3.4).
fn row(name: &str, domain: &MailDomain) -> Value {
    let initial = domain.kind == DomainKind::Initial;
    json!({
        "DomainName": name, "Name": name, "Identity": name, "Id": name,
        "DomainType": "Authoritative", "Default": initial, "InitialDomain": initial,
        "MatchSubDomains": false, "SmtpDaneStatus": on_or_off(domain.dane_since),
        "AuthenticationType": "Managed", "RawAuthenticationType": "Managed",
        "ExternallyManaged": false, "PendingRemoval": false, "PendingCompletion": false,
        "OutboundOnly": false, "EmailOnly": false, "IsCoexistenceDomain": false,
        "SendingFromDomainDisabled": false, "SendingToDomainDisabled": false,
        "CatchAllRecipientID": null, "MailFlowRegion": "", "AzureProvisioningRegion": "",
        "WhenChanged@data.type": "System.DateTime", "WhenChanged": "2026-11-01T08:00:00+00:00",
    })
}
