//! Through a real resolver: as a witness, and as a forwarder.

use std::net::SocketAddr;

use rollout_servers::unbound::{Options, Start, Unbound};

use super::short;
use super::tree::{Place, Tree};
use crate::dns::{Dns, DnsSettings, Failure, Kind, Origin, Status, Vantage, VantageVerdict};

#[tokio::test(flavor = "multi_thread")]
async fn through_unbound() {
    if !Unbound::available("what a resolver is believed to say") {
        return;
    }
    let Some(tree) = Tree::start(Place::find(3), [""; 3]).await else {
        return;
    };
    let at = |zone: &str, host| (zone.to_owned(), tree.socket(host));
    let mut stubs = vec![at(".", 1), at("test", 2), at("lame.test", 3)];
    for zone in [
        "secure",
        "n3",
        "plain",
        "expired",
        "wrongds",
        "loose.secure",
        "stripped",
    ] {
        stubs.push(at(&format!("{zone}.test"), 3));
    }
    let unbound = tokio::task::block_in_place(|| {
        Unbound::start(&Options {
            listen: None,
            start: Start::Stubs(stubs),
            trust_anchors: vec![tree.anchor.clone()],
            settings: Vec::new(),
        })
    })
    .expect("Unbound");
    witness(&tree, unbound.dns_addr).await;
    forwarder(&tree, unbound.dns_addr).await;
    assert!(unbound.pid() > 0);
}

async fn witness(tree: &Tree, address: SocketAddr) {
    let dns = tree.dns();
    let vantage = Vantage {
        name: "unbound".into(),
        address,
    };
    let ask = |name: &'static str, kind| dns.ask_vantage(&vantage, name, kind);

    let mx = ask("secure.test", Kind::Mx).await;
    assert_eq!(
        (&mx.verdict, mx.ad, mx.rcode.as_str()),
        (&VantageVerdict::Answer, true, "NOERROR"),
        "{mx:?}"
    );
    assert!(mx.ttl.is_some_and(|ttl| ttl <= 30));
    let plain = ask("plain.test", Kind::Mx).await;
    assert_eq!((&plain.verdict, plain.ad), (&VantageVerdict::Answer, false));
    let alias = ask("alias.secure.test", Kind::A).await;
    assert_eq!(alias.records[0].name, "mail.secure.test");
    let none = ask("none.secure.test", Kind::Tlsa).await;
    assert_eq!((&none.verdict, none.ad), (&VantageVerdict::NxDomain, true));
    let nodata = ask("secure.test", Kind::Tlsa).await;
    assert_eq!(nodata.verdict, VantageVerdict::NoData);
    assert!(nodata.ttl.is_some_and(|ttl| ttl <= 20));

    // It refuses both with SERVFAIL; one is bogus, behind the other nobody serves the zone.
    let bogus = ask("expired.test", Kind::Mx).await;
    assert!(
        matches!(bogus.verdict, VantageVerdict::Bogus { .. }),
        "{bogus:?}"
    );
    assert!(!bogus.ad && bogus.rcode == "SERVFAIL" && !bogus.records.is_empty());
    let dead = ask("lame.test", Kind::Mx).await;
    assert!(
        matches!(&dead.verdict, VantageVerdict::Failed(Failure::Rcode { code, .. }) if code == "SERVFAIL"),
        "{dead:?}"
    );
    // An authoritative server is no resolver: its referral is no absence.
    let lame = Vantage {
        name: "not a resolver".into(),
        address: tree.socket(2),
    };
    let lame = dns.ask_vantage(&lame, "secure.test", Kind::Mx).await;
    assert_eq!(lame.verdict, VantageVerdict::Failed(Failure::Lame));
}

async fn forwarder(tree: &Tree, address: SocketAddr) {
    let dns = Dns::new(DnsSettings {
        source: Origin::Forwarders(vec![address]),
        ..tree.settings()
    })
    .expect("settings");
    for (name, kind, expected) in [
        ("mail.secure.test", Kind::A, "secure records"),
        ("_25._tcp.mail.secure.test", Kind::Tlsa, "secure records"),
        ("_25._tcp.none.secure.test", Kind::Tlsa, "secure nxdomain"),
        ("mail.secure.test", Kind::Tlsa, "secure nodata"),
        ("mail.n3.test", Kind::A, "secure records"),
        ("any.wild.secure.test", Kind::A, "secure records"),
        ("alias.secure.test", Kind::A, "secure records"),
        ("out.secure.test", Kind::A, "insecure records"),
        ("x.old.secure.test", Kind::A, "secure records"),
        ("mail.plain.test", Kind::A, "insecure records"),
        ("none.plain.test", Kind::A, "insecure nxdomain"),
        ("www.loose.secure.test", Kind::A, "insecure records"),
        ("mail.expired.test", Kind::A, "bogus records"),
        ("mail.wrongds.test", Kind::A, "bogus records"),
        ("mail.stripped.test", Kind::A, "bogus records"),
        ("mail.lame.test", Kind::A, "indeterminate unknown"),
        ("nowhere.test", Kind::A, "secure nxdomain"),
    ] {
        let said = dns.validate(name, kind).await;
        assert_eq!(short(&said), expected, "{name} {kind}: {said:?}");
    }
    let view = dns.observe_zone("secure.test").await.expect("a view");
    assert_eq!(
        (view.cut.apex.as_str(), view.cut.parent.as_str()),
        ("secure.test", "test")
    );
    assert!(
        view.servers.iter().all(|s| s.mx.aa),
        "the servers are asked themselves"
    );
    assert_eq!(view.parents[0].ds.ttl, Some(40));
    let survey = dns.survey("secure.test").await.expect("a survey");
    assert_eq!(survey.delegation, Status::Secure);
    for server in &survey.servers {
        assert_eq!(server.status(), Status::Secure, "{server:?}");
    }
    let chain = dns.chain_of_trust("secure.test").await;
    let zones: Vec<&str> = chain.zones.iter().map(|z| z.zone.as_str()).collect();
    assert_eq!(zones, ["", "test", "secure.test"]);
    assert_eq!(chain.status(), Status::Secure, "{chain:?}");
}
