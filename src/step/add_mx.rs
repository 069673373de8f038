//! Goal: the new host is listed, worse than the legacy one, so that nobody prefers it yet.

use super::{Context, Next, Stage, WaitFor, write_mx};
use crate::kernel::Mx;
use crate::world::{MxRrset, Needs};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    write_mx::needs(cx)
}

pub(super) fn next(cx: &Context<'_>, preference: u16) -> Next {
    let Some(new_host) = &cx.memory.new_host else {
        return no_host();
    };
    let reached = |seen: &MxRrset| cx.stage_of(&seen.set) >= Some(Stage::Added);
    write_mx::toward(cx, reached, |before| {
        let worst = before.set.iter().map(|mx| mx.preference).max().unwrap_or(0);
        let added = Mx {
            preference: preference.max(worst.saturating_add(10)),
            host: new_host.clone(),
        };
        MxRrset {
            set: before.set.iter().cloned().chain([added]).collect(),
            ttl: before.ttl,
        }
    })
}

pub(super) fn no_host() -> Next {
    Next::wait(
        WaitFor::Service,
        "Exchange Online has not named the new MX host yet",
        "the answer of Enable-DnssecForVerifiedDomain",
    )
}
