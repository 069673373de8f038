//! The stand-in for Infomaniak.

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::{FieldValue, HandsOver, RecordData, Rrset};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, bearer, query, split};

const TOKEN: &str = "Xk-synthetic-token-Vv81";
/// Records on one page of a list, whatever was asked for.
const PAGE: usize = 4;

pub async fn start() -> Option<FakeBed<Infomaniak>> {
    Some(FakeBed::start(Infomaniak).await)
}

pub struct Infomaniak;

type Refusal = (u16, Value);

fn refusal(status: u16, code: &str, description: &str) -> Refusal {
    (
        status,
        json!({ "result": "error", "error": { "code": code, "description": description } }),
    )
}

fn invalid(attribute: &str) -> Refusal {
    (
        422,
        json!({ "result": "error", "error": {
            "code": "validation_failed", "description": "Validation failed",
            "errors": [{ "code": "attribute_invalid", "description": format!("The {attribute} attribute is invalid"),
                "context": { "attribute": attribute } }],
        } }),
    )
}

fn success(data: Value) -> Value {
    json!({ "result": "success", "data": data })
}

impl Vendor for Infomaniak {
    const SLUG: &'static str = "infomaniak";
    const HANDS_OVER: HandsOver = HandsOver::Always;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}")),
            ),
            (
                "token".to_owned(),
                FieldValue::Secret(TOKEN.to_owned().into()),
            ),
        ])
    }

    fn holds(set: &Rrset) -> bool {
        set.values().iter().all(|value| match value {
            RecordData::Txt(bytes) => {
                !bytes.is_empty() && bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
            }
            RecordData::Mx { exchange, .. } => !exchange.is_root(),
            RecordData::Cname(_) => true,
        })
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            let (status, body) = refusal(429, "too_many_requests", "Too many requests");
            return ResponseTemplate::new(status).set_body_json(body);
        }
        let (Ok((status, body)) | Err((status, body))) = route(shelf, request);
        ResponseTemplate::new(status).set_body_json(body)
    }
}

fn route(shelf: &mut Shelf, request: &Request) -> Result<(u16, Value), Refusal> {
    if !bearer(request, &format!("Bearer {TOKEN}")) {
        return Err(refusal(401, "not_authorized", "Authorization required"));
    }
    let missing = || refusal(404, "object_not_found", "Object not found");
    let path = split(request);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let (method, ["2", kind, name, below @ ..]) = (request.method.as_str(), path.as_slice()) else {
        return Err(missing());
    };
    let zone = shelf.zone_mut(name).ok_or_else(missing)?;
    match (method, *kind, below) {
        ("GET", "zones", []) => Ok((
            200,
            success(json!({
                "id": zone.id.parse::<u64>().unwrap(), "fqdn": zone.name, "dnssec": { "is_enabled": zone.signed },
                "nameservers": ["ns11.infomaniak.ch", "ns12.infomaniak.ch"],
            })),
        )),
        ("POST", "domains", ["dnssec", verb @ ("enable" | "disable")]) => {
            zone.signed = *verb == "enable";
            Ok((200, success(json!(true))))
        }
        ("GET", "zones", ["records"]) => Ok((200, list(zone, request))),
        ("POST", "zones", ["records"]) => {
            let mut record = Record {
                id: 0,
                name: String::new(),
                rtype: String::new(),
                ttl: 0,
                data: String::new(),
                extra: Value::Null,
            };
            put(zone, &mut record, request)?;
            let clash = |held: &Record| {
                held.name == record.name && (held.rtype == "CNAME" || record.rtype == "CNAME")
            };
            if zone.records.iter().any(clash) {
                return Err(invalid("source"));
            }
            record.id = shelf.new_id();
            let answer = shelf.change(name, |zone| {
                zone.records.push(record.clone());
                shown(zone, &record)
            });
            Ok((201, success(answer)))
        }
        ("PUT" | "DELETE", "zones", ["records", id]) => {
            let id: u64 = id.parse().unwrap();
            let at = zone.records.iter().position(|record| record.id == id);
            let at = at.ok_or_else(missing)?;
            if method == "DELETE" {
                shelf.change(name, |zone| zone.records.remove(at));
                return Ok((200, success(json!(true))));
            }
            let mut record = zone.records[at].clone();
            put(zone, &mut record, request)?;
            let answer = shelf.change(name, |zone| {
                zone.records[at] = record.clone();
                shown(zone, &record)
            });
            Ok((200, success(answer)))
        }
        _ => Err(refusal(405, "method_not_allowed", "Method not allowed")),
    }
}

fn list(zone: &Zone, request: &Request) -> Value {
    let mut all: Vec<Value> = zone
        .records
        .iter()
        .map(|record| shown(zone, record))
        .collect();
    for (filter, key) in [("filter[source]", "source"), ("filter[types][]", "type")] {
        if let Some(wanted) = query(request, filter) {
            all.retain(|record| record[key] == wanted);
        }
    }
    let number = |key: &str| query(request, key).map_or(1, |number| number.parse().unwrap());
    let (page, size): (usize, usize) = (number("page"), number("per_page").min(PAGE));
    let part: Vec<_> = all.iter().skip((page - 1) * size).take(size).collect();
    json!({
        "result": "success", "data": part, "page": page, "pages": all.len().div_ceil(size).max(1), "items_per_page": size,
        "total": all.len(),
    })
}

/// What Infomaniak takes of a body into a record.
fn put(zone: &Zone, record: &mut Record, request: &Request) -> Result<(), Refusal> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| invalid("body"))?;
    let text = |key: &str| body[key].as_str().ok_or_else(|| invalid(key));
    if record.id == 0 {
        let source = text("source")?;
        record.name = zone.absolute(if source == "." { "@" } else { source });
        record.rtype = text("type")?.to_owned();
    } else if body.get("source").is_some() || body.get("type").is_some() {
        return Err(invalid("source"));
    }
    let ttl = body["ttl"].as_u64().ok_or_else(|| invalid("ttl"))?;
    record.ttl = u32::try_from(ttl).unwrap();
    let target = text("target")?;
    record.data = match record.rtype.as_str() {
        "MX" | "CNAME" if target.ends_with('.') => return Err(invalid("target")),
        "MX" | "CNAME" => format!("{target}."),
        // A backslash may stand before a quote or another only.
        "TXT" => {
            let plain = target.replace("\\\\", "").replace("\\\"", "");
            if !target.starts_with('"') || target == "\"\"" || plain.contains('\\') {
                return Err(invalid("target"));
            }
            target.to_owned()
        }
        _ => return Err(invalid("type")),
    };
    Ok(())
}

fn shown(zone: &Zone, record: &Record) -> Value {
    let name = zone.relative(&record.name);
    let target = match record.rtype.as_str() {
        "MX" | "CNAME" => record.data.trim_end_matches('.'),
        _ => record.data.as_str(),
    };
    json!({
        "id": record.id, "source": if name == "@" { "." } else { name }, "type": record.rtype, "target": target, "ttl": record.ttl,
        "updated_at": 1_779_826_643,
    })
}
