//! Every interleaving of a small world.

use std::sync::Arc;

use rollout_sim::bugs::bug;
use rollout_sim::process::Honest;
use rollout_sim::small::{Small, explore, summary};

/// So many states fit into a test; `tests/sim/run.sh` has no limit.
const STATES: usize = 40_000;

#[test]
fn nothing_wrong_can_be_reached() {
    for world in [Small::Move, Small::Secure] {
        let found = explore(world, Arc::new(Honest), STATES);
        println!("{world:?}: {}", summary(&found));
        assert!(
            found.violation.is_none(),
            "{world:?}: {:#?}",
            found.violation
        );
        assert!(found.states > 1000, "{}", found.states);
    }
}

#[test]
#[ignore = "takes two minutes: tests/heavy.sh"]
fn planted_bugs_are_found() {
    for (world, name) in [
        (Small::Move, "memory-forgets-caches"),
        (Small::Move, "negative-ttl-ignored"),
        (Small::Move, "claim-too-early"),
        (Small::Secure, "ds-too-early"),
        (Small::Secure, "zone-ttl-ignored"),
        (Small::Secure, "parent-negative-ignored"),
    ] {
        let found = explore(world, bug(name).unwrap().planted(), usize::MAX);
        let (what, way) = found
            .violation
            .unwrap_or_else(|| panic!("{name} was not found"));
        println!("{name}: {what} after {} moves", way.len());
    }
}
