//! One row of the table, and how rows are run.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use rollout_lab::{DomainKind, DomainSeed, Faults, LogEntry, MicrosoftFaultKind, Service};

use crate::inputs::stage::{Ran, Stage};

/// What a case walks: no more than it takes to get to its cmdlet.
const PLAYBOOK: &str = "name: short\ntitle: One cmdlet\nsteps:\n  - step: preflight\n  - step: ";

/// So many laboratories at once: most of a case is waiting.
const WORKERS: usize = 8;
/// A fault that lasts still counts how often it struck.
const LASTING: u32 = 1000;

/// The cmdlets that change something.
pub const ENABLE_DNSSEC: &str = "Enable-DnssecForVerifiedDomain";
pub const ENABLE_DANE: &str = "Enable-SmtpDaneInbound";
/// Those that only read.
pub const ACCEPTED: &str = "Get-AcceptedDomain";
pub const STATUS: &str = "Get-DnssecStatusForVerifiedDomain";

const NOW: &[&str] = &["apply", "{file}", "--yes", "--no-wait"];
const WAITING: &[&str] = &["apply", "{file}", "--yes", "--wait"];

/// Where the domain stands at the start.
#[derive(Clone, Copy, PartialEq)]
pub enum Start {
    /// On the legacy MX, signed: the new host is to be assigned.
    Legacy,
    /// On `mx.microsoft`: only DANE is missing.
    Moved,
}

impl Start {
    fn seed(self, name: &str) -> DomainSeed {
        match self {
            Self::Legacy => DomainSeed::ordinary(name).signed(),
            Self::Moved => DomainSeed::new(name, DomainKind::Moved),
        }
    }

    /// The cmdlet that this start leads to, and the step that runs it.
    fn cmdlet(self) -> (&'static str, &'static str) {
        match self {
            Self::Legacy => (ENABLE_DNSSEC, "enable-dnssec"),
            Self::Moved => (ENABLE_DANE, "enable-dane"),
        }
    }
}

/// What goes wrong and what has to come of it.
pub struct Case {
    name: &'static str,
    start: Start,
    wrong: Box<dyn Fn(&mut Faults) + Send>,
    /// `None`: the run gets past it by itself, with `--wait`.
    exit: Option<i32>,
    /// Words that must be said.
    says: &'static [&'static str],
    /// Words that must not be said.
    never: &'static [&'static str],
    /// How often the cmdlet arrived and may have run, in the end: twice only where the first was seen to be lost.
    sends: usize,
    /// Whether it is shown that the run goes on when the fault is over.
    goes_on: bool,
    /// Whether the fault must have struck: those of state, not of calls, cannot be counted.
    counted: bool,
}

/// The run stops with this exit code and these words.
pub fn stops(
    name: &'static str,
    exit: i32,
    says: &'static [&'static str],
    wrong: impl Fn(&mut Faults) + Send + 'static,
) -> Case {
    Case {
        name,
        start: Start::Legacy,
        wrong: Box::new(wrong),
        exit: Some(exit),
        says,
        never: &[],
        sends: 1,
        goes_on: false,
        counted: true,
    }
}

/// The run gets past it by itself.
pub fn passes(name: &'static str, wrong: impl Fn(&mut Faults) + Send + 'static) -> Case {
    Case {
        exit: None,
        goes_on: true,
        ..stops(name, 0, &[], wrong)
    }
}

/// A change was sent, and nobody knows what became of it: that is observed, then the run goes on.
pub fn unknown(name: &'static str, cmdlet: &'static str, kind: MicrosoftFaultKind) -> Case {
    passes(name, move |f| f.microsoft(cmdlet, kind.clone(), 1))
        .says(&["unknown outcome: ", "what became of it is observed"])
}

/// A fault that lasts until it is switched off.
pub fn lasting(faults: &mut Faults, operation: &str, kind: MicrosoftFaultKind) {
    faults.microsoft(operation, kind, LASTING);
}

impl Case {
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    pub fn says(mut self, says: &'static [&'static str]) -> Self {
        self.says = says;
        self
    }

    pub fn never(mut self, never: &'static [&'static str]) -> Self {
        self.never = never;
        self
    }

    /// The first one was lost for sure, and is made anew.
    pub fn sent_again(mut self) -> Self {
        self.sends = 2;
        self
    }

    /// Without waiting: the process ends with 4 while the outcome is unknown, and another one goes on.
    pub fn in_two_processes(mut self) -> Self {
        self.exit = Some(4);
        self
    }

    /// The run goes on when the fault is over.
    pub fn goes_on(mut self) -> Self {
        self.goes_on = true;
        self
    }

    /// Nothing to count: a state of the world.
    pub fn uncounted(mut self) -> Self {
        self.counted = false;
        self
    }

    /// Runs it on this domain; every way in which it went wrong.
    fn run(&self, stage: &mut Stage, domain: &str) -> Vec<String> {
        let lab = &stage.bench.lab;
        let (cmdlet, step) = self.start.cmdlet();
        stage.domain = domain.to_owned();
        stage.file = stage.bench.file(domain, "playbook: ./short.yml\n");
        stage.state = stage.at(&format!("state of {domain}"));
        std::fs::write(stage.at("short.yml"), format!("{PLAYBOOK}{step}\n")).unwrap();
        let text = std::fs::read_to_string(&stage.file).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("settings:"));
        std::fs::write(&stage.file, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
        let from = lab.log().len();
        lab.change_faults(|faults| (self.wrong)(faults));
        let mut bad = Vec::new();
        let (args, exit) = match self.exit {
            Some(exit) => (NOW, exit),
            None => (WAITING, 0),
        };
        let ran = stage.run(args);
        self.judge(&ran, domain, exit, &mut bad);
        let faults = lab.faults();
        lab.change_faults(|faults| *faults = Faults::default());
        if self.counted {
            for fault in faults.microsoft {
                if matches!(fault.times, Some(LASTING | 1..=9)) {
                    bad.push(format!("the fault never struck: {fault:?}"));
                }
            }
        }
        let mut after = None;
        if self.exit.is_some_and(|exit| exit != 0) && self.goes_on {
            let ran = stage.run(WAITING);
            if ran.code != Some(0) {
                bad.push(format!("afterwards it ends with {:?}: {ran}", ran.code));
            }
            after = Some(ran);
        }
        let log = lab.log().split_off(from);
        sent_once(&log, &mut bad);
        let (sends, effects) = sends(&log, cmdlet);
        if self.goes_on && (sends != self.sends || effects != 1) {
            bad.push(format!(
                "{cmdlet} was sent {sends} times instead of {}, with {effects} effects: {log:#?}",
                self.sends
            ));
        } else if !self.goes_on && effects != 0 {
            bad.push(format!("{cmdlet} had {effects} effects: {log:#?}"));
        }
        if std::env::var_os("SHOW").is_some() || !bad.is_empty() {
            let after = after.map_or_else(String::new, |ran| format!("--- afterwards\n{ran}"));
            eprintln!("=== {}: {ran}\n{after}", self.name);
        }
        bad
    }

    fn judge(&self, ran: &Ran, domain: &str, exit: i32, bad: &mut Vec<String>) {
        if ran.code != Some(exit) {
            bad.push(format!("exit {:?} instead of {exit}", ran.code));
        }
        let words = ran.words();
        for wanted in self.says {
            let wanted = wanted.replace("{domain}", domain);
            if !words.contains(&wanted) {
                bad.push(format!("does not say {wanted:?}"));
            }
        }
        let always = ["panicked", "RUST_BACKTRACE", "\0", "expected value at line"];
        for unwanted in self.never.iter().chain(&always) {
            if words.contains(unwanted) {
                bad.push(format!("says {unwanted:?}"));
            }
        }
    }
}

/// Whether a request to Exchange surely changed nothing: refused, sent elsewhere, told to come back, or failed for good.
fn surely_not_run(entry: &LogEntry) -> bool {
    ["refused", "redirected", "throttled", "failed"]
        .iter()
        .any(|word| entry.outcome.ends_with(word))
}

/// How often a cmdlet arrived and may have run, and how often it had an effect.
fn sends(log: &[LogEntry], cmdlet: &str) -> (usize, usize) {
    let of = || log.iter().filter(|entry| entry.operation == cmdlet);
    let sends = of().filter(|e| !surely_not_run(e) && !e.outcome.ends_with("late"));
    (sends.count(), of().filter(|e| e.effect).count())
}

/// No changing cmdlet is sent a second time before the state was read after the first one (S6).
fn sent_once(log: &[LogEntry], bad: &mut Vec<String>) {
    let mut unread: BTreeSet<&str> = BTreeSet::new();
    for entry in log.iter().filter(|e| e.service == Service::Exchange) {
        let operation = entry.operation.as_str();
        if operation.starts_with("Get-") {
            if entry.outcome.starts_with("200") {
                unread.clear();
            }
        } else if !surely_not_run(entry)
            && !entry.outcome.ends_with("late")
            && operation.contains("able-")
            && !unread.insert(operation)
        {
            bad.push(format!("{operation} was sent again blindly"));
        }
    }
}

/// A laboratory with a domain for each of these cases.
fn stage(cases: &[(String, Case)]) -> Stage {
    let initial = DomainSeed::new("contoso.onmicrosoft.com", DomainKind::Initial);
    let seeds = cases.iter().map(|(name, case)| case.start.seed(name));
    Stage::with(&cases[0].0, seeds.chain([initial]).collect())
}

/// Runs every case, some at a time in a few laboratories, and prints the table.
pub fn run_all(cases: Vec<Case>) {
    let only = std::env::var("CASE").unwrap_or_default();
    let begun = Instant::now();
    let mut shares: [Vec<(String, Case)>; WORKERS] = Default::default();
    let cases = cases.into_iter().filter(|c| c.name.contains(&only));
    for (number, case) in cases.enumerate() {
        shares[number % WORKERS].push((format!("case-{number}.com"), case));
    }
    let table = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for share in shares.into_iter().filter(|share| !share.is_empty()) {
            scope.spawn(|| {
                let mut stage = stage(&share);
                for (domain, case) in share {
                    let begun = Instant::now();
                    let bad = case.run(&mut stage, &domain);
                    let row = (case.name, case.exit, bad, begun.elapsed());
                    table.lock().unwrap().push(row);
                }
            });
        }
    });
    let table = table.into_inner().unwrap();
    for (name, exit, bad, took) in &table {
        let exit = exit.map_or_else(|| "-".to_owned(), |exit| exit.to_string());
        println!("{exit}  {name}  ({took:.1?})  {}", bad.join("; "));
    }
    println!("{} cases in {:?}", table.len(), begun.elapsed());
    let wrong: Vec<_> = table
        .iter()
        .filter(|(_, _, bad, _)| !bad.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
