//! The MTA-STS policy and the final proof: S2, S3, S7; and what memory makes of a host.

use super::*;
use crate::kernel::{Accepts, Host};
use crate::world::{Chain, PolicyFacts, PolicyMode, SmtpOutcome, TlsaFacts};

fn policy(mode: PolicyMode, patterns: &[&str]) -> Fact<PolicyFacts> {
    known(PolicyFacts {
        mode,
        patterns: patterns.iter().map(|p| (*p).to_owned()).collect(),
        max_age: 604_800,
        record_ttl: 7200,
        id: Some("20240101".into()),
        body: String::new(),
        lagging: vec![],
    })
}

/// The same policy with the new host, under this id.
fn published(id: &str) -> Fact<PolicyFacts> {
    let mut fact = policy(PolicyMode::Enforce, &["*.mail.protection.outlook.com", NEW]);
    if let Fact::Known { value, .. } = &mut fact {
        value.id = Some(id.into());
    }
    fact
}

fn enforced(patterns: &[&str]) -> Case {
    let mut case = Case::moved_to(&[(0, LEGACY), (20, NEW)]);
    case.memory.caches.policy = Default::default();
    case.facts.policy = policy(PolicyMode::Enforce, patterns);
    case.absorb();
    case
}

#[test]
fn a_policy_that_is_not_enforced_needs_nothing() {
    let mut case = Case::new(&Start::default());
    is_done(&case.next(Goal::MtaSts));
    case.facts.policy = policy(PolicyMode::Testing, &["*.mail.protection.outlook.com"]);
    is_done(&case.next(Goal::MtaSts));
}

#[test]
fn an_enforced_policy_without_the_new_host_is_asked_for_exactly_then_waited_out() {
    // A wildcard stands for one label: this one does not cover the new host.
    let mut case = enforced(&["*.mail.protection.outlook.com", "*.mx.microsoft"]);
    let Next::Ask(Question::ByHand { instructions }) = case.next(Goal::MtaSts) else {
        panic!()
    };
    for line in [
        "mx: *.mail.protection.outlook.com".to_owned(),
        format!("mx: {NEW}"),
        "mode: enforce".to_owned(),
        "then, in DNS: _mta-sts.contoso.com TXT \"v=STSv1; id=20240102;\"".to_owned(),
    ] {
        assert!(instructions.lines.contains(&line), "{line}: {instructions}");
    }
    case.facts.policy = published("20240102");
    if let Fact::Known { at: seen, .. } = &mut case.facts.policy {
        *seen = at(50);
    }
    case.now = at(50);
    case.absorb();
    let next = case.next(Goal::MtaSts);
    waits_naming(
        &next,
        WaitFor::Expiry,
        &["MTA-STS policy", "web server", NEW],
    );
    assert_eq!(
        wait(&next).until,
        Some(at(50 + 7200 + 5)),
        "the id record's TTL"
    );
    case.now = at(50 + 7205);
    is_done(&case.next(Goal::MtaSts));
}

/// Senders look at the web server only when the id is another: the clock of the earlier policy starts there (RFC 8461
/// section 3.3).
#[test]
fn t1_a_new_policy_under_the_old_id_starts_no_clock() {
    let mut case = enforced(&["*.mail.protection.outlook.com"]);
    let mut look = |second: i64, id: &str| {
        case.facts.policy = published(id);
        if let Fact::Known { at: seen, .. } = &mut case.facts.policy {
            *seen = at(second);
        }
        case.now = at(second);
        case.absorb();
        case.next(Goal::MtaSts)
    };
    for second in [50, 50_000] {
        waits_naming(
            &look(second, "20240101"),
            WaitFor::Visible,
            &["_mta-sts.contoso.com", "the id of the one before"],
        );
    }
    let next = look(60_000, "20240102");
    assert_eq!(wait(&next).until, Some(at(60_000 + 7205)));
    is_done(&look(60_000 + 7205, "20240102"));
}

#[test]
fn t1_the_strict_rule_waits_for_max_age() {
    let mut case = enforced(&["*.mail.protection.outlook.com"]);
    case.setup.strict_mta_sts = true;
    case.memory.caches.policy = Default::default();
    case.absorb();
    case.facts.policy = published("20240102");
    case.absorb();
    assert_eq!(wait(&case.next(Goal::MtaSts)).until, Some(at(604_805)));
}

#[test]
fn s7_a_policy_that_could_not_be_read_is_not_none() {
    let mut case = Case::new(&Start::default());
    case.facts.policy = could_not_tell();
    assert_eq!(
        blocked_by(&case.next(Goal::MtaSts), "mta-sts.unknown").severity,
        Severity::CouldNotTell
    );
}

#[test]
fn s7_a_policy_that_cannot_be_read_any_more_is_still_in_senders_caches() {
    let mut case = enforced(&["*.mail.protection.outlook.com"]);
    case.facts.policy = could_not_tell();
    case.absorb();
    assert_eq!(case.memory.caches.policy.possible(at(1_000_000)).count(), 1);
}

fn finished() -> Case {
    let mut case = Case::new(&Start::finished());
    case.memory.caches = Default::default();
    case.absorb();
    case
}

#[test]
fn s3_protection_is_claimed_when_every_cache_agrees_and_the_validator_does() {
    is_done(&finished().next(Goal::FinalProof));
    let mut case = finished();
    case.facts.chain = known(Chain::Bogus {
        why: "expired".into(),
    });
    blocked_by(&case.next(Goal::FinalProof), "chain.bogus");
    case.facts.chain = known(Chain::Insecure);
    assert!(matches!(case.next(Goal::FinalProof), Next::Wait(_)));
    case.facts.chain = could_not_tell();
    assert_eq!(
        blocked_by(&case.next(Goal::FinalProof), "chain.unknown").severity,
        Severity::CouldNotTell
    );
}

#[test]
fn s3_no_claim_while_one_cache_may_hold_an_unprotected_version() {
    // Each of these was there a moment ago and may still be cached.
    let before: &[(&str, Start, &[&str], i64)] = &[
        (
            "the legacy MX",
            Start {
                mx: vec![(0, NEW), (30, LEGACY)],
                ..Start::finished()
            },
            &["MX", LEGACY, "ns1"],
            3605,
        ),
        (
            "no DS",
            Start {
                delegated: false,
                ..Start::finished()
            },
            &["DS", "a.gtld"],
            905,
        ),
        (
            "unsigned answers",
            Start {
                signed: false,
                delegated: false,
                ..Start::finished()
            },
            &["unsigned", "ns1"],
            7205,
        ),
        (
            "no TLSA records",
            Start {
                dane: false,
                ..Start::finished()
            },
            &["TLSA", NEW],
            305,
        ),
    ];
    for (what, start, names, expires) in before {
        let mut case = Case::new(start);
        case.facts = Start::finished().facts();
        for zone_at in [&mut case.facts.zone] {
            if let Fact::Known { at: seen, .. } = zone_at {
                *seen = at(0);
            }
        }
        case.absorb();
        case.memory.expected = Some(Start::finished().rrset());
        let next = case.next(Goal::FinalProof);
        waits_naming(&next, WaitFor::Expiry, names);
        assert_eq!(wait(&next).until, Some(at(*expires)), "{what}");
        case.now = at(expires - 1);
        assert!(
            matches!(case.next(Goal::FinalProof), Next::Wait(_)),
            "{what}"
        );
        case.now = at(*expires);
        is_done(&case.next(Goal::FinalProof));
    }
}

#[test]
fn s2_a_failing_tlsa_lookup_makes_a_host_one_that_could_not_be_shown_to_take_mail() {
    let mut case = Case::moved_to(&[(0, NEW), (30, LEGACY)]);
    assert_eq!(
        case.memory.actors.get(&Host::new(NEW)).accepts,
        Accepts::Yes
    );
    let failing = host(
        Chain::Secure,
        TlsaFacts::Failed {
            why: "SERVFAIL".into(),
        },
    );
    case.facts.hosts.insert(Host::new(NEW), known(failing));
    case.absorb();
    assert_eq!(
        case.memory.actors.get(&Host::new(NEW)).accepts,
        Accepts::Unknown
    );
    let step = crate::playbook::PlannedStep {
        id: STEP.into(),
        goal: Goal::RemoveMx,
        needs: vec![],
        gate: None,
    };
    let next = crate::engine::decide(&step, &case.context());
    assert_eq!(
        blocked_by(&next, "safety.reachable").severity,
        Severity::CouldNotTell
    );
}

#[test]
fn s7_what_a_probe_found_is_a_word_of_its_own() {
    let table = [
        (SmtpOutcome::Accepted { web_pki: true }, Accepts::Yes),
        (
            SmtpOutcome::Rejected {
                reply: "550".into(),
            },
            Accepts::Rejects,
        ),
        (
            SmtpOutcome::Deferred {
                reply: "451".into(),
            },
            Accepts::Unknown,
        ),
        (
            SmtpOutcome::Unreached {
                why: "timeout".into(),
            },
            Accepts::Unknown,
        ),
        (SmtpOutcome::NoTls { why: "none".into() }, Accepts::Yes),
        (SmtpOutcome::Closed, Accepts::Down),
    ];
    for (smtp, accepts) in table {
        let mut case = Case::new(&Start::default());
        let mut legacy = host(Chain::Insecure, TlsaFacts::NotAsked);
        legacy.addresses[0].smtp = smtp.clone();
        case.facts.hosts.insert(Host::new(LEGACY), known(legacy));
        case.absorb();
        assert_eq!(
            case.memory.actors.get(&Host::new(LEGACY)).accepts,
            accepts,
            "{smtp:?}"
        );
    }
}
