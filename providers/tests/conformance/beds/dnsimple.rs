//! The stand-in for DNSimple.

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::{DelegationKey, FieldValue, HandsOver, RecordData, Rrset};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, bearer, query, split};

const TOKEN: &str = "dnsimple_a_synthetic-token-7hW";
const ACCOUNT: &str = "1010";
/// Entries on one page of a list, whatever was asked for.
const PAGE: usize = 4;

pub async fn start() -> Option<FakeBed<Dnsimple>> {
    Some(FakeBed::start(Dnsimple).await)
}

pub struct Dnsimple;

type Refusal = (u16, Value);

fn refusal(status: u16, message: &str) -> Refusal {
    (status, json!({ "message": message }))
}

fn invalid(field: &str, word: &str) -> Refusal {
    (
        400,
        json!({ "message": "Validation failed", "errors": { field: [word] } }),
    )
}

impl Vendor for Dnsimple {
    const SLUG: &'static str = "dnsimple";
    const REGISTRAR: bool = true;
    const KEEPS: bool = true;
    const NAMESERVERS: bool = false;
    const HANDS_OVER: HandsOver = HandsOver::IfRegisteredThere;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}/v2")),
            ),
            (
                "token".to_owned(),
                FieldValue::Secret(TOKEN.to_owned().into()),
            ),
        ])
    }

    fn holds(set: &Rrset) -> bool {
        set.values().iter().all(|value| match value {
            RecordData::Txt(_) => complaint(&value.to_string()).is_none(),
            _ => true,
        })
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            let reset = jiff::Timestamp::now().as_second() + 600;
            return ResponseTemplate::new(429)
                .insert_header("x-ratelimit-remaining", "0")
                .insert_header("x-ratelimit-reset", reset.to_string().as_str())
                .set_body_json(json!({ "message": "quota exceeded" }));
        }
        match route(shelf, request) {
            Ok((204, _)) => ResponseTemplate::new(204),
            Ok((status, body)) | Err((status, body)) => {
                ResponseTemplate::new(status).set_body_json(body)
            }
        }
    }
}

fn route(shelf: &mut Shelf, request: &Request) -> Result<(u16, Value), Refusal> {
    if !bearer(request, &format!("Bearer {TOKEN}")) {
        return Err(refusal(401, "Authentication failed"));
    }
    let path = split(request);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    match (method, path.as_slice()) {
        ("GET", ["v2", "whoami"]) => Ok((
            200,
            json!({ "data": { "user": null, "account": {
                "id": 1010, "email": "ops@example.test", "plan_identifier": "teams-v2-monthly",
            } } }),
        )),
        ("GET", ["v2", "tlds", "test"]) => Ok((
            200,
            json!({ "data": { "tld": "test", "tld_type": 1, "dnssec_interface_type": "ds" } }),
        )),
        (_, ["v2", ACCOUNT, "zones", zone, below @ ..]) => {
            if shelf.zone(zone).is_none() {
                return Err(refusal(404, &format!("Zone `{zone}` not found")));
            }
            records(shelf, request, zone, below)
        }
        (_, ["v2", ACCOUNT, "domains", domain, below @ ..]) => {
            if shelf.zone(domain).is_none() {
                return Err(refusal(404, &format!("Domain `{domain}` not found")));
            }
            dnssec(shelf, request, domain, below)
        }
        _ => Err(refusal(404, "Not Found")),
    }
}

fn records(
    shelf: &mut Shelf,
    request: &Request,
    zone: &str,
    below: &[&str],
) -> Result<(u16, Value), Refusal> {
    let held = shelf.zone(zone).unwrap();
    match (request.method.as_str(), below) {
        ("GET", []) => Ok((
            200,
            json!({ "data": {
                "id": held.id.parse::<u64>().unwrap(), "account_id": 1010, "name": held.name, "reverse": false,
                "secondary": false, "last_transferred_at": null, "active": true,
            } }),
        )),
        ("GET", ["records"]) => {
            let mut all: Vec<Value> = held
                .records
                .iter()
                .map(|record| shown(held, record))
                .collect();
            if held.signed {
                let key = format!("257 3 13 {}", held.key());
                all.push(json!({ "id": 9_000_001, "zone_id": zone, "name": "", "type": "DNSKEY", "content": key, "ttl": 3600,
                    "priority": null, "regions": ["global"], "system_record": true }));
            }
            for key in ["name", "type"] {
                // An empty name is no filter.
                if let Some(wanted) = query(request, key).filter(|wanted| !wanted.is_empty()) {
                    all.retain(|record| record[key] == wanted);
                }
            }
            Ok(paged(request, &all))
        }
        ("POST", ["records"]) => {
            let body = body(request)?;
            let (name, rtype) = (body["name"].as_str(), body["type"].as_str());
            let (Some(name), Some(rtype)) = (name, rtype) else {
                return Err(invalid("name", "can't be blank"));
            };
            let name = held.absolute(name);
            let clash = |record: &Record| {
                (record.rtype == "CNAME" || rtype == "CNAME") && record.name == name
            };
            if held.records.iter().any(clash) {
                return Err(invalid("base", "Zone record conflicts with a CNAME record"));
            }
            let mut record = Record {
                id: shelf.new_id(),
                name,
                rtype: rtype.to_owned(),
                ttl: 3600,
                data: String::new(),
                extra: Value::Null,
            };
            put(&mut record, &body)?;
            let answer = shelf.change(zone, |held| {
                held.records.push(record.clone());
                shown(held, &record)
            });
            Ok((201, json!({ "data": answer })))
        }
        (method @ ("PATCH" | "DELETE"), ["records", id]) => {
            let id: u64 = id.parse().unwrap();
            let Some(at) = held.records.iter().position(|record| record.id == id) else {
                return Err(refusal(404, &format!("Record `{id}` not found")));
            };
            if method == "DELETE" {
                shelf.change(zone, |held| held.records.remove(at));
                return Ok((204, Value::Null));
            }
            let mut record = held.records[at].clone();
            put(&mut record, &body(request)?)?;
            let answer = shelf.change(zone, |held| {
                held.records[at] = record.clone();
                shown(held, &record)
            });
            Ok((200, json!({ "data": answer })))
        }
        _ => Err(refusal(405, "Method Not Allowed")),
    }
}

fn dnssec(
    shelf: &mut Shelf,
    request: &Request,
    domain: &str,
    below: &[&str],
) -> Result<(u16, Value), Refusal> {
    let held = shelf.zone_mut(domain).unwrap();
    let own: DelegationKey = DelegationKey::from_dnskey(
        &domain.parse().unwrap(),
        format!("257 3 13 {}", held.key()).parse().unwrap(),
    )
    .unwrap();
    let status = |signed: bool| json!({ "data": { "enabled": signed, "active": signed, "created_at": "2026-01-01T00:00:00Z" } });
    match (request.method.as_str(), below) {
        ("GET", []) => Ok((
            200,
            json!({ "data": { "id": 181_984, "account_id": 1010, "name": domain, "state": "registered" } }),
        )),
        ("GET", ["dnssec"]) => Ok((200, status(held.signed))),
        // Hosted and registered there: the DS follows by itself.
        ("POST", ["dnssec"]) => {
            held.signed = true;
            held.on_file = vec![own];
            Ok((201, status(true)))
        }
        ("DELETE", ["dnssec"]) => {
            if !held.signed {
                let message = "DNSSEC cannot be disabled because it is not enabled";
                return Err(refusal(428, message));
            }
            held.signed = false;
            held.on_file.clear();
            Ok((204, Value::Null))
        }
        ("GET", ["ds_records"]) => {
            let all: Vec<_> = held.on_file.iter().map(shown_ds).collect();
            Ok(paged(request, &all))
        }
        ("POST", ["ds_records"]) => {
            let body = body(request)?;
            let text = |key: &str| {
                body[key]
                    .as_str()
                    .ok_or_else(|| invalid(key, "can't be blank"))
            };
            let (tag, algorithm) = (text("keytag")?, text("algorithm")?);
            let (kind, digest) = (text("digest_type")?, text("digest")?);
            let ds = format!("{tag} {algorithm} {kind} {digest}");
            let ds = ds.parse().map_err(|_| invalid("digest", "is invalid"))?;
            let key = DelegationKey {
                dnskey: None,
                ds: vec![ds],
            };
            let answer = shown_ds(&key);
            held.on_file.push(key);
            Ok((201, json!({ "data": answer })))
        }
        ("DELETE", ["ds_records", id]) => {
            let before = held.on_file.len();
            held.on_file.retain(|key| number(key).to_string() != *id);
            if held.on_file.len() == before {
                return Err(refusal(404, "Delegation signer record not found"));
            }
            Ok((204, Value::Null))
        }
        _ => Err(refusal(405, "Method Not Allowed")),
    }
}

/// DNSimple's number for what is on file.
fn number(key: &DelegationKey) -> u64 {
    700_000 + u64::from(key.preferred_ds().unwrap().key_tag)
}

fn shown_ds(key: &DelegationKey) -> Value {
    let ds = key.preferred_ds().unwrap();
    let digest: String = ds.digest.iter().map(|byte| format!("{byte:02X}")).collect();
    json!({
        "id": number(key), "domain_id": 181_984, "algorithm": ds.algorithm.to_string(), "digest": digest,
        "digest_type": ds.digest_type.to_string(), "keytag": ds.key_tag.to_string(), "public_key": null,
    })
}

fn body(request: &Request) -> Result<Value, Refusal> {
    let json = request
        .headers
        .get("content-type")
        .is_some_and(|kind| kind == "application/json");
    serde_json::from_slice(&request.body)
        .ok()
        .filter(|_| json)
        .ok_or_else(|| refusal(400, "There was a problem in the JSON you submitted"))
}

/// What DNSimple takes of a body into a record, or its complaint.
fn put(record: &mut Record, body: &Value) -> Result<(), Refusal> {
    let known = ["name", "type", "content", "ttl", "priority", "regions"];
    let unknown = body
        .as_object()
        .unwrap()
        .keys()
        .find(|key| !known.contains(&key.as_str()));
    if let Some(key) = unknown {
        return Err(invalid(key, "is not a parameter"));
    }
    if let Some(ttl) = body.get("ttl") {
        let ttl = ttl
            .as_u64()
            .ok_or_else(|| invalid("ttl", "is not a number"))?;
        record.ttl = u32::try_from(ttl).unwrap();
    }
    if let Some(regions) = body.get("regions") {
        record.extra = regions.clone();
    }
    let content = body["content"]
        .as_str()
        .ok_or_else(|| invalid("content", "can't be blank"))?;
    if record.rtype != "TXT" && content.len() > 1 && content.ends_with('.') {
        return Err(invalid("content", "is not a valid host name"));
    }
    let host = format!("{}.", content.trim_end_matches('.'));
    record.data = match record.rtype.as_str() {
        "MX" => match body["priority"].as_u64() {
            Some(priority) => format!("{priority} {host}"),
            None => return Err(invalid("priority", "is not a number")),
        },
        "CNAME" => host,
        "TXT" => match complaint(content) {
            Some(word) => return Err(invalid("content", word)),
            None => content.to_owned(),
        },
        _ => return Err(invalid("record_type", "unsupported")),
    };
    Ok(())
}

/// What DNSimple has against a text in quotes.
fn complaint(content: &str) -> Option<&'static str> {
    let escaped = content.matches("\\\"").count();
    if !content.starts_with('"') {
        Some("is not quoted")
    } else if content == "\"\"" {
        Some("can't be blank")
    } else if content.ends_with(" \"") {
        Some("ends with a blank")
    } else if content.len() > 1000 {
        Some("is too long (maximum is 1000 characters)")
    } else if escaped % 2 == 1 {
        Some("has unpaired double quotes")
    } else {
        None
    }
}

fn shown(zone: &Zone, record: &Record) -> Value {
    let (priority, content) = match record.rtype.as_str() {
        "MX" => {
            let (priority, host) = record.mx();
            (json!(priority), if host.is_empty() { "." } else { host })
        }
        "CNAME" => (Value::Null, record.data.trim_end_matches('.')),
        _ => (Value::Null, record.data.as_str()),
    };
    let name = zone.relative(&record.name);
    json!({
        "id": record.id, "zone_id": zone.name, "parent_id": null, "name": if name == "@" { "" } else { name },
        "content": content, "ttl": record.ttl, "priority": priority, "type": record.rtype,
        "regions": if record.extra.is_null() { json!(["global"]) } else { record.extra.clone() },
        "system_record": false, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    })
}

fn paged(request: &Request, all: &[Value]) -> (u16, Value) {
    let number = |key: &str, default| query(request, key).map_or(default, |n| n.parse().unwrap());
    let page: usize = number("page", 1);
    let size = number("per_page", 30).min(PAGE);
    let part: Vec<_> = all.iter().skip((page - 1) * size).take(size).collect();
    let pages = all.len().div_ceil(size).max(1);
    (
        200,
        json!({ "data": part, "pagination": {
            "current_page": page, "per_page": size, "total_entries": all.len(), "total_pages": pages,
        } }),
    )
}
