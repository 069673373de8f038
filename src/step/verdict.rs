//! What steps make of the verdict on the whole domain: the same that `rollout verify` gives.

use super::next::SENDER_LOSES_MAIL;
use super::{Context, Finding, Next, Severity, Wait, WaitFor};
use crate::world::{Arrives, Fact, Profile, Verdict, VerdictFacts};

fn known<'a>(cx: &Context<'a>) -> Result<&'a VerdictFacts, Box<Next>> {
    match &cx.facts.verdict {
        Fact::Known { value, .. } => Ok(value),
        other => Err(Box::new(Next::blocked(Finding::could_not_tell(
            "verdict.unknown",
            format!(
                "whether mail to {} arrives could not be told as a whole: {}",
                cx.setup.domain,
                other.why_unknown()
            ),
            "a change is built only on what was seen to work",
            "run again",
        )))),
    }
}

/// Mail from every kind of sender arrives.
pub(super) fn arrives(cx: &Context<'_>) -> Result<(), Box<Next>> {
    let verdict = known(cx)?;
    let mut found = Vec::new();
    for sender in &verdict.senders {
        // Who insists on DANE gets no mail through until the move is over: that is what it insists on.
        if sender.profile == Profile::Mandatory {
            continue;
        }
        let name = sender.profile.name();
        match sender.arrives {
            Arrives::No => found.push(
                Finding::blocker(
                    SENDER_LOSES_MAIL,
                    format!("mail from {name} senders does not arrive: {}", sender.why),
                    "senders of this kind are out there, and their mail waits or bounces",
                    "see `rollout verify` for the cause; the run goes on when it is mended",
                )
                .about(name),
            ),
            // Where the domain file accepts that hosts cannot be probed, senders cannot be followed to the end.
            Arrives::CouldNotTell if cx.setup.probe_required => found.push(
                Finding::could_not_tell(
                    "sender.unknown",
                    format!(
                        "whether mail from {name} senders arrives could not be told: {}",
                        sender.why
                    ),
                    "a change is built only on what was seen to work",
                    "run again; see `rollout verify` for the cause",
                )
                .about(name),
            ),
            Arrives::Yes | Arrives::Degraded | Arrives::CouldNotTell => {}
        }
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(Box::new(Next::Blocked(found)))
    }
}

/// Mail arrives and is protected, whoever sends.
pub(super) fn safe(cx: &Context<'_>) -> Result<(), Box<Next>> {
    let verdict = known(cx)?;
    let stopping: Vec<Finding> = verdict
        .findings
        .iter()
        .filter(|finding| finding.stops() && !accepted(cx, finding))
        .cloned()
        .collect();
    if let Verdict::NotYet { from } = verdict.verdict
        && from > cx.now
        && stopping.is_empty()
    {
        let why = verdict.findings.iter().map(|f| f.what.clone()).collect();
        return Err(Box::new(Next::Wait(Wait {
            kind: WaitFor::Expiry,
            until: Some(from),
            why,
            sooner: "nothing: caches outside cannot be flushed".to_owned(),
        })));
    }
    if stopping.is_empty() {
        return Ok(());
    }
    let unclear = stopping
        .iter()
        .all(|finding| finding.severity == Severity::CouldNotTell);
    if unclear {
        return Err(Box::new(Next::Blocked(stopping)));
    }
    let why: Vec<String> = stopping.into_iter().map(|finding| finding.what).collect();
    Err(Box::new(Next::Wait(Wait {
        kind: WaitFor::Visible,
        until: None,
        why,
        sooner: "all of it seen to be right".to_owned(),
    })))
}

/// Whether the domain file accepts not knowing this: `smtp.probe: advisory`.
fn accepted(cx: &Context<'_>, finding: &Finding) -> bool {
    !cx.setup.probe_required && matches!(finding.id.as_str(), "smtp.unreached" | "sender.unknown")
}

/// What preflight adds from the verdict: what is broken in the zone or at its servers, which the move cannot mend and
/// must not build on.
pub(super) fn before_the_start(cx: &Context<'_>, found: &mut Vec<Finding>) {
    if let Ok(verdict) = known(cx) {
        found.extend(
            verdict
                .findings
                .iter()
                .filter(|finding| bears_on_the_start(finding))
                .cloned(),
        );
    }
}

/// The move mends what is unsigned or unprotected. What is broken in the zone or at its servers it cannot start on.
pub fn bears_on_the_start(finding: &Finding) -> bool {
    const MENDED_BY_THE_MOVE: [&str; 2] = ["dnssec.unsigned", "dnssec.island"];
    // Preflight looks at the same in its own way, and says until when.
    const SAID_BY_PREFLIGHT: [&str; 8] = [
        "delegation.differs",
        "dnssec.delegation",
        "dnssec.resolvers-differ",
        "server.differs",
        "server.no-path",
        "server.serial",
        "server.silent",
        "servers.unknown",
    ];
    let area = finding.id.split('.').next().unwrap_or_default();
    matches!(area, "dnssec" | "server" | "servers" | "delegation")
        && !MENDED_BY_THE_MOVE.contains(&finding.id.as_str())
        && !SAID_BY_PREFLIGHT.contains(&finding.id.as_str())
        && finding.severity > Severity::Note
}
