//! T2 and T3 over the whole walk on the model.

use proptest::prelude::*;

use super::*;
use crate::playbook::{Expect, Goal, Schedule, Until, builtin};
use crate::step::WaitFor;
use crate::step::fixture::*;
use crate::world::{Fact, PolicyFacts, PolicyMode};

fn steps(schedule: Schedule) -> Vec<PlannedStep> {
    let playbook = builtin("exchange-dane").expect("built in");
    playbook.planned(schedule, &playbook.defaults())
}

fn plan_now(facts: &Facts, steps: &[PlannedStep], estimates: Estimates) -> Plan {
    let mut memory = Memory::default();
    let setup = setup();
    memory.absorb(facts, &setup, at(0));
    let future = plan(
        Asked {
            domain: DOMAIN,
            playbook: "exchange-dane",
            steps,
            setup: &setup,
        },
        facts,
        &memory,
        estimates,
        at(0),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

fn starts() -> Vec<(Start, Option<PolicyMode>)> {
    let mx: [Vec<(u16, &'static str)>; 4] = [
        vec![(0, LEGACY)],
        vec![(0, LEGACY), (20, NEW)],
        vec![(0, NEW), (30, LEGACY)],
        vec![(0, NEW)],
    ];
    let mut starts = Vec::new();
    for mx in mx {
        for (signed, delegated) in [(false, false), (true, false), (true, true)] {
            for policy in [None, Some(PolicyMode::Enforce)] {
                let dnssec = mx.iter().any(|(_, host)| *host == NEW);
                let start = Start {
                    mx: mx.clone(),
                    signed,
                    delegated,
                    dnssec,
                    ..Start::default()
                };
                starts.push((start, policy));
            }
        }
    }
    starts
}

fn facts(start: &Start, policy: Option<PolicyMode>) -> Facts {
    let mut facts = start.facts();
    if let Some(mode) = policy {
        facts.policy = known(PolicyFacts {
            mode,
            patterns: [
                "*.mail.protection.outlook.com".to_owned(),
                LEGACY.to_owned(),
            ]
            .into(),
            max_age: 604_800,
            record_ttl: 3600,
            id: Some("1".into()),
            body: String::new(),
            lagging: vec![],
        });
    }
    facts
}

/// T2: every wait there is names a record and a server (or the service), and what would end it sooner; a
/// computed one says until when.
#[test]
fn t2_every_wait_says_until_when_because_of_what_and_what_ends_it_sooner() {
    const RECORDS: [&str; 7] = [
        "MX",
        "DS",
        "TLSA",
        "DNSKEY",
        "MTA-STS",
        "signatures",
        "unsigned",
    ];
    const PLACES: [&str; 9] = [
        "192.0.2.",
        "gtld",
        "server",
        "Exchange Online",
        "Microsoft",
        "our own write",
        "provider",
        "registrar",
        ".mx.microsoft",
    ];
    let (mut waits, mut kinds) = (0, std::collections::BTreeSet::new());
    for (start, policy) in starts() {
        for schedule in [Schedule::Overlap, Schedule::Cautious] {
            let plan = plan_now(&facts(&start, policy), &steps(schedule), estimates());
            for step in &plan.steps {
                for PlanWait { wait, .. } in &step.waits {
                    waits += 1;
                    kinds.insert(format!("{:?}", wait.kind));
                    let why = wait.why.join("; ");
                    let named = |list: &[&str]| list.iter().any(|word| why.contains(word));
                    assert!(named(&RECORDS), "{}: no record in {why:?}", step.id);
                    assert!(named(&PLACES), "{}: no server in {why:?}", step.id);
                    assert!(!wait.sooner.is_empty(), "{}: {why}", step.id);
                    if matches!(wait.kind, WaitFor::Expiry | WaitFor::Soak) {
                        assert!(wait.until.is_some(), "{}: {why}", step.id);
                    }
                }
            }
        }
    }
    assert!(waits > 200, "{waits}");
    assert!(kinds.len() == 4, "{kinds:?}");
}

/// T3: the critical path is a chain of needs that ends where the plan ends, each starting when the one before
/// it is done.
#[test]
fn t3_the_critical_path_decides_the_total() {
    for (start, policy) in starts() {
        let plan = plan_now(
            &facts(&start, policy),
            &steps(Schedule::Overlap),
            estimates(),
        );
        let step = |id: &String| plan.steps.iter().find(|s| s.id == *id).unwrap();
        let Some(last) = plan.critical_path.last() else {
            panic!("{:?}", start.mx)
        };
        assert_eq!(step(last).ends, plan.total, "{:?}", plan.critical_path);
        for pair in plan.critical_path.windows(2) {
            let (before, after) = (step(&pair[0]), step(&pair[1]));
            assert!(after.needs.contains(&before.id));
            assert!(before.ends.unwrap() <= after.ends.unwrap());
            for need in &after.needs {
                assert!(
                    step(need).ends <= before.ends,
                    "{need} decides, not {}",
                    before.id
                );
            }
        }
    }
}

/// T3: what does not depend on each other overlaps; the cautious schedule never begins a step before the
/// one before it is done.
#[test]
fn t3_waits_overlap_and_the_cautious_schedule_does_not() {
    for (start, policy) in starts() {
        let facts = facts(&start, policy);
        let overlap = plan_now(&facts, &steps(Schedule::Overlap), estimates());
        let cautious = plan_now(&facts, &steps(Schedule::Cautious), estimates());
        assert!(overlap.total.unwrap() <= cautious.total.unwrap());
        for pair in cautious.steps.windows(2) {
            for effect in &pair[1].effects {
                assert!(effect.at >= pair[0].ends.unwrap(), "{}", pair[1].id);
            }
        }
    }
    let plan = plan_now(
        &Start::default().facts(),
        &steps(Schedule::Overlap),
        estimates(),
    );
    let step = |id: &str| plan.steps.iter().find(|s| s.id == id).unwrap();
    // The DS waits for unsigned answers while the MX moves.
    assert!(step("swap-mx").effects[0].at < step("delegate").effects[0].at);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// T3: no plan promises less than the least possible time, whatever the playbook's numbers.
    #[test]
    fn t3_the_least_time_is_never_above_the_total(
        found in 30_u32..200_000, ttl in 30_u32..3600, last in 60_u32..86_400,
        added in 0_u64..5_000, swapped in 0_u64..5_000, which in 0_usize..24,
        visible in 1_u64..600, cmdlet in 1_u64..900, tlsa in 1_u64..4_000, delegation in 1_u64..8_000,
        cautious in any::<bool>(),
    ) {
        let (start, policy) = starts().swap_remove(which);
        let start = Start { ttl: found, ..start };
        let mut steps = steps(if cautious { Schedule::Cautious } else { Schedule::Overlap });
        for step in &mut steps {
            step.goal = match step.goal {
                Goal::LowerTtl { until, .. } => Goal::LowerTtl { ttl, until },
                Goal::VerifyMx { expect: Expect::Added, .. } => Goal::VerifyMx {
                    expect: Expect::Added, soak: Duration::from_secs(added),
                },
                Goal::VerifyMx { expect, .. } => Goal::VerifyMx { expect, soak: Duration::from_secs(swapped) },
                Goal::FinalTtl { .. } => Goal::FinalTtl { ttl: last },
                other => other,
            };
        }
        let estimates = Estimates {
            visible: Duration::from_secs(visible),
            cmdlet: Duration::from_secs(cmdlet),
            tlsa: Duration::from_secs(tlsa),
            delegation: Duration::from_secs(delegation),
            negative_ttl: Duration::from_secs(300),
        };
        let plan = plan_now(&facts(&start, policy), &steps, estimates);
        prop_assert!(!plan.blocked(), "{:?}", plan.findings);
        let total = plan.total.unwrap();
        prop_assert!(plan.least <= total, "{:?} > {:?} from {:?}", plan.least, total, start.mx);
    }

    /// T3: over any TTL found, the default playbook stays within a tenth of the least possible time.
    #[test]
    fn t3_the_default_playbook_stays_within_a_tenth_of_the_least_time(
        found in 60_u32..200_000, signed in any::<bool>(), delegated in any::<bool>(),
    ) {
        let start = Start { ttl: found, signed: signed || delegated, delegated, ..Start::default() };
        let plan = plan_now(&start.facts(), &steps(Schedule::Overlap), estimates());
        let (total, least) = (plan.total.unwrap(), plan.least);
        prop_assert!(
            total.as_secs_f64() <= 1.10 * least.as_secs_f64(),
            "{total:?} against {least:?} from TTL {found}, signed {signed}, delegated {delegated}"
        );
    }
}

#[test]
fn the_cautious_schedule_waits_the_old_ttl_out() {
    let cautious = steps(Schedule::Cautious);
    assert!(cautious.iter().any(|s| matches!(
        s.goal,
        Goal::LowerTtl {
            until: Until::Expired,
            ..
        }
    )));
    let _ = Fact::<u8>::Unasked;
}
