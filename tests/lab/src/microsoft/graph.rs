//! Microsoft Graph: the domains of the tenant and the records Microsoft wants for them (reference 4).

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::cmdlets::lagging;
use super::front::{Front, busy, gateway, html, spares};
use super::renewal::challenge;
use super::token::{Audience, check};
use crate::faults::{MicrosoftFaultKind as Kind, RetryHint, Shape};
use crate::http::{Api, HttpReply, HttpRequest};
use crate::log::Service;
use crate::options::DomainKind;
use crate::places::random;
use crate::state::{MailDomain, guid};
use crate::world::World;

/// The Graph service.
pub(crate) struct Graph(pub(crate) Arc<World>);

#[async_trait]
impl Api for Graph {
    async fn handle(&self, request: HttpRequest) -> HttpReply {
        let (operation, domain) = match (request.method.as_str(), request.parts().as_slice()) {
            ("GET", ["v1.0", "domains"]) => ("GET domains", None),
            ("GET", ["v1.0", "domains", domain]) => ("GET domain", Some(*domain)),
            ("GET", ["v1.0", "domains", domain, "serviceConfigurationRecords"]) => {
                ("GET serviceConfigurationRecords", Some(*domain))
            }
            _ => ("other", None),
        };
        let reply = self.decide(operation, domain, &request);
        let outcome = reply.status().to_string();
        self.0
            .record(Service::Graph, operation, domain, false, outcome);
        reply.with("request-id", guid(random()))
    }
}

impl Graph {
    fn decide(&self, operation: &str, domain: Option<&str>, request: &HttpRequest) -> HttpReply {
        if let Err(reason) = check(&self.0, request.bearer(), Audience::Graph) {
            return error(401, "InvalidAuthenticationToken", reason);
        }
        if !self.0.faults().token.permits(Audience::Graph) {
            let text = "Insufficient privileges to complete the operation.";
            return error(403, "Authorization_RequestDenied", text);
        }
        if request
            .bearer()
            .is_some_and(|token| self.0.tokens().is_revoked(token))
        {
            return error(
                401,
                "InvalidAuthenticationToken",
                "Access token has been revoked.",
            );
        }
        let fault = {
            let spares = |kind: &Kind| spares(&self.0, kind, request.bearer(), Front::Main);
            self.0.faults().take_microsoft(operation, spares)
        };
        let body = match fault {
            Some(Kind::Reshaped(shape)) => {
                let reply = self.look(operation, domain);
                return reshaped(&shape, reply);
            }
            Some(fault) => self.fault(&fault, request.bearer()),
            None => None,
        };
        body.unwrap_or_else(|| self.look(operation, domain))
    }

    /// What a fault answers; nothing for those that Graph does not have.
    fn fault(&self, fault: &Kind, token: Option<&str>) -> Option<HttpReply> {
        Some(match fault {
            Kind::Unauthorized | Kind::NoAppRole => error(
                401,
                "InvalidAuthenticationToken",
                "Access token has been revoked.",
            ),
            Kind::TokenRevoked => {
                if let Some(token) = token {
                    self.0.tokens().revoke(token);
                }
                error(
                    401,
                    "InvalidAuthenticationToken",
                    "Access token has been revoked.",
                )
            }
            Kind::ClaimsChallenge => challenge(&self.0),
            Kind::MissingRole => error(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ),
            Kind::NotFound => not_found("the domain"),
            Kind::Throttled { retry_after } => busy(429, &RetryHint::Seconds(retry_after.clone())),
            Kind::Busy { status, hint } => busy(*status, hint),
            Kind::ReplyLost | Kind::RequestLost => HttpReply::Broken,
            Kind::TimesOutAfterEffect => gateway(504),
            Kind::Gateway { status, .. } => gateway(*status),
            Kind::ServerError | Kind::OkWithError => {
                error(500, "InternalServerError", "Something went wrong.")
            }
            Kind::Html { status } => html(*status),
            Kind::NoBody { status } => HttpReply::empty(*status),
            Kind::Fails(how) => error(how.status, &how.exception, &how.message),
            Kind::Redirected { .. }
            | Kind::Slow { .. }
            | Kind::Reshaped(_)
            | Kind::SaysAlready
            | Kind::ResultNot { .. }
            | Kind::Says(_) => return None,
        })
    }

    fn look(&self, operation: &str, domain: Option<&str>) -> HttpReply {
        let (lag, graph_mx) = {
            let faults = self.0.faults();
            (faults.graph_lag, faults.graph_mx.clone())
        };
        let state = self.0.state();
        let context = format!("{}/v1.0/$metadata#domains", self.0.layout.api(1));
        match (operation, domain) {
            ("GET domains", _) => {
                let domains: Vec<Value> = state
                    .domains
                    .iter()
                    .filter(|(_, d)| d.kind.in_tenant())
                    .map(|(name, d)| self.domain(name, d))
                    .collect();
                HttpReply::json(200, &json!({"@odata.context": context, "value": domains}))
            }
            ("other", _) | (_, None) => error(
                400,
                "BadRequest",
                "Resource not found for the segment in the request.",
            ),
            (_, Some(name)) => {
                let name = name.to_ascii_lowercase();
                let Some(found) = state.domains.get(&name).filter(|d| d.kind.in_tenant()) else {
                    return not_found(&name);
                };
                let body = if operation == "GET domain" {
                    self.domain(&name, found)
                } else {
                    json!({
                        "@odata.context": format!("{context}('{name}')/serviceConfigurationRecords"),
                        "value": records(&name, &lagging(found, lag), graph_mx.as_deref()),
                    })
                };
                HttpReply::json(200, &body)
            }
        }
    }

    fn domain(&self, name: &str, domain: &MailDomain) -> Value {
        let verified = domain.kind != DomainKind::Unverified;
        let services: &[&str] = if verified { &["Email"] } else { &[] };
        json!({
            "id": name,
            "authenticationType": "Managed",
            "availabilityStatus": null,
            "isAdminManaged": domain.kind != DomainKind::FullyDelegated,
            "isDefault": domain.kind == DomainKind::Initial,
            "isInitial": domain.kind == DomainKind::Initial,
            "isRoot": true,
            "isVerified": verified,
            "supportedServices": services,
            "passwordValidityPeriodInDays": 2_147_483_647,
            "passwordNotificationWindowInDays": 14,
            "state": null,
        })
    }
}

/// The records Microsoft wants; the MX names the new host as soon as it is assigned and enabled.
fn records(name: &str, domain: &MailDomain, says: Option<&str>) -> Vec<Value> {
    if domain.kind == DomainKind::Unverified {
        return Vec::new();
    }
    let record = |kind: &str, rtype: &str, label: &str| {
        json!({
            "@odata.type": format!("#microsoft.graph.{kind}"),
            "id": guid(random()), "isOptional": false, "label": label,
            "recordType": rtype, "supportedService": "Email", "ttl": 3600,
        })
    };
    let mut mx = record("domainDnsMxRecord", "Mx", name);
    mx["mailExchange"] = json!(
        says.or_else(|| domain.new_host())
            .unwrap_or(&domain.legacy_host)
    );
    mx["preference"] = json!(0);
    let mut spf = record("domainDnsTxtRecord", "Txt", name);
    spf["text"] = json!("v=spf1 include:spf.protection.outlook.com -all");
    let label = format!("autodiscover.{name}");
    let mut autodiscover = record("domainDnsCnameRecord", "CName", &label);
    autodiscover["canonicalName"] = json!("autodiscover.outlook.com");
    vec![mx, spf, autodiscover]
}

fn not_found(name: &str) -> HttpReply {
    let text = format!(
        "Resource '{name}' does not exist or one of its queried reference-property objects are not present."
    );
    error(404, "Request_ResourceNotFound", &text)
}

/// The same answer in another shape, as far as Graph could have it.
fn reshaped(shape: &Shape, reply: HttpReply) -> HttpReply {
    let HttpReply::Answer { body, .. } = &reply else {
        return reply;
    };
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    let rows = body["value"].take();
    match shape {
        Shape::ValueMissing => drop(body.as_object_mut().and_then(|top| top.remove("value"))),
        Shape::ValueNull => {}
        Shape::ValueEmpty => body["value"] = json!([]),
        Shape::ValueSingular => body["value"] = rows[0].clone(),
        Shape::Unknown => body = json!({"d": {"results": []}}),
        _ => return reply,
    }
    HttpReply::json(200, &body)
}

fn error(status: u16, code: &str, message: &str) -> HttpReply {
    HttpReply::json(
        status,
        &json!({"error": {
            "code": code, "message": message,
            "innerError": {"request-id": guid(random()), "client-request-id": guid(random())},
        }}),
    )
}
