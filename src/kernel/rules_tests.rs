//! Each rule of safety, with a world in which it must say no, and one in which it must say yes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::{Accepts, HostState, KeyId};
use super::*;

const LEGACY: &str = "contoso-com.mail.protection.outlook.com";
const NEW: &str = "contoso-com.o-v1.mx.microsoft";
const TIMING: Timing = Timing {
    resolver_floor: Duration::ZERO,
    margin: Duration::ZERO,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn seen(second: i64, ttl: u32) -> Sighting {
    Sighting {
        server: "ns1".into(),
        at: at(second),
        ttl,
    }
}

fn served<T: Clone + PartialEq>(history: &mut History<T>, value: T, ttl: u32, second: i64) {
    history.observe(&[(value, seen(second, ttl))], true, at(second), &TIMING);
}

fn v(n: u8) -> MxSet {
    match n {
        0 => MxSet::new([(0, LEGACY)]),
        1 => MxSet::new([(0, LEGACY), (20, NEW)]),
        2 => MxSet::new([(0, NEW), (30, LEGACY)]),
        _ => MxSet::new([(0, NEW)]),
    }
}

fn actors(legacy: Accepts, new: Accepts) -> Actors {
    let state = |accepts| HostState {
        accepts,
        web_pki: Some(true),
        tlsa: [("good".to_owned(), true), ("bad".to_owned(), false)].into(),
    };
    Actors(
        [
            (Host::new(LEGACY), state(legacy)),
            (Host::new(NEW), state(new)),
        ]
        .into(),
    )
}

fn both() -> Actors {
    actors(Accepts::Yes, Accepts::Yes)
}

fn keys(name: &str) -> BTreeSet<KeyId> {
    [KeyId::new(name)].into()
}

fn start() -> Caches {
    let mut caches = Caches::default();
    served(&mut caches.mx, v(0), 3600, 0);
    served(&mut caches.policy, Policy::NotEnforced, 0, 0);
    served(&mut caches.delegation, Delegation::Insecure, 900, 0);
    served(&mut caches.keys, ZoneKeys::Unsigned, 7200, 0);
    caches
}

fn mx(caches: &Caches, actors: &Actors, n: u8) -> Verdict {
    publish(
        caches,
        actors,
        &Change::Mx(v(n), 60),
        Some(&v(0)),
        &TIMING,
        at(10),
    )
}

fn rules(verdict: &Verdict) -> Vec<Rule> {
    match verdict {
        Verdict::No(violations) => violations.iter().map(|v| v.rule).collect(),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn adding_swapping_and_removing_need_no_wait_between_them_while_both_hosts_accept() {
    let mut caches = start();
    for n in 1..=3 {
        assert_eq!(mx(&caches, &both(), n), Verdict::Now, "V{n}");
        caches.mx.wrote(&v(n), 60, at(10), &TIMING);
    }
}

#[test]
fn i1_a_preferred_host_that_rejects_is_refused() {
    let verdict = mx(&start(), &actors(Accepts::Yes, Accepts::Rejects), 2);
    assert_eq!(rules(&verdict)[0], Rule::Reachable);
}

#[test]
fn i1_the_swap_survives_a_dead_new_host_only_as_delay_but_the_removal_does_not() {
    let dead = actors(Accepts::Yes, Accepts::Down);
    assert_eq!(mx(&start(), &dead, 2), Verdict::Now);
    assert_eq!(rules(&mx(&start(), &dead, 3)), [Rule::Reachable]);
}

#[test]
fn i1_could_not_tell_is_not_a_yes() {
    let unknown = actors(Accepts::Yes, Accepts::Unknown);
    let verdict = mx(&start(), &unknown, 3);
    assert_eq!(rules(&verdict), [Rule::Reachable]);
    let Verdict::No(violations) = verdict else {
        unreachable!()
    };
    assert!(violations[0].detail.contains("could not be shown"));
}

#[test]
fn i2_no_ds_while_an_unsigned_answer_may_be_cached() {
    let mut caches = start();
    served(&mut caches.keys, ZoneKeys::Signed(keys("k")), 7200, 10);
    let change = Change::Delegation(Delegation::Secure(keys("k")));
    let verdict = publish(&caches, &both(), &change, None, &TIMING, at(20));
    let Verdict::NotBefore(when, because) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(when, at(10 + 7200));
    assert_eq!(because[0].version, "unsigned");
}

#[test]
fn i2_never_a_ds_that_names_another_key() {
    let mut caches = start();
    caches.keys = History::default();
    served(&mut caches.keys, ZoneKeys::Signed(keys("k")), 60, 10);
    let change = Change::Delegation(Delegation::Secure(keys("other")));
    let verdict = publish(&caches, &both(), &change, None, &TIMING, at(20));
    assert_eq!(rules(&verdict), [Rule::NeverBogus]);
}

#[test]
fn i2_no_unsigning_before_the_ds_and_its_ttl_are_gone() {
    let mut caches = start();
    caches.keys = History::default();
    caches.delegation = History::default();
    served(&mut caches.keys, ZoneKeys::Signed(keys("k")), 60, 0);
    served(
        &mut caches.delegation,
        Delegation::Secure(keys("k")),
        86_400,
        0,
    );
    let change = Change::Keys(ZoneKeys::Unsigned);
    let unsign = |caches: &Caches| publish(caches, &both(), &change, None, &TIMING, at(100));
    assert_eq!(rules(&unsign(&caches)), [Rule::NeverBogus]);
    served(&mut caches.delegation, Delegation::Insecure, 900, 50);
    assert!(matches!(unsign(&caches), Verdict::NotBefore(when, _) if when == at(50 + 86_400)));
}

#[test]
fn i3_a_tlsa_set_that_rejects_the_certificate_stops_the_swap() {
    let mut caches = start();
    let bad = TlsaSet::Records("bad".into());
    served(caches.tlsa.entry(Host::new(NEW)).or_default(), bad, 60, 0);
    assert_eq!(rules(&mx(&caches, &both(), 1)), [Rule::NoTlsaMismatch]);
}

#[test]
fn i4_an_old_enforcing_policy_delays_the_removal_and_nothing_else() {
    let mut caches = start();
    caches.policy = History::default();
    let old = Policy::Enforced([LEGACY.to_owned()].into());
    let new = Policy::Enforced([LEGACY.to_owned(), NEW.to_owned()].into());
    served(&mut caches.policy, old, 604_800, 0);
    assert_eq!(mx(&caches, &both(), 2), Verdict::Now);
    assert_eq!(rules(&mx(&caches, &both(), 3)), [Rule::PolicyAdmits]);
    served(&mut caches.policy, new, 604_800, 5);
    assert!(
        matches!(mx(&caches, &both(), 3), Verdict::NotBefore(when, _) if when == at(5 + 604_800))
    );
}

#[test]
fn i5_an_empty_or_doubled_set_is_never_written() {
    for bad in [
        MxSet::default(),
        MxSet::new([(0, "")]),
        MxSet::new([(0, NEW), (20, NEW)]),
    ] {
        let verdict = publish(
            &start(),
            &both(),
            &Change::Mx(bad, 60),
            None,
            &TIMING,
            at(10),
        );
        assert!(rules(&verdict).contains(&Rule::WellFormed));
    }
}

#[test]
fn i6_no_removal_when_the_way_back_leads_to_a_host_that_rejects() {
    let mut caches = start();
    served(&mut caches.mx, v(2), 60, 5);
    // Long after the original expired, the legacy host starts to refuse: removing it is a repair, but
    // a change that keeps relying on the way back is not.
    let later = publish(
        &caches,
        &actors(Accepts::Rejects, Accepts::Yes),
        &Change::Mx(v(3), 60),
        Some(&v(0)),
        &TIMING,
        at(10_000),
    );
    assert_eq!(rules(&later), [Rule::WayBack]);
}

#[test]
fn repair_a_change_that_breaks_nothing_further_is_allowed() {
    // The legacy host already rejects: mail is being lost, so the way out must stay open.
    let broken = actors(Accepts::Rejects, Accepts::Yes);
    assert_eq!(
        publish(
            &start(),
            &broken,
            &Change::Mx(v(3), 60),
            Some(&v(0)),
            &TIMING,
            at(10)
        ),
        Verdict::Now
    );
}

#[test]
fn i7_protection_is_claimed_only_when_every_cache_agrees() {
    let mut caches = start();
    let good = TlsaSet::Records("good".into());
    assert!(matches!(claim(&caches, &both(), at(0)), Verdict::No(_)));
    served(&mut caches.keys, ZoneKeys::Signed(keys("k")), 60, 0);
    served(
        &mut caches.delegation,
        Delegation::Secure(keys("k")),
        60,
        100,
    );
    served(&mut caches.mx, v(3), 60, 200);
    let tlsa = caches.tlsa.entry(Host::new(NEW)).or_default();
    served(tlsa, TlsaSet::Absent, 300, 0);
    served(tlsa, good, 900, 400);
    let Verdict::NotBefore(when, because) = claim(&caches, &both(), at(401)) else {
        panic!()
    };
    // Unsigned answers until 7,200; no DS until 100 + 900; V0 until 200 + 3,600; no TLSA until 700.
    assert_eq!(when, at(7200));
    assert_eq!(because[0].rrset, "the zone's answers");
    assert_eq!(claim(&caches, &both(), at(7200)), Verdict::Now);
}

#[test]
fn i7_an_unproven_certificate_is_not_protection() {
    let mut caches = Caches::default();
    served(&mut caches.mx, v(3), 60, 0);
    served(&mut caches.policy, Policy::NotEnforced, 0, 0);
    served(&mut caches.keys, ZoneKeys::Signed(keys("k")), 60, 0);
    served(&mut caches.delegation, Delegation::Secure(keys("k")), 60, 0);
    let tlsa = caches.tlsa.entry(Host::new(NEW)).or_default();
    served(tlsa, TlsaSet::Records("never judged".into()), 60, 0);
    assert_eq!(rules(&claim(&caches, &both(), at(1))), [Rule::Protected]);
}

#[test]
fn a_host_is_retired_only_when_no_cached_set_names_it() {
    let mut caches = start();
    assert!(matches!(
        retire(&caches, &Host::new(LEGACY), at(1)),
        Verdict::No(_)
    ));
    served(&mut caches.mx, v(3), 60, 10);
    assert!(
        matches!(retire(&caches, &Host::new(LEGACY), at(20)), Verdict::NotBefore(when, _) if when == at(3610))
    );
}
