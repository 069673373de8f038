//! Turning DANE off: needs no healthy DNS, is done once, and is over when no cache holds a TLSA record.

use super::*;
use crate::kernel::Host;
use crate::world::{FeatureState, TlsaFacts};

fn protected() -> Case {
    Case::new(&Start::finished())
}

fn tlsa(case: &mut Case, tlsa: TlsaFacts) {
    match case.facts.hosts.get_mut(&Host::new(NEW)) {
        Some(Fact::Known { value, .. }) => value.tlsa = tlsa,
        other => panic!("{other:?}"),
    }
    case.absorb();
}

fn dane(case: &mut Case, state: FeatureState) {
    match &mut case.facts.exchange {
        Fact::Known { value, .. } => value.dane = state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dane_goes_off_whatever_is_broken_in_the_dns() {
    let breaks: [fn(&mut Case); 4] = [
        |_| {},
        |case| case.facts.zone = could_not_tell(),
        |case| case.facts.chain = could_not_tell(),
        |case| case.facts.hosts.clear(),
    ];
    for broken in breaks {
        let mut case = protected();
        case.memory.way_back_kept = true;
        broken(&mut case);
        assert_eq!(acts(&case.next(Goal::DisableDane)), &Action::DisableDane);
    }
    // A run that watched over a legacy host is not stopped either.
    let mut case = Case::moved_to(&[(0, NEW), (30, LEGACY)]);
    case.memory.way_back_kept = true;
    case.facts.hosts.insert(Host::new(LEGACY), could_not_tell());
    assert!(Alarm::of(LOWER, &case.context()).is_some());
    assert_eq!(Alarm::of(Goal::DisableDane, &case.context()), None);
}

#[test]
fn only_exchange_online_is_needed_and_says_when_it_is_done() {
    let mut case = protected();
    case.facts.exchange = could_not_tell();
    blocked_by(&case.next(Goal::DisableDane), "exchange.unreachable");
    let mut case = protected();
    dane(&mut case, FeatureState::Disabled);
    is_done(&case.next(Goal::DisableDane));
    // Answered, but the status lags behind: not told twice.
    let mut case = protected();
    case.record(&Action::DisableDane, &done());
    is_done(&case.next(Goal::DisableDane));
}

#[test]
fn s6_a_lost_answer_is_observed_and_only_then_told_again() {
    let mut case = protected();
    case.record(&Action::DisableDane, &lost_answer());
    wait(&case.next(Goal::DisableDane));
    // The service says that it is still on, after the cmdlet had its time.
    case.now = at(100);
    if let Fact::Known { at, .. } = &mut case.facts.exchange {
        *at = super::at(100);
    }
    assert_eq!(acts(&case.next(Goal::DisableDane)), &Action::DisableDane);
    dane(&mut case, FeatureState::Disabled);
    is_done(&case.next(Goal::DisableDane));
}

#[test]
fn a_person_is_asked_until_the_records_are_gone() {
    let mut case = protected();
    if let Fact::Known { value, .. } = &mut case.facts.exchange {
        value.manual = true;
        value.dane = FeatureState::Unknown;
    }
    assert_eq!(acts(&case.next(Goal::DisableDane)), &Action::DisableDane);
    case.record(&Action::DisableDane, &by_hand());
    assert!(matches!(case.next(Goal::DisableDane), Next::Ask(_)));
    tlsa(
        &mut case,
        TlsaFacts::Failed {
            why: "SERVFAIL".into(),
        },
    );
    assert!(matches!(case.next(Goal::DisableDane), Next::Ask(_)));
    tlsa(&mut case, TlsaFacts::Absent { negative_ttl: 300 });
    is_done(&case.next(Goal::DisableDane));
}

#[test]
fn it_is_over_when_no_cache_holds_a_record() {
    let mut case = protected();
    waits_naming(
        &case.next(Goal::VerifyNoTlsa),
        WaitFor::Service,
        &[NEW, "still serve 1 TLSA records"],
    );
    // Gone from the servers at 10 s; a cache that asked just before keeps the set for its 900 s.
    tlsa(&mut case, TlsaFacts::Absent { negative_ttl: 300 });
    let next = case.next(Goal::VerifyNoTlsa);
    waits_naming(&next, WaitFor::Expiry, &["TLSA of", "900 s"]);
    let until = wait(&next).until.unwrap();
    assert!(until >= at(900), "{until}");
    case.now = until;
    is_done(&case.next(Goal::VerifyNoTlsa));

    // Could not tell is no absence.
    for change in [
        (|case: &mut Case| {
            case.facts.hosts.insert(Host::new(NEW), could_not_tell());
        }) as fn(&mut Case),
        |case| {
            tlsa(
                case,
                TlsaFacts::Failed {
                    why: "SERVFAIL".into(),
                },
            )
        },
    ] {
        let mut case = protected();
        change(&mut case);
        let finding = blocked_by(&case.next(Goal::VerifyNoTlsa), "tlsa.gone");
        assert_eq!(finding.severity, Severity::CouldNotTell);
    }
    let case = Case::new(&Start::default());
    blocked_by(&case.next(Goal::VerifyNoTlsa), "tlsa.gone");
}

/// A cmdlet that turns DANE on may still be running when first aid begins.
#[test]
fn s6_enabling_that_is_under_way_is_waited_for() {
    let mut case = Case::new(&Start {
        dane: false,
        ..Start::finished()
    });
    is_done(&case.next(Goal::DisableDane));
    case.record(&Action::EnableDane, &lost_answer());
    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    waits_naming(
        &case.next(Goal::DisableDane),
        WaitFor::Service,
        &["enable-dane"],
    );
    // It is through: it is turned off again.
    dane(&mut case, FeatureState::Enabled);
    acts(&case.next(Goal::DisableDane));
    dane(&mut case, FeatureState::Disabled);
    case.now = at(40);
    is_done(&case.next(Goal::DisableDane));
}
