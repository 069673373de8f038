//! The stand-in for Hetzner DNS.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use rollout_providers::FieldValue;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, bearer, query, split};

const TOKEN: &str = "hZ7-synthetic-project-token-Wq2";
/// What a set without a TTL of its own is served with.
const ZONE_TTL: u32 = 3600;
/// Sets on one page of a list.
const PAGE: usize = 4;
/// How long an action runs when nobody asks.
const RUNS: Duration = Duration::from_millis(30);

pub async fn start() -> Option<FakeBed<Hetzner>> {
    Some(FakeBed::start(Hetzner::default()).await)
}

#[derive(Default)]
pub struct Hetzner {
    actions: u64,
    /// The last action, until it is over.
    running: Option<(u64, Instant)>,
}

type Refusal = (u16, Value);

impl Vendor for Hetzner {
    const SLUG: &'static str = "hetzner";
    const KEEPS: bool = true;
    const IN_PARTS: bool = true;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        let url = FieldValue::Plain(format!("http://{address}/v1"));
        let token = FieldValue::Secret(TOKEN.to_owned().into());
        BTreeMap::from([("url".to_owned(), url), ("token".to_owned(), token)])
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        let (status, body) = self.route(shelf, request).unwrap_or_else(|refusal| refusal);
        ResponseTemplate::new(status)
            .insert_header("ratelimit-limit", "3600")
            .set_body_json(body)
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    (
        status,
        json!({ "error": { "code": code, "message": message, "details": null } }),
    )
}

fn invalid(field: &str, message: &str) -> Refusal {
    let words = format!("invalid input in field '{field}'");
    let details = json!({ "fields": [{ "name": field, "messages": [message] }] });
    (
        422,
        json!({ "error": { "code": "invalid_input", "message": words, "details": details } }),
    )
}

impl Hetzner {
    fn route(&mut self, shelf: &mut Shelf, request: &Request) -> Result<(u16, Value), Refusal> {
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            return Err(refusal(
                429,
                "rate_limit_exceeded",
                "limit of 3600 requests per hour reached",
            ));
        }
        if !bearer(request, &format!("Bearer {TOKEN}")) {
            return Err(refusal(
                401,
                "unauthorized",
                "unable to authenticate the provided token",
            ));
        }
        let not_found = || refusal(404, "not_found", "not found");
        let path = split(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        if let ("GET", ["v1", "actions", id]) = (request.method.as_str(), path.as_slice()) {
            let id: u64 = id.parse().map_err(|_| not_found())?;
            let known = (1..=self.actions).contains(&id);
            // It is over by the time somebody asks.
            self.running = self.running.filter(|(running, _)| *running != id);
            return if known {
                Ok((200, self.action(id)))
            } else {
                Err(not_found())
            };
        }
        let ["v1", "zones", asked, below @ ..] = path.as_slice() else {
            return Err(not_found());
        };
        let zone = shelf
            .zones
            .iter()
            .find(|zone| zone.id == *asked || zone.name == *asked);
        let zone = zone.ok_or_else(not_found)?;
        match (request.method.as_str(), below) {
            ("GET", []) => Ok((200, json!({ "zone": shown_zone(zone) }))),
            ("GET", ["rrsets"]) => list(zone, request),
            ("GET", ["rrsets", owner, rtype]) => {
                let found = shown(zone, &owned(zone, owner)?, rtype).ok_or_else(not_found)?;
                Ok((200, json!({ "rrset": found })))
            }
            (_, ["rrsets", below @ ..]) => {
                if self
                    .running
                    .is_some_and(|(_, since)| since.elapsed() < RUNS)
                {
                    return Err(refusal(
                        423,
                        "locked",
                        "zone is locked, another action is running",
                    ));
                }
                let name = zone.name.clone();
                self.write(shelf, &name, below, request)
            }
            _ => Err(refusal(405, "method_not_allowed", "method not allowed")),
        }
    }

    fn write(
        &mut self,
        shelf: &mut Shelf,
        zone: &str,
        below: &[&str],
        request: &Request,
    ) -> Result<(u16, Value), Refusal> {
        let held = shelf.zone(zone).unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let only = |known: &[&str]| {
            let fields = body.as_object().into_iter().flat_map(|body| body.keys());
            match fields
                .into_iter()
                .find(|field| !known.contains(&field.as_str()))
            {
                Some(unknown) => Err(invalid(unknown, "unknown field")),
                None => Ok(()),
            }
        };
        let has = |name: &str, rtype: &str| shown(held, name, rtype).is_some();
        let gone = || refusal(404, "not_found", "rrset not found");
        let (name, rtype, ttl, data) = match (request.method.as_str(), below) {
            ("POST", []) => {
                only(&["name", "type", "ttl", "labels", "records"])?;
                let name = owned(held, body["name"].as_str().unwrap_or_default())?;
                let rtype = body["type"].as_str().unwrap_or_default().to_owned();
                if has(&name, &rtype) {
                    return Err(refusal(409, "uniqueness_error", "rrset already exists"));
                }
                let data = records(held, &name, &rtype, &body["records"])?;
                (name, rtype, Some(ttl_of(&body)?), Some(data))
            }
            ("DELETE", [owner, rtype]) => {
                let name = owned(held, owner)?;
                if !has(&name, rtype) {
                    return Err(gone());
                }
                (name, (*rtype).to_owned(), None, Some(Vec::new()))
            }
            ("POST", [owner, rtype, "actions", what]) => {
                let name = owned(held, owner)?;
                if !has(&name, rtype) {
                    return Err(gone());
                }
                match *what {
                    "change_ttl" => {
                        only(&["ttl"])?;
                        (name, (*rtype).to_owned(), Some(ttl_of(&body)?), None)
                    }
                    "set_records" => {
                        only(&["records"])?;
                        let data = records(held, &name, rtype, &body["records"])?;
                        (name, (*rtype).to_owned(), None, Some(data))
                    }
                    _ => return Err(gone()),
                }
            }
            _ => return Err(refusal(405, "method_not_allowed", "method not allowed")),
        };
        let ids: Vec<u64> = data.iter().flatten().map(|_| shelf.new_id()).collect();
        shelf.change(zone, |held| {
            let of = |record: &Record| record.name == name && record.rtype == rtype;
            let old = held
                .records
                .iter()
                .find(|record| of(record))
                .map(|record| record.ttl);
            let ttl = ttl.or(old).unwrap_or(ZONE_TTL);
            match data {
                Some(data) => {
                    held.records.retain(|record| !of(record));
                    held.records
                        .extend(ids.into_iter().zip(data).map(|(id, (data, extra))| Record {
                            id,
                            name: name.clone(),
                            rtype: rtype.clone(),
                            ttl,
                            data,
                            extra,
                        }));
                }
                None => {
                    let set = held.records.iter_mut().filter(|record| of(record));
                    set.for_each(|record| record.ttl = ttl);
                }
            }
        });
        self.actions += 1;
        self.running = Some((self.actions, Instant::now()));
        Ok((201, self.action(self.actions)))
    }

    fn action(&self, id: u64) -> Value {
        let running = self.running.is_some_and(|(running, _)| running == id);
        json!({ "action": {
            "id": id, "command": "change_rrset", "status": if running { "running" } else { "success" }, "progress": if running { 50 } else { 100 },
            "started": "2026-11-21T21:00:00Z", "finished": null, "resources": [{ "id": 42, "type": "zone" }], "error": null,
        } })
    }
}

/// An owner as it must be written: relative and in lower case, `@` at the apex.
fn owned(zone: &Zone, owner: &str) -> Result<String, Refusal> {
    let bad = owner.is_empty() || owner.ends_with('.') || owner.ends_with(&zone.name);
    if bad || owner.chars().any(char::is_uppercase) {
        return Err(invalid(
            "name",
            "must be relative to the zone, in lower case",
        ));
    }
    Ok(zone.absolute(owner))
}

fn ttl_of(body: &Value) -> Result<u32, Refusal> {
    match body["ttl"].as_u64() {
        Some(ttl @ 60..=2_147_483_647) => Ok(u32::try_from(ttl).unwrap()),
        None if body["ttl"].is_null() => Ok(ZONE_TTL),
        _ => Err(invalid("ttl", "must be between 60 and 2147483647")),
    }
}

/// The records of a body as zone file text, each with its comment.
fn records(
    zone: &Zone,
    name: &str,
    rtype: &str,
    records: &Value,
) -> Result<Vec<(String, Value)>, Refusal> {
    let host = |text: &str| text.ends_with('.') && !text.contains(' ');
    let right = |text: &str| match rtype {
        "MX" => text
            .split_once(' ')
            .is_some_and(|(number, name)| number.parse::<u16>().is_ok() && host(name)),
        "CNAME" => host(text),
        // Strings of at most 255 octets, each in quotes; an escape is longer than its octet.
        "TXT" => {
            let strings = text
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'));
            strings
                .is_some_and(|strings| strings.split("\" \"").all(|string| string.len() <= 4 * 255))
        }
        _ => false,
    };
    let (mut seen, mut read) = (BTreeSet::new(), Vec::new());
    for record in records.as_array().into_iter().flatten() {
        let fields = record.as_object().unwrap();
        if fields
            .keys()
            .any(|field| field != "value" && field != "comment")
        {
            return Err(invalid("records", "unknown field"));
        }
        let value = record["value"].as_str().unwrap_or_default();
        if !right(value) || !seen.insert(value) {
            return Err(invalid("records", "malformed or repeated value"));
        }
        read.push((value.to_owned(), record["comment"].clone()));
    }
    let others = || {
        zone.records
            .iter()
            .any(|record| record.name == name && record.rtype != rtype)
    };
    if read.is_empty() || rtype == "CNAME" && (read.len() > 1 || others()) {
        return Err(invalid("records", "no set can be made of them"));
    }
    Ok(read)
}

fn shown_zone(zone: &Zone) -> Value {
    json!({
        "id": zone.id.parse::<u64>().unwrap(), "name": zone.name, "created": "2026-01-01T00:00:00Z", "mode": "primary", "ttl": ZONE_TTL,
        "labels": {}, "primary_nameservers": [], "protection": { "delete": false }, "status": "ok", "registrar": "other",
        "record_count": zone.records.len(),
        "authoritative_nameservers": {
            "assigned": ["hydrogen.ns.hetzner.com.", "oxygen.ns.hetzner.com.", "helium.ns.hetzner.de."],
            "delegated": ["hydrogen.ns.hetzner.com."], "delegation_last_check": "2026-11-21T21:00:00Z", "delegation_status": "valid",
        },
    })
}

fn shown(zone: &Zone, name: &str, rtype: &str) -> Option<Value> {
    let of = |record: &&Record| record.name == name && record.rtype == rtype;
    let records: Vec<_> = zone.records.iter().filter(of).collect();
    let ttl = records.first()?.ttl;
    let shown = |record: &&Record| match &record.extra {
        Value::Null => json!({ "value": record.data }),
        comment => json!({ "value": record.data, "comment": comment }),
    };
    let relative = zone.relative(name);
    Some(json!({
        "id": format!("{relative}/{rtype}"), "name": relative, "type": rtype, "labels": {}, "protection": { "change": false }, "zone": 42,
        "ttl": (ttl != ZONE_TTL).then_some(ttl), "records": records.iter().map(shown).collect::<Vec<_>>(),
    }))
}

fn list(zone: &Zone, request: &Request) -> Result<(u16, Value), Refusal> {
    let number = |key, default| query(request, key).map_or(default, |text| text.parse().unwrap());
    let (page, per_page): (usize, usize) = (number("page", 1), number("per_page", 25));
    if !(1..=50).contains(&per_page) {
        return Err(invalid("per_page", "must be between 1 and 50"));
    }
    let sets: BTreeSet<_> = zone
        .records
        .iter()
        .map(|record| (&record.name, &record.rtype))
        .collect();
    let found: Vec<_> = sets
        .iter()
        .skip((page - 1) * PAGE)
        .take(PAGE)
        .map(|(name, rtype)| shown(zone, name, rtype))
        .collect();
    let next = (page * PAGE < sets.len()).then_some(page + 1);
    let pagination =
        json!({ "page": page, "per_page": PAGE, "previous_page": null, "next_page": next });
    Ok((
        200,
        json!({ "rrsets": found, "meta": { "pagination": pagination } }),
    ))
}
