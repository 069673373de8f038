//! Steps: each one a goal state, the facts it needs, and the pure decision what comes next.
//!
//! A file per step. `needs` says which facts it asks for; `next` looks at them and answers with a
//! [`Next`]. Steps have no memory of having been done: they look whether their goal is there. A goal that
//! somebody reached by hand is simply done.

pub mod catalogue;
mod context;
mod legacy;
mod memory;
mod next;
mod reply;
mod stage;
mod verdict;
pub(crate) mod when;
mod write_mx;

mod add_mx;
mod delegate;
mod disable_dane;
mod enable_dane;
mod enable_dnssec;
mod final_proof;
mod final_ttl;
mod lower_ttl;
mod mta_sts;
mod preflight;
mod prove_gateway;
mod prove_host;
mod remove_mx;
mod restore_mx;
mod sign_zone;
mod swap_mx;
mod tls_rpt;
mod unsign_zone;
mod verify_mx;
mod verify_no_tlsa;
mod verify_tlsa;
mod withdraw_ds;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use crate::finding::{Finding, Severity};
pub use context::{Context, Setup};
pub use legacy::Alarm;
pub use memory::{Announced, Approval, FoundPolicy, Memory, MtaStsMemory};
pub use mta_sts::{DuringMove, MtaSts, PolicyBy};
pub use next::{Next, Question, Wait, WaitFor};
pub use preflight::{from_outside, is_new_host};
pub use stage::Stage;
pub use verdict::bears_on_the_start;

use crate::playbook::{Goal, StepKind};
use crate::world::Needs;

/// Why a step does not try again yet, given what the service said.
#[must_use]
pub fn asked_for_patience(said: Option<&String>) -> String {
    match said {
        Some(said) => format!("the service asked for patience: {said}"),
        None => "the DNS provider or Exchange Online asked for patience".to_owned(),
    }
}

/// The facts a step needs before it can decide: its own, and every host that a cache may still lead senders to.
#[must_use]
pub fn needs(goal: Goal, cx: &Context<'_>) -> Needs {
    let mut needs = own_needs(goal, cx);
    needs.freezes = cx.setup.change.freeze_file;
    let alone = goal.kind() == StepKind::Preflight || goal.kind().is_first_aid();
    if !alone && cx.memory.way_back_kept {
        for host in legacy::relied_on(cx) {
            needs.smtp = true;
            needs.hosts.insert(host.clone());
        }
    }
    needs
}

/// What the places hold in which this run may publish; kept before the first change, and looked at for a plan.
#[must_use]
pub fn publishing(setup: &Setup) -> Needs {
    let mut needs = mta_sts::publishing(setup);
    needs
        .texts
        .extend(tls_rpt::wanted(setup).map(|(name, _)| name));
    needs
}

fn own_needs(goal: Goal, cx: &Context<'_>) -> Needs {
    match goal {
        Goal::Preflight { scope } => preflight::needs(cx, scope),
        Goal::LowerTtl { .. } => lower_ttl::needs(cx),
        Goal::SignZone => sign_zone::needs(cx),
        Goal::Delegate => delegate::needs(cx),
        Goal::EnableDnssec => enable_dnssec::needs(cx),
        Goal::ProveHost => prove_host::needs(cx),
        Goal::TlsRpt => tls_rpt::needs(cx),
        Goal::MtaSts | Goal::MtaStsAfter | Goal::MtaStsBack | Goal::RestoreMtaSts => {
            mta_sts::needs_hosts(cx)
        }
        Goal::AddMx { .. } => add_mx::needs(cx),
        Goal::VerifyMx { expect, .. } => verify_mx::needs(cx, expect),
        Goal::SwapMx { .. } => swap_mx::needs(cx),
        Goal::RemoveMx => remove_mx::needs(cx),
        Goal::EnableDane => enable_dane::needs(cx),
        Goal::VerifyTlsa => verify_tlsa::needs(cx),
        Goal::FinalTtl { .. } => final_ttl::needs(cx),
        Goal::FinalProof => final_proof::needs(cx),
        Goal::RestoreMx { .. } | Goal::RestoreTtl => restore_mx::needs(cx),
        Goal::WithdrawDs => withdraw_ds::needs(cx),
        Goal::UnsignZone => unsign_zone::needs(cx),
        Goal::DisableDane => disable_dane::needs(cx),
        Goal::VerifyNoTlsa => verify_no_tlsa::needs(cx),
        Goal::ProveGateway => prove_gateway::needs(cx),
        Goal::Confirm => Needs::default(),
    }
}

/// What a step says to do next: the heart of every command.
#[must_use]
pub fn next(goal: Goal, cx: &Context<'_>) -> Next {
    match goal {
        Goal::Preflight { scope } => preflight::next(cx, scope),
        Goal::LowerTtl { ttl, until } => lower_ttl::next(cx, ttl, until),
        Goal::SignZone => sign_zone::next(cx),
        Goal::Delegate => delegate::next(cx),
        Goal::EnableDnssec => enable_dnssec::next(cx),
        Goal::ProveHost => prove_host::next(cx),
        Goal::TlsRpt => tls_rpt::next(cx),
        Goal::MtaSts => mta_sts::before(cx),
        Goal::MtaStsAfter => mta_sts::after(cx),
        Goal::MtaStsBack => mta_sts::back(cx),
        Goal::RestoreMtaSts => mta_sts::restore(cx),
        Goal::AddMx { preference } => add_mx::next(cx, preference),
        Goal::VerifyMx { expect, soak } => verify_mx::next(cx, expect, soak),
        Goal::SwapMx {
            preference,
            legacy_preference,
        } => swap_mx::next(cx, preference, legacy_preference),
        Goal::RemoveMx => remove_mx::next(cx),
        Goal::EnableDane => enable_dane::next(cx),
        Goal::VerifyTlsa => verify_tlsa::next(cx),
        Goal::FinalTtl { ttl } => final_ttl::next(cx, ttl),
        Goal::FinalProof => final_proof::next(cx),
        Goal::RestoreMx { ttl } => restore_mx::records(cx, ttl),
        Goal::RestoreTtl => restore_mx::whole(cx),
        Goal::WithdrawDs => withdraw_ds::next(cx),
        Goal::UnsignZone => unsign_zone::next(cx),
        Goal::DisableDane => disable_dane::next(cx),
        Goal::VerifyNoTlsa => verify_no_tlsa::next(cx),
        Goal::ProveGateway => prove_gateway::next(cx),
        Goal::Confirm => confirm(cx),
    }
}

/// What a person is asked to vouch for: the engine asks at the step's gate, and their word ends it.
fn confirm(cx: &Context<'_>) -> Next {
    Next::Done(match &cx.memory.new_host {
        Some(host) => format!(
            "Exchange Online takes the mail of {} at {host}",
            cx.setup.domain
        ),
        None => format!("it is about {}", cx.setup.domain),
    })
}
