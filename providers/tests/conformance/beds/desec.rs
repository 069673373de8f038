//! The stand-in for deSEC.

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::FieldValue;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, bearer, here, query, split};

const TOKEN: &str = "i-Tyn-synthetic-token-3pQ";
/// Sets on one page of a list.
const PAGE: usize = 4;

pub async fn start() -> Option<FakeBed<Desec>> {
    Some(FakeBed::start(Desec { minimum_ttl: 600 }).await)
}

pub struct Desec {
    minimum_ttl: u32,
}

type Refusal = (u16, Value);

const NOT_FOUND: &str = "Not found.";

impl Vendor for Desec {
    const SLUG: &'static str = "desec";
    const NAMESERVERS: bool = false;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}/api/v1")),
            ),
            (
                "token".to_owned(),
                FieldValue::Secret(TOKEN.to_owned().into()),
            ),
        ])
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        match self.route(shelf, request) {
            Ok(answer) => answer,
            Err((status, body)) => {
                let answer = ResponseTemplate::new(status).set_body_json(body);
                if status == 429 {
                    answer.insert_header("retry-after", "61")
                } else {
                    answer
                }
            }
        }
    }
}

impl Desec {
    fn route(&self, shelf: &mut Shelf, request: &Request) -> Result<ResponseTemplate, Refusal> {
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            return Err((
                429,
                json!({ "detail": "Request was throttled. Expected available in 61 seconds." }),
            ));
        }
        if !bearer(request, &format!("Token {TOKEN}")) {
            return Err((401, json!({ "detail": "Invalid token." })));
        }
        let not_found = || (404, json!({ "detail": NOT_FOUND }));
        let path = split(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let ["api", "v1", "domains", domain, below @ .., ""] = path.as_slice() else {
            return Err(not_found());
        };
        let zone = shelf.zone(domain).ok_or_else(not_found)?;
        match (request.method.as_str(), below) {
            ("GET", []) => Ok(ResponseTemplate::new(200).set_body_json(json!({
                "created": "2026-01-01T00:00:00Z", "name": zone.name, "minimum_ttl": self.minimum_ttl, "touched": "2026-01-01T00:00:00Z",
                "keys": [
                    { "dnskey": format!("257 3 13 {}", zone.key()), "ds": [zone.ds().to_lowercase()], "flags": 257, "keytype": "csk", "managed": true },
                    { "dnskey": format!("256 3 13 {}", zone.key()), "ds": [], "flags": 256, "keytype": "zsk", "managed": true },
                ],
            }))),
            ("GET", ["rrsets"]) => list(zone, request),
            ("GET", ["rrsets", owner, rtype]) => {
                let name = if *owner == "@" { zone.name.clone() } else { zone.absolute(owner) };
                let records = records(zone, &name, rtype);
                if records.is_empty() || owner.is_empty() {
                    return Err(not_found());
                }
                Ok(ResponseTemplate::new(200).set_body_json(shown(zone, &records)))
            }
            ("PATCH", ["rrsets"]) => {
                let changes: Vec<Value> = serde_json::from_slice(&request.body).map_err(|_| (400, json!({ "detail": "JSON parse error" })))?;
                let checked: Vec<_> = changes.iter().map(|change| self.check(zone, change)).collect();
                if checked.iter().any(Result::is_err) {
                    let errors: Vec<_> = checked.into_iter().map(|change| change.err().unwrap_or_else(|| json!({}))).collect();
                    return Err((400, errors.into()));
                }
                let mut answer = Vec::new();
                for (name, rtype, ttl, data) in checked.into_iter().map(Result::unwrap) {
                    let ids: Vec<u64> = data.iter().map(|_| shelf.new_id()).collect();
                    let set = shelf.change(domain, |zone| {
                        zone.records.retain(|record| record.name != name || record.rtype != rtype);
                        zone.records.extend(ids.into_iter().zip(data).map(|(id, data)| Record {
                            id,
                            name: name.clone(),
                            rtype: rtype.clone(),
                            ttl,
                            data,
                            extra: Value::Null,
                        }));
                        shown(zone, &records(zone, &name, &rtype))
                    });
                    if !set["records"].as_array().unwrap().is_empty() {
                        answer.push(set);
                    }
                }
                Ok(ResponseTemplate::new(200).set_body_json(answer))
            }
            _ => Err((405, json!({ "detail": "Method not allowed." }))),
        }
    }

    /// What deSEC checks of one set in a body: name, type, TTL and the canonical text of the records, or the complaint.
    fn check(
        &self,
        zone: &Zone,
        change: &Value,
    ) -> Result<(String, String, u32, Vec<String>), Value> {
        let subname = change["subname"]
            .as_str()
            .ok_or_else(|| json!({ "subname": ["This field is required."] }))?;
        if subname == "@" || subname.ends_with('.') || subname.chars().any(char::is_uppercase) {
            return Err(
                json!({ "subname": ["Subname can only use (lowercase) a-z, 0-9, ., -, and _, may start with a '*.', or just be '*'."] }),
            );
        }
        let rtype = change["type"].as_str().unwrap_or_default().to_owned();
        let ttl = u32::try_from(change["ttl"].as_u64().unwrap_or(0)).unwrap();
        if ttl < self.minimum_ttl {
            return Err(
                json!({ "ttl": [format!("Ensure this value is greater than or equal to {}.", self.minimum_ttl)] }),
            );
        }
        if ttl > 86_400 {
            return Err(json!({ "ttl": ["Ensure this value is less than or equal to 86400."] }));
        }
        let data: Vec<String> = change["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect();
        for text in &data {
            let right = match rtype.as_str() {
                "MX" => text.split_once(' ').is_some_and(|(number, host)| {
                    number.parse::<u16>().is_ok() && host.ends_with('.')
                }),
                "CNAME" => text.ends_with('.'),
                "TXT" => text.starts_with('"') && text.ends_with('"') && text.len() > 1,
                _ => false,
            };
            if !right {
                return Err(json!({ "records": ["Record content malformed."] }));
            }
        }
        let name = zone.absolute(subname);
        let other_types = || {
            zone.records
                .iter()
                .any(|record| record.name == name && record.rtype != rtype)
        };
        if rtype == "CNAME" && !data.is_empty() && (other_types() || subname.is_empty()) {
            return Err(
                json!({ "non_field_errors": ["RRset with conflicting type present: other data and CNAME."] }),
            );
        }
        Ok((name, rtype, ttl, data))
    }
}

fn records<'a>(zone: &'a Zone, name: &str, rtype: &str) -> Vec<&'a Record> {
    zone.records
        .iter()
        .filter(|record| record.name == name && record.rtype == rtype)
        .collect()
}

fn shown(zone: &Zone, records: &[&Record]) -> Value {
    let first = records.first();
    let subname = first.map_or("", |record| zone.relative(&record.name));
    let subname = if subname == "@" { "" } else { subname };
    json!({
        "created": "2026-01-01T00:00:00Z", "domain": zone.name, "subname": subname, "name": first.map(|record| format!("{}.", record.name)),
        "type": first.map(|record| &record.rtype), "ttl": first.map(|record| record.ttl), "touched": "2026-01-01T00:00:00Z",
        "records": records.iter().map(|record| &record.data).collect::<Vec<_>>(),
    })
}

/// A page of the list. Who does not ask for pages is refused what does not fit one.
fn list(zone: &Zone, request: &Request) -> Result<ResponseTemplate, Refusal> {
    let mut sets: Vec<(&str, &str)> = zone
        .records
        .iter()
        .map(|record| (record.name.as_str(), record.rtype.as_str()))
        .collect();
    sets.sort_unstable();
    sets.dedup();
    let cursor = query(request, "cursor");
    if cursor.is_none() && sets.len() > PAGE {
        return Err((400, json!({ "detail": "Pagination required." })));
    }
    let begin: usize = cursor
        .filter(|cursor| !cursor.is_empty())
        .map_or(0, |cursor| cursor.parse().unwrap());
    let shown: Vec<_> = sets
        .iter()
        .skip(begin)
        .take(PAGE)
        .map(|(name, rtype)| shown(zone, &records(zone, name, rtype)))
        .collect();
    let answer = ResponseTemplate::new(200).set_body_json(shown);
    let (at, end) = (begin + PAGE, begin + PAGE < sets.len());
    let mut url = here(request);
    url.set_query(Some(&format!("cursor={at}")));
    Ok(if end {
        answer.insert_header("link", format!("<{url}>; rel=\"next\"").as_str())
    } else {
        answer
    })
}
