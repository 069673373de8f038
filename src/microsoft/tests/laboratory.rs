//! Against the laboratory, which plays the services strictly and keeps a log of what reached it.

use std::time::Duration;

use rollout_lab::{
    Faults, Lab, LogEntry, MicrosoftFault, MicrosoftFaultKind, Options, Service, StatusShape,
    Timing,
};
use secrecy::SecretString;

use crate::microsoft::{
    Endpoint, Endpoints, Limits, Microsoft, MicrosoftError, MicrosoftSettings, SignInMethod,
    SignInReason,
};

const DOMAIN: &str = "contoso.com";

/// A laboratory whose cmdlets run at once.
fn lab(status_shape: StatusShape) -> Lab {
    let timing = Timing {
        cmdlet: Duration::from_millis(10),
        ..Timing::default()
    };
    Lab::start(Options {
        status_shape,
        timing,
        ..Options::default()
    })
    .unwrap()
}

fn settings(lab: &Lab) -> MicrosoftSettings {
    let places = lab.endpoints().unwrap();
    let method = SignInMethod::ClientSecret {
        client_id: places.client_id.clone(),
        secret: SecretString::from(places.client_secret.clone()),
    };
    let mut settings = MicrosoftSettings::new(&places.tenant_id, method).at(Endpoints {
        authority: Endpoint::new(&places.authority).unwrap(),
        graph: Endpoint::new(&places.graph).unwrap(),
        exchange: Endpoint::new(&places.exchange).unwrap(),
    });
    settings.limits = Limits {
        backoff: Duration::from_millis(5),
        ..Limits::default()
    };
    settings
}

/// The cmdlets and requests that reached a service, in order.
fn reached(lab: &Lab, service: Service) -> Vec<LogEntry> {
    lab.log()
        .into_iter()
        .filter(|entry| entry.service == service)
        .collect()
}

fn next_time(lab: &Lab, operation: &str, kind: MicrosoftFaultKind) {
    lab.change_faults(|faults: &mut Faults| {
        faults.microsoft.push(MicrosoftFault {
            operation: Some(operation.to_owned()),
            kind,
            times: Some(1),
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_from_legacy_to_dane_and_back() {
    for shape in [
        StatusShape::Text,
        StatusShape::Wrapped,
        StatusShape::NestedText,
    ] {
        let lab = lab(shape);
        let microsoft = Microsoft::connect(&settings(&lab)).unwrap();
        microsoft.sign_in().await.unwrap();
        let graph = microsoft.graph.domain(DOMAIN).await.unwrap().unwrap();
        assert_eq!(
            (graph.is_verified, graph.is_initial, graph.has_email()),
            (Some(true), Some(false), true)
        );
        assert_eq!(microsoft.graph.domain("wingtip.com").await.unwrap(), None);
        assert!(microsoft.graph.domains().await.unwrap().len() > 5);
        let records = microsoft
            .graph
            .service_configuration_records(DOMAIN)
            .await
            .unwrap();
        assert!(
            records[0]
                .mail_exchange
                .ends_with(".mail.protection.outlook.com"),
            "{records:?}"
        );

        let exchange = &microsoft.exchange;
        assert!(
            exchange
                .allowed_cmdlets()
                .await
                .unwrap()
                .missing()
                .is_empty()
        );
        assert!(
            exchange
                .accepted_domain(DOMAIN)
                .await
                .unwrap()
                .unwrap()
                .dane
                .is_disabled()
        );
        assert_eq!(exchange.accepted_domain("wingtip.com").await.unwrap(), None);
        assert_eq!(
            exchange.accepted_domain("tailspin.com").await.unwrap(),
            None
        );
        let before = exchange.dnssec_status(DOMAIN).await.unwrap();
        assert!(
            before.feature.is_disabled() && before.expected_mx.is_none(),
            "{before:?}"
        );
        assert!(matches!(
            exchange.enable_dane(DOMAIN).await,
            Err(MicrosoftError::Failed { .. })
        ));

        let enabled = exchange.enable_dnssec(DOMAIN).await.unwrap();
        let after = exchange.dnssec_status(DOMAIN).await.unwrap();
        assert!(
            after.feature.is_enabled() && after.lost.is_empty(),
            "{after:?}"
        );
        assert_eq!(
            after.expected_mx.unwrap().dnssec_host(),
            Some(enabled.mx_host.clone())
        );
        let again = exchange.enable_dnssec(DOMAIN).await.unwrap_err();
        assert!(again.says_already(), "{again}");

        exchange.enable_dane(DOMAIN).await.unwrap();
        assert!(
            exchange
                .dane_status(DOMAIN)
                .await
                .unwrap()
                .state
                .is_enabled()
        );
        exchange.disable_dane(DOMAIN).await.unwrap();
        assert!(
            exchange
                .dane_status(DOMAIN)
                .await
                .unwrap()
                .state
                .is_disabled()
        );
        let records = microsoft
            .graph
            .service_configuration_records(DOMAIN)
            .await
            .unwrap();
        assert_eq!(records[0].mail_exchange, enabled.mx_host.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_change_is_told_apart_and_nothing_is_sent_twice() {
    use MicrosoftFaultKind as Kind;
    const ENABLE: &str = "Enable-DnssecForVerifiedDomain";
    for (kind, unknown, effect) in [
        (Kind::MissingRole, false, false),
        (
            Kind::Throttled {
                retry_after: "0.5".into(),
            },
            false,
            false,
        ),
        (Kind::TimesOutAfterEffect, true, true),
        (Kind::ReplyLost, true, true),
        (Kind::RequestLost, true, false),
        (Kind::OkWithError, true, false),
        (Kind::ServerError, true, false),
    ] {
        let lab = lab(StatusShape::Text);
        let microsoft = Microsoft::connect(&settings(&lab)).unwrap();
        next_time(&lab, ENABLE, kind.clone());
        let error = microsoft.exchange.enable_dnssec(DOMAIN).await.unwrap_err();
        assert_eq!(error.is_unknown(), unknown, "{kind:?}: {error}");
        assert_eq!(error.is_permission(), kind == Kind::MissingRole, "{error}");
        let sent = reached(&lab, Service::Exchange);
        assert_eq!(sent.len(), 1, "{kind:?}: {sent:?}");
        // Reading back tells what is true.
        let status = microsoft.exchange.dnssec_status(DOMAIN).await.unwrap();
        assert_eq!(status.feature.is_enabled(), effect, "{kind:?}");
    }
    // A refused token is renewed and the change goes through.
    let lab = lab(StatusShape::Text);
    let microsoft = Microsoft::connect(&settings(&lab)).unwrap();
    next_time(&lab, ENABLE, Kind::Unauthorized);
    microsoft.exchange.enable_dnssec(DOMAIN).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_survive_passing_faults() {
    use MicrosoftFaultKind as Kind;
    let lab = lab(StatusShape::Text);
    let microsoft = Microsoft::connect(&settings(&lab)).unwrap();
    for kind in [
        Kind::Throttled {
            retry_after: "0.01".into(),
        },
        Kind::TimesOutAfterEffect,
        Kind::ReplyLost,
        Kind::RequestLost,
        Kind::OkWithError,
        Kind::ServerError,
        Kind::Unauthorized,
    ] {
        next_time(&lab, "Get-DnssecStatusForVerifiedDomain", kind.clone());
        next_time(&lab, "GET domain", kind.clone());
        microsoft
            .exchange
            .dnssec_status(DOMAIN)
            .await
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        microsoft
            .graph
            .domain(DOMAIN)
            .await
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    }
    next_time(&lab, "GET domain", Kind::MissingRole);
    let error = microsoft.graph.domain(DOMAIN).await.unwrap_err();
    assert!(
        error.is_permission() && error.to_string().contains("Domain.Read.All"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_have_their_sentences() {
    let lab = lab(StatusShape::Text);
    let places = lab.endpoints().unwrap();
    let good = settings(&lab);
    let with = |client_id: &str, secret: &str| SignInMethod::ClientSecret {
        client_id: client_id.to_owned(),
        secret: SecretString::from(secret.to_owned()),
    };
    let mut wrong_secret = good.clone();
    wrong_secret.sign_in = with(&places.client_id, "wrong-secret-1");
    let mut wrong_client = good.clone();
    wrong_client.sign_in = with(
        "00000000-0000-0000-0000-000000000000",
        &places.client_secret,
    );
    let mut wrong_tenant = good;
    wrong_tenant.tenant = "nowhere.example".to_owned();
    for (settings, expected) in [
        (wrong_secret, SignInReason::WrongSecret),
        (wrong_client, SignInReason::UnknownClient),
        (wrong_tenant, SignInReason::UnknownTenant),
    ] {
        let error = Microsoft::connect(&settings)
            .unwrap()
            .sign_in()
            .await
            .unwrap_err();
        let MicrosoftError::SignIn(inner) = &error else {
            panic!("{error}")
        };
        assert_eq!(inner.reason, expected);
        assert!(!error.to_string().contains("wrong-secret-1"));
    }
    // A token for one service opens only that one, so both were asked for.
    let microsoft = Microsoft::connect(&settings(&lab)).unwrap();
    microsoft.sign_in().await.unwrap();
    assert_eq!(microsoft.calls().sign_in, 2);
}
