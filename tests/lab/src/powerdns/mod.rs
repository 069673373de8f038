//! The DNS provider: an HTTP API shaped like PowerDNS Authoritative's, as strict as the real one.

mod keys;
mod rrsets;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::error::LabError;
use crate::faults::ProviderFaultKind;
use crate::http::{Api, HttpReply, HttpRequest};
use crate::log::Service;
use crate::state::{HostedZone, State};
use crate::world::World;

/// The provider's API.
pub(crate) struct PowerDns(pub(crate) Arc<World>);

/// A refusal: status and the `error` text.
type Refusal = (u16, String);
type Outcome = Result<HttpReply, Refusal>;

#[async_trait]
impl Api for PowerDns {
    async fn handle(&self, request: HttpRequest) -> HttpReply {
        let parts = request.parts();
        let ["api", "v1", "servers", rest @ ..] = parts.as_slice() else {
            return refuse((404, "Not Found".to_owned()));
        };
        if request.header("x-api-key") != Some(&self.0.credentials.powerdns_key) {
            self.0
                .record(Service::PowerDns, "any", None, false, "401 no valid key");
            return HttpReply::text(401, "text/plain", "Unauthorized");
        }
        let (operation, zone) = named(&request.method, rest);
        let write = request.method != "GET";
        let fault = if write {
            self.0.faults().take_provider(&operation)
        } else {
            None
        };
        let mut delay = Duration::ZERO;
        match &fault {
            Some(ProviderFaultKind::ServerError) => {
                let refusal = (500, "Internal Server Error".to_owned());
                return self.written(&operation, zone, false, refuse(refusal));
            }
            Some(ProviderFaultKind::Throttled { retry_after }) => {
                let reply = refuse((429, "Too Many Requests".to_owned()))
                    .with("retry-after", retry_after.clone());
                return self.written(&operation, zone, false, reply);
            }
            Some(ProviderFaultKind::RequestLost) => {
                return self.written(&operation, zone, false, HttpReply::Broken);
            }
            Some(ProviderFaultKind::AppliesLate(late)) => delay = *late,
            Some(ProviderFaultKind::ReplyLost) | None => {}
        }
        let outcome = self.route(rest, &request, delay);
        let effect = write && outcome.is_ok();
        let reply = outcome.unwrap_or_else(refuse);
        if fault == Some(ProviderFaultKind::ReplyLost) {
            return self.written(&operation, zone, effect, HttpReply::Broken);
        }
        self.written(&operation, zone, effect, reply)
    }
}

/// How the log and the faults name a request, and the zone it is about.
fn named<'a>(method: &str, rest: &[&'a str]) -> (String, Option<&'a str>) {
    let (what, zone) = match rest {
        [] | [_] => ("servers", None),
        [_, "zones"] => ("zones", None),
        [_, "zones", zone] => ("zone", Some(*zone)),
        [_, "zones", zone, "cryptokeys"] => ("cryptokeys", Some(*zone)),
        [_, "zones", zone, "cryptokeys", _] => ("cryptokey", Some(*zone)),
        [_, "zones", zone, "metadata", ..] => ("metadata", Some(*zone)),
        [_, "zones", zone, "rectify"] => ("rectify", Some(*zone)),
        _ => ("other", None),
    };
    (format!("{method} {what}"), zone)
}

fn refuse((status, text): Refusal) -> HttpReply {
    HttpReply::json(status, &json!({"error": text}))
}

/// 422, as the real one has it for everything that is wrong in a request.
fn unprocessable(text: impl Into<String>) -> Refusal {
    (422, text.into())
}

impl PowerDns {
    fn written(
        &self,
        operation: &str,
        zone: Option<&str>,
        effect: bool,
        reply: HttpReply,
    ) -> HttpReply {
        let status = reply.status();
        let outcome = if status == 0 {
            "no reply".to_owned()
        } else {
            status.to_string()
        };
        self.0
            .record(Service::PowerDns, operation, zone, effect, outcome);
        reply
    }

    fn route(&self, rest: &[&str], request: &HttpRequest, delay: Duration) -> Outcome {
        let method = request.method.as_str();
        let (server, below) = match rest {
            [] => {
                return Ok(HttpReply::json(200, &json!([server()])));
            }
            [server, below @ ..] => (*server, below),
        };
        if server != "localhost" {
            return Err((404, "Not Found".to_owned()));
        }
        match (method, below) {
            ("GET", []) => Ok(HttpReply::json(200, &self::server())),
            ("GET", ["zones"]) => Ok(self.zones(request)),
            ("GET", ["zones", zone]) => self.zone(zone, request),
            ("PATCH", ["zones", zone]) => self.patch(zone, &body(request)?, delay),
            ("PUT", ["zones", zone]) => self.put(zone, &body(request)?, delay),
            ("PUT", ["zones", zone, "rectify"]) => {
                self.find(&self.0.state(), zone)?;
                Ok(HttpReply::json(200, &json!({"result": "Rectified"})))
            }
            ("GET", ["zones", zone, "cryptokeys"]) => self.keys(zone),
            ("POST", ["zones", zone, "cryptokeys"]) => self.add_key(zone, &body(request)?, delay),
            ("GET", ["zones", zone, "cryptokeys", id]) => self.key(zone, id),
            ("PUT", ["zones", zone, "cryptokeys", id]) => {
                self.change_key(zone, id, &body(request)?, delay)
            }
            ("DELETE", ["zones", zone, "cryptokeys", id]) => self.remove_key(zone, id, delay),
            ("GET", ["zones", zone, "metadata"]) => self.all_metadata(zone),
            ("GET", ["zones", zone, "metadata", kind]) => self.metadata(zone, kind),
            ("POST", ["zones", zone, "metadata"]) => {
                self.set_metadata(zone, None, &body(request)?, delay)
            }
            ("PUT", ["zones", zone, "metadata", kind]) => {
                self.set_metadata(zone, Some(kind), &body(request)?, delay)
            }
            ("DELETE", ["zones", zone, "metadata", kind]) => {
                self.remove_metadata(zone, kind, delay)
            }
            (_, []) => Err((405, "Method Not Allowed".to_owned())),
            _ => Err((404, "Not Found".to_owned())),
        }
    }

    /// The zone of this id, if the API knows it. Ids are canonical: lower case, with a final dot.
    fn find<'a>(&self, state: &'a State, id: &str) -> Result<&'a HostedZone, Refusal> {
        state
            .zones
            .get(id)
            .filter(|zone| zone.in_api)
            .ok_or_else(|| (404, format!("Could not find domain '{id}'")))
    }

    fn zones(&self, request: &HttpRequest) -> HttpReply {
        let state = self.0.state();
        let wanted = request.query.get("zone");
        let list: Vec<Value> = state
            .zones
            .iter()
            .filter(|(origin, zone)| zone.in_api && wanted.is_none_or(|w| w == *origin))
            .map(|(origin, zone)| head(origin, zone))
            .collect();
        HttpReply::json(200, &Value::Array(list))
    }

    fn zone(&self, id: &str, request: &HttpRequest) -> Outcome {
        let state = self.0.state();
        let zone = self.find(&state, id)?;
        let mut body = head(id, zone);
        if request.query.get("rrsets").map(String::as_str) != Some("false") {
            let name = request.query.get("rrset_name");
            let rtype = request.query.get("rrset_type");
            if rtype.is_some() && name.is_none() {
                return Err(unprocessable("rrset_type requires rrset_name"));
            }
            body["rrsets"] = rrsets::listing(&zone.content, name, rtype);
        }
        Ok(HttpReply::json(200, &body))
    }

    fn patch(&self, id: &str, body: &Value, delay: Duration) -> Outcome {
        let mut state = self.0.state();
        let zone = self.find(&state, id)?;
        let changes = rrsets::changes(&zone.content, body)?;
        self.0
            .change_zone(&mut state, id, delay, |content| {
                for change in changes {
                    match change {
                        rrsets::Change::Replace(set) => content.replace(set),
                        rrsets::Change::Delete { name, rtype } => {
                            content.remove(&name, &rtype);
                        }
                    }
                }
                Ok(())
            })
            .map_err(inside)?;
        Ok(HttpReply::empty(204))
    }

    /// `dnssec` and `api_rectify`; other settings are known but not kept.
    fn put(&self, id: &str, body: &Value, delay: Duration) -> Outcome {
        let fields = body
            .as_object()
            .ok_or_else(|| unprocessable("Request body must be an object"))?;
        let flag = |name: &str| match fields.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(unprocessable(format!("Key '{name}' is not a Boolean"))),
        };
        let (dnssec, rectify) = (flag("dnssec")?, flag("api_rectify")?);
        let mut state = self.0.state();
        self.find(&state, id)?;
        if let Some(dnssec) = dnssec {
            keys::secure(&self.0, &mut state, id, dnssec, delay)?;
        }
        if let (Some(rectify), Some(zone)) = (rectify, state.zones.get_mut(id)) {
            zone.api_rectify = rectify;
        }
        Ok(HttpReply::empty(204))
    }
}

fn server() -> Value {
    json!({
        "type": "Server", "id": "localhost", "daemon_type": "authoritative", "version": "4.9.2",
        "url": "/api/v1/servers/localhost", "zones_url": "/api/v1/servers/localhost/zones{/zone}",
        "config_url": "/api/v1/servers/localhost/config{/config_setting}",
    })
}

fn head(origin: &str, zone: &HostedZone) -> Value {
    json!({
        "id": origin, "name": origin, "type": "Zone", "kind": "Native",
        "url": format!("/api/v1/servers/localhost/zones/{origin}"),
        "serial": zone.content.serial, "edited_serial": zone.content.serial, "notified_serial": 0,
        "dnssec": !zone.content.keys.is_empty(), "api_rectify": zone.api_rectify,
        "nsec3param": "", "nsec3narrow": false, "presigned": false,
        "soa_edit": "", "soa_edit_api": "DEFAULT", "masters": [], "account": "",
    })
}

fn body(request: &HttpRequest) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body)
        .map_err(|_| (400, "Request body must be valid JSON".to_owned()))
}

/// The zone could not be built from what the request asked for.
fn inside(error: LabError) -> Refusal {
    unprocessable(error.to_string())
}
