//! Sign-in, Graph and Exchange admin: the right way, and everything that goes wrong.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod common;

use std::time::{Duration, Instant};

use common::{cmdlet, effects, http, raw_cmdlet, sign_in, token};
use rollout_lab::{
    DomainSeed, Endpoints, Lab, MicrosoftFault, MicrosoftFaultKind, Options, Service, StatusShape,
    Timing,
};
use serde_json::{Value, json};

const EXCHANGE: &str = "outlook.office365.com";
const GRAPH: &str = "graph.microsoft.com";

fn lab() -> (Lab, Endpoints) {
    lab_with(|_| {})
}

fn lab_with(change: impl FnOnce(&mut Options)) -> (Lab, Endpoints) {
    let mut options = Options::with_domains(DomainSeed::gallery());
    options.timing = Timing {
        cmdlet: Duration::from_millis(150),
        new_host: Duration::from_millis(100),
        tlsa: Duration::from_millis(300),
        ..Timing::default()
    };
    change(&mut options);
    let lab = Lab::start(options).unwrap();
    let endpoints = lab.endpoints().unwrap();
    (lab, endpoints)
}

async fn graph(e: &Endpoints, token: &str, path: &str) -> (u16, Value) {
    let url = format!("{}/v1.0{path}", e.graph);
    let reply = http().get(url).bearer_auth(token).send().await.unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap())
}

#[tokio::test]
async fn sign_in_and_its_refusals() {
    let (_lab, e) = lab();
    let refused = |body: &Value, code: &str| {
        let text = body["error_description"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(text.starts_with(code), "{body}");
    };
    let (status, body) = sign_in(&e, &e.tenant_id, &e.client_secret, GRAPH).await;
    assert_eq!((status, body["token_type"].as_str()), (200, Some("Bearer")));
    let (status, body) = sign_in(&e, &e.initial_domain, "wrong", GRAPH).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (401, Some("invalid_client"))
    );
    refused(&body, "AADSTS7000215");
    let (status, body) = sign_in(&e, "nobody.example", &e.client_secret, GRAPH).await;
    assert_eq!(status, 400);
    refused(&body, "AADSTS90002");
    let (_, body) = sign_in(&e, &e.tenant_id, &e.client_secret, "vault.azure.net").await;
    refused(&body, "AADSTS500011");
    let url = format!(
        "{}/{}/v2.0/.well-known/openid-configuration",
        e.authority, e.tenant_id
    );
    let configuration: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    let endpoint = configuration["token_endpoint"].as_str().unwrap();
    assert!(endpoint.starts_with(&e.authority));
}

#[tokio::test]
async fn a_token_opens_one_service_only() {
    let (_lab, e) = lab();
    let (for_graph, for_exchange) = (token(&e, GRAPH).await, token(&e, EXCHANGE).await);
    assert_eq!(graph(&e, &for_graph, "/domains").await.0, 200);
    let (status, body) = graph(&e, &for_exchange, "/domains").await;
    assert_eq!(
        (status, body["error"]["code"].as_str()),
        (401, Some("InvalidAuthenticationToken"))
    );
    let accepted = raw_cmdlet(&e, &for_graph, "Get-AcceptedDomain", json!({}))
        .await
        .unwrap();
    assert_eq!(accepted.0, 401);
    let forged = format!("{}x", &for_exchange[..for_exchange.len() - 1]);
    let accepted = raw_cmdlet(&e, &forged, "Get-AcceptedDomain", json!({}))
        .await
        .unwrap();
    assert_eq!(accepted.0, 401);
}

#[tokio::test]
async fn graph_shows_every_kind_of_domain() {
    let (_lab, e) = lab();
    let token = token(&e, GRAPH).await;
    let (_, body) = graph(&e, &token, "/domains").await;
    let find = |id: &str| {
        body["value"]
            .as_array()
            .unwrap()
            .iter()
            .find(|d| d["id"] == id)
            .cloned()
    };
    assert_eq!(find("contoso.onmicrosoft.com").unwrap()["isInitial"], true);
    assert_eq!(find("litware.ch").unwrap()["isAdminManaged"], false);
    assert_eq!(find("tailspin.com").unwrap()["isVerified"], false);
    assert!(find("wingtip.com").is_none());
    assert_eq!(graph(&e, &token, "/domains/wingtip.com").await.0, 404);
    let (_, records) = graph(
        &e,
        &token,
        "/domains/contoso.com/serviceConfigurationRecords",
    )
    .await;
    assert_eq!(
        records["value"][0]["mailExchange"],
        "contoso-com.mail.protection.outlook.com"
    );
    cmdlet(&e, "Enable-DnssecForVerifiedDomain", "contoso.com").await;
    let (_, records) = graph(
        &e,
        &token,
        "/domains/contoso.com/serviceConfigurationRecords",
    )
    .await;
    let host = records["value"][0]["mailExchange"].as_str().unwrap();
    assert!(host.ends_with(".mx.microsoft"), "{host}");
}

#[tokio::test]
async fn the_cmdlets_in_the_right_and_the_wrong_order() {
    let (lab, e) = lab();
    let (status, body) = cmdlet(&e, "Enable-SmtpDaneInbound", "contoso.com").await;
    assert_eq!(
        (status, body["error"]["message"].as_str()),
        (400, Some("Error executing cmdlet"))
    );
    let start = Instant::now();
    let (status, body) = cmdlet(&e, "Enable-DnssecForVerifiedDomain", "contoso.com").await;
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert_eq!(
        (status, body["value"][0]["Result"].as_str()),
        (200, Some("Success"))
    );
    assert_eq!(body["@adminapi.warnings"], json!([]));
    let host = body["value"][0]["DnssecMxValue"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        host.starts_with("contoso-com.") && host.ends_with("-v1.mx.microsoft"),
        "{host}"
    );
    let (status, body) = cmdlet(&e, "Enable-DnssecForVerifiedDomain", "contoso.com").await;
    assert!(
        status == 400 && body.to_string().contains("already"),
        "{body}"
    );
    let (_, body) = cmdlet(&e, "Get-DnssecStatusForVerifiedDomain", "contoso.com").await;
    let value = &body["value"][0];
    assert_eq!(value["DnssecFeatureStatus"], "Enabled");
    assert_eq!(
        value["ExpectedMxRecord"]["Record"],
        format!("@ 60 IN MX 10 {host}")
    );
    assert_eq!(value["DnsValidation"]["DnssecSupport"], "Invalid");
    let (_, body) = cmdlet(&e, "Enable-SmtpDaneInbound", "contoso.com").await;
    assert_eq!(body["value"][0]["Result"], "Success");
    let (_, body) = cmdlet(&e, "Get-AcceptedDomain", "contoso.com").await;
    assert_eq!(body["value"][0]["SmtpDaneStatus"], "Enabled");
    let (status, _) = cmdlet(&e, "Disable-DnssecForVerifiedDomain", "contoso.com").await;
    assert_eq!(status, 400, "DANE is still on");
    let done: Vec<String> = effects(&lab, Service::Exchange)
        .into_iter()
        .map(|l| l.operation)
        .collect();
    assert_eq!(
        done,
        ["Enable-DnssecForVerifiedDomain", "Enable-SmtpDaneInbound"]
    );
}

#[tokio::test]
async fn domains_that_microsoft_does_not_support_are_refused() {
    let (lab, e) = lab();
    for (domain, status) in [
        ("contoso.onmicrosoft.com", 400),
        ("litware.ch", 400),
        ("tailspin.com", 404),
        ("wingtip.com", 404),
        ("nobody.example", 404),
    ] {
        let (got, body) = cmdlet(&e, "Enable-DnssecForVerifiedDomain", domain).await;
        assert_eq!(got, status, "{domain}: {body}");
    }
    assert!(effects(&lab, Service::Exchange).is_empty());
    let (_, body) = cmdlet(&e, "Get-DnssecStatusForVerifiedDomain", "adatum.com").await;
    let errors = body["value"][0]["MxValidation"]["Errors"].to_string();
    assert!(
        errors.contains("EX003"),
        "preference 0 is what the procedure ends with: {errors}"
    );
}

#[tokio::test]
async fn faults_before_and_after_the_effect() {
    use MicrosoftFaultKind::*;
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    let enable = "Enable-DnssecForVerifiedDomain";
    let run = async || raw_cmdlet(&e, &token, enable, json!({"DomainName": "contoso.com"})).await;
    let set = |kind| lab.change_faults(|f| f.microsoft(enable, kind, 1));
    set(MissingRole);
    let (status, body) = run().await.unwrap();
    assert!(status == 403 && !body.is_empty() && body.iter().all(|b| *b == 0));
    set(Unauthorized);
    assert_eq!(run().await.unwrap().0, 401);
    set(Throttled {
        retry_after: "0.5".to_owned(),
    });
    assert_eq!(run().await.unwrap().0, 429);
    set(OkWithError);
    let (status, body) = run().await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(status == 200 && body.get("error").is_some());
    set(RequestLost);
    assert!(run().await.is_err());
    assert!(
        effects(&lab, Service::Exchange).is_empty(),
        "nothing has taken effect so far"
    );
    set(ReplyLost);
    assert!(run().await.is_err());
    assert_eq!(effects(&lab, Service::Exchange).len(), 1);
    lab.change_faults(|f| f.microsoft("Enable-SmtpDaneInbound", TimesOutAfterEffect, 1));
    let (status, _) = raw_cmdlet(
        &e,
        &token,
        "Enable-SmtpDaneInbound",
        json!({"DomainName": "contoso.com"}),
    )
    .await
    .unwrap();
    assert_eq!(status, 504);
    let (_, body) = cmdlet(&e, "Get-AcceptedDomain", "contoso.com").await;
    assert_eq!(body["value"][0]["SmtpDaneStatus"], "Enabled");
}

#[tokio::test]
async fn the_list_of_permitted_cmdlets_and_bad_requests() {
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    let exported = async || {
        let url = format!(
            "{}/AdminApi/v1.0/{}/EXOModuleFile?Version=3.9.2",
            e.exchange, e.tenant_id
        );
        let reply = http()
            .get(url)
            .bearer_auth(&token)
            .header("CommandName", "*")
            .send()
            .await
            .unwrap();
        let body: Value = reply.json().await.unwrap();
        body["value"][0]["exportedCmdlets"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(
        exported()
            .await
            .split(',')
            .any(|c| c == "Enable-SmtpDaneInbound")
    );
    lab.change_faults(|f| {
        f.microsoft.push(MicrosoftFault {
            operation: Some("Enable-SmtpDaneInbound".to_owned()),
            kind: MicrosoftFaultKind::MissingRole,
            times: None,
        });
    });
    assert!(!exported().await.contains("Enable-SmtpDaneInbound"));
    let parameters = json!({"DomainName": "contoso.com", "Force": true});
    let (status, body) = raw_cmdlet(&e, &token, "Get-SmtpDaneInboundStatus", parameters)
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 400);
    assert!(
        body["error"]["innererror"]["internalexception"]["type"]
            .as_str()
            .unwrap()
            .contains("ParameterSet")
    );
    assert_eq!(
        raw_cmdlet(&e, &token, "Get-AcceptedDomain", Value::Null)
            .await
            .unwrap()
            .0,
        400
    );
    assert_eq!(
        raw_cmdlet(&e, &token, "Remove-Everything", json!({}))
            .await
            .unwrap()
            .0,
        403
    );
}

#[tokio::test]
async fn status_in_its_other_shapes() {
    for (shape, expected) in [
        (StatusShape::Wrapped, json!({"Value": "Enabled"})),
        (StatusShape::NestedText, json!({"value": "Enabled"})),
    ] {
        let (_lab, e) = lab_with(|options| options.status_shape = shape);
        let (_, body) = cmdlet(&e, "Get-DnssecStatusForVerifiedDomain", "proseware.ch").await;
        let value = &body["value"][0];
        assert_eq!(value["DnssecFeatureStatus"], expected);
        assert_eq!(
            value["MxValidation"].is_string(),
            shape == StatusShape::NestedText
        );
    }
}
