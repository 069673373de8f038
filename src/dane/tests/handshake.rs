//! What is known of a TLS session, and why one did not come about.

use super::certificates::HOST;
use super::probe::{ask, named, probe, settings};
use super::server::{Manners, Server, anywhere};
use crate::dane::{Hello, KeyType, ProbeResult, TlsVersions};

#[tokio::test]
async fn what_is_known_of_a_session() {
    let server = Server::start(anywhere(), &[HOST], Manners::default()).await;
    let see = async |key, versions| {
        let hello = Hello {
            versions,
            ..named(key)
        };
        let seen = probe(&settings(), server.address, hello, None).await;
        let offered = Hello {
            sni: seen.sni.as_deref(),
            key: seen.key,
            versions: seen.versions,
        };
        assert_eq!((offered, seen.remembered), (hello, false));
        let ProbeResult::Ok {
            chain,
            tls_version,
            cipher,
            group,
            ..
        } = seen.result
        else {
            panic!("{seen:?}");
        };
        let leaf = &chain[0];
        assert!(leaf.not_before < leaf.not_after);
        let what = format!(
            "{tls_version} {} {} {:?} {}",
            group.expect("told"),
            leaf.key,
            leaf.key_bits,
            leaf.signed_with
        );
        (what, cipher)
    };
    let (what, cipher) = see(KeyType::Any, TlsVersions::Both).await;
    assert_eq!(what, "TLSv1.3 X25519 ecdsa Some(256) ecdsa-with-SHA256");
    assert!(cipher.starts_with("TLS13_AES"), "{cipher}");
    let (what, cipher) = see(KeyType::Rsa, TlsVersions::Only12).await;
    assert_eq!(
        what,
        "TLSv1.2 X25519 rsa Some(2048) sha256WithRSAEncryption"
    );
    assert!(cipher.starts_with("TLS_ECDHE_RSA"), "{cipher}");
    let (what, _) = see(KeyType::Ecdsa, TlsVersions::Only13).await;
    assert!(what.starts_with("TLSv1.3"), "{what}");
}

#[tokio::test]
async fn a_server_without_a_cipher_in_common_may_have_one_with_others() {
    let refuses = || Manners {
        raw_tls: Some(&[0x15, 3, 3, 0, 2, 2, 40]),
        ..Manners::default()
    };
    let seen = ask(refuses()).await;
    assert!(
        matches!(&seen.result, ProbeResult::NothingInCommon { why } if why.contains("handshake_failure")),
        "{seen:?}"
    );
    assert!(seen.result.could_not_tell());
    // Held to one type of key, it only says that there is no such key.
    let server = Server::start(anywhere(), &[HOST], refuses()).await;
    let rsa = probe(&settings(), server.address, named(KeyType::Rsa), None).await;
    assert!(
        matches!(rsa.result, ProbeResult::TlsFailed { .. }),
        "{rsa:?}"
    );
}

/// A TLS 1.0 ServerHello, as from a server of the last century.
const HELLO_10: &[u8] = &[
    0x16, 3, 1, 0, 42, // handshake, TLS 1.0, 42 bytes
    2, 0, 0, 38, 3, 1, // ServerHello, 38 bytes, TLS 1.0
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    27, 28, 29, 30, 31, 32, // random
    0, 0xc0, 0x14, 0, // no session, ECDHE_RSA_WITH_AES_256_CBC_SHA, no compression
];

#[tokio::test]
async fn why_a_handshake_fails() {
    let alert = |code: u8| -> &'static [u8] { vec![0x15, 3, 3, 0, 2, 2, code].leak() };
    for (bytes, word) in [
        (HELLO_10, "only TLS 1.1 or older"),
        (alert(70), "only TLS 1.1 or older"),
        (alert(112), "SNI"),
        (alert(80), "InternalError"),
    ] {
        let seen = ask(Manners {
            raw_tls: Some(bytes),
            ..Manners::default()
        })
        .await;
        assert!(
            matches!(&seen.result, ProbeResult::TlsFailed { why, .. } if why.contains(word)),
            "{word}: {seen:?}"
        );
    }
    let hangs = ask(Manners {
        raw_tls: Some(&[]),
        ..Manners::default()
    })
    .await;
    assert!(
        matches!(&hangs.result, ProbeResult::Timeout { stage } if stage == "TLS handshake"),
        "{hangs:?}"
    );
}
