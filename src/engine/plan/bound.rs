//! The least possible time of a run, from what was observed.

use std::time::Duration;

use crate::kernel::{Host, LowerBound, Policy};
use crate::playbook::{Expect, Goal, PlannedStep, StepKind};
use crate::step::{Memory, Setup, Stage};
use crate::world::{Estimates, Fact, Facts, PolicyMode, TlsaFacts};

/// What the least possible time is computed from.
#[must_use]
pub fn lower_bound(
    steps: &[PlannedStep],
    setup: &Setup,
    facts: &Facts,
    memory: &Memory,
    estimates: Estimates,
) -> LowerBound {
    let found = facts.zone.known().and_then(|zone| zone.agreed_mx());
    let mut ttl = found.as_ref().map_or(0, |mx| mx.ttl);
    let mut bound = LowerBound {
        visible: estimates.visible,
        ..LowerBound::default()
    };
    for step in steps {
        match step.goal {
            Goal::LowerTtl { ttl: wanted, .. } => ttl = ttl.min(wanted),
            Goal::VerifyMx {
                expect: Expect::Added,
                soak,
            } => bound.soak_added += soak,
            Goal::VerifyMx {
                expect: Expect::Swapped,
                soak,
            } => bound.soak_swapped += soak,
            _ => {}
        }
    }
    bound.found_lifetime = setup.timing.lifetime(found.as_ref().map_or(0, |mx| mx.ttl));
    bound.lowered_lifetime = setup.timing.lifetime(ttl);
    let stage = found.as_ref().and_then(|mx| {
        memory
            .stage_of(&mx.set)
            .or_else(|| Stage::of(&mx.set, &mx.set, new_host(facts).as_ref()))
    });
    let has = |kind| steps.iter().any(|step| step.goal.kind() == kind);
    bound.mx_steps_done = match stage {
        // A playbook that leaves the MX alone waits for none of it.
        _ if !steps.iter().any(|step| step.goal.kind().moves_mx()) => 3,
        None | Some(Stage::Original) => 0,
        Some(Stage::Added) => 1,
        Some(Stage::Swapped) => 2,
        Some(Stage::Removed) => 3,
    };
    let host = memory.new_host.clone().or_else(|| new_host(facts));
    if host.is_none() && has(StepKind::EnableDnssec) {
        bound.enable = estimates.cmdlet;
    }
    let tlsa = host
        .as_ref()
        .and_then(|host| facts.host(host))
        .map(|h| &h.tlsa);
    if has(StepKind::EnableDane) && !matches!(tlsa, Some(TlsaFacts::Records { .. })) {
        bound.tlsa_published = estimates.tlsa;
        let negative = u32::try_from(estimates.negative_ttl.as_secs()).unwrap_or(u32::MAX);
        bound.tlsa_negative = setup.timing.lifetime(match tlsa {
            Some(TlsaFacts::Absent { negative_ttl }) => *negative_ttl,
            _ => negative,
        });
    }
    if has(StepKind::MtaSts)
        && let Some(policy) = facts.policy.known()
        && policy.mode == PolicyMode::Enforce
        && !host.is_some_and(|h| Policy::Enforced(policy.patterns.clone()).admits(&h))
    {
        let ttl = if setup.strict_mta_sts {
            policy.max_age
        } else {
            policy.record_ttl
        };
        bound.policy = bound.enable + estimates.visible + setup.timing.lifetime(ttl);
    }
    if has(StepKind::Delegate) {
        bound.delegation = delegation(setup, facts, estimates, has(StepKind::FinalProof));
    }
    bound
}

fn new_host(facts: &Facts) -> Option<Host> {
    facts.exchange.known()?.expected_mx.clone()
}

/// Signing, expiry of unsigned answers, the DS, and, where protection is claimed in the end, its parent's negative TTL.
fn delegation(setup: &Setup, facts: &Facts, estimates: Estimates, claims: bool) -> Duration {
    if matches!(
        &facts.chain,
        Fact::Known {
            value: crate::world::Chain::Secure,
            ..
        }
    ) {
        return Duration::ZERO;
    }
    let negative = facts.parent.known().map_or(0, |p| p.negative_ttl);
    let denied = if claims {
        setup.timing.lifetime(negative)
    } else {
        Duration::ZERO
    };
    let from_ds = estimates.delegation + denied;
    let Some(zone) = facts.zone.known() else {
        return from_ds;
    };
    if matches!(zone.agreed_keys(), Some(crate::kernel::ZoneKeys::Signed(_))) {
        return from_ds;
    }
    let largest = facts
        .provider
        .known()
        .and_then(|p| p.largest_ttl)
        .unwrap_or(setup.zone_largest_ttl)
        .max(zone.largest_ttl)
        .max(zone.negative_ttl);
    estimates.visible + setup.timing.lifetime(largest) + from_ds
}
