//! The states of a migration, and the cases in which senders differ.

use serde_json::json;

use super::scene::{DOMAIN, Scene, ok, policy, record, with_recipient};
use crate::dane::sender::{
    Arrives, Fate, Profile, Protection, ResultType, Safety, deliver_all, deliver_sloppy, safe,
};
use crate::dane::tests::certificates::HOST;
use crate::dane::{KeyType, Mode, MtaStsView, ProbeResult, Recipient, WebPki};

use Arrives::{CouldNotTell as Unknown, Degraded, No, Yes};
use Protection::{Dane, MtaSts, None as Bare, Opportunistic as Opp};

type Row = [(Arrives, Protection); 7];

const LEGACY: &str = "example-test.mail.protection.outlook.test";

/// In the order of [`Profile::ALL`].
fn row(scene: &Scene) -> Row {
    Profile::ALL.map(|p| scene.short(p))
}

fn check(what: &str, scene: &Scene, expected: Row, safety: &str) {
    for (profile, (told, expected)) in Profile::ALL.iter().zip(row(scene).iter().zip(expected)) {
        assert_eq!(
            *told,
            expected,
            "{what}: {profile}: {:#?}",
            scene.by(*profile)
        );
    }
    let all = deliver_all(&scene.mail(&scene.views()));
    let word = serde_json::to_value(safe(&all)).expect("plain")["safety"].clone();
    assert_eq!(word, safety, "{what}: {:?}", safe(&all));
}

/// Old and new hosts of a rollout; the old one's zone is unsigned and fails at TLSA.
fn migration(signed: bool, hosts: &[&str], tlsa: Option<&str>) -> Scene {
    let mx: Vec<String> = hosts
        .iter()
        .zip(1..)
        .map(|(h, i)| format!("{i}0 {h}"))
        .collect();
    let mut unsigned = vec![format!("a {LEGACY}"), format!("aaaa {LEGACY}")];
    if !signed {
        unsigned.push(format!("mx {DOMAIN}"));
    }
    let name = format!("_25._tcp.{HOST}");
    let records: Vec<String> = tlsa.iter().map(|r| record(r)).collect();
    Scene::of(json!({
        "all_authentic": true,
        "mx": {DOMAIN: mx},
        "a": {HOST: ["192.0.2.1", "192.0.2.2"], LEGACY: ["192.0.2.3"]},
        "tlsa": {name: records},
        "inauthentic": unsigned,
        "fail": [format!("tlsa _25._tcp.{LEGACY}")],
    }))
}

#[test]
fn the_states_of_a_migration() {
    let right = Some("3 1 1 leaf");
    let opportunistic = [
        (Yes, Opp),
        (Yes, Opp),
        (Yes, Opp),
        (Yes, Opp),
        (Yes, Opp),
        (No, Bare),
        (Yes, Opp),
    ];
    let a = migration(false, &[LEGACY], None);
    check("A unsigned, old MX", &a, opportunistic, "unprotected");
    let b = migration(true, &[LEGACY], None);
    check("B signed, old MX", &b, opportunistic, "unprotected");
    let c = migration(false, &[HOST], right);
    check("C unsigned, new MX", &c, opportunistic, "unprotected");
    let mut postfix = opportunistic;
    postfix[1] = (No, Opp);
    let c = migration(false, &[HOST], Some("3 1 1 stranger"));
    check(
        "C, and the TLSA is wrong: half-dane",
        &c,
        postfix,
        "undelivered",
    );
    let mut mandatory = opportunistic;
    mandatory[5] = (Yes, Dane);
    let d = migration(true, &[LEGACY, HOST], right);
    check("D signed, both MX", &d, mandatory, "unprotected");
    let e = migration(true, &[HOST], None);
    check(
        "E signed, new MX, no TLSA",
        &e,
        opportunistic,
        "unprotected",
    );
    // F: whoever still holds "no TLSA" is in E, the others are in G.
    let mut done = [(Yes, Dane); 7];
    done[6] = (Yes, Opp);
    let mut g = migration(true, &[HOST], right);
    check("G done", &g, done, "safe");
    g.policy = policy(Some(Mode::Enforce), &[HOST]);
    done[6] = (Yes, MtaSts);
    check("G with an enforcing policy", &g, done, "safe");
    g.policy = policy(Some(Mode::Enforce), &["*.mx.example.test"]);
    done[6] = (No, MtaSts);
    check("G, and the policy names another host", &g, done, "fragile");
    let mut h = migration(true, &[HOST], right);
    h.set(0, 1, ok("strange"), WebPki::Valid);
    let mut partly = [(Degraded, Dane); 7];
    partly[6] = (Yes, Opp);
    check("H one address wrong", &h, partly, "undelivered");
    let i =
        Scene::of(json!({"mx": {DOMAIN: [format!("10 {HOST}")]}, "bogus": ["mx example.test"]}));
    check("I bogus", &i, [(No, Bare); 7], "undelivered");
    assert_eq!(i.by(Profile::Exo).fate, Some(Fate::Waits { hours: 24 }));
    assert_eq!(i.by(Profile::Rfc).reports, [ResultType::DnssecInvalid]);
}

#[test]
fn a_sloppy_sender_spoils_the_signed_domain_on_the_old_host() {
    let sloppy = |scene: &Scene| {
        let told = deliver_sloppy(&scene.mail(&scene.views()), &scene.asked);
        (told.arrives, told.protection)
    };
    assert_eq!(sloppy(&migration(false, &[LEGACY], None)), (Yes, Opp), "A");
    let b = migration(true, &[LEGACY], None);
    assert_eq!(b.asked.len(), 1);
    assert_eq!(sloppy(&b), (Unknown, Protection::CouldNotTell), "B");
    let told = deliver_sloppy(&b.mail(&b.views()), &b.asked);
    assert!(told.why.contains("TLSA"), "{}", told.why);
    let d = migration(true, &[LEGACY, HOST], Some("3 1 1 leaf"));
    assert_eq!(sloppy(&d).0, Unknown, "D");
    let g = migration(true, &[HOST], Some("3 1 1 leaf"));
    assert_eq!(sloppy(&g), (Yes, Dane), "G");
    // Nobody asked: not known, rather than harmless.
    assert_eq!(b.by(Profile::Sloppy).arrives, Unknown);
    // And an old host that denies TLSA rightly is harmless.
    let mut b = b;
    let mut absent = migration(true, &[HOST], None).hosts.remove(0).1.tlsa;
    std::mem::swap(b.asked.get_mut(LEGACY).expect("asked"), &mut absent);
    assert_eq!(sloppy(&b), (Yes, Opp));
}

#[test]
fn where_senders_differ() {
    let all = |dane: (Arrives, Protection)| {
        let mut row = [dane; 7];
        row[6] = (Yes, Opp);
        row
    };
    // Digest agility: a wrong stronger digest beside a right weaker one.
    let wrong512 = format!("3 1 2 ={}", "00".repeat(64));
    let agile = Scene::signed(&[&wrong512, "3 1 1 leaf"], "leaf inter");
    let mut row = all((No, Dane));
    row[3] = (Yes, Dane);
    row[4] = (Yes, Dane);
    check("agility", &agile, row, "undelivered");
    // Usage 2 under a common name only.
    let common = Scene::signed(&["2 0 1 root"], "common root");
    let mut row = all((Yes, Dane));
    row[4] = (No, Dane);
    check("common name", &common, row, "fragile");
    assert_eq!(common.by(Profile::WebPki).fate, Some(Fate::BouncesAtOnce));
    let all_of = deliver_all(&common.mail(&common.views()));
    let failing = vec![Profile::WebPki];
    assert_eq!(safe(&all_of), Safety::Fragile { failing });
    // A bare key, and the server sends its own certificate alone.
    let bare = Scene::signed(&["2 1 0 root"], "direct");
    check("bare key", &bare, row, "fragile");
    // Usage 2 with a DNS name, and usage 3 whatever the names.
    for (record, chain) in [
        ("2 0 1 root", "leaf inter root"),
        ("2 1 0 root", "leaf inter"),
        ("2 0 1 root", "domain root"),
        ("3 1 1 common", "common root"),
        ("3 1 1 self-lapsed", "self-lapsed"),
    ] {
        let scene = Scene::signed(&[record], chain);
        check(record, &scene, all((Yes, Dane)), "safe");
    }
    // No usable record: encrypted, not authenticated; no DANE for those who demand it.
    let unusable = Scene::signed(&["1 1 1 leaf"], "leaf inter");
    let mut row = all((Yes, Opp));
    row[5] = (No, Bare);
    check("unusable", &unusable, row, "unprotected");
    assert_eq!(unusable.by(Profile::Rfc).reports, [ResultType::TlsaInvalid]);
    let mut plain = Scene::signed(&["1 1 1 leaf"], "leaf inter");
    let why = "the server does not offer STARTTLS".to_owned();
    plain.set(
        0,
        0,
        ProbeResult::NoStartTls { why },
        WebPki::NotTold { why: String::new() },
    );
    let mut row = [(No, Opp); 7];
    row[5] = (No, Bare);
    row[6] = (Yes, Bare);
    check("unusable, no STARTTLS", &plain, row, "undelivered");
    assert!(
        plain
            .by(Profile::Exo)
            .reports
            .contains(&ResultType::StartTlsNotSupported)
    );
}

#[test]
fn exchange_online_gives_up_only_when_every_host_fails() {
    let dns = |second: &str| {
        json!({
            "all_authentic": true,
            "mx": {DOMAIN: [format!("10 {HOST}"), "20 second.test"]},
            "a": {HOST: ["192.0.2.1"], "second.test": ["192.0.2.2"]},
            "tlsa": {format!("_25._tcp.{HOST}"): [record("3 1 1 stranger")],
                     "_25._tcp.second.test": [record(second)]},
        })
    };
    let one = Scene::of(dns("3 1 1 leaf")).by(Profile::Exo);
    assert_eq!(
        (one.arrives, one.fate),
        (Degraded, Some(Fate::Waits { hours: 24 }))
    );
    let none = Scene::of(dns("3 1 1 root")).by(Profile::Exo);
    assert_eq!(
        (none.arrives, none.fate),
        (No, Some(Fate::Waits { hours: 24 }))
    );
    assert_eq!(none.reports, [ResultType::ValidationFailure]);
}

#[test]
fn policies_count_where_dane_does_not_apply() {
    let mut scene = migration(true, &[HOST], None);
    scene.policy = policy(Some(Mode::Enforce), &[HOST]);
    check(
        "valid",
        &scene,
        [
            (Yes, Opp),
            (Yes, Opp),
            (Yes, MtaSts),
            (Yes, MtaSts),
            (Yes, MtaSts),
            (No, Bare),
            (Yes, MtaSts),
        ],
        "unprotected",
    );
    let why = || "no".to_owned();
    for address in [0, 1] {
        scene.set(0, address, ok("old root"), WebPki::Invalid { why: why() });
    }
    let refused = [
        (Yes, Opp),
        (Yes, Opp),
        (No, MtaSts),
        (No, MtaSts),
        (No, MtaSts),
        (No, Bare),
        (No, MtaSts),
    ];
    check("expired", &scene, refused, "undelivered");
    assert_eq!(
        scene.by(Profile::StsOnly).reports,
        [ResultType::CertificateExpired]
    );
    scene.policy = policy(Some(Mode::Testing), &[]);
    assert_eq!(scene.short(Profile::StsOnly), (Yes, Opp));
    for broken in [
        MtaStsView::Unknown {
            record: None,
            why: why(),
            at: super::scene::now(),
        },
        MtaStsView::Invalid {
            record: None,
            why: why(),
            ttl: 1,
            at: super::scene::now(),
        },
    ] {
        scene.policy = broken;
        // An earlier policy may be held, and nobody here knows what it says.
        assert_eq!(
            scene.short(Profile::StsOnly),
            (Unknown, Protection::CouldNotTell)
        );
        assert_eq!(scene.short(Profile::Postfix), (Yes, Opp));
    }
}

#[test]
fn every_certificate_of_an_address_counts() {
    let good = || Scene::signed(&["3 1 1 leaf"], "leaf inter");
    let failed = || ProbeResult::TlsFailed {
        why: "no".into(),
        chain: Vec::new().into(),
    };
    let timeout = || ProbeResult::Timeout {
        stage: "greeting".into(),
    };
    for (key, sni, result, expected) in [
        (KeyType::Rsa, true, ok("leaf inter"), Yes),
        (KeyType::Rsa, true, ok("strange"), Degraded),
        (KeyType::Rsa, true, failed(), Yes),
        (KeyType::Rsa, true, timeout(), Unknown),
        // All these senders send SNI.
        (KeyType::Any, false, ok("strange"), Yes),
    ] {
        let mut scene = good();
        scene.also(key, sni, result.clone());
        for profile in [Profile::Rfc, Profile::AnyMatch, Profile::WebPki] {
            assert_eq!(scene.by(profile).arrives, expected, "{profile} {result:?}");
        }
    }
}

#[test]
fn replies_and_reports() {
    let mut scene = Scene::signed(&["3 1 1 leaf"], "leaf inter");
    let said = |code| (code, "no".to_owned());
    let rejected = |(code, text)| Some(Recipient::Rejected { code, text });
    let deferred = |(code, text)| Some(Recipient::Deferred { code, text });
    let unwilling = |code| ProbeResult::Unwilling {
        code,
        text: "no".into(),
    };
    for (result, arrives, fate) in [
        (
            with_recipient("leaf", rejected(said(550))),
            No,
            Some(Fate::BouncesAtOnce),
        ),
        (
            with_recipient("leaf", deferred(said(451))),
            Degraded,
            Some(Fate::Waits { hours: 96 }),
        ),
        (with_recipient("leaf", None), Yes, None),
        // It never comes as far as the recipient.
        (
            with_recipient("strange", rejected(said(550))),
            No,
            Some(Fate::Waits { hours: 96 }),
        ),
        (unwilling(Some(554)), No, Some(Fate::Waits { hours: 96 })),
        (
            unwilling(Some(421)),
            Degraded,
            Some(Fate::Waits { hours: 96 }),
        ),
        (unwilling(None), Degraded, Some(Fate::Waits { hours: 96 })),
        (
            ProbeResult::Refused,
            Unknown,
            Some(Fate::Waits { hours: 96 }),
        ),
        (
            ProbeResult::NotProbed,
            Unknown,
            Some(Fate::Waits { hours: 96 }),
        ),
    ] {
        scene.set(0, 0, result.clone(), WebPki::Valid);
        let told = scene.by(Profile::Rfc);
        assert_eq!((told.arrives, told.fate), (arrives, fate), "{result:?}");
        assert_eq!(
            told.protection, Dane,
            "nothing leaves unprotected: {result:?}"
        );
        let one = &told.hosts[0].addresses[0];
        assert_eq!(
            (one.arrives, one.address.to_string()),
            (arrives, "192.0.2.1".into())
        );
    }
    for (record, chain, report) in [
        ("3 1 1 leaf", "strange", ResultType::ValidationFailure),
        ("2 0 1 root", "old root", ResultType::CertificateExpired),
        (
            "2 0 1 root",
            "elsewhere root",
            ResultType::CertificateHostMismatch,
        ),
        (
            "2 0 1 root",
            "strange stranger",
            ResultType::CertificateNotTrusted,
        ),
    ] {
        let scene = Scene::signed(&[record], chain);
        for profile in [Profile::Rfc, Profile::AnyMatch, Profile::WebPki] {
            assert_eq!(
                scene.by(profile).reports,
                [report],
                "{record} {chain} {profile}"
            );
        }
    }
    let e = migration(true, &[HOST], None).by(Profile::Mandatory);
    assert_eq!(e.reports, [ResultType::DaneRequired]);
    assert!(e.hosts[0].passed_over);
    let names = serde_json::to_string(&[
        ResultType::StartTlsNotSupported,
        ResultType::StsPolicyFetchError,
    ]);
    assert_eq!(
        names.expect("plain"),
        r#"["starttls-not-supported","sts-policy-fetch-error"]"#
    );
}

#[test]
fn ends_without_a_host() {
    let null = Scene::of(json!({"all_authentic": true, "mx": {DOMAIN: ["0 ."]}}));
    for profile in Profile::ALL {
        let told = null.by(profile);
        assert_eq!((told.arrives, told.fate), (No, Some(Fate::BouncesAtOnce)));
    }
    let lost = Scene::of(json!({"all_authentic": true, "fail": ["mx example.test"]}));
    check(
        "MX not known",
        &lost,
        [(Unknown, Protection::CouldNotTell); 7],
        "could-not-tell",
    );
    let literal = Scene::of(json!({
        "all_authentic": true, "mx": {DOMAIN: ["10 192.0.2.1", format!("20 {HOST}")]},
        "a": {HOST: ["192.0.2.2"]}, "tlsa": {format!("_25._tcp.{HOST}"): [record("3 1 1 leaf")]},
    }));
    assert_eq!(literal.short(Profile::Rfc), (Degraded, Dane));
    let nothing = Scene::of(json!({"all_authentic": true}));
    assert_eq!(nothing.short(Profile::Rfc), (No, Bare), "no such domain");
    // Its own host for want of an MX, unsigned absence and all: only the addresses need be signed.
    let own = Scene::of(json!({
        "all_authentic": true, "inauthentic": ["mx example.test"], "a": {DOMAIN: ["192.0.2.2"]},
        "tlsa": {"_25._tcp.example.test": [record("3 1 1 leaf")]},
    }));
    assert_eq!(own.short(Profile::Mandatory), (Yes, Dane));
}

#[test]
fn a_profile_that_is_missing_is_not_known() {
    let good = Scene::signed(&["3 1 1 leaf"], "leaf inter");
    let mut all = deliver_all(&good.mail(&good.views()));
    assert_eq!(safe(&all), Safety::Safe);
    let left = all.remove(2).profile;
    assert_eq!(
        safe(&all),
        Safety::CouldNotTell {
            unknown: vec![left]
        }
    );
    assert!(matches!(safe(&[]), Safety::CouldNotTell { .. }));
    // What does not count does not make up for it, nor spoil it.
    all.push(good.by(Profile::Sloppy));
    assert_eq!(
        safe(&all),
        Safety::CouldNotTell {
            unknown: vec![left]
        }
    );
}
