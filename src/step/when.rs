//! Whether a change is wanted now: change windows and freezes hold up the start of effects, and of what is left to a person.
//!
//! After the kernel and the gate: a person may agree beforehand. A run between two of its effects is safe as it stands
//! (S2), so nothing that was begun has to be ended outside a window; what does is first aid, and exempt like the way back.

use super::{Context, Finding, Next, Question, Wait, WaitFor, catalogue};
use crate::calendar::Standing;
use crate::playbook::Goal;
use crate::world::Fact;

/// What a step says, unless it starts a change that is not wanted now. `first_aid`: it lessens a harm that is there.
#[must_use]
pub fn wanted_now(goal: Goal, cx: &Context<'_>, next: Next, first_aid: bool) -> Next {
    let calendar = &cx.setup.change;
    if calendar.is_empty() || !starts_a_change(cx, &next) {
        return next;
    }
    if (first_aid || goes_back(goal)) && !calendar.rollback {
        return next;
    }
    if let Some(unknown) = freezes_unknown(cx) {
        return Next::blocked(unknown);
    }
    let from_file = cx.facts.freezes.known().map_or(&[][..], Vec::as_slice);
    match calendar.standing(from_file, cx.now) {
        Standing::Open => next,
        Standing::Closed { opens, because } => Next::Wait(Wait {
            kind: WaitFor::Window,
            until: opens,
            why: because,
            sooner:
                "a change of `change:` in the domain file or of the freeze file, then rollout apply"
                    .to_owned(),
        }),
    }
}

/// That nobody can tell whether there is a freeze, if so.
pub(super) fn freezes_unknown(cx: &Context<'_>) -> Option<Finding> {
    if !cx.setup.change.freeze_file || matches!(cx.facts.freezes, Fact::Known { .. }) {
        return None;
    }
    Some(catalogue::CHANGE_FREEZES.found(cx.facts.freezes.why_unknown()))
}

/// An effect, or a person asked for the first time to make a change.
fn starts_a_change(cx: &Context<'_>, next: &Next) -> bool {
    match next {
        Next::Act(_) => true,
        Next::Ask(Question::ByHand { .. }) => !cx.memory.asked.contains_key(cx.step),
        _ => false,
    }
}

fn goes_back(goal: Goal) -> bool {
    let back = matches!(
        goal,
        Goal::MtaStsBack
            | Goal::RestoreMx { .. }
            | Goal::RestoreTtl
            | Goal::RestoreMtaSts
            | Goal::WithdrawDs
            | Goal::UnsignZone
    );
    back || goal.kind().is_first_aid()
}
