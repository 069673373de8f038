//! Several hosts and addresses: less knowledge never gives another answer.

use proptest::prelude::*;
use serde_json::json;

use super::scene::{DOMAIN, Scene, ok, policy, record};
use crate::dane::sender::{Arrives, Delivery, Profile, Protection, deliver};
use crate::dane::{KeyType, Mode, ProbeResult, WebPki};
use crate::dns::Status;

const RESULTS: usize = 6;

fn result(which: usize) -> (ProbeResult, WebPki) {
    let why = || "no".to_owned();
    match which {
        0 => (ok("leaf inter"), WebPki::Valid),
        1 => (ok("strange"), WebPki::Invalid { why: why() }),
        2 => (
            ProbeResult::NoStartTls { why: why() },
            WebPki::NotTold { why: why() },
        ),
        3 => (
            ProbeResult::Unwilling {
                code: Some(451),
                text: why(),
            },
            WebPki::NotTold { why: why() },
        ),
        4 => (ProbeResult::Refused, WebPki::NotTold { why: why() }),
        _ => (
            ProbeResult::TlsFailed {
                why: why(),
                chain: Vec::new().into(),
            },
            WebPki::NotTold { why: why() },
        ),
    }
}

/// Of each host: which TLSA state, and what each address does.
fn hosts() -> impl Strategy<Value = Vec<(usize, Vec<usize>)>> {
    prop::collection::vec((0..6usize, prop::collection::vec(0..RESULTS, 1..3)), 1..4)
}

fn scene(hosts: &[(usize, Vec<usize>)], enforce: usize) -> Scene {
    let (mut mx, mut a, mut aaaa, mut tlsa) = (vec![], json!({}), json!({}), json!({}));
    let (mut fail, mut unsigned) = (vec![], vec![]);
    for (i, (state, addresses)) in hosts.iter().enumerate() {
        let name = format!("mx{i}.{DOMAIN}");
        mx.push(format!("{i} {name}"));
        a[&name] = json!([format!("192.0.2.{i}")]);
        if addresses.len() > 1 {
            aaaa[&name] = json!([format!("2001:db8::{i}")]);
        }
        let records: Vec<String> = match state {
            0 => vec![record("3 1 1 leaf")],
            1 => vec![record("1 1 1 leaf")],
            2 | 3 => vec![],
            _ => vec![record("3 1 1 leaf"), record("2 0 1 inter")],
        };
        tlsa[format!("_25._tcp.{name}")] = json!(records);
        match state {
            3 => unsigned.extend([format!("a {name}"), format!("aaaa {name}")]),
            5 => fail.push(format!("tlsa _25._tcp.{name}")),
            _ => {}
        }
    }
    let mut scene = Scene::of(json!({
        "all_authentic": true, "mx": {DOMAIN: mx}, "a": a, "aaaa": aaaa, "tlsa": tlsa,
        "fail": fail, "inauthentic": unsigned,
    }));
    for (i, (_, addresses)) in hosts.iter().enumerate() {
        for (j, which) in addresses.iter().enumerate() {
            let (result, web) = result(*which);
            scene.set(i, j, result, web);
        }
    }
    scene.policy = match enforce {
        0 => policy(None, &[]),
        1 => policy(Some(Mode::Enforce), &["*.example.test"]),
        _ => policy(Some(Mode::Enforce), &["mx0.example.test"]),
    };
    scene
}

fn never_another(before: &Delivery, after: &Delivery, what: &str) -> Result<(), TestCaseError> {
    prop_assert!(
        after.arrives == before.arrives || after.arrives == Arrives::CouldNotTell,
        "{what}: {before:#?} became {after:#?}"
    );
    prop_assert!(
        after.protection == before.protection || after.protection == Protection::CouldNotTell,
        "{what}: {before:#?} became {after:#?}"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn less_knowledge_never_gives_another_answer(
        hosts in hosts(), enforce in 0..3usize, which in any::<prop::sample::Index>(), how in 0..7usize,
    ) {
        let mut seen = scene(&hosts, enforce);
        let before = Profile::ALL.map(|p| seen.by(p));
        let index = which.index(hosts.len());
        let why = || "no".to_owned();
        let view = &mut seen.hosts[index].1;
        let last = view.addresses.len() - 1;
        let what = ["probe", "address taken away", "host taken away", "TLSA", "A", "AAAA", "policy"][how];
        match how {
            0 => view.addresses[last].probe.result = ProbeResult::Timeout { stage: why() },
            1 => _ = view.addresses.remove(last),
            2 => _ = seen.hosts.remove(index),
            3 => {
                let dns = scene(&[(5, vec![0])], 0);
                // Only where a sender asks at all.
                if !matches!(view.tlsa, crate::dane::TlsaView::NotAsked { .. }) {
                    view.tlsa = dns.hosts[0].1.tlsa.clone();
                }
            }
            4 | 5 => {
                let unknown = Status::Indeterminate { why: why() };
                let family = if how == 4 { &mut view.a } else { &mut view.aaaa };
                family.status = unknown.clone();
                family.answer = crate::dns::Answer::Unknown;
                let ours = |ip: &std::net::IpAddr| ip.is_ipv4() == (how == 4);
                view.addresses.retain(|a| !ours(&a.address));
                if view.addresses.is_empty() {
                    view.security = unknown;
                }
            }
            _ => seen.policy = crate::dane::MtaStsView::Unknown { record: None, why: why(), at: super::scene::now() },
        }
        for before in &before {
            never_another(before, &seen.by(before.profile), what)?;
        }
    }

    #[test]
    fn one_more_failure_never_helps(hosts in hosts(), enforce in 0..3usize, which in any::<prop::sample::Index>()) {
        let seen = scene(&hosts, enforce);
        let mut worse = hosts.clone();
        let index = which.index(hosts.len());
        worse[index].1[0] = 1;
        let after = scene(&worse, enforce);
        for profile in Profile::ALL {
            let (before, after) = (seen.by(profile), after.by(profile));
            // A certificate that matches nothing and is not valid: nobody gains by it who looks at certificates.
            if before.arrives == Arrives::No && hosts[index].1[0] == 0 {
                prop_assert_eq!(after.arrives, Arrives::No);
            }
        }
    }
}

#[test]
fn a_handshake_that_did_not_come_about_is_not_a_good_one() {
    let mut seen = scene(&[(0, vec![0])], 0);
    let before = seen.by(Profile::Rfc);
    assert_eq!(before.arrives, Arrives::Yes);
    seen.also(KeyType::Rsa, true, ProbeResult::Refused);
    let views = seen.views();
    let after = deliver(Profile::Rfc, &seen.mail(&views));
    assert_eq!(after.arrives, Arrives::CouldNotTell);
}
