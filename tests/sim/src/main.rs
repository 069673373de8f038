//! Walks simulated rollouts: one seed as text, or many and what they came to.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use rollout_sim::back::Back;
use rollout_sim::bugs::{BUGS, bug};
use rollout_sim::crashes::{Killed, every_point, pairs, undisturbed, way_back, ways_back};
use rollout_sim::oracle::clock;
use rollout_sim::run::{How, Report, walk};
use rollout_sim::scenario::Scenario;
use rollout_sim::small::{Small, explore, summary};

const USAGE: &str = "rollout-sim [WHAT] [--from N] [--count N] [--bug NAME]
  --seed N     the run of one seed, as text
  --many       many seeds (the default), and what they came to
  --calm       the same without faults and people: elapsed over least time
  --crashes    every single crash point of each seed
  --back       the way back from ten points of each seed, and from its end
  --back-dnssec, --back-dane    the same, with DNSSEC or inbound DANE taken away
  --pairs      a thousand pairs of crash points of each seed
  --bugs       how many seeds catch each planted bug
  --small      every interleaving of a small world
  --bug NAME   with that planted bug
  --kill N     with --seed: kills the process at this point, as --crashes does; with one of the ways back, goes back from there";

/// What to do, and with which seeds.
struct Asked {
    what: String,
    from: u64,
    count: u64,
    seed: Option<u64>,
    calm: bool,
    how: How,
}

fn main() -> ExitCode {
    let Some(asked) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let good = match (asked.seed, asked.what.as_str()) {
        (Some(seed), _) => one(seed, &asked),
        (None, what) if back(what).is_some() => kill(&asked, |seed| {
            back(what).map_or_else(Killed::default, |back| ways_back(seed, 10, back))
        }),
        (None, "--crashes") => kill(&asked, every_point),
        (None, "--pairs") => kill(&asked, |seed| pairs(seed, 1000)),
        (None, "--bugs") => bugs(&asked),
        (None, "--small") => everything(&asked.how),
        _ => many(&asked),
    };
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn arguments() -> Option<Asked> {
    let mut asked = Asked {
        what: String::new(),
        from: 0,
        count: 1000,
        seed: None,
        calm: false,
        how: How::default(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seed" => asked.seed = Some(arguments.next()?.parse().ok()?),
            "--from" => asked.from = arguments.next()?.parse().ok()?,
            "--count" => asked.count = arguments.next()?.parse().ok()?,
            "--bug" => asked.how.between = bug(&arguments.next()?)?.planted(),
            "--calm" => asked.calm = true,
            "--kill" => asked.how.kills.push(arguments.next()?.parse().ok()?),
            "--many" | "--crashes" | "--pairs" | "--bugs" | "--small" => asked.what = argument,
            way if back(way).is_some() => asked.what = argument,
            _ => return None,
        }
    }
    Some(asked)
}

/// The way back that is asked for.
fn back(what: &str) -> Option<Back> {
    match what {
        "--back" => Some(Back::Mx),
        "--back-dnssec" => Some(Back::Dnssec),
        "--back-dane" => Some(Back::Dane),
        _ => None,
    }
}

fn scenario(seed: u64, asked: &Asked) -> Scenario {
    if !asked.how.kills.is_empty() {
        undisturbed(seed)
    } else if asked.calm {
        Scenario::calm(seed)
    } else {
        Scenario::new(seed)
    }
}

fn one(seed: u64, asked: &Asked) -> bool {
    let how = How {
        protocol: true,
        ..asked.how.clone()
    };
    let report = if let Some(back) = back(&asked.what) {
        let point = asked.how.kills.first().copied().unwrap_or(0);
        let how = How {
            kills: Vec::new(),
            ..how
        };
        let Some(report) = way_back(seed, point, &how, back) else {
            println!("nothing to go back to from point {point}");
            return true;
        };
        report
    } else {
        walk(&scenario(seed, asked), &how)
    };
    for line in report.oracle.protocol.iter().flatten() {
        println!("{line}");
    }
    println!(
        "done at {} (least {}), {} processes, {} looks, {} crash points, changes {:?}",
        clock(report.elapsed),
        clock(report.least),
        report.processes,
        report.looks,
        report.points,
        report.changes
    );
    println!("{}", report.end);
    println!(
        "{} deliveries tried, {} arrived, {} of them under DANE, {} put off; {} violations",
        report.oracle.attempts,
        report.oracle.delivered,
        report.oracle.protected,
        report.oracle.put_off,
        report.oracle.count
    );
    report.is_good()
}

fn say_first(report: &Report) {
    if let Some(first) = report.oracle.violations.first() {
        println!(
            "seed {}: {} {} {}",
            report.seed,
            clock(first.at),
            first.rule,
            first.what
        );
    }
}

fn many(asked: &Asked) -> bool {
    let began = Instant::now();
    let (mut bad, mut attempts, mut looks, mut processes) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut ratios = Vec::new();
    for seed in asked.from..asked.from + asked.count {
        let report = walk(&scenario(seed, asked), &asked.how);
        attempts += report.oracle.attempts;
        looks += report.looks;
        processes += u64::from(report.processes);
        if report.least > 0 {
            ratios.push((report.elapsed as f64 / report.least as f64, seed));
        }
        if !report.is_good() {
            bad += 1;
            if bad <= 20 {
                say_first(&report);
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} rollouts, {bad} with violations, {seconds:.2} s, {:.0} a second; {attempts} deliveries, {looks} looks, {processes} processes",
        asked.count,
        asked.count as f64 / seconds
    );
    if asked.calm {
        ratios.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mean = ratios.iter().map(|(ratio, _)| ratio).sum::<f64>() / ratios.len().max(1) as f64;
        let largest: Vec<_> = ratios.iter().take(5).collect();
        println!("elapsed over least time: mean {mean:.4}, largest {largest:.4?}");
    }
    bad == 0
}

fn kill(asked: &Asked, of: impl Fn(u64) -> Killed) -> bool {
    let began = Instant::now();
    let mut all = Killed::default();
    for seed in asked.from..asked.from + asked.count {
        all.and(of(seed));
    }
    for (seed, at, what) in all.wrong.iter().take(20) {
        println!("seed {seed} killed at {at:?}: {what}");
    }
    println!(
        "{} points, {} runs, of {} seeds, {} wrong, {:.1} s",
        all.points,
        all.runs,
        asked.count,
        all.wrong.len(),
        began.elapsed().as_secs_f64()
    );
    all.wrong.is_empty()
}

/// After how many seeds each planted bug is caught; it has to be within its budget.
fn bugs(asked: &Asked) -> bool {
    let mut good = true;
    for bug in BUGS {
        let caught =
            (asked.from..asked.from + bug.budget).find_map(|seed| Some((seed, bug.caught(seed)?)));
        good &= caught.is_some();
        match caught {
            Some((seed, first)) => println!(
                "{:26} {:4} of {:4} seeds: seed {seed}, {} {}",
                bug.name,
                seed - asked.from + 1,
                bug.budget,
                first.rule,
                first.what
            ),
            None => println!("{:26} not caught by {} seeds", bug.name, bug.budget),
        }
    }
    good
}

/// The small worlds, all of them.
fn everything(how: &How) -> bool {
    let mut good = true;
    for world in Small::ALL {
        let began = Instant::now();
        let found = explore(world, Arc::clone(&how.between), usize::MAX);
        println!(
            "{world:?}: {} in {:.1} s",
            summary(&found),
            began.elapsed().as_secs_f64()
        );
        if let Some((what, way)) = &found.violation {
            good = false;
            println!("{what}");
            way.iter().for_each(|step| println!("  {step}"));
        }
    }
    good
}
