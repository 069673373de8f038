//! Exchange admin: the cmdlet transport of the ExchangeOnlineManagement module (reference 3).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::cmdlets::{self, Cmdlet, CmdletError};
use super::envelope::{failure, nul_bytes, rows, unauthorized};
use super::front::{self, Front};
use super::token::{Audience, check};
use super::{shape, status};
use crate::faults::MicrosoftFaultKind as Kind;
use crate::http::{Api, HttpReply, HttpRequest};
use crate::log::Service;
use crate::places::random;
use crate::state::guid;
use crate::world::World;

/// The Exchange admin service behind one of its front ends.
pub(crate) struct Exchange {
    pub(crate) world: Arc<World>,
    pub(crate) front: Front,
}

/// What came of a request: the reply, whether it took effect, and a word for the log.
type Ran = (HttpReply, bool, &'static str);

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
        let token = request.bearer();
        if let Err(reason) = check(&self.world, token, Audience::Exchange) {
            return Some(unauthorized(reason));
        }
        if token.is_some_and(|token| self.world.tokens().is_revoked(token)) {
            return Some(unauthorized("The token was revoked."));
        }
        let credentials = &self.world.credentials;
        let known = tenant.eq_ignore_ascii_case(&credentials.tenant_id)
            || tenant.eq_ignore_ascii_case(&credentials.initial_domain);
        if !known {
            return Some(unauthorized("The token is for another tenant."));
        }
        // Live: neither grant gives 401, the permission without a directory role 403 (reference 3.3).
        let rights = self.world.faults().token.clone();
        if !rights.permits(Audience::Exchange) {
            return Some(unauthorized("The token holds no permission that serves."));
        }
        (!rights.has_directory_role()).then(nul_bytes)
    }

    /// The fault that hits this request.
    fn fault(&self, operation: &str, request: &HttpRequest) -> Option<Kind> {
        let spares = |kind: &Kind| front::spares(&self.world, kind, request.bearer(), self.front);
        self.world.faults().take_microsoft(operation, spares)
    }

    fn module_file(&self, tenant: &str, request: &HttpRequest) -> HttpReply {
        const OPERATION: &str = "GET EXOModuleFile";
        let (reply, words) = match self.refuse(tenant, request) {
            Some(reply) => (reply, "refused"),
            None => match self.fault(OPERATION, request) {
                None => (self.exported(None), "answered"),
                Some(Kind::Reshaped(shape)) => (self.exported(Some(&shape)), "answered"),
                Some(fault) => {
                    front::before_effect(&self.world, &fault, request.bearer(), self.front)
                        .map_or_else(|| (HttpReply::Broken, "fault"), |reply| (reply, "fault"))
                }
            },
        };
        let outcome = format!("{} {words}", reply.status());
        self.world
            .record(Service::Exchange, OPERATION, None, false, outcome);
        reply
    }

    /// The cmdlets that this identity may run; what it may not is simply not in the list.
    fn exported(&self, shape: Option<&crate::faults::Shape>) -> HttpReply {
        let missing: Vec<String> = {
            let faults = self.world.faults();
            faults
                .microsoft
                .iter()
                .filter(|f| f.kind == Kind::MissingRole && f.times != Some(0))
                .filter_map(|f| f.operation.clone())
                .collect()
        };
        let exported: Vec<&str> = cmdlets::CMDLETS
            .iter()
            .map(|c| c.name)
            .filter(|name| !missing.iter().any(|m| m == name))
            .collect();
        let row = json!({"Version": "3.10.0", "exportedCmdlets": exported.join(",")});
        match shape {
            Some(shape) => shape::reply(shape, vec![row]),
            None => HttpReply::json(
                200,
                &json!({
                    "@odata.context": "https://outlook.office365.com/adminapi/v1.0/$metadata#EXOModuleFile",
                    "value": [row],
                }),
            ),
        }
    }

    async fn invoke(&self, tenant: &str, request: &HttpRequest) -> HttpReply {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let input = &body["CmdletInput"];
        let name = input["CmdletName"].as_str().unwrap_or_default();
        let domain = cmdlets::domain_of(&input["Parameters"]);
        let (reply, effect, words) = match self.refuse(tenant, request) {
            Some(reply) => (reply, false, "refused"),
            None if !is_json(request) => (unsupported(), false, "refused"),
            None => self.run(name, &input["Parameters"], request).await,
        };
        let outcome = format!("{} {words}", reply.status());
        self.world
            .record(Service::Exchange, name, domain, effect, outcome);
        reply
    }

    /// Runs a cmdlet, with what goes wrong before and after.
    async fn run(&self, name: &str, parameters: &Value, request: &HttpRequest) -> Ran {
        let fault = self.fault(name, request);
        if let Some(fault) = &fault
            && let Some(reply) =
                front::before_effect(&self.world, fault, request.bearer(), self.front)
        {
            let words = match reply.status() {
                401 => "refused",
                _ if matches!(fault, Kind::MissingRole) => "refused",
                _ if matches!(fault, Kind::Fails(_)) => "failed",
                301..=308 => "redirected",
                429 => "throttled",
                _ => "fault",
            };
            return (reply, false, words);
        }
        let Some(cmdlet) = cmdlets::find(name) else {
            return (nul_bytes(), false, "unknown cmdlet");
        };
        // A parameter list of null is refused, as the service does; it must be an object.
        let Some(parameters) = parameters.as_object() else {
            let error = CmdletError::binding("Parameters must be an object.");
            return (failure(&error), false, "failed");
        };
        match fault {
            Some(Kind::Slow { takes, effect }) => {
                return self.slowly(cmdlet, parameters, takes, effect).await;
            }
            Some(Kind::ResultNot { result, data }) => {
                let row = json!({"DnssecMxValue": null, "Result": result, "ErrorData": data});
                return (HttpReply::json(200, &rows(&[row])), false, "failed");
            }
            _ => {}
        }
        if cmdlet.changes {
            tokio::time::sleep(self.world.options.timing.cmdlet).await;
        }
        let result = cmdlets::run(&self.world, cmdlet, parameters);
        let effect = cmdlet.changes && result.is_ok();
        let words = if effect { "done" } else { "answered" };
        let reply = match result {
            Ok(values) => after_effect(fault, values),
            Err(error) => match fault {
                Some(Kind::ReplyLost) => HttpReply::Broken,
                Some(Kind::TimesOutAfterEffect) => front::gateway(504),
                _ => failure(&error),
            },
        };
        (reply, effect, words)
    }

    /// A cmdlet that takes its time. Past the limit the front end gives up; the cmdlet goes on behind it.
    async fn slowly(
        &self,
        cmdlet: &'static Cmdlet,
        parameters: &Map<String, Value>,
        takes: Duration,
        effect: bool,
    ) -> Ran {
        let limit = self.world.options.timing.cmdlet_limit;
        if takes <= limit {
            tokio::time::sleep(takes).await;
            if !effect {
                return (failure(&CmdletError::timed_out()), false, "gave up");
            }
            return match cmdlets::run(&self.world, cmdlet, parameters) {
                Ok(values) => {
                    let words = if cmdlet.changes { "done" } else { "answered" };
                    (HttpReply::json(200, &rows(&values)), cmdlet.changes, words)
                }
                Err(error) => (failure(&error), false, "failed"),
            };
        }
        if effect {
            let world = Arc::clone(&self.world);
            let parameters = parameters.clone();
            tokio::spawn(async move {
                tokio::time::sleep(takes).await;
                let done = cmdlets::run(&world, cmdlet, &parameters).is_ok();
                let domain = parameters.values().find_map(Value::as_str);
                let outcome = if done { "done late" } else { "failed late" };
                let effect = done && cmdlet.changes;
                world.record(Service::Exchange, cmdlet.name, domain, effect, outcome);
            });
        }
        tokio::time::sleep(limit).await;
        (front::gateway(504), false, "goes on")
    }
}

/// What a cmdlet that ran answers.
fn after_effect(fault: Option<Kind>, mut values: Vec<Value>) -> HttpReply {
    match fault {
        Some(Kind::TimesOutAfterEffect) => front::gateway(504),
        Some(Kind::Gateway { status, .. }) => front::gateway(status),
        Some(Kind::ReplyLost) => HttpReply::Broken,
        Some(Kind::NoBody { status }) => HttpReply::empty(status),
        Some(Kind::Reshaped(shape)) => shape::reply(&shape, values),
        Some(Kind::SaysAlready) => failure(&CmdletError::invalid(
            "It is already enabled for this domain.",
        )),
        Some(Kind::Says(texts)) => {
            for value in &mut values {
                status::say(value, &texts);
            }
            HttpReply::json(200, &rows(&values))
        }
        _ => HttpReply::json(200, &rows(&values)),
    }
}

/// The transport takes JSON and says so.
fn is_json(request: &HttpRequest) -> bool {
    request
        .header("content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"))
}

fn unsupported() -> HttpReply {
    HttpReply::json(
        415,
        &json!({"error": {"code": "UnsupportedMediaType", "message": "The media type of the request is not supported."}}),
    )
}
