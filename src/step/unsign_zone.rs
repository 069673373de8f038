//! Goal: no authoritative address serves signatures any more. The kernel lets it come only when no cache can hold a DS (S4).

use super::{Context, Next, Question, WaitFor, sign_zone, write_mx};
use crate::kernel::ZoneKeys;
use crate::world::{Action, Fact, Needs, SigningFacts};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        zone: true,
        parent: true,
        provider: true,
        provider_again: cx.memory.unknown.contains_key(Action::UnsignZone.name()),
        ..Needs::default()
    }
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let zone = match &cx.facts.zone {
        Fact::Known { value, .. } => value,
        other => return Next::blocked(write_mx::zone_unknown(cx, other.why_unknown())),
    };
    if let Some(ZoneKeys::Unsigned) = zone.agreed_keys() {
        let done = || Next::Done(format!("no server of {} serves a DNSKEY", zone.apex));
        return write_mx::may_still_show(cx, Action::SignZone.name(), cx.setup.settle)
            .unwrap_or_else(done);
    }
    let provider = match &cx.facts.provider {
        Fact::Known { value, .. } => value,
        Fact::Refused { why, .. } => return Next::blocked(sign_zone::refused(why)),
        other => return Next::blocked(sign_zone::unknown(other.why_unknown())),
    };
    if let Some(instructions) = cx.memory.asked.get(cx.step) {
        return Next::Ask(Question::ByHand {
            instructions: instructions.clone(),
        });
    }
    let action = Action::UnsignZone;
    if cx.memory.performed.contains_key(action.name()) || provider.signing == SigningFacts::Off {
        return Next::wait(
            WaitFor::Visible,
            format!("a server of {} still serves its DNSKEY RRset", zone.apex),
            "every address serving the unsigned zone",
        );
    }
    write_mx::unknown_outcome(cx, &action, cx.facts.provider.at(), || {
        // Where a person does it, nobody can be looked at, and they are asked again without harm.
        Some(!matches!(
            provider.signing,
            SigningFacts::Off | SigningFacts::Pending
        ))
    })
    .unwrap_or(Next::Act(action))
}
