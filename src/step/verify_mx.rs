//! Goal: everybody who looks sees a set on which mail works, for as long as the soak lasts.

use std::time::Duration;

use super::{Context, Finding, Next, Stage, Wait, WaitFor, write_mx};
use crate::kernel::Accepts;
use crate::playbook::Expect;
use crate::world::{Answer, Needs};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    Needs {
        vantages: true,
        ..cx.needs_to_write_mx()
    }
}

pub(super) fn next(cx: &Context<'_>, expect: Expect, soak: Duration) -> Next {
    let wanted = match expect {
        Expect::Added => Stage::Added,
        Expect::Swapped => Stage::Swapped,
        Expect::Removed => Stage::Removed,
    };
    let stage = match cx.stage() {
        Some(stage) if stage >= wanted => stage,
        _ => {
            return Next::wait(
                WaitFor::Visible,
                "not every address of the zone serves the expected MX set",
                "all of them serving it",
            );
        }
    };
    if stage > wanted {
        return Next::Done("the MX set is already further on".to_owned());
    }
    // Hosts that this stage relies on: the preferred one must take mail.
    let Some(agreed) = cx.zone().and_then(|zone| zone.agreed_mx()) else {
        return Next::blocked(write_mx::zone_unknown(cx, "its servers disagree"));
    };
    for host in agreed.set.hosts() {
        if cx.memory.actors.get(host).accepts != Accepts::Yes {
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
                "soaking since {}: everything has been good so far",
                crate::kernel::utc(since)
            )],
            sooner: "a shorter soak in the domain file's settings".to_owned(),
        })
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
