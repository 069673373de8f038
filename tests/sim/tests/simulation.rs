//! What has to hold in every run, beside the bulk of them (`bulk.rs`). `ROLLOUT_SIM_BACK` asks for another amount, and
//! `tests/sim/run.sh` runs more of everything.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Instant;

use common::{amount, each, say};
use rollout_sim::back::Back;
use rollout_sim::bugs::{BUGS, bug};
use rollout_sim::crashes::{pairs, ways_back};
use rollout_sim::run::{How, Report, run, walk};
use rollout_sim::scenario::Scenario;

#[test]
fn a_seed_gives_the_same_run_every_time() {
    for seed in [3, 14, 159] {
        let how = How {
            protocol: true,
            ..How::default()
        };
        // Ids of runs are drawn by the product from the machine's own randomness; nothing else may differ.
        let lines = |report: Report| {
            let lines = report.oracle.protocol.unwrap_or_default();
            lines
                .into_iter()
                .filter(|line| !line.contains("RunId"))
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(run(seed, &how)), lines(run(seed, &how)), "{seed}");
    }
}

/// Each planted bug is caught within its budget of seeds. That nothing is found with none planted, over more seeds than
/// the budgets here, is what `bulk.rs` shows.
#[test]
fn every_planted_bug_is_caught_within_its_budget() {
    assert!(BUGS.len() >= 20);
    let caught = each(0..BUGS.len() as u64, |index| {
        let bug = BUGS[index as usize];
        let caught = (0..bug.budget).find(|seed| bug.caught(*seed).is_some());
        (bug.name, caught)
    });
    for (name, seed) in &caught {
        println!("{name}: seed {seed:?}");
    }
    assert!(caught.iter().all(|(_, seed)| seed.is_some()), "{caught:?}");
    assert!(bug("no such bug").is_none());
}

/// `rollout rollback`, and its `--dnssec` and `--dane`; the way back is killed as well.
#[test]
fn from_every_point_the_ways_back_lead_to_where_they_should() {
    let seeds = amount("ROLLOUT_SIM_BACK", 400);
    for back in Back::ALL {
        let began = Instant::now();
        let all = each(0..seeds, |seed| {
            let back = ways_back(seed, 5, back);
            assert!(back.wrong.is_empty(), "{:?}", back.wrong[0]);
            back.runs
        });
        let runs: u64 = all.iter().sum();
        println!(
            "{back:?}: {runs} ways back from {seeds} rollouts in {:.1} s",
            began.elapsed().as_secs_f64()
        );
        assert!(runs > 2 * seeds, "{runs}");
    }
}

#[test]
fn two_kills_do_no_more() {
    let killed = pairs(6, 300);
    assert!(
        killed.runs == 300 && killed.wrong.is_empty(),
        "{:?}",
        killed.wrong.first()
    );
}

/// T3: without faults, and with people who answer at once, the move takes hardly more than it physically must.
#[test]
fn the_elapsed_time_is_hardly_above_the_least() {
    let mut ratios = Vec::new();
    for report in each(0..500, |seed| walk(&Scenario::calm(seed), &How::default())) {
        assert!(report.is_good(), "{}", say(&report));
        assert!(report.least > 0);
        ratios.push(report.elapsed as f64 / report.least as f64);
    }
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    let largest = ratios.iter().copied().fold(0.0, f64::max);
    println!("elapsed over least time: mean {mean:.4}, largest {largest:.3}");
    assert!(mean <= 1.05, "mean {mean}");
    assert!(largest <= 1.3, "largest {largest}");
    // The least time takes estimates for what others need, and some are a little faster; nobody is by much.
    let smallest = ratios.iter().copied().fold(f64::MAX, f64::min);
    assert!(smallest >= 0.95, "smallest {smallest}");
}
