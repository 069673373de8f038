//! The probe against servers of every manner.

use std::net::SocketAddr;
use std::time::Duration;

use super::certificates::HOST;
use super::server::{Closes, Manners, Server, anywhere};
use crate::dane::talk::converse;
use crate::dane::{Certificate, Hello, KeyType, Probe, ProbeResult, Recipient, SmtpSettings};

pub(super) fn settings() -> SmtpSettings {
    SmtpSettings {
        timeout: Duration::from_millis(1500),
        ..SmtpSettings::default()
    }
}

pub(super) fn named(key: KeyType) -> Hello<'static> {
    Hello {
        sni: Some(HOST),
        key,
        ..Hello::default()
    }
}

impl ProbeResult {
    /// Whether nothing at all can be said about the server.
    pub(super) fn could_not_tell(&self) -> bool {
        matches!(
            self,
            Self::NotProbed
                | Self::Refused
                | Self::Timeout { .. }
                | Self::NoRoute { .. }
                | Self::NothingInCommon { .. }
        )
    }
}

/// Talks to one address, as a guest that holds nothing.
pub(super) async fn probe(
    settings: &SmtpSettings,
    address: SocketAddr,
    hello: Hello<'_>,
    recipient: Option<&str>,
) -> Probe {
    converse(settings, address, hello, recipient, Box::new(())).await
}

pub(super) async fn ask(manners: Manners) -> Probe {
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

#[tokio::test]
async fn closed_before_a_word_is_no_verdict_on_the_server() {
    let cut = ask(Manners {
        closes: Closes::AtOnce,
        ..Manners::default()
    })
    .await;
    assert_eq!(cut.result, ProbeResult::Refused);
    assert!(cut.result.could_not_tell());
}

#[tokio::test]
async fn a_dialogue_that_breaks_off_is_never_a_want_of_tls() {
    let deaf = |stage: &str| Manners {
        closes: if stage == "EHLO" {
            Closes::AfterEhlo
        } else {
            Closes::AfterTls
        },
        ..Manners::default()
    };
    for (manners, expected) in [
        (deaf("EHLO"), "at STARTTLS"),
        (deaf("TLS"), "at EHLO after TLS"),
    ] {
        let seen = ask(manners).await;
        assert!(
            matches!(&seen.result, ProbeResult::Unwilling { code: None, text } if text.contains(expected)),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn refusals_by_code() {
    for (manners, expected) in [
        (
            Manners {
                banner: "554-no\r\n554 service for you",
                ..Manners::default()
            },
            554,
        ),
        (
            Manners {
                banner: "450 later",
                ..Manners::default()
            },
            450,
        ),
        (
            Manners {
                ehlo: Some("421 too many connections"),
                ..Manners::default()
            },
            421,
        ),
        (
            Manners {
                ehlo: Some("550 who are you"),
                ..Manners::default()
            },
            550,
        ),
        (
            Manners {
                ehlo_secured: Some("454 not now"),
                ..Manners::default()
            },
            454,
        ),
    ] {
        let seen = ask(manners).await;
        assert!(
            matches!(&seen.result, ProbeResult::Unwilling { code: Some(code), .. } if *code == expected),
            "{expected}: {seen:?}"
        );
        assert!(!seen.result.could_not_tell());
    }
}

#[tokio::test]
async fn why_there_is_no_starttls() {
    for (ehlo, word) in [
        ("502 unknown", "does not know EHLO"),
        ("500-what\r\n500 is that", "does not know EHLO"),
        ("250-mx\r\n250-XXXXXXXA\r\n250 SIZE 10", "crossed out"),
        // What stands in the first line is the server's name, not an extension.
        ("250 STARTTLS", "does not offer STARTTLS"),
        ("250-mx\r\n250 XSTARTTLS", "does not offer STARTTLS"),
    ] {
        let seen = ask(Manners {
            ehlo: Some(ehlo),
            ..Manners::default()
        })
        .await;
        assert!(
            matches!(&seen.result, ProbeResult::NoStartTls { why } if why.contains(word)),
            "{ehlo}: {seen:?}"
        );
    }
}

#[tokio::test]
async fn long_replies_are_read_within_limits() {
    let wordy: &'static str = Box::leak(
        format!("{}250 STARTTLS", "250-EXTENSION with words\r\n".repeat(100)).into_boxed_str(),
    );
    let endless: &'static str = Box::leak("250-EXTENSION\r\n".repeat(1000).into_boxed_str());
    let good = ask(Manners {
        ehlo: Some(wordy),
        banner: "220-mx\r\n220-says\r\n220 hello",
        ..Manners::default()
    })
    .await;
    assert!(matches!(good.result, ProbeResult::Ok { .. }), "{good:?}");
    assert_eq!(good.banner.as_deref(), Some("mx says hello"));
    let bad = ask(Manners {
        ehlo: Some(endless),
        ..Manners::default()
    })
    .await;
    assert!(
        matches!(&bad.result, ProbeResult::Unwilling { code: None, text } if text.contains("without end")),
        "{bad:?}"
    );
}

#[tokio::test]
async fn a_server_that_drips_is_not_waited_for_beyond_the_conversation() {
    let manners = Manners {
        delay: Duration::from_millis(300),
        ..Manners::default()
    };
    let server = Server::start(anywhere(), &[HOST], manners).await;
    let settings = SmtpSettings {
        conversation: Duration::from_millis(700),
        ..settings()
    };
    let begun = std::time::Instant::now();
    let seen = probe(&settings, server.address, named(KeyType::Any), None).await;
    assert!(
        matches!(&seen.result, ProbeResult::Timeout { stage } if stage == "STARTTLS" || stage == "EHLO"),
        "{seen:?}"
    );
    assert!(begun.elapsed() < Duration::from_millis(1500));
    assert!(seen.took_ms >= 690, "{seen:?}");
}
