//! Runs a laboratory until its input ends, and prints where everything is.

#![expect(clippy::unwrap_used, reason = "an example for trying things by hand")]

use std::io::Read as _;

fn main() {
    let start = std::time::Instant::now();
    let lab = rollout_lab::Lab::start(rollout_lab::Options::default()).unwrap();
    eprintln!("started in {:?}", start.elapsed());
    let endpoints = lab.endpoints().unwrap();
    println!("{}", serde_json::to_string_pretty(&endpoints).unwrap());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    lab.stop();
}
