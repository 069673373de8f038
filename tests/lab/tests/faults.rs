//! Every fault of Microsoft's APIs, on the wire: status, headers, body, effect.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod common;

use std::time::{Duration, Instant};

use common::{cmdlet, effects, http, token};
use rollout_lab::{
    Connector, DomainSeed, Endpoints, Envelope, Lab, MicrosoftFaultKind as Kind, Options,
    RedirectTo, RetryHint, Service, Shape, Timing,
};
use serde_json::{Value, json};

const EXCHANGE: &str = "outlook.office365.com";
const ENABLE: &str = "Enable-DnssecForVerifiedDomain";
const STATUS: &str = "Get-DnssecStatusForVerifiedDomain";

fn lab() -> (Lab, Endpoints) {
    let mut options = Options::with_domains(DomainSeed::gallery());
    options.timing = Timing {
        cmdlet: Duration::from_millis(20),
        cmdlet_limit: Duration::from_millis(300),
        ..Timing::default()
    };
    let lab = Lab::start(options).unwrap();
    let endpoints = lab.endpoints().unwrap();
    (lab, endpoints)
}

fn client() -> reqwest::Client {
    let _ = http();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn call(e: &Endpoints, token: &str, name: &str, parameters: Value) -> reqwest::Response {
    let url = format!("{}/adminapi/beta/{}/InvokeCommand", e.exchange, e.tenant_id);
    at(&url, token, name, parameters).await
}

async fn at(url: &str, token: &str, name: &str, parameters: Value) -> reqwest::Response {
    let body = json!({"CmdletInput": {"CmdletName": name, "Parameters": parameters}});
    let request = client().post(url).bearer_auth(token).json(&body);
    request.send().await.unwrap()
}

fn contoso() -> Value {
    json!({"DomainName": "contoso.com"})
}

#[tokio::test]
async fn the_transport_is_as_strict_as_the_real_one() {
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    let url = format!("{}/adminapi/beta/{}/InvokeCommand", e.exchange, e.tenant_id);
    let body = json!({"CmdletInput": {"CmdletName": ENABLE, "Parameters": contoso()}}).to_string();
    let without = client()
        .post(&url)
        .bearer_auth(&token)
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(without.status(), 415, "no Content-Type");
    for (name, parameters, exception) in [
        (
            ENABLE,
            json!({"Domain": "contoso.com"}),
            "AmbiguousParameterSet",
        ),
        (
            "Enable-IPv6ForAcceptedDomain",
            contoso(),
            "AmbiguousParameterSet",
        ),
        (ENABLE, json!({}), "AmbiguousParameterSet"),
        (
            ENABLE,
            json!({"DomainName": ["contoso.com"]}),
            "ParameterBinding",
        ),
        (
            STATUS,
            json!({"DomainName": "contoso.com", "SkipMxValidation": "yes"}),
            "ParameterBinding",
        ),
    ] {
        let reply = call(&e, &token, name, parameters.clone()).await;
        assert_eq!(reply.status(), 400, "{name} {parameters}");
        let kind = reply.headers()["x-exceptiontype"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(kind.contains(exception), "{kind}");
    }
    assert!(effects(&lab, Service::Exchange).is_empty());
    let domain = json!({"domain": "contoso.com"});
    assert_eq!(
        call(&e, &token, "Enable-IPv6ForAcceptedDomain", domain.clone())
            .await
            .status(),
        200
    );
    let reply = call(&e, &token, "Get-IPv6StatusForAcceptedDomain", domain).await;
    let body: Value = reply.json().await.unwrap();
    assert_eq!(body["value"][0]["Status"], "Enabled");
}

#[tokio::test]
async fn every_way_to_say_come_back_later() {
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    for (status, hint) in [
        (429, RetryHint::Seconds("7".to_owned())),
        (429, RetryHint::Seconds("0.25".to_owned())),
        (503, RetryHint::Date(Duration::from_secs(60))),
        (429, RetryHint::Reset(Duration::from_secs(60))),
        (429, RetryHint::Nothing),
    ] {
        let kind = Kind::Busy {
            status,
            hint: hint.clone(),
        };
        lab.change_faults(|f| f.microsoft(STATUS, kind, 1));
        let reply = call(&e, &token, STATUS, contoso()).await;
        assert_eq!(reply.status(), status);
        let header = |name: &str| {
            reply
                .headers()
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned())
        };
        match hint {
            RetryHint::Seconds(text) => assert_eq!(header("retry-after"), Some(text)),
            RetryHint::Date(_) => {
                let parse = |text: String| {
                    jiff::fmt::rfc2822::DateTimeParser::new()
                        .parse_timestamp(text)
                        .unwrap()
                };
                let ahead = parse(header("retry-after").unwrap())
                    .duration_since(parse(header("date").unwrap()));
                assert_eq!(ahead.as_secs(), 60);
            }
            RetryHint::Reset(_) => {
                assert!(header("retry-after").is_none());
                let reset: jiff::Timestamp = header("rate-limit-reset").unwrap().parse().unwrap();
                assert!(reset > jiff::Timestamp::now());
            }
            RetryHint::Nothing => assert!(header("retry-after").is_none()),
        }
    }
}

#[tokio::test]
async fn gateways_give_up_before_or_after_the_effect() {
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    for status in [500, 502, 503, 504] {
        lab.change_faults(|f| {
            f.microsoft(
                ENABLE,
                Kind::Gateway {
                    status,
                    after_effect: false,
                },
                1,
            )
        });
        assert_eq!(call(&e, &token, ENABLE, contoso()).await.status(), status);
    }
    assert!(effects(&lab, Service::Exchange).is_empty());
    lab.change_faults(|f| {
        f.microsoft(
            ENABLE,
            Kind::Gateway {
                status: 502,
                after_effect: true,
            },
            1,
        )
    });
    assert_eq!(call(&e, &token, ENABLE, contoso()).await.status(), 502);
    assert_eq!(effects(&lab, Service::Exchange).len(), 1);
}

#[tokio::test]
async fn a_cmdlet_past_the_limit_goes_on_behind_the_front_end() {
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    let slow = |takes, effect| Kind::Slow {
        takes: Duration::from_millis(takes),
        effect,
    };
    lab.change_faults(|f| f.microsoft(ENABLE, slow(600, false), 1));
    let begun = Instant::now();
    assert_eq!(call(&e, &token, ENABLE, contoso()).await.status(), 504);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(effects(&lab, Service::Exchange).is_empty());
    lab.change_faults(|f| f.microsoft(ENABLE, slow(600, true), 1));
    assert_eq!(call(&e, &token, ENABLE, contoso()).await.status(), 504);
    assert!(effects(&lab, Service::Exchange).is_empty(), "not yet");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(effects(&lab, Service::Exchange).len(), 1);
    lab.change_faults(|f| f.microsoft(STATUS, slow(100, true), 1));
    assert_eq!(call(&e, &token, STATUS, contoso()).await.status(), 200);
}

#[tokio::test]
async fn a_claims_challenge_is_met_by_a_token_with_these_claims_only() {
    use base64::Engine as _;
    let (lab, e) = lab();
    let old = token(&e, EXCHANGE).await;
    lab.change_faults(|f| f.lasting(None, Kind::ClaimsChallenge));
    let reply = call(&e, &old, STATUS, contoso()).await;
    assert_eq!(reply.status(), 401);
    let header = reply.headers()["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned();
    let claims = header
        .split("claims=\"")
        .nth(1)
        .unwrap()
        .trim_end_matches('"');
    let claims = base64::engine::general_purpose::STANDARD
        .decode(claims)
        .unwrap();
    let claims = String::from_utf8(claims).unwrap();
    let renewed = async |claims: &str| -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", e.client_id.as_str()),
            ("client_secret", e.client_secret.as_str()),
            ("scope", "https://outlook.office365.com/.default"),
            ("claims", claims),
        ];
        let url = format!("{}/{}/oauth2/v2.0/token", e.authority, e.tenant_id);
        let body: Value = client()
            .post(url)
            .form(&form)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    };
    let wrong = renewed(r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#).await;
    assert_eq!(call(&e, &wrong, STATUS, contoso()).await.status(), 401);
    let right = renewed(&claims).await;
    assert_eq!(call(&e, &right, STATUS, contoso()).await.status(), 200);
    assert_eq!(call(&e, &old, STATUS, contoso()).await.status(), 401);
}

#[tokio::test]
async fn a_revoked_token_stays_revoked() {
    let (lab, e) = lab();
    let old = token(&e, EXCHANGE).await;
    lab.change_faults(|f| f.microsoft(STATUS, Kind::TokenRevoked, 1));
    for _ in 0..2 {
        assert_eq!(call(&e, &old, STATUS, contoso()).await.status(), 401);
    }
    let new = token(&e, EXCHANGE).await;
    assert_eq!(call(&e, &new, STATUS, contoso()).await.status(), 200);
}

#[tokio::test]
async fn redirects_lead_to_the_other_front_end_or_astray() {
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    for status in [301, 302, 307, 308] {
        let to = RedirectTo::OtherHost;
        lab.change_faults(|f| f.lasting(Some(STATUS), Kind::Redirected { status, to }));
        let reply = call(&e, &token, STATUS, contoso()).await;
        assert_eq!(reply.status(), status);
        let location = reply.headers()["location"].to_str().unwrap().to_owned();
        assert!(!location.starts_with(&e.exchange), "{location}");
        assert_eq!(at(&location, &token, STATUS, contoso()).await.status(), 200);
        lab.change_faults(|f| f.microsoft.clear());
    }
    for (to, wanted) in [
        (RedirectTo::ForeignHost, Some("attacker.example")),
        (RedirectTo::PlainHttp, Some("http://192.0.2.80/")),
        (RedirectTo::Nowhere, None),
    ] {
        lab.change_faults(|f| f.microsoft(STATUS, Kind::Redirected { status: 302, to }, 1));
        let reply = call(&e, &token, STATUS, contoso()).await;
        let location = reply.headers().get("location").map(|v| v.to_str().unwrap());
        assert_eq!(location.is_some(), wanted.is_some());
        assert!(
            location
                .unwrap_or_default()
                .contains(wanted.unwrap_or_default())
        );
    }
    lab.change_faults(|f| {
        f.lasting(
            None,
            Kind::Redirected {
                status: 302,
                to: RedirectTo::Loop,
            },
        )
    });
    let reply = call(&e, &token, STATUS, contoso()).await;
    let there = reply.headers()["location"].to_str().unwrap().to_owned();
    let back = at(&there, &token, STATUS, contoso()).await;
    assert!(
        back.headers()["location"]
            .to_str()
            .unwrap()
            .starts_with(&e.exchange)
    );
}

#[tokio::test]
async fn failures_in_every_envelope() {
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    for envelope in [
        Envelope::Internal,
        Envelope::Context,
        Envelope::ContextNested,
        Envelope::Details,
        Envelope::Bare,
    ] {
        lab.change_faults(|f| {
            f.microsoft(
                ENABLE,
                Kind::fails(400, "Some.Dotted.Exception", "the reason", envelope),
                1,
            )
        });
        let reply = call(&e, &token, ENABLE, contoso()).await;
        assert_eq!(reply.status(), 400);
        assert_eq!(reply.headers()["x-exceptiontype"], "Some.Dotted.Exception");
        let body = reply.text().await.unwrap();
        assert_eq!(
            body.contains("the reason"),
            envelope != Envelope::Bare,
            "{body}"
        );
        assert!(serde_json::from_str::<Value>(&body).unwrap()["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn answers_in_every_shape() {
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    let shaped = async |shape: Shape| -> String {
        lab.change_faults(|f| f.microsoft(STATUS, Kind::Reshaped(shape), 1));
        call(&e, &token, STATUS, contoso())
            .await
            .text()
            .await
            .unwrap()
    };
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    assert!(
        read(shaped(Shape::ValueMissing).await)
            .get("value")
            .is_none()
    );
    assert!(read(shaped(Shape::ValueNull).await)["value"].is_null());
    assert_eq!(read(shaped(Shape::ValueEmpty).await)["value"], json!([]));
    assert!(read(shaped(Shape::ValueSingular).await)["value"].is_object());
    assert!(read(shaped(Shape::ValueCapital).await)["Value"].is_array());
    assert!(read(shaped(Shape::BareList).await).is_array());
    assert_eq!(
        read(shaped(Shape::BareObject).await)["DnssecFeatureStatus"],
        "Disabled"
    );
    let row = |text: String| read(text)["value"][0].clone();
    assert_eq!(
        row(shaped(Shape::EnumObject).await)["DnssecFeatureStatus"]["Value"],
        "Disabled"
    );
    assert!(row(shaped(Shape::EnumNumber).await)["DnssecFeatureStatus"].is_number());
    assert_eq!(
        row(shaped(Shape::EnumUnknown).await)["DnssecFeatureStatus"],
        "PartlyProvisioned"
    );
    assert!(
        row(shaped(Shape::TypeNames).await)["MxValidation"]
            .as_str()
            .unwrap()
            .starts_with("Microsoft.Exchange")
    );
    assert!(
        row(shaped(Shape::JsonText).await)["MxValidation"]
            .as_str()
            .unwrap()
            .starts_with('{')
    );
    assert!(row(shaped(Shape::NestedNull).await)["MxValidation"].is_null());
    assert_eq!(
        row(shaped(Shape::Sidecars).await)["DomainName@odata.type"],
        "#String"
    );
    assert_eq!(
        shaped(Shape::DuplicateKeys)
            .await
            .matches("\"DomainName@data.type\"")
            .count(),
        2
    );
    let warned = read(shaped(Shape::Warnings(vec!["mind this".to_owned()])).await);
    assert_eq!(warned["@adminapi.warnings"], json!(["mind this"]));
    assert!(read(shaped(Shape::Truncated).await)["@odata.nextLink"].is_string());
    assert!(read(shaped(Shape::Unknown).await).get("value").is_none());
    assert!(serde_json::from_str::<Value>(&shaped(Shape::HalfABody).await).is_err());
}

#[tokio::test]
async fn states_lag_and_services_disagree() {
    let (lab, e) = lab();
    lab.change_faults(|f| f.status_lag = Duration::from_millis(700));
    let (_, body) = cmdlet(&e, ENABLE, "contoso.com").await;
    assert_eq!(body["value"][0]["Result"], "Success");
    let state = async || {
        let (_, body) = cmdlet(&e, STATUS, "contoso.com").await;
        body["value"][0]["DnssecFeatureStatus"].clone()
    };
    assert_eq!(state().await, "Disabled");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(state().await, "Enabled");
    lab.change_faults(|f| {
        let texts = [
            "WD004: a warning about DNS",
            "EX003:Priority",
            "EG001: the whole",
        ];
        f.microsoft(STATUS, Kind::Says(texts.map(str::to_owned).to_vec()), 1);
    });
    let (_, body) = cmdlet(&e, STATUS, "contoso.com").await;
    let row = &body["value"][0];
    assert_eq!(
        row["DnsValidation"]["Warnings"],
        json!(["WD004: a warning about DNS"])
    );
    assert_eq!(row["Errors"], json!(["EG001: the whole"]));
    assert!(
        row["MxValidation"]["Errors"]
            .to_string()
            .contains("EX003:Priority")
    );
    lab.change_faults(|f| f.microsoft("Enable-SmtpDaneInbound", Kind::SaysAlready, 1));
    let (status, body) = cmdlet(&e, "Enable-SmtpDaneInbound", "contoso.com").await;
    assert!(
        status == 400 && body.to_string().contains("already"),
        "{body}"
    );
    let done = effects(&lab, Service::Exchange);
    assert_eq!(done.len(), 2, "{done:?}");
    lab.change_faults(|f| f.graph_mx = Some("other.mail.protection.outlook.com".to_owned()));
    let token = token(&e, "graph.microsoft.com").await;
    let url = format!(
        "{}/v1.0/domains/contoso.com/serviceConfigurationRecords",
        e.graph
    );
    let body: Value = http()
        .get(url)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        body["value"][0]["mailExchange"],
        "other.mail.protection.outlook.com"
    );
}

#[tokio::test]
async fn answers_without_a_body_or_from_somebody_else() {
    let (lab, e) = lab();
    let token = token(&e, EXCHANGE).await;
    lab.change_faults(|f| f.microsoft(ENABLE, Kind::Html { status: 200 }, 1));
    let reply = call(&e, &token, ENABLE, contoso()).await;
    assert!(reply.status() == 200 && reply.text().await.unwrap().contains("<html>"));
    let failed = Kind::ResultNot {
        result: "Failure".to_owned(),
        data: "no".to_owned(),
    };
    lab.change_faults(|f| f.microsoft(ENABLE, failed, 1));
    let body: Value = call(&e, &token, ENABLE, contoso())
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(body["value"][0]["Result"], "Failure");
    assert!(effects(&lab, Service::Exchange).is_empty());
    lab.change_faults(|f| f.microsoft(ENABLE, Kind::NoBody { status: 204 }, 1));
    let reply = call(&e, &token, ENABLE, contoso()).await;
    assert!(reply.status() == 204 && reply.bytes().await.unwrap().is_empty());
    assert_eq!(effects(&lab, Service::Exchange).len(), 1);
}

#[tokio::test]
async fn the_tenant_has_the_connectors_it_was_given() {
    let (lab, e) = lab();
    lab.set_connectors([
        Connector::outbound(
            "to the old host",
            ["contoso-com.mail.protection.outlook.com"],
        ),
        Connector::inbound("from our servers", ["contoso.com"]),
    ]);
    let token = token(&e, EXCHANGE).await;
    for (name, host) in [
        ("Get-OutboundConnector", "contoso-com.mail"),
        ("Get-InboundConnector", "smtp:contoso.com;1"),
    ] {
        let body: Value = call(&e, &token, name, json!({}))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(body["value"].as_array().unwrap().len(), 1);
        assert!(body.to_string().contains(host), "{body}");
    }
}
