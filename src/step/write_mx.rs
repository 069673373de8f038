//! What all steps that change the MX RRset have in common.
//!
//! The RRset is compared with what the run expects on every authoritative address before anything is
//! written. A set that is neither what was expected, nor what it was before, nor a later stage of the
//! move is somebody else's change: a conflict, and nothing is overwritten (S1).

use std::time::Duration;

use jiff::Timestamp;

use super::{Context, Finding, Next, Question, Wait, WaitFor, catalogue};
use crate::world::{Action, Fact, MxRrset, Needs, ZoneFacts};

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
    if let Err(next) = as_expected(cx, zone, expected) {
        return *next;
    }
    if reached(expected) {
        return Next::Done(format!(
            "all {} addresses serve MX {expected}",
            zone.servers.len()
        ));
    }
    // What a person was asked to replace is another set by now: what they have in hand does not fit it any more.
    if let Some(instructions) = cx.memory.asked.get(cx.step)
        && cx.memory.attempted.is_some()
    {
        return Next::Ask(Question::ByHand {
            instructions: instructions.clone(),
        });
    }
    let action = Action::WriteMx {
        before: expected.clone(),
        after: target(expected),
    };
    match unknown_outcome(cx, &action, cx.facts.provider.at(), || {
        let provider = cx.facts.provider.known()?;
        // A person cannot be looked at as an API can, and is asked again without harm.
        if provider.manual {
            return Some(true);
        }
        Some(provider.mx.as_ref()? == expected)
    }) {
        Some(wait) => wait,
        None => Next::Act(action),
    }
}

/// Whether every address serves exactly what the run expects; otherwise who lags, or whose change it is.
pub(super) fn as_expected(
    cx: &Context<'_>,
    zone: &ZoneFacts,
    expected: &MxRrset,
) -> Result<(), Box<Next>> {
    if let Some(agreed) = zone.agreed_mx()
        && agreed != *expected
        && cx.memory.expected_seen
        && Some(&agreed) == cx.memory.previous.as_ref()
    {
        // What was expected had been seen everywhere, so this is no lag: somebody put it back.
        return Err(Box::new(Next::blocked(conflict(
            expected,
            &agreed,
            "every server",
        ))));
    }
    let mut lagging = Vec::new();
    for server in &zone.servers {
        let Some((set, ttl)) = server.mx.got() else {
            lagging.push(format!(
                "{} does not answer for MX of {}",
                server.server, cx.setup.domain
            ));
            continue;
        };
        let seen = MxRrset {
            set: set.clone(),
            ttl,
        };
        if seen == *expected {
            continue;
        }
        let ours = [&cx.memory.previous, &cx.memory.attempted];
        if !ours.contains(&&Some(seen.clone())) && !is_known(cx, &seen) {
            return Err(Box::new(Next::blocked(conflict(
                expected,
                &seen,
                &server.server,
            ))));
        }
        lagging.push(format!("{} still serves MX {seen}", server.server));
    }
    if lagging.is_empty() {
        return Ok(());
    }
    Err(Box::new(Next::Wait(Wait {
        kind: WaitFor::Visible,
        until: None,
        why: lagging,
        sooner: format!("every address serving MX {expected}"),
    })))
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
/// lost. `lost` answers from facts seen at `observed`: `Some(true)` when the world is provably as before.
/// What was seen before the effect had its time to show proves nothing (S6).
pub(super) fn unknown_outcome(
    cx: &Context<'_>,
    action: &Action,
    observed: Option<Timestamp>,
    lost: impl FnOnce() -> Option<bool>,
) -> Option<Next> {
    let since = *cx.memory.unknown.get(action.name())?;
    let settle = match action {
        Action::EnableDnssec | Action::EnableDane | Action::DisableDane => cx.setup.settle_cmdlet,
        // A registry takes its time; only when it is overdue is silence a sign that it was never told.
        Action::PublishDs { .. } | Action::WithdrawDs { .. } => cx.setup.overdue,
        Action::WritePolicy { .. } => cx.setup.mta_sts.settle(cx.setup),
        Action::WriteMx { .. }
        | Action::WriteTxt { .. }
        | Action::SignZone
        | Action::UnsignZone => cx.setup.settle,
    };
    let settled = since.checked_add(settle).unwrap_or(since);
    if observed >= Some(settled) && lost() == Some(true) {
        return None;
    }
    Some(Next::Wait(Wait {
        kind: WaitFor::Service,
        until: (cx.now < settled).then_some(settled),
        why: vec![format!(
            "{} was told to {action} at {}, and its answer never came: the effect is being observed, not repeated",
            action.told(),
            crate::kernel::utc(since)
        )],
        sooner: "its effect showing, or proof that it was lost".to_owned(),
    }))
}

/// An earlier effect of this name whose answer never came may still show until then, and would undo what is to be called done.
pub(super) fn may_still_show(cx: &Context<'_>, name: &str, settle: Duration) -> Option<Next> {
    let since = *cx.memory.unknown.get(name)?;
    let settled = since.checked_add(settle).unwrap_or(since);
    (cx.now < settled).then(|| {
        Next::Wait(Wait {
            kind: WaitFor::Service,
            until: Some(settled),
            why: vec![format!(
                "an answer to {name} of {} never came: its effect may still show, and would undo this",
                crate::kernel::utc(since)
            )],
            sooner: "its effect showing".to_owned(),
        })
    })
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
    catalogue::DNS_ZONE.found(format!(
        "the MX RRset of {} could not be observed: {why}",
        cx.setup.domain
    ))
}
