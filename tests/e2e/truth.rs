//! The truth table: `rollout verify` on real servers, each kind of mistake by itself, beside the verdicts of others.
//!
//! [`table`] is what must come out, and why others say otherwise where they do. [`zones`] is what is wrong, [`scene`] has
//! it running, [`judges`] are the others, [`page`] is the table for people.

mod compare;
mod judges;
mod ours;
mod page;
mod scene;
mod table;
mod world;
mod zones;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rollout_servers::namespace::{living_processes, run_inside};

use judges::{Judge, first_host};
use ours::Ours;
use scene::{PROGRAMS, Scene};
use table::{ROWS, Row};

/// How many rows are looked at side by side: most of the time somebody waits.
const SIDE_BY_SIDE: usize = 6;

/// Findings that come and go with what a resolver happens to hold, and with what senders are simulated.
const BY_CHANCE: [&str; 2] = ["vantage.", "sender."];

#[test]
fn verdicts_are_right_and_differences_explained() {
    run_inside(
        "truth::verdicts_are_right_and_differences_explained",
        PROGRAMS,
        || {
            let begun = Instant::now();
            let scene = Scene::start(zones::world());
            let started = begun.elapsed();
            let wrong = every_row(&scene);
            let judged = begun.elapsed();
            drop(scene);
            assert_eq!(living_processes(), 1, "only this test is left");
            println!(
                "MEASURED {} rows: {:.1} s to start, {:.1} s to judge",
                ROWS.len(),
                started.as_secs_f64(),
                (judged - started).as_secs_f64()
            );
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        },
    );
}

/// No domain without a row, no row without a domain, nothing said twice; and the page says what the table says.
#[test]
fn the_table_is_whole_and_printed() {
    let rows: BTreeSet<&str> = ROWS.iter().map(|row| row.domain).collect();
    assert_eq!(rows.len(), ROWS.len(), "a domain has two rows");
    let world = zones::world();
    let domains = world.domains();
    let domains: BTreeSet<&str> = domains.iter().map(String::as_str).collect();
    assert_eq!(rows, domains);
    let wrong: Vec<String> = ROWS.iter().flat_map(unexplained).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    page::check().unwrap_or_else(|why| panic!("{why}"));
}

/// Looks at every row; what is wrong with it.
fn every_row(scene: &Scene) -> Vec<String> {
    // Those that wait for a time-out first.
    let mut rows: Vec<&Row> = ROWS.iter().collect();
    rows.sort_by_key(|row| !row.is_slow());
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..SIDE_BY_SIDE {
            threads.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut found = look(scene, row);
                    wrong.lock().unwrap().append(&mut found);
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.append(&mut all_together(scene));
    wrong
}

/// Looked at in one call, domains share what was learnt; that must not change a verdict.
fn all_together(scene: &Scene) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut again: Vec<&Row> = Vec::new();
    let all: Vec<&Row> = ROWS.iter().collect();
    for second in [false, true] {
        let rows = if second { &again[..] } else { &all[..] };
        let domains: Vec<&str> = rows.iter().map(|row| row.domain).collect();
        let mut late = Vec::new();
        for (row, ours) in rows.iter().zip(ours::verify_all(scene, &domains)) {
            let Some(ours) = ours else {
                wrong.push(format!("{}: no verdict", row.domain));
                continue;
            };
            let mut found = judge_ours(row, &ours);
            if !found.is_empty() && ours.timed_out() && !second {
                late.push(*row);
            } else {
                wrong.append(&mut found);
            }
        }
        if late.is_empty() {
            break;
        }
        again = late;
    }
    wrong
        .into_iter()
        .map(|line| format!("in one call with all others: {line}"))
        .collect()
}

fn look(scene: &Scene, row: &Row) -> Vec<String> {
    let (mut ours, mut took) = ours::verify(scene, row.domain);
    let mut wrong = judge_ours(row, &ours);
    if !wrong.is_empty() && ours.timed_out() {
        // On loopback it waits for a second only, and the machine may be busy. What it said was honest: it asks again.
        (ours, took) = ours::verify(scene, row.domain);
        wrong = judge_ours(row, &ours);
    }
    let host = first_host(scene, row.domain);
    let mut words = Vec::new();
    for judge in Judge::ALL {
        let expected = |word: &str| row.word(judge).split(" or ").any(|one| one == word);
        let mut answer = judge.word(scene, row.domain, host.as_deref());
        if !expected(&answer.0) {
            // They have time limits too.
            answer = judge.word(scene, row.domain, host.as_deref());
        }
        let (word, said) = answer;
        if !expected(&word) {
            wrong.push(format!(
                "{}: {} says {word}, not {}:\n{said}",
                row.domain,
                judge.name(),
                row.word(judge)
            ));
        }
        words.push(word);
    }
    println!(
        "{:28} | {} | {:40} | {:30} | {} | {:.1} s",
        row.domain,
        ours.exit,
        ours.stops.iter().cloned().collect::<Vec<_>>().join(" "),
        ours.outcome(),
        words.join(" | "),
        took.as_secs_f64()
    );
    wrong
}

fn judge_ours(row: &Row, ours: &Ours) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differs = |what: &str, found: String, expected: String| {
        if found != expected {
            wrong.push(format!(
                "{}: {what}: {found}, not {expected}\n{}",
                row.domain, ours.text
            ));
        }
    };
    differs("exit", ours.exit.to_string(), row.exit.to_string());
    differs("addresses", ours.outcome(), row.outcome.to_owned());
    let steady = |id: &&str| !BY_CHANCE.iter().any(|chance| id.starts_with(chance));
    let stops: BTreeSet<&str> = ours
        .stops
        .iter()
        .map(String::as_str)
        .filter(steady)
        .collect();
    let expected: BTreeSet<&str> = row.stops.iter().copied().collect();
    differs("findings", format!("{stops:?}"), format!("{expected:?}"));
    for id in row.remarks {
        if !ours.remarks.contains(*id) {
            wrong.push(format!("{}: without {id}\n{}", row.domain, ours.text));
        }
    }
    wrong
}

/// Differences without an explanation, and explanations without a difference.
fn unexplained(row: &Row) -> Vec<String> {
    let mut wrong = Vec::new();
    for judge in Judge::ALL {
        let same = compare::same(judge, row);
        // A word that is only sometimes the same is a difference.
        let differs = row
            .word(judge)
            .split(" or ")
            .any(|one| !same.contains(&one));
        let name = judge.name();
        match (differs, row.explained(judge)) {
            (true, false) => wrong.push(format!(
                "{}: {name} says {}, not {same:?}, and nobody says why",
                row.domain,
                row.word(judge)
            )),
            (false, true) => wrong.push(format!(
                "{}: {name} agrees; what is there to explain?",
                row.domain
            )),
            _ => {}
        }
    }
    wrong
}
