//! Goal: the MX RRset has its lasting TTL. Last of all changes: it is what makes going back slow again.

use super::{Context, Next, Stage, sign_zone, write_mx};
use crate::world::{MxRrset, Needs};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    write_mx::needs(cx)
}

pub(super) fn next(cx: &Context<'_>, ttl: u32) -> Next {
    let lasting = |seen: &MxRrset| seen.ttl == ttl;
    if !cx.memory.expected.as_ref().is_some_and(lasting)
        && let Some(next) = sign_zone::provider_unknown(cx)
    {
        return next;
    }
    let ttl = cx.ttl(ttl);
    let reached =
        |seen: &MxRrset| seen.ttl == ttl && cx.stage_of(&seen.set) == Some(Stage::Removed);
    write_mx::toward(cx, reached, |before| MxRrset {
        set: before.set.clone(),
        ttl,
    })
}
