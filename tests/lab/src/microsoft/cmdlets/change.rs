//! The cmdlets that enable and disable: what they refuse and what they change.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CmdletError;
use crate::options::DomainKind;
use crate::seed::assign_host;
use crate::state::MailDomain;
use crate::world::World;

/// Runs one on an accepted domain.
pub(super) fn run(
    world: &World,
    cmdlet: &str,
    domain: &str,
    known: &mut MailDomain,
) -> Result<Vec<Value>, CmdletError> {
    let twice_fails = world.options.enabling_twice_fails;
    let success = || Ok(vec![json!({"Result": "Success", "ErrorData": ""})]);
    match cmdlet {
        "Enable-DnssecForVerifiedDomain" => {
            let host = enable_dnssec(domain, known, twice_fails, world.options.partition)?;
            Ok(vec![
                json!({"DnssecMxValue": host, "Result": "Success", "ErrorData": ""}),
            ])
        }
        "Disable-DnssecForVerifiedDomain" => {
            if known.dane_since.is_some() {
                return Err(CmdletError::invalid(format!(
                    "Inbound SMTP DANE is enabled for domain '{domain}'. Disable it first."
                )));
            }
            known.dnssec_since = None;
            success()
        }
        "Enable-SmtpDaneInbound" => {
            if known.new_host().is_none() {
                return Err(CmdletError::invalid(format!(
                    "DNSSEC is not enabled for domain '{domain}'. Enable it before SMTP DANE."
                )));
            }
            if known.dane_since.is_some() && twice_fails {
                return Err(CmdletError::invalid(format!(
                    "SMTP DANE is already enabled for domain '{domain}'."
                )));
            }
            known.dane_since = known.dane_since.or_else(|| Some(Timestamp::now()));
            success()
        }
        "Disable-SmtpDaneInbound" => {
            known.dane_since = None;
            success()
        }
        // The IPv6 cmdlets.
        _ => {
            known.ipv6 = cmdlet.starts_with("Enable-");
            Ok(Vec::new())
        }
    }
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
