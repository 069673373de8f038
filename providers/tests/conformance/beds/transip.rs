//! The stand-in for TransIP.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{LazyLock, Mutex},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rollout_providers::{DelegationKey, FieldValue, RecordData, Rrset};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, split};

const LOGIN: &str = "example-ops";

/// Made anew in each process, as a control panel makes one for each customer.
static PAIR: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());
/// Every nonce may be used once.
static NONCES: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub async fn start() -> Option<FakeBed<TransIp>> {
    Some(FakeBed::start(TransIp { tokens: Vec::new() }).await)
}

pub struct TransIp {
    tokens: Vec<String>,
}

type Refusal = (u16, Value);

fn refusal(status: u16, error: &str) -> Refusal {
    (status, json!({ "error": error }))
}

impl Vendor for TransIp {
    const SLUG: &'static str = "transip";
    const REGISTRAR: bool = true;
    const NAMESERVERS: bool = false;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        let der: Pkcs8V1Der<'_> = PAIR.as_der().unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}/v6")),
            ),
            ("login".to_owned(), FieldValue::from(LOGIN)),
            ("private-key".to_owned(), FieldValue::Secret(pem.into())),
        ])
    }

    /// To ask for a token changes nothing.
    fn is_write() -> fn(&[u8]) -> bool {
        |sent| crate::proxy::http_write(sent) && !sent.starts_with(b"POST /v6/auth ")
    }

    fn holds(set: &Rrset) -> bool {
        set.values().iter().all(|value| match value {
            RecordData::Txt(bytes) => complaint(&String::from_utf8_lossy(bytes)).is_none(),
            RecordData::Mx { exchange, .. } => !exchange.is_root(),
            RecordData::Cname(_) => true,
        })
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            let reset = jiff::Timestamp::now().as_second() + 300;
            return ResponseTemplate::new(429)
                .insert_header("x-rate-limit-remaining", "0")
                .insert_header("x-rate-limit-reset", reset.to_string().as_str())
                .set_body_json(json!({ "error": "Rate limit exceeded" }));
        }
        match self.route(shelf, request) {
            Ok((204, _)) => ResponseTemplate::new(204),
            Ok((status, body)) | Err((status, body)) => {
                ResponseTemplate::new(status).set_body_json(body)
            }
        }
    }
}

impl TransIp {
    fn route(&mut self, shelf: &mut Shelf, request: &Request) -> Result<(u16, Value), Refusal> {
        let path = split(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        if (method, path.as_slice()) == ("POST", &["v6", "auth"]) {
            return self.token(request);
        }
        let header = request.headers.get("authorization");
        let token = header
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .unwrap_or_default();
        if !self.tokens.iter().any(|known| known == token) {
            return Err(refusal(401, "Your access token is invalid."));
        }
        let ["v6", "domains", domain, below @ ..] = path.as_slice() else {
            return Err(refusal(404, "Not found"));
        };
        let Some(zone) = shelf.zone_mut(domain) else {
            let error = format!("Domain with name '{domain}' not found");
            return Err(refusal(404, &error));
        };
        match (method, below) {
            ("GET", []) => Ok((
                200,
                json!({ "domain": { "name": zone.name, "authCode": "synthetic", "isTransferLocked": false, "isDnsOnly": false, "status": "registered" } }),
            )),
            ("GET", ["dns"]) => {
                let entries: Vec<_> = zone
                    .records
                    .iter()
                    .map(|record| shown(zone, record))
                    .collect();
                Ok((200, json!({ "dnsEntries": entries })))
            }
            ("PUT", ["dns"]) => {
                let body: Value = body(request)?;
                let entries = body["dnsEntries"]
                    .as_array()
                    .ok_or_else(|| refusal(406, "The parameter 'dnsEntries' is missing"))?;
                let parsed = entries.iter().map(|entry| parse(zone, entry));
                let mut records: Vec<Record> = parsed.collect::<Result<_, _>>()?;
                for record in &mut records {
                    record.id = shelf.new_id();
                }
                shelf.change(domain, |zone| zone.records = records);
                Ok((204, Value::Null))
            }
            ("GET", ["dnssec"]) => {
                let keys: Vec<_> = zone.on_file.iter().map(shown_key).collect();
                Ok((200, json!({ "dnsSecEntries": keys })))
            }
            ("PUT", ["dnssec"]) => {
                let body: Value = body(request)?;
                let keys = body["dnsSecEntries"]
                    .as_array()
                    .ok_or_else(|| refusal(406, "The parameter 'dnsSecEntries' is missing"))?;
                let keys = keys.iter().map(|key| parse_key(zone, key));
                zone.on_file = keys.collect::<Result<_, _>>()?;
                Ok((204, Value::Null))
            }
            _ => Err(refusal(405, "Method not allowed")),
        }
    }

    fn token(&mut self, request: &Request) -> Result<(u16, Value), Refusal> {
        let body: Value = body(request)?;
        let signature = request
            .headers
            .get("signature")
            .and_then(|value| STANDARD.decode(value).ok())
            .ok_or_else(|| refusal(401, "The signature is missing"))?;
        let public =
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, PAIR.public_key().as_ref());
        if body["login"] != LOGIN || public.verify(&request.body, &signature).is_err() {
            return Err(refusal(401, "Invalid signature"));
        }
        let nonce = body["nonce"].as_str().unwrap_or_default().to_owned();
        let mut nonces = NONCES.lock().unwrap();
        if !(6..=32).contains(&nonce.len()) || nonces.contains(&nonce) {
            return Err(refusal(409, "The nonce was used before"));
        }
        if body["read_only"] != false || body["expiration_time"].as_str().is_none() {
            return Err(refusal(406, "The parameter 'expiration_time' is missing"));
        }
        let token = format!("eyJ0eXAi.synthetic.{nonce}");
        nonces.push(nonce);
        self.tokens.push(token.clone());
        Ok((201, json!({ "token": token })))
    }
}

fn body(request: &Request) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body).map_err(|_| refusal(400, "The request body is no JSON"))
}

/// What TransIP has against a text.
fn complaint(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > 1024 {
        Some("is too long")
    } else if text.contains(['\\', '`']) || text.trim() != text {
        Some("has characters that are not allowed")
    } else if !text.chars().all(|c| (' '..='~').contains(&c)) {
        Some("is not printable")
    } else {
        None
    }
}

fn shown(zone: &Zone, record: &Record) -> Value {
    // Texts have no quotes around them and are not cut.
    let content = match record.rtype.as_str() {
        "TXT" => record.data[1..record.data.len() - 1]
            .replace("\" \"", "")
            .replace("\\\"", "\""),
        _ => record.data.clone(),
    };
    json!({ "name": zone.relative(&record.name), "expire": record.ttl, "type": record.rtype, "content": content })
}

fn parse(zone: &Zone, entry: &Value) -> Result<Record, Refusal> {
    let wrong = |why: &str| refusal(406, &format!("DNS entry {entry} {why}"));
    let text = |key: &str| entry[key].as_str().ok_or_else(|| wrong("is not complete"));
    let (name, rtype, content) = (text("name")?, text("type")?, text("content")?);
    let ttl = entry["expire"]
        .as_u64()
        .ok_or_else(|| wrong("is not complete"))?;
    let data = match rtype {
        "TXT" => {
            if let Some(why) = complaint(content) {
                return Err(wrong(why));
            }
            let pieces = content.as_bytes().chunks(255).map(|piece| {
                let piece = String::from_utf8_lossy(piece).replace('"', "\\\"");
                format!("\"{piece}\"")
            });
            pieces.collect::<Vec<_>>().join(" ")
        }
        "MX" | "CNAME" if content.ends_with('.') && !content.ends_with(" .") => content.to_owned(),
        "MX" | "CNAME" => return Err(wrong("has no valid host name")),
        _ => content.to_owned(),
    };
    Ok(Record {
        id: 0,
        name: zone.absolute(name),
        rtype: rtype.to_owned(),
        ttl: u32::try_from(ttl).unwrap(),
        data,
        extra: Value::Null,
    })
}

fn shown_key(key: &DelegationKey) -> Value {
    let text = key.dnskey.as_ref().unwrap().to_string();
    let [flags, _, algorithm, public] = text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    let number = |text: &str| text.parse::<u64>().unwrap();
    json!({ "keyTag": key.preferred_ds().unwrap().key_tag, "flags": number(flags), "algorithm": number(algorithm), "publicKey": public })
}

fn parse_key(zone: &Zone, key: &Value) -> Result<DelegationKey, Refusal> {
    let wrong = || refusal(406, "The DNSSEC entry is not valid");
    let number = |name: &str| key[name].as_u64().ok_or_else(wrong);
    let public = key["publicKey"].as_str().ok_or_else(wrong)?;
    let text = format!("{} 3 {} {public}", number("flags")?, number("algorithm")?);
    let parsed = DelegationKey::from_dnskey(
        &zone.name.parse().unwrap(),
        text.parse().map_err(|_| wrong())?,
    );
    let parsed = parsed.map_err(|_| wrong())?;
    if u64::from(parsed.preferred_ds().unwrap().key_tag) != number("keyTag")? {
        return Err(wrong());
    }
    Ok(parsed)
}
