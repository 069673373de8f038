//! The tenant and Exchange Online: what Microsoft does not support is refused, with the reason (S11).

use crate::step::{Context, Finding, enable_dnssec};
use crate::world::{Fact, FeatureState};

pub(super) fn judge(cx: &Context<'_>, found: &mut Vec<Finding>) {
    if cx.setup.domain.is_within("onmicrosoft.com") {
        found.push(initial(cx));
        return;
    }
    if !cx.setup.manual_exchange {
        tenant(cx, found);
    }
    exchange(cx, found);
}

fn initial(cx: &Context<'_>) -> Finding {
    Finding::blocker(
        "tenant.initial",
        format!(
            "{} is the tenant's initial onmicrosoft.com domain",
            cx.setup.domain
        ),
        "Microsoft does not support DNSSEC and DANE for it, and nobody but Microsoft can change its zone",
        "move a domain of your own instead",
    )
}

fn tenant(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let domain = &cx.setup.domain;
    let tenant = match &cx.facts.tenant {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => {
            found.push(Finding::blocker(
                "graph.refused",
                why,
                "Graph says which domains the tenant has and what they are for",
                "mend what is named above; `rollout plan` then looks again without changing anything",
            ));
            return;
        }
        other => {
            found.push(Finding::could_not_tell(
                "graph.unreachable",
                format!(
                    "Microsoft Graph could not be asked: {}",
                    other.why_unknown()
                ),
                "it says whether the domain is verified and who runs its DNS",
                "try again; nothing was changed",
            ));
            return;
        }
    };
    if !tenant.exists {
        found.push(Finding::blocker(
            "tenant.unknown-domain",
            format!("the tenant does not have {domain}"),
            "only a domain of the tenant can be moved",
            "check `domain:` and `microsoft.tenant` in the domain file",
        ));
        return;
    }
    if !tenant.verified {
        found.push(Finding::blocker(
            "tenant.unverified",
            format!("{domain} is not verified in the tenant"),
            "Exchange Online takes no mail for it",
            "finish its set-up in the Microsoft 365 admin center",
        ));
    }
    if tenant.initial {
        found.push(initial(cx));
    }
    if !tenant.admin_managed {
        found.push(Finding::blocker(
            "tenant.delegated",
            format!("the DNS of {domain} is run by Microsoft 365"),
            "Microsoft does not support DNSSEC for domains whose name servers it runs",
            "move the zone to a DNS host that signs, then run again",
        ));
    }
    if !tenant.email {
        found.push(Finding::blocker(
            "tenant.no-email",
            format!("{domain} is not set up for Email in Microsoft 365"),
            "it has no MX host at Exchange Online",
            "add the Email service to the domain in the Microsoft 365 admin center",
        ));
    }
}

fn exchange(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let domain = &cx.setup.domain;
    let exchange = match &cx.facts.exchange {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => {
            found.push(enable_dnssec::refused(why));
            return;
        }
        other => {
            found.push(enable_dnssec::unknown(other.why_unknown()));
            return;
        }
    };
    if exchange.manual {
        return;
    }
    if !exchange.accepted {
        found.push(Finding::blocker(
            "exchange.not-accepted",
            format!("{domain} is not an accepted domain of the organisation"),
            "Exchange Online refuses its mail",
            "add it under Exchange admin center > Mail flow > Accepted domains",
        ));
        return;
    }
    if !exchange.domain_type.eq_ignore_ascii_case("authoritative") {
        found.push(Finding::warning(
            "exchange.relay",
            format!("{domain} is an accepted domain of type {}", exchange.domain_type),
            "mail for unknown recipients leaves through a connector; it must not name the legacy host",
            "check Get-OutboundConnector and on-premises send connectors",
        ));
    }
    if exchange.dnssec == FeatureState::Unknown || exchange.dane == FeatureState::Unknown {
        found.push(Finding::warning(
            "exchange.state",
            "Exchange Online did not say clearly whether DNSSEC or DANE is on",
            "the run looks at DNS instead and reads back after each cmdlet",
            "nothing to do",
        ));
    }
    for advice in &exchange.advice {
        found.push(Finding::warning(
            "exchange.advice",
            advice.clone(),
            "the service's own validation; it contradicts the documented procedure at times",
            "nothing to do unless a step stops",
        ));
    }
}
