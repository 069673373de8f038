//! The cmdlets themselves: names, parameters, outputs (reference 2) and what they change.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::status;
use crate::options::DomainKind;
use crate::seed::assign_host;
use crate::state::{MailDomain, State};
use crate::world::World;

/// A cmdlet the laboratory knows.
pub(crate) struct Cmdlet {
    pub(crate) name: &'static str,
    /// Parameters besides the common ones.
    parameters: &'static [&'static str],
    /// Whether it changes something, and so takes a while.
    pub(crate) changes: bool,
}

const DOMAIN: &[&str] = &["DomainName"];

/// All of them.
pub(crate) const CMDLETS: &[Cmdlet] = &[
    read("Get-AcceptedDomain", &["Identity", "ResultSize"]),
    read(
        "Get-DnssecStatusForVerifiedDomain",
        &[
            "DomainName",
            "SkipDnsValidation",
            "SkipMxValidation",
            "SkipMtaStsValidation",
        ],
    ),
    read("Get-SmtpDaneInboundStatus", DOMAIN),
    read("Get-InboundConnector", &["Identity", "ResultSize"]),
    read(
        "Get-OutboundConnector",
        &["Identity", "ResultSize", "IncludeTestModeConnectors"],
    ),
    read("Get-IPv6StatusForAcceptedDomain", &["Domain"]),
    change("Enable-DnssecForVerifiedDomain"),
    change("Disable-DnssecForVerifiedDomain"),
    change("Enable-SmtpDaneInbound"),
    change("Disable-SmtpDaneInbound"),
];

const fn read(name: &'static str, parameters: &'static [&'static str]) -> Cmdlet {
    Cmdlet {
        name,
        parameters,
        changes: false,
    }
}

const fn change(name: &'static str) -> Cmdlet {
    Cmdlet {
        name,
        parameters: DOMAIN,
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

/// Why a cmdlet failed.
pub(crate) struct CmdletError {
    pub(crate) status: u16,
    /// Exception type, dotted.
    pub(crate) kind: &'static str,
    pub(crate) target: &'static str,
    pub(crate) message: String,
    /// Which of the two shapes of the error envelope is used.
    pub(crate) nested: bool,
}

impl CmdletError {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            target: "",
            message: message.into(),
            nested: false,
        }
    }

    /// Parameters that do not fit.
    pub(crate) fn binding(message: &str) -> Self {
        let kind = "System.Management.Automation.AmbiguousParameterSetException";
        Self::new(400, kind, message)
    }

    /// The server's own failure.
    pub(crate) fn server(message: &str) -> Self {
        Self::new(
            500,
            "Microsoft.Exchange.Data.Directory.ADTransientException",
            message,
        )
    }

    fn not_found(domain: &str) -> Self {
        let kind = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";
        let text = format!(
            "The operation couldn't be performed because object '{domain}' couldn't be found on 'DB5PR04A01DC001.EURPR04A001.PROD.OUTLOOK.COM'."
        );
        let mut error = Self::new(404, kind, text);
        error.target = "Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain";
        error
    }

    fn invalid(message: impl Into<String>) -> Self {
        let kind = "Microsoft.Exchange.Management.ProvisioningTasks.ProvisioningTaskException";
        let mut error = Self::new(400, kind, message);
        error.nested = true;
        error
    }
}

/// Runs a cmdlet against the tenant.
pub(crate) fn run(
    world: &World,
    cmdlet: &Cmdlet,
    parameters: &Map<String, Value>,
) -> Result<Vec<Value>, CmdletError> {
    const COMMON: [&str; 4] = ["Confirm", "WhatIf", "ErrorAction", "WarningAction"];
    for key in parameters.keys().filter(|key| !key.contains('@')) {
        let known = cmdlet.parameters.iter().chain(&COMMON);
        if !known.into_iter().any(|p| p.eq_ignore_ascii_case(key)) {
            let text = format!("A parameter cannot be found that matches parameter name '{key}'.");
            return Err(CmdletError::binding(&text));
        }
    }
    if cmdlet.name == "Get-AcceptedDomain" {
        return accepted_domains(world, parameters);
    }
    if cmdlet.name.ends_with("Connector") {
        // A new tenant has none.
        return Ok(Vec::new());
    }
    // The parameter of the IPv6 cmdlets has another name (reference 2).
    let wanted = cmdlet.parameters[0];
    let domain = parameter(parameters, wanted)
        .and_then(Value::as_str)
        .ok_or_else(|| {
            CmdletError::binding(&format!(
                "Cannot process command because of one or more missing mandatory parameters: {wanted}."
            ))
        })?
        .to_ascii_lowercase();
    let switch = |name: &str| parameter(parameters, name) == Some(&Value::Bool(true));
    if cmdlet.name == "Get-DnssecStatusForVerifiedDomain" {
        let known = accepted(&mut world.state(), &domain)?.clone();
        let skips = status::Skips {
            dns: switch("SkipDnsValidation"),
            mx: switch("SkipMxValidation"),
            mta_sts: switch("SkipMtaStsValidation"),
        };
        return Ok(vec![status::dnssec(world, &domain, &known, skips)]);
    }
    let twice = world.options.enabling_twice_fails;
    let partition = world.options.partition;
    let mut state = world.state();
    let known = accepted(&mut state, &domain)?;
    match cmdlet.name {
        "Get-IPv6StatusForAcceptedDomain" => {
            Ok(vec![json!({"Domain": domain, "Status": "Disabled"})])
        }
        "Get-SmtpDaneInboundStatus" => Ok(vec![json!({
            "DomainName": domain, "SmtpDaneInboundStatus": on_or_off(known.dane_since),
        })]),
        "Enable-DnssecForVerifiedDomain" => enable_dnssec(&domain, known, twice, partition)
            .map(|host| vec![json!({"DnssecMxValue": host, "Result": "Success", "ErrorData": ""})]),
        "Disable-DnssecForVerifiedDomain" => {
            if known.dane_since.is_some() {
                return Err(CmdletError::invalid(format!(
                    "Inbound SMTP DANE is enabled for domain '{domain}'. Disable it first."
                )));
            }
            known.dnssec_since = None;
            Ok(vec![json!({"Result": "Success", "ErrorData": ""})])
        }
        "Enable-SmtpDaneInbound" => {
            if known.new_host().is_none() {
                return Err(CmdletError::invalid(format!(
                    "DNSSEC is not enabled for domain '{domain}'. Enable it before SMTP DANE."
                )));
            }
            if known.dane_since.is_some() && twice {
                return Err(CmdletError::invalid(format!(
                    "SMTP DANE is already enabled for domain '{domain}'."
                )));
            }
            known.dane_since = known.dane_since.or_else(|| Some(Timestamp::now()));
            Ok(vec![json!({"Result": "Success", "ErrorData": ""})])
        }
        _ => {
            known.dane_since = None;
            Ok(vec![json!({"Result": "Success", "ErrorData": ""})])
        }
    }
}

fn accepted<'a>(state: &'a mut State, domain: &str) -> Result<&'a mut MailDomain, CmdletError> {
    state
        .domains
        .get_mut(domain)
        .filter(|d| d.accepted())
        .ok_or_else(|| CmdletError::not_found(domain))
}

fn enable_dnssec(
    domain: &str,
    known: &mut MailDomain,
    twice_fails: bool,
    partition: Option<char>,
) -> Result<String, CmdletError> {
    match known.kind {
        DomainKind::Initial => {
            return Err(CmdletError::invalid(format!(
                "Domain '{domain}' is an initial domain. DNSSEC is not supported for onmicrosoft.com domains."
            )));
        }
        DomainKind::FullyDelegated => {
            return Err(CmdletError::invalid(format!(
                "Domain '{domain}' is fully delegated to Microsoft. DNSSEC is not supported for it."
            )));
        }
        _ => {}
    }
    if known.new_host().is_some() && twice_fails {
        return Err(CmdletError::invalid(format!(
            "DNSSEC is already enabled for domain '{domain}'."
        )));
    }
    let host = known
        .assigned_host
        .get_or_insert_with(|| assign_host(domain, partition))
        .clone();
    known.dnssec_since = known.dnssec_since.or_else(|| Some(Timestamp::now()));
    Ok(host)
}

fn on_or_off(since: Option<Timestamp>) -> &'static str {
    if since.is_some() {
        "Enabled"
    } else {
        "Disabled"
    }
}

fn accepted_domains(
    world: &World,
    parameters: &Map<String, Value>,
) -> Result<Vec<Value>, CmdletError> {
    let wanted = parameter(parameters, "Identity")
        .and_then(Value::as_str)
        .map(str::to_ascii_lowercase);
    let state = world.state();
    let found: Vec<Value> = state
        .domains
        .iter()
        .filter(|(name, domain)| {
            domain.accepted() && wanted.as_ref().is_none_or(|wanted| wanted == *name)
        })
        .map(|(name, domain)| accepted_domain(name, domain))
        .collect();
    match wanted {
        Some(wanted) if found.is_empty() => Err(CmdletError::not_found(&wanted)),
        _ => Ok(found),
    }
}

/// The live record's fields that matter here, with one of its sidecar keys (reference 2.3, 3.4).
fn accepted_domain(name: &str, domain: &MailDomain) -> Value {
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
