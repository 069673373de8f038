//! What has to hold in every run. The amounts are those of every change; `ROLLOUT_SIM_SEEDS` and `ROLLOUT_SIM_KILLED` ask
//! for others, and `tests/sim/run.sh` runs more of everything.

#![allow(clippy::unwrap_used)]

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rollout_sim::back::Back;
use rollout_sim::bugs::{BUGS, bug};
use rollout_sim::crashes::{every_point, pairs, ways_back};
use rollout_sim::oracle::clock;
use rollout_sim::run::{How, Report, run, walk};
use rollout_sim::scenario::Scenario;

/// How to see it again.
fn say(report: &Report) -> String {
    let first = &report.oracle.violations[0];
    format!(
        "{} {} {}\nto see the run: cargo run -p rollout-sim -- --seed {}",
        clock(first.at),
        first.rule,
        first.what,
        report.seed
    )
}

/// An amount, unless the environment asks for another.
fn amount(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Does this for each seed, on every core; what it came to, in no order.
fn each<T: Send>(seeds: Range<u64>, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(seeds.start);
    let some = || {
        let mut all = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return all;
            }
            all.push(work(seed));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(some)).collect();
        let done = workers.into_iter().map(|worker| worker.join().unwrap());
        done.flatten().collect()
    })
}

#[test]
fn no_sender_loses_mail_and_nothing_is_claimed_or_written_that_should_not_be() {
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
/// the budgets here, is what the first test shows.
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

#[test]
fn a_kill_at_any_point_changes_neither_the_end_nor_the_changes() {
    let seeds = amount("ROLLOUT_SIM_KILLED", 50);
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

/// `rollout rollback`, and its `--dnssec` and `--dane`; the way back is killed as well.
#[test]
fn from_every_point_the_ways_back_lead_to_where_they_should() {
    let seeds = amount("ROLLOUT_SIM_BACK", 60);
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
    let killed = pairs(6, 30);
    assert!(
        killed.runs == 30 && killed.wrong.is_empty(),
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
