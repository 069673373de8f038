//! One row of the table, and how rows are run.

use std::sync::Mutex;
use std::time::Instant;

use rollout_lab::DomainSeed;

use super::stage::Stage;

/// So many laboratories at once: most of a case is waiting.
const WORKERS: usize = 6;

/// What is wrong, what is run, and what has to come of it.
pub struct Case {
    pub name: &'static str,
    pub seed: DomainSeed,
    /// What is made wrong, before.
    pub wrong: fn(&mut Stage),
    pub args: &'static [&'static str],
    pub exit: i32,
    /// Words that must be said.
    pub says: &'static [&'static str],
    /// Words that must not be said.
    pub never: &'static [&'static str],
}

pub const APPLY: &[&str] = &["apply", "{file}", "--yes", "--no-wait"];
pub const PLAN: &[&str] = &["plan", "{file}"];

/// An apply of an ordinary signed domain, with this made wrong.
pub fn case(
    name: &'static str,
    exit: i32,
    says: &'static [&'static str],
    wrong: fn(&mut Stage),
) -> Case {
    Case {
        name,
        seed: DomainSeed::ordinary("contoso.com").signed(),
        wrong,
        args: APPLY,
        exit,
        says,
        never: &["panicked", "RUST_BACKTRACE"],
    }
}

impl Case {
    pub fn seed(mut self, seed: DomainSeed) -> Self {
        self.seed = seed;
        self
    }

    pub fn args(mut self, args: &'static [&'static str]) -> Self {
        self.args = args;
        self
    }

    pub fn never(mut self, never: &'static [&'static str]) -> Self {
        self.never = never;
        self
    }

    /// Runs it; every way in which it went wrong.
    fn run(&self) -> (Option<i32>, Vec<String>) {
        let mut stage = Stage::of(self.seed.clone());
        (self.wrong)(&mut stage);
        let (records, files) = (stage.records(), stage.files());
        let from = stage.bench.lab.log().len();
        let ran = stage.run(self.args);
        let mut bad = Vec::new();
        if ran.code != Some(self.exit) {
            bad.push(format!("exit {:?} instead of {}", ran.code, self.exit));
        }
        let words = ran.words();
        for wanted in self.says {
            if !words.contains(wanted) {
                bad.push(format!("does not say {wanted:?}"));
            }
        }
        for unwanted in self.never {
            if words.contains(unwanted) {
                bad.push(format!("says {unwanted:?}"));
            }
        }
        let effects = stage.effects(from);
        if !effects.is_empty() {
            bad.push(format!("changed something: {effects:?}"));
        }
        if stage.records() != records {
            bad.push(format!("records are {:?}", stage.records()));
        }
        let after = stage.files();
        for path in files.keys().chain(after.keys()) {
            if files.get(path) != after.get(path) {
                bad.push(format!("{} was changed", path.display()));
            }
        }
        if std::env::var_os("SHOW").is_some() || !bad.is_empty() {
            eprintln!("=== {}: {ran}\n", self.name);
        }
        (ran.code, bad)
    }
}

/// Runs every case, some at a time, and prints the table.
pub fn run_all(cases: Vec<Case>) {
    let only = std::env::var("CASE").unwrap_or_default();
    let begun = Instant::now();
    let waiting: Mutex<Vec<Case>> = Mutex::new(
        cases
            .into_iter()
            .rev()
            .filter(|case| case.name.contains(&only))
            .collect(),
    );
    let table = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(case) = waiting.lock().unwrap().pop() else {
                        return;
                    };
                    let (code, bad) = case.run();
                    table.lock().unwrap().push((case.name, code, bad));
                }
            });
        }
    });
    let table = table.into_inner().unwrap();
    for (name, code, bad) in &table {
        let code = code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        println!("{code}  {name}  {}", bad.join("; "));
    }
    println!("{} cases in {:?}", table.len(), begun.elapsed());
    let wrong: Vec<_> = table.iter().filter(|(_, _, bad)| !bad.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
