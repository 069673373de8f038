//! Machines that sign in, against the laboratory's authority: certificate, federated token, and what Entra ID refuses.

use base64::Engine as _;
use rollout_lab::{Federated, Lab, Options, Service, SignInFault};
use secrecy::SecretString;

use super::settings;
use crate::microsoft::{Microsoft, MicrosoftError, MicrosoftSettings, SignInMethod, SignInReason};

fn lab() -> Lab {
    Lab::start(Options::default()).unwrap()
}

fn on(lab: &Lab) -> MicrosoftSettings {
    let places = lab.endpoints().unwrap();
    let mut settings = settings(&places.authority, &places.graph, &places.exchange);
    settings.tenant = places.tenant_id;
    settings.sign_in = SignInMethod::ClientSecret {
        client_id: places.client_id,
        secret: SecretString::from(places.client_secret),
    };
    settings
}

fn with_certificate(lab: &Lab, certificate: &str, key: Option<&str>) -> MicrosoftSettings {
    let mut settings = on(lab);
    settings.sign_in = SignInMethod::ClientCertificate {
        client_id: lab.endpoints().unwrap().client_id,
        certificate: SecretString::from(certificate),
        key: key.map(SecretString::from),
    };
    settings
}

async fn refused(settings: &MicrosoftSettings) -> MicrosoftError {
    match Microsoft::connect(settings) {
        Ok(microsoft) => microsoft.sign_in().await.unwrap_err(),
        Err(error) => error,
    }
}

fn reason(error: &MicrosoftError) -> SignInReason {
    match error {
        MicrosoftError::SignIn(inner) => inner.reason.clone(),
        _ => panic!("{error}"),
    }
}

/// A self-signed certificate for these years, and its key: both PEM.
fn certificate(from: i32, until: i32) -> (String, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "rollout test");
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    (params.self_signed(&key).unwrap().pem(), key)
}

/// The key as `openssl genrsa -traditional` writes it (PKCS#1).
fn traditional(key: &rcgen::KeyPair) -> String {
    // PKCS#8 wraps it behind 26 bytes of algorithm and lengths.
    let inner = &key.serialized_der()[26..];
    let text = base64::engine::general_purpose::STANDARD.encode(inner);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_signs_in_in_every_form_of_pem() {
    let lab = lab();
    let (own, key) = certificate(2024, 2049);
    let (other, _) = certificate(2024, 2049);
    lab.register_certificate(&own).unwrap();
    let pem = key.serialize_pem();
    for (file, apart) in [
        (format!("{own}{pem}"), None),
        (format!("{pem}\r\n{own}"), None),
        (format!("{other}{own}"), Some(pem.clone())),
        (own.clone(), Some(traditional(&key))),
        // What `openssl pkcs12 -nodes` writes has bags in between.
        (
            format!(
                "Bag Attributes\n    localKeyID: 01\nsubject=CN = x\n{own}Bag Attributes\n{pem}"
            ),
            None,
        ),
    ] {
        let from = lab.log().len();
        let settings = with_certificate(&lab, &file, apart.as_deref());
        let microsoft = Microsoft::connect(&settings).unwrap();
        microsoft.sign_in().await.unwrap();
        microsoft.exchange.accepted_domains().await.unwrap();
        let tokens = lab.log()[from..]
            .iter()
            .filter(|entry| entry.service == Service::Entra)
            .count();
        assert_eq!(tokens, 2);
        let printed = format!("{settings:?} {microsoft:?}");
        assert!(
            !printed.contains("PRIVATE") && !printed.contains("MII"),
            "{printed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_work_is_said_before_anything_is_sent() {
    let lab = lab();
    let (good, key) = certificate(2024, 2049);
    let (_, other_key) = certificate(2024, 2049);
    let (over, over_key) = certificate(2019, 2021);
    let (early, early_key) = certificate(2090, 2099);
    let elliptic = rcgen::KeyPair::generate().unwrap();
    let with = |certificate: &str, key: &str| with_certificate(&lab, certificate, Some(key));
    for (settings, words) in [
        (
            with(&over, &over_key.serialize_pem()),
            &[
                "CN=rollout test has expired",
                "2019-01-01",
                "2021-01-01",
                "Certificates & secrets",
            ][..],
        ),
        (
            with(&early, &early_key.serialize_pem()),
            &["is not valid yet", "2090-01-01", "2099-01-01", "clock"],
        ),
        (
            with(&good, &other_key.serialize_pem()),
            &["the private key does not belong to the certificate CN=rollout test"],
        ),
        (
            with(&good, &elliptic.serialize_pem()),
            &["no RSA key of at least 2048 bits"],
        ),
        (with(&good, &good), &["no private key is there"]),
        (
            with(&key.serialize_pem(), &key.serialize_pem()),
            &["BEGIN CERTIFICATE"],
        ),
        (
            with(
                &good,
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            ),
            &["encrypted with a password", "openssl pkey"],
        ),
        (
            with(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                &key.serialize_pem(),
            ),
            &["no X.509"],
        ),
        (
            with(
                "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
                &key.serialize_pem(),
            ),
            &["its PEM is damaged"],
        ),
        (with("", ""), &["BEGIN CERTIFICATE"]),
    ] {
        let error = Microsoft::connect(&settings).unwrap_err();
        let said = error.to_string();
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(said.contains("othing was sent"), "{said}");
        assert!(!said.contains("MII"), "{said}");
    }
    assert!(lab.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_entra_refuses_about_a_certificate() {
    let lab = lab();
    let (own, key) = certificate(2024, 2049);
    let settings = with_certificate(&lab, &own, Some(&key.serialize_pem()));
    let error = refused(&settings).await;
    assert!(
        matches!(
            reason(&error),
            SignInReason::CertificateNotRegistered { .. }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("Upload its public part"),
        "{error}"
    );

    lab.register_certificate(&own).unwrap();
    lab.change_directory(|d| d.ahead = 3 * 3600);
    let error = refused(&settings).await;
    assert!(
        matches!(reason(&error), SignInReason::ClockSkew { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("timedatectl"), "{error}");

    lab.change_directory(|d| d.ahead = 30 * 365 * 86_400);
    let error = refused(&settings).await;
    assert!(
        matches!(reason(&error), SignInReason::ExpiredCertificate { .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federated_token_from_a_file() {
    let lab = lab();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let of = |subject: &str| Federated {
        issuer: "https://oidc.example".to_owned(),
        subject: subject.to_owned(),
        audience: "api://AzureADTokenExchange".to_owned(),
    };
    let right = of("system:serviceaccount:mail:rollout");
    let mut settings = on(&lab);
    settings.sign_in = SignInMethod::WorkloadIdentity {
        client_id: Some(lab.endpoints().unwrap().client_id),
        token_file: Some(file.clone()),
    };
    std::fs::write(&file, lab.federated_token(&right, 600)).unwrap();
    let error = refused(&settings).await;
    assert!(
        matches!(reason(&error), SignInReason::NotFederated { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("Federated credentials"),
        "{error}"
    );

    lab.change_directory(|d| d.federated.push(right.clone()));
    Microsoft::connect(&settings)
        .unwrap()
        .sign_in()
        .await
        .unwrap();
    for (token, words) in [
        (
            lab.federated_token(&of("system:serviceaccount:mail:other"), 600),
            "subject 'system:serviceaccount:mail:other'",
        ),
        (lab.federated_token(&right, -7200), "valid time range"),
        ("not.a.token".to_owned(), "AADSTS50027"),
    ] {
        std::fs::write(&file, &token).unwrap();
        let said = refused(&settings).await.to_string();
        assert!(said.contains(words) && !said.contains(&token), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_the_sign_in_says_what_to_do() {
    let lab = lab();
    let settings = on(&lab);
    let places = lab.endpoints().unwrap();
    for (fault, transient, words) in [
        (
            SignInFault::SecretExpired,
            false,
            &["has expired", "Certificates & secrets", "AADSTS7000222"][..],
        ),
        (
            SignInFault::ConsentMissing,
            false,
            &["Grant admin consent", "Exchange.ManageAsApp", "AADSTS65001"],
        ),
        (
            SignInFault::Blocked,
            false,
            &["Conditional Access", "sign-in log", "AADSTS53003"],
        ),
        (
            SignInFault::InteractionRequired,
            false,
            &["second factor", "AADSTS50076"],
        ),
        (
            SignInFault::ApplicationDisabled,
            false,
            &["the application is disabled", "Enterprise applications"],
        ),
        (
            SignInFault::UserDisabled,
            false,
            &["the user account is disabled"],
        ),
        (
            SignInFault::Down,
            true,
            &[
                "Entra ID is busy",
                "HTTP 503",
                "a web page titled \"Service Unavailable\"",
            ],
        ),
        (
            SignInFault::ProxyPage,
            false,
            &[
                "did not answer like Entra ID",
                "a web page titled \"Web proxy sign-in\"",
                "the proxy",
            ],
        ),
        (
            SignInFault::Breaks,
            true,
            &["cannot be reached", &places.authority],
        ),
    ] {
        lab.change_directory(|d| d.fault = Some(fault));
        let error = refused(&settings).await;
        let said = error.to_string();
        for word in words {
            assert!(said.contains(word), "{fault:?}, {word}: {said}");
        }
        assert_eq!(error.is_transient(), transient, "{fault:?}: {said}");
        if matches!(reason(&error), SignInReason::ConsentMissing) {
            // The place is named by what is known of it.
            assert!(
                said.contains(&places.client_id) && said.contains(&places.tenant_id),
                "{said}"
            );
        }
        assert!(!said.contains(&places.client_secret), "{said}");
    }
    lab.change_directory(|d| d.fault = Some(SignInFault::NoToken));
    let error = refused(&settings).await;
    assert!(!error.is_transient(), "{error}");
    lab.change_directory(|d| d.fault = None);
    Microsoft::connect(&settings)
        .unwrap()
        .sign_in()
        .await
        .unwrap();
}
