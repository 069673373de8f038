//! An unknown outcome is observed, never repeated (S6); an answered effect that does not show is waited for.

use super::*;
use crate::world::SigningFacts;

const V0: &[(u16, &str)] = &[(0, LEGACY)];

/// Every effect with a step about to make it.
fn table() -> Vec<(Goal, Case)> {
    let enabled = || Start {
        ttl: 60,
        signed: true,
        delegated: true,
        dnssec: true,
        ..Start::default()
    };
    let table = vec![
        (LOWER, Case::new(&Start::default())),
        (ADD, Case::moved_to(V0)),
        (SWAP, Case::moved_to(&[(0, LEGACY), (20, NEW)])),
        (Goal::RemoveMx, Case::moved_to(&[(0, NEW), (30, LEGACY)])),
        (FINAL, Case::moved_to(&[(0, NEW)])),
        (Goal::SignZone, Case::new(&Start::default())),
        (
            Goal::Delegate,
            Case::new(&Start {
                signed: true,
                ..Start::default()
            }),
        ),
        (Goal::EnableDnssec, Case::new(&Start::default())),
        (Goal::EnableDane, Case::new(&enabled())),
    ];
    let mut kinds: Vec<_> = table
        .iter()
        .map(|(goal, case)| acts(&case.next(*goal)).name())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "enable-dane",
            "enable-dnssec",
            "publish-ds",
            "sign-zone",
            "write-mx"
        ],
        "every kind of effect is in the table"
    );
    table
}

/// The provider's own view of the MX RRset is what the run expects: what we wrote is not there.
fn provider_as_before(case: &mut Case) {
    let expected = case.expected();
    if let Fact::Known { value, .. } = &mut case.facts.provider {
        value.mx = Some(expected);
    }
}

fn all_seen_at(case: &mut Case, second: i64) {
    fn set<T>(fact: &mut Fact<T>, to: jiff::Timestamp) {
        if let Fact::Known { at, .. } = fact {
            *at = to;
        }
    }
    let to = at(second);
    set(&mut case.facts.zone, to);
    set(&mut case.facts.parent, to);
    set(&mut case.facts.exchange, to);
    set(&mut case.facts.provider, to);
}

/// A process may end between its intent and the question to the person who writes the records. Nobody but a person can
/// tell, so the person is asked again once what they wrote would show.
#[test]
fn s6_a_person_who_may_never_have_been_asked_is_asked_again() {
    let mut case = Case::new(&Start::default());
    if let Fact::Known { value, .. } = &mut case.facts.provider {
        (value.manual, value.mx) = (true, None);
    }
    let action = acts(&case.next(LOWER)).clone();
    case.record(
        &action,
        &Outcome::Unknown {
            why: "the process ended".to_owned(),
        },
    );
    waits_naming(
        &case.next(LOWER),
        WaitFor::Service,
        &["observed, not repeated"],
    );
    case.now = at(3600);
    all_seen_at(&mut case, 3600);
    assert_eq!(acts(&case.next(LOWER)), &action);
}

#[test]
fn s6_an_unknown_outcome_is_not_resent_until_it_was_seen_to_be_lost_after_it_had_time_to_show() {
    for (goal, mut case) in table() {
        let action = acts(&case.next(goal)).clone();
        provider_as_before(&mut case);
        case.record(&action, &lost_answer());
        for (now, seen) in [(10, 10), (39, 39), (41, 9), (500, 11), (500, 39)] {
            case.now = at(now);
            all_seen_at(&mut case, seen);
            let next = case.next(goal);
            waits_naming(&next, WaitFor::Service, &["never came", "not repeated"]);
        }
        // A registry takes its time: only when a DS is overdue does its absence prove anything.
        let settled = match action {
            Action::PublishDs { .. } => 10 + 3600,
            _ => 41,
        };
        case.now = at(settled);
        all_seen_at(&mut case, settled);
        assert_eq!(acts(&case.next(goal)), &action, "provably lost");
    }
}

#[test]
fn s6_what_cannot_be_told_does_not_prove_a_loss() {
    for (goal, mut case) in table() {
        let action = acts(&case.next(goal)).clone();
        provider_as_before(&mut case);
        case.record(&action, &lost_answer());
        case.now = at(500);
        all_seen_at(&mut case, 500);
        case.facts.zone = match goal {
            Goal::EnableDane | Goal::EnableDnssec => case.facts.zone,
            _ => could_not_tell(),
        };
        case.facts.parent = could_not_tell();
        case.facts.provider = could_not_tell();
        case.facts.exchange = could_not_tell();
        assert!(!matches!(case.next(goal), Next::Act(_)), "{goal:?}");
    }
}

#[test]
fn s6_an_effect_that_shows_after_all_is_done() {
    for (goal, mut case) in table() {
        let action = acts(&case.next(goal)).clone();
        case.record(&action, &lost_answer());
        case.now = at(20);
        match &action {
            Action::WriteMx { after, .. } => {
                for server in &mut case.zone().servers {
                    server.mx = Answer::Got {
                        value: after.set.clone(),
                        ttl: after.ttl,
                    };
                }
            }
            Action::SignZone => {
                case.facts = Start {
                    signed: true,
                    ..Start::default()
                }
                .facts()
            }
            Action::PublishDs { .. } => {
                case.facts = Start {
                    signed: true,
                    delegated: true,
                    ..Start::default()
                }
                .facts();
            }
            Action::WithdrawDs { .. } | Action::UnsignZone | Action::DisableDane => {
                unreachable!("of the way back")
            }
            Action::WritePolicy { .. } | Action::WriteTxt { .. } => {
                unreachable!("in the table of the MTA-STS steps")
            }
            Action::EnableDnssec => {
                case.facts = Start {
                    dnssec: true,
                    ..Start::default()
                }
                .facts();
            }
            Action::EnableDane => {
                if let Fact::Known { value, .. } = &mut case.facts.exchange {
                    value.dane = crate::world::FeatureState::Enabled;
                }
            }
        }
        case.absorb();
        is_done(&case.next(goal));
    }
}

#[test]
fn an_effect_that_was_answered_but_never_shows_is_waited_for_and_not_made_again() {
    for (goal, mut case) in table() {
        let action = acts(&case.next(goal)).clone();
        case.record(&action, &done());
        for second in [11, 100, 100_000] {
            case.now = at(second);
            all_seen_at(&mut case, second);
            case.absorb();
            let next = case.next(goal);
            // Whether TLSA records show is for the step after to see.
            if goal == Goal::EnableDane {
                is_done(&next);
            } else {
                assert!(matches!(next, Next::Wait(_)), "{goal:?}: {next:?}");
                wait(&next);
            }
        }
    }
}

#[test]
fn a_service_that_asks_for_patience_is_never_asked_in_a_tight_loop() {
    for (goal, mut case) in table() {
        let action = acts(&case.next(goal)).clone();
        case.record(
            &action,
            &Outcome::Later {
                why: "busy".into(),
                after: 0,
            },
        );
        assert!(case.memory.not_before[STEP] > case.now, "{goal:?}");
    }
}

#[test]
fn signing_waits_while_the_provider_is_at_it_and_asks_where_it_cannot() {
    let mut case = Case::new(&Start::default());
    let set = |case: &mut Case, signing| {
        if let Fact::Known { value, .. } = &mut case.facts.provider {
            value.signing = signing;
        }
    };
    for signing in [SigningFacts::Pending, SigningFacts::On { ds: vec![] }] {
        set(&mut case, signing);
        waits_naming(
            &case.next(Goal::SignZone),
            WaitFor::Visible,
            &["ns1 (192.0.2.1)", "signatures of contoso.com"],
        );
    }
    set(&mut case, SigningFacts::Elsewhere);
    assert!(matches!(
        case.next(Goal::SignZone),
        Next::Ask(Question::ByHand { .. })
    ));
    case.facts.provider = could_not_tell();
    assert_eq!(
        blocked_by(&case.next(Goal::SignZone), "provider.unreachable").severity,
        Severity::CouldNotTell
    );
    case.facts.provider = Fact::Refused {
        why: "no right".into(),
        at: at(0),
    };
    assert_eq!(
        blocked_by(&case.next(Goal::SignZone), "provider.refused").severity,
        Severity::Blocker
    );
    // One server signed, the other not: not done (S4).
    let signed = Case::new(&Start {
        signed: true,
        ..Start::default()
    });
    is_done(&signed.next(Goal::SignZone));
    let mut half = signed;
    half.zone().servers[1].keys = Answer::Got {
        value: crate::kernel::ZoneKeys::Unsigned,
        ttl: 3600,
    };
    waits_naming(
        &half.next(Goal::SignZone),
        WaitFor::Visible,
        &["ns2 (192.0.2.2)"],
    );
}
