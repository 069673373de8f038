//! Hosts in a real DNS tree, with mail servers behind them.

use std::net::SocketAddr;
use std::time::Duration;

use rollout_servers::ports;
use rustls_pki_types::CertificateDer;

use super::server::{Manners, Server};
use crate::dane::certificate::spki_of;
use crate::dane::tlsa::digest_of;
use crate::dane::{
    HostOutcome, HostView, Outcome, ProbeResult, SmtpSettings, TlsaView, WebPki, WebRoots,
    observe_host,
};
use crate::dns::tests::tree::{Place, Tree};
use crate::dns::text::hex;
use crate::dns::{Dns, Status};

fn key_digest(certificate: &CertificateDer<'_>) -> String {
    hex(&digest_of(1, spki_of(certificate).expect("a key")))
}

struct Scene {
    dns: Dns,
    smtp: SmtpSettings,
    roots: WebRoots,
}

impl Scene {
    async fn see(&self, host: &str) -> HostView {
        observe_host(
            &self.dns,
            host,
            "secure.test",
            true,
            Some(&crate::dane::Prober::new(self.smtp.clone())),
            &self.roots,
        )
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_a_dane_sender_meets_them() {
    let place = Place::find(1);
    let (one, two) = (place.address(20), place.address(21));
    let port = ports::free(one).expect("port");
    let names = ["mx1.secure.test"];
    let first = Server::start(SocketAddr::new(one, port), &names, Manners::default()).await;
    let second = Server::start(SocketAddr::new(two, port), &names, Manners::default()).await;
    let plain_server = Server::start(
        SocketAddr::new(place.address(23), port),
        &names,
        Manners {
            offers: false,
            ..Manners::default()
        },
    )
    .await;
    let (ecdsa, rsa) = (key_digest(&first.ecdsa), key_digest(&first.rsa));
    let both = |name: &str| format!("{name} 40 TLSA 3 1 1 {ecdsa}\n{name} 40 TLSA 3 1 1 {rsa}\n");
    let dead = place.address(9);
    let secure = [
        format!("mx1 30 A {one}\n{}", both("_25._tcp.mx1")),
        format!("mx2 30 A {one}\nmx2 30 A {two}\n{}", both("_25._tcp.mx2")),
        format!("mx3 30 A {one}\n_25._tcp.mx3 40 TLSA 3 1 1 {ecdsa}\n"),
        format!(
            "mx4 30 A {one}\n_25._tcp.mx4 40 CNAME _dane\n{}",
            both("_dane")
        ),
        format!("mx5 30 A {one}\n"),
        format!("mx6 30 A {one}\n_tcp.mx6 30 NS ns.mx6\nns.mx6 30 A {dead}\n"),
        format!("mx7 30 CNAME mx.plain.test.\n{}", both("_25._tcp.mx7")),
        "mx8 30 CNAME mx1\n".into(),
        format!("mx9 30 A {one}\n_25._tcp.mx9 40 TLSA 0 0 1 {ecdsa}\n"),
        format!("mx10 30 A {}\n{}", place.address(22), both("_25._tcp.mx10")),
        format!("mx11 30 A {}\n{}", place.address(23), both("_25._tcp.mx11")),
        format!("mx12 30 CNAME mx5\n{}", both("_25._tcp.mx12")),
        format!("mx13 30 A {one}\n_25._tcp.mx13 30 CNAME tlsa.plain.test.\n"),
    ]
    .concat();
    let plain = format!(
        "mx 30 A {one}\n_tcp.mx 30 NS ns.mx\nns.mx 30 A {dead}\ntlsa 40 TLSA 3 1 1 {ecdsa}\n"
    );
    let expired = format!("mx 30 A {one}\n{}", both("_25._tcp.mx"));
    let Some(tree) = Tree::start(place, [&secure, &plain, &expired]).await else {
        return;
    };
    let roots = WebRoots {
        system: false,
        ..WebRoots::default()
    };
    let scene = Scene {
        dns: tree.dns(),
        smtp: SmtpSettings {
            port,
            timeout: Duration::from_secs(2),
            ..SmtpSettings::default()
        },
        roots,
    };
    outcomes(&scene).await;
    details(&scene).await;
    drop((second, plain_server));
}

async fn outcomes(scene: &Scene) {
    let table = [
        ("mx1.secure.test", HostOutcome::Authenticated),
        ("MX1.Secure.Test.", HostOutcome::Authenticated),
        ("mx2.secure.test", HostOutcome::Mismatch),
        // The RSA certificate beside it has no record.
        ("mx3.secure.test", HostOutcome::Mismatch),
        // As Microsoft does it: an alias to one shared set.
        ("mx4.secure.test", HostOutcome::Authenticated),
        ("mx5.secure.test", HostOutcome::None),
        // The TLSA servers are dead: not "no TLSA".
        ("mx6.secure.test", HostOutcome::LookupError),
        // A secure alias into an insecure zone keeps its own name.
        ("mx7.secure.test", HostOutcome::Authenticated),
        ("mx8.secure.test", HostOutcome::Authenticated),
        ("mx9.secure.test", HostOutcome::Unusable),
        ("mx10.secure.test", HostOutcome::NotReached),
        ("mx11.secure.test", HostOutcome::Mismatch),
        // Nothing at the end of the alias: its owner's own records count.
        ("mx12.secure.test", HostOutcome::Authenticated),
        // Records that arrive through an insecure link count for nothing.
        ("mx13.secure.test", HostOutcome::None),
        // Insecure: its dead TLSA servers are never asked.
        ("mx.plain.test", HostOutcome::None),
        ("mx.expired.test", HostOutcome::LookupError),
        ("nowhere.secure.test", HostOutcome::None),
    ];
    for (host, expected) in table {
        let view = scene.see(host).await;
        assert_eq!(view.outcome(), expected, "{host}: {view:#?}");
    }
}

async fn details(scene: &Scene) {
    let good = scene.see("mx1.secure.test").await;
    assert!(matches!(&good.tlsa, TlsaView::Secure { ttl: 40, records, .. } if records.len() == 2));
    assert_eq!(good.negative_ttl, Some(20));
    assert_eq!(good.addresses[0].variants.len(), 2);
    assert!(
        matches!(good.addresses[0].webpki, WebPki::NotTold { .. }),
        "no roots, no verdict"
    );
    let text = serde_json::to_string(&good).expect("plain data");
    assert_eq!(
        serde_json::from_str::<HostView>(&text).expect("plain data"),
        good
    );

    let mixed = scene.see("mx2.secure.test").await;
    let outcomes: Vec<bool> = mixed
        .addresses
        .iter()
        .map(|a| {
            matches!(
                a.judgement.as_ref().map(|j| &j.outcome),
                Some(Outcome::Authenticated { .. })
            )
        })
        .collect();
    assert_eq!(outcomes, [true, false], "each address by itself");

    let absent = scene.see("mx5.secure.test").await;
    let TlsaView::Absent { lookup, .. } = &absent.tlsa else {
        panic!("{absent:?}");
    };
    assert_eq!((&lookup.status, lookup.ttl), (&Status::Secure, Some(20)));

    let insecure = scene.see("mx.plain.test").await;
    assert!(matches!(insecure.tlsa, TlsaView::NotAsked { .. }));
    assert!(insecure.security.is_insecure());
    assert!(matches!(
        insecure.addresses[0].probe.result,
        ProbeResult::Ok { .. }
    ));

    assert_eq!(scene.see("mx7.secure.test").await.base, "mx7.secure.test");
    assert_eq!(scene.see("mx8.secure.test").await.base, "mx1.secure.test");

    let untouched = observe_host(
        &scene.dns,
        "mx1.secure.test",
        "secure.test",
        true,
        None,
        &scene.roots,
    )
    .await;
    assert_eq!(untouched.addresses[0].probe.result, ProbeResult::NotProbed);
    assert_eq!(untouched.outcome(), HostOutcome::NotReached);
}
