//! A laboratory rollout held against the least possible time, its API calls, its memory, and how quickly
//! `rollout status` starts.
//!
//! Run with `cargo bench --bench rollout`. It prints ratios; nothing here passes or fails.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rollout_lab::{DomainSeed, Lab, Options, Service};

const ROLLOUT: &str = env!("CARGO_BIN_EXE_rollout");

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    println!("a laboratory rollout, TTLs of seconds (8 s found, 2 s lowered)");
    let folder = walk(
        "unsigned zone",
        DomainSeed::ordinary("contoso.com").without_cds(),
    );
    walk("signed zone", DomainSeed::ordinary("contoso.com").signed());
    status(&folder.path().join("state"));
}

/// Walks one domain and prints what it cost.
fn walk(what: &str, seed: DomainSeed) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let timing = rollout::laboratory::demo_timing();
    let lab = Lab::start(Options {
        timing: timing.clone(),
        ..Options::with_domains([seed])
    })
    .unwrap();
    let file = rollout::laboratory::write_domain_file(
        folder.path(),
        "contoso.com",
        &lab.endpoints().unwrap(),
        &timing,
        "",
    )
    .unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("laboratory: ./lab\n", "")).unwrap();
    let before = lab.log().len();
    let started = Instant::now();
    let (output, peak) = watched(
        Command::new(ROLLOUT)
            .args(["apply", "--yes", "--wait", "--json", "--state"])
            .arg(folder.path().join("state"))
            .arg(&file),
    );
    let wall = started.elapsed();
    let ended: serde_json::Value = output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|object: &serde_json::Value| object["type"] == "ended")
        .expect("the run ended");
    let took = ended["took_ms"].as_u64().unwrap();
    let least = ended["planned"]["least_ms"].as_u64().unwrap();
    println!("  {what}: exit {}", ended["exit"]);
    println!(
        "    elapsed / T_min: {took} ms / {least} ms = {:.2}   (process: {:.1} s)",
        took as f64 / least as f64,
        wall.as_secs_f64()
    );
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    let log = lab.log();
    for entry in &log[before..] {
        // What the registry and people did are not calls of ours.
        if !matches!(entry.service, Service::Parent | Service::Person) {
            *calls
                .entry(format!("{:?} {}", entry.service, entry.operation))
                .or_default() += 1;
        }
    }
    println!("    API calls: {}", calls.values().sum::<usize>());
    for (call, count) in calls {
        println!("      {count:3}  {call}");
    }
    println!("    peak memory: {:.1} MB", peak as f64 / 1024.0);
    folder
}

/// Runs a command, returns its standard output and its peak resident memory in KiB (0 where unknown).
fn watched(command: &mut Command) -> (String, u64) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut text).unwrap();
        text
    });
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_of(child.id()));
        std::thread::sleep(Duration::from_millis(20));
    }
    (reader.join().unwrap(), peak)
}

fn peak_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
        .unwrap_or(0)
}

/// How long `rollout status` takes on a state with a run in it, beside starting an empty program.
fn status(state: &Path) {
    let median = |command: &mut Command| {
        let mut times: Vec<_> = (0..21)
            .map(|_| {
                let started = Instant::now();
                assert!(command.stdout(Stdio::null()).status().unwrap().success());
                started.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let status = median(Command::new(ROLLOUT).args(["status", "--state"]).arg(state));
    let empty = median(&mut Command::new("true"));
    println!(
        "rollout status: median of 21 {status:.1} ms, {:.1} x starting an empty program ({empty:.1} ms)",
        status / empty
    );
}
