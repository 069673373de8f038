//! Goal: the new host is preferred; the legacy one stays as a fallback. One change of the whole RRset.

use super::{Context, Next, Stage, add_mx, write_mx};
use crate::kernel::Mx;
use crate::world::{MxRrset, Needs};

pub(super) fn needs(cx: &Context<'_>) -> Needs {
    write_mx::needs(cx)
}

pub(super) fn next(cx: &Context<'_>, preference: u16, legacy_preference: u16) -> Next {
    let Some(new_host) = &cx.memory.new_host else {
        return add_mx::no_host();
    };
    let reached = |seen: &MxRrset| cx.stage_of(&seen.set) >= Some(Stage::Swapped);
    write_mx::toward(cx, reached, |before| {
        let others = before.set.iter().filter(|mx| mx.host != *new_host);
        // Several legacy hosts keep their order, one step apart.
        let others = (0_u16..).zip(others).map(|(index, mx)| Mx {
            preference: legacy_preference.saturating_add(index.saturating_mul(10)),
            host: mx.host.clone(),
        });
        let new = Mx {
            preference,
            host: new_host.clone(),
        };
        MxRrset {
            set: others.chain([new]).collect(),
            ttl: before.ttl,
        }
    })
}
