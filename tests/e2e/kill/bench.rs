//! A laboratory and the binary as child processes that may be killed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rollout_lab::{
    DomainSeed, LogEntry, RecordSet, Sender, SenderOptions, SenderProfile, SenderReport, Service,
};

use crate::support::{Bench, quick};

/// No walk of the quick laboratory takes this long, even beside all other tests.
pub const LONG: Duration = Duration::from_secs(150);

/// Domains that start unsigned on the legacy MX.
pub fn bench(domains: &[&str]) -> Bench {
    Bench::start(rollout_lab::Options {
        timing: quick(),
        ..rollout_lab::Options::with_domains(
            domains
                .iter()
                .map(|name| DomainSeed::ordinary(name).without_cds()),
        )
    })
}

/// One domain and the commands that drive it.
pub struct Domain<'b> {
    pub bench: &'b Bench,
    pub name: String,
    pub file: PathBuf,
    state: PathBuf,
    senders: Vec<Sender>,
}

/// The writes of one undisturbed walk, by the API's names for them: the TTL down, the new host added, swapped, the legacy
/// host removed, the TTL up; signing; CDS and CDNSKEY; and the two cmdlets.
pub fn each_once() -> BTreeMap<String, usize> {
    [
        ("PATCH zone", 5),
        ("PUT zone", 1),
        ("PUT metadata", 2),
        ("Enable-DnssecForVerifiedDomain", 1),
        ("Enable-SmtpDaneInbound", 1),
    ]
    .into_iter()
    .map(|(operation, times)| (operation.to_owned(), times))
    .collect()
}

impl<'b> Domain<'b> {
    /// Mail keeps coming from now on: from a plain sender and from one that demands DANE.
    pub fn new(bench: &'b Bench, name: &str) -> Self {
        let senders = [SenderProfile::Opportunistic, SenderProfile::Dane]
            .into_iter()
            .map(|profile| {
                let options = SenderOptions {
                    interval: Duration::from_millis(300),
                    profile,
                    vantage: None,
                };
                bench.lab.sender_with(name, options)
            })
            .collect();
        Self {
            bench,
            name: name.to_owned(),
            file: domain_file(bench, name),
            state: bench.folder.path().join(format!("state-{name}")),
            senders,
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollout"));
        command
            .args(args)
            .arg("--state")
            .arg(&self.state)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Starts a command whose output is kept.
    pub fn start(&self, args: &[&str]) -> Life {
        let output = tempfile::NamedTempFile::new_in(self.bench.folder.path()).unwrap();
        // Both streams go to one file, each write at its end.
        let append = || {
            let file = std::fs::OpenOptions::new().append(true).open(output.path());
            Stdio::from(file.unwrap())
        };
        let child = self
            .command(args)
            .stdout(append())
            .stderr(append())
            .spawn()
            .unwrap();
        Life {
            child,
            output,
            called: args.join(" "),
        }
    }

    /// `apply FILE` with these arguments.
    pub fn apply(&self, more: &[&str]) -> Life {
        let file = self.file.to_str().unwrap();
        self.start(&[&["apply", file], more].concat())
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        self.start(args).end(LONG)
    }

    /// Where a person puts the stop file.
    pub fn stop_file(&self) -> PathBuf {
        self.state.join("stop")
    }

    /// The writes that reached an API for this domain, with or without effect, in order.
    pub fn writes(&self) -> Vec<LogEntry> {
        self.bench
            .lab
            .log()
            .into_iter()
            .filter(|entry| {
                entry.domain.as_deref().map(|d| d.trim_end_matches('.')) == Some(self.name.as_str())
                    && matches!(entry.service, Service::PowerDns | Service::Exchange)
                    && !entry.operation.to_ascii_lowercase().starts_with("get")
            })
            .collect()
    }

    /// How often each write reached an API.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for write in self.writes() {
            *counts.entry(write.operation).or_default() += 1;
        }
        counts
    }

    /// Fails unless every write of a walk took effect exactly once.
    pub fn each_once(&self, mut counts: BTreeMap<String, usize>) {
        // The DS may be there before CDNSKEY is announced beside CDS: then nothing is left to announce.
        let announced = counts.get_mut("PUT metadata").unwrap();
        assert!((1..=2).contains(announced), "{:#?}", self.writes());
        *announced = 2;
        assert_eq!(counts, each_once(), "{}: {:#?}", self.name, self.writes());
    }

    /// What the world came to, with the domain's name and its keys taken out so that two domains can be compared.
    pub fn end_state(&self) -> Vec<String> {
        let (label, parent) = self.name.split_once('.').unwrap();
        let dashed = self.name.replace('.', "-");
        let lab = &self.bench.lab;
        let mut state = Vec::new();
        for rtype in ["MX", "NS", "TXT", "A"] {
            let shown = lab
                .record_set(&self.name, &self.name, rtype)
                .map(|set| show(&set));
            state.push(format!("{rtype}: {shown:?}"));
        }
        let ds = lab.record_set(parent, &self.name, "DS");
        state.push(format!("DS: {:?}", ds.map(|set| set.contents.len())));
        state
            .into_iter()
            .map(|line| {
                let line = line.replace(&dashed, "DOMAIN").replace(label, "LABEL");
                // Microsoft assigns each domain another letter below `mx.microsoft`.
                match (line.find("DOMAIN."), line.find("-v1.mx.microsoft")) {
                    (Some(start), Some(end)) => {
                        format!("{}{}", &line[..start + "DOMAIN.".len()], &line[end..])
                    }
                    _ => line,
                }
            })
            .collect()
    }

    /// What a sender met so far.
    pub fn reports(&self) -> Vec<SenderReport> {
        self.senders.iter().map(Sender::report).collect()
    }

    /// Fails unless every mail was delivered. Returns how many, and the longest time between two.
    pub fn mail_never_stopped(&self) -> (u64, Duration) {
        let mut sum = (0, Duration::ZERO);
        for report in self.reports() {
            assert!(report.attempts > 0, "{}: no mail was tried", self.name);
            assert_eq!(
                (report.deferred, report.bounced),
                (0, 0),
                "{}: {report:?}",
                self.name
            );
            sum = (sum.0 + report.delivered, sum.1.max(report.longest_gap));
        }
        sum
    }

    /// Everything that must hold of a domain that was walked to its end.
    pub fn is_moved(&self) {
        let plan = self.run(&["plan", self.file.to_str().unwrap(), "--detailed-exitcode"]);
        assert_eq!(
            plan.code(),
            Some(0),
            "there is still something to do: {plan:?}"
        );
        let mx = self.mx();
        assert_eq!((mx.ttl, mx.contents.len()), (4, 1), "{mx:?}");
        assert!(mx.contents[0].starts_with("0 "), "{mx:?}");
        assert!(mx.contents[0].ends_with(".mx.microsoft."), "{mx:?}");
        let history = self.run(&["history", &self.name, "--verify"]);
        assert_eq!(history.code(), Some(0), "{history:?}");
        assert!(history.text.contains("The chain is whole"), "{history:?}");
        // An effect that was never closed would be taken for unknown by whoever comes next.
        assert_eq!(self.open_intents(), 0, "{history:?}");
    }

    /// The outcomes in the journal of the newest run, by word.
    pub fn outcomes(&self) -> BTreeMap<String, usize> {
        let mut outcomes = BTreeMap::new();
        let history = self.run(&["history", &self.name, "--json"]);
        for line in history.text.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(word) = entry["entry"]["body"]["outcome"]["outcome"].as_str() {
                *outcomes.entry(word.to_owned()).or_default() += 1;
            }
        }
        outcomes
    }

    /// The MX record set as the zone's administrators see it.
    pub fn mx(&self) -> RecordSet {
        let set = self.bench.lab.record_set(&self.name, &self.name, "MX");
        set.unwrap()
    }

    fn open_intents(&self) -> usize {
        let history = self.run(&["history", &self.name, "--json"]);
        let mut open = std::collections::BTreeSet::new();
        for line in history.text.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let entry = &entry["entry"];
            let id = entry["intent"].as_str().map(str::to_owned);
            match (entry["kind"].as_str(), id) {
                (Some("intent"), Some(id)) => {
                    open.insert(id);
                }
                (Some("outcome"), Some(id)) => {
                    open.remove(&id);
                }
                _ => {}
            }
        }
        open.len()
    }
}

/// A folder for each domain, so that several can be prepared at once.
fn domain_file(bench: &Bench, name: &str) -> PathBuf {
    let folder = bench.folder.path().join(name);
    let endpoints = bench.lab.endpoints().unwrap();
    let path = rollout::laboratory::write_domain_file(&folder, name, &endpoints, &bench.timing, "")
        .unwrap();
    // The laboratory runs in this process: commands must not start it again.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("laboratory: ./lab\n", "")).unwrap();
    path
}

fn show(set: &RecordSet) -> String {
    let mut contents = set.contents.clone();
    contents.sort();
    format!("{} {contents:?}", set.ttl)
}

/// A process of ours. It is killed when dropped.
pub struct Life {
    child: Child,
    output: tempfile::NamedTempFile,
    called: String,
}

/// A process that ended.
#[derive(Debug)]
pub struct Ended {
    pub called: String,
    pub status: ExitStatus,
    pub text: String,
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl Life {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub fn text(&self) -> String {
        std::fs::read_to_string(self.output.path()).unwrap()
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// `kill -9`. False when it had ended by itself before.
    pub fn kill(&mut self) -> bool {
        if self.is_over() {
            return false;
        }
        self.child.kill().unwrap();
        use std::os::unix::process::ExitStatusExt as _;
        self.child.wait().unwrap().signal() == Some(9)
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub fn end(mut self, at_most: Duration) -> Ended {
        let started = Instant::now();
        while !self.is_over() {
            assert!(
                started.elapsed() < at_most,
                "{} does not end: {}",
                self.called,
                self.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Ended {
            called: self.called.clone(),
            status: self.child.wait().unwrap(),
            text: self.text(),
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}
