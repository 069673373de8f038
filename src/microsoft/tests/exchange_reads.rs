//! Reading cmdlets: how often they are sent, and what each answer means.

use std::time::{Duration, Instant};

use serde_json::json;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, ResponseTemplate};

use super::{SECRET, TENANT, answers, invoke_path, raw, rows, sent, server};
use crate::microsoft::{Cmdlet, MicrosoftError};

const STATUS: &str = include_str!("../fixtures/dnssec-status-enabled.json");
const STATUS_CUT: &str = include_str!("../fixtures/dnssec-status-cut.json");
const ACCEPTED: &str = include_str!("../fixtures/accepted-domains.json");
const NOT_FOUND: &str = include_str!("../fixtures/error-inner.json");

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

#[tokio::test]
async fn a_cmdlet_that_breaks_off_is_asked_again_when_it_reads_and_unknown_when_it_writes() {
    let (server, microsoft) = server().await;
    let broke = r#"{"error":{"code":"B","message":"x","innererror":{"internalexception":{"message":"try later","type":"Microsoft.Exchange.Data.Directory.ADTransientException"}}}}"#;
    Mock::given(path(invoke_path()))
        .respond_with(raw(200, broke))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    answers(&server, Cmdlet::GetAcceptedDomain, raw(200, ACCEPTED)).await;
    assert_eq!(
        microsoft.exchange.accepted_domains().await.unwrap().len(),
        3
    );
    assert_eq!((sent(&server).await, microsoft.calls().retries), (3, 2));
    Mock::given(path(invoke_path()))
        .respond_with(raw(400, broke))
        .mount(&server)
        .await;
    let error = microsoft
        .exchange
        .enable_dane("contoso.com")
        .await
        .unwrap_err();
    assert!(error.is_unknown(), "{error}");
    assert!(error.to_string().contains("try later"), "{error}");
    assert_eq!(sent(&server).await, 4);
}
