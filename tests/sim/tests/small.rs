//! Every interleaving of a small world.

use std::sync::Arc;
use std::time::Instant;

use rollout_sim::bugs::bug;
use rollout_sim::process::Honest;
use rollout_sim::small::{Small, explore, explore_together, summary};

#[test]
fn nothing_wrong_can_be_reached() {
    for world in Small::ALL {
        let began = Instant::now();
        let found = explore(world, Arc::new(Honest), usize::MAX);
        println!(
            "{world:?}: {} in {:.1} s",
            summary(&found),
            began.elapsed().as_secs_f64()
        );
        assert!(
            found.violation.is_none(),
            "{world:?}: {:#?}",
            found.violation
        );
        assert!(!found.cut && found.states > 100, "{}", summary(&found));
        // It leads somewhere: in some of them, protection is claimed, or the way back done.
        assert!(found.claimed > 0);
    }
}

/// Caches are followed in groups. All of them together show no more, where that can be searched to its end; and a mistake
/// that is found by the groups is found together.
#[test]
fn all_caches_together_show_no_more() {
    let found = explore_together(Small::Secure, Arc::new(Honest), usize::MAX);
    println!("together: {}", summary(&found));
    assert!(found.violation.is_none() && !found.cut, "{found:?}");
    let bug = bug("ds-too-early").unwrap();
    let found = explore_together(Small::Secure, bug.planted(), usize::MAX);
    assert!(found.violation.is_some());
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
        (Small::Unsign, "unsign-too-early"),
    ] {
        let found = explore(world, bug(name).unwrap().planted(), usize::MAX);
        let (what, way) = found
            .violation
            .unwrap_or_else(|| panic!("{name} was not found"));
        println!("{name}: {what} after {} moves", way.len());
    }
}
