//! The stand-in for Gandi, as host and as registrar.

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::{DelegationKey, FieldValue, Name};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, bearer, here, query, split};

const TOKEN: &str = "pat_synthetic-0f6d1c88-for-tests";
/// Items on one page of a list, whatever was asked for.
const PAGE: usize = 4;
/// The id of the key that signs.
const KEY_ID: &str = "29f246af-fe71-4d73-8693-ac2d0e49b23b";

pub async fn start() -> Option<FakeBed<Gandi>> {
    Some(FakeBed::start(Gandi { new_key: false }).await)
}

pub struct Gandi {
    /// The key was made and nobody has looked at it yet.
    new_key: bool,
}

type Refusal = (u16, Value);
type Answer = Result<ResponseTemplate, Refusal>;

fn complaint(status: u16, cause: &str, message: &str, object: &str) -> Refusal {
    (
        status,
        json!({ "code": status, "cause": cause, "message": message, "object": object }),
    )
}

fn not_found(object: &str) -> Refusal {
    complaint(404, "Not Found", "The resource could not be found.", object)
}

fn invalid(name: &str, description: &str) -> Refusal {
    let error = json!({ "location": "body", "name": name, "description": description });
    (400, json!({ "status": "error", "errors": [error] }))
}

fn said(status: u16, message: &str) -> Answer {
    Ok(ResponseTemplate::new(status).set_body_json(json!({ "message": message })))
}

impl Vendor for Gandi {
    const SLUG: &'static str = "gandi";
    const REGISTRAR: bool = true;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}/v5")),
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
            Err((status, body)) => ResponseTemplate::new(status).set_body_json(body),
        }
    }
}

impl Gandi {
    fn route(&mut self, shelf: &mut Shelf, request: &Request) -> Answer {
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            return Err(complaint(
                429,
                "Too Many Requests",
                "Rate limit exceeded.",
                "HTTPTooManyRequests",
            ));
        }
        if !bearer(request, &format!("Bearer {TOKEN}")) {
            return Err(complaint(
                401,
                "Unauthorized",
                "The server could not verify that you authorized to access the document you requested.",
                "HTTPUnauthorized",
            ));
        }
        let path = split(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["v5", "livedns", "domains", domain, below @ ..] => {
                if shelf.zone(domain).is_none() {
                    return Err(not_found("dns-domain"));
                }
                match below {
                    ["keys", below @ ..] => self.keys(shelf, domain, below, request),
                    below => records(shelf, domain, below, request),
                }
            }
            ["v5", "domain", "domains", domain, "dnskeys", below @ ..] => {
                if shelf.zone(domain).is_none() {
                    return Err(complaint(
                        403,
                        "Forbidden",
                        "Access was denied to this resource.",
                        "HTTPForbidden",
                    ));
                }
                filed(shelf, domain, below, request)
            }
            _ => Err(not_found("HTTPNotFound")),
        }
    }

    /// The keys that sign. One that was deleted stays in the list.
    fn keys(
        &mut self,
        shelf: &mut Shelf,
        domain: &str,
        below: &[&str],
        request: &Request,
    ) -> Answer {
        let zone = shelf.zone_mut(domain).unwrap();
        let key = |id: &str, deleted: bool, status: &str| {
            json!({
                "algorithm": 13, "algorithm_name": "ECDSAP256SHA256", "deleted": deleted, "flags": 257, "fqdn": zone.name, "id": id,
                "ds": format!("{}. 3600 IN DS {}", zone.name, zone.ds().to_lowercase()), "status": status,
                "key_href": format!("https://api.test/v5/livedns/domains/{}/keys/{id}", zone.name),
            })
        };
        match (request.method.as_str(), below) {
            ("GET", []) => {
                let mut keys = vec![key("key-000", true, "deleted")];
                if zone.signed {
                    let status = if self.new_key { "inactive" } else { "active" };
                    self.new_key = false;
                    keys.push(key(KEY_ID, false, status));
                }
                Ok(ResponseTemplate::new(200).set_body_json(keys))
            }
            ("GET", [KEY_ID]) if zone.signed => {
                let mut key = key(KEY_ID, false, "active");
                key["public_key"] = zone.key().into();
                // Not the tag of the key: so it is in the vendor's own example.
                key["tag"] = 33695.into();
                Ok(ResponseTemplate::new(200).set_body_json(key))
            }
            ("POST", []) => {
                if body(request) != json!({ "flags": 257 }) {
                    return Err(invalid("flags", "Required"));
                }
                assert!(!zone.signed, "a second key");
                zone.signed = true;
                self.new_key = true;
                said(201, "Domain Key Created")
            }
            ("DELETE", [KEY_ID]) if zone.signed => {
                zone.signed = false;
                Ok(ResponseTemplate::new(204))
            }
            _ => Err(not_found("dns-key")),
        }
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// The keys at the registrar. What it is asked for, it does later; for the stand-in that is at once.
fn filed(shelf: &mut Shelf, domain: &str, below: &[&str], request: &Request) -> Answer {
    let zone = shelf.zone_mut(domain).unwrap();
    match (request.method.as_str(), below) {
        ("GET", []) => {
            let shown = |(at, key): (usize, &DelegationKey)| {
                let (ds, dnskey) = (key.preferred_ds().unwrap(), key.dnskey.as_ref().unwrap());
                let ds = ds.to_string();
                let [tag, algorithm, kind, digest] = ds.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("{ds}")
                };
                let public = dnskey.to_string().rsplit(' ').next().unwrap().to_owned();
                json!({
                    "id": 1_281_080 + at, "algorithm": algorithm.parse::<u8>().unwrap(), "keytag": tag.parse::<u16>().unwrap(),
                    "digest_type": kind.parse::<u8>().unwrap(), "digest": digest, "type": "ksk", "public_key": public,
                })
            };
            let keys: Vec<_> = zone.on_file.iter().enumerate().map(shown).collect();
            Ok(ResponseTemplate::new(200).set_body_json(keys))
        }
        ("PUT", []) => {
            let body = body(request);
            let keys = body["keys"].as_array().unwrap();
            if keys.is_empty() {
                return Err(invalid("keys", "Shorter than minimum length 1."));
            }
            let apex: Name = domain.parse().unwrap();
            zone.on_file = keys
                .iter()
                .map(|key| {
                    assert_eq!(key["type"], "ksk");
                    let line = format!(
                        "257 3 {} {}",
                        key["algorithm"],
                        key["public_key"].as_str().unwrap()
                    );
                    DelegationKey::from_dnskey(&apex, line.parse().unwrap()).unwrap()
                })
                .collect();
            said(202, "Keys will be updated")
        }
        ("DELETE", [id]) => {
            let at = id.parse::<usize>().unwrap() - 1_281_080;
            zone.on_file.remove(at);
            said(202, "Key will be deleted")
        }
        _ => Err(not_found("HTTPNotFound")),
    }
}

fn records(shelf: &mut Shelf, domain: &str, below: &[&str], request: &Request) -> Answer {
    let zone = shelf.zone(domain).unwrap();
    match (request.method.as_str(), below) {
        ("GET", []) => Ok(ResponseTemplate::new(200).set_body_json(json!({
            "fqdn": zone.name, "automatic_snapshots": true, "domain_href": "https://api.test", "domain_keys_href": "https://api.test",
            "domain_records_href": "https://api.test",
        }))),
        ("GET", ["nameservers"]) => Ok(ResponseTemplate::new(200).set_body_json(json!([
            "ns-154-a.gandi.net",
            "ns-232-b.gandi.net",
            "ns-109-c.gandi.net"
        ]))),
        ("GET", ["records"]) => Ok(list(zone, request)),
        ("GET", ["records", owner, rtype]) => shown(zone, &absolute(zone, owner)?, rtype)
            .map(|set| ResponseTemplate::new(200).set_body_json(set))
            .ok_or_else(|| not_found("dns-record")),
        ("POST" | "PUT", ["records", owner, rtype]) => {
            let name = absolute(zone, owner)?;
            if request.method == "POST" && shown(zone, &name, rtype).is_some() {
                let message = "A DNS Record already exists with same name and type.";
                return Err(complaint(409, "Conflict", message, "dns-record"));
            }
            let (ttl, values) = check(zone, &name, rtype, &body(request))?;
            let ids: Vec<u64> = values.iter().map(|_| shelf.new_id()).collect();
            shelf.change(domain, |zone| {
                zone.records.retain(|record| record.name != name || record.rtype != *rtype);
                zone.records.extend(ids.into_iter().zip(values).map(|(id, data)| Record {
                    id,
                    name: name.clone(),
                    rtype: (*rtype).to_owned(),
                    ttl,
                    data,
                    extra: Value::Null,
                }));
            });
            said(201, "DNS Record Created")
        }
        ("DELETE", ["records", owner, rtype]) => {
            let name = absolute(zone, owner)?;
            assert!(request.body.is_empty(), "a deletion with a body");
            shown(zone, &name, rtype).ok_or_else(|| not_found("dns-record"))?;
            shelf.change(domain, |zone| {
                zone.records.retain(|record| record.name != name || record.rtype != *rtype);
            });
            Ok(ResponseTemplate::new(204))
        }
        _ => Err(not_found("HTTPNotFound")),
    }
}

/// The apex is `@`, and only that.
fn absolute(zone: &Zone, owner: &str) -> Result<String, Refusal> {
    if owner.is_empty() || owner.ends_with('.') || owner == zone.name {
        return Err(invalid("rrset_name", "Invalid record name"));
    }
    Ok(zone.absolute(owner))
}

/// TTL and values of a body, or the complaint.
fn check(
    zone: &Zone,
    name: &str,
    rtype: &str,
    body: &Value,
) -> Result<(u32, Vec<String>), Refusal> {
    let ttl = body["rrset_ttl"].as_u64().unwrap();
    if !(300..=2_592_000).contains(&ttl) {
        let why =
            format!("{ttl} is less than minimum value 300 or greater than maximum value 2592000");
        return Err(invalid("rrset_ttl", &why));
    }
    let values: Vec<_> = body["rrset_values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_str().unwrap().to_owned())
        .collect();
    if values.is_empty() {
        return Err(invalid("rrset_values", "Shorter than minimum length 1."));
    }
    for value in &values {
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(invalid(
                "rrset_values",
                "String does not match expected pattern",
            ));
        }
        let right = match rtype {
            "MX" => value
                .split_once(' ')
                .is_some_and(|(number, host)| number.parse::<u16>().is_ok() && host.ends_with('.')),
            "CNAME" => value.ends_with('.'),
            "TXT" => value.len() > 1 && value.starts_with('"') && value.ends_with('"'),
            _ => false,
        };
        assert!(right, "{value:?} would be taken as something else");
    }
    let other = |record: &Record| record.name == name && record.rtype != rtype;
    if rtype == "CNAME" && (name == zone.name || zone.records.iter().any(other)) {
        return Err(invalid(
            "rrset_type",
            "A CNAME record already exists or cannot be here",
        ));
    }
    Ok((u32::try_from(ttl).unwrap(), values))
}

fn shown(zone: &Zone, name: &str, rtype: &str) -> Option<Value> {
    let records: Vec<_> = zone
        .records
        .iter()
        .filter(|record| record.name == name && record.rtype == rtype)
        .collect();
    let first = records.first()?;
    Some(json!({
        "rrset_name": zone.relative(name), "rrset_type": rtype, "rrset_ttl": first.ttl, "rrset_href": "https://api.test/",
        "rrset_values": records.iter().map(|record| &record.data).collect::<Vec<_>>(),
    }))
}

fn list(zone: &Zone, request: &Request) -> ResponseTemplate {
    let mut sets: Vec<_> = zone
        .records
        .iter()
        .map(|record| (record.name.as_str(), record.rtype.as_str()))
        .collect();
    sets.sort_unstable();
    sets.dedup();
    let page = query(request, "page").map_or(1, |page| page.parse().unwrap());
    let shown: Vec<_> = sets
        .iter()
        .skip((page - 1) * PAGE)
        .take(PAGE)
        .map(|(name, rtype)| shown(zone, name, rtype))
        .collect();
    let answer = ResponseTemplate::new(200)
        .set_body_json(shown)
        .insert_header("total-count", sets.len().to_string());
    if page * PAGE >= sets.len() {
        return answer;
    }
    let mut next = here(request);
    next.set_query(Some(&format!("page={}&per_page={PAGE}", page + 1)));
    answer.insert_header(
        "link",
        format!("<{next}>; rel=\"next\", <{next}>; rel=\"last\""),
    )
}
