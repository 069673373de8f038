//! The legacy host goes away: what is said, what is still done, and until when it is looked at.

use std::time::Duration;

use super::super::legacy::Standing;
use super::super::{Alarm, needs};
use super::*;
use crate::kernel::Host;
use crate::playbook::{Gate, PlannedStep};
use crate::world::{AddressFacts, Chain, HostFacts, SmtpOutcome, TlsaFacts};

const ADDED: &[(u16, &str)] = &[(0, LEGACY), (20, NEW)];
const SWAPPED: &[(u16, &str)] = &[(0, NEW), (30, LEGACY)];
const REMOVED: &[(u16, &str)] = &[(0, NEW)];
const REMOVE: Goal = Goal::RemoveMx;

/// A run that has begun and is at this stage.
fn at_stage(mx: &[(u16, &'static str)]) -> Case {
    let mut case = Case::moved_to(mx);
    case.memory.way_back_kept = true;
    case
}

fn smtp(outcomes: &[SmtpOutcome]) -> HostFacts {
    let addresses = outcomes.iter().enumerate().map(|(n, smtp)| AddressFacts {
        address: format!("192.0.2.{n}"),
        smtp: smtp.clone(),
        tlsa_matches: None,
    });
    HostFacts {
        addresses: addresses.collect(),
        ..host(Chain::Insecure, TlsaFacts::NotAsked)
    }
}

fn lose(case: &mut Case, how: HostFacts) {
    case.facts.hosts.insert(Host::new(LEGACY), known(how));
    case.absorb();
}

fn gone() -> HostFacts {
    HostFacts {
        exists: false,
        ..smtp(&[])
    }
}

fn rejected() -> SmtpOutcome {
    SmtpOutcome::Rejected {
        reply: "550 5.7.64 TenantAttribution; Relay Access Denied".into(),
    }
}

fn unreached() -> SmtpOutcome {
    SmtpOutcome::Unreached {
        why: "timeout".into(),
    }
}

fn accepted() -> SmtpOutcome {
    SmtpOutcome::Accepted { web_pki: true }
}

fn step(goal: Goal, gate: Option<&str>) -> PlannedStep {
    PlannedStep {
        id: STEP.into(),
        goal,
        needs: vec![],
        gate: gate.map(|name| Gate {
            name: name.into(),
            about: "it".into(),
        }),
    }
}

fn decided(case: &Case, goal: Goal) -> Next {
    crate::engine::decide(&step(goal, None), &case.context())
}

#[test]
fn how_a_host_stands_is_told_from_every_address() {
    let deferred = |reply: &str| SmtpOutcome::Deferred {
        reply: reply.into(),
    };
    type Is = fn(&Standing) -> bool;
    let rows: &[(HostFacts, Is)] = &[
        (gone(), |s| *s == Standing::Gone),
        (smtp(&[]), |s| *s == Standing::NoAddress),
        (smtp(&[accepted()]), |s| *s == Standing::Serves),
        (smtp(&[accepted(), unreached()]), |s| *s == Standing::Serves),
        (smtp(&[SmtpOutcome::NoTls { why: "no".into() }]), |s| {
            *s == Standing::Serves
        }),
        // One address that refuses loses the mail that comes to it.
        (
            smtp(&[accepted(), rejected()]),
            |s| matches!(s, Standing::Refuses(how) if how.contains("5.7.64")),
        ),
        (smtp(&[deferred("451 4.4.62 wrong region. ATTR35")]), |s| {
            matches!(s, Standing::Refuses(_))
        }),
        (smtp(&[deferred("451 4.4.3 later ATTR55.1")]), |s| {
            matches!(s, Standing::Unknown(_))
        }),
        (smtp(&[unreached(), SmtpOutcome::Closed]), |s| {
            matches!(s, Standing::Silent(_))
        }),
        (
            HostFacts {
                probed_at: None,
                ..smtp(&[unreached()])
            },
            |s| matches!(s, Standing::Unknown(_)),
        ),
    ];
    for (facts, is) in rows {
        let standing = Standing::of(Some(&known(facts.clone())));
        assert!(is(&standing), "{standing:?} from {facts:?}");
    }
    for fact in [Some(&could_not_tell()), Some(&Fact::Unasked), None] {
        assert!(matches!(Standing::of(fact), Standing::Unknown(_)));
    }
}

/// It is asked about for every step, from the first change until no cache can name it.
#[test]
fn every_step_looks_at_it_until_no_cache_names_it() {
    let goals = [
        Goal::SignZone,
        Goal::Delegate,
        Goal::EnableDnssec,
        Goal::ProveHost,
        Goal::MtaSts,
        ADD,
        SWAP,
        REMOVE,
        Goal::EnableDane,
        Goal::VerifyTlsa,
        FINAL,
        Goal::FinalProof,
    ];
    let mut case = at_stage(REMOVED);
    let legacy = Host::new(LEGACY);
    for goal in goals {
        let asked = needs(goal, &case.context());
        assert!(asked.smtp && asked.hosts.contains(&legacy), "{goal:?}");
    }
    case.now = at(100_000);
    for goal in goals {
        let asked = needs(goal, &case.context());
        assert!(!asked.hosts.contains(&legacy), "{goal:?}");
    }
}

#[test]
fn there_is_an_alarm_as_long_as_a_cache_may_name_it_and_not_longer() {
    for stage in [ADDED, SWAPPED, REMOVED] {
        let mut case = at_stage(stage);
        lose(&mut case, gone());
        let alarm = Alarm::of(FINAL, &case.context()).unwrap();
        assert!(alarm.is_proven() && alarm.finding().stops(), "{alarm:?}");
        assert_eq!(Alarm::of(Goal::PREFLIGHT, &case.context()), None);
        case.memory.way_back_kept = false;
        assert_eq!(Alarm::of(FINAL, &case.context()), None);
    }
    let mut case = at_stage(REMOVED);
    lose(&mut case, gone());
    let said = Alarm::of(FINAL, &case.context()).unwrap().finding();
    assert!(said.mend.contains("expires at"), "{}", said.mend);
    case.now = at(100_000);
    assert_eq!(Alarm::of(FINAL, &case.context()), None);
}

/// What helps is done, at the kernel's word and past its gate only; everything else stands still.
#[test]
fn what_lessens_the_reliance_goes_on_and_nothing_else() {
    let mut case = at_stage(ADDED);
    lose(&mut case, gone());
    // Without an alarm the soak would last an hour; with it, the swap is next.
    let soak = Goal::VerifyMx {
        expect: Expect::Added,
        soak: Duration::from_secs(3600),
    };
    is_done(&decided(&case, soak));
    acts(&decided(&case, SWAP));
    for goal in [Goal::EnableDane, FINAL] {
        let finding = blocked_by(&decided(&case, goal), "legacy.gone");
        assert!(
            finding.mend.contains("swapping is safe"),
            "{}",
            finding.mend
        );
    }
    let at_gate = crate::engine::decide(&step(SWAP, Some("swap")), &case.context());
    let finding = blocked_by(&at_gate, "legacy.gone");
    assert!(
        finding.mend.contains("rollout approve contoso.com swap"),
        "{}",
        finding.mend
    );
    // A gate before something that does not help is not held out.
    let other = crate::engine::decide(&step(Goal::EnableDane, Some("ds")), &case.context());
    let finding = blocked_by(&other, "legacy.gone");
    assert!(!finding.mend.contains("approve"), "{}", finding.mend);
}

#[test]
fn a_refusing_legacy_host_bounces_mail_and_is_swapped_away() {
    let mut case = at_stage(ADDED);
    lose(&mut case, smtp(&[rejected()]));
    let finding = Alarm::of(SWAP, &case.context()).unwrap().finding();
    assert_eq!(finding.id, "legacy.refuses");
    assert!(
        finding.what.contains("their mail bounces"),
        "{}",
        finding.what
    );
    acts(&decided(&case, SWAP));
}

/// As a fallback it may come back: only when it stayed away for as long as the soak lasts is it removed.
#[test]
fn a_lost_fallback_is_removed_after_the_soak() {
    let soak = Goal::VerifyMx {
        expect: Expect::Swapped,
        soak: Duration::from_secs(300),
    };
    let mut case = at_stage(SWAPPED);
    lose(&mut case, gone());
    blocked_by(&decided(&case, soak), "legacy.gone");
    case.now = at(400);
    is_done(&decided(&case, soak));
    acts(&decided(&case, REMOVE));
    // Back again, it counts anew.
    lose(&mut case, smtp(&[accepted()]));
    assert!(case.memory.away_since.is_empty());
    assert_eq!(Alarm::of(REMOVE, &case.context()), None);
}

/// With the new host not taking mail either, nothing in DNS helps, and nothing is done.
#[test]
fn without_a_new_host_that_takes_mail_nothing_is_changed() {
    let mut case = at_stage(ADDED);
    case.facts
        .hosts
        .insert(Host::new(NEW), known(smtp(&[rejected()])));
    lose(&mut case, gone());
    let finding = blocked_by(&decided(&case, SWAP), "legacy.gone");
    assert!(
        finding.mend.contains("ticket at Microsoft"),
        "{}",
        finding.mend
    );
}

/// The new host has steps and findings of its own; that it is away never hastens anything.
#[test]
fn the_new_host_being_away_is_no_such_alarm() {
    let soak = Goal::VerifyMx {
        expect: Expect::Swapped,
        soak: Duration::ZERO,
    };
    for away in [gone(), smtp(&[]), smtp(&[rejected()]), smtp(&[unreached()])] {
        let mut case = at_stage(SWAPPED);
        case.facts.hosts.insert(Host::new(NEW), known(away));
        case.absorb();
        case.now = at(1000);
        assert_eq!(Alarm::of(REMOVE, &case.context()), None);
        waits_naming(&decided(&case, soak), WaitFor::Service, &[NEW]);
    }
}

/// What somebody else listed and took away again is a conflict, and no way back.
#[test]
fn a_host_that_somebody_else_listed_is_no_legacy_host() {
    const FOREIGN: &str = "mx.elsewhere.net";
    let mut case = at_stage(&[(0, LEGACY), (20, NEW), (50, FOREIGN)]);
    case.facts.hosts.insert(Host::new(FOREIGN), known(gone()));
    case.absorb();
    assert_eq!(Alarm::of(REMOVE, &case.context()), None);
    lose(&mut case, gone());
    let alarm = Alarm::of(REMOVE, &case.context()).unwrap();
    assert_eq!(alarm.finding().about, LEGACY);
}

/// S7: silence is a sign only where others answer, and only after a while.
#[test]
fn s7_silence_from_a_place_where_nobody_answers_is_no_alarm() {
    let mut case = at_stage(ADDED);
    lose(&mut case, smtp(&[unreached()]));
    let of = |case: &Case| Alarm::of(SWAP, &case.context()).unwrap();
    assert_eq!(of(&case).finding().id, "legacy.unknown");
    blocked_by(&decided(&case, SWAP), "legacy.unknown");
    case.now = at(1000);
    assert_eq!(of(&case).finding().id, "legacy.silent");
    // Port 25 is closed here for every host.
    case.facts
        .hosts
        .insert(Host::new(NEW), known(smtp(&[unreached()])));
    case.absorb();
    assert_eq!(of(&case).finding().id, "legacy.unknown");
    case.setup.probe_required = false;
    case.absorb();
    assert_eq!(Alarm::of(SWAP, &case.context()), None);
}

/// S7: a question without an answer leaves nothing of the earlier one.
#[test]
fn s7_a_host_of_which_nothing_could_be_told_is_unknown() {
    let mut case = at_stage(ADDED);
    let legacy = Host::new(LEGACY);
    case.facts.hosts.insert(legacy.clone(), could_not_tell());
    case.absorb();
    assert_eq!(
        case.memory.actors.get(&legacy).accepts,
        crate::kernel::Accepts::Unknown
    );
    let alarm = Alarm::of(SWAP, &case.context()).unwrap();
    assert!(!alarm.is_proven());
    // Waiting goes on where nobody could tell.
    let removed = {
        let mut case = at_stage(REMOVED);
        case.facts.hosts.insert(legacy, could_not_tell());
        case.absorb();
        decided(&case, FINAL)
    };
    acts(&removed);
}
