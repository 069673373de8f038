//! The probe against servers of every manner.

use std::net::SocketAddr;
use std::time::Duration;

use super::certificates::HOST;
use super::server::{Manners, Server};
use crate::dane::{
    Certificate, Hello, KeyType, Probe, ProbeResult, Recipient, SmtpSettings, probe,
};

fn settings() -> SmtpSettings {
    SmtpSettings {
        timeout: Duration::from_millis(1500),
        ..SmtpSettings::default()
    }
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

fn named(key: KeyType) -> Hello<'static> {
    Hello {
        sni: Some(HOST),
        key,
        ..Hello::default()
    }
}

async fn ask(manners: Manners) -> Probe {
    let server = Server::start(anywhere(), &[HOST], manners).await;
    probe(
        &settings(),
        server.address,
        named(KeyType::Any),
        Some("postmaster@example.test"),
    )
    .await
}

#[tokio::test]
async fn a_good_server_shows_its_chain_and_takes_the_recipient() {
    let server = Server::start(anywhere(), &[HOST], Manners::default()).await;
    for (key, expected) in [
        (KeyType::Any, &server.ecdsa),
        (KeyType::Ecdsa, &server.ecdsa),
        (KeyType::Rsa, &server.rsa),
    ] {
        let seen = probe(
            &settings(),
            server.address,
            named(key),
            Some("postmaster@example.test"),
        )
        .await;
        let ProbeResult::Ok {
            chain,
            tls_version,
            rcpt,
            ..
        } = &seen.result
        else {
            panic!("{seen:?}");
        };
        assert_eq!(chain[..], [Certificate::read(expected)]);
        assert_eq!(chain[0].bytes(), *expected);
        assert_eq!(chain[0].names, [HOST]);
        assert_eq!(tls_version, "TLSv1.3");
        assert_eq!(rcpt, &Some(Recipient::Accepted));
    }
    let bare = probe(&settings(), server.address, Hello::default(), None).await;
    assert!(
        matches!(bare.result, ProbeResult::Ok { rcpt: None, .. }),
        "{bare:?}"
    );
}

#[tokio::test]
async fn each_way_of_failing_is_its_own_result() {
    let plain = ask(Manners {
        offers: false,
        ..Manners::default()
    })
    .await;
    assert!(
        matches!(plain.result, ProbeResult::NoStartTls { .. }),
        "{plain:?}"
    );

    let refuses = ask(Manners {
        starttls: "454 not now",
        ..Manners::default()
    })
    .await;
    assert!(
        matches!(&refuses.result, ProbeResult::NoStartTls { why } if why.contains("454")),
        "{refuses:?}"
    );

    let injected = ask(Manners {
        injects: true,
        ..Manners::default()
    })
    .await;
    assert!(
        matches!(injected.result, ProbeResult::TlsFailed { .. }),
        "{injected:?}"
    );

    let broken = ask(Manners {
        breaks_tls: true,
        ..Manners::default()
    })
    .await;
    assert!(
        matches!(broken.result, ProbeResult::TlsFailed { .. }),
        "{broken:?}"
    );

    let busy = ask(Manners {
        banner: "421 \x1b[2Jtoo busy",
        ..Manners::default()
    })
    .await;
    assert!(
        matches!(&busy.result, ProbeResult::Unwilling { code: Some(421), text } if !text.contains('\x1b')),
        "{busy:?}"
    );

    let other = ask(Manners {
        banner: "SSH-2.0-OpenSSH",
        ..Manners::default()
    })
    .await;
    assert!(
        matches!(other.result, ProbeResult::Unwilling { code: None, .. }),
        "{other:?}"
    );

    let silent = ask(Manners {
        silent: true,
        ..Manners::default()
    })
    .await;
    assert!(
        matches!(&silent.result, ProbeResult::Timeout { stage } if stage == "greeting"),
        "{silent:?}"
    );
    assert!(silent.result.could_not_tell());

    let gone = {
        let listener = std::net::TcpListener::bind(anywhere()).expect("bind");
        listener.local_addr().expect("bound")
    };
    let refused = probe(&settings(), gone, named(KeyType::Any), None).await;
    assert_eq!(refused.result, ProbeResult::Refused);
    assert!(refused.result.could_not_tell());
}

#[tokio::test]
async fn the_recipients_fate() {
    let verdict = |rcpt| async move {
        match ask(Manners {
            rcpt,
            ..Manners::default()
        })
        .await
        .result
        {
            ProbeResult::Ok { rcpt, .. } => rcpt.expect("asked"),
            other => panic!("{other:?}"),
        }
    };
    assert!(
        matches!(verdict("550 5.4.1 Access denied").await, Recipient::Rejected { code: 550, text } if text.contains("5.4.1"))
    );
    assert!(matches!(
        verdict("451 4.7.500 busy").await,
        Recipient::Deferred { code: 451, .. }
    ));
    assert_eq!(verdict("250 ok").await, Recipient::Accepted);
}

#[tokio::test]
async fn a_recipient_cannot_smuggle_a_command() {
    let server = Server::start(anywhere(), &[HOST], Manners::default()).await;
    let seen = probe(
        &settings(),
        server.address,
        named(KeyType::Any),
        Some("a@b>\r\nDATA\r\n"),
    )
    .await;
    assert!(
        matches!(seen.result, ProbeResult::Ok { rcpt: None, .. }),
        "{seen:?}"
    );
}
