//! Goal: the gateway's own leg is right: each of its MX hosts has TLSA records that its certificate matches on every address.
//!
//! From the DS on, DANE senders hold the gateway to its TLSA records; before that nobody may have noticed that they are wrong.

use super::{Context, Finding, Next, WaitFor, preflight, prove_host, write_mx};
use crate::kernel::Host;
use crate::world::{Fact, Needs, TlsaFacts};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        zone: true,
        smtp: true,
        hosts: cx
            .hosts()
            .filter(|host| !preflight::is_microsoft(host))
            .cloned()
            .collect(),
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let zone = match &cx.facts.zone {
        Fact::Known { value, .. } => value,
        other => return Next::blocked(write_mx::zone_unknown(cx, other.why_unknown())),
    };
    let Some(mx) = zone.agreed_mx() else {
        return Next::wait(
            WaitFor::Visible,
            format!(
                "the servers of {} do not serve the same MX RRset",
                zone.apex
            ),
            "all of them serving one version",
        );
    };
    let mut proven = Vec::new();
    for host in mx.set.hosts() {
        if preflight::is_microsoft(host) {
            return Next::blocked(no_gateway(cx, host));
        }
        match leg(cx, host) {
            Ok(sentence) => proven.push(sentence),
            Err(next) => return *next,
        }
    }
    Next::Done(proven.join("; "))
}

fn leg(cx: &Context<'_>, host: &Host) -> Result<String, Box<Next>> {
    let proof = prove_host::proof(cx, host, None)?;
    match cx.facts.host(host).map(|facts| &facts.tlsa) {
        // No certificate that was seen contradicts them, or there would be no proof.
        Some(TlsaFacts::Records { records, .. }) => Ok(format!(
            "{} TLSA records of {host} are secure, and {proof}",
            records.len(),
        )),
        _ => Err(Box::new(Next::blocked(Finding::blocker(
            "gateway.no-tlsa",
            format!("the gateway's host {host} has no TLSA records"),
            "mail enters there, and without TLSA records no sender can demand that it enters encrypted and at the right host",
            "ask whoever runs the gateway for an MX host with DANE, or keep the domain as it is",
        )))),
    }
}

fn no_gateway(cx: &Context<'_>, host: &Host) -> Finding {
    Finding::blocker(
        "gateway.none",
        format!(
            "mail for {} enters at {host}, which is no gateway's",
            cx.setup.domain
        ),
        "somebody changed the MX RRset, or this is the wrong playbook",
        "walk `playbook: exchange-dane`, or put the gateway's MX back",
    )
}
