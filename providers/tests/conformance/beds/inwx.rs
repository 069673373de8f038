//! The stand-in for INWX.

use std::{collections::BTreeMap, net::SocketAddr};

use aws_lc_rs::hmac;
use rollout_providers::{DelegationKey, FieldValue, HandsOver, RecordData, Rrset};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, split};

const USER: &str = "example-ops";
const PASSWORD: &str = "synthetic-password-Rk2";
/// What the account's authenticator app was given, and the same as base32 text.
const SHARED: (&[u8], &str) = (b"synthetic-otp-10", "ON4W45DIMV2GSYZNN52HALJRGA");

pub async fn start() -> Option<FakeBed<Inwx>> {
    Some(FakeBed::start(Inwx::default()).await)
}

/// Sessions that were opened, and whether they were unlocked with a one-time code.
#[derive(Default)]
pub struct Inwx {
    sessions: BTreeMap<String, bool>,
}

type Refusal = (u16, &'static str, String);

const MISSING: (u16, &str) = (2303, "Object does not exist");

fn refusal((code, words): (u16, &'static str), reason: &str) -> Refusal {
    (code, words, reason.to_owned())
}

fn param<'a>(params: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    params[key].as_str().ok_or_else(|| {
        let reason = format!("The following parameter is missing: {key}");
        (2003, "Required parameter missing", reason)
    })
}

impl Vendor for Inwx {
    const SLUG: &'static str = "inwx";
    const REGISTRAR: bool = true;
    const HANDS_OVER: HandsOver = HandsOver::Always;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        let secret = |text: &str| FieldValue::Secret(text.to_owned().into());
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}/jsonrpc/")),
            ),
            ("user".to_owned(), FieldValue::from(USER)),
            ("password".to_owned(), secret(PASSWORD)),
            ("shared-secret".to_owned(), secret(SHARED.1)),
        ])
    }

    /// Everything is a POST: the method in the body says what it asks for.
    fn is_write() -> fn(&[u8]) -> bool {
        |sent| {
            let text = String::from_utf8_lossy(sent);
            [
                "Record\"",
                "dnskey\"",
                "enablednssec\"",
                "disablednssec\"",
                "deleteall\"",
            ]
            .iter()
            .any(|end| text.contains("\"method\":\"") && text.contains(end))
        }
    }

    fn holds(set: &Rrset) -> bool {
        set.values().iter().all(|value| match value {
            RecordData::Txt(bytes) => {
                !bytes.is_empty() && !bytes.ends_with(b" ") && !bytes.contains(&b'`')
            }
            _ => true,
        })
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        if split(request) != ["jsonrpc", ""] || request.method.as_str() != "POST" {
            return ResponseTemplate::new(404).set_body_string("<html>Not Found</html>");
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let (method, params) = (body["method"].as_str().unwrap(), &body["params"]);
        let cookie = request
            .headers
            .get("cookie")
            .and_then(|value| value.to_str().ok());
        let answered = match method {
            "account.login" => return self.login(params),
            _ if shelf.throttle > 0 => {
                shelf.throttle -= 1;
                Err(refusal((2502, "Session limit exceeded"), ""))
            }
            "account.unlock" => self.unlock(cookie, params),
            _ if cookie.and_then(|cookie| self.sessions.get(cookie)) != Some(&true) => {
                Err(refusal((2200, "Authentication error"), ""))
            }
            _ if method.starts_with("dnssec.") => dnssec(shelf, method, params),
            _ => records(shelf, method, params),
        };
        ResponseTemplate::new(200).set_body_json(match answered {
            Ok(data) => json!({ "code": 1000, "msg": "Command completed successfully", "resData": data, "svTRID": "20260101-1" }),
            Err((code, msg, reason)) if reason.is_empty() => json!({ "code": code, "msg": msg, "svTRID": "20260101-1" }),
            Err((code, msg, reason)) => {
                json!({ "code": code, "msg": msg, "reasonCode": "SYNTHETIC", "reason": reason, "svTRID": "20260101-1" })
            }
        })
    }
}

impl Inwx {
    fn login(&mut self, params: &Value) -> ResponseTemplate {
        if params["user"] != USER || params["pass"] != PASSWORD {
            let body = json!({ "code": 2200, "msg": "Authentication error" });
            return ResponseTemplate::new(200).set_body_json(body);
        }
        let session = format!("domrobot=synthetic-session-{}", self.sessions.len());
        self.sessions.insert(session.clone(), false);
        ResponseTemplate::new(200)
            .insert_header("set-cookie", format!("{session}; path=/; secure; HttpOnly").as_str())
            .set_body_json(json!({ "code": 1000, "msg": "Command completed successfully", "resData": {
                "customerId": 10_069, "customerNo": 110_069, "accountId": 61_140, "tfa": "GOOGLE-AUTH",
            } }))
    }

    fn unlock(&mut self, cookie: Option<&str>, params: &Value) -> Result<Value, Refusal> {
        let step = u64::try_from(jiff::Timestamp::now().as_second()).unwrap() / 30;
        let right = [step - 1, step, step + 1].map(code);
        let session = cookie.and_then(|cookie| self.sessions.get_mut(cookie));
        match session {
            Some(unlocked) if right.contains(&param(params, "tan")?.to_owned()) => {
                *unlocked = true;
                Ok(Value::Null)
            }
            _ => Err(refusal((2200, "Authentication error"), "wrong tan")),
        }
    }
}

fn code(step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SHARED.0);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = (tag[19] % 16) as usize;
    let number = tag[at..at + 4]
        .iter()
        .fold(0_u64, |sum, byte| sum * 256 + u64::from(*byte));
    format!("{:06}", number % (1 << 31) % 1_000_000)
}

fn records(shelf: &mut Shelf, method: &str, params: &Value) -> Result<Value, Refusal> {
    match method {
        "nameserver.info" => {
            let domain = param(params, "domain")?;
            let zone = shelf.zone(domain).ok_or_else(|| refusal(MISSING, ""))?;
            let mut all: Vec<Value> = zone.records.iter().map(shown).collect();
            for host in ["ns.inwx.de", "ns2.inwx.de"] {
                all.push(json!({ "id": "1", "name": zone.name, "type": "NS", "content": host, "ttl": 3600, "prio": 0 }));
            }
            for key in ["name", "type"] {
                if let Some(wanted) = params[key].as_str() {
                    all.retain(|record| record[key] == wanted);
                }
            }
            let mut data = json!({ "roId": zone.id.parse::<u64>().unwrap(), "domain": zone.name, "type": "MASTER", "count": all.len() });
            if !all.is_empty() {
                data["record"] = all.into();
            }
            Ok(data)
        }
        "nameserver.createRecord" => {
            let (domain, name) = (param(params, "domain")?, param(params, "name")?);
            let zone = shelf.zone(domain).ok_or_else(|| refusal(MISSING, ""))?;
            let mut record = Record {
                id: 0,
                name: name.to_owned(),
                rtype: param(params, "type")?.to_owned(),
                ttl: 3600,
                data: String::new(),
                extra: Value::Null,
            };
            put(&mut record, params)?;
            let same = |held: &Record| held.name == record.name && held.data == record.data;
            let alias = |held: &Record| {
                held.name == record.name && (held.rtype == "CNAME" || record.rtype == "CNAME")
            };
            if zone.records.iter().any(|held| same(held) || alias(held)) {
                return Err(refusal((2302, "Object exists"), ""));
            }
            record.id = shelf.new_id();
            let id = record.id;
            shelf.change(domain, |zone| zone.records.push(record));
            Ok(json!({ "id": id.to_string() }))
        }
        "nameserver.updateRecord" | "nameserver.deleteRecord" => {
            let id: u64 = param(params, "id")?.parse().unwrap();
            let of = |zone: &Zone| zone.records.iter().position(|record| record.id == id);
            let found = shelf
                .zones
                .iter()
                .find_map(|zone| of(zone).map(|at| (zone.name.clone(), at)));
            let (zone, at) = found.ok_or_else(|| refusal(MISSING, ""))?;
            if method == "nameserver.deleteRecord" {
                shelf.change(&zone, |zone| zone.records.remove(at));
            } else {
                let mut record = shelf.zone(&zone).unwrap().records[at].clone();
                put(&mut record, params)?;
                shelf.change(&zone, |zone| zone.records[at] = record);
            }
            Ok(Value::Null)
        }
        _ => Err(refusal((2000, "Unknown command"), method)),
    }
}

/// What INWX takes of the parameters into a record.
fn put(record: &mut Record, params: &Value) -> Result<(), Refusal> {
    let syntax = |reason: &str| refusal((2005, "Parameter value syntax error"), reason);
    if let Some(ttl) = params["ttl"].as_u64() {
        record.ttl = u32::try_from(ttl).unwrap();
    }
    let content = param(params, "content")?;
    if record.rtype != "TXT" && content.len() > 1 && content.ends_with('.') {
        return Err(syntax("content: no final dot"));
    }
    let host = format!("{}.", content.trim_end_matches('.'));
    record.data = match record.rtype.as_str() {
        "MX" => format!("{} {host}", params["prio"].as_u64().unwrap_or(0)),
        "CNAME" => host,
        // Taken as it comes; what has no quotes is put into some.
        "TXT" if content.starts_with('"') => {
            if content == "\"\"" || content.ends_with(" \"") || content.contains('`') {
                return Err(syntax("content"));
            }
            content.to_owned()
        }
        "TXT" => format!("\"{content}\""),
        other => return Err(syntax(other)),
    };
    Ok(())
}

fn shown(record: &Record) -> Value {
    let (prio, content) = match record.rtype.as_str() {
        "MX" => {
            let (prio, host) = record.mx();
            (prio, if host.is_empty() { "." } else { host })
        }
        "CNAME" => (0, record.data.trim_end_matches('.')),
        _ => (0, record.data.as_str()),
    };
    json!({ "id": record.id.to_string(), "name": record.name, "type": record.rtype, "content": content, "ttl": record.ttl, "prio": prio })
}

fn dnssec(shelf: &mut Shelf, method: &str, params: &Value) -> Result<Value, Refusal> {
    // These take names in Unicode.
    let find = |shelf: &Shelf, name: &str| {
        let held = |zone: &&Zone| {
            let apex: rollout_providers::Name = zone.name.parse().unwrap();
            apex.unicode() == name
        };
        shelf.zones.iter().find(held).map(|zone| zone.name.clone())
    };
    let domain = || {
        let name = param(params, "domainName")?;
        find(shelf, name).ok_or_else(|| refusal(MISSING, ""))
    };
    match method {
        "dnssec.info" => {
            let names = params["domains"].as_array().unwrap();
            let states: Vec<_> = names
                .iter()
                .filter_map(|name| find(shelf, name.as_str().unwrap()))
                .map(|name| {
                    let zone = shelf.zone(&name).unwrap();
                    let status = if zone.signed { "AUTO" } else { "MANUAL" };
                    json!({ "domain": name, "keyCount": zone.on_file.len().to_string(), "dnssecStatus": status })
                })
                .collect();
            Ok(json!({ "data": states }))
        }
        "dnssec.enablednssec" | "dnssec.disablednssec" => {
            let domain = domain()?;
            shelf.zone_mut(&domain).unwrap().signed = method == "dnssec.enablednssec";
            Ok(Value::Null)
        }
        "dnssec.listkeys" => {
            let domain = domain()?;
            let zone = shelf.zone(&domain).unwrap();
            let keys: Vec<_> = zone
                .on_file
                .iter()
                .map(|key| shown_key(zone, key))
                .collect();
            Ok(json!(keys))
        }
        "dnssec.adddnskey" => {
            let domain = domain()?;
            let line = param(params, "dnskey")?;
            let start = format!("{domain}. IN DNSKEY 257 3 ");
            if !line.starts_with(&start) || params["calculateDigest"] != true {
                return Err(refusal((2005, "Parameter value syntax error"), "dnskey"));
            }
            let key = DelegationKey::from_dnskey(&domain.parse().unwrap(), line.parse().unwrap());
            let key = key.unwrap();
            let ds = key.preferred_ds().unwrap().to_string();
            shelf.zone_mut(&domain).unwrap().on_file.push(key);
            Ok(json!({ "dnskey": line, "ds": ds }))
        }
        "dnssec.deletednskey" => {
            let wanted = param(params, "key")?;
            let zone = shelf.zones.iter_mut().find(|zone| {
                let mut keys = zone.on_file.iter();
                keys.any(|key| number(key) == wanted)
            });
            let zone = zone.ok_or_else(|| refusal(MISSING, ""))?;
            zone.on_file.retain(|key| number(key) != wanted);
            Ok(Value::Null)
        }
        _ => Err(refusal((2000, "Unknown command"), method)),
    }
}

/// INWX's number for what is on file.
fn number(key: &DelegationKey) -> String {
    format!("88{}", key.preferred_ds().unwrap().key_tag)
}

fn shown_key(zone: &Zone, key: &DelegationKey) -> Value {
    let ds = key.preferred_ds().unwrap();
    let text = key.dnskey.as_ref().unwrap().to_string();
    let digest: String = ds.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "ownerName": zone.name, "id": number(key), "domainId": zone.id, "keyTag": ds.key_tag.to_string(), "flagId": "257",
        "algorithmId": ds.algorithm.to_string(), "publicKey": text.rsplit(' ').next(), "digestTypeId": ds.digest_type.to_string(),
        "digest": digest, "created": "2026-01-01 00:00:00", "status": "OK", "active": "1",
    })
}
