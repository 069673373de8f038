//! The bulk of the simulation, alone on the machine, so that its figures mean something: random rollouts, and every crash
//! point. `ROLLOUT_SIM_SEEDS` and `ROLLOUT_SIM_KILLED` ask for other amounts.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use common::{amount, each, say};
use rollout_sim::crashes::every_point;
use rollout_sim::run::{How, run};

/// Each has all cores while it runs.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn no_sender_loses_mail_and_nothing_is_claimed_or_written_that_should_not_be() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seeds = amount("ROLLOUT_SIM_SEEDS", 10_000);
    let began = Instant::now();
    let all = each(0..seeds, |seed| {
        let report = run(seed, &How::default());
        assert!(report.is_good(), "{}", say(&report));
        (report.oracle.delivered, report.oracle.protected)
    });
    let delivered: u64 = all.iter().map(|(delivered, _)| delivered).sum();
    let protected: u64 = all.iter().map(|(_, protected)| protected).sum();
    println!(
        "{seeds} rollouts in {:.1} s: {delivered} mails arrived, {protected} of them under DANE",
        began.elapsed().as_secs_f64()
    );
    // The oracle is not blind: mail arrives, some of it protected.
    assert!(delivered > 100 * seeds, "{delivered}");
    assert!(protected > 5 * seeds, "{protected}");
}

#[test]
fn a_kill_at_any_point_changes_neither_the_end_nor_the_changes() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seeds = amount("ROLLOUT_SIM_KILLED", 200);
    let began = Instant::now();
    let all = each(0..seeds, |seed| {
        let killed = every_point(seed);
        assert!(killed.wrong.is_empty(), "{:?}", killed.wrong[0]);
        (killed.points, killed.runs)
    });
    let points: u64 = all.iter().map(|(points, _)| points).sum();
    let runs: u64 = all.iter().map(|(_, runs)| runs).sum();
    println!(
        "{seeds} rollouts killed at each of {points} points, {runs} of which differ, in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    assert!(runs > 50 * seeds, "{runs}");
}
