//! Planted bugs: each lies to the engine about one thing, as a mistake in the engine would, and must be caught.
//!
//! They sit between the engine and this world, so the product knows nothing of them and pays nothing.

mod journal;
mod world;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rollout::clock::Clock;
use rollout::engine::Journal;
use rollout::playbook::{Goal, PlannedStep};
use rollout::step::{Memory, Setup};
use rollout::world::World;
use serde_json::Value;

use crate::back::{Back, go_back};
use crate::crashes::{at_each_point, drawn, left_by, undisturbed};
use crate::journal::SimJournal;
use crate::oracle::Violation;
use crate::process::Between;
use crate::run::{How, go_on, walk};
use crate::scenario::Scenario;
use crate::world::{SimClock, SimWorld};
use journal::LyingJournal;
use world::LyingWorld;

/// One planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bug {
    /// Its name.
    pub name: &'static str,
    /// What is wrong.
    pub about: &'static str,
    /// Seeds within which it has to be caught.
    pub budget: u64,
}

macro_rules! bugs {
    ($($name:literal $budget:literal $about:literal,)*) => {
        /// All of them.
        pub const BUGS: &[Bug] = &[$(Bug { name: $name, about: $about, budget: $budget },)*];
    };
}

bugs! {
    "new-ttl" 40 "the wait after a change is that of the TTL served now",
    "memory-forgets-caches" 10 "what caches hold is forgotten whenever a process ends",
    "trusts-the-api" 30 "a write counts as visible when the API took it",
    "first-server-speaks" 60 "the first server that answers speaks for all",
    "fastest-server-speaks" 80 "a change counts as visible when one server has it",
    "first-parent-speaks" 30 "one server of the parent speaks for all",
    "ds-too-early" 15 "the DS does not wait for unsigned answers to expire",
    "zone-ttl-ignored" 15 "only the TTL of the MX set counts for unsigned answers, and it is taken for small",
    "negative-ttl-ignored" 25 "a cached proof of no TLSA counts for nothing",
    "parent-negative-ignored" 10 "a cached proof of no DS counts for nothing",
    "floor-ignored" 300 "resolvers that raise small TTLs are forgotten",
    "legacy-retired-early" 10 "the legacy host may go when it is no longer listed",
    "claim-too-early" 10 "protection is claimed without the final proof",
    "blind-resend" 60 "an effect without an answer is made again at once",
    "unknown-is-none" 80 "an effect without an answer counts as not made",
    "no-compare-and-set" 100 "a record set is written whatever it is",
    "foreign-edit-overwritten" 30 "what a person wrote is taken for a server that lags, and overwritten",
    "lease-ignored" 50 "a process goes on after another one took over",
    "intent-after-effect" 10 "the intent is written down after the effect",
    "no-intent" 10 "no intent is written down at all",
    "no-outcome" 10 "no outcome is written down",
    "no-way-back" 10 "the way back is not written down",
    "memory-before-intent" 20 "a killed process forgets the effect that was under way",
    "mta-sts-ignored" 10 "no MTA-STS policy is ever seen",
    "wildcard-covers-all" 40 "a wildcard in a policy covers any number of labels",
    "rejecting-host-listed" 100 "a host that takes no mail yet counts as taking it",
    "tlsa-not-checked" 300 "certificates count as fitting",
    "id-before-policy" 60 "the record gets its new id before the policy is there",
    "policy-not-additive" 60 "the policy before the move names the new host in place of the old one",
    "old-host-out-too-early" 60 "the old host leaves the policy when it leaves the MX set",
    "could-not-tell-is-none" 300 "a policy that could not be read is none",
    "silent-server-passed-over" 400 "a server that does not answer counts for nothing",
    "clock-not-watched" 800 "a clock that was set is not noticed",
    "gates-ignored" 10 "nobody is asked at gates",
    "wrong-key" 20 "the DS names another key",
    "set-not-replaced-as-one" 20 "a record set is emptied before it is written anew",
    "order-ignored" 10 "the swap does not wait for what it needs",
    "new-host-guessed" 40 "the new host is added without being proven",
    "asked-forgotten" 100 "who was asked to do something is asked again by the next process",
    "told-forgotten" 60 "a registrar that took the DS is told again by the next process",
    "unsign-too-early" 40 "the zone is unsigned before the TTL of the DS is over",
    "withdrawal-trusted" 40 "the DS counts as gone when the registrar took its withdrawal",
    "first-parent-withdrawn" 40 "the DS counts as gone when one server of the parent has none",
    "ds-on-its-way-ignored" 40 "a DS that was told and is not served yet counts as none",
    "tlsa-forgotten" 200 "TLSA records count as forgotten when they are withdrawn",
    "original-ttl-forgotten" 40 "the original records come back without their TTL",
}

/// The bug of a name.
#[must_use]
pub fn bug(name: &str) -> Option<Bug> {
    BUGS.iter().find(|bug| bug.name == name).copied()
}

impl Bug {
    /// What the oracle says of it in the scenario of a seed.
    #[must_use]
    pub fn caught(self, seed: u64) -> Option<Violation> {
        let how = How {
            between: self.planted(),
            ..How::default()
        };
        if let Some(back) = self.way() {
            let (scenario, worlds) = left_by(seed);
            return drawn(seed, &worlds, 5).into_iter().find_map(|(_, left)| {
                let report = go_back(&scenario, &how, left, back)?;
                report.oracle.violations.into_iter().next()
            });
        }
        let scenario = Scenario::new(seed);
        if self.name != "memory-before-intent" {
            return walk(&scenario, &how).oracle.violations.into_iter().next();
        }
        // Shows only where a process is killed between an effect and its outcome.
        let scenario = undisturbed(seed);
        let (from, as_well) = (scenario.clone(), how.clone());
        let (_, found) = at_each_point(&scenario, &how, move |_, left| {
            let report = go_on(&from, &as_well, left);
            report.oracle.violations.into_iter().next()
        });
        found.into_iter().next()
    }

    /// The way back on which it shows, if it is one of these.
    fn way(self) -> Option<Back> {
        match self.name {
            "unsign-too-early"
            | "withdrawal-trusted"
            | "first-parent-withdrawn"
            | "ds-on-its-way-ignored" => Some(Back::Dnssec),
            "tlsa-forgotten" => Some(Back::Dane),
            "original-ttl-forgotten" => Some(Back::Mx),
            _ => None,
        }
    }

    /// It, to be put in between.
    #[must_use]
    pub fn planted(self) -> Arc<dyn Between> {
        Arc::new(Planted(self.name))
    }
}

/// A bug at work.
#[derive(Clone, Copy, Debug)]
struct Planted(&'static str);

impl Between for Planted {
    fn world(&self, world: SimWorld) -> Box<dyn World> {
        Box::new(LyingWorld::new(self.0, world))
    }
    fn journal(&self, journal: SimJournal) -> Box<dyn Journal> {
        Box::new(LyingJournal::new(self.0, journal))
    }
    fn clock(&self, clock: SimClock) -> Box<dyn Clock> {
        if self.0 == "clock-not-watched" {
            Box::new(Unwatched(clock))
        } else {
            Box::new(clock)
        }
    }
    fn setup(&self, mut setup: Setup) -> Setup {
        match self.0 {
            "floor-ignored" => setup.timing.resolver_floor = std::time::Duration::ZERO,
            "zone-ttl-ignored" => setup.zone_largest_ttl = 0,
            _ => {}
        }
        setup
    }
    fn steps(&self, mut steps: Vec<PlannedStep>) -> Vec<PlannedStep> {
        for step in &mut steps {
            match (self.0, step.goal) {
                ("gates-ignored", _) => step.gate = None,
                ("order-ignored", Goal::SwapMx { .. })
                | ("new-host-guessed", Goal::AddMx { .. }) => {
                    step.needs = vec!["enable-dnssec".to_owned()];
                }
                _ => {}
            }
        }
        match self.0 {
            "claim-too-early" => steps.retain(|step| step.goal != Goal::FinalProof),
            "original-ttl-forgotten" => steps.retain(|step| step.goal != Goal::RestoreTtl),
            _ => {}
        }
        steps
    }
    fn memory(&self, memory: Memory) -> Memory {
        match self.0 {
            "memory-forgets-caches" => forget(memory, |caches| *caches = Value::Null),
            "new-ttl" => forget(memory, shorten),
            "ds-too-early" => forget(memory, |caches| {
                served_alone(&mut caches["keys"]);
            }),
            "unsign-too-early" => forget(memory, |caches| served_alone(&mut caches["delegation"])),
            "tlsa-forgotten" => forget(memory, |caches| {
                if let Some(hosts) = caches["tlsa"].as_object_mut() {
                    hosts.values_mut().for_each(served_alone);
                }
            }),
            "asked-forgotten" => Memory {
                asked: Default::default(),
                ..memory
            },
            "told-forgotten" => {
                let mut memory = memory;
                memory.performed.remove("publish-ds");
                memory
            }
            "ds-on-its-way-ignored" => Memory {
                ds_told: None,
                ..memory
            },
            _ => memory,
        }
    }
    fn ends_at_waits(&self) -> bool {
        matches!(
            self.0,
            "memory-forgets-caches"
                | "new-ttl"
                | "ds-too-early"
                | "unsign-too-early"
                | "tlsa-forgotten"
                | "asked-forgotten"
                | "told-forgotten"
        )
    }
    fn retired_after(&self) -> Option<&'static str> {
        (self.0 == "legacy-retired-early").then_some("remove-mx")
    }
}

/// Changes what a memory holds of caches.
fn forget(memory: Memory, change: impl FnOnce(&mut Value)) -> Memory {
    let Ok(mut value) = serde_json::to_value(&memory) else {
        return memory;
    };
    change(&mut value["caches"]);
    if value["caches"].is_null() {
        value["caches"] =
            serde_json::to_value(rollout::kernel::Caches::default()).unwrap_or_default();
    }
    serde_json::from_value(value).unwrap_or(memory)
}

/// What is no longer served is taken to be in no cache.
fn served_alone(history: &mut Value) {
    if let Some(versions) = history["versions"].as_array_mut() {
        versions.retain(|version| version["served"] != Value::Null);
    }
}

/// What was served under a larger TTL is taken to end as soon as what is served now.
fn shorten(caches: &mut Value) {
    let Some(versions) = caches["mx"]["versions"].as_array_mut() else {
        return;
    };
    let served = |version: &Value| version["served"].as_u64();
    let now = versions.iter().filter_map(served).min();
    versions.retain(|version| served(version).is_some() || now.is_none());
    for version in versions {
        version["cached_until"] = Value::Null;
    }
}

/// A clock whose jumps nobody notices.
#[derive(Clone, Debug)]
struct Unwatched(SimClock);

#[async_trait]
impl Clock for Unwatched {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
    async fn sleep_until(&self, until: Timestamp) {
        self.0.sleep_until(until).await;
    }
    fn jumped(&self) -> Option<SignedDuration> {
        None
    }
}
