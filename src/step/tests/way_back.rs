//! The way back: the record set that was there, byte for byte; and DNSSEC only in the order that breaks nothing (S4).

use super::*;
use crate::engine::decide;
use crate::kernel::{Host, KeyId, ZoneKeys};
use crate::playbook::PlannedStep;
use crate::world::{Chain, ParentFacts, SmtpOutcome};

const RESTORE: Goal = Goal::RestoreMx { ttl: 60 };

fn planned(goal: Goal) -> PlannedStep {
    PlannedStep {
        id: STEP.into(),
        goal,
        needs: vec![],
        gate: None,
    }
}

fn decided(case: &Case, goal: Goal) -> Next {
    decide(&planned(goal), &case.context())
}

#[test]
fn from_every_stage_the_original_records_come_back_and_then_their_ttl() {
    let original = rrset(&[(0, LEGACY)], 3600);
    for stage in [
        &[(0, LEGACY), (20, NEW)][..],
        &[(0, NEW), (30, LEGACY)],
        &[(0, NEW)],
    ] {
        let mut case = Case::moved_to(stage);
        case.memory.original = Some(original.clone());
        let Action::WriteMx { before, after } = acts(&decided(&case, RESTORE)).clone() else {
            panic!("{stage:?}")
        };
        assert_eq!(before, case.expected());
        assert_eq!((&after.set, after.ttl), (&original.set, 60), "{stage:?}");
        case.wrote(&[(0, LEGACY)], 60);
        waits_naming(&case.next(RESTORE), WaitFor::Visible, &["still serves"]);
        case.see(&[(0, LEGACY)], 60);
        is_done(&case.next(RESTORE));
        let verify = Goal::VerifyMx {
            expect: Expect::Original,
            soak: std::time::Duration::ZERO,
        };
        is_done(&case.next(verify));
        let Action::WriteMx { after, .. } = acts(&decided(&case, Goal::RestoreTtl)).clone() else {
            panic!("{stage:?}")
        };
        assert_eq!(after, original);
    }
}

#[test]
fn a_later_stage_is_not_the_original_one() {
    let case = Case::moved_to(&[(0, LEGACY), (20, NEW)]);
    let verify = Goal::VerifyMx {
        expect: Expect::Original,
        soak: std::time::Duration::ZERO,
    };
    assert!(matches!(case.next(verify), Next::Wait(_)));
    let mut blind = Case::moved_to(&[(0, LEGACY)]);
    blind.memory.original = None;
    blocked_by(&blind.next(RESTORE), "mx.no-original");
}

#[test]
fn a_run_that_began_on_the_way_goes_back_to_where_it_began() {
    let added = &[(0, LEGACY), (20, NEW)][..];
    let mut case = Case::new(&Start {
        mx: added.to_vec(),
        dnssec: true,
        ..Start::default()
    });
    let verify = Goal::VerifyMx {
        expect: Expect::Original,
        soak: std::time::Duration::ZERO,
    };
    case.absorb();
    assert_eq!(case.expected().set, rrset(added, 60).set);
    assert!(
        matches!(case.next(verify), Next::Done(_)),
        "{:?}",
        case.next(verify)
    );
    let swapped = &[(0, NEW), (30, LEGACY)][..];
    case.wrote(swapped, 60);
    case.see(swapped, 60);
    assert!(matches!(case.next(verify), Next::Wait(_)));
}

/// A DS that was told and is not served yet may still appear, over a zone that is unsigned by then.
#[test]
fn s4_a_ds_that_is_on_its_way_is_waited_for() {
    let mut case = Case::new(&Start {
        signed: true,
        ..Start::default()
    });
    let ds = KeyId::new(KEY);
    serve_ds(&mut case, &[], 3600);
    look(&mut case, 100);
    is_done(&decided(&case, Goal::WithdrawDs));
    case.record(&Action::PublishDs { ds: vec![ds] }, &done());
    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    look(&mut case, 200);
    waits_naming(
        &decided(&case, Goal::WithdrawDs),
        WaitFor::Visible,
        &["may appear"],
    );
    // It appears, is taken away, and is not waited for again.
    serve_ds(&mut case, &[KEY], 3600);
    look(&mut case, 300);
    acts(&decided(&case, Goal::WithdrawDs));
    serve_ds(&mut case, &[], 3600);
    look(&mut case, 400);
    is_done(&decided(&case, Goal::WithdrawDs));
    // One that never appears is given up after two days: a registry that publishes once a day would have by then.
    case.memory.ds_told = Some(at(500));
    let two_days = 2 * 86_400;
    look(&mut case, 499 + two_days);
    assert!(matches!(decided(&case, Goal::WithdrawDs), Next::Wait(_)));
    look(&mut case, 500 + two_days);
    is_done(&decided(&case, Goal::WithdrawDs));
}

/// The answer to the write that goes back was lost: what it made is no conflict when it is seen (S6).
#[test]
fn s6_a_way_back_whose_answer_was_lost_is_seen_to_have_been_made() {
    let mut case = Case::moved_to(&[(0, NEW), (30, LEGACY)]);
    let action = acts(&case.next(RESTORE)).clone();
    let why = "the connection broke".to_owned();
    case.record(&action, &Outcome::Unknown { why });
    // Server after server.
    case.serve(1, &[(0, LEGACY)], 60);
    case.absorb();
    assert!(matches!(case.next(RESTORE), Next::Wait(_)));
    case.see(&[(0, LEGACY)], 60);
    assert!(matches!(case.next(RESTORE), Next::Done(_)));
}

fn parent(case: &mut Case) -> &mut ParentFacts {
    match &mut case.facts.parent {
        Fact::Known { value, .. } => value,
        other => panic!("{other:?}"),
    }
}

fn serve_ds(case: &mut Case, ds: &[&str], ttl: u32) {
    let ds: std::collections::BTreeSet<_> = ds.iter().map(|key| KeyId::new(*key)).collect();
    for server in &mut parent(case).servers {
        server.ds = Answer::Got {
            value: ds.clone(),
            ttl,
        };
    }
}

fn look(case: &mut Case, second: i64) {
    case.now = at(second);
    if let Fact::Known { at: seen, .. } = &mut case.facts.parent {
        *seen = at(second);
    }
    if let Fact::Known { at: seen, .. } = &mut case.facts.zone {
        *seen = at(second);
    }
    case.absorb();
}

#[test]
fn s4_no_unsigning_before_the_ds_and_its_ttl_are_gone() {
    let mut case = Case::new(&Start {
        signed: true,
        delegated: true,
        ..Start::default()
    });
    serve_ds(&mut case, &[KEY], 3600);
    look(&mut case, 100);
    assert!(
        !matches!(decided(&case, Goal::UnsignZone), Next::Act(_)),
        "the DS is there"
    );
    let Action::WithdrawDs { ds } = acts(&decided(&case, Goal::WithdrawDs)).clone() else {
        panic!()
    };
    assert_eq!(ds, [KeyId::new(KEY)]);
    case.record(&Action::WithdrawDs { ds }, &done());
    waits_naming(
        &case.next(Goal::WithdrawDs),
        WaitFor::Visible,
        &["still serves"],
    );
    serve_ds(&mut case, &[], 900);
    look(&mut case, 200);
    is_done(&case.next(Goal::WithdrawDs));
    // Caches hold the DS for its TTL from when the last server was seen without it.
    let waits = decided(&case, Goal::UnsignZone);
    assert_eq!(wait(&waits).until, Some(at(200 + 3605)), "{waits:?}");
    look(&mut case, 200 + 3604);
    assert!(matches!(decided(&case, Goal::UnsignZone), Next::Wait(_)));
    look(&mut case, 200 + 3605);
    assert_eq!(acts(&decided(&case, Goal::UnsignZone)), &Action::UnsignZone);
    for server in &mut case.zone().servers {
        server.keys = Answer::Got {
            value: ZoneKeys::Unsigned,
            ttl: 3600,
        };
    }
    is_done(&case.next(Goal::UnsignZone));
}

#[test]
fn s7_a_parent_that_could_not_be_asked_is_not_without_ds() {
    let mut case = Case::new(&Start {
        signed: true,
        delegated: true,
        ..Start::default()
    });
    case.facts.parent = could_not_tell();
    blocked_by(&case.next(Goal::WithdrawDs), "dns.parent");
}

/// Caches may have forgotten the original hosts long since; the way back asks them all the same, before it relies on them.
#[test]
fn the_hosts_it_leads_to_are_asked_whatever_caches_hold() {
    let mut case = Case::moved_to(&[(0, NEW)]);
    case.now = at(100_000);
    let asked = |case: &Case| {
        let hosts = crate::step::needs(RESTORE, &case.context()).hosts;
        hosts.contains(&Host::new(LEGACY))
    };
    assert!(!asked(&case), "the caches still hold it");
    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    assert!(asked(&case));
}

/// What was good and loses mail now is remembered, for the way back by itself; silence, and what never was good, is not.
#[test]
fn a_change_that_turns_bad_while_it_soaks_is_told_apart() {
    let soak = Goal::VerifyMx {
        expect: Expect::Swapped,
        soak: std::time::Duration::from_secs(3600),
    };
    let smtp = |outcome: SmtpOutcome| {
        let mut facts = host(Chain::Secure, records());
        facts.addresses[0].smtp = outcome;
        facts
    };
    let refused = || SmtpOutcome::Rejected {
        reply: "550 5.7.1 no".into(),
    };
    let look = |case: &mut Case, outcome: SmtpOutcome, seconds: i64| {
        case.now = at(10 + seconds);
        let mut facts = smtp(outcome);
        facts.probed_at = Some(case.now);
        case.facts.hosts.insert(Host::new(NEW), known(facts));
        case.absorb();
        let next = decided(case, soak);
        case.memory.stands(STEP, &next, case.now);
        next
    };
    let accepted = || SmtpOutcome::Accepted { web_pki: true };
    let mut case = Case::moved_to(&[(0, NEW), (30, LEGACY)]);
    assert!(
        !look(&mut case, refused(), 0).loses_mail(),
        "it never was good"
    );
    waits_naming(&look(&mut case, accepted(), 5), WaitFor::Soak, &["soaking"]);
    let silent = look(&mut case, SmtpOutcome::Closed, 10);
    assert!(!silent.loses_mail() && case.memory.turned_bad.is_empty());
    waits_naming(
        &look(&mut case, accepted(), 15),
        WaitFor::Soak,
        &["soaking"],
    );
    blocked_by(&look(&mut case, refused(), 20), "host.rejects");
    assert_eq!(case.memory.turned_bad.get(STEP), Some(&at(30)));
    // Another step that moves on has everything looked at again: this one still stops the run.
    blocked_by(&look(&mut case, refused(), 25), "host.rejects");
    assert!(case.memory.turned_bad.contains_key(STEP), "it still is");
    waits_naming(
        &look(&mut case, accepted(), 30),
        WaitFor::Soak,
        &["soaking"],
    );
    assert!(case.memory.turned_bad.is_empty(), "it is good again");
}

/// A write of the run before may arrive until it would have shown: the way back does not end before.
#[test]
fn s6_a_write_that_is_under_way_is_waited_for_before_the_end() {
    let mut case = Case::moved_to(&[(0, LEGACY)]);
    let write = Action::WriteMx {
        before: case.expected(),
        after: rrset(&[(0, LEGACY), (20, NEW)], 60),
    };
    case.record(&write, &lost_answer());
    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    is_done(&case.next(RESTORE));
    waits_naming(
        &case.next(Goal::RestoreTtl),
        WaitFor::Service,
        &["its answer never came"],
    );
    // The provider has it, and no server serves it yet; or it was lost.
    let provider_has = |case: &mut Case, mx: MxRrset| {
        case.now = at(50);
        let Fact::Known { value, at: seen } = &mut case.facts.provider else {
            panic!()
        };
        (value.mx, *seen) = (Some(mx), at(50));
    };
    provider_has(&mut case, rrset(&[(0, LEGACY), (20, NEW)], 60));
    assert!(matches!(case.next(Goal::RestoreTtl), Next::Wait(_)));
    provider_has(&mut case, rrset(&[(0, LEGACY)], 60));
    is_done(&case.next(Goal::RestoreTtl));
    assert!(!case.memory.was_moved_on());
    // Seen to be lost, it ends in caches; whoever waits for that waits no longer than its TTL.
    let may_come = |case: &Case, second| {
        let mut possible = case.memory.caches.mx.possible(at(second));
        possible.any(|version| version.value == rrset(&[(0, LEGACY), (20, NEW)], 60).set)
    };
    assert!(may_come(&case, 1_000_000));
    let Fact::Known { at: seen, .. } = &mut case.facts.zone else {
        panic!()
    };
    *seen = at(50);
    case.absorb();
    case.absorb();
    assert!(!may_come(&case, 1_000_000));
    // It arrives: what was brought back is gone, and is brought back again.
    case.see(&[(0, LEGACY), (20, NEW)], 60);
    assert!(case.memory.was_moved_on());
    acts(&case.next(RESTORE));
}

/// What a person was asked to replace is another set by now, because they did first what the run had asked for before.
#[test]
fn a_person_is_asked_anew_when_there_is_another_set_to_replace() {
    let added = &[(0, LEGACY), (20, NEW)][..];
    let mut case = Case::moved_to(added);
    case.memory.original = Some(rrset(&[(0, LEGACY)], 60));
    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    let first = acts(&case.next(RESTORE)).clone();
    case.record(&first, &by_hand());
    assert!(matches!(case.next(RESTORE), Next::Ask(_)));
    case.see(&[(0, NEW), (30, LEGACY)], 60);
    let again = acts(&case.next(RESTORE)).clone();
    let Action::WriteMx { before, .. } = &again else {
        panic!("{again:?}")
    };
    assert_eq!(*before, rrset(&[(0, NEW), (30, LEGACY)], 60));
    case.record(&again, &by_hand());
    assert!(matches!(case.next(RESTORE), Next::Ask(_)), "once");
}

/// The process ended between its intent and asking: what the step had asked a person for before is not what it waits for now.
#[test]
fn s6_what_was_asked_before_is_not_what_an_intent_without_an_outcome_waits_for() {
    let mut case = Case::moved_to(&[(0, LEGACY), (20, NEW)]);
    case.memory.original = Some(rrset(&[(0, LEGACY)], 60));
    let first = acts(&case.next(RESTORE)).clone();
    case.record(&first, &by_hand());
    case.see(&[(0, NEW), (30, LEGACY)], 60);
    let again = acts(&case.next(RESTORE)).clone();
    case.record(&again, &lost_answer());
    assert!(
        !matches!(case.next(RESTORE), Next::Ask(_)),
        "nobody was asked for this"
    );
}

/// Where a person unsigns, an intent without an outcome does not stand for ever: they are asked again.
#[test]
fn s6_unsigning_by_hand_is_asked_for_again_after_a_crash() {
    let mut case = Case::new(&Start {
        signed: true,
        ..Start::default()
    });
    if let Fact::Known { value, .. } = &mut case.facts.provider {
        value.signing = crate::world::SigningFacts::Elsewhere;
    }
    case.record(&Action::UnsignZone, &lost_answer());
    assert!(matches!(case.next(Goal::UnsignZone), Next::Wait(_)));
    case.now = at(100);
    if let Fact::Known { at: seen, .. } = &mut case.facts.provider {
        *seen = at(100);
    }
    assert_eq!(acts(&case.next(Goal::UnsignZone)), &Action::UnsignZone);
}

/// Signing that was told and whose answer never came may still begin: the zone does not count as unsigned before.
#[test]
fn s6_signing_that_is_under_way_is_waited_for() {
    let mut case = Case::new(&Start::default());
    is_done(&case.next(Goal::UnsignZone));
    case.record(&Action::SignZone, &lost_answer());
    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    waits_naming(
        &case.next(Goal::UnsignZone),
        WaitFor::Service,
        &["sign-zone"],
    );
    case.now = at(40);
    is_done(&case.next(Goal::UnsignZone));
}
