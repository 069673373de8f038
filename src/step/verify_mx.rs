//! Goal: everybody who looks sees a set on which mail works, for as long as the soak lasts.

use std::time::Duration;

use super::next::HOST_REJECTS;
use super::{Context, Finding, Next, Stage, Wait, WaitFor, legacy, verdict, write_mx};
use crate::kernel::Accepts;
use crate::playbook::Expect;
use crate::world::{Answer, Fact, MxRrset, Needs, ZoneFacts};

pub(super) fn needs(cx: &Context<'_>, expect: Expect) -> Needs {
    Needs {
        vantages: true,
        // The verdict is dear: it is asked when everything else is there.
        verdict: cx
            .zone()
            .and_then(ZoneFacts::agreed_mx)
            .is_some_and(|agreed| is_it(cx, expect, &agreed)),
        ..cx.needs_to_write_mx()
    }
}

/// Whether this is the set that is looked for. The original one may have listed the new host already, so its stage says
/// nothing.
fn is_it(cx: &Context<'_>, expect: Expect, agreed: &MxRrset) -> bool {
    match expect {
        Expect::Original => cx.original().is_some_and(|found| found.set == agreed.set),
        _ => cx.stage_of(&agreed.set) == Some(stage(expect)),
    }
}

pub(super) fn next(cx: &Context<'_>, expect: Expect, soak: Duration) -> Next {
    let wanted = stage(expect);
    let zone = match &cx.facts.zone {
        Fact::Known { value, .. } => value,
        other => return Next::blocked(write_mx::zone_unknown(cx, other.why_unknown())),
    };
    if let Some(expected) = &cx.memory.expected
        && let Err(next) = write_mx::as_expected(cx, zone, expected)
    {
        return *next;
    }
    let agreed = zone.agreed_mx();
    let stage = agreed.as_ref().and_then(|mx| cx.stage_of(&mx.set));
    // The way back ends at the set that was found; everywhere else a later stage will do.
    let further = |stage: Stage| expect != Expect::Original && stage > wanted;
    let Some((agreed, stage)) = agreed
        .zip(stage)
        .filter(|(agreed, stage)| is_it(cx, expect, agreed) || further(*stage))
    else {
        let servers: Vec<_> = zone.servers.iter().map(|s| &*s.server).collect();
        let host = cx.memory.new_host.as_ref();
        let named = host.map_or_else(String::new, |host| format!("; the new host is {host}"));
        return Next::wait(
            WaitFor::Visible,
            format!(
                "{} do not serve the MX set of {} that this step looks for{named}",
                servers.join(", "),
                cx.setup.domain
            ),
            "all of them serving it",
        );
    };
    if further(stage) {
        return Next::Done("the MX set is already further on".to_owned());
    }
    // Hosts that this stage relies on: the preferred one must take mail.
    let mut away = None;
    for host in agreed.set.hosts() {
        if let Some(since) = legacy::away_since(cx, host) {
            away = Some((host, since));
            continue;
        }
        let accepts = cx.memory.actors.get(host).accepts;
        // Silence may pass, and senders try again; a refusal returns mail now. That it was good is still so at the next look.
        let memory = cx.memory;
        let was_good =
            memory.good_since.contains_key(cx.step) || memory.turned_bad.contains_key(cx.step);
        if accepts == Accepts::Rejects && was_good {
            return Next::blocked(Finding::blocker(
                HOST_REJECTS,
                format!(
                    "{host} took mail for {} and refuses it for good now",
                    cx.setup.domain
                ),
                "senders return such mail at once instead of trying again (RFC 5321 section 4.2.1)",
                "find out at the host's side what changed; until then `rollout rollback` brings the mail back to where it went before",
            ));
        }
        if accepts != Accepts::Yes {
            return Next::wait(
                WaitFor::Service,
                format!("{host} was not seen taking mail"),
                "its answer on port 25",
            );
        }
    }
    if let Some(finding) = vantages(cx) {
        return Next::blocked(finding);
    }
    if let Some((host, since)) = away {
        return without(cx, host, since, wanted, soak);
    }
    if let Err(next) = verdict::arrives(cx) {
        return *next;
    }
    let since = cx.memory.good_since.get(cx.step).copied().unwrap_or(cx.now);
    let until = since.checked_add(soak).unwrap_or(since);
    if cx.now >= until {
        let seen_by = match cx.facts.vantages.len() {
            0 => String::new(),
            count => format!(", {count} resolvers answer for it"),
        };
        Next::Done(format!(
            "every server serves MX {agreed}, every host takes mail{seen_by}"
        ))
    } else {
        Next::Wait(Wait {
            kind: WaitFor::Soak,
            until: Some(until),
            why: vec![format!(
                "soaking since {}: all {} servers serve MX {agreed}, and every host takes mail",
                crate::kernel::utc(since),
                zone.servers.len()
            )],
            sooner: "a shorter soak in the domain file's settings".to_owned(),
        })
    }
}

/// The legacy host is away, and the new one takes the mail: what would be waited for is lost already. As long as senders try
/// it first, every minute counts; as a fallback it may come back for as long as the soak lasts.
fn without(
    cx: &Context<'_>,
    host: &crate::kernel::Host,
    since: jiff::Timestamp,
    stage: Stage,
    soak: Duration,
) -> Next {
    let until = match stage {
        Stage::Added => since,
        _ => since.checked_add(soak).unwrap_or(since),
    };
    if cx.now < until {
        return Next::Wait(Wait {
            kind: WaitFor::Soak,
            until: Some(until),
            why: vec![format!(
                "{host} has been away since {}, and may come back",
                crate::kernel::utc(since)
            )],
            sooner: "a shorter soak in the domain file's settings".to_owned(),
        });
    }
    Next::Done(format!(
        "{host} is away, so there is no sense in waiting with it; every other host takes mail"
    ))
}

const fn stage(expect: Expect) -> Stage {
    match expect {
        Expect::Original => Stage::Original,
        Expect::Added => Stage::Added,
        Expect::Swapped => Stage::Swapped,
        Expect::Removed => Stage::Removed,
    }
}

/// A resolver that fails on the domain sees something that our own questions do not.
fn vantages(cx: &Context<'_>) -> Option<Finding> {
    let failed: Vec<_> = cx
        .facts
        .vantages
        .iter()
        .filter_map(|v| match &v.mx {
            Answer::Failed { why } => Some(format!("{}: {why}", v.vantage)),
            Answer::Got { .. } => None,
        })
        .collect();
    (!failed.is_empty()).then(|| {
        Finding::could_not_tell(
            "vantage.failed",
            format!(
                "a resolver does not answer for MX of {}: {}",
                cx.setup.domain,
                failed.join("; ")
            ),
            "senders behind such a resolver cannot deliver",
            "look whether the zone is bogus for it; if the resolver is simply unreachable from here, take it out of `resolve.resolvers`",
        )
    })
}
