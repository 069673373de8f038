//! Microsoft Graph: the domains of the tenant and the records Microsoft wants for them (reference 4).

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::token::{Audience, check};
use crate::faults::MicrosoftFaultKind;
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
        match self.0.faults().take_microsoft(operation) {
            Some(MicrosoftFaultKind::Unauthorized) => {
                return error(
                    401,
                    "InvalidAuthenticationToken",
                    "Access token has been revoked.",
                );
            }
            Some(MicrosoftFaultKind::MissingRole) => {
                let text = "Insufficient privileges to complete the operation.";
                return error(403, "Authorization_RequestDenied", text);
            }
            Some(MicrosoftFaultKind::Throttled { retry_after }) => {
                return error(429, "TooManyRequests", "Too many requests.")
                    .with("retry-after", retry_after);
            }
            Some(MicrosoftFaultKind::ReplyLost | MicrosoftFaultKind::RequestLost) => {
                return HttpReply::Broken;
            }
            Some(MicrosoftFaultKind::TimesOutAfterEffect) => {
                return error(504, "UnknownError", "The gateway timed out.");
            }
            Some(MicrosoftFaultKind::ServerError | MicrosoftFaultKind::OkWithError) => {
                return error(500, "InternalServerError", "Something went wrong.");
            }
            None => {}
        }
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
                    let text = format!(
                        "Resource '{name}' does not exist or one of its queried reference-property objects are not present."
                    );
                    return error(404, "Request_ResourceNotFound", &text);
                };
                let body = if operation == "GET domain" {
                    self.domain(&name, found)
                } else {
                    json!({
                        "@odata.context": format!("{context}('{name}')/serviceConfigurationRecords"),
                        "value": records(&name, found),
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
fn records(name: &str, domain: &MailDomain) -> Vec<Value> {
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
    mx["mailExchange"] = json!(domain.new_host().unwrap_or(&domain.legacy_host));
    mx["preference"] = json!(0);
    let mut spf = record("domainDnsTxtRecord", "Txt", name);
    spf["text"] = json!("v=spf1 include:spf.protection.outlook.com -all");
    let label = format!("autodiscover.{name}");
    let mut autodiscover = record("domainDnsCnameRecord", "CName", &label);
    autodiscover["canonicalName"] = json!("autodiscover.outlook.com");
    vec![mx, spf, autodiscover]
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
