//! Goal: the MX RRset has a small TTL, so that every later change is quick to take and quick to undo.
//!
//! The write starts the clock on the old TTL at once, before anything else is decided: the earlier it is
//! written, the earlier the last cache holding the old version is gone.

use super::memory::NEW_ZONE;
use super::{Context, Next, Stage, Wait, WaitFor, sign_zone, write_mx};
use crate::playbook::Until;
use crate::world::{MxRrset, Needs};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    write_mx::needs(cx)
}

pub(super) fn next(cx: &Context<'_>, ttl: u32, until: Until) -> Next {
    let low_enough = |seen: &MxRrset| seen.ttl <= ttl;
    if !cx.memory.expected.as_ref().is_some_and(low_enough)
        && let Some(next) = sign_zone::provider_unknown(cx)
    {
        return next;
    }
    let ttl = cx.ttl(ttl);
    // A domain that is, or was born, under the new zone has nothing to move away from.
    let reached = |seen: &MxRrset| {
        seen.ttl <= ttl
            || cx.stage_of(&seen.set) == Some(Stage::Removed)
            || seen.set.hosts().all(|host| host.is_within(NEW_ZONE))
    };
    let next = write_mx::toward(cx, reached, |before| MxRrset {
        set: before.set.clone(),
        ttl,
    });
    match (next, until) {
        (Next::Done(how), Until::Expired) => old_ttl_expired(cx, how),
        (next, _) => next,
    }
}

/// The cautious schedule goes on only when no cache holds an MX set with the old TTL.
fn old_ttl_expired(cx: &Context<'_>, how: String) -> Next {
    let last = cx
        .memory
        .caches
        .mx
        .possible(cx.now)
        .filter_map(|v| Some((v.cached_until?, v)))
        .filter(|(until, _)| *until > cx.now)
        .max_by_key(|(until, _)| *until);
    match last {
        None => Next::Done(how),
        Some((until, version)) => Next::Wait(Wait {
            kind: WaitFor::Expiry,
            until: Some(until),
            why: vec![format!(
                "caches may hold MX {} with an older TTL: {} served it at {}",
                version.value,
                version.seen.server,
                crate::kernel::utc(version.seen.at)
            )],
            sooner: "nothing: caches outside cannot be flushed".to_owned(),
        }),
    }
}
