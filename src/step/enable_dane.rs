//! Goal: inbound SMTP DANE is on, so that Microsoft publishes TLSA records for the new host.
//!
//! Only when the host validates as secure and its TLS is proven on every address (S5).

use super::enable_dnssec::{refused, unknown};
use super::{Context, Next, Question, add_mx, prove_host, write_mx};
use crate::world::{Action, Fact, FeatureState, Needs, TlsaFacts};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        exchange: true,
        ..prove_host::needs(cx)
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let Some(host) = &cx.memory.new_host else {
        return add_mx::no_host();
    };
    if let Some(facts) = cx.facts.host(host)
        && let TlsaFacts::Records { records, .. } = &facts.tlsa
    {
        return Next::Done(format!("{host} has {} TLSA records", records.len()));
    }
    let exchange = match &cx.facts.exchange {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => return Next::blocked(refused(why)),
        other => return Next::blocked(unknown(other.why_unknown())),
    };
    if exchange.dane == FeatureState::Enabled {
        return Next::Done("Exchange Online says that inbound DANE is enabled".to_owned());
    }
    let action = Action::EnableDane;
    if !exchange.manual && cx.memory.performed.contains_key(action.name()) {
        return Next::Done("Enable-SmtpDaneInbound was answered with success".to_owned());
    }
    if let Err(next) = prove_host::proof(cx, host, None) {
        return *next;
    }
    if let Some(instructions) = cx.memory.asked.get(cx.step) {
        return Next::Ask(Question::ByHand {
            instructions: instructions.clone(),
        });
    }
    write_mx::unknown_outcome(cx, &action, cx.facts.exchange.at(), || {
        Some(exchange.dane == FeatureState::Disabled)
    })
    .unwrap_or(Next::Act(Action::EnableDane))
}
