//! One host with one address: every combination, against rules written down a second time.

use serde_json::{Value, json};

use super::scene::{DOMAIN, Scene, now, ok, policy, record, with_recipient};
use crate::dane::sender::{Arrives, Profile, Protection};
use crate::dane::tests::certificates::HOST;
use crate::dane::{Mode, MtaStsView, ProbeResult, Recipient, WebPki};

use Arrives::{CouldNotTell as Unknown, Degraded, No, Yes};
use Protection::{CouldNotTell as NotTold, Dane, MtaSts, None as Bare, Opportunistic as Opp};

const MX: [&str; 4] = ["secure", "insecure", "bogus", "fail"];
const ADDRESS: [&str; 5] = ["secure", "insecure", "bogus", "none", "fail"];
const TLSA: [&str; 7] = [
    "right", "wrong", "unusable", "absent", "unsigned", "bogus", "fail",
];
const OUTCOME: [&str; 9] = [
    "ok",
    "untrusted",
    "plain",
    "broken",
    "busy",
    "gone",
    "rejected",
    "deferred",
    "fail",
];
const POLICY: [&str; 5] = ["none", "fits", "other", "testing", "fail"];

/// One value per axis, as indices.
type Point = [usize; 5];

const SIZES: [usize; 5] = [
    MX.len(),
    ADDRESS.len(),
    TLSA.len(),
    OUTCOME.len(),
    POLICY.len(),
];

fn dns(mx: &str, address: &str, tlsa: &str) -> Value {
    let name = format!("_25._tcp.{HOST}");
    let mut lists = [("inauthentic", vec![]), ("bogus", vec![]), ("fail", vec![])];
    let mut put = |state: &str, sets: &[String]| {
        let list = match state {
            "insecure" | "unsigned" => 0,
            "bogus" => 1,
            "fail" => 2,
            _ => return,
        };
        lists[list].1.extend(sets.iter().cloned());
    };
    put(mx, &[format!("mx {DOMAIN}")]);
    put(address, &[format!("a {HOST}"), format!("aaaa {HOST}")]);
    put(tlsa, &[format!("tlsa {name}")]);
    let records = match tlsa {
        "wrong" => vec![record("3 1 1 stranger")],
        "unusable" => vec![record("1 1 1 leaf")],
        "absent" => vec![],
        _ => vec![record("3 1 1 leaf")],
    };
    let addresses: &[&str] = if address == "none" {
        &[]
    } else {
        &["192.0.2.1"]
    };
    let mut out = json!({
        "all_authentic": true,
        "mx": {DOMAIN: [format!("10 {HOST}")]},
        "a": {HOST: addresses},
        "tlsa": {name: records},
    });
    for (list, entries) in lists {
        out[list] = json!(entries);
    }
    out
}

fn outcome(which: &str) -> (ProbeResult, WebPki) {
    let why = || "no".to_owned();
    let seen = |code: u16| Recipient::Rejected { code, text: why() };
    let result = match which {
        "ok" => ok("leaf inter"),
        "untrusted" => return (ok("leaf inter"), WebPki::Invalid { why: why() }),
        "plain" => ProbeResult::NoStartTls { why: why() },
        "broken" => ProbeResult::TlsFailed {
            why: why(),
            chain: Vec::new().into(),
        },
        "busy" => ProbeResult::Unwilling {
            code: Some(421),
            text: why(),
        },
        "gone" => ProbeResult::Unwilling {
            code: Some(554),
            text: why(),
        },
        "rejected" => with_recipient("leaf inter", Some(seen(550))),
        "deferred" => with_recipient(
            "leaf inter",
            Some(Recipient::Deferred {
                code: 451,
                text: why(),
            }),
        ),
        _ => ProbeResult::Timeout { stage: why() },
    };
    (result, WebPki::Valid)
}

fn policy_of(which: &str) -> MtaStsView {
    match which {
        "fits" => policy(Some(Mode::Enforce), &["*.example.test"]),
        "other" => policy(Some(Mode::Enforce), &["*.other.test"]),
        "testing" => policy(Some(Mode::Testing), &["*.other.test"]),
        "fail" => MtaStsView::Unknown {
            record: None,
            why: "no".into(),
            at: now(),
        },
        _ => policy(None, &[]),
    }
}

/// The rules a second time, in words and without sets.
fn expected(profile: Profile, point: Point) -> (Arrives, Protection) {
    let [mx, address, tlsa, out, pol] = [
        MX[point[0]],
        ADDRESS[point[1]],
        TLSA[point[2]],
        OUTCOME[point[3]],
        POLICY[point[4]],
    ];
    if mx == "bogus" {
        return (No, Bare);
    }
    if mx == "fail" {
        return (Unknown, NotTold);
    }
    match address {
        "bogus" | "none" => return (No, Bare),
        "fail" => return (Unknown, NotTold),
        _ => {}
    }
    let asks = profile != Profile::StsOnly && (mx == "secure" || profile == Profile::Postfix);
    let seen = if asks && address == "secure" {
        tlsa
    } else {
        "absent"
    };
    // What an address does for a sender that demands TLS at least.
    let over_tls = match out {
        "ok" | "untrusted" => Yes,
        "plain" | "broken" | "gone" | "rejected" => No,
        "busy" | "deferred" => Degraded,
        _ => Unknown,
    };
    match seen {
        "bogus" => return (No, Bare),
        "fail" => return (Unknown, NotTold),
        "right" | "wrong" => {
            let protection = if mx == "secure" { Dane } else { Opp };
            // A busy host answers before it shows a certificate.
            let arrives = match (seen, out) {
                ("wrong", "ok" | "untrusted" | "rejected" | "deferred") => No,
                _ => over_tls,
            };
            return (arrives, protection);
        }
        "unusable" if profile == Profile::Mandatory => return (No, Bare),
        "unusable" => return (over_tls, Opp),
        _ => {}
    }
    if profile == Profile::Mandatory {
        return (No, Bare);
    }
    let knows_policies = matches!(
        profile,
        Profile::Exo | Profile::AnyMatch | Profile::WebPki | Profile::StsOnly
    );
    let whatever = match out {
        "plain" => (Yes, Bare),
        "broken" => (Degraded, Bare),
        "busy" => (Degraded, NotTold),
        "gone" => (No, NotTold),
        "fail" => (Unknown, NotTold),
        _ => (over_tls, Opp),
    };
    match pol {
        "fits" if knows_policies && out == "untrusted" => (No, MtaSts),
        "fits" if knows_policies => (over_tls, MtaSts),
        "other" if knows_policies => (No, MtaSts),
        // Under some policy it would be refused, under none it is taken: only what fails in either case is known.
        "fail" if knows_policies && whatever.0 == No => (No, NotTold),
        "fail" if knows_policies => (Unknown, NotTold),
        _ => whatever,
    }
}

fn each_scene(mut visit: impl FnMut(&mut Scene, Point)) {
    for (m, mx) in MX.iter().enumerate() {
        for (a, address) in ADDRESS.iter().enumerate() {
            for (t, tlsa) in TLSA.iter().enumerate() {
                let mut scene = Scene::of(dns(mx, address, tlsa));
                for (o, out) in OUTCOME.iter().enumerate() {
                    let host = scene.hosts.first();
                    if host.is_some_and(|h| !h.1.addresses.is_empty()) {
                        let (result, web) = outcome(out);
                        scene.set(0, 0, result, web);
                    }
                    for (p, policy) in POLICY.iter().enumerate() {
                        scene.policy = policy_of(policy);
                        visit(&mut scene, [m, a, t, o, p]);
                    }
                }
            }
        }
    }
}

#[test]
fn every_combination() {
    let mut told = std::collections::BTreeMap::new();
    each_scene(|scene, point| {
        for profile in Profile::ALL {
            let said = scene.short(profile);
            let [mx, a, t, o, p] = point;
            assert_eq!(
                said,
                expected(profile, point),
                "{profile}: MX {}, address {}, TLSA {}, {}, policy {}: {:#?}",
                MX[mx],
                ADDRESS[a],
                TLSA[t],
                OUTCOME[o],
                POLICY[p],
                scene.by(profile)
            );
            told.insert((profile, point), said);
        }
    });
    assert_eq!(
        told.len(),
        SIZES.iter().product::<usize>() * Profile::ALL.len()
    );
    // Each axis ends with "could not tell": putting that in the place of anything known may cost the answer and never
    // gives another.
    for ((profile, point), (arrives, protection)) in &told {
        for axis in 0..point.len() {
            let mut less = *point;
            less[axis] = SIZES[axis] - 1;
            let (a, p) = told[&(*profile, less)];
            assert!(
                a == *arrives || a == Unknown,
                "{profile} {point:?} {axis}: {arrives:?} {a:?}"
            );
            assert!(
                p == *protection || p == NotTold,
                "{profile} {point:?} {axis}: {protection:?} {p:?}"
            );
        }
    }
}
