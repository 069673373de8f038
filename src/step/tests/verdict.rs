//! What steps make of the verdict on the whole domain.

use std::time::Duration;

use super::*;
use crate::dane::sender::Protection;
use crate::world::{Arrives, Delivery, Profile, Verdict, VerdictFacts};

const ADDED: &[(u16, &str)] = &[(0, LEGACY), (20, NEW)];

fn verify() -> Goal {
    Goal::VerifyMx {
        expect: Expect::Added,
        soak: Duration::ZERO,
    }
}

fn delivery(profile: Profile, arrives: Arrives) -> Delivery {
    Delivery {
        profile,
        arrives,
        protection: Protection::Opportunistic,
        expected: Protection::Dane,
        fate: None,
        why: "its certificate matches no record".into(),
        hosts: Vec::new(),
        reports: Vec::new(),
    }
}

fn with(case: &mut Case, change: impl FnOnce(&mut VerdictFacts)) {
    let mut verdict = VerdictFacts::foreseen();
    change(&mut verdict);
    case.facts.verdict = known(verdict);
}

fn finding(id: &str, severity: Severity) -> Finding {
    let mut finding = Finding::warning(id, format!("{id} was found"), "it matters", "mend it");
    finding.severity = severity;
    finding
}

/// A finished domain whose caches hold nothing old any more.
fn finished() -> Case {
    let mut case = Case::new(&Start::finished());
    case.now = at(1_000_000);
    case.absorb();
    case
}

#[test]
fn a_kind_of_sender_that_loses_mail_stops_the_run() {
    let mut case = Case::moved_to(ADDED);
    is_done(&case.next(verify()));
    for profile in Profile::ALL {
        with(&mut case, |verdict| {
            verdict.senders = vec![delivery(profile, Arrives::No)];
        });
        // Who insists on DANE is served when the move is over.
        if profile == Profile::Mandatory {
            is_done(&case.next(verify()));
        } else {
            let found = blocked_by(&case.next(verify()), "sender.loses-mail");
            assert_eq!(found.about, profile.name());
            assert!(found.what.contains("matches no record"), "{}", found.what);
        }
    }
    for arrives in [Arrives::Yes, Arrives::Degraded] {
        with(&mut case, |verdict| {
            verdict.senders = vec![delivery(Profile::Postfix, arrives)];
        });
        is_done(&case.next(verify()));
    }
}

#[test]
fn s7_senders_that_could_not_be_followed_hold_the_run_up_unless_that_is_accepted() {
    let mut case = Case::moved_to(ADDED);
    with(&mut case, |verdict| {
        verdict.senders = vec![delivery(Profile::Rfc, Arrives::CouldNotTell)];
    });
    let found = blocked_by(&case.next(verify()), "sender.unknown");
    assert_eq!(found.severity, Severity::CouldNotTell);
    case.setup.probe_required = false;
    is_done(&case.next(verify()));
}

#[test]
fn s7_a_verdict_that_is_not_there_is_no_verdict() {
    for fact in [Fact::Unasked, could_not_tell()] {
        let mut case = Case::moved_to(ADDED);
        case.facts.verdict = fact.clone();
        blocked_by(&case.next(verify()), "verdict.unknown");
        let mut case = finished();
        case.facts.verdict = fact;
        blocked_by(&case.next(Goal::FinalProof), "verdict.unknown");
    }
}

#[test]
fn protection_is_claimed_only_on_a_verdict_that_says_so() {
    let mut case = finished();
    is_done(&case.next(Goal::FinalProof));
    with(&mut case, |verdict| {
        verdict.verdict = Verdict::Forbidden;
        verdict.findings = vec![finding("tlsa.mismatch", Severity::Blocker)];
    });
    waits_naming(
        &case.next(Goal::FinalProof),
        WaitFor::Visible,
        &["tlsa.mismatch"],
    );
    with(&mut case, |verdict| {
        verdict.verdict = Verdict::CouldNotTell;
        verdict.findings = vec![finding("smtp.unreached", Severity::CouldNotTell)];
    });
    blocked_by(&case.next(Goal::FinalProof), "smtp.unreached");
    // `smtp.probe: advisory` accepts that, and nothing else.
    case.setup.probe_required = false;
    is_done(&case.next(Goal::FinalProof));
    with(&mut case, |verdict| {
        verdict.findings = vec![finding("dnssec.engines-differ", Severity::CouldNotTell)];
    });
    blocked_by(&case.next(Goal::FinalProof), "dnssec.engines-differ");
}

#[test]
fn t4_what_a_resolver_still_holds_is_waited_out() {
    let mut case = finished();
    let from = case.now + Duration::from_secs(90);
    with(&mut case, |verdict| {
        verdict.verdict = Verdict::NotYet { from };
        verdict.findings = vec![finding("vantage.old", Severity::Warning)];
    });
    let next = case.next(Goal::FinalProof);
    waits_naming(&next, WaitFor::Expiry, &["vantage.old"]);
    assert_eq!(wait(&next).until, Some(from));
    case.now = from;
    is_done(&case.next(Goal::FinalProof));
}

#[test]
fn what_the_move_cannot_mend_stops_it_before_it_starts() {
    let start = Start::default();
    for (id, severity, stops) in [
        ("dnssec.algorithm", Severity::Blocker, true),
        ("server.denial", Severity::Blocker, true),
        ("dnssec.engines-differ", Severity::CouldNotTell, true),
        ("dnssec.nsec3-iterations", Severity::Warning, false),
        // The move mends these.
        ("dnssec.unsigned", Severity::Blocker, false),
        ("host.insecure", Severity::Blocker, false),
        ("tlsa.none", Severity::Blocker, false),
    ] {
        let mut case = Case::new(&start);
        case.absorb();
        with(&mut case, |verdict| {
            verdict.findings = vec![finding(id, severity)];
        });
        let next = case.next(Goal::PREFLIGHT);
        if stops {
            blocked_by(&next, id);
        } else {
            is_done(&next);
        }
    }
}

#[test]
fn the_dear_verdict_is_asked_only_where_it_decides() {
    let asks = |case: &Case, goal| needs(goal, &case.context()).verdict;
    let mut case = Case::moved_to(&[(0, LEGACY)]);
    assert!(!asks(&case, verify()), "the new MX is not there yet");
    case.wrote(ADDED, 60);
    case.see(ADDED, 60);
    assert!(asks(&case, verify()));
    assert!(asks(&finished(), Goal::FinalProof));
    assert!(!asks(&case, Goal::FinalProof), "caches hold the legacy MX");
    assert!(!asks(&case, ADD));
}

/// The way back by itself is for what was good: a step that never was has nothing to go back from by itself.
#[test]
fn what_never_was_good_did_not_turn_bad() {
    let mut case = Case::moved_to(ADDED);
    let soak = Goal::VerifyMx {
        expect: Expect::Added,
        soak: Duration::from_secs(3600),
    };
    let loses = |case: &mut Case| {
        with(case, |verdict| {
            verdict.senders = vec![delivery(Profile::Rfc, Arrives::No)];
        });
        let next = case.next(soak);
        assert!(next.loses_mail(), "{next:?}");
        case.memory.stands(STEP, &next, case.now);
    };
    loses(&mut case);
    assert!(case.memory.turned_bad.is_empty());
    with(&mut case, |_| {});
    let good = case.next(soak);
    case.memory.stands(STEP, &good, case.now);
    loses(&mut case);
    assert!(case.memory.turned_bad.contains_key(STEP));
}
