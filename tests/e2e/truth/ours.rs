//! What `rollout verify` says, read from its JSON.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::scene::{ROOT, SMTP_PORT, Scene};

/// One domain's result.
#[derive(Clone, Debug)]
pub struct Ours {
    /// The exit code that belongs to the verdict.
    pub exit: i32,
    pub verdict: String,
    pub headline: String,
    /// Ids of the findings that forbid going on, or leave it open.
    pub stops: BTreeSet<String>,
    /// Ids of the others.
    pub remarks: BTreeSet<String>,
    /// `address key outcome` for each object of an address.
    pub addresses: Vec<(String, String, String)>,
    pub text: String,
}

impl Ours {
    /// Whether somebody did not answer in time.
    pub fn timed_out(&self) -> bool {
        self.text.contains("in time")
    }

    /// The different outcomes of all addresses, as one word: `authenticated`, or `authenticated + mismatch`.
    pub fn outcome(&self) -> String {
        let all: BTreeSet<&str> = self
            .addresses
            .iter()
            .map(|(_, _, outcome)| outcome.as_str())
            .collect();
        all.into_iter().collect::<Vec<_>>().join(" + ")
    }
}

/// The binary with the surroundings of the scene.
pub fn rollout(scene: &Scene, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollout"));
    command
        .args(arguments)
        .env("ROLLOUT_DNS_ROOTS", format!("a.root-servers={ROOT}"))
        .env("ROLLOUT_DNS_PORT", "53")
        .env(
            "ROLLOUT_TRUST_ANCHOR",
            format!("file:{}", scene.key_file().display()),
        )
        .env("ROLLOUT_RESOLVERS", format!("unbound={}", scene.resolver()))
        .env("ROLLOUT_SMTP_PORT", SMTP_PORT.to_string())
        .env("ROLLOUT_HTTPS_ROOTS", scene.authority_file())
        .stdin(Stdio::null());
    command
}

/// `rollout verify DOMAIN --json`, with how long it took.
pub fn verify(scene: &Scene, domain: &str) -> (Ours, Duration) {
    let begun = std::time::Instant::now();
    let output = rollout(scene, &["verify", domain, "--json"])
        .output()
        .expect("it can be started");
    let took = begun.elapsed();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    let ours = read(&text, domain).unwrap_or_else(|| panic!("{domain}: {text}\n{errors}"));
    assert_eq!(
        output.status.code(),
        Some(ours.exit),
        "{domain}: the exit code and the verdict's differ: {text}\n{errors}"
    );
    (ours, took)
}

/// All domains in one call.
pub fn verify_all(scene: &Scene, domains: &[&str]) -> Vec<Option<Ours>> {
    let mut arguments = vec!["verify", "--json", "--recipient", "--jobs", "4"];
    arguments.extend(domains);
    let output = rollout(scene, &arguments)
        .output()
        .expect("it can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    domains.iter().map(|domain| read(&text, domain)).collect()
}

fn read(text: &str, domain: &str) -> Option<Ours> {
    let mut lines = text.lines();
    let head: Value = serde_json::from_str(lines.next()?).ok()?;
    assert_eq!(head["schema"], 1, "{head}");
    assert_eq!(head["command"], "verify", "{head}");
    let mut ours = Ours {
        exit: -1,
        verdict: String::new(),
        headline: String::new(),
        stops: BTreeSet::new(),
        remarks: BTreeSet::new(),
        addresses: Vec::new(),
        text: String::new(),
    };
    for line in lines {
        let object: Value = serde_json::from_str(line).expect("an object per line");
        if object["domain"] != domain {
            continue;
        }
        ours.text.push_str(line);
        ours.text.push('\n');
        let word = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        match object["type"].as_str() {
            Some("finding") => {
                let into = match word("severity").as_str() {
                    "note" | "warning" => &mut ours.remarks,
                    _ => &mut ours.stops,
                };
                into.insert(word("id"));
            }
            Some("address") => {
                let one = (word("address"), word("key"), word("outcome"));
                ours.addresses.push(one);
            }
            Some("verdict") => {
                ours.exit = i32::try_from(object["exit"].as_i64()?).ok()?;
                ours.verdict = word("verdict");
                ours.headline = word("headline");
            }
            _ => {}
        }
    }
    (ours.exit >= 0).then_some(ours)
}
