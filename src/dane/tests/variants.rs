//! What further handshakes mean for a host: a want says nothing, a certificate must match.

use std::time::Duration;

use super::certificates::HOST;
use super::names::Names;
use super::server::{Bare, Keys, Manners, Server, anywhere};
use crate::dane::{
    AddressView, Certificate, HostOutcome, Prober, SmtpSettings, TlsVersions, WebRoots,
    observe_host,
};
use crate::dns::Data;

/// The host behind a server of these manners, with TLSA records for its keys of these types.
async fn see(manners: Manners, records_for: &[&str]) -> (HostOutcome, AddressView) {
    let server = Server::start(anywhere(), &[HOST], manners).await;
    let mut names = Names::default().with(HOST, Data::A([127, 0, 0, 1].into()));
    for certificate in [&server.ecdsa, &server.rsa].map(|c| Certificate::read(c)) {
        if records_for.contains(&certificate.key.as_str()) {
            names = names.with_key(HOST, &certificate.spki_sha256.expect("a key"));
        }
    }
    let prober = Prober::new(SmtpSettings {
        port: server.address.port(),
        timeout: Duration::from_millis(1500),
        ..SmtpSettings::default()
    });
    let roots = WebRoots {
        system: false,
        extra: Vec::new(),
    };
    let view = observe_host(&names, HOST, "example.test", true, Some(&prober), &roots).await;
    (view.outcome(), view.addresses[0].clone())
}

#[tokio::test]
async fn a_want_says_nothing_and_a_certificate_must_match() {
    use HostOutcome::{Authenticated, Mismatch};
    let usual = Manners::default;
    let table = [
        (
            "both keys, both records",
            usual(),
            ["ecdsa", "rsa"],
            Authenticated,
            false,
        ),
        (
            "both keys, one record",
            usual(),
            ["ecdsa", ""],
            Mismatch,
            false,
        ),
        (
            "both keys, the other record",
            usual(),
            ["", "rsa"],
            Mismatch,
            false,
        ),
        (
            "one key, one record",
            Manners {
                keys: Keys::Ecdsa,
                ..usual()
            },
            ["ecdsa", ""],
            Authenticated,
            false,
        ),
        (
            "another certificate without SNI",
            Manners {
                bare: Bare::Another,
                ..usual()
            },
            ["ecdsa", ""],
            Mismatch,
            false,
        ),
        (
            "demands SNI",
            Manners {
                bare: Bare::Refuses,
                ..usual()
            },
            ["ecdsa", "rsa"],
            Authenticated,
            true,
        ),
        (
            "demands SNI and speaks only TLS 1.2",
            Manners {
                bare: Bare::Refuses,
                versions: TlsVersions::Only12,
                ..usual()
            },
            ["ecdsa", "rsa"],
            Authenticated,
            true,
        ),
        (
            "demands SNI and speaks only TLS 1.3",
            Manners {
                bare: Bare::Refuses,
                versions: TlsVersions::Only13,
                ..usual()
            },
            ["ecdsa", "rsa"],
            Authenticated,
            true,
        ),
        (
            "speaks only TLS 1.3",
            Manners {
                versions: TlsVersions::Only13,
                ..usual()
            },
            ["ecdsa", "rsa"],
            Authenticated,
            false,
        ),
        (
            "no TLS with anybody",
            Manners {
                breaks_tls: true,
                ..usual()
            },
            ["ecdsa", "rsa"],
            Mismatch,
            false,
        ),
    ];
    for (what, manners, records_for, outcome, needs_sni) in table {
        let (seen, address) = see(manners, &records_for).await;
        assert_eq!(seen, outcome, "{what}: {address:#?}");
        assert_eq!(address.needs_sni(), needs_sni, "{what}: {address:#?}");
    }
}
