//! The Graph client, through graph-rs-sdk, against a local server.

use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{TOKEN, asked, server, token_path};
use crate::microsoft::{Microsoft, MicrosoftError};

const DOMAIN: &str = "/v1.0/domains/contoso.com";
const RECORDS: &str = "/v1.0/domains/contoso.com/serviceConfigurationRecords";

async fn answers(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(at))
        .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn refusal(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("request-id", "r-9")
        .set_body_json(json!({"error": {"code": code, "message": "said Graph", "innerError": {"request-id": "r-9"}}}))
}

fn contoso() -> Value {
    json!({"@odata.context": "x", "id": "Contoso.com", "isVerified": true, "isInitial": false, "isDefault": true,
        "isRoot": true, "isAdminManaged": true, "authenticationType": "Managed", "availabilityStatus": null,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"], "state": null})
}

async fn domain(
    microsoft: &Microsoft,
) -> crate::microsoft::Result<Option<crate::microsoft::GraphDomain>> {
    microsoft.graph.domain("contoso.com").await
}

#[tokio::test]
async fn a_domain_is_read() {
    let (server, microsoft) = server().await;
    answers(&server, DOMAIN, ok(contoso())).await;
    let found = domain(&microsoft).await.unwrap().unwrap();
    assert_eq!(found.name, "contoso.com");
    assert_eq!(
        (found.is_verified, found.is_initial, found.is_admin_managed),
        (Some(true), Some(false), Some(true))
    );
    assert!(found.has_email());
    let kept = serde_json::to_string(&found).unwrap();
    assert_eq!(
        serde_json::from_str::<crate::microsoft::GraphDomain>(&kept).unwrap(),
        found
    );
    assert_eq!(microsoft.calls().graph, 1);
    let requests = server.received_requests().await.unwrap();
    let last = requests.last().unwrap();
    assert!(
        last.headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("rollout/")
    );
    assert!(last.headers.contains_key("client-request-id"));
}

#[tokio::test]
async fn only_graph_itself_says_that_a_domain_is_absent() {
    let (server, microsoft) = server().await;
    answers(&server, DOMAIN, refusal(404, "Request_ResourceNotFound")).await;
    assert_eq!(domain(&microsoft).await.unwrap(), None);
    for other in [
        ResponseTemplate::new(404).set_body_string("<html>no such page</html>"),
        ResponseTemplate::new(404),
        ResponseTemplate::new(200),
        ok(json!({"id": "fabrikam.com"})),
        ok(json!({})),
        ok(json!([])),
    ] {
        server.reset().await;
        answers(&server, DOMAIN, other).await;
        let error = domain(&microsoft).await.unwrap_err();
        assert!(
            matches!(error, MicrosoftError::CouldNotTell { .. }),
            "{error}"
        );
    }
    server.reset().await;
    answers(&server, DOMAIN, refusal(404, "BadRequest")).await;
    assert!(matches!(
        domain(&microsoft).await,
        Err(MicrosoftError::Failed { .. })
    ));
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let (server, microsoft) = server().await;
    answers(&server, DOMAIN, refusal(403, "Authorization_RequestDenied")).await;
    let error = domain(&microsoft).await.unwrap_err();
    assert!(error.is_permission(), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("Domain.Read.All") && text.contains("r-9") && text.contains("said Graph"),
        "{text}"
    );
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let (server, microsoft) = server().await;
    answers(&server, DOMAIN, refusal(401, "InvalidAuthenticationToken")).await;
    let error = domain(&microsoft).await.unwrap_err();
    assert!(
        matches!(error, MicrosoftError::Unauthorized { .. }),
        "{error}"
    );
    assert_eq!(
        (
            asked(&server, DOMAIN).await,
            asked(&server, &token_path()).await
        ),
        (2, 2)
    );
}

#[tokio::test]
async fn claims_are_met() {
    let (server, microsoft) = server().await;
    // Longer than any excerpt, and shaped like a token.
    let claims =
        json!({"access_token": {"nbf": {"essential": true, "value": "1".repeat(900)}}}).to_string();
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(&claims);
    let challenge = format!("Bearer error=\"insufficient_claims\", claims=\"{encoded}\"");
    Mock::given(path(DOMAIN))
        .respond_with(
            ResponseTemplate::new(401).insert_header("www-authenticate", challenge.as_str()),
        )
        .up_to_n_times(1)
        .mount(&server)
        .await;
    answers(&server, DOMAIN, ok(contoso())).await;
    assert!(domain(&microsoft).await.unwrap().is_some());
    let requests = server.received_requests().await.unwrap();
    let forms: Vec<_> = requests
        .iter()
        .filter(|request| request.url.path() == token_path())
        .collect();
    let last = String::from_utf8_lossy(&forms[1].body).into_owned();
    assert!(
        last.contains("&claims=%7B%22access_token%22") && last.contains(&"1".repeat(900)),
        "{last}"
    );
}

#[tokio::test]
async fn passing_faults_are_repeated_with_a_bound() {
    for status in [429, 500, 503, 504] {
        let (server, microsoft) = server().await;
        Mock::given(path(DOMAIN))
            .respond_with(ResponseTemplate::new(status).insert_header("retry-after", "0"))
            .up_to_n_times(2)
            .mount(&server)
            .await;
        answers(&server, DOMAIN, ok(contoso())).await;
        assert!(domain(&microsoft).await.unwrap().is_some());
        assert_eq!(
            (asked(&server, DOMAIN).await, microsoft.calls().retries),
            (3, 2),
            "{status}"
        );
    }
    let (server, microsoft) = server().await;
    answers(
        &server,
        DOMAIN,
        ResponseTemplate::new(429).insert_header("retry-after", "300"),
    )
    .await;
    let error = domain(&microsoft).await.unwrap_err();
    assert_eq!(
        error.retry_after(),
        Some(std::time::Duration::from_secs(300))
    );
    assert_eq!(asked(&server, DOMAIN).await, 1);
}

#[tokio::test]
async fn a_dead_graph_is_transient() {
    let authority = MockServer::start().await;
    super::grant(&authority).await;
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let uri = authority.uri();
    let microsoft =
        Microsoft::connect(&super::settings(&uri, &format!("http://{dead}"), &uri)).unwrap();
    let error = domain(&microsoft).await.unwrap_err();
    assert!(
        matches!(error, MicrosoftError::Unreachable { .. }) && error.is_transient(),
        "{error}"
    );
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[tokio::test]
async fn pages_are_followed_at_home_only() {
    let (server, microsoft) = server().await;
    let next = format!("{}/v1.0/domains?$skiptoken=2", server.uri());
    Mock::given(path("/v1.0/domains"))
        .and(query_param("$skiptoken", "2"))
        .respond_with(ok(json!({"value": [{"id": "b.example"}]})))
        .mount(&server)
        .await;
    Mock::given(path("/v1.0/domains"))
        .and(query_param_is_missing("$skiptoken"))
        .respond_with(ok(json!({"value": [contoso()], "@odata.nextLink": next})))
        .mount(&server)
        .await;
    let found = microsoft.graph.domains().await.unwrap();
    assert_eq!(
        found
            .iter()
            .map(|domain| domain.name.as_str())
            .collect::<Vec<_>>(),
        ["contoso.com", "b.example"]
    );
    assert_eq!(found[1].is_verified, None);

    let elsewhere = MockServer::start().await;
    server.reset().await;
    let away = json!({"value": [], "@odata.nextLink": format!("{}/v1.0/domains", elsewhere.uri())});
    answers(&server, "/v1.0/domains", ok(away)).await;
    let error = microsoft.graph.domains().await.unwrap_err();
    assert!(
        matches!(error, MicrosoftError::RedirectRefused { .. }),
        "{error}"
    );
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_list_without_value_is_not_an_empty_list() {
    let (server, microsoft) = server().await;
    for body in [
        json!({}),
        json!({"value": null}),
        json!({"value": {"id": "a.b"}}),
        json!({"value": [{"id": "a b"}]}),
        json!({"value": ["x"]}),
    ] {
        server.reset().await;
        super::grant(&server).await;
        answers(&server, "/v1.0/domains", ok(body.clone())).await;
        let error = microsoft.graph.domains().await.unwrap_err();
        assert!(
            matches!(error, MicrosoftError::CouldNotTell { .. }),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn mx_records_are_picked_from_the_mixed_list() {
    let (server, microsoft) = server().await;
    let mx = |kind: &str, record: &str, service: &str, host: &str| {
        json!({"@odata.type": kind, "id": "1", "isOptional": false, "label": "contoso.com", "recordType": record,
            "supportedService": service, "ttl": 3600, "mailExchange": host, "preference": 0})
    };
    let list = json!({"value": [
        mx("#microsoft.graph.domainDnsMxRecord", "Mx", "Email", "Contoso-com.mail.protection.outlook.com"),
        mx("microsoft.graph.domainDnsMxRecord", "Unknown", "Email", "contoso-com.o-v1.mx.microsoft"),
        mx("#microsoft.graph.domainDnsRecord", "Mx", "email", "third.mx.microsoft"),
        mx("#microsoft.graph.domainDnsMxRecord", "Mx", "EmailInternalRelayOnly", "relay.example"),
        {"@odata.type": "#microsoft.graph.domainDnsTxtRecord", "recordType": "Txt", "supportedService": "Email", "text": "v=spf1"},
    ]});
    answers(&server, RECORDS, ok(list)).await;
    let found = microsoft
        .graph
        .service_configuration_records("contoso.com")
        .await
        .unwrap();
    let hosts: Vec<_> = found
        .iter()
        .map(|record| record.mail_exchange.as_str())
        .collect();
    assert_eq!(
        hosts,
        [
            "contoso-com.mail.protection.outlook.com",
            "contoso-com.o-v1.mx.microsoft",
            "third.mx.microsoft"
        ]
    );
    assert_eq!((found[0].preference, found[0].ttl), (Some(0), Some(3600)));

    server.reset().await;
    answers(&server, RECORDS, ok(json!({"value": []}))).await;
    assert!(
        microsoft
            .graph
            .service_configuration_records("contoso.com")
            .await
            .unwrap()
            .is_empty()
    );

    server.reset().await;
    answers(&server, RECORDS, refusal(404, "Request_ResourceNotFound")).await;
    let error = microsoft
        .graph
        .service_configuration_records("contoso.com")
        .await
        .unwrap_err();
    assert!(
        matches!(error, MicrosoftError::NotInTenant { .. }),
        "{error}"
    );
}
