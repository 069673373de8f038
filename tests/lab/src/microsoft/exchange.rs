//! Exchange admin: the cmdlet transport of the ExchangeOnlineManagement module (reference 3).

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::cmdlets::{self, CmdletError};
use super::token::{Audience, check};
use crate::faults::MicrosoftFaultKind;
use crate::http::{Api, HttpReply, HttpRequest};
use crate::log::Service;
use crate::places::random;
use crate::state::guid;
use crate::world::World;

/// The Exchange admin service.
pub(crate) struct Exchange(pub(crate) Arc<World>);

#[async_trait]
impl Api for Exchange {
    async fn handle(&self, request: HttpRequest) -> HttpReply {
        let path: Vec<String> = request
            .path
            .iter()
            .map(|part| part.to_ascii_lowercase())
            .collect();
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        let reply = match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["adminapi", "beta", tenant, "invokecommand"]) => {
                self.invoke(tenant, &request).await
            }
            ("GET", ["adminapi", "beta" | "v1.0", tenant, "exomodulefile"]) => {
                self.module_file(tenant, &request)
            }
            _ => HttpReply::empty(404),
        };
        reply.with("request-id", guid(random()))
    }
}

impl Exchange {
    /// Token and tenant; the reply that refuses, if they are not right.
    fn refuse(&self, tenant: &str, request: &HttpRequest) -> Option<HttpReply> {
        if let Err(reason) = check(&self.0, request.bearer(), Audience::Exchange) {
            return Some(unauthorized(reason));
        }
        let credentials = &self.0.credentials;
        let known = tenant.eq_ignore_ascii_case(&credentials.tenant_id)
            || tenant.eq_ignore_ascii_case(&credentials.initial_domain);
        (!known).then(|| unauthorized("The token is for another tenant."))
    }

    fn module_file(&self, tenant: &str, request: &HttpRequest) -> HttpReply {
        const OPERATION: &str = "GET EXOModuleFile";
        let reply = self.refuse(tenant, request).unwrap_or_else(|| {
            if let Some(fault) = self.0.faults().take_microsoft(OPERATION)
                && let Some(reply) = before_effect(&fault)
            {
                return reply;
            }
            // What the identity may not run is simply not in the list.
            let missing: Vec<String> = {
                let faults = self.0.faults();
                faults
                    .microsoft
                    .iter()
                    .filter(|f| f.kind == MicrosoftFaultKind::MissingRole && f.times != Some(0))
                    .filter_map(|f| f.operation.clone())
                    .collect()
            };
            let exported: Vec<&str> = cmdlets::CMDLETS
                .iter()
                .map(|c| c.name)
                .filter(|name| !missing.iter().any(|m| m == name))
                .collect();
            HttpReply::json(
                200,
                &json!({
                    "@odata.context": "https://outlook.office365.com/adminapi/v1.0/$metadata#EXOModuleFile",
                    "value": [{"Version": "3.10.0", "exportedCmdlets": exported.join(",")}],
                }),
            )
        });
        let outcome = reply.status().to_string();
        self.0
            .record(Service::Exchange, OPERATION, None, false, outcome);
        reply
    }

    async fn invoke(&self, tenant: &str, request: &HttpRequest) -> HttpReply {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let input = &body["CmdletInput"];
        let name = input["CmdletName"].as_str().unwrap_or_default();
        let domain = input["Parameters"]
            .as_object()
            .and_then(|parameters| {
                ["DomainName", "Domain", "Identity"]
                    .iter()
                    .find_map(|wanted| cmdlets::parameter(parameters, wanted))
            })
            .and_then(Value::as_str);
        let (reply, effect, words) = match self.refuse(tenant, request) {
            Some(reply) => (reply, false, "refused"),
            None => self.run(name, &input["Parameters"]).await,
        };
        let outcome = format!("{} {words}", reply.status());
        self.0
            .record(Service::Exchange, name, domain, effect, outcome);
        reply
    }

    /// Runs a cmdlet, with what goes wrong before and after; the reply, whether it took effect, and a word for the log.
    async fn run(&self, name: &str, parameters: &Value) -> (HttpReply, bool, &'static str) {
        let fault = self.0.faults().take_microsoft(name);
        if let Some(fault) = &fault
            && let Some(reply) = before_effect(fault)
        {
            return (reply, false, "fault");
        }
        let Some(cmdlet) = cmdlets::find(name) else {
            return (nul_bytes(), false, "unknown cmdlet");
        };
        // A parameter list of null is refused, as the service does; it must be an object.
        let Some(parameters) = parameters.as_object() else {
            let error = CmdletError::binding("Parameters must be an object.");
            return (failure(&error), false, "failed");
        };
        if cmdlet.changes {
            tokio::time::sleep(self.0.options.timing.cmdlet).await;
        }
        let result = cmdlets::run(&self.0, cmdlet, parameters);
        let effect = cmdlet.changes && result.is_ok();
        let reply = match (fault, result) {
            (Some(MicrosoftFaultKind::TimesOutAfterEffect), _) => HttpReply::text(
                504,
                "text/html",
                "<html><body>Gateway Timeout</body></html>",
            ),
            (Some(MicrosoftFaultKind::ReplyLost), _) => HttpReply::Broken,
            (_, Ok(values)) => success(&values),
            (_, Err(error)) => failure(&error),
        };
        (reply, effect, if effect { "done" } else { "answered" })
    }
}

/// What a fault answers without letting the cmdlet run.
fn before_effect(fault: &MicrosoftFaultKind) -> Option<HttpReply> {
    match fault {
        MicrosoftFaultKind::MissingRole => Some(nul_bytes()),
        MicrosoftFaultKind::Unauthorized => Some(unauthorized("The token was revoked.")),
        MicrosoftFaultKind::Throttled { retry_after } => Some(
            HttpReply::json(
                429,
                &json!({"error": {"code": "TooManyRequests", "message": "Too many requests."}}),
            )
            .with("retry-after", retry_after.clone()),
        ),
        MicrosoftFaultKind::RequestLost => Some(HttpReply::Broken),
        MicrosoftFaultKind::ServerError => Some(HttpReply::json(
            500,
            &json!({"error": {"code": "InternalServerError", "message": "An unexpected error occurred."}}),
        )),
        MicrosoftFaultKind::OkWithError => {
            let error = CmdletError::server("The request could not be completed.");
            Some(HttpReply::json(200, &error_body(&error)))
        }
        MicrosoftFaultKind::TimesOutAfterEffect | MicrosoftFaultKind::ReplyLost => None,
    }
}

fn success(values: &[Value]) -> HttpReply {
    HttpReply::json(
        200,
        &json!({
            "@odata.context": "https://outlook.office365.com/adminapi/beta/$metadata#Collection(Exchange.GenericHashTable)",
            "adminapi.warnings@odata.type": "#Collection(String)",
            "@adminapi.warnings": [],
            "value": values,
        }),
    )
}

fn failure(error: &CmdletError) -> HttpReply {
    HttpReply::json(error.status, &error_body(error))
        .with("x-exceptiontype", error.kind)
        .with("x-exceptiontargettype", error.target)
}

fn error_body(error: &CmdletError) -> Value {
    if error.nested {
        let inner = json!({
            "Message": error.message, "TypeName": error.kind, "StackTrace": null, "InnerError": null,
        });
        return json!({"error": {
            "code": "BadRequest", "message": "Error executing cmdlet",
            "details": [{"code": "Context", "target": "", "message": inner.to_string()}],
        }});
    }
    json!({"error": {
        "code": "BadRequest", "message": "Invalid Operation",
        "details": [{"code": "Client", "target": "", "message": format!("|{}|{}", error.kind, error.message)}],
        "innererror": {
            "message": "Invalid Operation", "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
            "internalexception": {"message": error.message, "type": error.kind},
        },
    }})
}

fn nul_bytes() -> HttpReply {
    HttpReply::text(403, "application/json", vec![0_u8; 64])
}

fn unauthorized(reason: &str) -> HttpReply {
    HttpReply::empty(401).with(
        "www-authenticate",
        format!("Bearer realm=\"\", error=\"invalid_token\", error_description=\"{reason}\""),
    )
}
