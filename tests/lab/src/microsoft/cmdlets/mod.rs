//! The cmdlets themselves: names, parameters, outputs (reference 2) and what they change.

mod accepted;
mod change;
mod connectors;
mod error;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::status;
use crate::state::{MailDomain, State};
use crate::world::World;

pub use connectors::Connector;
pub(crate) use error::CmdletError;

/// A cmdlet the laboratory knows.
pub(crate) struct Cmdlet {
    pub(crate) name: &'static str,
    /// Parameters besides the common ones; the first one of a cmdlet about a domain names it.
    parameters: &'static [Parameter],
    /// Whether it changes something, and so takes a while.
    pub(crate) changes: bool,
}

/// A parameter and what it takes.
#[derive(Clone, Copy)]
struct Parameter {
    name: &'static str,
    kind: Kind,
}

/// What a parameter takes.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Switch,
}

const fn text(name: &'static str) -> Parameter {
    let kind = Kind::Text;
    Parameter { name, kind }
}

const fn switch(name: &'static str) -> Parameter {
    let kind = Kind::Switch;
    Parameter { name, kind }
}

const DOMAIN_NAME: &[Parameter] = &[text("DomainName")];
/// The IPv6 cmdlets call it otherwise (reference 2).
const DOMAIN: &[Parameter] = &[text("Domain")];

/// What every cmdlet takes.
const COMMON: [Parameter; 5] = [
    switch("Confirm"),
    switch("WhatIf"),
    switch("Verbose"),
    text("ErrorAction"),
    text("WarningAction"),
];

/// All of them.
pub(crate) const CMDLETS: &[Cmdlet] = &[
    read(
        "Get-AcceptedDomain",
        &[text("Identity"), text("ResultSize")],
    ),
    read(
        "Get-DnssecStatusForVerifiedDomain",
        &[
            text("DomainName"),
            switch("SkipDnsValidation"),
            switch("SkipMxValidation"),
            switch("SkipMtaStsValidation"),
        ],
    ),
    read("Get-SmtpDaneInboundStatus", DOMAIN_NAME),
    read(
        "Get-InboundConnector",
        &[text("Identity"), text("ResultSize")],
    ),
    read(
        "Get-OutboundConnector",
        &[
            text("Identity"),
            text("ResultSize"),
            switch("IncludeTestModeConnectors"),
        ],
    ),
    read("Get-IPv6StatusForAcceptedDomain", DOMAIN),
    change("Enable-DnssecForVerifiedDomain", DOMAIN_NAME),
    change("Disable-DnssecForVerifiedDomain", DOMAIN_NAME),
    change("Enable-SmtpDaneInbound", DOMAIN_NAME),
    change("Disable-SmtpDaneInbound", DOMAIN_NAME),
    change("Enable-IPv6ForAcceptedDomain", DOMAIN),
    change("Disable-IPv6ForAcceptedDomain", DOMAIN),
];

const fn read(name: &'static str, parameters: &'static [Parameter]) -> Cmdlet {
    Cmdlet {
        name,
        parameters,
        changes: false,
    }
}

const fn change(name: &'static str, parameters: &'static [Parameter]) -> Cmdlet {
    Cmdlet {
        name,
        parameters,
        changes: true,
    }
}

/// The cmdlet of this name; case does not matter.
pub(crate) fn find(name: &str) -> Option<&'static Cmdlet> {
    CMDLETS.iter().find(|c| c.name.eq_ignore_ascii_case(name))
}

/// A parameter's value; names are taken in any case.
pub(crate) fn parameter<'a>(parameters: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    parameters
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The domain that a request is about, for the log.
pub(crate) fn domain_of(parameters: &Value) -> Option<&str> {
    let parameters = parameters.as_object()?;
    ["DomainName", "Domain", "Identity"]
        .iter()
        .find_map(|wanted| parameter(parameters, wanted))
        .and_then(Value::as_str)
}

/// Runs a cmdlet against the tenant.
pub(crate) fn run(
    world: &World,
    cmdlet: &Cmdlet,
    parameters: &Map<String, Value>,
) -> Result<Vec<Value>, CmdletError> {
    bind(cmdlet, parameters)?;
    match cmdlet.name {
        "Get-AcceptedDomain" => return accepted::run(world, parameters),
        "Get-InboundConnector" => return connectors::run(world, true, parameters),
        "Get-OutboundConnector" => return connectors::run(world, false, parameters),
        _ => {}
    }
    let wanted = cmdlet.parameters[0].name;
    let domain = parameter(parameters, wanted)
        .and_then(Value::as_str)
        .ok_or_else(|| {
            CmdletError::binding(&format!(
                "Cannot process command because of one or more missing mandatory parameters: {wanted}."
            ))
        })?
        .to_ascii_lowercase();
    let switch = |name: &str| parameter(parameters, name) == Some(&Value::Bool(true));
    if cmdlet.changes {
        let mut state = world.state();
        let known = accepted_domain(&mut state, &domain)?;
        if switch("WhatIf") {
            return Ok(Vec::new());
        }
        return change::run(world, cmdlet.name, &domain, known);
    }
    let lag = world.faults().status_lag;
    let known = lagging(accepted_domain(&mut world.state(), &domain)?, lag);
    Ok(vec![match cmdlet.name {
        "Get-DnssecStatusForVerifiedDomain" => {
            let skips = status::Skips {
                dns: switch("SkipDnsValidation"),
                mx: switch("SkipMxValidation"),
                mta_sts: switch("SkipMtaStsValidation"),
            };
            status::dnssec(world, &domain, &known, skips)
        }
        "Get-IPv6StatusForAcceptedDomain" => {
            json!({"Domain": domain, "Status": if known.ipv6 { "Enabled" } else { "Disabled" }})
        }
        _ => json!({
            "DomainName": domain, "SmtpDaneInboundStatus": on_or_off(known.dane_since),
        }),
    }])
}

/// Names that the cmdlet does not know, and values of another type, are refused as PowerShell's binder does.
fn bind(cmdlet: &Cmdlet, parameters: &Map<String, Value>) -> Result<(), CmdletError> {
    for (key, value) in parameters.iter().filter(|(key, _)| !key.contains('@')) {
        let mut known = cmdlet.parameters.iter().chain(&COMMON);
        let Some(found) = known.find(|p| p.name.eq_ignore_ascii_case(key)) else {
            let text = format!("A parameter cannot be found that matches parameter name '{key}'.");
            return Err(CmdletError::binding(&text));
        };
        let fits = match found.kind {
            Kind::Text => value.is_string() || value.is_number(),
            Kind::Switch => value.is_boolean(),
        };
        if !fits {
            let expected = match found.kind {
                Kind::Text => "System.String",
                Kind::Switch => "System.Management.Automation.SwitchParameter",
            };
            return Err(CmdletError::transformation(found.name, expected));
        }
    }
    Ok(())
}

fn accepted_domain<'a>(
    state: &'a mut State,
    domain: &str,
) -> Result<&'a mut MailDomain, CmdletError> {
    state
        .domains
        .get_mut(domain)
        .filter(|d| d.accepted())
        .ok_or_else(|| CmdletError::not_found(domain))
}

/// The domain as a service sees it that learns of changes this much later.
pub(crate) fn lagging(domain: &MailDomain, lag: Duration) -> MailDomain {
    let mut seen = domain.clone();
    let known = |since: &Timestamp| {
        since
            .checked_add(lag)
            .is_ok_and(|at| at <= Timestamp::now())
    };
    seen.dnssec_since = seen.dnssec_since.filter(known);
    seen.dane_since = seen.dane_since.filter(known);
    seen
}

fn on_or_off(since: Option<Timestamp>) -> &'static str {
    if since.is_some() {
        "Enabled"
    } else {
        "Disabled"
    }
}
