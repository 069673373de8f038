//! Manual mode: the exact PowerShell for a person to run, and reading what they paste back.
//!
//! This is the documented way, for tenants that do not let a tool sign in. Nothing here is ever run by us.

use serde::{Deserialize, Serialize};

use super::cmdlet::{Cmdlet, DisableDnssecByName};
use super::error::Result;
use super::host::{DNSSEC_MX_SUFFIX, DnssecMxValue, domain_name};
use super::redact;

/// What a person is asked to do, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualCommand {
    /// Connects; once per window.
    pub connect: String,
    /// The command itself, one line.
    pub command: String,
    /// What to paste back; `None` when nothing is needed.
    pub paste_back: Option<String>,
    /// How it will be seen that it was done.
    pub proof: String,
}

/// Connects to Exchange Online PowerShell (module ExchangeOnlineManagement 3 or later).
pub const CONNECT: &str = "Connect-ExchangeOnline -ShowBanner:$false";

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

/// The command for a cmdlet and a domain. `Disable-DnssecForVerifiedDomain` has its own function.
///
/// # Errors
/// [`MicrosoftError::Name`](super::MicrosoftError::Name) when the domain is no domain name.
pub fn command(cmdlet: Cmdlet, domain: &str) -> Result<ManualCommand> {
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
            Some(
                "Paste the whole output, or only the DnssecMxValue (it ends in .mx.microsoft)."
                    .to_owned(),
            ),
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
        Cmdlet::GetDnssecStatus => (
            line(
                "DomainName",
                " | Select-Object -Property @{n='DnssecFeatureStatus';e={$_.DnssecFeatureStatus.ToString()}}, \
                 @{n='DnssecMxValue';e={($_.ExpectedMxRecord.Record -split '\\s+')[-1]}} | Format-List",
            ),
            Some("Paste the whole output.".to_owned()),
            "Nothing changes; the output says whether the new host exists.".to_owned(),
        ),
        Cmdlet::GetAcceptedDomain => (
            line(
                "Identity",
                " | Format-List DomainName, DomainType, InitialDomain, SmtpDaneStatus",
            ),
            Some("Paste the whole output.".to_owned()),
            "Nothing changes; the output says whether inbound DANE is on.".to_owned(),
        ),
        Cmdlet::GetDaneStatus => (
            line("DomainName", " | Format-List"),
            Some("Paste the whole output.".to_owned()),
            "Nothing changes; the output says whether inbound DANE is on.".to_owned(),
        ),
        Cmdlet::GetInboundConnector => (
            format!(
                "{cmdlet} -ResultSize Unlimited | Format-List Name, Enabled, ConnectorType, SenderDomains, TlsSenderCertificateName"
            ),
            Some("Paste the whole output.".to_owned()),
            "Nothing changes; the output lists the inbound connectors.".to_owned(),
        ),
        Cmdlet::GetOutboundConnector => (
            format!(
                "{cmdlet} -ResultSize Unlimited | Format-List Name, Enabled, ConnectorType, RecipientDomains, SmartHosts, TlsSettings, TlsDomain"
            ),
            Some("Paste the whole output.".to_owned()),
            "Nothing changes; the output lists the outbound connectors.".to_owned(),
        ),
        Cmdlet::GetIpv6Status => (
            line("Domain", " | Format-List"),
            Some("Paste the whole output.".to_owned()),
            "Nothing changes; the output says whether IPv6 is on, as of up to an hour ago."
                .to_owned(),
        ),
        Cmdlet::DisableDnssec => (
            // Without a person's own words there is nothing to run, not even for copying.
            format!("# {cmdlet} is only shown when a person asks for it by name"),
            None,
            "Nothing changes.".to_owned(),
        ),
    };
    Ok(ManualCommand {
        connect: CONNECT.to_owned(),
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
pub fn disable_dnssec(domain: &str, asked: &DisableDnssecByName) -> Result<ManualCommand> {
    let domain = domain_name(domain)?;
    asked.check(&domain)?;
    Ok(ManualCommand {
        connect: CONNECT.to_owned(),
        command: format!("{} -DomainName {}", Cmdlet::DisableDnssec, quote(&domain)),
        paste_back: None,
        proof: "Get-DnssecStatusForVerifiedDomain says Disabled.".to_owned(),
    })
}

/// Why a pasted text gives no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasteError {
    /// Nothing in it looks like the host.
    #[error(
        "The pasted text holds no host name under mx.microsoft. Paste the output of Enable-DnssecForVerifiedDomain."
    )]
    NoHost,
    /// It holds the old host.
    #[error(
        "The pasted text holds the old host {host}, not the new one. Run Enable-DnssecForVerifiedDomain and paste its output."
    )]
    LegacyHost {
        /// The old host.
        host: String,
    },
    /// The window cut it off.
    #[error(
        "The pasted host name is cut off (\"{seen}\"). Run the command with | Format-List and paste again."
    )]
    CutOff {
        /// What was there.
        seen: String,
    },
    /// Two different hosts.
    #[error(
        "The pasted text holds several host names ({hosts}). Paste only the one of this domain."
    )]
    Several {
        /// The hosts.
        hosts: String,
    },
    /// The cmdlet failed.
    #[error(
        "The pasted output says that the cmdlet failed: Result is {result}. Mend the cause it shows and run the cmdlet again."
    )]
    Failed {
        /// The word after `Result`.
        result: String,
    },
    /// Something that ends right but is no host name.
    #[error("{0}")]
    Bad(#[from] super::host::HostError),
}

/// Reads a pasted `DnssecMxValue`: the bare host, `0 host.`, a zone-file line, `Format-List`, a table, or JSON.
///
/// # Errors
/// [`PasteError`] says what to paste instead.
pub fn read_pasted_host(text: &str) -> std::result::Result<DnssecMxValue, PasteError> {
    let text = join_wrapped(&without_escapes(text));
    if let Some(result) = result_word(&text)
        && !result.eq_ignore_ascii_case("Success")
    {
        return Err(PasteError::Failed {
            result: redact::excerpt(result.as_bytes()),
        });
    }
    let mut hosts: Vec<DnssecMxValue> = Vec::new();
    let mut legacy = None;
    let splits = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\'' | ',' | ';' | '=' | ':' | '{' | '}' | '(' | ')' | '<' | '>'
            )
    };
    for word in text.split(splits).filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        let bare = lower.trim_end_matches('.');
        if lower.contains('…') || lower.ends_with("...") {
            if lower.contains('.') && !lower.starts_with('.') {
                return Err(PasteError::CutOff {
                    seen: redact::excerpt(word.as_bytes()),
                });
            }
        } else if bare.ends_with(DNSSEC_MX_SUFFIX) {
            let host = DnssecMxValue::new(word)?;
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        } else if bare.ends_with(".mail.protection.outlook.com")
            || bare.ends_with(".mail.eo.outlook.com")
        {
            legacy = Some(redact::excerpt(bare.as_bytes()));
        }
    }
    match hosts.len() {
        1 => Ok(hosts.remove(0)),
        0 => Err(legacy.map_or(PasteError::NoHost, |host| PasteError::LegacyHost { host })),
        _ => Err(PasteError::Several {
            hosts: hosts
                .iter()
                .map(DnssecMxValue::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// Removes the colour codes that PowerShell 7 puts around labels, and invisible characters.
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.peek() == Some(&'[') {
            chars.next();
            // A control sequence ends with a byte from @ to ~ (ECMA-48 section 5.4).
            for c in chars.by_ref() {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        } else if !matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}') {
            out.push(c);
        }
    }
    out
}

/// `Format-List` wraps a long value into indented lines; a wrapped host would otherwise be read as a shorter one.
fn join_wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut in_value = false;
    for line in text.lines() {
        let is_label = line
            .split_once(" : ")
            .or_else(|| line.trim_end().strip_suffix(" :").map(|name| (name, "")))
            .is_some();
        let continues =
            in_value && !is_label && line.starts_with([' ', '\t']) && !line.trim().is_empty();
        if continues {
            out.push_str(line.trim());
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(line.trim_end());
        in_value = is_label
            && line
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("dnssecmxvalue");
    }
    out
}

/// The word after `Result` in a list or in JSON. In a table it stands in a column and is not looked for.
fn result_word(text: &str) -> Option<&str> {
    text.split(['\n', ',', '{', '}'])
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().trim_matches('"').eq_ignore_ascii_case("Result"))
        .map(|(_, value)| value.trim().trim_matches('"').trim())
        .filter(|value| !value.is_empty())
}
