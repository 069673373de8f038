//! The stand-in for bunny.net.

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::{FieldValue, RecordData, Rrset};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, query, split};

const KEY: &str = "4ef4-synthetic-key-9961";
/// Zones on one page of a list, whatever was asked for.
const PAGE: usize = 1;
/// In the order of their numbers.
const TYPES: [&str; 5] = ["A", "AAAA", "CNAME", "TXT", "MX"];

pub async fn start() -> Option<FakeBed<Bunny>> {
    Some(FakeBed::start(Bunny).await)
}

pub struct Bunny;

type Refusal = (u16, Value);

fn refusal(status: u16, key: &str, field: &str, message: &str) -> Refusal {
    (
        status,
        json!({ "ErrorKey": key, "Field": field, "Message": message }),
    )
}

impl Vendor for Bunny {
    const SLUG: &'static str = "bunny";
    const KEEPS: bool = true;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}")),
            ),
            (
                "api-key".to_owned(),
                FieldValue::Secret(KEY.to_owned().into()),
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
            return ResponseTemplate::new(429);
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
    if request
        .headers
        .get("accesskey")
        .is_none_or(|value| value != KEY)
    {
        let message = "The request authorization failed";
        return Err(refusal(401, "auth.failed", "", message));
    }
    let path = split(request);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    if (method, path.as_slice()) == ("GET", &["dnszone"]) {
        return Ok(zones(shelf, request));
    }
    let missing = || {
        let message = "The DNS Zone with the requested ID does not exist";
        refusal(404, "not.found", "id", message)
    };
    let ["dnszone", id, below @ ..] = path.as_slice() else {
        return Err(missing());
    };
    let zone = shelf.zones.iter_mut().find(|zone| zone.id == *id);
    let zone = zone.ok_or_else(missing)?;
    let name = zone.name.clone();
    match (method, below) {
        ("GET", []) => Ok((200, shown_zone(zone))),
        ("POST" | "DELETE", ["dnssec"]) => {
            zone.signed = method == "POST";
            Ok((
                200,
                json!({ "Enabled": zone.signed, "DsRecord": zone.ds(), "Digest": zone.digest(), "DigestType": "SHA256", "Algorithm": 13,
                    "PublicKey": zone.key(), "KeyTag": zone.key_tag(), "Flags": 257, "DsConfigured": false }),
            ))
        }
        ("PUT", ["records"]) => {
            let mut record = parse(zone, request)?;
            let clash = |held: &Record| {
                held.name == record.name && (held.rtype == "CNAME" || record.rtype == "CNAME")
            };
            if zone.records.iter().any(clash) {
                let message = "A CNAME record cannot exist beside other records";
                return Err(refusal(400, "validation.error", "Name", message));
            }
            record.id = shelf.new_id();
            let answer = shelf.change(&name, |zone| {
                zone.records.push(record.clone());
                shown(zone, &record)
            });
            Ok((201, answer))
        }
        ("POST" | "DELETE", ["records", id]) => {
            let id: u64 = id.parse().unwrap();
            let at = zone.records.iter().position(|record| record.id == id);
            let at = at.ok_or_else(|| {
                let message = "The requested record was not found";
                refusal(404, "not.found", "id", message)
            })?;
            if method == "DELETE" {
                shelf.change(&name, |zone| zone.records.remove(at));
            } else {
                // What is not sent is reset.
                let mut record = parse(zone, request)?;
                record.id = id;
                shelf.change(&name, |zone| zone.records[at] = record);
            }
            Ok((204, Value::Null))
        }
        _ => Err(refusal(405, "method", "", "Method not allowed")),
    }
}

fn zones(shelf: &Shelf, request: &Request) -> (u16, Value) {
    let page: usize = query(request, "page").map_or(1, |page| page.parse().unwrap());
    let search = query(request, "search").unwrap_or_default();
    // By any part of the name.
    let found = shelf
        .zones
        .iter()
        .filter(|zone| zone.name.contains(&search));
    let found: Vec<_> = found.collect();
    let items: Vec<_> = found
        .iter()
        .skip((page - 1) * PAGE)
        .take(PAGE)
        .map(|zone| shown_zone(zone))
        .collect();
    let more = page * PAGE < found.len();
    (
        200,
        json!({ "Items": items, "CurrentPage": page, "TotalItems": found.len(), "HasMoreItems": more }),
    )
}

fn shown_zone(zone: &Zone) -> Value {
    let records: Vec<_> = zone
        .records
        .iter()
        .map(|record| shown(zone, record))
        .collect();
    json!({
        "Id": zone.id.parse::<u64>().unwrap(), "Domain": zone.name, "Records": records, "NameserversDetected": true,
        "Nameserver1": "kiki.bunny.net", "Nameserver2": "coco.bunny.net", "SoaEmail": "hostmaster@bunny.net",
        "DnsSecEnabled": zone.signed,
    })
}

fn shown(zone: &Zone, record: &Record) -> Value {
    let (priority, value) = match record.rtype.as_str() {
        "MX" => {
            let (priority, host) = record.mx();
            (priority, host.to_owned())
        }
        "CNAME" => (0, record.data.trim_end_matches('.').to_owned()),
        "TXT" => (0, raw(&record.data)),
        _ => (0, record.data.clone()),
    };
    let name = zone.relative(&record.name);
    json!({
        "Id": record.id, "Type": TYPES.iter().position(|rtype| *rtype == record.rtype), "Ttl": record.ttl, "Value": value,
        "Name": if name == "@" { "" } else { name }, "Weight": 100, "Priority": priority, "Port": 0, "Flags": 0, "Tag": null,
        "Accelerated": false, "MonitorStatus": 0, "MonitorType": 0, "SmartRoutingType": 0, "Disabled": false,
        "Comment": if record.extra.is_null() { json!("") } else { record.extra.clone() }, "AutoSslIssuance": true,
    })
}

/// A text without quotes around it.
fn raw(data: &str) -> String {
    let inner = data[1..data.len() - 1].replace("\" \"", "");
    let mut text = String::new();
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        text.push(if c == '\\' { rest.next().unwrap() } else { c });
    }
    text
}

/// The way back.
fn quoted(text: &str) -> String {
    let piece = |piece: &[u8]| {
        let text = String::from_utf8_lossy(piece).replace('\\', "\\\\");
        format!("\"{}\"", text.replace('"', "\\\""))
    };
    let pieces: Vec<_> = text.as_bytes().chunks(255).map(piece).collect();
    pieces.join(" ")
}

fn parse(zone: &Zone, request: &Request) -> Result<Record, Refusal> {
    let wrong = |field: &str| refusal(400, "validation.error", field, "The value is not valid");
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| wrong("body"))?;
    let number = |field: &str| body[field].as_u64().ok_or_else(|| wrong(field));
    let text = |field: &str| body[field].as_str().ok_or_else(|| wrong(field));
    let rtype = TYPES
        .get(number("Type")? as usize)
        .ok_or_else(|| wrong("Type"))?;
    let value = text("Value")?;
    if value.is_empty() || *rtype != "TXT" && value.ends_with('.') {
        return Err(wrong("Value"));
    }
    Ok(Record {
        id: 0,
        name: zone.absolute(text("Name")?),
        rtype: (*rtype).to_owned(),
        ttl: u32::try_from(number("Ttl")?).unwrap(),
        data: match *rtype {
            "MX" => format!("{} {value}.", number("Priority")?),
            "CNAME" => format!("{value}."),
            "TXT" => quoted(value),
            _ => value.to_owned(),
        },
        extra: match body["Comment"].as_str() {
            None | Some("") => Value::Null,
            Some(comment) => comment.into(),
        },
    })
}
