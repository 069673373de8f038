//! A step's wish, held against the kernel and the gate.
//!
//! Order is data, safety is code: whatever a playbook says, a change passes here before it is made.

use crate::kernel::{Change, Delegation, Rule, Verdict, Violation, ZoneKeys, publish};
use crate::playbook::{Goal, PlannedStep, StepKind};
use crate::step::{self, Alarm, Context, Finding, Next, Question, Stage, Wait, WaitFor};
use crate::world::Action;

/// What to do next for one step: pure.
#[must_use]
pub fn decide(step: &PlannedStep, cx: &Context<'_>) -> Next {
    // Waits end at absolute instants, so nothing is concluded from a clock that cannot be trusted (T5).
    // Preflight reports it among its other findings.
    if let Some(seconds) = cx.facts.clock_jumped
        && step.goal.kind() != StepKind::Preflight
    {
        return Next::blocked(Finding::clock_jumped(seconds));
    }
    let Some(alarm) = Alarm::of(step.goal, cx) else {
        return step::when::wanted_now(step.goal, cx, undisturbed(step, cx, None), false);
    };
    let next = under_alarm(step, cx, &alarm, undisturbed(step, cx, Some(&alarm)));
    // What is still done once the host is known to be away, is what helps.
    step::when::wanted_now(step.goal, cx, next, alarm.is_proven())
}

/// The legacy host went away while a cache may name it: nothing goes on but what helps.
fn under_alarm(step: &PlannedStep, cx: &Context<'_>, alarm: &Alarm, next: Next) -> Next {
    match next {
        Next::Done(_) => next,
        Next::Act(ref action) if !alarm.is_proven() => {
            // Where nobody could tell, waiting and looking go on; what relies on the host does not.
            if alarm.concerns(cx, action) {
                Next::blocked(alarm.finding())
            } else {
                next
            }
        }
        Next::Act(ref action) if alarm.is_lessened_by(cx, action) => next,
        // Only a change that helps comes as far as its gate's question.
        Next::Ask(Question::Approve { ref gate, .. })
            if alarm.is_proven() && matches!(step.goal, Goal::SwapMx { .. } | Goal::RemoveMx) =>
        {
            Next::blocked(alarm.at_gate(cx, gate))
        }
        Next::Blocked(mut findings) if alarm.explains(&findings) => {
            findings.insert(0, alarm.finding());
            Next::Blocked(findings)
        }
        _ if alarm.is_proven() => Next::blocked(alarm.finding()),
        _ => next,
    }
}

fn undisturbed(step: &PlannedStep, cx: &Context<'_>, alarm: Option<&Alarm>) -> Next {
    if let Some(until) = cx.memory.not_before.get(&step.id)
        && cx.now < *until
    {
        let asked_by = step::asked_for_patience(cx.memory.patience_why.get(&step.id));
        return Next::Wait(Wait {
            kind: WaitFor::Service,
            until: Some(*until),
            why: vec![asked_by],
            sooner: "nothing: the service named the time itself".to_owned(),
        });
    }
    match step::next(step.goal, cx) {
        Next::Act(action) => guard(step, cx, action, alarm),
        Next::Done(what) if step.goal.kind().is_a_persons_word() => vouched(step, cx, what),
        other => other,
    }
}

/// What only a person can see is as they say: at the step's gate, which the check of playbooks asks for.
fn vouched(step: &PlannedStep, cx: &Context<'_>, what: String) -> Next {
    let Some(gate) = &step.gate else {
        return Next::blocked(Finding::blocker(
            "gate.missing",
            format!("step {} has no gate, so nobody can vouch for it", step.id),
            "a person's word is all it rests on",
            "give the step a gate in the playbook",
        ));
    };
    match cx.memory.approvals.get(&gate.name) {
        Some(approval) => Next::Done(format!("{} vouches for it: {what}", approval.by)),
        None => Next::Ask(Question::Approve {
            gate: gate.name.clone(),
            about: gate.about.clone(),
            effect: what,
        }),
    }
}

fn guard(step: &PlannedStep, cx: &Context<'_>, action: Action, alarm: Option<&Alarm>) -> Next {
    match verdict(cx, &action, alarm) {
        Verdict::Now => {}
        Verdict::NotBefore(until, because) => {
            return Next::Wait(Wait {
                kind: WaitFor::Expiry,
                until: Some(until),
                why: because.iter().map(ToString::to_string).collect(),
                sooner: "nothing: caches outside cannot be flushed".to_owned(),
            });
        }
        Verdict::No(violations) => {
            return Next::Blocked(violations.iter().map(|v| refusal(&action, v)).collect());
        }
    }
    if let Some(gate) = &step.gate
        && !cx.memory.approvals.contains_key(&gate.name)
    {
        return Next::Ask(Question::Approve {
            gate: gate.name.clone(),
            about: gate.about.clone(),
            effect: action.to_string(),
        });
    }
    Next::Act(action)
}

fn verdict(cx: &Context<'_>, action: &Action, alarm: Option<&Alarm>) -> Verdict {
    let (change, way_back) = match action {
        Action::WriteMx { before, after } => {
            // Once the legacy host is gone from the set, or from the world, the way back no longer decides.
            let lost = alarm.is_some_and(Alarm::is_proven);
            let way_back = (!lost && cx.stage_of(&before.set) != Some(Stage::Removed))
                .then(|| cx.original().map(|original| &original.set))
                .flatten();
            (Change::Mx(after.set.clone(), after.ttl), way_back)
        }
        Action::SignZone => (
            Change::Keys(ZoneKeys::Signed(std::collections::BTreeSet::new())),
            None,
        ),
        Action::PublishDs { ds } => (
            Change::Delegation(Delegation::Secure(ds.iter().cloned().collect())),
            None,
        ),
        Action::WithdrawDs { .. } => (Change::Delegation(Delegation::Insecure), None),
        Action::UnsignZone => (Change::Keys(ZoneKeys::Unsigned), None),
        Action::WritePolicy { after, .. } => {
            // A policy with which the way back stood open keeps it open while the old hosts are listed.
            let listed = cx
                .memory
                .expected
                .as_ref()
                .is_some_and(|mx| cx.stage_of(&mx.set) != Some(Stage::Removed));
            let way_back = (listed && !cx.memory.restoring)
                .then(|| cx.original().map(|original| &original.set))
                .flatten();
            (Change::Policy(after.policy()), way_back)
        }
        // The policy that it announces was judged when that was written, and is served.
        Action::WriteTxt { .. } => return Verdict::Now,
        // Cmdlets change no record of the domain; S5 is judged by the step itself.
        Action::EnableDnssec | Action::EnableDane | Action::DisableDane => return Verdict::Now,
    };
    publish(
        &cx.memory.caches,
        &cx.memory.actors,
        &change,
        way_back,
        &cx.setup.timing,
        cx.now,
    )
}

fn refusal(action: &Action, violation: &Violation) -> Finding {
    let id = match violation.rule {
        Rule::Reachable => "safety.reachable",
        Rule::NeverBogus => "safety.never-bogus",
        Rule::NoTlsaMismatch => "safety.tlsa",
        Rule::PolicyAdmits => "safety.mta-sts",
        Rule::WellFormed => "safety.well-formed",
        Rule::WayBack => "safety.way-back",
        Rule::Protected => "safety.protected",
    };
    let what = format!("to {action} is not safe: {violation}");
    let why = "some sender, with what its caches may hold, would fail to deliver";
    let mend = "nothing was changed; the run goes on by itself once this no longer holds";
    if violation.could_not_tell {
        Finding::could_not_tell(id, what, why, mend)
    } else {
        Finding::blocker(id, what, why, mend)
    }
}
