//! The hosts that take the mail now, and the MTA-STS policy over them.

use crate::kernel::{Accepts, Host};
use crate::step::reply::Refusal;
use crate::step::{Context, Finding, Severity, catalogue};
use crate::world::{Fact, PolicyMode, SmtpOutcome};

pub(super) fn judge(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let Some(mx) = cx.zone().and_then(|zone| zone.agreed_mx()) else {
        return;
    };
    for host in mx
        .set
        .hosts()
        .filter(|host| super::zone::is_microsoft(host))
    {
        let outcomes = cx.facts.host(host).map_or_else(
            || match cx.facts.hosts.get(host) {
                Some(fact) => fact.why_unknown().to_owned(),
                None => "it was not asked".to_owned(),
            },
            |facts| {
                let seen: Vec<_> = facts
                    .addresses
                    .iter()
                    .map(|a| format!("{}: {}", a.address, describe(&a.smtp)))
                    .collect();
                if seen.is_empty() {
                    "it has no address".to_owned()
                } else {
                    seen.join("; ")
                }
            },
        );
        match cx.memory.actors.get(host).accepts {
            Accepts::Yes if cx.setup.probe_required || proven(cx, host) => {}
            Accepts::Yes => found.push(catalogue::MX_UNPROVEN.found(format!(
                    "that {host} takes mail is not proven, which `smtp.probe: advisory` in the domain file accepts: {outcomes}"
                )).weighing(Severity::Warning).mending("run where port 25 is open outwards to have each change proven")),
            Accepts::Rejects => found.push(catalogue::MX_REJECTS.found(format!("{host} refuses mail for {}: {outcomes}", cx.setup.domain))),
            Accepts::Down => found.push(catalogue::MX_DOWN.found(format!("{host} takes no connections: {outcomes}"))),
            Accepts::Unknown => found.push(catalogue::MX_UNPROVEN.found(format!("whether {host} takes mail could not be told: {outcomes}"))),
        }
    }
    policy(cx, found);
}

/// Whether some address of the host was seen taking mail.
fn proven(cx: &Context<'_>, host: &Host) -> bool {
    let took = |smtp: &SmtpOutcome| matches!(smtp, SmtpOutcome::Accepted { .. });
    cx.facts
        .host(host)
        .is_some_and(|facts| facts.addresses.iter().any(|address| took(&address.smtp)))
}

fn describe(smtp: &SmtpOutcome) -> String {
    match smtp {
        SmtpOutcome::Accepted { .. } => "takes mail".to_owned(),
        SmtpOutcome::Rejected { reply } | SmtpOutcome::Deferred { reply } => {
            format!("{}: {reply}", Refusal::of(reply).meaning())
        }
        SmtpOutcome::NoTls { why } | SmtpOutcome::Unreached { why } => why.clone(),
        SmtpOutcome::Closed => "connection refused".to_owned(),
    }
}

fn policy(cx: &Context<'_>, found: &mut Vec<Finding>) {
    match &cx.facts.policy {
        Fact::Known { value, .. } if value.mode == PolicyMode::Enforce => {
            let moved = cx.memory.new_host.as_ref().is_some_and(|host| {
                crate::kernel::Policy::Enforced(value.patterns.clone()).admits(host)
            });
            if !moved {
                found.push(catalogue::MTA_STS_ENFORCED.found(format!(
                    "{} has an enforcing MTA-STS policy",
                    cx.setup.domain
                )));
            }
        }
        Fact::Known { .. } => {}
        other => found.push(catalogue::MTA_STS_UNKNOWN.found(format!(
            "the MTA-STS policy could not be read: {}",
            other.why_unknown()
        ))),
    }
}
