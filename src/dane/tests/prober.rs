//! The guest: few conversations, few at a time, nothing twice.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::certificates::HOST;
use super::server::{Bare, Keys, Manners, Server, anywhere};
use crate::dane::{
    Certificate, Examined, KeyType, Probe, ProbeResult, Prober, Recipient, SmtpSettings,
    TlsVersions,
};

fn settings(server: &Server) -> SmtpSettings {
    SmtpSettings {
        port: server.address.port(),
        timeout: Duration::from_secs(5),
        ..SmtpSettings::default()
    }
}

async fn server(manners: Manners) -> Server {
    Server::start(anywhere(), &[HOST], manners).await
}

async fn examined(server: &Server) -> Examined {
    let prober = Prober::new(settings(server));
    prober
        .examine(server.address.ip(), HOST, "example.test")
        .await
}

/// A conversation in short: what was offered, and what came of it.
fn short(probe: &Probe) -> String {
    let sni = if probe.sni.is_some() { "name" } else { "bare" };
    let key = match probe.key {
        KeyType::Any => "any",
        KeyType::Rsa => "rsa",
        KeyType::Ecdsa => "ecdsa",
    };
    let versions = match probe.versions {
        TlsVersions::Both => "both",
        TlsVersions::Only12 => "1.2",
        TlsVersions::Only13 => "1.3",
    };
    let result = match &probe.result {
        ProbeResult::Ok { chain, .. } => format!("shows {}", chain[0].key),
        ProbeResult::TlsFailed { .. } => "fails".into(),
        ProbeResult::NoStartTls { .. } => "no starttls".into(),
        other => format!("{other:?}"),
    };
    format!("{sni} {key} {versions}: {result}")
}

#[tokio::test]
async fn few_handshakes_cover_the_combinations_and_more_are_asked_only_for_causes() {
    let with = |change: fn(&mut Manners)| {
        let mut manners = Manners::default();
        change(&mut manners);
        manners
    };
    let table: [(&str, Manners, &[&str]); 9] = [
        (
            "both keys",
            Manners::default(),
            &[
                "name any both: shows ecdsa",
                "name rsa both: shows rsa",
                "bare any 1.2: shows ecdsa",
            ],
        ),
        (
            "ECDSA only",
            with(|m| m.keys = Keys::Ecdsa),
            &[
                "name any both: shows ecdsa",
                "name rsa both: fails",
                "bare any 1.2: shows ecdsa",
            ],
        ),
        (
            "RSA only",
            with(|m| m.keys = Keys::Rsa),
            &[
                "name any both: shows rsa",
                "name ecdsa both: fails",
                "bare any 1.2: shows rsa",
            ],
        ),
        (
            "TLS 1.2 only",
            with(|m| m.versions = TlsVersions::Only12),
            &[
                "name any both: shows ecdsa",
                "name rsa both: shows rsa",
                "bare any 1.2: shows ecdsa",
            ],
        ),
        (
            "demands SNI",
            with(|m| m.bare = Bare::Refuses),
            &[
                "name any both: shows ecdsa",
                "name rsa both: shows rsa",
                "bare any 1.2: fails",
                "name any 1.2: shows ecdsa",
            ],
        ),
        (
            "demands SNI, TLS 1.2 only",
            with(|m| (m.bare, m.versions) = (Bare::Refuses, TlsVersions::Only12)),
            &[
                "name any both: shows ecdsa",
                "name rsa both: shows rsa",
                "bare any 1.2: fails",
            ],
        ),
        (
            "TLS 1.3 only",
            with(|m| m.versions = TlsVersions::Only13),
            &[
                "name any both: shows ecdsa",
                "name rsa both: shows rsa",
                "bare any 1.2: fails",
                "name any 1.2: fails",
                "bare any both: shows ecdsa",
            ],
        ),
        (
            "another certificate without SNI",
            with(|m| m.bare = Bare::Another),
            &[
                "name any both: shows ecdsa",
                "name rsa both: fails",
                "bare any 1.2: shows rsa",
                "name any 1.2: shows ecdsa",
            ],
        ),
        (
            "no TLS at all",
            with(|m| m.breaks_tls = true),
            &[
                "name any both: fails",
                "name any 1.2: fails",
                "bare any both: fails",
            ],
        ),
    ];
    for (what, manners, expected) in table {
        let server = server(manners).await;
        let seen = examined(&server).await;
        let all: Vec<String> = std::iter::once(&seen.main)
            .chain(&seen.others)
            .map(short)
            .collect();
        assert_eq!(all, expected, "{what}");
        assert_eq!(server.log.connections(), expected.len(), "{what}");
    }
}

#[tokio::test]
async fn a_server_that_keeps_first_time_clients_waiting_is_told_apart() {
    let server = server(Manners {
        offers_from: 1,
        ..Manners::default()
    })
    .await;
    let seen = examined(&server).await;
    assert!(
        matches!(&seen.main.result, ProbeResult::NoStartTls { why } if why.contains("RFC 7672, 9.2")),
        "{seen:?}"
    );
    assert!(matches!(
        seen.others.as_slice(),
        [Probe {
            result: ProbeResult::Ok { .. },
            ..
        }]
    ));
    let never = self::server(Manners {
        offers: false,
        ..Manners::default()
    })
    .await;
    let seen = examined(&never).await;
    assert!(
        matches!(&seen.main.result, ProbeResult::NoStartTls { why } if !why.contains("9.2")),
        "{seen:?}"
    );
    assert_eq!(never.log.connections(), 2);
}

#[tokio::test]
async fn nobody_who_turns_us_away_is_asked_again() {
    let busy = server(Manners {
        banner: "421 busy",
        ..Manners::default()
    })
    .await;
    assert!(examined(&busy).await.others.is_empty());
    assert_eq!(busy.log.connections(), 1);
}

#[tokio::test]
async fn one_conversation_where_that_is_enough() {
    let server = server(Manners::default()).await;
    let prober = Prober::new(SmtpSettings {
        every_key: false,
        ask_recipient: false,
        ..settings(&server)
    });
    for _ in 0..2 {
        let seen = prober
            .examine(server.address.ip(), HOST, "example.test")
            .await;
        assert!(seen.others.is_empty() && !seen.main.remembered);
    }
    assert_eq!(server.log.connections(), 2, "each look is fresh");
    assert!(server.log.recipients().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_host_is_examined_once_in_a_run() {
    let server = server(Manners {
        delay: Duration::from_millis(20),
        ..Manners::default()
    })
    .await;
    let prober = Prober::for_run(settings(&server));
    let ip = server.address.ip();
    let asked = join_all((0..20).map(|n| {
        let prober = prober.clone();
        async move { prober.examine(ip, HOST, &format!("d{n}.test")).await }
    }))
    .await;
    assert_eq!(server.log.connections(), 3);
    assert!(server.log.most() <= 2);
    assert_eq!(server.log.recipients().len(), 1, "asked for one of them");
    let rcpt = |seen: &Examined| match &seen.main.result {
        ProbeResult::Ok { rcpt, .. } => rcpt.clone(),
        other => panic!("{other:?}"),
    };
    let fresh: Vec<usize> = (0..20).filter(|n| !asked[*n].main.remembered).collect();
    assert_eq!(fresh.len(), 1);
    let first = fresh[0];
    for (n, seen) in asked.iter().enumerate() {
        let expected = (n == first).then_some(Recipient::Accepted);
        assert_eq!(rcpt(seen), expected, "one domain's verdict is no other's");
        assert_eq!(seen.others.len(), 2);
        assert!(seen.others.iter().all(|o| o.remembered == (n != first)));
    }
    // The same domain gets its own verdict back.
    let again = prober.examine(ip, HOST, &format!("d{first}.test")).await;
    assert!(again.main.remembered);
    assert_eq!(rcpt(&again), Some(Recipient::Accepted));
    // Another name may have another certificate.
    let other = prober.examine(ip, "other.test", "d1.test").await;
    assert!(!other.main.remembered);
    assert_eq!(server.log.connections(), 6);
    // Equal chains are one in memory.
    let chain = |seen: &Examined| Arc::clone(seen.main.result.shared_chain().expect("shown"));
    assert!(Arc::ptr_eq(&chain(&asked[0]), &chain(&other)));
    assert_eq!(chain(&other)[0], Certificate::read(&server.ecdsa));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_two_at_one_address_and_so_many_in_all() {
    let slow = Manners {
        delay: Duration::from_millis(10),
        ..Manners::default()
    };
    for new in [Prober::new, Prober::for_run] {
        let server = server(slow.clone()).await;
        let (prober, ip) = (new(settings(&server)), server.address.ip());
        join_all((0..8).map(|n| {
            let prober = prober.clone();
            async move { prober.examine(ip, &format!("n{n}.test"), "d.test").await }
        }))
        .await;
        assert_eq!(server.log.connections(), 24);
        assert_eq!(server.log.most(), 2);
    }

    let mut many = server(slow.clone()).await;
    let port = many.address.port();
    let mut addresses = vec![many.address.ip()];
    for n in 2..6 {
        let at = SocketAddr::new(IpAddr::from([127, 0, 0, n]), port);
        addresses.push(many.also_at(at, slow.clone()).await.ip());
    }
    let prober = Prober::for_run(SmtpSettings {
        at_once: 3,
        ..settings(&many)
    });
    join_all(
        addresses
            .iter()
            .map(|ip| prober.examine(*ip, HOST, "d.test")),
    )
    .await;
    assert_eq!(many.log.most(), 3);
    assert_eq!(many.log.connections(), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_address_costs_its_time_out_once() {
    let server = server(Manners {
        silent: true,
        ..Manners::default()
    })
    .await;
    let settings = SmtpSettings {
        timeout: Duration::from_millis(800),
        ..settings(&server)
    };
    let prober = Prober::for_run(settings.clone());
    let ip = server.address.ip();
    let begun = Instant::now();
    let ask = |n: usize| {
        let prober = prober.clone();
        async move { prober.examine(ip, &format!("n{n}.test"), "d.test").await }
    };
    let all = join_all((0..30).map(ask)).await;
    assert!(
        begun.elapsed() < Duration::from_millis(1500),
        "{:?}",
        begun.elapsed()
    );
    assert!(server.log.connections() <= 2);
    for (n, seen) in all.iter().enumerate() {
        assert!(
            matches!(&seen.main.result, ProbeResult::Timeout { stage } if stage == "greeting"),
            "{seen:?}"
        );
        assert!(seen.main.result.could_not_tell());
        assert_eq!(seen.main.sni, Some(format!("n{n}.test")));
    }
    assert!(all.iter().filter(|seen| seen.main.remembered).count() >= 28);
    let begun = Instant::now();
    assert!(ask(99).await.main.remembered);
    assert!(begun.elapsed() < Duration::from_millis(400));

    // Without a memory each look is its own.
    let before = server.log.connections();
    let fresh = Prober::new(settings);
    for _ in 0..2 {
        let seen = fresh.examine(ip, HOST, "d.test").await;
        assert!(!seen.main.remembered);
    }
    assert_eq!(server.log.connections(), before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_waiting_leaves_the_others_their_answer() {
    let server = server(Manners {
        delay: Duration::from_millis(50),
        ..Manners::default()
    })
    .await;
    let prober = Prober::for_run(settings(&server));
    let ip = server.address.ip();
    let impatient = {
        let prober = prober.clone();
        tokio::spawn(async move { prober.examine(ip, HOST, "a.test").await })
    };
    tokio::time::sleep(Duration::from_millis(60)).await;
    let patient = {
        let prober = prober.clone();
        tokio::spawn(async move { prober.examine(ip, HOST, "b.test").await })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    impatient.abort();
    let seen = patient.await.expect("answered");
    assert!(matches!(
        seen.main.result,
        ProbeResult::Ok {
            rcpt: Some(Recipient::Accepted),
            ..
        }
    ));
}
