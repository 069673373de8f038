//! The stand-in for GoDaddy.

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::{DelegationKey, Ds, FieldValue, RecordData, RecordType, Rrset};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, bearer, query, split};

const KEY: &str = "gD3-synthetic-key-8sW";
const SECRET: &str = "Xq5-synthetic-secret-2Lm";
const SHOPPER: &str = "1234567890";
const CUSTOMER: &str = "295e3bc3-0000-4000-8000-ede41a994d13";

pub async fn start() -> Option<FakeBed<GoDaddy>> {
    Some(FakeBed::start(GoDaddy).await)
}

pub struct GoDaddy;

type Refusal = (u16, Value);

impl Vendor for GoDaddy {
    const SLUG: &'static str = "godaddy";
    const REGISTRAR: bool = true;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}")),
            ),
            ("key".to_owned(), FieldValue::Secret(KEY.to_owned().into())),
            (
                "secret".to_owned(),
                FieldValue::Secret(SECRET.to_owned().into()),
            ),
            ("shopper-id".to_owned(), FieldValue::from(SHOPPER)),
        ])
    }

    /// Neither the null MX, nor texts that are empty or no UTF-8.
    fn holds(set: &Rrset) -> bool {
        set.values().iter().all(|value| match value {
            RecordData::Mx { exchange, .. } => !exchange.is_root(),
            RecordData::Txt(text) => !text.is_empty() && std::str::from_utf8(text).is_ok(),
            RecordData::Cname(_) => true,
        })
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        match route(shelf, request) {
            Ok((status, Value::Null)) => ResponseTemplate::new(status),
            Ok((status, body)) | Err((status, body)) => {
                ResponseTemplate::new(status).set_body_json(body)
            }
        }
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    (status, json!({ "code": code, "message": message }))
}

fn invalid(path: &str, message: &str) -> Refusal {
    let fields = json!([{ "code": "INVALID", "path": path, "message": message }]);
    let words = "Request body doesn't fulfill schema, see details in `fields`";
    (
        422,
        json!({ "code": "INVALID_BODY", "message": words, "fields": fields }),
    )
}

fn route(shelf: &mut Shelf, request: &Request) -> Result<(u16, Value), Refusal> {
    if shelf.throttle > 0 {
        shelf.throttle -= 1;
        let words = "Too many requests received within interval";
        return Err((
            429,
            json!({ "code": "TOO_MANY_REQUESTS", "message": words, "retryAfterSec": 30 }),
        ));
    }
    if !bearer(request, &format!("sso-key {KEY}:{SECRET}")) {
        let words = "Unauthorized : Could not authenticate API key/secret";
        return Err(refusal(401, "UNABLE_TO_AUTHENTICATE", words));
    }
    let not_found = || refusal(404, "NOT_FOUND", "The domain is not one of this shopper");
    let path = split(request);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    if let ("GET", ["v1", "shoppers", SHOPPER]) = (method, path.as_slice()) {
        let wanted = query(request, "includes").as_deref() == Some("customerId");
        return Ok((
            200,
            json!({ "shopperId": SHOPPER, "customerId": wanted.then_some(CUSTOMER), "marketId": "en-US" }),
        ));
    }
    if let ["v2", "customers", CUSTOMER, "domains", domain, below @ ..] = path.as_slice() {
        let zone = shelf.zone_mut(domain).ok_or_else(not_found)?;
        return registration(zone, method, below, request);
    }
    let ["v1", "domains", domain, below @ ..] = path.as_slice() else {
        return Err(not_found());
    };
    let zone = shelf.zone(domain).ok_or_else(not_found)?;
    match (method, below) {
        ("GET", []) => Ok((
            200,
            json!({
                "domain": zone.name, "domainId": 4711, "status": "ACTIVE", "locked": true, "nameServers": ["ns01.domaincontrol.com", "ns02.domaincontrol.com"],
            }),
        )),
        ("GET", ["records"]) => {
            let most = query(request, "limit").map_or(100, |limit| limit.parse().unwrap());
            Ok((
                200,
                zone.records
                    .iter()
                    .take(most)
                    .map(|record| shown(zone, record))
                    .collect(),
            ))
        }
        (_, ["records", rtype, owner]) => {
            let name = match *owner {
                "" => return Err(not_found()),
                owner if owner.ends_with('.') || owner.ends_with(&zone.name) => {
                    return Err(refusal(422, "INVALID_VALUE_ENUM", "name is not relative"));
                }
                owner => zone.absolute(owner),
            };
            let of = |record: &Record| record.name == name && record.rtype == *rtype;
            match method {
                "GET" => Ok((
                    200,
                    zone.records
                        .iter()
                        .filter(|record| of(record))
                        .map(|record| shown(zone, record))
                        .collect(),
                )),
                "DELETE" if !zone.records.iter().any(of) => {
                    Err(refusal(404, "NOT_FOUND", "No such records"))
                }
                "DELETE" => {
                    shelf.change(domain, |zone| zone.records.retain(|record| !of(record)));
                    Ok((204, Value::Null))
                }
                "PUT" => {
                    let records = read(zone, &name, rtype, &request.body)?;
                    let ids: Vec<u64> = records.iter().map(|_| shelf.new_id()).collect();
                    shelf.change(domain, |zone| {
                        zone.records.retain(|record| !of(record));
                        zone.records.extend(ids.into_iter().zip(records).map(
                            |(id, (ttl, data))| Record {
                                id,
                                name: name.clone(),
                                rtype: (*rtype).to_owned(),
                                ttl,
                                data,
                                extra: Value::Null,
                            },
                        ));
                    });
                    Ok((200, Value::Null))
                }
                _ => Err(refusal(405, "METHOD_NOT_ALLOWED", "Method not allowed")),
            }
        }
        _ => Err(not_found()),
    }
}

/// The records of a body: TTL and zone file text.
fn read(zone: &Zone, name: &str, rtype: &str, body: &[u8]) -> Result<Vec<(u32, String)>, Refusal> {
    let body: Vec<Value> =
        serde_json::from_slice(body).map_err(|_| invalid("records", "is not an array"))?;
    if body.is_empty() {
        return Err(invalid("records", "must contain at least one record"));
    }
    let mut records = Vec::new();
    for record in &body {
        let known = [
            "data", "ttl", "priority", "port", "protocol", "service", "weight",
        ];
        let fields = record.as_object().unwrap();
        if let Some(unknown) = fields.keys().find(|field| !known.contains(&field.as_str())) {
            return Err(invalid(unknown, "is not a known property"));
        }
        let ttl = record["ttl"]
            .as_u64()
            .filter(|ttl| (600..=604_800).contains(ttl));
        let ttl = ttl.ok_or_else(|| invalid("records[0].ttl", "must be between 600 and 604800"))?;
        let data = record["data"].as_str().unwrap_or_default();
        let host = |text: &str| !text.is_empty() && !text.ends_with('.') && text.contains('.');
        if (rtype == "MX") != record["priority"].is_u64() {
            return Err(invalid(
                "records[0].priority",
                "is for MX only, and needed there",
            ));
        }
        let data = match rtype {
            "MX" if host(data) => format!("{} {data}.", record["priority"]),
            "CNAME" if host(data) => format!("{data}."),
            "TXT" if !data.is_empty() => RecordData::txt(data).to_string(),
            _ => {
                return Err(invalid(
                    "records[0].data",
                    "is not a valid value for this type",
                ));
            }
        };
        records.push((u32::try_from(ttl).unwrap(), data));
    }
    let others = |record: &Record| record.name == name && record.rtype != rtype;
    if rtype == "CNAME" && (records.len() > 1 || zone.records.iter().any(others)) {
        return Err(refusal(
            422,
            "DUPLICATE_RECORD",
            "Another record with the same attributes already exists",
        ));
    }
    Ok(records)
}

fn shown(zone: &Zone, record: &Record) -> Value {
    let mut shown =
        json!({ "name": zone.relative(&record.name), "type": record.rtype, "ttl": record.ttl });
    shown["data"] = match record.rtype.as_str() {
        "MX" => {
            let (priority, host) = record.mx();
            shown["priority"] = priority.into();
            // The domain itself has a sign of its own.
            if host == zone.name { "@" } else { host }.into()
        }
        "TXT" => match RecordData::parse(RecordType::Txt, &record.data).unwrap() {
            RecordData::Txt(text) => String::from_utf8(text).unwrap().into(),
            other => panic!("{other:?}"),
        },
        _ => record.data.trim_end_matches('.').into(),
    };
    shown
}

/// The domain as the registrar has it. What is asked for by PATCH and DELETE is with the registry at once here.
fn registration(
    zone: &mut Zone,
    method: &str,
    below: &[&str],
    request: &Request,
) -> Result<(u16, Value), Refusal> {
    match (method, below) {
        ("GET", []) => {
            let includes = query(request, "includes").unwrap_or_default();
            let shown = zone.on_file.iter().map(|key| {
                let ds = key.preferred_ds().unwrap();
                assert_eq!((ds.algorithm, ds.digest_type), (13, 2));
                let digest: String = ds.digest.iter().map(|byte| format!("{byte:02x}")).collect();
                json!({ "algorithm": "ECDSAP256SHA256", "digest": digest, "digestType": "SHA256", "keyTag": ds.key_tag })
            });
            let mut domain = json!({ "domain": zone.name, "domainId": "4711", "status": "ACTIVE", "nameServers": [] });
            if includes.split(',').any(|part| part == "dnssecRecords") {
                domain["dnssecRecords"] = shown.collect();
            }
            Ok((200, domain))
        }
        ("PATCH" | "DELETE", ["dnssecRecords"]) => {
            let body: Vec<Value> = serde_json::from_slice(&request.body)
                .map_err(|_| invalid("body", "is not an array"))?;
            if body.is_empty() {
                return Err(invalid("body", "must contain at least one record"));
            }
            for record in body {
                let words = (record["algorithm"].as_str(), record["digestType"].as_str());
                if words != (Some("ECDSAP256SHA256"), Some("SHA256")) {
                    return Err(invalid("algorithm", "is not one of the known"));
                }
                let digest = record["digest"].as_str().unwrap();
                let ds: Ds = format!("{} 13 2 {digest}", record["keyTag"])
                    .parse()
                    .unwrap();
                let known = zone.on_file.iter().position(|key| key.ds.contains(&ds));
                match (method, known) {
                    ("PATCH", None) => {
                        let apex = zone.name.parse().unwrap();
                        zone.on_file
                            .push(DelegationKey::checked(&apex, None, vec![ds]).unwrap());
                    }
                    ("DELETE", Some(at)) => drop(zone.on_file.remove(at)),
                    _ => {
                        return Err(refusal(
                            409,
                            "INVALID_DNSSEC_RECORD",
                            "The record is there already, or is not there",
                        ));
                    }
                }
            }
            Ok((202, Value::Null))
        }
        _ => Err(refusal(404, "NOT_FOUND", "Not found")),
    }
}
