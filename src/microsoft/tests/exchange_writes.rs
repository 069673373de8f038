//! Changing cmdlets: sent once, whatever happens to the answer.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::{MockServer, ResponseTemplate};

use super::{TENANT, TOKEN, answers, grant, invoke_path, raw, rows, sent, server, settings};
use crate::microsoft::{Cmdlet, DisableDnssecByName, Microsoft, MicrosoftError, UnknownWhy};

const HOST: &str = "contoso-com.o-v1.mx.microsoft";
const NOT_FOUND: &str = include_str!("../fixtures/error-inner.json");

#[tokio::test]
async fn enabling_sends_one_post_with_the_documented_headers() {
    let (server, microsoft) = server().await;
    let answer =
        rows(json!([{"DnssecMxValue": HOST, "Result": {"Value": "Success"}, "ErrorData": null}]))
            .insert_header("request-id", "req-7");
    answers(&server, Cmdlet::EnableDnssec, answer).await;
    let enabled = microsoft
        .exchange
        .enable_dnssec("Contoso.com")
        .await
        .unwrap();
    assert_eq!(enabled.mx_host.as_str(), HOST);
    assert_eq!(enabled.receipt.call.request_id.as_deref(), Some("req-7"));
    let requests = server.received_requests().await.unwrap();
    let request = requests
        .iter()
        .find(|request| request.url.path() == invoke_path())
        .unwrap();
    let named = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    assert_eq!(named("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(
        named("x-anchormailbox"),
        format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}")
    );
    assert_eq!(named("x-cmdletname"), "Enable-DnssecForVerifiedDomain");
    assert_eq!(named("x-responseformat"), "json");
    assert_eq!(named("content-type"), "application/json");
    assert!(named("user-agent").starts_with("rollout/"));
    assert!(uuid::Uuid::try_parse(named("client-request-id")).is_ok());
    assert!(uuid::Uuid::try_parse(named("connection-id")).is_ok());
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, Cmdlet::EnableDnssec.body(Some("contoso.com")));
    let counts = microsoft.calls();
    assert_eq!(
        (counts.sign_in, counts.exchange_write, counts.retries),
        (1, 1, 0)
    );
    // One connection id per session, one request id per call.
    let _ = microsoft.exchange.enable_dnssec("contoso.com").await;
    let requests = server.received_requests().await.unwrap();
    let ids = |name: &str| -> Vec<_> {
        requests
            .iter()
            .filter_map(|request| request.headers.get(name).cloned())
            .collect()
    };
    assert_eq!(ids("connection-id")[0], ids("connection-id")[1]);
    assert_ne!(ids("client-request-id")[0], ids("client-request-id")[1]);
}

#[tokio::test]
async fn a_write_that_times_out_is_unknown_and_sent_once() {
    let (server, microsoft) = server().await;
    let slow = rows(json!([{"DnssecMxValue": HOST, "Result": "Success"}]))
        .set_delay(Duration::from_secs(5));
    answers(&server, Cmdlet::EnableDnssec, slow).await;
    let error = microsoft
        .exchange
        .enable_dnssec("contoso.com")
        .await
        .unwrap_err();
    assert!(error.is_unknown() && !error.is_transient(), "{error}");
    assert!(matches!(
        &error,
        MicrosoftError::Unknown {
            why: UnknownWhy::TimedOut { .. },
            ..
        }
    ));
    assert!(error.call().unwrap().client_request_id.is_some());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(sent(&server).await, 1);
}

/// A server that reads a request and hangs up, at the given place of the answer.
async fn hangs_up(after: &'static str) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 65536];
            if stream.read(&mut buffer).await.unwrap_or(0) > 0 {
                counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
            let _ = stream.write_all(after.as_bytes()).await;
        }
    });
    (uri, count)
}

#[tokio::test]
async fn a_lost_reply_of_a_write_is_unknown_and_of_a_read_is_asked_again() {
    for after in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"value\":",
    ] {
        let authority = MockServer::start().await;
        grant(&authority).await;
        let (exchange, count) = hangs_up(after).await;
        let uri = authority.uri();
        let microsoft = Microsoft::connect(&settings(&uri, &uri, &exchange)).unwrap();
        let error = microsoft
            .exchange
            .enable_dane("contoso.com")
            .await
            .unwrap_err();
        assert!(error.is_unknown(), "{after:?}: {error}");
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
        let error = microsoft.exchange.accepted_domains().await.unwrap_err();
        assert!(matches!(error, MicrosoftError::NoAnswer { .. }), "{error}");
        assert_eq!(
            count.load(std::sync::atomic::Ordering::SeqCst),
            1 + 3,
            "a read is asked again"
        );
    }
}

#[tokio::test]
async fn a_write_that_never_left_is_not_unknown() {
    let authority = MockServer::start().await;
    grant(&authority).await;
    let uri = authority.uri();
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let microsoft = Microsoft::connect(&settings(&uri, &uri, &format!("http://{dead}"))).unwrap();
    let error = microsoft
        .exchange
        .enable_dnssec("contoso.com")
        .await
        .unwrap_err();
    assert!(
        matches!(error, MicrosoftError::Unreachable { .. }),
        "{error}"
    );
    assert!(error.is_transient() && !error.is_unknown());
}

#[tokio::test]
async fn server_errors_of_a_write_are_unknown_and_sent_once() {
    for status in [500, 502, 503, 504, 408] {
        let (server, microsoft) = server().await;
        answers(
            &server,
            Cmdlet::EnableDnssec,
            raw(status, "upstream gone").insert_header("retry-after", "0"),
        )
        .await;
        let error = microsoft
            .exchange
            .enable_dnssec("contoso.com")
            .await
            .unwrap_err();
        assert!(error.is_unknown(), "{status}: {error}");
        assert_eq!(sent(&server).await, 1);
    }
}

#[tokio::test]
async fn a_throttled_write_is_not_repeated_but_says_when() {
    let (server, microsoft) = server().await;
    answers(
        &server,
        Cmdlet::EnableDane,
        raw(429, "").insert_header("retry-after", "0.05"),
    )
    .await;
    let error = microsoft
        .exchange
        .enable_dane("contoso.com")
        .await
        .unwrap_err();
    assert!(error.is_transient() && !error.is_unknown(), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_millis(50)));
    assert_eq!(sent(&server).await, 1);
    assert_eq!(microsoft.calls().throttled, 1);
}

#[tokio::test]
async fn success_with_an_error_member_is_a_failure() {
    let (server, microsoft) = server().await;
    answers(&server, Cmdlet::EnableDane, raw(200, NOT_FOUND)).await;
    let error = microsoft
        .exchange
        .enable_dane("contoso.com")
        .await
        .unwrap_err();
    let MicrosoftError::Failed { failure, .. } = &error else {
        panic!("{error}")
    };
    assert!(failure.is_not_found());
}

#[tokio::test]
async fn results_of_enabling() {
    enum Expect {
        Failed,
        Unknown,
    }
    use Expect::{Failed, Unknown};
    for (row, expected) in [
        (
            json!([{"DnssecMxValue": HOST, "Result": "Failure", "ErrorData": "zone"}]),
            Failed,
        ),
        (
            json!([{"DnssecMxValue": "", "Result": "PartialSuccess", "ErrorData": {"Code": 1}}]),
            Failed,
        ),
        (
            json!([{"DnssecMxValue": null, "Result": null, "ErrorData": "boom"}]),
            Failed,
        ),
        (json!([{"DnssecMxValue": HOST}]), Unknown),
        (
            json!([{"DnssecMxValue": null, "Result": "Success"}]),
            Unknown,
        ),
        (
            json!([{"DnssecMxValue": "evil.example.com", "Result": "Success"}]),
            Unknown,
        ),
        (
            json!([{"DnssecMxValue": "a\u{0}b.mx.microsoft", "Result": "Success"}]),
            Unknown,
        ),
        (json!([]), Unknown),
        (json!(["ok"]), Unknown),
    ] {
        let (server, microsoft) = server().await;
        answers(&server, Cmdlet::EnableDnssec, rows(row.clone())).await;
        let error = microsoft
            .exchange
            .enable_dnssec("contoso.com")
            .await
            .unwrap_err();
        match expected {
            Failed => assert!(
                matches!(error, MicrosoftError::Failed { .. }),
                "{row}: {error}"
            ),
            Unknown => assert!(error.is_unknown(), "{row}: {error}"),
        }
        assert_eq!(sent(&server).await, 1);
    }
}

#[tokio::test]
async fn an_empty_answer_to_enabling_dane_is_a_receipt() {
    for answer in [
        ResponseTemplate::new(204),
        raw(200, ""),
        rows(json!([])),
        raw(200, r#"{"value":null}"#),
    ] {
        let (server, microsoft) = server().await;
        answers(&server, Cmdlet::EnableDane, answer).await;
        assert_eq!(
            microsoft
                .exchange
                .enable_dane("contoso.com")
                .await
                .unwrap()
                .result,
            None
        );
    }
}

#[tokio::test]
async fn disabling_dnssec_needs_a_persons_words_for_this_domain() {
    let (server, microsoft) = server().await;
    answers(
        &server,
        Cmdlet::DisableDnssec,
        rows(json!([{"Result": "Success"}])),
    )
    .await;
    let words = |text| DisableDnssecByName::typed_by_a_person(text).unwrap();
    let wrong = words("Disable-DnssecForVerifiedDomain fabrikam.com");
    let error = microsoft
        .exchange
        .disable_dnssec("contoso.com", wrong)
        .await
        .unwrap_err();
    assert!(
        matches!(error, MicrosoftError::WrongWitness { .. }),
        "{error}"
    );
    assert_eq!(sent(&server).await, 0);
    let right = words("Disable-DnssecForVerifiedDomain contoso.com");
    microsoft
        .exchange
        .disable_dnssec("contoso.com", right)
        .await
        .unwrap();
    assert_eq!(sent(&server).await, 1);
}
