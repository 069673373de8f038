//! The Exchange client against a local server: what is sent, how often, and what each answer means.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{
    SECRET, TENANT, TOKEN, asked, grant, invoke_path, server, settings, token_answer, token_path,
};
use crate::microsoft::{Cmdlet, DisableDnssecByName, Microsoft, MicrosoftError, UnknownWhy};

const HOST: &str = "contoso-com.o-v1.mx.microsoft";
const STATUS: &str = include_str!("../fixtures/dnssec-status-enabled.json");
const STATUS_CUT: &str = include_str!("../fixtures/dnssec-status-cut.json");
const ACCEPTED: &str = include_str!("../fixtures/accepted-domains.json");
const NOT_FOUND: &str = include_str!("../fixtures/error-inner.json");

fn rows(rows: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"@adminapi.warnings": [], "value": rows}))
}

fn raw(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.as_bytes().to_vec(), "application/json")
}

async fn answers(server: &MockServer, cmdlet: Cmdlet, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path(invoke_path()))
        .and(body_partial_json(
            json!({"CmdletInput": {"CmdletName": cmdlet.name()}}),
        ))
        .respond_with(answer)
        .mount(server)
        .await;
}

async fn sent(server: &MockServer) -> usize {
    asked(server, &invoke_path()).await
}

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
    assert_eq!(enabled.mx.as_str(), HOST);
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
async fn reads_are_repeated_with_a_bound() {
    for status in [429, 500, 502, 503, 504] {
        let (server, microsoft) = server().await;
        Mock::given(path(invoke_path()))
            .respond_with(raw(status, "busy").insert_header("retry-after", "0.01"))
            .up_to_n_times(2)
            .mount(&server)
            .await;
        answers(&server, Cmdlet::GetAcceptedDomain, raw(200, ACCEPTED)).await;
        assert_eq!(
            microsoft.exchange.accepted_domains().await.unwrap().len(),
            3
        );
        assert_eq!(
            (sent(&server).await, microsoft.calls().retries),
            (3, 2),
            "{status}"
        );
    }
    let (server, microsoft) = server().await;
    answers(&server, Cmdlet::GetAcceptedDomain, raw(503, "busy")).await;
    let error = microsoft.exchange.accepted_domains().await.unwrap_err();
    assert!(
        matches!(error, MicrosoftError::ServiceTrouble { .. }) && error.is_transient(),
        "{error}"
    );
    assert_eq!(sent(&server).await, 3);
}

#[tokio::test]
async fn a_long_retry_after_is_handed_back_and_not_slept() {
    let (server, microsoft) = server().await;
    answers(
        &server,
        Cmdlet::GetAcceptedDomain,
        raw(429, "").insert_header("retry-after", "120"),
    )
    .await;
    let started = Instant::now();
    let error = microsoft.exchange.accepted_domains().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    assert!(error.to_string().contains("120 seconds"), "{error}");
    assert_eq!(sent(&server).await, 1);
}

#[tokio::test]
async fn retry_after_as_a_date_is_measured_by_the_services_clock() {
    let (server, microsoft) = server().await;
    let busy = raw(429, "")
        .insert_header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .insert_header("retry-after", "Sun, 06 Nov 1994 08:51:37 GMT");
    answers(&server, Cmdlet::GetAcceptedDomain, busy).await;
    let error = microsoft.exchange.accepted_domains().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
}

#[tokio::test]
async fn nul_bytes_mean_a_missing_role() {
    let (server, microsoft) = server().await;
    answers(
        &server,
        Cmdlet::EnableDnssec,
        ResponseTemplate::new(403).set_body_bytes(vec![0; 1024]),
    )
    .await;
    let error = microsoft
        .exchange
        .enable_dnssec("contoso.com")
        .await
        .unwrap_err();
    assert!(error.is_permission() && !error.is_unknown(), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("Exchange Administrator") && text.contains("Enable-DnssecForVerifiedDomain"),
        "{text}"
    );
    assert!(!text.contains("column") && !text.contains('\0'), "{text}");
}

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
async fn an_unreadable_answer_to_a_write_is_unknown_and_to_a_read_cannot_tell() {
    let (server, microsoft) = server().await;
    Mock::given(path(invoke_path()))
        .respond_with(raw(200, "<html>proxy</html>"))
        .mount(&server)
        .await;
    assert!(
        microsoft
            .exchange
            .enable_dane("contoso.com")
            .await
            .unwrap_err()
            .is_unknown()
    );
    let error = microsoft
        .exchange
        .dnssec_status("contoso.com")
        .await
        .unwrap_err();
    assert!(
        matches!(error, MicrosoftError::CouldNotTell { .. }) && error.is_could_not_tell(),
        "{error}"
    );
    assert!(error.to_string().contains("<html>proxy</html>"), "{error}");
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
async fn an_accepted_domain_is_only_absent_when_the_whole_list_says_so() {
    let (server, microsoft) = server().await;
    let by_name = json!({"CmdletInput": {"Parameters": {"Identity": "contoso.com"}}});
    Mock::given(body_partial_json(by_name))
        .respond_with(raw(400, NOT_FOUND))
        .mount(&server)
        .await;
    let other = json!({"CmdletInput": {"Parameters": {"Identity": "absent.example"}}});
    Mock::given(body_partial_json(other))
        .respond_with(rows(json!([])))
        .mount(&server)
        .await;
    let all = json!({"CmdletInput": {"Parameters": {"ResultSize": "Unlimited"}}});
    Mock::given(body_partial_json(all))
        .respond_with(raw(200, ACCEPTED))
        .mount(&server)
        .await;
    let found = microsoft
        .exchange
        .accepted_domain("contoso.com")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.domain, "contoso.com");
    assert_eq!(
        microsoft
            .exchange
            .accepted_domain("absent.example")
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_cut_list_is_not_an_answer() {
    let (server, microsoft) = server().await;
    let cut = json!({"value": [{"DomainName": "contoso.com"}], "@odata.nextLink": "https://x/y"});
    Mock::given(path(invoke_path()))
        .respond_with(raw(200, &cut.to_string()))
        .mount(&server)
        .await;
    let error = microsoft.exchange.accepted_domains().await.unwrap_err();
    assert!(
        matches!(error, MicrosoftError::CouldNotTell { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_status_that_lost_its_depth_is_asked_once_more_without_the_header() {
    let (server, microsoft) = server().await;
    Mock::given(path(invoke_path()))
        .and(header("x-serializationlevel", "Partial"))
        .respond_with(raw(200, STATUS_CUT))
        .mount(&server)
        .await;
    answers(&server, Cmdlet::GetDnssecStatus, raw(200, STATUS)).await;
    let status = microsoft
        .exchange
        .dnssec_status("contoso.com")
        .await
        .unwrap();
    assert!(
        status.lost.is_empty() && status.expected_mx.is_some(),
        "{status:?}"
    );
    assert_eq!(sent(&server).await, 2);
}

#[tokio::test]
async fn a_status_that_stays_cut_is_handed_out_with_what_is_lost() {
    let (server, microsoft) = server().await;
    answers(&server, Cmdlet::GetDnssecStatus, raw(200, STATUS_CUT)).await;
    let status = microsoft
        .exchange
        .dnssec_status("contoso.com")
        .await
        .unwrap();
    assert!(status.feature.is_enabled() && !status.lost.is_empty());
}

#[tokio::test]
async fn dane_status_prefers_the_documented_shape() {
    let (server, microsoft) = server().await;
    answers(&server, Cmdlet::GetAcceptedDomain, raw(200, ACCEPTED)).await;
    let status = microsoft.exchange.dane_status("contoso.com").await.unwrap();
    assert!(status.state.is_disabled());
    assert_eq!(
        (status.source.as_str(), sent(&server).await),
        ("Get-AcceptedDomain", 1)
    );

    for (row, on, off) in [
        (json!([{"SmtpDaneInboundStatus": "Enabled"}]), true, false),
        (
            json!([{"DomainName": "contoso.com", "Status": {"Value": "Disabled"}}]),
            false,
            true,
        ),
        (json!(["Enabled"]), true, false),
        (json!([{"A": "Enabled"}]), false, false),
        (
            json!([{"Status": "Enabled", "DaneStatus": "Disabled"}]),
            false,
            false,
        ),
        (json!([]), false, false),
    ] {
        let (server, microsoft) = super::server().await;
        answers(
            &server,
            Cmdlet::GetAcceptedDomain,
            rows(json!([{"DomainName": "contoso.com"}])),
        )
        .await;
        answers(&server, Cmdlet::GetDaneStatus, rows(row.clone())).await;
        let status = microsoft.exchange.dane_status("contoso.com").await.unwrap();
        assert_eq!(
            (status.state.is_enabled(), status.state.is_disabled()),
            (on, off),
            "{row}"
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

#[tokio::test]
async fn allowed_cmdlets_are_read_and_an_empty_list_is_no_answer() {
    let (server, microsoft) = server().await;
    let list = "Get-AcceptedDomain, get-dnssecstatusforverifieddomain,Enable-DnssecForVerifiedDomain,Get-SmtpDaneInboundStatus";
    Mock::given(method("GET"))
        .and(path(format!("/adminapi/v1.0/{TENANT}/EXOModuleFile")))
        .and(header("commandname", "*"))
        .respond_with(rows(json!([{"exportedCmdlets": list}])))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(rows(json!([{"exportedCmdlets": ""}])))
        .mount(&server)
        .await;
    let allowed = microsoft.exchange.allowed_cmdlets().await.unwrap();
    assert!(allowed.permits(Cmdlet::GetDnssecStatus));
    assert_eq!(
        allowed.missing(),
        vec![Cmdlet::EnableDane, Cmdlet::DisableDane]
    );
    let error = microsoft.exchange.allowed_cmdlets().await.unwrap_err();
    assert!(
        matches!(error, MicrosoftError::CouldNotTell { .. }),
        "{error}"
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
async fn names_that_are_no_domains_are_never_sent() {
    let (server, microsoft) = server().await;
    for bad in ["contoso", "a b.com", "x';calc", "a\u{0}.com", ""] {
        assert!(
            matches!(
                microsoft.exchange.enable_dnssec(bad).await,
                Err(MicrosoftError::Name(_))
            ),
            "{bad:?}"
        );
        assert!(
            matches!(
                microsoft.exchange.accepted_domain(bad).await,
                Err(MicrosoftError::Name(_))
            ),
            "{bad:?}"
        );
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
    assert!(!SECRET.is_empty());
}

#[tokio::test]
async fn support_ids_are_in_the_error() {
    let (server, microsoft) = server().await;
    let answer = raw(400, NOT_FOUND)
        .insert_header("request-id", "r-1")
        .insert_header("x-ExceptionType", "A.BException")
        .insert_header("x-ExceptionTargetType", "T")
        .insert_header("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    answers(&server, Cmdlet::EnableDane, answer).await;
    let error = microsoft
        .exchange
        .enable_dane("contoso.com")
        .await
        .unwrap_err();
    let text = error.to_string();
    for part in [
        "HTTP 400",
        "request-id r-1",
        "client-request-id ",
        "A.BException",
        "target T",
        "06 Nov 1994",
        "contoso.com",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
