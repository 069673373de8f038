//! Whole rollouts through the asynchronous shell, in the simulated internet, on SQLite, under a paused clock.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU64, Ordering};

use rollout_shell::{Lived, live};

/// How many seeds, unless `ROLLOUT_SHELL_SEEDS` says otherwise.
const SEEDS: u64 = 16;

#[test]
fn rollouts_through_the_shell_lose_no_mail_and_do_nothing_twice() {
    let seeds = std::env::var("ROLLOUT_SHELL_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(SEEDS);
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicU64::new(0);
    let begun = std::time::Instant::now();
    let lived: Vec<Lived> = std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    let mut all = Vec::new();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds {
                            return all;
                        }
                        let runtime = tokio::runtime::Builder::new_current_thread()
                            .enable_time()
                            .start_paused(true)
                            .build()
                            .unwrap();
                        all.push(runtime.block_on(live(seed, folder.path())));
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let sum = |of: fn(&Lived) -> u64| lived.iter().map(of).sum::<u64>();
    println!(
        "{seeds} rollouts through the shell in {:.1?}: {} processes, {} killed, {} refused after another took over, {} claims that had to wait for a lease, {} journal entries, {} mails",
        begun.elapsed(),
        sum(|l| l.report.processes.into()),
        sum(|l| l.counts.killed.into()),
        sum(|l| l.counts.fenced.into()),
        sum(|l| l.counts.held.into()),
        sum(|l| l.entries),
        sum(|l| l.report.oracle.delivered),
    );
    let wrong: Vec<_> = lived.iter().filter(|l| !l.report.is_good()).collect();
    assert!(
        wrong.is_empty(),
        "wrong: {:#?}",
        wrong
            .iter()
            .map(|l| (l.report.seed, &l.report.oracle.violations))
            .collect::<Vec<_>>()
    );
    let broke: Vec<_> = lived.iter().flat_map(|l| &l.counts.broke).collect();
    assert!(
        broke.is_empty(),
        "processes that nobody disturbed ended: {broke:#?}"
    );
    // A ring in which nothing is killed, refused or held would show nothing.
    assert!(sum(|l| l.counts.killed.into()) > 0 && sum(|l| l.counts.fenced.into()) > 0);
    assert!(sum(|l| l.counts.held.into()) > 0);
}
