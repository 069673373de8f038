//! The stand-in for DigitalOcean.

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::{FieldValue, RecordData, Rrset};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, bearer, query, split};

const TOKEN: &str = "dop_v1_synthetic0token1for2tests";
/// Records on one page of a list, whatever was asked for.
const PAGE: usize = 3;

pub async fn start() -> Option<FakeBed<DigitalOcean>> {
    Some(FakeBed::start(DigitalOcean).await)
}

pub struct DigitalOcean;

type Refusal = (u16, &'static str, String);

fn not_found() -> Refusal {
    let message = "The resource you were accessing could not be found.";
    (404, "not_found", message.to_owned())
}

fn unprocessable(message: &str) -> Refusal {
    (422, "unprocessable_entity", message.to_owned())
}

impl Vendor for DigitalOcean {
    const SLUG: &'static str = "digitalocean";
    const NAMESERVERS: bool = false;

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
            RecordData::Mx { exchange, .. } => !exchange.is_root(),
            RecordData::Txt(bytes) => {
                !bytes.is_empty()
                    && bytes.len() <= 500
                    && bytes
                        .iter()
                        .all(|byte| matches!(byte, b' '..=b'~') && *byte != b'\\')
            }
            RecordData::Cname(_) => true,
        })
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        match route(shelf, request) {
            Ok(answer) => answer,
            Err((status, id, message)) => ResponseTemplate::new(status)
                .set_body_json(json!({ "id": id, "message": message, "request_id": "4d9d8375" })),
        }
    }
}

fn route(shelf: &mut Shelf, request: &Request) -> Result<ResponseTemplate, Refusal> {
    if shelf.throttle > 0 {
        shelf.throttle -= 1;
        return Err((
            429,
            "too_many_requests",
            "API Rate limit exceeded.".to_owned(),
        ));
    }
    if !bearer(request, &format!("Bearer {TOKEN}")) {
        return Err((401, "Unauthorized", "Unable to authenticate you".to_owned()));
    }
    let path = split(request);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let ["v2", "domains", domain, below @ ..] = path.as_slice() else {
        return Err(not_found());
    };
    let zone = shelf.zone(domain).ok_or_else(not_found)?;
    let ok = |status, body: Value| Ok(ResponseTemplate::new(status).set_body_json(body));
    match (request.method.as_str(), below) {
        ("GET", []) => ok(
            200,
            json!({ "domain": { "name": zone.name, "ttl": 1800, "zone_file": "$ORIGIN ..." } }),
        ),
        ("GET", ["records"]) => ok(200, list(zone, request)),
        ("POST", ["records"]) => {
            let (name, rtype, ttl, data) = check(zone, request, None)?;
            let record = Record {
                id: shelf.new_id(),
                name,
                rtype,
                ttl,
                data,
                extra: Value::Null,
            };
            let answer = shown(zone_of(shelf, domain), &record);
            shelf.change(domain, |zone| zone.records.push(record));
            ok(201, json!({ "domain_record": answer }))
        }
        ("PUT", ["records", id]) => {
            let id = held(zone, id)?;
            let (name, rtype, ttl, data) = check(zone, request, Some(id))?;
            let record = shelf.change(domain, |zone| {
                let record = zone.records.iter_mut().find(|record| record.id == id);
                let record = record.unwrap();
                assert_eq!(record.rtype, rtype, "a record changes its type");
                (record.name, record.ttl, record.data) = (name, ttl, data);
                record.clone()
            });
            ok(
                200,
                json!({ "domain_record": shown(zone_of(shelf, domain), &record) }),
            )
        }
        ("DELETE", ["records", id]) => {
            let id = held(zone, id)?;
            shelf.change(domain, |zone| zone.records.retain(|record| record.id != id));
            Ok(ResponseTemplate::new(204))
        }
        _ => Err((405, "method_not_allowed", "no such method".to_owned())),
    }
}

fn zone_of<'a>(shelf: &'a Shelf, name: &str) -> &'a Zone {
    shelf.zone(name).unwrap()
}

fn held(zone: &Zone, id: &str) -> Result<u64, Refusal> {
    let id = id.parse().map_err(|_| not_found())?;
    let held = zone.records.iter().any(|record| record.id == id);
    held.then_some(id).ok_or_else(not_found)
}

/// Name, type, TTL and zone file text of the record in a body, or the complaint.
fn check(
    zone: &Zone,
    request: &Request,
    id: Option<u64>,
) -> Result<(String, String, u32, String), Refusal> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let owner = body["name"].as_str().unwrap();
    if owner.is_empty() || owner.ends_with('.') || owner.ends_with(&zone.name) {
        return Err(unprocessable("Name needs to be relative to the domain."));
    }
    let ttl = body["ttl"].as_u64().unwrap();
    if !(30..=2_147_483_647).contains(&ttl) {
        return Err(unprocessable("TTL needs to be at least 30."));
    }
    let (rtype, data) = (
        body["type"].as_str().unwrap().to_owned(),
        body["data"].as_str().unwrap(),
    );
    if matches!(rtype.as_str(), "MX" | "CNAME") && !data.ends_with('.') {
        return Err(unprocessable("Data needs to end with a dot (.)"));
    }
    let text = match rtype.as_str() {
        "MX" if data == "." => return Err(unprocessable("Data can't be blank")),
        "MX" => {
            let priority = body["priority"]
                .as_u64()
                .ok_or_else(|| unprocessable("Priority can't be blank"))?;
            format!("{priority} {data}")
        }
        "CNAME" => data.to_owned(),
        "TXT" => {
            let quoted = RecordData::txt(data).to_string();
            if data.is_empty() || data.contains('\\') || quoted.len() > 512 {
                return Err(unprocessable("Data is invalid"));
            }
            quoted
        }
        other => return Err(unprocessable(&format!("{other} is no type"))),
    };
    let name = zone.absolute(owner);
    let beside = |record: &&Record| record.name == name && Some(record.id) != id;
    if rtype == "CNAME" && zone.records.iter().any(|record| beside(&record)) {
        return Err(unprocessable("CNAME records cannot share a name."));
    }
    Ok((name, rtype, u32::try_from(ttl).unwrap(), text))
}

/// A host is told without its final dot, the zone itself as `@`.
fn shown(zone: &Zone, record: &Record) -> Value {
    let host = |host: &str| match host.trim_end_matches('.') {
        host if host == zone.name => "@".to_owned(),
        host => host.to_owned(),
    };
    let (data, priority) = match record.rtype.as_str() {
        "MX" => {
            let (priority, exchange) = record.mx();
            (host(exchange), Some(priority))
        }
        "CNAME" => (host(&record.data), None),
        "TXT" => {
            let inner = record.data.replace("\" \"", "");
            let inner = inner.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            (inner.replace("\\\"", "\""), None)
        }
        _ => (record.data.clone(), None),
    };
    json!({
        "id": record.id, "type": record.rtype, "name": zone.relative(&record.name), "data": data, "priority": priority, "port": null,
        "ttl": record.ttl, "weight": null, "flags": null, "tag": null,
    })
}

fn list(zone: &Zone, request: &Request) -> Value {
    let (name, rtype) = (query(request, "name"), query(request, "type"));
    let chosen = |record: &&Record| {
        name.as_ref().is_none_or(|name| *name == record.name)
            && rtype.as_ref().is_none_or(|rtype| *rtype == record.rtype)
    };
    let chosen: Vec<_> = zone.records.iter().filter(chosen).collect();
    let page = query(request, "page").map_or(1, |page| page.parse().unwrap());
    let most: usize = query(request, "per_page").map_or(20, |most| most.parse().unwrap());
    assert!((1..=200).contains(&most));
    let shown: Vec<_> = chosen
        .iter()
        .skip((page - 1) * PAGE)
        .take(PAGE)
        .map(|record| shown(zone, record))
        .collect();
    let links = if page * PAGE < chosen.len() {
        let next = format!(
            "https://api.digitalocean.com/v2/domains/{}/records?page={}",
            zone.name,
            page + 1
        );
        json!({ "pages": { "next": next, "last": next } })
    } else {
        json!({})
    };
    json!({ "domain_records": shown, "links": links, "meta": { "total": chosen.len() } })
}
