//! A stand-in for Cloudflare that remembers, refuses what Cloudflare refuses, and answers in its words.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// Records on one page at most, so that paging is always needed.
const PAGE: usize = 3;

/// What it holds.
pub struct State {
    pub token: String,
    pub zones: Vec<Zone>,
    /// How many requests more are answered with 429.
    pub throttle: u32,
    /// Stores this TTL whatever was asked.
    pub stores_ttl: Option<u32>,
    /// Set to the name and type of each set that was without a record between two that were there.
    pub emptied: Sets,
    pub next_id: u64,
}

pub struct Zone {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub plan: &'static str,
    pub records: Vec<Value>,
    pub dnssec: &'static str,
    /// What it says its DS is, once signed.
    pub ds: (String, String),
}

/// Names and types.
type Sets = BTreeSet<(String, String)>;

/// Status, code, words, and code and words of the one below.
type Refusal = (u16, u64, &'static str, Option<(u64, &'static str)>);

#[derive(Clone)]
pub struct Fake(pub Arc<Mutex<State>>);

impl Fake {
    pub async fn start(state: State) -> (MockServer, Self) {
        let fake = Self(Arc::new(Mutex::new(state)));
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(fake.clone())
            .mount(&server)
            .await;
        (server, fake)
    }
}

impl State {
    pub fn zone(&mut self, name: &str) -> &mut Zone {
        self.zones
            .iter_mut()
            .find(|zone| zone.name == name)
            .unwrap()
    }

    /// Adds a record as it would come from somebody else.
    pub fn add(&mut self, zone: &str, mut record: Value) {
        self.next_id += 1;
        record["id"] = format!("{:032x}", self.next_id).into();
        for (key, value) in [
            ("proxied", json!(false)),
            ("comment", Value::Null),
            ("tags", json!([])),
            ("settings", json!({})),
        ] {
            record.as_object_mut().unwrap().entry(key).or_insert(value);
        }
        self.zone(zone).records.push(record);
    }

    fn answer(&mut self, request: &Request) -> Result<(Value, Value), Refusal> {
        if self.throttle > 0 {
            self.throttle -= 1;
            return Err((
                429,
                10000,
                "Please wait and consider throttling your request speed",
                None,
            ));
        }
        let wanted = format!("Bearer {}", self.token);
        if request
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            != Some(&wanted)
        {
            return Err((403, 9109, "Invalid access token", None));
        }
        let path = request
            .url
            .path()
            .strip_prefix("/client/v4/")
            .ok_or(NO_ROUTE)?;
        let query = |key: &str| {
            request
                .url
                .query_pairs()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.into_owned())
        };
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["zones"]) => {
                let found = self
                    .zones
                    .iter()
                    .filter(|zone| query("name").is_none_or(|name| name == zone.name));
                Ok(page(found.map(Zone::shown).collect(), &query))
            }
            ("GET", ["zones", id, "dns_records"]) => {
                let zone = self.by_id(id)?;
                let fits = |record: &&Value| {
                    query("type").is_none_or(|rtype| record["type"] == rtype)
                        && query("name.exact").is_none_or(|name| record["name"] == name)
                };
                Ok(page(
                    zone.records.iter().filter(fits).cloned().collect(),
                    &query,
                ))
            }
            ("POST", ["zones", id, "dns_records", "batch"]) => {
                let stores = self.stores_ttl;
                let mut next_id = self.next_id;
                let zone = self.by_id(id)?;
                let (records, emptied) = batch(zone, &body, stores, &mut next_id)?;
                zone.records = records;
                self.next_id = next_id;
                self.emptied.extend(emptied);
                Ok((
                    json!({ "deletes": [], "patches": [], "puts": [], "posts": [] }),
                    Value::Null,
                ))
            }
            ("GET", ["zones", id, "dnssec"]) => Ok((self.by_id(id)?.dnssec_shown(), Value::Null)),
            ("PATCH", ["zones", id, "dnssec"]) => {
                let zone = self.by_id(id)?;
                zone.dnssec = match (zone.dnssec, body["status"].as_str()) {
                    ("disabled" | "pending-disabled", Some("active")) => "pending",
                    ("active" | "pending", Some("disabled")) => "disabled",
                    _ => return Err((400, 1004, "DNSSEC is already in that state", None)),
                };
                Ok((zone.dnssec_shown(), Value::Null))
            }
            _ => Err(NO_ROUTE),
        }
    }

    fn by_id(&mut self, id: &str) -> Result<&mut Zone, Refusal> {
        self.zones.iter_mut().find(|zone| zone.id == id).ok_or((
            404,
            7003,
            "Could not route to the zone",
            None,
        ))
    }
}

const NO_ROUTE: Refusal = (400, 7000, "No route for that URI", None);
const INVALID: &str = "DNS Validation Error";

impl Zone {
    fn shown(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "status": "active", "type": self.kind, "paused": false,
            "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"], "plan": { "legacy_id": self.plan },
        })
    }

    fn dnssec_shown(&self) -> Value {
        if self.dnssec == "disabled" {
            return json!({ "status": "disabled", "ds": null, "flags": null, "algorithm": null, "public_key": null });
        }
        let (key, digest) = &self.ds;
        let mut fields = digest.split(' ');
        let tag: u16 = fields.next().unwrap().parse().unwrap();
        let hex = fields.nth(2).unwrap();
        json!({
            "status": self.dnssec, "flags": 257, "algorithm": "13", "key_type": "ECDSAP256SHA256", "digest_type": "2",
            "digest_algorithm": "SHA256", "digest": hex, "key_tag": tag, "public_key": key,
            "ds": format!("{}. 3600 IN DS {digest}", self.name), "modified_on": "2026-11-21T21:00:00Z",
        })
    }
}

fn page(items: Vec<Value>, query: &dyn Fn(&str) -> Option<String>) -> (Value, Value) {
    let number = |key: &str, default: usize| {
        query(key)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (page, size) = (number("page", 1), number("per_page", 100).min(PAGE));
    let (count, pages) = (items.len(), items.len().div_ceil(size));
    let part: Vec<Value> = items
        .into_iter()
        .skip((page - 1) * size)
        .take(size)
        .collect();
    let info = json!({ "page": page, "per_page": size, "count": part.len(), "total_count": count, "total_pages": pages });
    (part.into(), info)
}

/// All or nothing, deletions first; and which sets were empty on the way although they exist before and after.
fn batch(
    zone: &Zone,
    body: &Value,
    stores: Option<u32>,
    next_id: &mut u64,
) -> Result<(Vec<Value>, Sets), Refusal> {
    let mut records = zone.records.clone();
    let list = |key: &str| body[key].as_array().cloned().unwrap_or_default();
    let sets = |records: &[Value]| -> Sets {
        records
            .iter()
            .map(|record| (text(record, "name"), text(record, "type")))
            .collect()
    };
    let before = sets(&records);
    let mut between = Vec::new();
    for delete in list("deletes") {
        let at = position(&records, &delete)?;
        records.remove(at);
        between.push(sets(&records));
    }
    for patch in list("patches") {
        let at = position(&records, &patch)?;
        let mut changed = records[at].clone();
        if patch
            .get("type")
            .is_some_and(|rtype| *rtype != changed["type"])
        {
            return Err((400, 9005, "The type of a record cannot be changed", None));
        }
        changed
            .as_object_mut()
            .unwrap()
            .extend(patch.as_object().unwrap().clone());
        records.remove(at);
        check(zone, &records, &mut changed, stores)?;
        records.insert(at, changed);
        between.push(sets(&records));
    }
    for post in list("posts") {
        let mut added = post.clone();
        *next_id += 1;
        added["id"] = format!("{next_id:032x}").into();
        check(zone, &records, &mut added, stores)?;
        records.push(added);
        between.push(sets(&records));
    }
    let after = sets(&records);
    let emptied = before
        .intersection(&after)
        .filter(|set| between.iter().any(|now| !now.contains(*set)))
        .cloned()
        .collect();
    Ok((records, emptied))
}

fn position(records: &[Value], wanted: &Value) -> Result<usize, Refusal> {
    records
        .iter()
        .position(|record| record["id"] == wanted["id"])
        .ok_or((404, 81044, "Record does not exist.", None))
}

fn text(record: &Value, key: &str) -> String {
    record[key].as_str().unwrap_or_default().to_owned()
}

/// What Cloudflare checks of a record before it takes it.
fn check(
    zone: &Zone,
    others: &[Value],
    record: &mut Value,
    stores: Option<u32>,
) -> Result<(), Refusal> {
    let invalid = |code, words| Err((400, 1004, INVALID, Some((code, words))));
    let allowed = [
        "id", "name", "type", "content", "priority", "ttl", "proxied", "comment", "tags",
        "settings", "data", "meta",
    ];
    if record
        .as_object()
        .unwrap()
        .keys()
        .any(|key| !allowed.contains(&key.as_str()))
    {
        return invalid(9207, "Unknown field.");
    }
    let ttl = record["ttl"].as_u64().unwrap_or(0);
    let least = if zone.plan == "enterprise" { 30 } else { 60 };
    if ttl != 1 && !(least..=86_400).contains(&ttl) {
        return invalid(
            9021,
            "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.",
        );
    }
    let (name, rtype, content) = (
        text(record, "name"),
        text(record, "type"),
        text(record, "content"),
    );
    if name.ends_with('.') || !(name == zone.name || name.ends_with(&format!(".{}", zone.name))) {
        return invalid(9000, "DNS name is invalid.");
    }
    match rtype.as_str() {
        "MX" if record["priority"]
            .as_u64()
            .is_none_or(|priority| priority > 65_535) =>
        {
            return invalid(9101, "priority is a required data field.");
        }
        "MX" | "CNAME"
            if content != "."
                && (content.is_empty() || content.ends_with('.') || content.contains('"')) =>
        {
            return invalid(9006, "Content for the record is invalid.");
        }
        "TXT" if !quotes_are_right(&content) => {
            return invalid(9207, "Content for TXT record must be within double quotes.");
        }
        _ => {}
    }
    if name.chars().any(char::is_uppercase) || !name.is_ascii() {
        return invalid(9000, "DNS name is invalid.");
    }
    let same = |other: &&Value| other["name"] == record["name"];
    let alias = |rtype: &str| rtype == "CNAME";
    if others
        .iter()
        .filter(same)
        .any(|other| alias(&rtype) || alias(&text(other, "type")))
    {
        return Err((
            400,
            81053,
            "An A, AAAA, or CNAME record with that host already exists.",
            None,
        ));
    }
    let identical = |other: &Value| {
        ["type", "content", "priority"]
            .iter()
            .all(|key| other[*key] == record[*key])
    };
    if others.iter().filter(same).any(identical) {
        return Err((400, 81058, "An identical record already exists.", None));
    }
    if let Some(ttl) = stores {
        record["ttl"] = ttl.into();
    }
    Ok(())
}

/// Quoted strings of at most 255 octets, blanks between.
fn quotes_are_right(content: &str) -> bool {
    let (mut inside, mut length, mut chars) = (false, 0, content.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => (inside, length) = (!inside, 0),
            ' ' if !inside => {}
            _ if !inside => return false,
            '\\' => {
                let digits = chars.clone().take(3).all(|c| c.is_ascii_digit());
                let skip = if digits { 3 } else { 1 };
                if chars.nth(skip - 1).is_none() {
                    return false;
                }
                length += 1;
            }
            _ => length += 1,
        }
        if length > 255 {
            return false;
        }
    }
    !inside && !content.is_empty()
}

impl Respond for Fake {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        match self.0.lock().unwrap().answer(request) {
            Ok((result, info)) => ResponseTemplate::new(200).set_body_json(json!({
                "success": true, "errors": [], "messages": [], "result": result, "result_info": info,
            })),
            Err((status, code, words, below)) => {
                let chain: Vec<_> = below.into_iter().map(|(code, words)| json!({ "code": code, "message": words })).collect();
                let mut error = json!({ "code": code, "message": words });
                if !chain.is_empty() {
                    error["error_chain"] = chain.into();
                }
                let body = json!({ "success": false, "errors": [error], "messages": [], "result": null });
                let answer = ResponseTemplate::new(status).set_body_json(body).insert_header("cf-ray", "8f00ba11-FRA");
                if status == 429 { answer.insert_header("retry-after", "240") } else { answer }
            }
        }
    }
}
