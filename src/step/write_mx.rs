//! What all steps that change the MX RRset have in common.
//!
//! The RRset is compared with what the run expects on every authoritative address before anything is
//! written. A set that is neither what was expected, nor what it was before, nor a later stage of the
//! move is somebody else's change: a conflict, and nothing is overwritten (S1).

use super::{Context, Finding, Next, Question, Wait, WaitFor};
use crate::world::{Action, Fact, MxRrset, Needs};

/// The facts such a step needs; the provider is asked when an earlier outcome is unknown.
pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        provider: true,
        provider_again: cx.memory.unknown.contains_key("write-mx"),
        ..cx.needs_to_write_mx()
    }
}

/// Moves the MX RRset towards a goal.
pub(super) fn toward(
    cx: &Context<'_>,
    reached: impl Fn(&MxRrset) -> bool,
    target: impl FnOnce(&MxRrset) -> MxRrset,
) -> Next {
    let zone = match &cx.facts.zone {
        Fact::Known { value, .. } => value,
        other => return Next::blocked(zone_unknown(cx, other.why_unknown())),
    };
    let Some(expected) = &cx.memory.expected else {
        return Next::wait(
            WaitFor::Visible,
            format!(
                "the servers of {} do not serve the same MX RRset",
                zone.apex
            ),
            "all of them serving one version",
        );
    };
    if let Some(agreed) = zone.agreed_mx()
        && reached(&agreed)
        && agreed == *expected
    {
        return Next::Done(format!(
            "all {} addresses serve MX {agreed}",
            zone.servers.len()
        ));
    }
    let mut lagging = Vec::new();
    for server in &zone.servers {
        match server.mx.got() {
            Some((set, ttl)) => {
                let seen = MxRrset {
                    set: set.clone(),
                    ttl,
                };
                if seen == *expected {
                    continue;
                }
                if Some(&seen) != cx.memory.previous.as_ref() && !is_known(cx, &seen) {
                    return Next::blocked(conflict(expected, &seen, &server.server));
                }
                lagging.push(format!("{} still serves MX {seen}", server.server));
            }
            None => lagging.push(format!("{} does not answer", server.server)),
        }
    }
    if !lagging.is_empty() || reached(expected) {
        return Next::Wait(Wait {
            kind: WaitFor::Visible,
            until: None,
            why: lagging,
            sooner: format!("every address serving MX {expected}"),
        });
    }
    if let Some(instructions) = cx.memory.asked.get(cx.step) {
        return Next::Ask(Question::ByHand {
            instructions: instructions.clone(),
        });
    }
    let action = Action::WriteMx {
        before: expected.clone(),
        after: target(expected),
    };
    match unknown_outcome(cx, &action, |cx| {
        let provider = cx.facts.provider.known()?;
        Some(provider.mx.as_ref()? == expected)
    }) {
        Some(wait) => wait,
        None => Next::Act(action),
    }
}

/// Whether a set that differs from the expected one is still a stage on the way (servers catching up with
/// a change made by hand).
fn is_known(cx: &Context<'_>, seen: &MxRrset) -> bool {
    let expected = cx.memory.expected.as_ref();
    cx.stage_of(&seen.set).is_some_and(|stage| {
        expected.is_some_and(|e| {
            e.set == seen.set || cx.stage_of(&e.set).is_some_and(|before| stage > before)
        })
    })
}

/// While the outcome of this action is unknown: wait until it must have shown, then look whether it was
/// lost. `lost` answers from facts: `Some(true)` when the world is provably as before.
pub(super) fn unknown_outcome(
    cx: &Context<'_>,
    action: &Action,
    lost: impl FnOnce(&Context<'_>) -> Option<bool>,
) -> Option<Next> {
    let since = *cx.memory.unknown.get(action.name())?;
    let settled = since.checked_add(cx.setup.settle).unwrap_or(since);
    if cx.now >= settled && lost(cx) == Some(true) {
        return None;
    }
    Some(Next::Wait(Wait {
        kind: WaitFor::Service,
        until: (cx.now < settled).then_some(settled),
        why: vec![format!(
            "the answer to \"{action}\" at {} never came: it is being observed, not repeated",
            crate::kernel::utc(since)
        )],
        sooner: "its effect showing, or proof that it was lost".to_owned(),
    }))
}

fn conflict(expected: &MxRrset, seen: &MxRrset, server: &str) -> Finding {
    Finding::blocker(
        "mx.conflict",
        format!("{server} serves MX {seen}, but the run expects MX {expected}"),
        "somebody else changed the RRset; overwriting it could undo what they meant",
        "restore the expected RRset, or abort this run and plan again from what is there now",
    )
}

/// The zone could not be observed.
pub(super) fn zone_unknown(cx: &Context<'_>, why: &str) -> Finding {
    Finding::could_not_tell(
        "dns.zone",
        format!(
            "the MX RRset of {} could not be observed: {why}",
            cx.setup.domain
        ),
        "without seeing what every server serves, no change is safe",
        "check that the zone's servers and the resolvers in the domain file answer from here",
    )
}
