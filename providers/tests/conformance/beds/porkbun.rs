//! The stand-in for Porkbun.

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::{DelegationKey, Ds, FieldValue, RecordData, RecordType, Rrset};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, split};

const KEY: &str = "pk1_synthetic-key-9fG";
const SECRET: &str = "sk1_synthetic-secret-3Rt";

pub async fn start() -> Option<FakeBed<Porkbun>> {
    Some(FakeBed::start(Porkbun).await)
}

pub struct Porkbun;

/// Everything is a POST: only the path tells what asks for a change.
fn is_write(sent: &[u8]) -> bool {
    let line = sent.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let begins = ["create", "edit", "delete"].map(|what| format!("POST /api/json/v3/dns/{what}"));
    begins.iter().any(|begin| line.starts_with(begin))
}

impl Vendor for Porkbun {
    const SLUG: &'static str = "porkbun";
    const REGISTRAR: bool = true;
    const KEEPS: bool = true;
    const IN_PARTS: bool = true;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        let secret = |text: &str| FieldValue::Secret(text.to_owned().into());
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}/api/json/v3")),
            ),
            ("api-key".to_owned(), secret(KEY)),
            ("secret-api-key".to_owned(), secret(SECRET)),
        ])
    }

    fn is_write() -> fn(&[u8]) -> bool {
        is_write
    }

    /// No texts that are empty, that begin or end with a blank, or that are no UTF-8.
    fn holds(set: &Rrset) -> bool {
        set.values().iter().all(|value| match value {
            RecordData::Txt(text) => std::str::from_utf8(text).is_ok_and(holds_text),
            _ => true,
        })
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        match route(shelf, request) {
            Ok(mut body) => {
                body["status"] = "SUCCESS".into();
                ResponseTemplate::new(200).set_body_json(body)
            }
            Err((status, code, message)) => ResponseTemplate::new(status).set_body_json(json!({
                "status": "ERROR", "code": code, "message": message, "ttlRemaining": (status == 429).then_some(2),
            })),
        }
    }
}

type Refusal = (u16, &'static str, &'static str);

const CONFLICT: Refusal = (
    400,
    "DUPLICATE_RECORD",
    "A record with this exact name, type and content already exists.",
);

fn holds_text(text: &str) -> bool {
    !text.is_empty() && text.trim() == text
}

fn route(shelf: &mut Shelf, request: &Request) -> Result<Value, Refusal> {
    if shelf.throttle > 0 {
        shelf.throttle -= 1;
        return Err((429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded."));
    }
    if request.method.as_str() != "POST" {
        return Err((400, "METHOD_NOT_ALLOWED", "Method not allowed."));
    }
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| (400, "INVALID_OR_EMPTY_JSON", "Invalid or empty JSON."))?;
    match (body["apikey"].as_str(), body["secretapikey"].as_str()) {
        (None, _) => return Err((400, "API_KEY_REQUIRED", "API key required.")),
        (_, None) => return Err((400, "MISSING_SECRETAPIKEY", "Secret API key missing.")),
        (Some(KEY), Some(SECRET)) => {}
        _ => return Err((400, "INVALID_API_KEYS_001", "Invalid API key. (001)")),
    }
    let path = split(request);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let ["api", "json", "v3", area, what, domain, below @ ..] = path.as_slice() else {
        return Err((404, "NOT_FOUND", "Not found."));
    };
    let zone = shelf
        .zone(domain)
        .ok_or((400, "INVALID_DOMAIN", "Invalid domain."))?;
    match (*area, *what, below) {
        ("domain", "getNs", []) => {
            Ok(json!({ "ns": ["curitiba.ns.porkbun.com", "salvador.ns.porkbun.com"] }))
        }
        ("dns", "retrieve", []) => Ok(
            json!({ "cloudflare": "enabled", "records": zone.records.iter().map(shown).collect::<Vec<_>>() }),
        ),
        ("dns", "retrieveByNameType", [rtype, owner @ ..]) => {
            // The apex has no last segment.
            let name = match owner {
                [] => zone.name.clone(),
                [owner] if !owner.is_empty() && *owner != "@" && !owner.ends_with(&zone.name) => {
                    zone.absolute(owner)
                }
                _ => return Err((400, "INVALID_SUBDOMAIN", "Invalid subdomain.")),
            };
            let of = |record: &&Record| record.name == name && record.rtype == *rtype;
            Ok(
                json!({ "cloudflare": "enabled", "records": zone.records.iter().filter(of).map(shown).collect::<Vec<_>>() }),
            )
        }
        ("dns", "create", []) => {
            let id = shelf.new_id();
            let record = read(shelf.zone(domain).unwrap(), &body, id)?;
            shelf.change(domain, |zone| zone.records.push(record));
            Ok(json!({ "id": id.to_string() }))
        }
        ("dns", "edit", [id]) => {
            let at = place(zone, id)?;
            let old = zone.records[at].clone();
            let others = Zone {
                records: zone
                    .records
                    .iter()
                    .filter(|record| record.id != old.id)
                    .cloned()
                    .collect(),
                name: zone.name.clone(),
                ..Zone::default()
            };
            let mut new = read(&others, &body, old.id)?;
            if body["notes"].is_null() {
                new.extra = old.extra.clone();
            }
            if new == old {
                return Err((
                    400,
                    "EDIT_ERROR",
                    "Edit error: We were unable to edit the DNS record.",
                ));
            }
            shelf.change(domain, |zone| zone.records[at] = new);
            Ok(json!({}))
        }
        ("dns", "delete", [id]) => {
            let at = place(zone, id)?;
            shelf.change(domain, |zone| drop(zone.records.remove(at)));
            Ok(json!({}))
        }
        ("dns", what, below) => delegation(shelf.zone_mut(domain).unwrap(), what, below, &body),
        _ => Err((404, "NOT_FOUND", "Not found.")),
    }
}

fn place(zone: &Zone, id: &str) -> Result<usize, Refusal> {
    let at = zone
        .records
        .iter()
        .position(|record| record.id.to_string() == id);
    at.ok_or((400, "INVALID_RECORD_ID", "Invalid record ID."))
}

/// A record of a body. Without a name it is at the apex.
fn read(zone: &Zone, body: &Value, id: u64) -> Result<Record, Refusal> {
    let invalid = (
        400,
        "INVALID_RECORD",
        "Create error: We were unable to create the DNS record.",
    );
    let owner = body["name"].as_str().unwrap_or_default();
    if owner == "@" || owner.ends_with('.') || owner.ends_with(&zone.name) {
        return Err(invalid);
    }
    let name = zone.absolute(owner);
    let rtype = body["type"]
        .as_str()
        .ok_or((400, "INVALID_TYPE", "Invalid type."))?;
    let content = body["content"].as_str().ok_or(invalid)?;
    let number = |field: &str| {
        body[field]
            .as_str()
            .and_then(|text| text.parse::<u32>().ok())
    };
    let data = match rtype {
        "MX" => {
            let prio = number("prio")
                .filter(|prio| *prio <= 65_535)
                .ok_or(invalid)?;
            format!("{prio} {}.", content.trim_end_matches('.'))
        }
        "CNAME" => format!("{}.", content.trim_end_matches('.')),
        "TXT" if holds_text(content) => RecordData::txt(content).to_string(),
        _ => return Err(invalid),
    };
    let of = |record: &&Record| record.name == name && record.rtype == rtype;
    if zone
        .records
        .iter()
        .filter(of)
        .any(|record| record.data == data)
    {
        return Err(CONFLICT);
    }
    if rtype == "CNAME" && zone.records.iter().any(|record| record.name == name) {
        return Err(invalid);
    }
    // What is too small is raised, and nothing is said.
    let ttl = number("ttl").unwrap_or(0).max(600);
    Ok(Record {
        id,
        name,
        rtype: rtype.to_owned(),
        ttl,
        data,
        extra: body["notes"].clone(),
    })
}

fn shown(record: &Record) -> Value {
    let mut shown = json!({
        "id": record.id.to_string(), "name": record.name, "type": record.rtype, "ttl": record.ttl.to_string(), "prio": null, "notes": record.extra,
    });
    shown["content"] = match record.rtype.as_str() {
        "MX" => {
            let (prio, host) = record.mx();
            shown["prio"] = prio.to_string().into();
            host.into()
        }
        "TXT" => match RecordData::parse(RecordType::Txt, &record.data).unwrap() {
            RecordData::Txt(text) => String::from_utf8(text).unwrap().into(),
            other => panic!("{other:?}"),
        },
        _ => record.data.trim_end_matches('.').into(),
    };
    shown
}

/// The DS records at the registry, told apart by their key tags.
fn delegation(zone: &mut Zone, what: &str, below: &[&str], body: &Value) -> Result<Value, Refusal> {
    let tag = |key: &DelegationKey| key.preferred_ds().unwrap().key_tag.to_string();
    match (what, below) {
        ("getDnssecRecords", []) if zone.on_file.is_empty() => Ok(json!({ "records": [] })),
        ("getDnssecRecords", []) => {
            let shown = zone.on_file.iter().map(|key| {
                let text = key.preferred_ds().unwrap().to_string();
                let [key_tag, alg, digest_type, digest] = text.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("{text}")
                };
                (key_tag.to_owned(), json!({ "keyTag": key_tag, "alg": alg, "digestType": digest_type, "digest": digest }))
            });
            Ok(json!({ "records": shown.collect::<serde_json::Map<_, _>>() }))
        }
        ("createDnssecRecord", []) => {
            let field = |field: &str| {
                body[field]
                    .as_str()
                    .ok_or((400, "INVALID_DNSSEC", "A field is missing."))
            };
            let line = [
                field("keyTag")?,
                field("alg")?,
                field("digestType")?,
                field("digest")?,
            ]
            .join(" ");
            let ds: Ds = line
                .parse()
                .map_err(|_| (400, "INVALID_DNSSEC", "The registry refused the record."))?;
            if zone.on_file.iter().any(|key| key.ds.contains(&ds)) {
                return Err((400, "INVALID_DNSSEC", "The registry has the record."));
            }
            let apex = zone.name.parse().unwrap();
            zone.on_file
                .push(DelegationKey::checked(&apex, None, vec![ds]).unwrap());
            Ok(json!({}))
        }
        ("deleteDnssecRecord", [wanted]) => {
            let count = zone.on_file.len();
            zone.on_file.retain(|key| tag(key) != *wanted);
            if zone.on_file.len() == count {
                return Err((400, "INVALID_DNSSEC", "The registry has no such record."));
            }
            Ok(json!({}))
        }
        _ => Err((404, "NOT_FOUND", "Not found.")),
    }
}
