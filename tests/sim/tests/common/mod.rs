//! Many seeds on every core.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use rollout_sim::oracle::clock;
use rollout_sim::run::Report;

/// How to see it again.
pub fn say(report: &Report) -> String {
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
pub fn amount(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Does this for each seed, on every core; what it came to, in no order.
pub fn each<T: Send>(seeds: Range<u64>, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
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
