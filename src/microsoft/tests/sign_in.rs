//! Sign-in against a local authority over plain HTTP.

use serde_json::json;
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{
    SECRET, TENANT, TOKEN, asked, grant, quick, server, settings, token_answer, token_path,
};
use crate::microsoft::sign_in::TokenSource as _;
use crate::microsoft::{
    CallCounter, Endpoint, Endpoints, Microsoft, MicrosoftError, MicrosoftSettings, SignIn,
    SignInMethod, SignInReason,
};
use secrecy::ExposeSecret as _;

const SCOPE: &str = "https://graph.microsoft.com/.default";

fn refusal(status: u16, code: u32, text: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({
        "error": "invalid_client",
        "error_description": format!("AADSTS{code}: {text} Trace ID: t-1 Correlation ID: c-1 Timestamp: 2026-01-01 00:00:00Z"),
        "error_codes": [code], "trace_id": "t-1", "correlation_id": "c-1",
    }))
}

async fn reason(answer: ResponseTemplate) -> (SignInReason, MicrosoftError, usize) {
    let server = MockServer::start().await;
    Mock::given(path(token_path()))
        .respond_with(answer)
        .mount(&server)
        .await;
    let uri = server.uri();
    let microsoft = Microsoft::connect(&settings(&uri, &uri, &uri)).unwrap();
    let error = microsoft.sign_in().await.unwrap_err();
    let MicrosoftError::SignIn(inner) = &error else {
        panic!("{error}")
    };
    (
        inner.reason.clone(),
        error.clone(),
        asked(&server, &token_path()).await,
    )
}

#[tokio::test]
async fn a_token_is_asked_once_per_scope() {
    let (server, microsoft) = server().await;
    microsoft.sign_in().await.unwrap();
    microsoft.sign_in().await.unwrap();
    assert_eq!(microsoft.calls().sign_in, 2);
    let requests = server.received_requests().await.unwrap();
    let bodies: Vec<_> = requests
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect();
    assert!(
        bodies[0].contains("scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"),
        "{bodies:?}"
    );
    assert!(
        bodies[1].contains("scope=https%3A%2F%2Foutlook.office365.com%2F.default"),
        "{bodies:?}"
    );
    assert!(
        bodies[0].contains("client_id=client-id-1")
            && bodies[0].contains("grant_type=client_credentials")
    );
}

#[tokio::test]
async fn each_refusal_has_its_sentence() {
    for (status, code, text, expected) in [
        (
            401,
            7_000_215,
            "Invalid client secret provided.",
            SignInReason::WrongSecret,
        ),
        (
            401,
            7_000_222,
            "The provided client secret keys are expired.",
            SignInReason::ExpiredSecret,
        ),
        (
            400,
            700_016,
            "Application not found in the directory.",
            SignInReason::UnknownClient,
        ),
        (
            400,
            90_002,
            "Tenant not found.",
            SignInReason::UnknownTenant,
        ),
        (
            400,
            65_001,
            "The user or administrator has not consented.",
            SignInReason::ConsentMissing,
        ),
    ] {
        let (reason, error, asked) = reason(refusal(status, code, text)).await;
        assert_eq!(reason, expected);
        assert_eq!(asked, 1, "a refusal is final");
        assert!(
            error.to_string().contains(&format!("AADSTS{code}")),
            "{error}"
        );
    }
    for code in [53_003, 50_076] {
        let (reason, error, _) =
            reason(refusal(400, code, "Access has been blocked by policies.")).await;
        assert!(
            matches!(reason, SignInReason::ConditionalAccess { .. }),
            "{reason:?}"
        );
        assert!(error.is_permission());
    }
}

#[tokio::test]
async fn a_secret_echoed_by_the_authority_is_scrubbed() {
    let (_, error, _) = reason(refusal(401, 123_456, &format!("You sent {SECRET}"))).await;
    let text = format!("{error} {error:?}");
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.contains("[redacted]"), "{text}");
}

#[tokio::test]
async fn an_authority_that_is_down() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let uri = format!("http://{dead}");
    let microsoft = Microsoft::connect(&settings(&uri, &uri, &uri)).unwrap();
    let error = microsoft.sign_in().await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains(&uri), "{error}");
}

#[tokio::test]
async fn a_busy_authority_is_transient_and_a_strange_one_is_not() {
    let (reason_busy, error, asked) =
        reason(ResponseTemplate::new(503).set_body_string("<html>busy</html>")).await;
    assert!(
        matches!(reason_busy, SignInReason::AuthorityBusy { .. }),
        "{reason_busy:?}"
    );
    assert!(error.is_transient() && asked == 3, "{asked}");
    for answer in [
        ResponseTemplate::new(404).set_body_string("<html>not here</html>"),
        ResponseTemplate::new(200).set_body_string("<html>captive portal</html>"),
        ResponseTemplate::new(200).set_body_json(json!({})),
        ResponseTemplate::new(200).set_body_json(
            json!({"token_type": "Bearer", "expires_in": 10, "access_token": "a b\n"}),
        ),
        ResponseTemplate::new(302).insert_header("location", "https://evil.example/"),
    ] {
        let (found, error, _) = reason(answer).await;
        assert!(!error.is_transient(), "{error}");
        assert!(
            matches!(
                found,
                SignInReason::NotEntra { .. } | SignInReason::Source { .. }
            ),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn an_authority_that_throttles_for_long_is_busy_and_not_down() {
    let server = MockServer::start().await;
    Mock::given(path(token_path()))
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "3600"))
        .mount(&server)
        .await;
    let uri = server.uri();
    let mut settings = settings(&uri, &uri, &uri);
    settings.limits.read = std::time::Duration::from_millis(400);
    let error = Microsoft::connect(&settings)
        .unwrap()
        .sign_in()
        .await
        .unwrap_err();
    let MicrosoftError::SignIn(inner) = &error else {
        panic!("{error}")
    };
    assert!(
        matches!(inner.reason, SignInReason::AuthorityBusy { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_renewed_token_replaces_only_the_refused_one() {
    let server = MockServer::start().await;
    Mock::given(path(token_path()))
        .respond_with(token_answer())
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(path(token_path()))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"expires_in": 3599, "access_token": "newer"})),
        )
        .mount(&server)
        .await;
    let uri = server.uri();
    let sign_in = SignIn::new(&settings(&uri, &uri, &uri), CallCounter::default().into()).unwrap();
    let first = sign_in.token(SCOPE).await.unwrap();
    assert_eq!(first.expose_secret(), TOKEN);
    let second = sign_in.renew(SCOPE, &first, None).await.unwrap();
    assert_eq!(second.expose_secret(), "newer");
    // Another call that was refused with the first token gets the newer one without asking.
    let third = sign_in.renew(SCOPE, &first, None).await.unwrap();
    assert_eq!(third.expose_secret(), "newer");
    assert_eq!(asked(&server, &token_path()).await, 2);
}

#[tokio::test]
async fn a_workload_identity_sends_its_token_file() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(token_path()))
        .and(body_string_contains("client_assertion=federated-token-1"))
        .respond_with(token_answer())
        .mount(&server)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "federated-token-1").unwrap();
    let uri = server.uri();
    let mut settings = settings(&uri, &uri, &uri);
    settings.sign_in = SignInMethod::WorkloadIdentity {
        client_id: Some("client-id-1".into()),
        token_file: Some(file),
    };
    Microsoft::connect(&settings)
        .unwrap()
        .sign_in()
        .await
        .unwrap();
    settings.sign_in = SignInMethod::WorkloadIdentity {
        client_id: Some("x".into()),
        token_file: Some(folder.path().join("absent")),
    };
    let error = Microsoft::connect(&settings).unwrap_err();
    assert!(error.to_string().contains("workload identity"), "{error}");
}

#[tokio::test]
async fn an_authority_below_a_path_is_asked_there() {
    let server = MockServer::start().await;
    Mock::given(path(format!("/login{}", token_path())))
        .respond_with(token_answer())
        .mount(&server)
        .await;
    let uri = server.uri();
    let settings = settings(&format!("{uri}/login"), &uri, &uri);
    Microsoft::connect(&settings)
        .unwrap()
        .sign_in()
        .await
        .unwrap();
}

#[tokio::test]
async fn refused_settings_reach_nobody() {
    let server = MockServer::start().await;
    grant(&server).await;
    let endpoint = || Endpoint::new(&server.uri()).unwrap();
    let mut settings =
        MicrosoftSettings::new("../../common", super::method_with_secret()).at(Endpoints {
            authority: endpoint(),
            graph: endpoint(),
            exchange: endpoint(),
        });
    settings.limits = quick();
    assert!(matches!(
        Microsoft::connect(&settings),
        Err(MicrosoftError::Settings(_))
    ));
    settings.tenant = TENANT.to_owned();
    settings.cloud = crate::microsoft::Cloud::Dod;
    let error = Microsoft::connect(&settings).unwrap_err();
    assert!(error.to_string().contains("\"dod\" is refused"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_short_lived_token_is_still_used_more_than_once() {
    let server = MockServer::start().await;
    Mock::given(path(token_path()))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"expires_in": 60, "access_token": TOKEN})),
        )
        .mount(&server)
        .await;
    let uri = server.uri();
    let sign_in = SignIn::new(&settings(&uri, &uri, &uri), CallCounter::default().into()).unwrap();
    for _ in 0..3 {
        sign_in.token(SCOPE).await.unwrap();
    }
    assert_eq!(asked(&server, &token_path()).await, 1);
}
