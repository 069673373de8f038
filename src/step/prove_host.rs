//! Goal: the new host takes the domain's mail, on every address, with STARTTLS, under a secure name.
//!
//! Asked directly, before any sender can prefer it.

use jiff::Timestamp;

use super::{Context, Finding, Next, WaitFor, add_mx, preflight};
use crate::kernel::Host;
use crate::world::{Chain, Fact, HostFacts, Needs, SmtpOutcome, TlsaFacts};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        smtp: true,
        hosts: cx.memory.new_host.iter().cloned().collect(),
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let Some(host) = &cx.memory.new_host else {
        return add_mx::no_host();
    };
    match proof(cx, host, None) {
        Ok(sentence) => Next::Done(sentence),
        Err(next) => *next,
    }
}

/// What proves a host, or what stands in the way. `since` asks for a probe not older than an instant.
pub(super) fn proof(
    cx: &Context<'_>,
    host: &Host,
    since: Option<Timestamp>,
) -> Result<String, Box<Next>> {
    let facts = match cx.facts.hosts.get(host) {
        Some(Fact::Known { value, .. }) => value,
        Some(other) => {
            return Err(Box::new(Next::blocked(could_not_tell(
                host,
                other.why_unknown(),
            ))));
        }
        None => {
            return Err(Box::new(Next::wait(
                WaitFor::Service,
                format!("{host} was not asked yet"),
                "its answer",
            )));
        }
    };
    if !facts.exists || facts.addresses.is_empty() {
        return Err(Box::new(Next::wait(
            WaitFor::Service,
            format!("{host} has no address yet"),
            format!("{} publishing it", owner(host)),
        )));
    }
    match &facts.chain {
        Chain::Secure => {}
        Chain::Insecure => {
            return Err(Box::new(Next::blocked(Finding::blocker(
                "host.insecure",
                format!("the addresses of {host} do not validate: a parent denies its DS"),
                "DANE protects only a host whose own name is secure (RFC 7672 section 2.2.2)",
                format!(
                    "check the resolver path to the root; if it is right, tell {}",
                    owner(host)
                ),
            ))));
        }
        Chain::Bogus { why } => {
            return Err(Box::new(Next::blocked(Finding::blocker(
                "host.bogus",
                format!("validation of {host} fails: {why}"),
                "validating senders do not deliver to it",
                format!("wait for {} to mend it; nothing was changed", owner(host)),
            ))));
        }
    }
    if facts.probed_at.is_none() || since.is_some_and(|s| facts.probed_at < Some(s)) {
        return Err(Box::new(Next::wait(
            WaitFor::Service,
            format!("{host} was not probed yet"),
            "its answer on port 25",
        )));
    }
    every_address(cx, host, facts)
}

fn every_address(cx: &Context<'_>, host: &Host, facts: &HostFacts) -> Result<String, Box<Next>> {
    let mut unproven = Vec::new();
    for address in &facts.addresses {
        let at = &address.address;
        let service = |why: String| {
            Err(Box::new(Next::wait(
                WaitFor::Service,
                why,
                "the host taking mail",
            )))
        };
        match &address.smtp {
            SmtpOutcome::Accepted { .. } => {}
            SmtpOutcome::Unreached { why } => unproven.push(format!("{at}: {why}")),
            SmtpOutcome::Rejected { reply } => {
                return service(format!("{host} at {at} refuses the domain's mail: {reply}"));
            }
            SmtpOutcome::Deferred { reply } => {
                return service(format!("{host} at {at} asks to come back later: {reply}"));
            }
            SmtpOutcome::NoTls { why } => {
                return service(format!("{host} at {at} does not do STARTTLS: {why}"));
            }
            SmtpOutcome::Closed => {
                return service(format!("{host} at {at} refuses connections"));
            }
        }
        if address.tlsa_matches == Some(false) {
            return Err(Box::new(Next::blocked(mismatch(host, at))));
        }
    }
    if let TlsaFacts::Failed { why } = &facts.tlsa {
        return Err(Box::new(Next::blocked(Finding::blocker(
            "tlsa.lookup",
            format!("the TLSA lookup of {host} fails: {why}"),
            "DANE senders treat the host as down (RFC 7672 section 2.1.2)",
            format!("wait for {} to mend it; nothing was changed", owner(host)),
        ))));
    }
    if unproven.is_empty() {
        Ok(format!(
            "{host} takes mail with STARTTLS on all {} addresses, and its name is secure",
            facts.addresses.len()
        ))
    } else if cx.setup.probe_required {
        Err(Box::new(Next::blocked(could_not_tell(
            host,
            &unproven.join("; "),
        ))))
    } else {
        Ok(format!(
            "{host} is secure; SMTP could not be probed from here ({}), which `smtp.probe: advisory` accepts",
            unproven.join("; ")
        ))
    }
}

pub(super) fn mismatch(host: &Host, address: &str) -> Finding {
    Finding::blocker(
        "tlsa.mismatch",
        format!("the certificate of {host} at {address} does not match its TLSA records"),
        "DANE senders refuse to deliver there",
        if preflight::is_microsoft(host) {
            "wait for Microsoft to mend it; if mail already depends on it, run Disable-SmtpDaneInbound (`rollout rollback FILE --dane`)".to_owned()
        } else {
            format!("have {} mend it; nothing was changed", owner(host))
        },
    )
}

/// Who can mend a host.
fn owner(host: &Host) -> &'static str {
    if preflight::is_microsoft(host) {
        "Microsoft"
    } else {
        "whoever runs it"
    }
}

fn could_not_tell(host: &Host, why: &str) -> Finding {
    Finding::could_not_tell(
        "host.unproven",
        format!("whether {host} takes mail could not be told: {why}"),
        "mail must not be sent to a host that nobody saw answering",
        "run from a network where port 25 is open outwards, or set `smtp.probe: advisory` to accept the risk",
    )
}
