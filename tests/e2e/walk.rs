//! The whole walk, in this process, on the embedded laboratory.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rollout::clock::SystemClock;
use rollout::engine::run::Run;
use rollout::engine::store::{NewRun, StoreReader as _};
use rollout::engine::{Ending, Observer, Options, Pending};
use rollout::kernel::Timing;
use rollout::playbook::PlannedStep;
use rollout::step::{Approval, Memory, Next, Setup};
use rollout::world::DelegationBy;
use rollout::world::live::LiveWorld;
use rollout::world::{Action, Outcome};
use rollout_lab::DomainSeed;
use tokio::sync::watch;

use crate::support::{Bench, load, owner, quick, redactor, store};

struct Print(Timestamp);

impl Print {
    fn line(&self, at: Timestamp, text: &str) {
        let elapsed = at.duration_since(self.0).as_secs_f64();
        println!("{elapsed:7.2} {text}");
    }
}

impl Observer for Print {
    fn step(&mut self, at: Timestamp, step: &PlannedStep, next: &Next) {
        self.line(at, &format!("{:14} {next:?}", step.id));
    }
    fn acting(&mut self, at: Timestamp, step: &PlannedStep, action: &Action) {
        self.line(at, &format!("{:14} ACT {action}", step.id));
    }
    fn acted(&mut self, at: Timestamp, step: &PlannedStep, _: &Action, outcome: &Outcome) {
        self.line(at, &format!("{:14} -> {outcome:?}", step.id));
    }
    fn waiting(&mut self, _: Timestamp, _: &BTreeMap<String, Pending>, _: Timestamp) {}
    fn way_back(&mut self, _: Timestamp, _: &Memory) {}
    fn ask(&mut self, _: &str, _: &str, _: &str) -> Option<Approval> {
        Some(Approval {
            by: "the test".into(),
            at: Timestamp::now(),
        })
    }
}

fn setup(file: &rollout::domain_file::DomainFile) -> Setup {
    Setup {
        domain: rollout::kernel::Host::new(file.domain.as_str()),
        probe_required: true,
        manual_exchange: false,
        delegation: DelegationBy::Auto,
        timing: Timing {
            resolver_floor: Duration::ZERO,
            margin: Duration::ZERO,
        },
        zone_largest_ttl: 4,
        strict_mta_sts: false,
        settle: Duration::from_secs(1),
        settle_cmdlet: Duration::from_secs(1),
        overdue: Duration::from_secs(60),
        tls_reports: None,
        mta_sts: Default::default(),
        change: rollout::calendar::Calendar::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_file_in_a_protected_domain_out() {
    let bench = Bench::start(rollout_lab::Options {
        timing: quick(),
        ..rollout_lab::Options::with_domains([DomainSeed::ordinary("contoso.com").without_cds()])
    });
    let path = bench.file("contoso.com", "");
    let loaded = load(&path);
    let mut world = LiveWorld::open(&loaded.file, &redactor()).unwrap();
    let steps = loaded.steps();
    let setup = setup(&loaded.file);
    let store = store(&bench).await;
    let sender = bench.lab.sender("contoso.com");
    let run = Run::claim_or_start(
        &store,
        &owner(),
        NewRun {
            domain: "contoso.com".into(),
            domain_file: path,
            playbook: "exchange-dane".into(),
            playbook_text: String::new(),
            settings: serde_json::Value::Null,
            memory: None,
        },
    )
    .await
    .unwrap();
    let (_keep, stop) = watch::channel(false);
    let left = run
        .walk(
            &mut world,
            &mut Print(Timestamp::now()),
            &SystemClock::new(),
            &steps,
            &setup,
            Options {
                poll: Duration::from_millis(200),
                ..Options::default()
            },
            stop,
        )
        .await
        .unwrap();
    println!("{:?}", world.calls());
    assert_eq!(left.ending, Ending::Done);
    let report = sender.stop();
    println!("{report:?}");
    // The history keeps the verdict on which each step that asks for one was taken.
    let run = store.runs(Some("contoso.com")).await.unwrap()[0].id;
    let entries = store.journal(run, 0, 10_000).await.unwrap();
    for step in ["preflight", "verify-added", "verify-swapped", "final-proof"] {
        let done = entries
            .iter()
            .find(|entry| entry.body["step"] == step && entry.body["next"] == "done")
            .unwrap_or_else(|| panic!("{step} is not done"));
        let verdict = &done.body["verdict"]["value"];
        let senders = verdict["senders"].as_array().map(Vec::len);
        assert_eq!(senders, Some(7), "{step}: {verdict}");
        if step == "final-proof" {
            assert_eq!(verdict["verdict"]["verdict"], "safe", "{verdict}");
        }
    }
}
