//! The stand-in for IONOS hosting DNS.

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::FieldValue;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, query, split};

const KEY: &str = "i0n5-synthetic-prefix.sEc-synthetic-secret-4Zx";

pub async fn start() -> Option<FakeBed<Ionos>> {
    Some(FakeBed::start(Ionos).await)
}

pub struct Ionos;

type Refusal = (u16, Value);

impl Vendor for Ionos {
    const SLUG: &'static str = "ionos";
    const NAMESERVERS: bool = false;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        let url = FieldValue::Plain(format!("http://{address}/dns/v1"));
        let key = FieldValue::Secret(KEY.to_owned().into());
        BTreeMap::from([("url".to_owned(), url), ("api-key".to_owned(), key)])
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        match route(shelf, request) {
            Ok(Value::Null) => ResponseTemplate::new(200),
            Ok(body) => ResponseTemplate::new(200).set_body_json(body),
            Err((status, body)) => ResponseTemplate::new(status).set_body_json(body),
        }
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    (status, json!([{ "code": code, "message": message }]))
}

fn invalid(record: &Value, field: &str) -> Refusal {
    let parameters = json!({ "errorRecord": record, "invalidFields": [field] });
    (
        400,
        json!([{ "code": "INVALID_RECORD", "message": "Record is invalid.", "parameters": parameters }]),
    )
}

fn route(shelf: &mut Shelf, request: &Request) -> Result<Value, Refusal> {
    if shelf.throttle > 0 {
        shelf.throttle -= 1;
        return Err(refusal(429, "RATE_LIMIT_EXCEEDED", "Too many requests."));
    }
    let key = request.headers.get("x-api-key");
    if key.and_then(|key| key.to_str().ok()) != Some(KEY) {
        let words = "The customer is not authorized to do this operation.";
        return Err(refusal(401, "UNAUTHORIZED", words));
    }
    let path = split(request);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let ["dns", "v1", "zones", below @ ..] = path.as_slice() else {
        return Err(refusal(404, "NOT_FOUND", "No such resource."));
    };
    let method = request.method.as_str();
    let [id, below @ ..] = below else {
        let brief =
            |zone: &Zone| json!({ "id": uuid(&zone.id), "name": zone.name, "type": "NATIVE" });
        return Ok(shelf.zones.iter().map(brief).collect());
    };
    let zone = shelf.zones.iter().find(|zone| uuid(&zone.id) == *id);
    let zone = zone.ok_or_else(|| refusal(404, "ZONE_NOT_FOUND", "Zone does not exist."))?;
    let name = zone.name.clone();
    match (method, below) {
        ("GET", []) => {
            let only = |key, value: &str| query(request, key).is_none_or(|wanted| wanted == value);
            let wanted = |record: &&Record| {
                only("recordName", &record.name) && only("recordType", &record.rtype)
            };
            let records: Vec<_> = zone
                .records
                .iter()
                .filter(wanted)
                .map(|record| shown(zone, record))
                .collect();
            Ok(
                json!({ "id": uuid(&zone.id), "name": zone.name, "type": "NATIVE", "records": records }),
            )
        }
        ("PATCH", []) => {
            let body: Vec<Value> = serde_json::from_slice(&request.body)
                .map_err(|_| refusal(400, "INVALID_DATA", "The data is invalid."))?;
            let read: Vec<_> = body
                .iter()
                .map(|record| read(zone, record))
                .collect::<Result<_, _>>()?;
            let ids: Vec<u64> = read.iter().map(|_| shelf.new_id()).collect();
            shelf.change(&name, |zone| {
                let sets: Vec<_> = read
                    .iter()
                    .map(|record| (record.name.clone(), record.rtype.clone()))
                    .collect();
                let replaced = |record: &Record| {
                    sets.iter()
                        .any(|(name, rtype)| record.name == *name && record.rtype == *rtype)
                };
                zone.records.retain(|record| !replaced(record));
                zone.records.extend(
                    ids.into_iter()
                        .zip(read)
                        .map(|(id, record)| Record { id, ..record }),
                );
            });
            Ok(Value::Null)
        }
        ("DELETE", ["records", id]) => shelf.change(&name, |zone| {
            let at = zone
                .records
                .iter()
                .position(|record| uuid(&record.id.to_string()) == *id);
            let at =
                at.ok_or_else(|| refusal(404, "RECORD_NOT_FOUND", "Record does not exist."))?;
            zone.records.remove(at);
            Ok(Value::Null)
        }),
        _ => Err(refusal(405, "METHOD_NOT_ALLOWED", "Method not allowed.")),
    }
}

/// A record of a body.
fn read(zone: &Zone, body: &Value) -> Result<Record, Refusal> {
    let known = ["name", "type", "content", "ttl", "prio", "disabled"];
    let fields = body.as_object().unwrap();
    if let Some(unknown) = fields.keys().find(|field| !known.contains(&field.as_str())) {
        return Err(invalid(body, unknown));
    }
    let text = |field| {
        body[field]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| invalid(body, field))
    };
    let (name, rtype, content) = (text("name")?, text("type")?, text("content")?);
    // In full, in lower case, without final dot.
    let inside = name == zone.name || name.ends_with(&format!(".{}", zone.name));
    if !inside || name.chars().any(char::is_uppercase) {
        return Err(invalid(body, "name"));
    }
    let ttl = body["ttl"]
        .as_u64()
        .filter(|ttl| (60..=i32::MAX as u64).contains(ttl));
    let ttl = ttl.ok_or_else(|| invalid(body, "ttl"))?;
    if (rtype == "MX") != body["prio"].is_u64() {
        return Err(invalid(body, "prio"));
    }
    let host = || match content.as_str() {
        "." => Ok(".".to_owned()),
        dotted if dotted.ends_with('.') => Err(invalid(body, "content")),
        host => Ok(format!("{host}.")),
    };
    let data = match rtype.as_str() {
        "MX" => format!("{} {}", body["prio"], host()?),
        "CNAME" => host()?,
        // What comes without quotes gets them.
        "TXT" if !content.starts_with('"') => format!("\"{content}\""),
        "TXT" => content,
        _ => return Err(invalid(body, "type")),
    };
    let others = |record: &Record| record.name == name && record.rtype != rtype;
    if rtype == "CNAME" && zone.records.iter().any(others) {
        return Err(refusal(400, "RECORD_CONFLICT", "A CNAME must be alone."));
    }
    Ok(Record {
        id: 0,
        name,
        rtype,
        ttl: u32::try_from(ttl).unwrap(),
        data,
        extra: Value::Null,
    })
}

fn shown(zone: &Zone, record: &Record) -> Value {
    let mut shown = json!({
        "id": uuid(&record.id.to_string()), "name": record.name, "rootName": zone.name, "type": record.rtype, "ttl": record.ttl,
        "changeDate": "2026-11-21T21:00:00.000Z", "disabled": false, "content": record.data,
    });
    match record.rtype.as_str() {
        "MX" => {
            let (prio, host) = record.mx();
            shown["prio"] = prio.into();
            shown["content"] = if host.is_empty() { "." } else { host }.into();
        }
        "CNAME" => shown["content"] = record.data.trim_end_matches('.').into(),
        _ => {}
    }
    shown
}

fn uuid(id: &str) -> String {
    format!("{id:0>8}-ebba-11e9-8df5-66fbe8a334b4")
}
