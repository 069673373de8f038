//! Against real name servers: each verdict, each kind of failure.

mod explained;
mod fuzz;
mod laboratory;
mod odd;
mod opinion;
mod reading;
mod resolvers;
mod scene;
mod shared;
mod survey;
mod transport;
pub(crate) mod tree;
mod zones;

use std::net::SocketAddr;

use self::tree::{Place, Tree};
use super::chain::Entry;
use super::view::{Answer, Failure, Outcome, Status};
use super::{Data, Dns, DnsSettings, Kind, Origin, Validated};

#[tokio::test(flavor = "multi_thread")]
async fn against_real_name_servers() {
    let Some(tree) = Tree::start(Place::find(0), [""; 3]).await else {
        return;
    };
    assert_eq!(tree.pids().len(), 4);
    assert!(tree.folder().exists());
    verdicts(&tree.dns()).await;
    aliases(&tree.dns()).await;
    wildcards(&tree.dns()).await;
    could_not_tell(&tree).await;
    each_server_by_itself(&tree).await;
    without_memory(&tree).await;
}

async fn verdicts(dns: &Dns) {
    let table = [
        ("mail.secure.test", Kind::A, "secure records"),
        ("secure.test", Kind::Mx, "secure records"),
        ("_25._tcp.mail.secure.test", Kind::Tlsa, "secure records"),
        ("_25._tcp.none.secure.test", Kind::Tlsa, "secure nxdomain"),
        ("mail.secure.test", Kind::Tlsa, "secure nodata"),
        ("_tcp.mail.secure.test", Kind::A, "secure nodata"),
        ("secure.test", Kind::Dnskey, "secure records"),
        ("secure.test", Kind::Ds, "secure records"),
        ("plain.test", Kind::Ds, "secure nodata"),
        ("big.secure.test", Kind::Txt, "secure records"),
        ("mail.n3.test", Kind::A, "secure records"),
        ("_25._tcp.none.n3.test", Kind::Tlsa, "secure nxdomain"),
        ("mail.n3.test", Kind::Tlsa, "secure nodata"),
        ("nowhere.test", Kind::A, "secure nxdomain"),
        ("nowhere", Kind::A, "secure nxdomain"),
        ("", Kind::Ns, "secure records"),
        ("mail.plain.test", Kind::A, "insecure records"),
        ("none.plain.test", Kind::A, "insecure nxdomain"),
        ("mail.plain.test", Kind::Tlsa, "insecure nodata"),
        ("www.loose.secure.test", Kind::A, "insecure records"),
        ("mail.island.plain.test", Kind::A, "insecure records"),
        ("mail.plain.opt", Kind::A, "insecure records"),
        ("mail.odd.test", Kind::A, "insecure records"),
        ("mail.wrongds.test", Kind::A, "bogus records"),
        ("mail.expired.test", Kind::A, "bogus records"),
        ("none.expired.test", Kind::A, "bogus nxdomain"),
        ("mail.stripped.test", Kind::A, "bogus records"),
        ("none.stripped.test", Kind::A, "bogus nxdomain"),
    ];
    for (name, kind, expected) in table {
        let said = dns.validate(name, kind).await;
        assert_eq!(short(&said), expected, "{name} {kind}: {said:?}");
        assert!(said.from.is_some(), "{name} {kind} from whom?");
    }
    let why = |v: Validated| v.status.why().unwrap_or_default().to_owned();
    let expired = why(dns.validate("mail.expired.test", Kind::A).await);
    assert!(expired.contains("expired at 2024-02-01"), "{expired}");
    let wrong = why(dns.validate("mail.wrongds.test", Kind::A).await);
    assert!(wrong.contains("DS is for key 4711"), "{wrong}");
    let stripped = why(dns.validate("mail.stripped.test", Kind::A).await);
    assert!(stripped.contains("serves no DNSKEY"), "{stripped}");
}

async fn aliases(dns: &Dns) {
    let inside = dns.validate("alias.secure.test", Kind::A).await;
    assert_eq!(short(&inside), "secure records");
    assert_eq!(inside.final_name(), "mail.secure.test");

    let outside = dns.validate("out.secure.test", Kind::A).await;
    assert_eq!(short(&outside), "insecure records");
    assert!(outside.aliases[0].status.is_secure(), "the first link is");

    let bogus = dns.validate("to-bogus.secure.test", Kind::A).await;
    assert_eq!(short(&bogus), "bogus records", "{bogus:?}");

    let dname = dns.validate("x.old.secure.test", Kind::A).await;
    assert_eq!(short(&dname), "secure records", "{dname:?}");
    assert_eq!(dname.final_name(), "x.new.secure.test");

    let circle = dns.validate("circle.secure.test", Kind::A).await;
    assert_eq!(short(&circle), "indeterminate unknown");
}

async fn wildcards(dns: &Dns) {
    for zone in ["secure.test", "n3.test"] {
        let said = dns.validate(&format!("any.wild.{zone}"), Kind::A).await;
        assert_eq!(short(&said), "secure records", "{said:?}");
        let said = dns.validate(&format!("any.wild.{zone}"), Kind::Tlsa).await;
        assert_eq!(short(&said), "secure nodata", "{said:?}");
    }
}

async fn could_not_tell(tree: &Tree) {
    let dns = tree.dns();
    for (name, words) in [
        // The keys cannot be fetched: the data may be good.
        ("mail.flaky.test", "SERVFAIL"),
        ("mail.dead.test", "refused the connection"),
        ("mail.lame.test", "REFUSED"),
    ] {
        let said = dns.validate(name, Kind::A).await;
        assert_eq!(short(&said), "indeterminate unknown", "{said:?}");
        let why = said.status.why().unwrap_or_default();
        assert!(why.contains(words), "{name}: {why}");
        assert!(!said.answer.is_absent());
    }
    // Nobody at all.
    let alone = Dns::new(DnsSettings {
        source: Origin::Roots(vec![("ns.root-servers".into(), tree.address(9))]),
        ..tree.settings()
    })
    .expect("settings");
    let said = alone.validate("mail.secure.test", Kind::A).await;
    assert_eq!(short(&said), "indeterminate unknown");
    // Another trust anchor: everything below the root is bogus.
    let other = Dns::new(DnsSettings {
        trust_anchor: super::TrustAnchor::BuiltIn,
        ..tree.settings()
    })
    .expect("settings");
    let said = other.validate("mail.secure.test", Kind::A).await;
    assert!(matches!(said.status, Status::Bogus { .. }), "{said:?}");
    // A server that does not resolve is no forwarder, and knows of no absence.
    let forwarded = Dns::new(DnsSettings {
        source: Origin::Forwarders(vec![tree.socket(1)]),
        ..tree.settings()
    })
    .expect("settings");
    let said = forwarded.validate("mail.secure.test", Kind::A).await;
    assert_eq!(short(&said), "indeterminate unknown", "{said:?}");
}

/// With a memory of nothing, and a dozen questions at once, the verdicts are the same.
async fn without_memory(tree: &Tree) {
    let dns = Dns::new(DnsSettings {
        memory: std::time::Duration::ZERO,
        concurrency: 4,
        ..tree.settings()
    })
    .expect("settings");
    let begun = std::time::Instant::now();
    let said = futures::future::join_all((0..12).map(|i| {
        let name = if i % 2 == 0 {
            "mail.secure.test"
        } else {
            "mail.plain.test"
        };
        let dns = &dns;
        async move { dns.validate(name, Kind::A).await }
    }))
    .await;
    for (i, said) in said.iter().enumerate() {
        let expected = if i % 2 == 0 {
            "secure records"
        } else {
            "insecure records"
        };
        assert_eq!(short(said), expected, "{said:?}");
    }
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    eprintln!("without memory: {:?}", begun.elapsed());
}

async fn each_server_by_itself(tree: &Tree) {
    let dns = tree.dns();
    let view = dns.observe_zone("stale.test").await.expect("a view");
    assert_eq!(
        (view.cut.apex.as_str(), view.cut.parent.as_str()),
        ("stale.test", "test")
    );
    let only_child: Vec<&str> = view.cut.differences().map(|s| s.name.as_str()).collect();
    assert_eq!(only_child, ["extra.stale.test"]);
    // ns1 and extra are one address under two names.
    assert_eq!(view.servers.len(), 3);
    assert_eq!(view.parents.len(), 1);
    let of = |name: &str| {
        view.servers
            .iter()
            .find(|s| s.server == name)
            .expect("seen")
    };
    let (new, old) = (of("ns1.stale.test"), of("ns2.stale.test"));
    assert_eq!(new.mx.ttl, Some(30));
    assert_eq!(old.mx.ttl, Some(3600));
    assert_ne!(new.mx.contents(), old.mx.contents());
    assert_eq!(new.soa.soa.as_ref().map(|s| s.serial), Some(7));
    assert_eq!(old.soa.soa.as_ref().map(|s| s.serial), Some(6));
    assert!(new.dnskey.signatures.is_some() && new.mx.signatures.is_some());
    assert_eq!(old.dnskey.outcome, Outcome::NoData);
    assert_eq!(old.dnskey.cacheable_for(), Some(20));
    assert_eq!(new.denial.outcome, Outcome::NxDomain);
    let ds = &view.parents[0].ds;
    assert_eq!((ds.outcome.clone(), ds.ttl), (Outcome::Answer, Some(40)));
    let text = serde_json::to_string(&view).expect("plain data");
    let back: super::ZoneView = serde_json::from_str(&text).expect("plain data");
    assert_eq!(back, view);

    let plain = dns.observe_zone("plain.test").await.expect("a view");
    let ds = &plain.parents[0].ds;
    assert_eq!(ds.outcome, Outcome::NoData);
    assert_eq!(ds.cacheable_for(), Some(20));

    let chain = dns.chain_of_trust("plain.opt").await;
    match &chain.zones[2].entry {
        Entry::NoDs { proof, .. } => assert!(proof.contains("opt-out"), "{proof}"),
        other => panic!("{other:?}"),
    }
    // A DS that nobody can use is no proof of absence, and no way in either.
    let chain = dns.chain_of_trust("mail.odd.test").await;
    assert_eq!(chain.status(), Status::Insecure);
    assert!(matches!(&chain.zones[2].entry, Entry::Ds { set, .. } if set[0].key.is_none()));
    for (name, word) in [
        ("wrongds.test", "DS is for key 4711"),
        ("expired.test", "expired"),
    ] {
        let chain = dns.chain_of_trust(name).await;
        let why = chain.status().why().unwrap_or_default().to_owned();
        assert!(
            matches!(chain.status(), Status::Bogus { .. }) && why.contains(word),
            "{name}: {why}"
        );
    }
    let chain = dns.chain_of_trust("flaky.test").await;
    assert!(
        matches!(chain.status(), Status::Indeterminate { .. }),
        "{chain:?}"
    );

    // A host inside a zone: the cut is above it.
    let cut = dns.zone_cut("mail.secure.test").await.expect("a cut");
    assert_eq!(cut.apex, "secure.test");
    // Parent and child on one server.
    let cut = dns.zone_cut("www.loose.secure.test").await.expect("a cut");
    assert_eq!(
        (cut.apex.as_str(), cut.parent.as_str()),
        ("loose.secure.test", "secure.test")
    );

    // Four ways of not answering, none of them an absence.
    let ask = |to: SocketAddr, name: &'static str| {
        let dns = dns.clone();
        async move { dns.ask_server(None, to, name, Kind::Mx).await.outcome }
    };
    assert_eq!(
        ask(tree.socket(2), "secure.test").await,
        Outcome::Failed(Failure::Lame),
        "a referral is no absence"
    );
    assert!(matches!(
        ask(tree.socket(4), "secure.test").await,
        Outcome::Failed(Failure::Rcode { ref code, .. }) if code == "REFUSED"
    ));
    assert_eq!(
        ask(tree.socket(9), "secure.test").await,
        Outcome::Failed(Failure::ConnectionRefused)
    );
    let silent = std::net::UdpSocket::bind((tree.address(8), tree.port)).expect("bind");
    assert_eq!(
        ask(silent.local_addr().expect("bound"), "secure.test").await,
        Outcome::Failed(Failure::Timeout)
    );
    let mx = dns
        .ask_server(None, tree.socket(3), "Secure.TEST.", Kind::Mx)
        .await;
    assert_eq!(
        mx.contents(),
        [&Data::Mx {
            preference: 10,
            exchange: "mail.secure.test".into()
        }]
    );
}

fn short(said: &Validated) -> String {
    let status = match said.status {
        Status::Secure => "secure",
        Status::Insecure => "insecure",
        Status::Bogus { .. } => "bogus",
        Status::Indeterminate { .. } => "indeterminate",
    };
    let answer = match said.answer {
        Answer::Records(_) => "records",
        Answer::NoData => "nodata",
        Answer::NxDomain => "nxdomain",
        Answer::Unknown => "unknown",
    };
    format!("{status} {answer}")
}
