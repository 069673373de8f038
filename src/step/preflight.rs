//! Goal: the domain is in a state from which the move is possible, and everything it needs is at hand.
//!
//! Everything is looked at before anything is changed; every finding is reported, not only the first.

mod exchange;
mod host;
mod microsoft;
mod reports;
mod zone;

use super::{Context, Finding, Next};
use crate::kernel::Host;
use crate::playbook::Scope;
use crate::world::Needs;

pub(super) fn needs(cx: &Context<'_>, scope: Scope) -> Needs {
    if begun(cx) {
        return Needs::default();
    }
    let microsoft = scope.asks_microsoft();
    Needs {
        policy: scope.enters_at_microsoft(),
        tenant: microsoft,
        exchange: microsoft,
        connectors: microsoft,
        provider: scope.changes_dns(),
        ..Needs::everything(cx.hosts().cloned())
    }
    .and(if scope == Scope::Move {
        super::publishing(cx.setup)
    } else {
        Needs::default()
    })
}

/// Once the run has changed something, the world is on its way: servers may rightly differ, and the
/// service's advice is about a state that is being left. Every later step looks for itself.
fn begun(cx: &Context<'_>) -> bool {
    cx.memory.way_back_kept
}

pub(super) fn next(cx: &Context<'_>, scope: Scope) -> Next {
    if begun(cx) && cx.facts.clock_jumped.is_none() {
        return Next::Done("it was passed before the first change".to_owned());
    }
    let findings = findings(cx, scope);
    if findings.iter().any(Finding::stops) {
        return Next::Blocked(findings);
    }
    let warnings: Vec<_> = findings.iter().map(|f| f.what.as_str()).collect();
    Next::Done(if warnings.is_empty() {
        "nothing stands in the way".to_owned()
    } else {
        format!(
            "nothing stands in the way; worth knowing: {}",
            warnings.join("; ")
        )
    })
}

/// Everything worth saying before the first change, the gravest first.
pub(super) fn findings(cx: &Context<'_>, scope: Scope) -> Vec<Finding> {
    let mut found = Vec::new();
    if !begun(cx) {
        zone::judge(cx, scope, &mut found);
        if scope.changes_dns() {
            zone::provider(cx, &mut found);
        }
        if scope.asks_microsoft() {
            microsoft::judge(cx, &mut found);
        }
        if scope.enters_at_microsoft() {
            host::judge(cx, &mut found);
            reports::judge(cx, &mut found);
        }
        super::verdict::before_the_start(cx, &mut found);
    }
    found.extend(super::when::freezes_unknown(cx));
    if let Some(seconds) = cx.facts.clock_jumped {
        found.push(Finding::clock_jumped(seconds));
    }
    fill_in(cx, &mut found);
    found.sort_by_key(|f| std::cmp::Reverse(f.severity));
    found
}

/// Puts the domain's and the tenant's names where the catalogue's texts have a place for them.
fn fill_in(cx: &Context<'_>, found: &mut [Finding]) {
    let tenant = cx
        .facts
        .connectors
        .known()
        .and_then(|connectors| connectors.initial_domain.as_ref())
        .and_then(|initial| initial.as_str().split('.').next())
        .unwrap_or("tenantname");
    for finding in found {
        finding.mend = finding
            .mend
            .replace("DOMAIN", cx.setup.domain.as_str())
            .replace("TENANT.", &format!("{tenant}."));
    }
}

/// Whether Exchange Online runs this host.
pub(super) fn is_microsoft(host: &Host) -> bool {
    zone::is_microsoft(host)
}

/// Whether Exchange Online runs this host, without DNSSEC.
pub(super) fn is_legacy_host(host: &Host) -> bool {
    zone::is_legacy(host)
}

/// Whether Exchange Online runs this host, with DNSSEC.
#[must_use]
pub fn is_new_host(host: &Host) -> bool {
    zone::is_new(host)
}

/// The part of it that needs no credentials: what the DNS and the hosts show anybody. Hosts count only where they
/// were asked.
pub fn from_outside(cx: &Context<'_>, hosts_were_asked: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    zone::judge(cx, Scope::Move, &mut found);
    if hosts_were_asked {
        host::judge(cx, &mut found);
    }
    fill_in(cx, &mut found);
    found
}
