//! Goal: the parent has no DS for the zone any more. Its TTL is waited out before the zone is unsigned (S4).

use std::collections::BTreeSet;

use super::{Context, Finding, Next, Question, Wait, WaitFor, write_mx};
use crate::kernel::KeyId;
use crate::world::{Action, Fact, Needs};

pub(super) fn needs(_cx: &Context<'_>) -> Needs {
    Needs {
        zone: true,
        parent: true,
        ..Needs::default()
    }
}

/// How many times as long as it takes until it is called overdue a DS that was told may take until it appears: two days at an
/// hour. Registries publish within minutes, or with the next of a few batches a day; a person may be slower.
const APPEARS: u32 = 48;

/// A DS that was told to the registrar, or to a person, and that nobody serves yet: it can appear at any moment, also over a
/// zone that is unsigned by then, which would make the domain bogus. A signed zone without a DS harms nobody meanwhile.
fn on_its_way(cx: &Context<'_>, zone: &str) -> Option<Wait> {
    let told = cx.memory.ds_told?;
    let until = told
        .checked_add(cx.setup.overdue.saturating_mul(APPEARS))
        .unwrap_or(told);
    (cx.now < until).then(|| Wait {
        kind: WaitFor::Visible,
        until: Some(until),
        why: vec![format!(
            "a DS was on its way to {zone} at {}, and no server serves it yet: it may appear any moment",
            crate::kernel::utc(told)
        )],
        sooner: "all servers of the parent serving it, so that it can be taken away".to_owned(),
    })
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let parent = match &cx.facts.parent {
        Fact::Known { value, .. } => value,
        other => {
            return Next::blocked(Finding::could_not_tell(
                "dns.parent",
                format!("the parent could not be asked: {}", other.why_unknown()),
                "a DS that nobody sees cannot be judged",
                "check that the parent's servers answer from here",
            ));
        }
    };
    if let Some(ds) = parent.agreed_ds()
        && ds.is_empty()
    {
        return match on_its_way(cx, parent.zone.as_str()) {
            Some(wait) => Next::Wait(wait),
            None => Next::Done(format!("no server of {} serves a DS", parent.zone)),
        };
    }
    if let Some(instructions) = cx.memory.asked.get(cx.step) {
        return Next::Ask(Question::ByHand {
            instructions: instructions.clone(),
        });
    }
    let served: BTreeSet<KeyId> = parent
        .servers
        .iter()
        .filter_map(|server| server.ds.got())
        .flat_map(|(ds, _)| ds.iter().cloned())
        .collect();
    let action = Action::WithdrawDs {
        ds: served.into_iter().collect(),
    };
    if let Some(since) = cx.memory.performed.get(action.name()) {
        return Next::Wait(Wait {
            kind: WaitFor::Visible,
            until: None,
            why: vec![format!(
                "the registrar was told at {} to take the DS away; {} still serves it",
                crate::kernel::utc(*since),
                parent.zone
            )],
            sooner: "the registry taking it away".to_owned(),
        });
    }
    write_mx::unknown_outcome(cx, &action, cx.facts.parent.at(), || Some(true))
        .unwrap_or(Next::Act(action))
}
