//! A table of shapes, written by us from the documented ones (`shapes/*.json`), through the clients: what each is taken
//! for, what a person is told, and that a change is never sent again.
//!
//! The same table shows that scrubbing an answer loses nothing that the decoder reads.

use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{grant, invoke_path, settings};
use crate::microsoft::error::Service;
use crate::microsoft::record::{Body, Recorded, Scrubber};
use crate::microsoft::tap::Taken;
use crate::microsoft::{
    Cmdlet, DnssecStatus, DomainType, FeatureState, Listed, Microsoft, MicrosoftError,
};

const FILES: [(&str, &str); 5] = [
    ("dnssec_status", include_str!("shapes/dnssec_status.json")),
    (
        "accepted_domain",
        include_str!("shapes/accepted_domain.json"),
    ),
    ("errors", include_str!("shapes/errors.json")),
    ("others", include_str!("shapes/others.json")),
    ("graph", include_str!("shapes/graph.json")),
];

#[derive(Clone, Debug, Deserialize)]
struct Shape {
    name: String,
    #[serde(flatten)]
    answer: Recorded,
    /// The class of the outcome.
    is: String,
    /// What was read, in a line.
    says: String,
    /// A part of the sentence for people.
    #[serde(default)]
    sentence: String,
}

fn shapes() -> Vec<(String, Shape)> {
    FILES
        .iter()
        .flat_map(|(file, text)| {
            let all: Vec<Shape> =
                serde_json::from_str(text).unwrap_or_else(|e| panic!("{file}: {e}"));
            all.into_iter()
                .map(move |shape| (format!("{file}: {}", shape.name), shape))
        })
        .collect()
}

/// What came of asking.
#[derive(Debug)]
struct Came {
    is: &'static str,
    says: String,
    sentence: String,
    /// How often a changing cmdlet was sent.
    sent: usize,
}

async fn play(answer: &Recorded) -> Came {
    let server = MockServer::start().await;
    grant(&server).await;
    let mut template =
        ResponseTemplate::new(answer.status).set_body_bytes(answer.body.bytes().unwrap());
    for (name, value) in &answer.headers {
        template = template.append_header(
            HeaderName::try_from(name.as_str()).unwrap(),
            HeaderValue::try_from(value.as_str()).unwrap(),
        );
    }
    let domain = answer
        .domain
        .clone()
        .unwrap_or_else(|| "contoso.com".to_owned());
    let tenant = super::TENANT;
    let at = match answer.call.as_str() {
        "EXOModuleFile" => format!("/adminapi/v1.0/{tenant}/EXOModuleFile"),
        "Graph GET /domains" => "/v1.0/domains".to_owned(),
        "Graph GET /domains/{id}" => format!("/v1.0/domains/{domain}"),
        "Graph GET /domains/{id}/serviceConfigurationRecords" => {
            format!("/v1.0/domains/{domain}/serviceConfigurationRecords")
        }
        _ => invoke_path(),
    };
    Mock::given(path(at.as_str()))
        .respond_with(template)
        .mount(&server)
        .await;
    let uri = server.uri();
    let mut settings = settings(&uri, &uri, &uri);
    settings.limits.attempts = 2;
    let (microsoft, exchange) =
        Microsoft::listening(&settings, crate::microsoft::raw::Ears::default()).unwrap();
    let outcome = ask(&microsoft, &exchange, &answer.call, &domain).await;
    let sent = super::asked(&server, &at).await;
    match outcome {
        Ok(says) => Came {
            is: "ok",
            says,
            sentence: String::new(),
            sent,
        },
        Err(error) => Came {
            is: class(&error),
            says: if error.says_already() {
                format!("{}, already", error.kind())
            } else {
                error.kind().to_owned()
            },
            sentence: error.to_string(),
            sent,
        },
    }
}

fn class(error: &MicrosoftError) -> &'static str {
    match error {
        MicrosoftError::Failed { .. } => "failed",
        MicrosoftError::NotInTenant { .. } => "not-in-tenant",
        MicrosoftError::RedirectRefused { .. } => "refused",
        error if error.is_unknown() => "unknown",
        error if error.is_permission() => "permission",
        error if error.is_could_not_tell() => "could-not-tell",
        _ => "other",
    }
}

async fn ask(
    microsoft: &Microsoft,
    exchange: &crate::microsoft::ExchangeClient,
    call: &str,
    domain: &str,
) -> Result<String, MicrosoftError> {
    let (graph, api) = (&microsoft.graph, &microsoft.exchange);
    let receipt = |receipt: crate::microsoft::Receipt| {
        format!("done{}", more(receipt.warnings.len(), "warnings"))
    };
    Ok(match call {
        "Get-DnssecStatusForVerifiedDomain" => dnssec(&api.dnssec_status(domain).await?),
        "Get-AcceptedDomain" => match api.accepted_domain(domain).await? {
            None => "absent".to_owned(),
            Some(found) => {
                let kind = match &found.domain_type {
                    DomainType::Other(_) => "another type".to_owned(),
                    known => format!("{known:?}"),
                };
                format!("{} {kind} dane {}", found.domain, state(&found.dane))
            }
        },
        "Get-SmtpDaneInboundStatus" => {
            format!("dane {}", state(&exchange.dane_cmdlet(domain).await?.state))
        }
        "Get-IPv6StatusForAcceptedDomain" => {
            let status = api.ipv6_status(domain).await?;
            format!(
                "ipv6 {}{}",
                state(&status.state),
                more(status.warnings.len(), "warnings")
            )
        }
        "Get-InboundConnector" => match api.connectors().await?.inbound {
            Listed::CouldNotTell { .. } => "inbound could not tell".to_owned(),
            Listed::Known(all) => line(
                "inbound",
                all.iter().flat_map(|one| &one.sender_domains),
                &[],
            ),
        },
        "Get-OutboundConnector" => match api.connectors().await?.outbound {
            Listed::CouldNotTell { .. } => "outbound could not tell".to_owned(),
            Listed::Known(all) => line(
                "outbound",
                all.iter().flat_map(|one| &one.smart_hosts),
                &all.iter()
                    .flat_map(|one| one.lost.clone())
                    .collect::<Vec<_>>(),
            ),
        },
        "EXOModuleFile" => {
            let allowed = api.allowed_cmdlets().await?;
            let missing: Vec<_> = allowed.missing().iter().map(ToString::to_string).collect();
            let missing = if missing.is_empty() {
                "none".to_owned()
            } else {
                missing.join(" ")
            };
            format!("{} cmdlets, {missing} missing", allowed.0.len())
        }
        "Graph GET /domains/{id}" => match graph.domain(domain).await? {
            None => "absent".to_owned(),
            Some(found) if found.has_email() => format!("{} with mail", found.name),
            Some(found) => format!("{} without mail", found.name),
        },
        "Graph GET /domains" => format!("{} domains", graph.domains().await?.len()),
        "Graph GET /domains/{id}/serviceConfigurationRecords" => {
            let found = graph.service_configuration_records(domain).await?;
            line("mx", found.iter().map(|mx| &mx.mail_exchange), &[])
        }
        name if name == Cmdlet::EnableDnssec.name() => {
            format!("host {}", api.enable_dnssec(domain).await?.mx_host)
        }
        name if name == Cmdlet::EnableDane.name() => receipt(api.enable_dane(domain).await?),
        other => panic!("no such call: {other}"),
    })
}

fn dnssec(status: &DnssecStatus) -> String {
    let expected = status
        .expected_mx
        .as_ref()
        .map_or("nothing", |mx| mx.host.as_str());
    let lost = if status.lost.is_empty() {
        "nothing".to_owned()
    } else {
        status.lost.join(" ")
    };
    format!(
        "dnssec {}, expects {expected}, lost {lost}{}",
        state(&status.feature),
        more(status.all_messages().count(), "messages")
    )
}

fn state(state: &FeatureState) -> &'static str {
    match state {
        FeatureState::Enabled => "enabled",
        FeatureState::Disabled => "disabled",
        FeatureState::CouldNotTell { .. } => "could not tell",
    }
}

fn more(count: usize, what: &str) -> String {
    if count == 0 {
        String::new()
    } else {
        format!(", {count} {what}")
    }
}

fn line<'a>(what: &str, items: impl Iterator<Item = &'a String>, lost: &[String]) -> String {
    let mut words = vec![what.to_owned()];
    words.extend(items.cloned());
    if !lost.is_empty() {
        words.push("lost".to_owned());
        words.extend(lost.iter().cloned());
    }
    words.join(" ")
}

#[tokio::test]
async fn every_shape_is_taken_for_what_it_is() {
    let all = shapes();
    assert!(all.len() >= 40, "{}", all.len());
    let mut wrong = Vec::new();
    for (name, shape) in &all {
        let came = play(&shape.answer).await;
        let right = came.is == shape.is
            && came.says == shape.says
            && came.sentence.contains(&shape.sentence);
        if !right {
            wrong.push(format!("{name}: {came:?}"));
        }
        // No change is sent again, except after a 401, which says that nothing was done.
        let change = !shape.answer.call.starts_with("Get-")
            && !shape.answer.call.starts_with("Graph")
            && shape.answer.call != "EXOModuleFile";
        if change && shape.answer.status != 401 {
            assert_eq!(came.sent, 1, "{name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn scrubbing_loses_nothing_that_is_read() {
    for (name, shape) in shapes() {
        let mut scrubber = Scrubber::new("contoso.onmicrosoft.com", "contoso.com");
        // Microsoft's own examples stand for themselves, so that the two readings can be compared.
        for domain in ["contoso.com", "fabrikam.com", "tailspintoys.com"] {
            assert_eq!(scrubber.text(domain, 0), domain);
        }
        let taken = Taken {
            service: shape.answer.service,
            name: shape.answer.call.clone(),
            domain: shape.answer.domain.clone(),
            host: String::new(),
            status: shape.answer.status,
            headers: shape.answer.headers.clone().into_iter().collect(),
            body: shape.answer.body.bytes().unwrap(),
        };
        let scrubbed = Recorded::scrubbed(&taken, "x", &mut scrubber);
        // Through a file and back.
        let text = serde_json::to_string_pretty(&scrubbed).unwrap();
        let back: Recorded = serde_json::from_str(&text).unwrap();
        assert_eq!(back, scrubbed, "{name}");
        let came = play(&back).await;
        assert_eq!(
            (came.is, &came.says),
            (shape.is.as_str(), &shape.says),
            "{name}\n{text}"
        );
    }
}

#[test]
fn nothing_of_a_tenant_is_left_in_a_record() {
    let text = include_str!("shapes/accepted_domain.json")
        .replace("contoso", "northwind-traders")
        .replace("fabrikam", "acme-partner");
    let mut scrubber = Scrubber::new("northwind-traders.onmicrosoft.com", "northwind-traders.com");
    for shape in serde_json::from_str::<Vec<Shape>>(&text).unwrap() {
        let taken = Taken {
            service: Service::Exchange,
            name: shape.answer.call.clone(),
            domain: shape.answer.domain.clone(),
            host: String::new(),
            status: 200,
            headers: vec![(
                "request-id".into(),
                "6F9619FF-8B86-D011-B42D-00C04FC964FF".into(),
            )],
            body: shape.answer.body.bytes().unwrap(),
        };
        let record =
            serde_json::to_string(&Recorded::scrubbed(&taken, "x", &mut scrubber)).unwrap();
        let lower = record.to_ascii_lowercase();
        for name in ["northwind", "acme", "6f9619ff"] {
            assert!(!lower.contains(name), "{name} in {record}");
        }
        assert_eq!(scrubber.leak(&record), None);
    }
}

#[test]
fn a_body_in_hexadecimal() {
    assert_eq!(Body::Hex("00ff".into()).bytes(), Some(vec![0, 255]));
    assert_eq!(Body::Hex("0".into()).bytes(), None);
    assert_eq!(Body::Hex("zz".into()).bytes(), None);
}
