//! Goals of the way back: the MX RRset is what it was before the run, first with a small TTL, then byte for byte.
//!
//! The original hosts still have to take mail, which the kernel asks; DNSSEC is left alone.

use super::{Context, Finding, Next, sign_zone, write_mx};
use crate::world::{Action, MxRrset, Needs};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    write_mx::needs(cx)
}

/// The original records, with a TTL under which a second thought is quick.
pub(super) fn records(cx: &Context<'_>, ttl: u32) -> Next {
    let Some(original) = cx.original() else {
        return no_original(cx);
    };
    let reached = |seen: &MxRrset| seen.set == original.set;
    if !cx.memory.expected.as_ref().is_some_and(reached)
        && let Some(next) = sign_zone::provider_unknown(cx)
    {
        return next;
    }
    let ttl = cx.ttl(ttl).min(original.ttl);
    write_mx::toward(cx, reached, |_| MxRrset {
        set: original.set.clone(),
        ttl,
    })
}

/// The original records with their original TTL.
pub(super) fn whole(cx: &Context<'_>) -> Next {
    let Some(original) = cx.original() else {
        return no_original(cx);
    };
    let next = write_mx::toward(cx, |seen| seen == original, |_| original.clone());
    let Next::Done(how) = next else {
        return next;
    };
    under_way(cx, original).unwrap_or_else(|| {
        Next::Done(match &cx.memory.attempted {
            Some(asked) if asked != original => {
                format!("{how}; whoever was asked to write MX {asked} must not do so any more")
            }
            _ => how,
        })
    })
}

/// A write of the run before whose answer never came: it may still be made, or be made and not served yet. What the provider
/// has, when it would have been made, tells.
fn under_way(cx: &Context<'_>, original: &MxRrset) -> Option<Next> {
    let after = cx.memory.attempted.clone()?;
    let action = Action::WriteMx {
        before: original.clone(),
        after,
    };
    write_mx::unknown_outcome(cx, &action, cx.facts.provider.at(), || {
        let provider = cx.facts.provider.known()?;
        Some(provider.manual || provider.mx.as_ref()? == original)
    })
}

fn no_original(cx: &Context<'_>) -> Next {
    Next::blocked(Finding::blocker(
        "mx.no-original",
        format!(
            "no run kept what the MX RRset of {} was before",
            cx.setup.domain
        ),
        "without it there is nothing to go back to",
        "write the MX RRset by hand, or with `rollout dns set`",
    ))
}
