//! The steps that write the MX RRset, and the one that verifies it: S1, T1.

use std::time::Duration;

use super::*;

const V0: &[(u16, &str)] = &[(0, LEGACY)];
const V1: &[(u16, &str)] = &[(0, LEGACY), (20, NEW)];
const V2: &[(u16, &str)] = &[(0, NEW), (30, LEGACY)];
const V3: &[(u16, &str)] = &[(0, NEW)];

fn verify(expect: Expect) -> Goal {
    Goal::VerifyMx {
        expect,
        soak: Duration::from_secs(300),
    }
}

/// MX records as a table holds them.
type Records = &'static [(u16, &'static str)];

/// Each writing step: from where it acts, and to what.
const WRITERS: &[(Goal, Records, Records, u32)] = &[
    (ADD, V0, V1, 60),
    (SWAP, V1, V2, 60),
    (Goal::RemoveMx, V2, V3, 60),
    (FINAL, V3, V3, 3600),
];

#[test]
fn each_step_writes_exactly_its_change_of_the_whole_set() {
    for (goal, from, to, ttl) in WRITERS {
        let case = Case::moved_to(from);
        let Action::WriteMx { before, after } = acts(&case.next(*goal)).clone() else {
            panic!()
        };
        assert_eq!(before, rrset(from, 60), "{goal:?}");
        assert_eq!(after, rrset(to, *ttl), "{goal:?}");
    }
    let case = Case::new(&Start::default());
    let Action::WriteMx { before, after } = acts(&case.next(LOWER)).clone() else {
        panic!()
    };
    assert_eq!((before, after), (rrset(V0, 3600), rrset(V0, 60)));
}

#[test]
fn a_goal_that_is_there_is_done_whoever_brought_it_about() {
    for (goal, from, to, ttl) in WRITERS {
        let mut case = Case::moved_to(from);
        case.see(to, *ttl);
        is_done(&case.next(*goal));
    }
    let mut case = Case::new(&Start::default());
    case.see(V0, 30);
    is_done(&case.next(LOWER));
}

#[test]
fn a_later_stage_by_hand_is_followed_and_what_comes_before_it_is_done() {
    let stages: &[(Goal, &[(u16, &str)])] = &[(ADD, V1), (SWAP, V2), (Goal::RemoveMx, V3)];
    for (index, (_, stage)) in stages.iter().enumerate() {
        let mut case = Case::moved_to(V0);
        case.see(stage, 300);
        assert_eq!(case.expected(), rrset(stage, 300));
        for (number, (goal, _)) in stages.iter().enumerate() {
            let next = case.next(*goal);
            if number <= index {
                is_done(&next);
            } else {
                let Action::WriteMx { before, .. } = acts(&next) else {
                    panic!()
                };
                assert_eq!(*before, rrset(stage, 300), "compare with what is there");
            }
        }
    }
}

#[test]
fn after_the_answer_a_step_waits_for_every_address_and_names_the_one_that_lags() {
    for (goal, from, to, ttl) in WRITERS {
        let mut case = Case::moved_to(from);
        case.wrote(to, *ttl);
        case.absorb();
        waits_naming(
            &case.next(*goal),
            WaitFor::Visible,
            &["ns1 (192.0.2.1) still serves MX", "ns2 (192.0.2.2) still"],
        );
        case.serve(0, to, *ttl);
        case.absorb();
        let next = case.next(*goal);
        waits_naming(
            &next,
            WaitFor::Visible,
            &["ns2 (192.0.2.2) still serves MX"],
        );
        assert!(!wait(&next).why.join(" ").contains("ns1"), "{next:?}");
        case.serve(1, to, *ttl);
        case.absorb();
        is_done(&case.next(*goal));
    }
}

#[test]
fn a_server_that_does_not_answer_holds_the_step_back_and_is_named() {
    for (goal, from, _, _) in WRITERS {
        let mut case = Case::moved_to(from);
        case.zone().servers[1].mx = Answer::Failed {
            why: "answered SERVFAIL".into(),
        };
        case.absorb();
        waits_naming(
            &case.next(*goal),
            WaitFor::Visible,
            &["ns2 (192.0.2.2) does not answer", "MX"],
        );
    }
}

#[test]
fn a_zone_that_could_not_be_observed_is_neither_yes_nor_no() {
    for (goal, from, ..) in WRITERS.iter().chain([&(verify(Expect::Added), V1, V1, 60)]) {
        let mut case = Case::moved_to(from);
        case.facts.zone = could_not_tell();
        let finding = blocked_by(&case.next(*goal), "dns.zone");
        assert_eq!(finding.severity, Severity::CouldNotTell);
    }
}

/// Somebody else's changes at each stage: a third MX, another legacy preference, a host replaced, a record
/// taken away, another new preference.
fn foreign(at: &[(u16, &'static str)]) -> Vec<Vec<(u16, &'static str)>> {
    let mut sets = Vec::new();
    let mut third = at.to_vec();
    third.push((40, "backup.example"));
    sets.push(third);
    for index in 0..at.len() {
        let mut other = at.to_vec();
        other[index].0 += 5;
        sets.push(other);
        let mut replaced = at.to_vec();
        replaced[index].1 = "mail.elsewhere.example";
        sets.push(replaced);
    }
    sets.push(vec![]);
    sets
}

#[test]
fn s1_a_set_that_is_not_what_the_run_saw_is_a_conflict_and_is_never_overwritten() {
    let waiters = [
        (verify(Expect::Added), V1, V1, 60),
        (verify(Expect::Swapped), V2, V2, 60),
        (Goal::FinalProof, V3, V3, 60),
    ];
    for (goal, from, ..) in WRITERS.iter().chain(&waiters) {
        for set in foreign(from) {
            // On every server, and on one alone.
            for servers in [vec![0, 1], vec![1]] {
                let mut case = Case::moved_to(from);
                for server in &servers {
                    case.serve(*server, &set, 60);
                }
                case.absorb();
                let finding = blocked_by(&case.next(*goal), "mx.conflict");
                assert_eq!(finding.severity, Severity::Blocker);
                assert!(finding.what.contains("ns") || finding.what.contains("every server"));
            }
        }
    }
}

#[test]
fn a_run_that_changed_nothing_begins_from_what_is_there_now() {
    let found = rrset(&[(0, LEGACY), (90, "backup.example.net")], 3600);
    let memory = Memory {
        original: Some(found.clone()),
        expected: Some(found.clone()),
        previous: Some(found),
        expected_seen: true,
        ..Memory::default()
    };
    assert_eq!(memory.clone().taken_up(), Memory::default());
    // Once there is a way back, what it leads to is kept.
    let kept = Memory {
        way_back_kept: true,
        ..memory
    };
    assert_eq!(kept.clone().taken_up(), kept);
}

#[test]
fn s1_a_set_put_back_by_a_person_is_a_conflict_not_lag() {
    let reverted: &[(Goal, Records, Records)] = &[
        (SWAP, V0, V1),
        (verify(Expect::Added), V0, V1),
        (Goal::RemoveMx, V1, V2),
        (verify(Expect::Swapped), V1, V2),
        (FINAL, V2, V3),
    ];
    for (goal, before, after) in reverted {
        let mut case = Case::moved_to(before);
        case.wrote(after, 60);
        case.absorb();
        assert!(
            matches!(case.next(*goal), Next::Wait(_)),
            "not seen yet: {goal:?}"
        );
        case.see(after, 60);
        // One server may fall back for a while: an old copy behind an anycast address.
        case.serve(1, before, 60);
        case.absorb();
        waits_naming(&case.next(*goal), WaitFor::Visible, &["ns2 (192.0.2.2)"]);
        case.see(before, 60);
        blocked_by(&case.next(*goal), "mx.conflict");
        assert_eq!(case.expected(), rrset(after, 60));
    }
}

#[test]
fn a_changed_ttl_alone_is_followed() {
    for (goal, from, to, _) in WRITERS {
        for ttl in [30, 300, 7200] {
            let mut case = Case::moved_to(from);
            case.see(from, ttl);
            assert_eq!(case.expected(), rrset(from, ttl));
            let Action::WriteMx { before, after } = acts(&case.next(*goal)).clone() else {
                panic!("{goal:?}")
            };
            assert_eq!(before, rrset(from, ttl));
            assert_eq!(after.set, rrset(to, 60).set);
        }
    }
    // Also back to what it was before our own write, once that was seen.
    let mut case = Case::new(&Start::default());
    case.wrote(V0, 60);
    case.see(V0, 60);
    is_done(&case.next(LOWER));
    case.see(V0, 3600);
    assert_eq!(case.expected(), rrset(V0, 3600));
    acts(&case.next(LOWER));
}

#[test]
fn a_step_done_by_hand_is_asked_for_and_then_seen() {
    for (goal, from, to, ttl) in WRITERS {
        let mut case = Case::moved_to(from);
        let action = acts(&case.next(*goal)).clone();
        case.record(&action, &by_hand());
        assert!(matches!(
            case.next(*goal),
            Next::Ask(Question::ByHand { .. })
        ));
        case.see(to, *ttl);
        is_done(&case.next(*goal));
    }
}

#[test]
fn without_a_new_host_the_steps_wait_for_exchange_online() {
    let case = Case::new(&Start::default());
    for goal in [
        ADD,
        SWAP,
        Goal::RemoveMx,
        Goal::ProveHost,
        Goal::EnableDane,
        Goal::VerifyTlsa,
    ] {
        waits_naming(&case.next(goal), WaitFor::Service, &["Exchange Online"]);
    }
}

/// A process that goes on with a run has not asked the provider yet: without its limits no TTL is written.
#[test]
fn a_ttl_is_written_only_when_it_is_known_what_the_provider_takes() {
    for (goal, from) in [(LOWER, V0), (FINAL, V3)] {
        let mut case = Case::moved_to(from);
        case.see(from, 600);
        let Action::WriteMx { after, .. } = acts(&case.next(goal)).clone() else {
            panic!()
        };
        assert_ne!(after.ttl, 600);
        case.facts.provider = could_not_tell();
        let finding = blocked_by(&case.next(goal), "provider.unreachable");
        assert_eq!(finding.severity, Severity::CouldNotTell);
        // What is there needs no answer.
        case.see(from, after.ttl);
        is_done(&case.next(goal));
    }
}

#[test]
fn the_added_host_is_always_the_worst() {
    let mut case = Case::new(&Start {
        ttl: 60,
        dnssec: true,
        ..Start::mx(&[(50, LEGACY)])
    });
    case.absorb();
    let Action::WriteMx { after, .. } = acts(&case.next(ADD)).clone() else {
        panic!()
    };
    assert_eq!(after, rrset(&[(50, LEGACY), (60, NEW)], 60));
}

#[test]
fn t1_the_cautious_schedule_waits_for_the_largest_ttl_from_when_the_change_was_seen() {
    let goal = Goal::LowerTtl {
        ttl: 60,
        until: Until::Expired,
    };
    let mut case = Case::new(&Start::default());
    case.wrote(V0, 60);
    case.now = at(500);
    case.facts.zone = case.facts.zone.clone();
    if let Fact::Known { at: seen, .. } = &mut case.facts.zone {
        *seen = at(500);
    }
    case.see(V0, 60);
    let next = case.next(goal);
    waits_naming(&next, WaitFor::Expiry, &["MX", "ns1 (192.0.2.1)"]);
    // Seen at 500 s, not answered at 10 s; the old TTL of 3600 s, and the margin.
    assert_eq!(wait(&next).until, Some(at(500 + 3600 + 5)));
    case.now = at(500 + 3605);
    is_done(&case.next(goal));
}

#[test]
fn verifying_soaks_from_when_all_was_good_and_then_is_done() {
    for (expect, set) in [
        (Expect::Added, V1),
        (Expect::Swapped, V2),
        (Expect::Removed, V3),
    ] {
        let mut case = Case::moved_to(set);
        let next = case.next(verify(expect));
        waits_naming(&next, WaitFor::Soak, &["MX", "2 servers"]);
        assert_eq!(wait(&next).until, Some(at(310)));
        case.memory.good_since.insert(STEP.into(), at(0));
        case.now = at(299);
        assert!(matches!(case.next(verify(expect)), Next::Wait(_)));
        case.now = at(300);
        is_done(&case.next(verify(expect)));
        // A set that is further on has nothing to verify any more.
        case.memory.good_since.clear();
        case.see(V3, 60);
        if expect != Expect::Removed {
            is_done(&case.next(verify(expect)));
        }
    }
}

#[test]
fn verifying_stops_for_a_host_that_takes_no_mail_and_a_resolver_that_fails() {
    let mut case = Case::moved_to(V2);
    let mut dead = host(
        crate::world::Chain::Secure,
        crate::world::TlsaFacts::Absent { negative_ttl: 300 },
    );
    dead.addresses[0].smtp = crate::world::SmtpOutcome::Closed;
    case.facts
        .hosts
        .insert(crate::kernel::Host::new(NEW), known(dead));
    case.absorb();
    waits_naming(
        &case.next(verify(Expect::Swapped)),
        WaitFor::Service,
        &[NEW],
    );

    let mut case = Case::moved_to(V2);
    case.facts.vantages.push(crate::world::VantageFacts {
        vantage: "nine (9.9.9.9)".into(),
        mx: Answer::Failed {
            why: "answered SERVFAIL".into(),
        },
        authentic: false,
        at: at(0),
    });
    let finding = blocked_by(&case.next(verify(Expect::Swapped)), "vantage.failed");
    assert_eq!(finding.severity, Severity::CouldNotTell);
    assert!(finding.what.contains("nine (9.9.9.9)"));
}
