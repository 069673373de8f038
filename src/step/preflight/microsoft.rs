//! The tenant as Graph knows it: what Microsoft does not support is refused, with the reason (S11).

use crate::step::{Context, Finding, catalogue};
use crate::world::Fact;

pub(super) fn judge(cx: &Context<'_>, found: &mut Vec<Finding>) {
    if cx.setup.domain.is_within("onmicrosoft.com") {
        found.push(initial(cx));
        return;
    }
    if !cx.setup.manual_exchange {
        tenant(cx, found);
    }
    super::exchange::judge(cx, found);
}

pub(super) fn initial(cx: &Context<'_>) -> Finding {
    catalogue::TENANT_INITIAL.found(format!(
        "{} is the tenant's initial onmicrosoft.com domain",
        cx.setup.domain
    ))
}

fn tenant(cx: &Context<'_>, found: &mut Vec<Finding>) {
    let domain = &cx.setup.domain;
    let tenant = match &cx.facts.tenant {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => {
            found.push(catalogue::GRAPH_REFUSED.found(why));
            return;
        }
        // Only beside PowerShell: with the API it is always asked.
        Fact::Unasked => {
            found.push(
                catalogue::GRAPH_NOT_ASKED
                    .found(format!("Microsoft Graph is not asked about {domain}")),
            );
            return;
        }
        other => {
            found.push(catalogue::GRAPH_UNREACHABLE.found(format!(
                "Microsoft Graph could not be asked: {}",
                other.why_unknown()
            )));
            return;
        }
    };
    if !tenant.exists {
        found.push(
            catalogue::TENANT_UNKNOWN_DOMAIN.found(format!("the tenant does not have {domain}")),
        );
        return;
    }
    if !tenant.verified {
        found.push(
            catalogue::TENANT_UNVERIFIED.found(format!("{domain} is not verified in the tenant")),
        );
    }
    if tenant.initial {
        found.push(initial(cx));
    }
    if !tenant.admin_managed {
        found.push(
            catalogue::TENANT_DELEGATED
                .found(format!("the DNS of {domain} is run by Microsoft 365")),
        );
    }
    if !tenant.email {
        found.push(
            catalogue::TENANT_NO_EMAIL
                .found(format!("{domain} is not set up for Email in Microsoft 365")),
        );
    }
}
