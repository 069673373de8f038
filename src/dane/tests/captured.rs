//! Chains captured elsewhere: how they are given, and that they are judged like those that were probed.

use std::net::IpAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;

use super::certificates::{Box, HOST};
use super::names::Names;
use super::server::{Manners, Server, anywhere};
use crate::dane::captured::chain_of;
use crate::dane::{
    Captured, Certificate, HostOutcome, HostView, ProbeResult, Prober, SmtpSettings, WebRoots,
    observe_host,
};
use crate::dns::Data;

fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64"))
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

/// As `openssl s_client -starttls smtp -showcerts` prints it.
fn s_client(chain: &[CertificateDer<'_>]) -> String {
    let mut out = String::from("CONNECTED(00000003)\n---\nCertificate chain\n");
    for (depth, certificate) in chain.iter().enumerate() {
        out.push_str(&format!(
            " {depth} s:CN = a mail server\n   i:CN = an issuer\n   a:PKEY: id-ecPublicKey, 256 (bit); sigalg: ecdsa-with-SHA256\n   \
             v:NotBefore: Jan  1 00:00:00 2020 GMT; NotAfter: Jan  1 00:00:00 2040 GMT\n{}",
            pem(certificate)
        ));
    }
    out.push_str(
        "---\nServer certificate\nsubject=CN = a mail server\nissuer=CN = an issuer\n---\nNo client certificate CA names sent\n\
         SSL handshake has read 2000 bytes and written 400 bytes\nVerification error: unable to get local issuer certificate\n---\n\
         New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\n250 CHUNKING\nDONE\n",
    );
    out
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn pem_among_other_text() {
    let certificates = Box::new();
    let chain = certificates.chain("leaf inter root");
    let plain: String = chain.iter().map(pem).collect();
    assert_eq!(chain_of(plain.as_bytes()), Ok(chain.clone()));
    assert_eq!(chain_of(s_client(&chain).as_bytes()), Ok(chain.clone()));
    let windows = s_client(&chain).replace('\n', "\r\n");
    assert_eq!(chain_of(windows.as_bytes()), Ok(chain.clone()));

    let broken = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
    let cut = plain.rsplit_once("-----END").expect("an end").0.to_owned();
    let garbage = pem(certificates.get("broken"));
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let many = plain.repeat(30);
    let large = format!("{}{plain}", " ".repeat(1 << 20));
    for (text, word) in [
        ("", "no certificate"),
        (
            "CONNECTED(00000003)\nno peer certificate available\n",
            "no certificate",
        ),
        (key, "no certificate"),
        (broken, "broken"),
        (cut.as_str(), "broken"),
        (garbage.as_str(), "certificate 0"),
        (many.as_str(), "more than 64"),
        (large.as_str(), "1 MiB"),
    ] {
        let why = chain_of(text.as_bytes()).expect_err(word);
        assert!(why.contains(word), "{word}: {why}");
    }
}

#[test]
fn how_they_are_given() {
    let folder = tempfile::tempdir().expect("folder");
    let certificates = Box::new();
    let good = write(folder.path(), "a=b.pem", &pem(certificates.get("leaf")));
    let empty = write(folder.path(), "empty.pem", "nothing");
    let endless = "/dev/zero";
    let parse = |specs: &[String]| Captured::parse(specs);
    let given = parse(&[
        format!("MX.Example.Test.={good}"),
        format!("mx.example.test=192.0.2.1={good}"),
        format!("mx.example.test=[2001:db8::1]={good}"),
    ])
    .expect("given");
    let hosts: Vec<_> = given.hosts().collect();
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert_eq!(
        hosts,
        [
            (HOST, None),
            (HOST, Some(ip("192.0.2.1"))),
            (HOST, Some(ip("2001:db8::1")))
        ]
    );
    assert!(parse(&[]).expect("nothing").is_empty());
    for (spec, word) in [
        (good.clone().replace('=', "-"), "does not say whose"),
        (format!("{HOST}="), "does not say whose"),
        (format!("{HOST}=192.0.2.1"), "does not say whose"),
        (format!("{HOST}=192.0.2.1="), "does not say whose"),
        (format!("={good}"), "no host name"),
        (format!("m x={good}"), "no host name"),
        (format!("a..b={good}"), "no host name"),
        (format!("{HOST}={good}.missing"), "cannot be read"),
        (
            format!("{HOST}={}", folder.path().display()),
            "cannot be read",
        ),
        (format!("{HOST}={empty}"), "openssl s_client"),
        (format!("{HOST}={endless}"), "1 MiB"),
    ] {
        let error = parse(std::slice::from_ref(&spec))
            .expect_err(&spec)
            .to_string();
        assert!(error.contains(word), "{spec}: {error}");
    }
    let error = Captured::parse(&["\x1b[2J=x".to_owned()])
        .expect_err("no host")
        .to_string();
    assert!(!error.contains('\x1b'), "{error}");
}

fn names(addresses: &[[u8; 4]], records_for: &[&CertificateDer<'_>]) -> Names {
    let mut names = Names::default();
    for address in addresses {
        names = names.with(HOST, Data::A((*address).into()));
    }
    for certificate in records_for {
        let key = Certificate::read(certificate).spki_sha256.expect("a key");
        names = names.with_key(HOST, &key);
    }
    names
}

async fn see(names: &Names, prober: &Prober) -> HostView {
    let roots = WebRoots {
        system: false,
        extra: Vec::new(),
    };
    observe_host(names, HOST, "example.test", true, Some(prober), &roots).await
}

#[tokio::test]
async fn judged_like_probed_ones() {
    let folder = tempfile::tempdir().expect("folder");
    let certificates = Box::new();
    let leaf = write(
        folder.path(),
        "leaf.txt",
        &s_client(&certificates.chain("leaf inter")),
    );
    let other = write(
        folder.path(),
        "other.txt",
        &s_client(&certificates.chain("direct")),
    );
    let names = names(
        &[[192, 0, 2, 1], [192, 0, 2, 2]],
        &[certificates.get("leaf")],
    );
    let outcome = async |specs: &[String]| {
        let given = Captured::parse(specs).expect("given");
        let view = see(&names, &Prober::only_given(given)).await;
        let text = serde_json::to_string(&view).expect("plain data");
        assert_eq!(
            serde_json::from_str::<HostView>(&text).expect("plain data"),
            view
        );
        view
    };
    let fits = outcome(&[format!("{HOST}={leaf}")]).await;
    assert_eq!(fits.outcome(), HostOutcome::Authenticated, "{fits:#?}");
    for address in &fits.addresses {
        assert!(matches!(&address.probe.result, ProbeResult::Given { from, .. } if *from == leaf));
        assert!(!address.probe.result.could_not_tell());
        assert_eq!(address.probe.sni.as_deref(), Some(HOST));
    }
    let wrong = outcome(&[format!("{HOST}={other}")]).await;
    assert_eq!(wrong.outcome(), HostOutcome::Mismatch);
    // For one address its own chain counts before the host's.
    let one = outcome(&[
        format!("{HOST}={leaf}"),
        format!("{HOST}=192.0.2.2={other}"),
    ])
    .await;
    assert_eq!(one.outcome(), HostOutcome::Mismatch);
    assert_eq!(one.addresses[0].judgement, fits.addresses[0].judgement);
    // Two key types, two chains: both must match.
    let two = outcome(&[format!("{HOST}={leaf}"), format!("{HOST}={other}")]).await;
    assert_eq!(two.outcome(), HostOutcome::Mismatch);
    assert_eq!(two.addresses[0].variants.len(), 1);
    // Nothing given for an address: nothing is known of it, and nobody is asked.
    let half = outcome(&[format!("{HOST}=192.0.2.1={leaf}")]).await;
    assert_eq!(half.addresses[1].probe.result, ProbeResult::NotProbed);
    let none = outcome(&[format!("elsewhere.test={leaf}")]).await;
    assert_eq!(none.outcome(), HostOutcome::NotReached);
}

#[tokio::test]
async fn beside_a_probe() {
    let folder = tempfile::tempdir().expect("folder");
    let certificates = Box::new();
    let leaf = write(folder.path(), "leaf.pem", &pem(certificates.get("leaf")));
    let server = Server::start(anywhere(), &[HOST], Manners::default()).await;
    let given = Captured::parse(&[format!("{HOST}=192.0.2.1={leaf}")]).expect("given");
    let prober = Prober::for_run(SmtpSettings {
        port: server.address.port(),
        ..SmtpSettings::default()
    })
    .with_captured(given);
    let names = names(
        &[[127, 0, 0, 1], [192, 0, 2, 1]],
        &[certificates.get("leaf"), &server.ecdsa, &server.rsa],
    );
    let view = see(&names, &prober).await;
    assert_eq!(view.outcome(), HostOutcome::Authenticated, "{view:#?}");
    assert!(matches!(
        view.addresses[0].probe.result,
        ProbeResult::Ok { .. }
    ));
    assert!(matches!(
        view.addresses[1].probe.result,
        ProbeResult::Given { .. }
    ));
    assert_eq!(server.log.connections(), 3);
}
