//! DNSimple.
//!
//! Records are changed one by one. A batch call exists, but only for Enterprise accounts, and it deletes first. Whoever is hosted
//! and registered there cannot sign without DNSimple publishing the DS by itself.

mod dnssec;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, Error, Field, HandsOver, Info, Kind, Limit, Name, Outcome, Provider, RecordData,
    RecordType, Registrar, Result, Right, Rrset, ShownBy, Signer, TTL_MAX, Takes, Writes, Zone, guard,
    http::{Explained, Http, Request},
    stepwise::{self, Held, SingleRecords},
    text,
};

pub(crate) static INFO: Info = Info {
    slug: "dnsimple",
    title: "DNSimple",
    docs: "https://developer.dnsimple.com/v2/zones/records/",
    nameservers: &["dnsimple.com", "dnsimple-edge.com", "dnsimple-edge.net", "dnsimple-edge.org", "dnsimple-edge.io"],
    fields: &[
        Field { key: "token", meaning: "an API access token of the account", env: "DNSIMPLE_TOKEN", secret: true, default: None },
        Field {
            key: "account",
            meaning: "the number of the account, where the token is a user's",
            env: "DNSIMPLE_ACCOUNT",
            secret: false,
            default: Some(""),
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "DNSIMPLE_URL",
            secret: false,
            default: Some("https://api.dnsimple.com/v2"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: true,
        writes: Writes::Stepwise,
        delegation: Delegation::ByHand,
        registrar: Some(Takes::Ds),
        ttl_floor: "none is documented",
    },
    // https://developer.dnsimple.com/v2/#rate-limiting
    limits: &[Limit::of_credential(Counts::All, 2400, Duration::from_secs(3600))],
    rights: "An account access token; where the plan has scoped tokens, one for the zone's records and the domain's DNSSEC.",
    access: Access {
        rights: &[
            Right { name: "zones:{zone}:read", purpose: "find the zone and read its records", shown_by: ShownBy::Reading },
            Right { name: "zones:{zone}:write", purpose: "change the MX and MTA-STS records", shown_by: ShownBy::Write },
            Right { name: "domains:{domain}:read", purpose: "see whether the zone is signed", shown_by: ShownBy::SigningStatus },
            Right { name: "domains:{domain}:write", purpose: "sign the zone and publish the DS", shown_by: ShownBy::Write },
        ],
        made_at: "DNSimple, the account's page, Access Tokens, Add; an account token, not a user token.",
        told: "DNSimple says whose token it is (GET /whoami), and names the missing scope only when it refuses.",
    },
    connect: |fields, options| {
        let token = ("authorization", "Bearer ", fields.secret("token"));
        let account = fields.text("account");
        if !account.chars().all(|c| c.is_ascii_digit()) {
            return Err(fields.wrong("account", "it is a number, the one after /a/ in the address of the account's page"));
        }
        let http = Http::new(&INFO, fields.text("url"), &[token], explain, &options)?;
        let account = Some(account.to_owned()).filter(|account| !account.is_empty());
        Ok(Box::new(Dnsimple { http, account: OnceCell::new_with(account) }))
    },
};

/// Most entries that one page holds.
const PAGE: &str = "100";
/// Pages read before something must be wrong.
const PAGES: u32 = 1000;
/// Longest TXT value, in characters as it is sent.
const TXT: usize = 1000;

#[derive(Debug)]
struct Dnsimple {
    http: Http,
    account: OnceCell<String>,
}

#[derive(Deserialize)]
struct Wire<T> {
    data: T,
    pagination: Option<WirePage>,
}

#[derive(Deserialize)]
struct WirePage {
    current_page: u32,
    total_pages: u32,
}

#[derive(Deserialize)]
struct WireWho {
    account: Option<WireAccount>,
}

#[derive(Deserialize)]
struct WireAccount {
    id: u64,
}

#[derive(Deserialize)]
struct WireZone {
    name: String,
    #[serde(default)]
    secondary: bool,
    active: Option<bool>,
}

#[derive(Deserialize)]
struct WireRecord {
    id: u64,
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    content: String,
    ttl: u32,
    priority: Option<u16>,
}

fn shown(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// `{"message": ..., "errors": {field: [...]}}`.
fn explain(status: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    struct Body {
        message: String,
        #[serde(default)]
        errors: Value,
    }
    // 412 is no guard here: the plan lacks a feature. 402 waits for a payment.
    let kind = matches!(status, 402 | 412).then_some(Kind::Forbidden);
    let Ok(Body { message, errors }) = serde_json::from_slice(body) else {
        return Explained { kind, ..Explained::default() };
    };
    let fields = errors.as_object().into_iter().flatten().map(|(field, words)| {
        let words: Vec<_> = words.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        format!("{field} {}", words.join(" and "))
    });
    let words: Vec<_> = std::iter::once(message).chain(fields).collect();
    Explained { kind, code: None, message: Some(words.join("; ")) }
}

impl Dnsimple {
    /// The account's number, asked for once where it was not said.
    async fn account(&self) -> Result<&str> {
        let ask = || async {
            let operation = "find the account of the token";
            let request = self.http.get(Call::SignIn, operation, &["whoami"]);
            let who: Wire<WireWho> = self.http.json(&request).await?;
            let account = who.data.account.ok_or_else(|| {
                let message = "the token is a user's, who may have several accounts; say which one in \"account\"";
                Error::new(INFO.slug, operation, Kind::Rejected, message)
            })?;
            Ok(account.id.to_string())
        };
        self.account.get_or_try_init(ask).await.map(String::as_str)
    }

    async fn request(&self, call: Call, operation: &str, method: Method, below: &[&str]) -> Result<Request> {
        let path = [&[self.account().await?], below].concat();
        Ok(self.http.request(call, operation, method, &path))
    }

    async fn one<T: DeserializeOwned>(&self, call: Call, operation: &str, below: &[&str]) -> Result<T> {
        let request = self.request(call, operation, Method::GET, below).await?;
        self.http.json::<Wire<T>>(&request).await.map(|wire| wire.data)
    }

    /// All pages of a list.
    async fn all<T>(&self, call: Call, operation: &str, below: &[&str], query: &[(&str, &str)]) -> Result<Vec<T>>
    where
        T: DeserializeOwned,
    {
        let mut items = Vec::new();
        for page in 1..=PAGES {
            let request = self.request(call, operation, Method::GET, below).await?.query(query);
            let request = request.query(&[("per_page", PAGE), ("page", &page.to_string())]);
            let wire: Wire<Vec<T>> = self.http.json(&request).await?;
            items.extend(wire.data);
            if wire.pagination.is_none_or(|page| page.current_page >= page.total_pages) {
                return Ok(items);
            }
        }
        Err(Error::new(INFO.slug, operation, Kind::Protocol, "the list has no end"))
    }

    async fn send(&self, call: Call, operation: &str, method: Method, below: &[&str], body: Option<&Value>) -> Result<()> {
        let request = self.request(call, operation, method, below).await?;
        let request = if let Some(body) = body { request.json(body) } else { request };
        self.http.send(&request).await.map(drop)
    }
}

fn decode(record: &WireRecord, rtype: RecordType) -> Result<RecordData, String> {
    // Host names have no final dot; the null MX is a dot.
    let host = || Name::parse(&record.content).map_err(shown);
    match rtype {
        RecordType::Mx => Ok(RecordData::mx(record.priority.unwrap_or(0), host()?)),
        RecordType::Cname => host().map(RecordData::Cname),
        // Quoted since 2023; older ones are as they were typed in.
        RecordType::Txt => {
            let typed_in = || record.content.clone().into_bytes();
            Ok(RecordData::Txt(text::unquoted(&record.content).unwrap_or_else(typed_in)))
        }
    }
}

fn encode(set: &Rrset, value: &RecordData) -> Value {
    let ttl = set.ttl();
    match value {
        RecordData::Mx { preference, exchange } => json!({ "content": exchange.to_string(), "ttl": ttl, "priority": preference }),
        RecordData::Cname(target) => json!({ "content": target.to_string(), "ttl": ttl }),
        RecordData::Txt(bytes) => json!({ "content": text::quoted(bytes), "ttl": ttl }),
    }
}

#[async_trait]
impl SingleRecords for Dnsimple {
    type Record = u64;

    fn refuses(&self, set: &Rrset) -> Option<String> {
        set.values().iter().find_map(|value| {
            let RecordData::Txt(bytes) = value else { return None };
            let why = if bytes.is_empty() {
                "an empty text"
            } else if bytes.ends_with(b" ") {
                "a text that ends with a blank"
            } else if bytes.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
                "a text with a single double quote"
            } else if text::quoted(bytes).len() > TXT {
                "a text of more than 1000 characters"
            } else {
                return None;
            };
            Some(format!("DNSimple cannot hold {why}"))
        })
    }

    async fn records(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Vec<Held<u64>>> {
        let operation = format!("read {rtype} at {name}");
        let relative = name.relative_to(&zone.apex).unwrap_or(name.as_str());
        let query = [("name", relative), ("type", rtype.as_str())];
        let records: Vec<WireRecord> = self.all(Call::Read, &operation, &["zones", &zone.id, "records"], &query).await?;
        records
            .iter()
            // An empty name may be taken for no filter.
            .filter(|record| record.rtype == rtype.as_str() && record.name.eq_ignore_ascii_case(relative))
            .map(|record| decode(record, rtype).map(|value| Held { record: record.id, ttl: record.ttl, value }))
            .collect::<Result<_, _>>()
            .map_err(|message| Error::new(INFO.slug, &operation, Kind::Protocol, message))
    }

    async fn update(&self, zone: &Zone, record: u64, set: &Rrset, value: &RecordData) -> Result<()> {
        let below = ["zones", &zone.id, "records", &record.to_string()];
        self.send(Call::Write, &guard::operation_on(set), Method::PATCH, &below, Some(&encode(set, value))).await
    }

    async fn add(&self, zone: &Zone, set: &Rrset, value: &RecordData) -> Result<()> {
        let mut body = encode(set, value);
        body["name"] = set.name().relative_to(&zone.apex).into();
        body["type"] = set.rtype().as_str().into();
        self.send(Call::Write, &guard::operation_on(set), Method::POST, &["zones", &zone.id, "records"], Some(&body)).await
    }

    async fn remove(&self, zone: &Zone, record: u64, set: &Rrset) -> Result<()> {
        let below = ["zones", &zone.id, "records", &record.to_string()];
        self.send(Call::Write, &guard::operation_on(set), Method::DELETE, &below, None).await
    }
}

#[async_trait]
impl Provider for Dnsimple {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let found: WireZone = self.one(Call::Zone, &operation, &["zones", apex.as_str()]).await?;
        let fail = |kind, message: String| Err(Error::new(INFO.slug, &operation, kind, message));
        if Name::parse(&found.name).as_ref() != Ok(apex) {
            return fail(Kind::NotFound, format!("DNSimple has {:?} instead", text::harmless(&found.name, 80)));
        }
        if found.secondary {
            return fail(Kind::Rejected, "DNSimple has only a copy of this zone (secondary); change it at its primary".to_owned());
        }
        let mut notes = Vec::new();
        if found.active == Some(false) {
            notes.push(format!("DNSimple does not resolve the zone {apex}: its service is switched off there."));
        }
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers: Vec::new(),
            ttl: 0..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::IfRegisteredThere,
            notes,
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
        let records: Vec<WireRecord> = self.all(Call::List, &operation, &["zones", &zone.id, "records"], &[]).await?;
        Ok(records.iter().map(|record| record.ttl).max())
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            for value in set.values() {
                let mut body = encode(&set, value);
                body["id"] = 1.into();
                body["name"] = "".into();
                body["type"] = set.rtype().as_str().into();
                let wire: WireRecord = serde_json::from_value(body).unwrap();
                prop_assert_eq!(&decode(&wire, set.rtype()).unwrap(), value);
            }
        }
    }
}
