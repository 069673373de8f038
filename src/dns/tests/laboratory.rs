//! The survey of the embedded laboratory's zones, well and with faults.

use rollout_lab::{DomainSeed, Lab, Options};

use crate::dns::chain::Entry;
use crate::dns::survey::Probe;
use crate::dns::{Dns, DnsSettings, Kind, Origin, Status, TrustAnchor, normal};

pub(super) fn dns(lab: &Lab) -> Dns {
    let places = lab.endpoints().expect("places");
    let roots = places.root_hints.iter();
    Dns::new(DnsSettings {
        source: Origin::Roots(
            roots
                .map(|root| (normal(&root.name), root.address))
                .collect(),
        ),
        port: places.dns_port,
        trust_anchor: TrustAnchor::Text(places.trust_anchor.dnskey.clone()),
        timeout: std::time::Duration::from_secs(1),
        memory: std::time::Duration::ZERO,
        ..DnsSettings::default()
    })
    .expect("settings")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_laboratory_is_surveyed() {
    let lab = tokio::task::block_in_place(|| {
        Lab::start(Options::with_domains([
            DomainSeed::ordinary("contoso.com").signed(),
            DomainSeed::ordinary("fabrikam.ch"),
        ]))
    })
    .expect("a laboratory");
    let dns = dns(&lab);

    let begun = std::time::Instant::now();
    let survey = dns.survey("contoso.com").await.expect("a survey");
    eprintln!("one survey took {:?}", begun.elapsed());
    assert_eq!(survey.delegation, Status::Secure);
    assert!(survey.servers.len() >= 2);
    for server in &survey.servers {
        assert_eq!(server.status(), Status::Secure, "{server:#?}");
        assert_eq!(server.tcp.failure, None);
        assert!(server.links.iter().any(|l| l.holds()), "{:?}", server.links);
        let random = server.denial(Probe::RandomName).expect("asked");
        assert!(random.is_proven(), "{random:?}");
    }
    let plain = dns.survey("fabrikam.ch").await.expect("a survey");
    assert_eq!(plain.delegation, Status::Insecure);
    assert!(plain.servers.iter().all(|s| s.status().is_insecure()));
    assert!(plain.zone.mx.status.is_insecure());
    let chain = dns.chain_of_trust("fabrikam.ch").await;
    let last = chain.zones.last().expect("zones");
    assert!(matches!(last.entry, Entry::NoDs { .. }), "{last:?}");
    assert_eq!(chain.status(), Status::Insecure);

    lab.change_faults(|faults| {
        faults.bogus_zones.insert("contoso.com".into());
    });
    let survey = dns.survey("contoso.com").await.expect("a survey");
    for server in &survey.servers {
        let mx = server.verdict(Kind::Mx).expect("asked");
        assert!(matches!(mx, Status::Bogus { .. }), "{mx:?}");
    }
    let chain = dns.chain_of_trust("contoso.com").await;
    assert!(!chain.status().is_secure() || chain.sets.iter().all(|s| !s.status.is_secure()));
    tokio::task::block_in_place(|| lab.stop());
}
