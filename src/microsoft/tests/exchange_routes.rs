//! Where a request goes: redirects, affinity, and tokens that are refused.

use serde_json::json;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{
    TOKEN, answers, asked, grant, invoke_path, raw, rows, sent, server, settings, token_answer,
    token_path,
};
use crate::microsoft::{Cmdlet, Microsoft, MicrosoftError};

#[tokio::test]
async fn a_second_401_names_the_app_role() {
    let (server, microsoft) = server().await;
    answers(&server, Cmdlet::GetAcceptedDomain, raw(401, "")).await;
    let error = microsoft.exchange.accepted_domains().await.unwrap_err();
    assert!(error.is_permission(), "{error}");
    assert!(
        error
            .to_string()
            .contains("dc50a0fb-09a3-484d-be87-e023b12c6440"),
        "{error}"
    );
    assert_eq!(
        (sent(&server).await, asked(&server, &token_path()).await),
        (2, 2)
    );
}

#[tokio::test]
async fn a_claims_challenge_renews_the_token_once_also_for_a_write() {
    let server = MockServer::start().await;
    let claims = r#"{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}"#;
    Mock::given(path(token_path()))
        .respond_with(token_answer())
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(path(token_path()))
        .respond_with(|request: &Request| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            assert!(body.contains("claims=%7B%22access_token%22"), "{body}");
            ResponseTemplate::new(200).set_body_json(
                json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "second-token"}),
            )
        })
        .mount(&server)
        .await;
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(claims);
    let challenge =
        format!("Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{encoded}\"");
    Mock::given(path(invoke_path()))
        .and(header("authorization", "Bearer second-token"))
        .respond_with(rows(json!([{"Result": "Success"}])))
        .mount(&server)
        .await;
    Mock::given(path(invoke_path()))
        .respond_with(raw(401, "").insert_header("www-authenticate", challenge.as_str()))
        .mount(&server)
        .await;
    let uri = server.uri();
    let microsoft = Microsoft::connect(&settings(&uri, &uri, &uri)).unwrap();
    let receipt = microsoft.exchange.enable_dane("contoso.com").await.unwrap();
    assert_eq!(receipt.result.as_deref(), Some("Success"));
    assert_eq!(
        (sent(&server).await, asked(&server, &token_path()).await),
        (2, 2)
    );
}

#[tokio::test]
async fn redirects_keep_method_body_bearer_and_affinity() {
    let (front, microsoft) = server().await;
    let region = MockServer::start().await;
    let target = format!("{}{}", region.uri(), invoke_path());
    for status in [301, 302, 307, 308] {
        front.reset().await;
        region.reset().await;
        grant(&front).await;
        let moved = ResponseTemplate::new(status)
            .insert_header("location", target.as_str())
            .insert_header("set-cookie", "front=1; path=/; secure");
        answers(&front, Cmdlet::EnableDane, moved).await;
        let here = rows(json!([{"Result": "Success"}]))
            .insert_header("set-cookie", "X-Affinity=abc; HttpOnly");
        Mock::given(method("POST"))
            .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
            .and(body_partial_json(
                Cmdlet::EnableDane.body(Some("contoso.com")),
            ))
            .respond_with(here)
            .mount(&region)
            .await;
        let uri = front.uri();
        let fresh = Microsoft::connect(&settings(&uri, &uri, &uri)).unwrap();
        fresh.exchange.enable_dane("contoso.com").await.unwrap();
        fresh.exchange.enable_dane("contoso.com").await.unwrap();
        // The second call goes straight to the region, with its cookie and not with the front's.
        assert_eq!(
            (
                sent(&front).await,
                sent(&region).await,
                fresh.calls().redirects
            ),
            (1, 2, 1),
            "{status}"
        );
        let last = region.received_requests().await.unwrap().pop().unwrap();
        assert_eq!(last.headers.get("cookie").unwrap(), "X-Affinity=abc");
    }
    drop(microsoft);
}

#[tokio::test]
async fn a_redirect_elsewhere_is_refused_and_the_token_stays_here() {
    let (server, microsoft) = server().await;
    for location in [
        "https://evil.example/x",
        "https://outlook.office365.com/x",
        "http://192.0.2.1/",
        "",
    ] {
        server.reset().await;
        grant(&server).await;
        answers(
            &server,
            Cmdlet::EnableDane,
            ResponseTemplate::new(302).insert_header("location", location),
        )
        .await;
        let error = microsoft
            .exchange
            .enable_dane("contoso.com")
            .await
            .unwrap_err();
        if location.is_empty() {
            // An empty Location is this very address: a loop, which ends.
            assert!(
                matches!(error, MicrosoftError::RedirectRefused { .. }),
                "{error}"
            );
            assert_eq!(sent(&server).await, 9);
        } else {
            assert!(
                matches!(error, MicrosoftError::RedirectRefused { .. }),
                "{error}"
            );
            assert_eq!(sent(&server).await, 1, "{location}");
        }
        assert!(!error.is_unknown());
    }
}

#[tokio::test]
async fn a_person_is_routed_to_their_own_mailbox() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let server = MockServer::start().await;
    let claims = URL_SAFE_NO_PAD.encode(r#"{"scp":"Exchange.Manage","upn":"admin@contoso.com"}"#);
    let token = format!("eyJhbGciOiJub25lIn0.{claims}.c2ln");
    Mock::given(path(super::token_path()))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"expires_in": 3599, "access_token": token})),
        )
        .mount(&server)
        .await;
    Mock::given(path(super::invoke_path()))
        .respond_with(super::rows(json!([])))
        .mount(&server)
        .await;
    let uri = server.uri();
    let microsoft = Microsoft::connect(&super::settings(&uri, &uri, &uri)).unwrap();
    let _ = microsoft.exchange.accepted_domains().await;
    let requests = server.received_requests().await.unwrap();
    let sent = requests
        .iter()
        .find(|request| request.url.path() == super::invoke_path())
        .unwrap();
    assert_eq!(sent.headers["x-anchormailbox"], "UPN:admin@contoso.com");
}
