//! The hosts that take the mail now, and the MTA-STS policy over them.

use crate::kernel::{Accepts, Host};
use crate::step::{Context, Finding};
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
            Accepts::Yes => found.push(Finding::warning(
                "mx.unproven",
                format!(
                    "that {host} takes mail is not proven, which `smtp.probe: advisory` in the domain file accepts: {outcomes}"
                ),
                "the run looks at the mail hosts before each change, and from here it cannot",
                "run where port 25 is open outwards to have each change proven",
            )),
            Accepts::Rejects => found.push(Finding::blocker(
                "mx.rejects",
                format!("{host} refuses mail for {}: {outcomes}", cx.setup.domain),
                "mail is bouncing already now",
                "mend the tenant's mail flow first",
            )),
            Accepts::Down => found.push(Finding::blocker(
                "mx.down",
                format!("{host} takes no connections: {outcomes}"),
                "mail is waiting already now",
                "find out why before anything is changed",
            )),
            Accepts::Unknown => found.push(Finding::could_not_tell(
                "mx.unproven",
                format!("whether {host} takes mail could not be told: {outcomes}"),
                "the run looks at the mail hosts before each change, and from here it cannot",
                "run where port 25 is open outwards, or set `smtp.probe: advisory` to accept the risk",
            )),
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
        SmtpOutcome::Rejected { reply } | SmtpOutcome::Deferred { reply } => reply.clone(),
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
                found.push(Finding::warning(
                    "mta-sts.enforced",
                    format!("{} has an enforcing MTA-STS policy", cx.setup.domain),
                    "it has to name the new host before the legacy one is removed",
                    "the run will say exactly what to publish, and wait for it",
                ));
            }
        }
        Fact::Known { .. } => {}
        other => found.push(Finding::could_not_tell(
            "mta-sts.unknown",
            format!(
                "the MTA-STS policy could not be read: {}",
                other.why_unknown()
            ),
            "an enforcing policy that does not name the new host would stop mail to it",
            format!(
                "make https://mta-sts.{0}/.well-known/mta-sts.txt reachable, or remove the TXT record _mta-sts.{0}",
                cx.setup.domain
            ),
        )),
    }
}
