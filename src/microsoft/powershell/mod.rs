//! Manual mode: the exact PowerShell for a person to run, and reading what they paste back.
//!
//! This is the documented way, for tenants that do not let a tool sign in. Nothing here is ever run by us.

use serde::{Deserialize, Serialize};

mod answer;
mod paste;
mod text;

pub use answer::{PastedAnswer, read_pasted};
pub use paste::{PasteError, read_pasted_host};

use super::cloud::Cloud;
use super::cmdlet::{Cmdlet, DisableDnssecByName};
use super::error::Result;
use super::host::domain_name;

/// What a person is asked to do, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualCommand {
    /// Installs the module where it is missing or too old; once per machine.
    pub module: String,
    /// Connects; once per window.
    pub connect: String,
    /// The command itself, one line.
    pub command: String,
    /// What to paste back; `None` when nothing is needed.
    pub paste_back: Option<String>,
    /// How it will be seen that it was done.
    pub proof: String,
}

/// Looks for ExchangeOnlineManagement 3.2 or later, which needs no basic authentication, and installs it where it is missing.
pub const MODULE: &str = "if (-not (Get-Module -ListAvailable -Name ExchangeOnlineManagement | Where-Object Version -ge '3.2.0')) \
     { Install-Module -Name ExchangeOnlineManagement -MinimumVersion 3.2.0 -Scope CurrentUser }";

/// Connects to Exchange Online PowerShell in a cloud.
#[must_use]
pub fn connect(cloud: Cloud) -> String {
    let line = "Connect-ExchangeOnline -ShowBanner:$false";
    match cloud {
        Cloud::Worldwide => line.to_owned(),
        cloud => format!(
            "{line} -ExchangeEnvironmentName {}",
            environment_name(cloud)
        ),
    }
}

/// The module's name for a cloud (`microsoft.md` 3.9).
#[must_use]
pub fn environment_name(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Worldwide => "O365Default",
        Cloud::GccHigh => "O365USGovGCCHigh",
        Cloud::Dod => "O365USGovDoD",
        Cloud::China => "O365China",
    }
}

/// What to paste back where everything counts.
const WHOLE: &str = "Paste the whole output.";

/// A value as a single-quoted PowerShell string.
///
/// Inside single quotes nothing is expanded; only the quote itself is doubled. PowerShell takes the typographic quotes
/// U+2018 to U+201B for the same quote (about_Quoting_Rules), so these are doubled too.
#[must_use]
pub fn quote(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('\'');
    for c in value.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            out.push(c);
        }
        // A line break would end the line that the person pastes; no value of ours has one.
        if !c.is_control() {
            out.push(c);
        }
    }
    out.push('\'');
    out
}

/// The command for a cmdlet and a domain of the worldwide cloud.
///
/// # Errors
/// As [`command_in`].
pub fn command(cmdlet: Cmdlet, domain: &str) -> Result<ManualCommand> {
    command_in(Cloud::Worldwide, cmdlet, domain)
}

/// The command for a cmdlet and a domain. `Disable-DnssecForVerifiedDomain` has its own function.
///
/// # Errors
/// [`MicrosoftError::Name`](super::MicrosoftError::Name) when the domain is no domain name.
pub fn command_in(cloud: Cloud, cmdlet: Cmdlet, domain: &str) -> Result<ManualCommand> {
    let domain = domain_name(domain)?;
    let line =
        |parameter: &str, tail: &str| format!("{cmdlet} -{parameter} {}{tail}", quote(&domain));
    // Format-List, because a table cuts long host names off.
    let (command, paste_back, proof) = match cmdlet {
        Cmdlet::EnableDnssec => (
            line(
                "DomainName",
                " | Format-List DnssecMxValue, Result, ErrorData",
            ),
            Some(format!(
                "{WHOLE} The DnssecMxValue alone will do (it ends in .mx.microsoft)."
            )),
            "The pasted host resolves with a valid DNSSEC signature.".to_owned(),
        ),
        Cmdlet::EnableDane => (
            line("DomainName", ""),
            None,
            "TLSA records appear at the new MX host, usually within 15 to 30 minutes.".to_owned(),
        ),
        Cmdlet::DisableDane => (
            line("DomainName", ""),
            None,
            "The TLSA records disappear from the new MX host.".to_owned(),
        ),
        // Its parts are objects, which a list would print as names of types only.
        Cmdlet::GetDnssecStatus => (
            line(
                "DomainName",
                " | Select-Object -Property @{n='DnssecFeatureStatus';e={$_.DnssecFeatureStatus.ToString()}}, \
                 ExpectedMxRecord, DnsValidation, MxValidation, MtaStsValidation, Errors, Warnings | ConvertTo-Json -Depth 5",
            ),
            Some(WHOLE.to_owned()),
            "Nothing changes; the output says whether the new host exists, and DNS whether it serves.".to_owned(),
        ),
        Cmdlet::GetAcceptedDomain => (
            line(
                "Identity",
                " | Format-List DomainName, DomainType, Default, InitialDomain, SmtpDaneStatus, PendingRemoval, \
                 PendingCompletion, OutboundOnly, SendingToDomainDisabled",
            ),
            Some(WHOLE.to_owned()),
            "Nothing changes; the output says how mail for the domain is treated.".to_owned(),
        ),
        Cmdlet::GetDaneStatus => (
            line("DomainName", " | Format-List"),
            Some(WHOLE.to_owned()),
            "Nothing changes; the TLSA records of the new host show whether inbound DANE is on.".to_owned(),
        ),
        Cmdlet::GetIpv6Status => (
            line("Domain", " | Format-List"),
            Some(WHOLE.to_owned()),
            "Nothing changes; the AAAA records of the new host show whether IPv6 is on.".to_owned(),
        ),
        Cmdlet::GetInboundConnector => (
            format!(
                "{cmdlet} -ResultSize Unlimited | Select-Object -Property Name, Enabled, ConnectorType, SenderDomains, \
                 SenderIPAddresses, AssociatedAcceptedDomains, RequireTls, TlsSenderCertificateName | ConvertTo-Json -Depth 3"
            ),
            Some(WHOLE.to_owned()),
            "Nothing changes; the output says which connectors name the old host.".to_owned(),
        ),
        Cmdlet::GetOutboundConnector => (
            format!(
                "{cmdlet} | Select-Object -Property Name, Enabled, ConnectorType, RecipientDomains, SmartHosts, UseMXRecord, \
                 TlsSettings, TlsDomain, SmtpDaneMode, IsTransportRuleScoped | ConvertTo-Json -Depth 3"
            ),
            Some(WHOLE.to_owned()),
            "Nothing changes; the output says which connectors name the old host.".to_owned(),
        ),
        Cmdlet::DisableDnssec => (
            // Without a person's own words there is nothing to run, not even for copying.
            format!("# {cmdlet} is only shown when a person asks for it by name"),
            None,
            "Nothing changes.".to_owned(),
        ),
    };
    Ok(ManualCommand {
        module: MODULE.to_owned(),
        connect: connect(cloud),
        command,
        paste_back,
        proof,
    })
}

/// The command that takes the DNSSEC host away, for a person who asked for it by name (S6).
///
/// # Errors
/// [`MicrosoftError::Name`](super::MicrosoftError::Name) or
/// [`MicrosoftError::WrongWitness`](super::MicrosoftError::WrongWitness).
pub fn disable_dnssec(
    cloud: Cloud,
    domain: &str,
    asked: &DisableDnssecByName,
) -> Result<ManualCommand> {
    let domain = domain_name(domain)?;
    asked.check(&domain)?;
    Ok(ManualCommand {
        module: MODULE.to_owned(),
        connect: connect(cloud),
        command: format!("{} -DomainName {}", Cmdlet::DisableDnssec, quote(&domain)),
        paste_back: None,
        proof: "Get-DnssecStatusForVerifiedDomain says Disabled.".to_owned(),
    })
}
