//! The DS: S4 and S7 at the step, and what the parent says.

use super::*;
use crate::engine::decide;
use crate::kernel::{KeyId, ZoneKeys};
use crate::playbook::PlannedStep;
use crate::world::{Chain, DelegationBy, ParentFacts};

fn signed() -> Case {
    Case::new(&Start {
        signed: true,
        ..Start::default()
    })
}

fn parent(case: &mut Case) -> &mut ParentFacts {
    match &mut case.facts.parent {
        Fact::Known { value, .. } => value,
        other => panic!("{other:?}"),
    }
}

fn ds(key: &str) -> Answer<std::collections::BTreeSet<KeyId>> {
    Answer::Got {
        value: [KeyId::new(key)].into(),
        ttl: 900,
    }
}

fn planned() -> PlannedStep {
    PlannedStep {
        id: STEP.into(),
        goal: Goal::Delegate,
        needs: vec![],
        gate: None,
    }
}

#[test]
fn the_ds_is_that_of_the_keys_every_server_serves() {
    let case = signed();
    let next = case.next(Goal::Delegate);
    assert_eq!(
        acts(&next),
        &Action::PublishDs {
            ds: vec![KeyId::new(KEY)]
        }
    );
}

#[test]
fn s4_no_ds_while_a_server_serves_the_zone_unsigned_or_does_not_answer() {
    for keys in [
        Answer::Got {
            value: ZoneKeys::Unsigned,
            ttl: 3600,
        },
        Answer::Got {
            value: ZoneKeys::Signed([KeyId::new("1 13 2 cc")].into()),
            ttl: 3600,
        },
        Answer::Failed {
            why: "did not answer in time".into(),
        },
    ] {
        let mut case = signed();
        case.zone().servers[1].keys = keys;
        let next = case.next(Goal::Delegate);
        assert!(matches!(next, Next::Wait(_)), "{next:?}");
        waits_naming(&next, WaitFor::Visible, &["contoso.com"]);
    }
}

#[test]
fn s4_no_ds_before_every_unsigned_answer_is_expired() {
    let mut case = Case::new(&Start::default());
    case.facts = Start {
        signed: true,
        ..Start::default()
    }
    .facts();
    if let Fact::Known { at: seen, .. } = &mut case.facts.zone {
        *seen = at(100);
    }
    case.now = at(100);
    case.absorb();
    // The step would; the kernel makes it wait for the zone's largest TTL from when all were seen signed.
    acts(&case.next(Goal::Delegate));
    let next = decide(&planned(), &case.context());
    waits_naming(
        &next,
        WaitFor::Expiry,
        &["unsigned", "ns1 (192.0.2.1)", "7200"],
    );
    assert_eq!(wait(&next).until, Some(at(100 + 7200 + 5)));
    case.now = at(100 + 7204);
    assert!(matches!(decide(&planned(), &case.context()), Next::Wait(_)));
    case.now = at(100 + 7205);
    acts(&decide(&planned(), &case.context()));
}

#[test]
fn s7_a_parent_that_could_not_be_asked_is_not_a_parent_without_ds() {
    let mut case = signed();
    case.facts.parent = could_not_tell();
    assert_eq!(
        blocked_by(&case.next(Goal::Delegate), "dns.parent").severity,
        Severity::CouldNotTell
    );
    // One of its servers fails, the other has the DS: wait for all, do not publish again.
    let mut case = signed();
    parent(&mut case).servers[0].ds = ds(KEY);
    parent(&mut case).servers[1].ds = Answer::Failed {
        why: "answered SERVFAIL".into(),
    };
    waits_naming(
        &case.next(Goal::Delegate),
        WaitFor::Visible,
        &["b.gtld (192.0.2.4)", "DS of contoso.com"],
    );
}

#[test]
fn a_ds_on_some_servers_of_the_parent_is_waited_for_and_the_others_are_named() {
    let mut case = signed();
    parent(&mut case).servers[0].ds = ds(KEY);
    waits_naming(
        &case.next(Goal::Delegate),
        WaitFor::Visible,
        &["b.gtld (192.0.2.4)", "DS"],
    );
}

#[test]
fn a_ds_for_another_key_and_a_bogus_chain_stop_the_run() {
    let mut case = signed();
    for server in &mut parent(&mut case).servers {
        server.ds = ds("1 13 2 dead");
    }
    assert_eq!(
        blocked_by(&case.next(Goal::Delegate), "ds.mismatch").severity,
        Severity::Blocker
    );
    for server in &mut parent(&mut case).servers {
        server.ds = ds(KEY);
    }
    case.facts.chain = known(Chain::Bogus {
        why: "expired".into(),
    });
    blocked_by(&case.next(Goal::Delegate), "chain.bogus");
    for chain in [known(Chain::Insecure), could_not_tell()] {
        case.facts.chain = chain;
        waits_naming(
            &case.next(Goal::Delegate),
            WaitFor::Visible,
            &["DS", "contoso.com", "com"],
        );
    }
    case.facts.chain = known(Chain::Secure);
    is_done(&case.next(Goal::Delegate));
}

/// RFC 8078, section 3.3: the registry takes it when it has stood long enough, and nobody need be asked before.
#[test]
fn a_registry_that_looks_for_cds_gets_its_time_before_a_person_is_asked() {
    let begin = |scans_after, publishes_cds, delegation| {
        let mut case = signed();
        case.setup.delegation = delegation;
        parent(&mut case).scans_after = scans_after;
        case.zone().publishes_cds = publishes_cds;
        let action = acts(&case.next(Goal::Delegate)).clone();
        case.record(&action, &by_hand());
        case
    };
    let asked = |case: &Case| {
        matches!(
            case.next(Goal::Delegate),
            Next::Ask(Question::ByHand { .. })
        )
    };
    let three_days = Some(72 * 3600);
    let mut case = begin(three_days, true, DelegationBy::Auto);
    waits_naming(
        &case.next(Goal::Delegate),
        WaitFor::Visible,
        &["com", "CDS", "not before"],
    );
    let since = case.now;
    case.now = since + jiff::SignedDuration::from_hours(72 + 47);
    assert!(!asked(&case));
    case.now = since + jiff::SignedDuration::from_hours(72 + 48);
    assert!(asked(&case), "it did not come: a person is asked");
    for (scans_after, publishes_cds, delegation) in [
        (None, true, DelegationBy::Auto),
        (three_days, false, DelegationBy::Auto),
        (three_days, true, DelegationBy::Manual),
    ] {
        assert!(asked(&begin(scans_after, publishes_cds, delegation)));
    }
}

#[test]
fn a_ds_handed_over_by_a_person_is_asked_for_and_then_seen() {
    let mut case = signed();
    let action = acts(&case.next(Goal::Delegate)).clone();
    case.record(&action, &by_hand());
    assert!(matches!(
        case.next(Goal::Delegate),
        Next::Ask(Question::ByHand { .. })
    ));
    case.facts = Start {
        signed: true,
        delegated: true,
        ..Start::default()
    }
    .facts();
    is_done(&case.next(Goal::Delegate));
}

/// A host that announces the DS by itself goes past the gate: said before anything is signed.
#[test]
fn s4_a_provider_that_announces_the_ds_by_itself_is_told_beforehand() {
    for (announces, signed, warned) in [
        (true, false, true),
        (true, true, false),
        (false, false, false),
    ] {
        let mut facts = Start {
            signed,
            ..Start::default()
        }
        .facts();
        if let Fact::Known { value, .. } = &mut facts.provider {
            value.announces = announces;
        }
        let mut memory = Memory::default();
        memory.absorb(&facts, &setup(), at(0));
        let setup = setup();
        let cx = Context {
            setup: &setup,
            facts: &facts,
            memory: &memory,
            step: "preflight",
            now: at(0),
        };
        let found = crate::step::preflight::findings(&cx, crate::playbook::Scope::Move);
        let is = |f: &Finding| f.id == "provider.announces";
        assert_eq!(found.iter().any(is), warned, "{announces} {signed}");
        assert!(!found.iter().any(|f| is(f) && f.stops()));
    }
}
