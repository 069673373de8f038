//! Goal: Exchange Online has assigned the domain an MX host under `mx.microsoft`.
//!
//! The name is read from the answer, never built from a pattern: its letter is assigned, and labels of
//! names with dashes or umlauts are not derivable.

use super::memory::{NEW_ZONE, graph_differs};
use super::{Context, Finding, Next, Question, WaitFor, catalogue, write_mx};
use crate::world::{Action, Fact, FeatureState, Needs};

pub(super) fn needs(_cx: &Context<'_>) -> Needs {
    Needs {
        exchange: true,
        tenant: true,
        zone: true,
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    if let Some(host) = &cx.memory.new_host {
        return Next::Done(format!("Exchange Online assigned {host}"));
    }
    let exchange = match &cx.facts.exchange {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => return Next::blocked(refused(why)),
        other => return Next::blocked(unknown(other.why_unknown())),
    };
    if let Some(instructions) = cx.memory.asked.get(cx.step) {
        return Next::Ask(Question::ByHand {
            instructions: instructions.clone(),
        });
    }
    if let Some(expected) = &exchange.expected_mx
        && exchange.dnssec == FeatureState::Enabled
        && let Some(other) = cx
            .facts
            .tenant
            .known()
            .and_then(|tenant| graph_differs(tenant, expected))
    {
        return Next::wait(
            WaitFor::Service,
            format!(
                "Exchange Online names MX {expected} for {}, Graph names {other}: one of the two lags or errs",
                cx.setup.domain
            ),
            "both naming the same host, or --mx-host with what Enable-DnssecForVerifiedDomain printed",
        );
    }
    if exchange.dnssec == FeatureState::Enabled {
        return Next::blocked(Finding::could_not_tell(
            "exchange.mx-host",
            format!(
                "Exchange Online says that DNSSEC is enabled for {}, but does not name its MX host under {NEW_ZONE}",
                cx.setup.domain
            ),
            "the host is assigned by Microsoft and must not be guessed",
            "read DnssecMxValue or ExpectedMxRecord in PowerShell and give it with --mx-host",
        ));
    }
    let action = Action::EnableDnssec;
    if let Some(since) = cx.memory.performed.get(action.name()) {
        return Next::wait(
            WaitFor::Service,
            format!(
                "Exchange Online answered Enable-DnssecForVerifiedDomain with success at {}, but names no MX host of {} yet",
                crate::kernel::utc(*since),
                cx.setup.domain
            ),
            "Exchange Online naming it, or --mx-host",
        );
    }
    write_mx::unknown_outcome(cx, &action, cx.facts.exchange.at(), || {
        Some(exchange.dnssec == FeatureState::Disabled)
    })
    .unwrap_or(Next::Act(Action::EnableDnssec))
}

pub(super) fn refused(why: &str) -> Finding {
    catalogue::EXCHANGE_REFUSED.found(why)
}

pub(super) fn unknown(why: &str) -> Finding {
    catalogue::EXCHANGE_UNREACHABLE.found(format!("Exchange Online could not be asked: {why}"))
}
