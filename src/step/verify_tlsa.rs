//! Goal: TLSA records of the new host are served, secure, and match its certificate on every address.

use super::{Context, Finding, Next, WaitFor, add_mx, prove_host};
use crate::world::{Needs, TlsaFacts};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    prove_host::needs(cx)
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let Some(host) = &cx.memory.new_host else {
        return add_mx::no_host();
    };
    let Some(facts) = cx.facts.host(host) else {
        return match prove_host::proof(cx, host, None) {
            Err(next) => *next,
            Ok(_) => add_mx::no_host(),
        };
    };
    match &facts.tlsa {
        TlsaFacts::Records { records, .. } => match prove_host::proof(cx, host, None) {
            Err(next) => *next,
            Ok(_) => Next::Done(format!(
                "{} TLSA records of {host} are secure, and the certificate on each of {} addresses matches",
                records.len(),
                facts.addresses.len()
            )),
        },
        TlsaFacts::Absent { .. } => Next::wait(
            WaitFor::Service,
            format!(
                "Microsoft's servers prove that {host} has no TLSA records yet; they usually appear within 15 to 30 minutes"
            ),
            "Microsoft publishing them",
        ),
        TlsaFacts::NotAsked => Next::blocked(Finding::blocker(
            "host.insecure",
            format!(
                "the addresses of {host} do not validate, so no sender asks for its TLSA records"
            ),
            "DANE protects only a host whose own name is secure (RFC 7672 section 2.2.2)",
            "open a ticket at Microsoft",
        )),
        TlsaFacts::Failed { why } => Next::blocked(Finding::could_not_tell(
            "tlsa.lookup",
            format!("the TLSA lookup of {host} fails: {why}"),
            "DANE senders treat the host as down until it works (RFC 7672 section 2.1.2)",
            "look again in a few minutes; if it stays, run Disable-SmtpDaneInbound",
        )),
    }
}
