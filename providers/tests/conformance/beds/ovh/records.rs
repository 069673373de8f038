//! Its records: one by one, in a copy that is published later.

use serde_json::{Value, json};
use wiremock::Request;

use super::{Answer, Refusal, body, invalid, not_found, told};
use crate::fakes::{Record, Shelf, Zone, query};

/// The type as OVHcloud calls it.
fn field_type(record: &Record) -> &str {
    record.extra.as_str().unwrap_or(&record.rtype)
}

fn sub_domain(zone: &Zone, record: &Record) -> String {
    match zone.relative(&record.name) {
        "@" => String::new(),
        below => below.to_owned(),
    }
}

/// Its filters are patterns in which `_` is any character.
fn like(pattern: &str, text: &str) -> bool {
    pattern.len() == text.len()
        && pattern
            .bytes()
            .zip(text.bytes())
            .all(|(wanted, byte)| wanted == b'_' || wanted == byte)
}

/// The text of a type of OVHcloud's own is kept without quotes.
fn target(record: &Record) -> String {
    match record.extra.is_null() {
        true => record.data.clone(),
        false => record.data.trim_matches('"').to_owned(),
    }
}

pub(super) fn answer(shelf: &mut Shelf, domain: &str, below: &[&str], request: &Request) -> Answer {
    let zone = shelf.zone(domain).unwrap();
    let held = |id: &str| {
        let id: u64 = id.parse().map_err(|_| invalid("id is no number"))?;
        let record = zone.records.iter().find(|record| record.id == id).cloned();
        record.ok_or_else(|| not_found("The requested object (id) does not exist"))
    };
    match (request.method.as_str(), below) {
        ("GET", []) => {
            let (of, sub) = (query(request, "fieldType"), query(request, "subDomain"));
            let chosen = zone.records.iter().filter(|record| {
                of.as_ref().is_none_or(|of| like(of, field_type(record)))
                    && sub
                        .as_ref()
                        .is_none_or(|sub| like(sub, &sub_domain(zone, record)))
            });
            told(chosen.map(|record| record.id).collect::<Vec<_>>())
        }
        ("GET", [id]) => {
            let record = held(id)?;
            told(json!({
                "id": record.id, "zone": zone.name, "fieldType": field_type(&record), "subDomain": sub_domain(zone, &record),
                "target": target(&record), "ttl": record.ttl,
            }))
        }
        ("POST", []) => {
            let body = body(request);
            let of = body["fieldType"]
                .as_str()
                .ok_or_else(|| invalid("[fieldType] is required"))?
                .to_owned();
            let (sub, ttl, data) = check(&body, &of)?;
            let name = zone.absolute(&sub);
            let beside =
                |record: &Record| record.name == name && (of == "CNAME" || record.rtype == "CNAME");
            if of == "CNAME" && sub.is_empty() || zone.records.iter().any(beside) {
                return Err(invalid("A CNAME cannot be beside other records"));
            }
            let id = shelf.new_id();
            let record = Record {
                id,
                name,
                rtype: of,
                ttl,
                data,
                extra: Value::Null,
            };
            shelf.change(domain, |zone| zone.records.push(record));
            told(json!({ "id": id, "zone": domain }))
        }
        ("PUT", [id]) => {
            let (body, record) = (body(request), held(id)?);
            for key in body.as_object().unwrap().keys() {
                if !["subDomain", "target", "ttl"].contains(&key.as_str()) {
                    return Err(invalid(&format!(
                        "Try to alter read-only properties: {key}"
                    )));
                }
            }
            let (sub, ttl, data) = check(&body, field_type(&record))?;
            let name = zone.absolute(&sub);
            shelf.change(domain, |zone| {
                let held = zone
                    .records
                    .iter_mut()
                    .find(|held| held.id == record.id)
                    .unwrap();
                (held.name, held.ttl, held.data) = (name, ttl, data);
            });
            told(Value::Null)
        }
        ("DELETE", [id]) => {
            let record = held(id)?;
            shelf.change(domain, |zone| {
                zone.records.retain(|held| held.id != record.id)
            });
            told(Value::Null)
        }
        _ => Err(not_found("Got an invalid (or empty) URL")),
    }
}

/// Subdomain, TTL and zone file text of a body, or the complaint. A TTL that is too small is raised without a word.
fn check(body: &Value, of: &str) -> Result<(String, u32, String), Refusal> {
    let sub = body["subDomain"].as_str().unwrap().to_owned();
    if sub == "@" || sub.ends_with('.') {
        return Err(invalid("Invalid subDomain"));
    }
    let ttl = u32::try_from(body["ttl"].as_u64().unwrap())
        .unwrap()
        .max(60);
    let target = body["target"].as_str().unwrap();
    let beginning = match of {
        "SPF" => "v=spf1",
        "DKIM" => "v=DKIM1",
        "DMARC" => "v=DMARC1",
        _ => "",
    };
    let host = |host: &str| host.ends_with('.');
    let right = match of {
        "MX" => target
            .split_once(' ')
            .is_some_and(|(number, exchange)| number.parse::<u16>().is_ok() && host(exchange)),
        "CNAME" => host(target),
        "TXT" => {
            let inner = target.replace("\" \"", "");
            let inner = inner
                .strip_prefix('"')
                .and_then(|inner| inner.strip_suffix('"'));
            inner.is_some_and(|inner| !inner.contains(['"', '\\']))
        }
        _ => target.starts_with(beginning) && !target.contains('"'),
    };
    if !right {
        return Err(invalid(&format!("Invalid subfield found in {of}")));
    }
    let data = if beginning.is_empty() {
        target.to_owned()
    } else {
        format!("\"{target}\"")
    };
    Ok((sub, ttl, data))
}
