//! Goal: the legacy host is no longer listed.

use super::{Context, Next, Stage, add_mx, write_mx};
use crate::world::{MxRrset, Needs};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    write_mx::needs(cx)
}

pub(super) fn next(cx: &Context<'_>) -> Next {
    let Some(new_host) = &cx.memory.new_host else {
        return add_mx::no_host();
    };
    let reached = |seen: &MxRrset| cx.stage_of(&seen.set) == Some(Stage::Removed);
    write_mx::toward(cx, reached, |before| MxRrset {
        set: before
            .set
            .iter()
            .filter(|mx| mx.host == *new_host)
            .cloned()
            .collect(),
        ttl: before.ttl,
    })
}
