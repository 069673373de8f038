//! The two validators side by side, on what is right, rare and wrong. Where they differ the table says why.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rollout_lab::{DomainKind, DomainSeed, Lab, Options};
use rollout_servers::unbound::{Options as UnboundOptions, Start, Unbound};

use super::odd::Odd;
use super::tree::{Place, Tree};
use crate::dns::view::Status;
use crate::dns::{
    Agreement, Data, Dns, DnsSettings, Kind, Opinion, Origin, Record, TrustAnchor, Validated,
    Vantage, agreement,
};

/// Name, type, the verdict of hickory, that of `domain`, and why they differ.
type Row = (&'static str, Kind, char, char, &'static str);

const SAME: &str = "";
const OPT_OUT: &str = "hickory calls a proof secure that rests on a gap with opt-out; by RFC 5155, 9.2 it is not, \
                       since an unsigned delegation may be there";

const TREE: &[Row] = &[
    ("mail.secure.test", Kind::A, 's', 's', SAME),
    ("secure.test", Kind::Mx, 's', 's', SAME),
    ("_25._tcp.mail.secure.test", Kind::Tlsa, 's', 's', SAME),
    ("_25._tcp.none.secure.test", Kind::Tlsa, 's', 's', SAME),
    ("mail.secure.test", Kind::Tlsa, 's', 's', SAME),
    ("_tcp.mail.secure.test", Kind::A, 's', 's', SAME),
    ("secure.test", Kind::Dnskey, 's', 's', SAME),
    ("secure.test", Kind::Ds, 's', 's', SAME),
    ("plain.test", Kind::Ds, 's', 's', SAME),
    ("big.secure.test", Kind::Txt, 's', 's', SAME),
    ("mail.n3.test", Kind::A, 's', 's', SAME),
    ("_25._tcp.none.n3.test", Kind::Tlsa, 's', 's', SAME),
    ("mail.n3.test", Kind::Tlsa, 's', 's', SAME),
    ("nowhere.test", Kind::A, 's', 's', SAME),
    ("nowhere", Kind::A, 's', 's', SAME),
    ("", Kind::Ns, 's', 's', SAME),
    (
        "",
        Kind::Ds,
        'b',
        's',
        "hickory wants the DS of the root to be denied by its parent; it has none",
    ),
    ("mail.plain.test", Kind::A, 'i', 'i', SAME),
    ("none.plain.test", Kind::A, 'i', 'i', SAME),
    ("mail.plain.test", Kind::Tlsa, 'i', 'i', SAME),
    ("www.loose.secure.test", Kind::A, 'i', 'i', SAME),
    ("mail.island.plain.test", Kind::A, 'i', 'i', SAME),
    ("mail.plain.opt", Kind::A, 'i', 'i', SAME),
    ("plain.opt", Kind::Ds, 's', 'i', OPT_OUT),
    ("none.opt", Kind::A, 's', 'i', OPT_OUT),
    ("opt", Kind::Tlsa, 's', 's', SAME),
    ("mail.odd.test", Kind::A, 'i', 'i', SAME),
    ("mail.wrongds.test", Kind::A, 'b', 'b', SAME),
    ("mail.expired.test", Kind::A, 'b', 'b', SAME),
    ("none.expired.test", Kind::A, 'b', 'b', SAME),
    ("mail.stripped.test", Kind::A, 'b', 'b', SAME),
    ("none.stripped.test", Kind::A, 'b', 'b', SAME),
    ("alias.secure.test", Kind::A, 's', 's', SAME),
    ("alias.secure.test", Kind::Cname, 's', 's', SAME),
    ("out.secure.test", Kind::A, 'i', 'i', SAME),
    // An alias in an unsigned zone to a signed one: anybody could have made it.
    ("back.plain.test", Kind::A, 'i', 'i', SAME),
    ("to-bogus.secure.test", Kind::A, 'b', 'b', SAME),
    ("x.old.secure.test", Kind::A, 's', 's', SAME),
    ("y.old.secure.test", Kind::A, 's', 's', SAME),
    ("x.old.secure.test", Kind::Cname, 's', 's', SAME),
    ("old.secure.test", Kind::Dname, 's', 's', SAME),
    ("circle.secure.test", Kind::A, '?', '?', SAME),
    ("any.wild.secure.test", Kind::A, 's', 's', SAME),
    ("any.wild.secure.test", Kind::Tlsa, 's', 's', SAME),
    ("any.wild.n3.test", Kind::A, 's', 's', SAME),
    ("any.wild.n3.test", Kind::Tlsa, 's', 's', SAME),
    ("a.any.wild.n3.test", Kind::A, 's', 's', SAME),
    ("mail.flaky.test", Kind::A, '?', '?', SAME),
    ("mail.dead.test", Kind::A, '?', '?', SAME),
    ("mail.lame.test", Kind::A, '?', '?', SAME),
    ("not a name..", Kind::A, '?', '?', SAME),
];

/// Zone, and the verdicts of the two for: A at `mail`, A at `none`, TLSA at `mail`, A and TLSA at `x.wild`, and DS
/// at the apex.
const ZONES: &[(&str, &str, &str, &str)] = &[
    ("rsa8", "ssssss", "ssssss", SAME),
    ("rsa10", "ssssss", "ssssss", SAME),
    ("sha5", "ssssss", "ssssss", SAME),
    ("sha7", "ssssss", "ssssss", SAME),
    ("p384", "ssssss", "ssssss", SAME),
    ("ed", "ssssss", "ssssss", SAME),
    ("sub.ed", "ssssss", "ssssss", SAME),
    ("sub2.ed", "ssssss", "ssssss", SAME),
    ("plain.ed", "iiiiis", "iiiiis", SAME),
    ("ed448", "iiiiis", "iiiiis", SAME),
    ("onlysha1", "ssssss", "ssssss", SAME),
    // RFC 4509, 3 would have the SHA-1 digest ignored beside one with SHA-256; neither does.
    ("halfsha1", "ssssss", "ssssss", SAME),
    ("besides", "ssssss", "ssssss", SAME),
    ("newdigest", "iiiiis", "iiiiis", SAME),
    ("oo", "sssiss", "sisiis", OPT_OUT),
    ("kid.oo", "iiiiis", "iiiiii", OPT_OUT),
    // The empty name above has no NSEC3: with opt-out it need not (RFC 5155, 7.1).
    ("kid.ent.oo", "iiiiii", "iiiiii", SAME),
    ("iter", "siiiis", "siiiis", SAME),
    ("nodenial", "sbbbbs", "sbbbbs", SAME),
    (
        "nodenial3",
        "sbbbbs",
        "ssbbbs",
        "the proof that went missing says only that the zone itself exists; `domain` knows that from its keys",
    ),
    (
        "nosoa",
        "s ss s ss",
        "s ?? s ?s",
        "`domain` takes no proof of absence without SOA",
    ),
    ("forged", "bsssss", "bsssss", SAME),
    ("flap", "ssssss", "ssssss", SAME),
    ("bare", "iiiiis", "iiiiis", SAME),
    ("par", "ssssss", "ssssss", SAME),
    ("kid.par", "iiiiis", "iiiiis", SAME),
];

const ODD: &[Row] = &[
    ("ent.par.test", Kind::A, 's', 's', SAME),
    ("ent.oo.test", Kind::A, 'i', 'i', SAME),
    // A signature that claims to be by the name itself, which is no zone.
    ("own.forged.test", Kind::A, 'b', 'b', SAME),
    (
        "x.old.forged.test",
        Kind::A,
        's',
        'b',
        "hickory's side makes the alias from the DNAME and does not look at the false one that was served",
    ),
];

const fn letter(status: &Status) -> char {
    match status {
        Status::Secure => 's',
        Status::Insecure => 'i',
        Status::Bogus { .. } => 'b',
        Status::Indeterminate { .. } => '?',
    }
}

/// Asks both and holds them against the row.
async fn check(dns: &Dns, name: &str, kind: Kind, expected: (char, char), why: &str) {
    let other = dns.second_opinion(name, kind).await;
    let ours = dns.validate(name, kind).await;
    let said = (letter(&ours.status), letter(&other.status));
    assert_eq!(said, expected, "{name} {kind}: {ours:?}\n{other:?}");
    assert!(
        said.0 == said.1 || !why.is_empty(),
        "{name} {kind} needs a reason"
    );
    compare(&ours, &other);
}

fn compare(ours: &Validated, other: &Opinion) {
    let found = agreement(ours, other, &[]);
    let (a, b) = (letter(&ours.status), letter(&other.status));
    let fits = match &found {
        Agreement::Agree => a != '?' && (a == b || a == 's' && other.opt_out),
        Agreement::EnginesDiffer { .. } => a != '?' && b != '?' && a != b,
        Agreement::CouldNotCompare { .. } => a == '?' || b == '?',
        Agreement::ResolversDiffer { .. } => false,
    };
    assert!(fits, "{found:?} of {ours:?} and {other:?}");
}

async fn check_all(dns: &Dns, rows: &[Row]) {
    for (name, kind, ours, other, why) in rows {
        check(dns, name, *kind, (*ours, *other), why).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_tree() {
    let back = "back 30 CNAME mail.secure.test.\n";
    let Some(tree) = Tree::start(Place::find(4), ["", back, ""]).await else {
        return;
    };
    check_all(&tree.dns(), TREE).await;
    only_for_opt_out(&tree.dns()).await;
    forgetful(&tree).await;
    through_a_forwarder(&tree).await;
    nobody_there(&tree).await;
    at_once(&tree).await;
}

/// "Insecure" for opt-out is told from "insecure" for want of signatures.
async fn only_for_opt_out(dns: &Dns) {
    for (name, kind, opt_out) in [
        ("none.opt", Kind::A, true),
        ("plain.opt", Kind::Ds, true),
        ("opt", Kind::Tlsa, false),
        ("none.plain.opt", Kind::A, false),
        ("none.plain.test", Kind::A, false),
        ("back.plain.test", Kind::A, false),
    ] {
        let other = dns.second_opinion(name, kind).await;
        assert_eq!(other.opt_out, opt_out, "{name} {kind}: {other:?}");
        let found = agreement(&dns.validate(name, kind).await, &other, &[]);
        assert_eq!(found, Agreement::Agree, "{name} {kind}");
    }
}

/// A laboratory's TTLs are seconds, and its memory is none.
async fn forgetful(tree: &Tree) {
    let dns = Dns::new(DnsSettings {
        memory: Duration::ZERO,
        ..tree.settings()
    })
    .expect("settings");
    check_all(&dns, TREE).await;
    assert!(dns.inner.second.get().is_none());
}

async fn nobody_there(tree: &Tree) {
    let alone = Dns::new(DnsSettings {
        source: Origin::Roots(vec![("ns.root-servers".into(), tree.address(9))]),
        ..tree.settings()
    })
    .expect("settings");
    check(&alone, "mail.secure.test", Kind::A, ('?', '?'), SAME).await;
    // Another trust anchor: everything is bogus, that it is unsigned included.
    let other = Dns::new(DnsSettings {
        trust_anchor: TrustAnchor::BuiltIn,
        ..tree.settings()
    })
    .expect("settings");
    check(&other, "mail.secure.test", Kind::A, ('b', 'b'), SAME).await;
    check(&other, "mail.plain.test", Kind::A, ('b', 'b'), SAME).await;
}

/// What the second opinion costs, and that a crowd gets the same answers.
async fn at_once(tree: &Tree) {
    let dns = tree.dns();
    let names = [
        "mail.secure.test",
        "mail.n3.test",
        "mail.plain.test",
        "mail.expired.test",
    ];
    let round = |second: bool| {
        let dns = &dns;
        async move {
            let begun = Instant::now();
            let all = (0..200).map(|i| async move {
                let name = names[i % names.len()];
                if second {
                    letter(&dns.second_opinion(name, Kind::A).await.status)
                } else {
                    letter(&dns.validate(name, Kind::A).await.status)
                }
            });
            let said: String = futures::future::join_all(all).await.into_iter().collect();
            assert_eq!(said, "ssib".repeat(50));
            begun.elapsed() / 200
        }
    };
    round(false).await;
    let (first, second) = (round(false).await, round(true).await);
    eprintln!("a question costs the first validator {first:?}, the second {second:?}");
}

async fn through_a_forwarder(tree: &Tree) {
    if !Unbound::available("a second opinion through a forwarder") {
        return;
    }
    let at = |zone: &str, host| (zone.to_owned(), tree.socket(host));
    let mut stubs = vec![at(".", 1), at("test", 2), at("opt", 2), at("plain.opt", 3)];
    for zone in [
        "secure",
        "n3",
        "plain",
        "island.plain",
        "expired",
        "wrongds",
        "loose.secure",
        "stripped",
        "odd",
        "lame",
    ] {
        stubs.push(at(&format!("{zone}.test"), 3));
    }
    let unbound = tokio::task::block_in_place(|| {
        Unbound::start(&UnboundOptions {
            listen: None,
            start: Start::Stubs(stubs),
            trust_anchors: vec![tree.anchor.clone()],
            settings: Vec::new(),
        })
    })
    .expect("Unbound");
    let dns = Dns::new(DnsSettings {
        source: Origin::Forwarders(vec![unbound.dns_addr]),
        ..tree.settings()
    })
    .expect("settings");
    for (name, kind, ours, other, why) in TREE {
        if ["flaky", "dead"].iter().any(|zone| name.contains(zone)) {
            continue;
        }
        // Without referrals each label might be a cut, and by its DS the gap with opt-out shows.
        let ours = if *name == "none.opt" { 'i' } else { *ours };
        check(&dns, name, *kind, (ours, *other), why).await;
        // Asked for an alias made from a DNAME by its own type, Unbound 1.17 wants a DS below the DNAME.
        if (*name, *kind) != ("x.old.secure.test", Kind::Cname) {
            third_judge(&dns, unbound.dns_addr, name, *kind).await;
        }
    }
}

/// Unbound, a validator by other hands than `domain`'s, sides with it in each row, also where hickory differs.
async fn third_judge(dns: &Dns, address: std::net::SocketAddr, name: &str, kind: Kind) {
    let vantage = Vantage {
        name: "unbound".into(),
        address,
    };
    let seen = dns.ask_vantage(&vantage, name, kind).await;
    let other = dns.second_opinion(name, kind).await;
    let as_other = Validated {
        status: other.status.clone(),
        ..dns.validate(name, kind).await
    };
    let found = agreement(&as_other, &other, std::slice::from_ref(&seen));
    let differ = matches!(
        found,
        Agreement::EnginesDiffer { .. } | Agreement::ResolversDiffer { .. }
    );
    assert!(!differ, "{name} {kind}: {found:?}");
    assert_eq!(seen.ad, other.status.is_secure(), "{seen:?} {other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_odd_zones() {
    let Some(odd) = Odd::start(Place::find(5)).await else {
        return;
    };
    let dns = Dns::new(odd.settings()).expect("settings");
    for (zone, ours, other, why) in ZONES {
        let questions = [
            ("mail.", Kind::A),
            ("none.", Kind::A),
            ("mail.", Kind::Tlsa),
            ("x.wild.", Kind::A),
            ("x.wild.", Kind::Tlsa),
            ("", Kind::Ds),
        ];
        let letters = |text: &str| text.replace(' ', "").chars().collect::<Vec<_>>();
        let expected = letters(ours).into_iter().zip(letters(other));
        for ((host, kind), expected) in questions.into_iter().zip(expected) {
            let name = format!("{host}{zone}.test");
            check(&dns, &name, kind, expected, why).await;
        }
    }
    check_all(&dns, ODD).await;
    assert_eq!(
        odd.proxy.keys_of_nosoa.load(Ordering::Relaxed),
        1,
        "the zone's keys were asked for once, for twelve verdicts"
    );
    forged_delegations(&odd).await;
    anchors_by_digest(&odd).await;
}

async fn forged_delegations(odd: &Odd) {
    // Nobody who is told the same lie again believes it.
    odd.proxy.forged_ds.store(1000, Ordering::Relaxed);
    let dns = Dns::new(odd.settings()).expect("settings");
    check(&dns, "kid.par.test", Kind::Ds, ('b', 'b'), SAME).await;
    check(&dns, "mail.kid.par.test", Kind::A, ('b', 'b'), SAME).await;
    // Told once, and the truth when it asks by itself, the validator alone would call the forged DS insecure.
    odd.proxy.forged_ds.store(1, Ordering::Relaxed);
    let dns = Dns::new(DnsSettings {
        memory: Duration::ZERO,
        ..odd.settings()
    })
    .expect("settings");
    let said = dns.second_opinion("kid.par.test", Kind::Ds).await;
    assert_eq!(odd.proxy.forged_ds.load(Ordering::Relaxed), 0);
    assert_eq!(letter(&said.status), 'b', "{said:?}");
}

async fn anchors_by_digest(odd: &Odd) {
    let with = |anchor: String, settings: DnsSettings| {
        Dns::new(DnsSettings {
            trust_anchor: TrustAnchor::Text(anchor),
            ..settings
        })
        .expect("settings")
    };
    let right = odd.root_ds();
    let (head, _) = right.split_at(right.len() - 4);
    let wrong = format!("{head}0000");
    for memory in [Duration::from_secs(5), Duration::ZERO] {
        let settings = || DnsSettings {
            memory,
            ..odd.settings()
        };
        let dns = with(right.clone(), settings());
        check(&dns, "mail.rsa8.test", Kind::A, ('s', 's'), SAME).await;
        check(&dns, "mail.bare.test", Kind::A, ('i', 'i'), SAME).await;
        let dns = with(wrong.clone(), settings());
        check(&dns, "mail.rsa8.test", Kind::A, ('b', 'b'), SAME).await;
        check(&dns, "mail.bare.test", Kind::A, ('b', 'b'), SAME).await;
        let dns = with(format!("{wrong}\n{right}"), settings());
        check(&dns, "mail.rsa8.test", Kind::A, ('s', 's'), SAME).await;
    }
    let dns = with(right, odd.nowhere());
    check(&dns, "mail.rsa8.test", Kind::A, ('?', '?'), SAME).await;
}

/// The laboratory that `rollout demo` runs on: TTLs of seconds, no memory, both forms of its anchor.
#[tokio::test(flavor = "multi_thread")]
async fn in_the_laboratory() {
    let domains = [
        DomainSeed::new("fabrikam.com", DomainKind::Ordinary),
        DomainSeed::new("contoso.com", DomainKind::Ordinary).signed(),
        DomainSeed::new("adatum.com", DomainKind::Finished),
    ];
    let lab = tokio::task::block_in_place(|| Lab::start(Options::with_domains(domains)))
        .expect("a laboratory");
    let places = lab.endpoints().expect("endpoints");
    for anchor in [&places.trust_anchor.dnskey, &places.trust_anchor.ds] {
        let roots = places.root_hints.iter();
        let dns = Dns::new(DnsSettings {
            source: Origin::Roots(
                roots
                    .map(|r| (crate::dns::normal(&r.name), r.address))
                    .collect(),
            ),
            port: places.dns_port,
            trust_anchor: TrustAnchor::Text(anchor.clone()),
            memory: Duration::ZERO,
            timeout: Duration::from_secs(1),
            ..DnsSettings::default()
        })
        .expect("settings");
        for (name, kind, letter) in [
            ("fabrikam.com", Kind::Mx, 'i'),
            ("none.fabrikam.com", Kind::Tlsa, 'i'),
            ("contoso.com", Kind::Mx, 's'),
            ("contoso.com", Kind::Dnskey, 's'),
            ("contoso.com", Kind::Ds, 's'),
            ("none.contoso.com", Kind::Tlsa, 's'),
            ("fabrikam.com", Kind::Ds, 's'),
            ("nowhere.example", Kind::A, 's'),
        ] {
            check(&dns, name, kind, (letter, letter), SAME).await;
        }
        let mx = dns.validate("adatum.com", Kind::Mx).await;
        let [
            Record {
                data: Data::Mx { exchange, .. },
                ..
            },
        ] = mx.records()
        else {
            panic!("{mx:?}")
        };
        check(&dns, exchange, Kind::A, ('s', 's'), SAME).await;
        check(
            &dns,
            &format!("_25._tcp.{exchange}"),
            Kind::Tlsa,
            ('s', 's'),
            SAME,
        )
        .await;
    }
}
