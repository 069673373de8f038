//! DigitalOcean DNS.
//!
//! Records are single. Host names are read without their final dot, `@` being the zone itself, and written with it. Zones are not
//! signed here, so DANE cannot be had before the zone moves to another host.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, Error, Field, HandsOver, Info, Kind, Limit, Name, Outcome, Provider, RecordData,
    RecordType, Result, Right, Rrset, ShownBy, TTL_MAX, Writes, Zone,
    guard,
    http::{Explained, Http, Request},
    stepwise::{self, Held, SingleRecords},
    text,
};

pub(crate) static INFO: Info = Info {
    slug: "digitalocean",
    title: "DigitalOcean",
    docs: "https://docs.digitalocean.com/reference/api/digitalocean/#tag/Domain-Records",
    nameservers: &["digitalocean.com"],
    fields: &[
        Field { key: "token", meaning: "a personal access token", env: "DIGITALOCEAN_TOKEN", secret: true, default: None },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "DIGITALOCEAN_URL",
            secret: false,
            default: Some("https://api.digitalocean.com/v2"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: false,
        keys: false,
        writes: Writes::Stepwise,
        delegation: Delegation::ByHand,
        registrar: None,
        ttl_floor: "30 s",
    },
    // https://docs.digitalocean.com/reference/api/digitalocean/#section/Introduction/Rate-Limit
    limits: &[
        Limit::of_credential(Counts::All, 250, Duration::from_secs(60)),
        Limit::of_credential(Counts::All, 5000, Duration::from_secs(3600)),
    ],
    rights: "A personal access token with the custom scopes domain:read, domain:create, domain:update and domain:delete. It \
             reaches every domain of its team.",
    access: Access {
        rights: &[
            Right { name: "domain:read", purpose: "find the domain and read its records", shown_by: ShownBy::Reading },
            Right {
                name: "domain:create, domain:update and domain:delete",
                purpose: "change the MX and MTA-STS records",
                shown_by: ShownBy::Write,
            },
        ],
        made_at: "DigitalOcean control panel, API, Tokens, Generate New Token, Custom Scopes.",
        told: "DigitalOcean does not say which scopes a token has, only refuses what it may not do.",
    },
    connect: |fields, options| {
        let token = ("authorization", "Bearer ", fields.secret("token"));
        let http = Http::new(&INFO, fields.text("url"), &[token], explain, &options)?;
        Ok(Box::new(DigitalOcean { http }))
    },
};

#[derive(Debug)]
struct DigitalOcean {
    http: Http,
}

/// Records asked for at a time, the most there can be.
const PAGE: &str = "200";
/// Pages read before something must be wrong.
const PAGES: u32 = 500;
/// Most characters of a TXT as zone file text, quotes and escapes counted too.
const TXT_MOST: usize = 512;

#[derive(Deserialize)]
struct WireDomain {
    domain: Domain,
}

#[derive(Deserialize)]
struct Domain {
    name: String,
}

#[derive(Deserialize)]
struct Page {
    domain_records: Vec<WireRecord>,
    #[serde(default)]
    links: Links,
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(default)]
    pages: Next,
}

#[derive(Default, Deserialize)]
struct Next {
    next: Option<String>,
}

/// A record of any type; only what is needed of it.
#[derive(Deserialize)]
struct WireRecord {
    id: u64,
    #[serde(rename = "type")]
    rtype: String,
    /// Relative to the zone, `@` at its apex.
    name: String,
    #[serde(default)]
    data: String,
    priority: Option<u16>,
    ttl: u32,
}

fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    struct Body {
        id: String,
        message: String,
    }
    match serde_json::from_slice(body) {
        Ok(Body { id, message }) => Explained { kind: None, code: Some(id.into()), message: Some(message) },
        Err(_) => Explained::default(),
    }
}

impl DigitalOcean {
    fn request(&self, call: Call, operation: &str, method: Method, zone: &Zone, below: &[&str]) -> Request {
        self.http.request(call, operation, method, &[&["domains", zone.id.as_str(), "records"], below].concat())
    }

    /// All records of a zone, or those that `of` chooses.
    async fn list(&self, call: Call, operation: &str, zone: &Zone, of: &[(&str, &str)]) -> Result<Vec<WireRecord>> {
        let mut records = Vec::new();
        for page in 1..=PAGES {
            let request = self.request(call, operation, Method::GET, zone, &[]).query(of);
            let request = request.query(&[("page", &page.to_string()), ("per_page", PAGE)]);
            let found: Page = self.http.json(&request).await?;
            records.extend(found.domain_records);
            if found.links.pages.next.is_none() {
                return Ok(records);
            }
        }
        Err(Error::new(INFO.slug, operation, Kind::Protocol, "the list has no end"))
    }

    async fn send(&self, zone: &Zone, set: &Rrset, method: Method, below: &[&str], body: Option<&Value>) -> Result<()> {
        let request = self.request(Call::Write, &guard::operation_on(set), method, zone, below);
        let request = if let Some(body) = body { request.json(body) } else { request };
        self.http.send(&request).await.map(drop)
    }
}

fn relative<'a>(zone: &Zone, name: &'a Name) -> &'a str {
    match name.relative_to(&zone.apex) {
        Some("") => "@",
        Some(below) => below,
        None => name.as_str(),
    }
}

fn decode(zone: &Zone, record: &WireRecord, rtype: RecordType) -> Result<RecordData, String> {
    let host = || match record.data.as_str() {
        "@" => Ok(zone.apex.clone()),
        host => Name::parse(host).map_err(|error| error.to_string()),
    };
    Ok(match rtype {
        RecordType::Mx => RecordData::mx(record.priority.ok_or("an MX record without a priority")?, host()?),
        RecordType::Cname => RecordData::Cname(host()?),
        RecordType::Txt => RecordData::txt(record.data.as_bytes()),
    })
}

fn encode(name: &str, ttl: u32, value: &RecordData) -> Value {
    let (data, priority) = match value {
        RecordData::Mx { preference, exchange } => (exchange.fqdn(), Some(*preference)),
        RecordData::Cname(target) => (target.fqdn(), None),
        // What is not ASCII was refused.
        RecordData::Txt(bytes) => (String::from_utf8_lossy(bytes).into_owned(), None),
    };
    let mut body = json!({ "type": value.rtype().as_str(), "name": name, "data": data, "ttl": ttl });
    if let Some(priority) = priority {
        body["priority"] = priority.into();
    }
    body
}

/// What DigitalOcean cannot hold, or does not hold as it was given.
fn unfit(value: &RecordData) -> Option<&'static str> {
    match value {
        RecordData::Mx { exchange, .. } if exchange.is_root() => Some("a null MX"),
        RecordData::Txt(bytes) if bytes.is_empty() => Some("an empty TXT"),
        RecordData::Txt(bytes) if bytes.contains(&b'\\') || !bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) => {
            Some("a TXT with a backslash or with anything but printable ASCII")
        }
        RecordData::Txt(bytes) if text::quoted(bytes).len() > TXT_MOST => Some("a TXT of more than about 500 characters"),
        _ => None,
    }
}

#[async_trait]
impl SingleRecords for DigitalOcean {
    type Record = u64;

    fn refuses(&self, set: &Rrset) -> Option<String> {
        set.values().iter().find_map(unfit).map(|what| format!("DigitalOcean cannot hold {what}"))
    }

    async fn records(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Vec<Held<u64>>> {
        let operation = format!("read {rtype} at {name}");
        let of = [("type", rtype.as_str()), ("name", name.as_str())];
        let records = self.list(Call::Read, &operation, zone, &of).await?;
        records
            .iter()
            // The filter of the interface is not relied on.
            .filter(|record| record.rtype == rtype.as_str() && record.name == relative(zone, name))
            .map(|record| Ok(Held { record: record.id, ttl: record.ttl, value: decode(zone, record, rtype)? }))
            .collect::<Result<_, String>>()
            .map_err(|message| Error::new(INFO.slug, operation, Kind::Protocol, message))
    }

    async fn update(&self, zone: &Zone, record: u64, set: &Rrset, value: &RecordData) -> Result<()> {
        let body = encode(relative(zone, set.name()), set.ttl(), value);
        self.send(zone, set, Method::PUT, &[&record.to_string()], Some(&body)).await
    }

    async fn add(&self, zone: &Zone, set: &Rrset, value: &RecordData) -> Result<()> {
        let body = encode(relative(zone, set.name()), set.ttl(), value);
        self.send(zone, set, Method::POST, &[], Some(&body)).await
    }

    async fn remove(&self, zone: &Zone, record: u64, set: &Rrset) -> Result<()> {
        self.send(zone, set, Method::DELETE, &[&record.to_string()], None).await
    }
}

#[async_trait]
impl Provider for DigitalOcean {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let request = self.http.get(Call::Zone, &operation, &["domains", apex.as_str()]);
        let found: WireDomain = self.http.json(&request).await?;
        if Name::parse(&found.domain.name).as_ref() != Ok(apex) {
            let message = format!("DigitalOcean has {:?} instead", text::harmless(&found.domain.name, 80));
            return Err(Error::new(INFO.slug, operation, Kind::NotFound, message));
        }
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers: Vec::new(),
            ttl: 30..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never, notes: Vec::new(),
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        stepwise::read(self, zone, name, rtype).await
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        stepwise::write(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let records = self.list(Call::List, &operation, zone, &[]).await?;
        Ok(records.iter().map(|record| record.ttl).max())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            let zone = Zone {
                id: String::new(),
                apex: set.name().clone(),
                nameservers: vec![],
                ttl: 30..=TTL_MAX,
                writes: Writes::Stepwise,
                hands_over: HandsOver::Never, notes: vec![],
            };
            for value in set.values().iter().filter(|value| unfit(value).is_none()) {
                let mut body = encode("@", set.ttl(), value);
                body["id"] = 1.into();
                let record: WireRecord = serde_json::from_value(body).unwrap();
                prop_assert_eq!(&decode(&zone, &record, set.rtype()).unwrap(), value);
                prop_assert_eq!((record.ttl, record.name.as_str()), (set.ttl(), relative(&zone, set.name())));
            }
        }
    }
}
