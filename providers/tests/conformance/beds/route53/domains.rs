//! The registrar: keys in, digests out, one task at a time for a domain.

use std::time::{Duration, Instant};

use rollout_providers::DelegationKey;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::Route53;
use crate::{
    bed::APEX,
    fakes::{Shelf, aws},
};

/// How long a task takes.
const TAKES: Duration = Duration::from_millis(150);

pub(super) struct Task {
    begun: Instant,
    work: Work,
    /// How it ended; `None` while it goes on.
    ended: Option<&'static str>,
}

enum Work {
    Add(DelegationKey),
    Remove(String),
}

fn id(key: &DelegationKey) -> String {
    let ds = key.preferred_ds().unwrap().to_string();
    format!("DS:{}", ds.replace(' ', "-"))
}

/// Only these members, all of them.
fn members(value: &Value, wanted: &[&str]) -> bool {
    let members = value.as_object().map_or_else(Vec::new, |object| {
        object.keys().map(String::as_str).collect()
    });
    members.len() == wanted.len() && wanted.iter().all(|name| members.contains(name))
}

impl Route53 {
    /// Ends the tasks whose time is over.
    pub(super) fn work(&mut self, shelf: &mut Shelf) {
        let on_file = &mut shelf.zone_mut(APEX).unwrap().on_file;
        for task in self
            .tasks
            .iter_mut()
            .filter(|task| task.ended.is_none() && task.begun.elapsed() > TAKES)
        {
            let done = match &task.work {
                Work::Add(key) if on_file.iter().any(|held| id(held) == id(key)) => false,
                Work::Add(key) => {
                    on_file.push(key.clone());
                    true
                }
                Work::Remove(id_of) => {
                    let before = on_file.len();
                    on_file.retain(|held| id(held) != *id_of);
                    on_file.len() < before
                }
            };
            task.ended = Some(if done { "SUCCESSFUL" } else { "FAILED" });
        }
    }

    pub(super) fn domains(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        self.work(shelf);
        match self.registrar(shelf, request) {
            Ok(answer) => ResponseTemplate::new(200).set_body_json(answer),
            Err((code, message)) => ResponseTemplate::new(400)
                .set_body_json(json!({ "__type": code, "message": message })),
        }
    }

    fn registrar(
        &mut self,
        shelf: &Shelf,
        request: &Request,
    ) -> Result<Value, (&'static str, String)> {
        let no = |code, message: &str| Err((code, message.to_owned()));
        if let Some((code, message)) = aws::refused(request, &self.key, "route53domains") {
            let code = if code == "InvalidClientTokenId" {
                "UnrecognizedClientException"
            } else {
                code
            };
            return Err((code, message));
        }
        let header = |name: &str| {
            request
                .headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
        };
        let action = header("x-amz-target")
            .strip_prefix("Route53Domains_v20140515.")
            .unwrap_or_default();
        if header("content-type") != "application/x-amz-json-1.1"
            || request.url.path() != "/"
            || request.method != "POST"
        {
            return no("UnknownOperationException", "");
        }
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return no("SerializationException", "");
        };
        if action == "GetOperationDetail" && members(&body, &["OperationId"]) {
            let task = body["OperationId"]
                .as_str()
                .and_then(|id| id.parse::<usize>().ok())
                .and_then(|number| self.tasks.get(number));
            let task = task.ok_or_else(|| ("InvalidInput", "no such operation".to_owned()))?;
            return Ok(
                json!({ "OperationId": body["OperationId"], "Status": task.ended.unwrap_or("IN_PROGRESS"), "DomainName": APEX }),
            );
        }
        let name = body["DomainName"].as_str().unwrap_or_default();
        if name != APEX {
            return Err((
                "InvalidInput",
                format!("Domain {name} not found in 111122223333 account"),
            ));
        }
        let on_file = &shelf.zone(APEX).unwrap().on_file;
        let work = match action {
            "GetDomainDetail" if members(&body, &["DomainName"]) => {
                let keys = on_file.iter().map(|key| {
                    let ds = key.preferred_ds().unwrap();
                    let digest = ds.to_string().rsplit(' ').next().unwrap().to_owned();
                    json!({ "Id": id(key), "KeyTag": ds.key_tag, "DigestType": ds.digest_type, "Digest": digest })
                });
                let mut answer = json!({ "DomainName": APEX, "Nameservers": [{ "Name": "ns-2048.awsdns-64.com" }], "StatusList": ["ok"] });
                if !on_file.is_empty() {
                    answer["DnssecKeys"] = keys.collect();
                }
                return Ok(answer);
            }
            "AssociateDelegationSignerToDomain"
                if members(&body, &["DomainName", "SigningAttributes"]) =>
            {
                let attributes = &body["SigningAttributes"];
                let right = members(attributes, &["Algorithm", "Flags", "PublicKey"])
                    && attributes["Flags"] == 257
                    && attributes["Algorithm"] == 13;
                let key = format!(
                    "257 3 13 {}",
                    attributes["PublicKey"].as_str().unwrap_or_default()
                )
                .parse();
                let Ok(key) =
                    key.and_then(|key| DelegationKey::from_dnskey(&APEX.parse().unwrap(), key))
                else {
                    return no(
                        "InvalidInput",
                        "Errors: [Parameters in request are not valid]",
                    );
                };
                if !right {
                    return no(
                        "InvalidInput",
                        "Errors: [Parameters in request are not valid]",
                    );
                }
                Work::Add(key)
            }
            "DisassociateDelegationSignerFromDomain" if members(&body, &["DomainName", "Id"]) => {
                let id_of = body["Id"].as_str().unwrap_or_default().to_owned();
                if !on_file.iter().any(|key| id(key) == id_of) {
                    return no(
                        "InvalidInput",
                        "Errors: [Parameters in request are not valid]",
                    );
                }
                Work::Remove(id_of)
            }
            _ => return no("InvalidInput", "The request is not valid"),
        };
        if self.tasks.iter().any(|task| task.ended.is_none()) {
            return no(
                "DuplicateRequest",
                "The request is already in progress for the domain.",
            );
        }
        self.tasks.push(Task {
            begun: Instant::now(),
            work,
            ended: None,
        });
        Ok(json!({ "OperationId": (self.tasks.len() - 1).to_string() }))
    }
}
