//! bunny.net DNS.
//!
//! Records are changed one by one, and always as wholes: what is left away of one is reset, so all that came is sent again.
//! Keys are told only in the answer to the request that begins signing; DNS tells them at any time.

use async_trait::async_trait;
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Access, Call, Capabilities, Change, Delegation, Error, Field, HandsOver, Info, Kind, Name, Outcome, Provider, RecordData, RecordType,
    Result, Right, Rrset, ShownBy, Signer, Signing, TTL_MAX, Writes, Zone, guard,
    http::{Explained, Http, Request},
    stepwise::{self, Held, SingleRecords},
    text,
};

pub(crate) static INFO: Info = Info {
    slug: "bunny",
    title: "bunny.net",
    docs: "https://docs.bunny.net/reference/dnszonepublic_index",
    nameservers: &["bunny.net"],
    fields: &[
        Field { key: "api-key", meaning: "an API key of the account", env: "BUNNY_API_KEY", secret: true, default: None },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "BUNNY_URL",
            secret: false,
            default: Some("https://api.bunny.net"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: false,
        writes: Writes::Stepwise,
        delegation: Delegation::ByHand,
        registrar: None,
        ttl_floor: "none is documented",
    },
    limits: &[],
    rights: "An API key of a team member who may only manage DNS; the account's own key opens everything.",
    access: Access {
        rights: &[
            Right { name: "a key of the account", purpose: "find the zone and read its records", shown_by: ShownBy::Reading },
            Right {
                name: "a key of the owner or of a member who manages DNS",
                purpose: "change the MX and MTA-STS records and sign the zone",
                shown_by: ShownBy::Write,
            },
        ],
        made_at: "bunny.net dashboard, Account settings, Team members, and there API key of the member.",
        told: "bunny.net does not say what a key may do, only refuses it.",
    },
    connect: |fields, options| {
        let key = ("accesskey", "", fields.secret("api-key"));
        Ok(Box::new(Bunny { http: Http::new(&INFO, fields.text("url"), &[key], explain, &options)? }))
    },
};

/// Most zones that one page holds.
const PAGE: &str = "1000";
/// Pages read before something must be wrong.
const PAGES: u32 = 1000;

#[derive(Debug)]
struct Bunny {
    http: Http,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireZones {
    items: Vec<WireZone>,
    #[serde(default)]
    has_more_items: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireZone {
    id: u64,
    domain: String,
    nameserver1: Option<String>,
    nameserver2: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireContent {
    #[serde(default)]
    records: Vec<Value>,
    #[serde(default)]
    dns_sec_enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireRecord {
    id: u64,
    #[serde(rename = "Type")]
    rtype: WireType,
    ttl: u32,
    value: Option<String>,
    name: Option<String>,
    priority: Option<u16>,
    #[serde(default)]
    disabled: bool,
}

/// A number, as it is answered, or the word, as it is documented.
#[derive(PartialEq, Deserialize)]
#[serde(untagged)]
enum WireType {
    Number(u8),
    Word(String),
}

impl WireType {
    fn is(&self, rtype: RecordType) -> bool {
        match self {
            Self::Number(number) => *number == number_of(rtype),
            Self::Word(word) => word.eq_ignore_ascii_case(rtype.as_str()),
        }
    }
}

const fn number_of(rtype: RecordType) -> u8 {
    match rtype {
        RecordType::Cname => 2,
        RecordType::Txt => 3,
        RecordType::Mx => 4,
    }
}

fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body {
        error_key: Option<String>,
        field: Option<String>,
        message: Option<String>,
    }
    let Ok(Body { error_key, field, message }) = serde_json::from_slice(body) else {
        return Explained::default();
    };
    let message = message.map(|message| match field.filter(|field| !field.is_empty()) {
        Some(field) => format!("{field}: {message}"),
        None => message,
    });
    Explained { kind: None, code: error_key.filter(|key| !key.is_empty()).map(Into::into), message }
}

impl Bunny {
    fn request(&self, call: Call, operation: &str, method: Method, below: &[&str]) -> Request {
        let path = [&["dnszone"], below].concat();
        self.http.request(call, operation, method, &path)
    }

    async fn get<T: DeserializeOwned>(&self, call: Call, operation: &str, below: &[&str]) -> Result<T> {
        self.http.json(&self.request(call, operation, Method::GET, below)).await
    }
}

/// `@` at the apex.
fn relative<'a>(zone: &Name, name: &'a Name) -> &'a str {
    match name.relative_to(zone) {
        Some("") => "@",
        other => other.unwrap_or(name.as_str()),
    }
}

fn decode(record: &WireRecord, rtype: RecordType) -> Result<RecordData, String> {
    let value = record.value.as_deref().unwrap_or_default();
    // Host names have no final dot, unless somebody typed one in.
    let host = || Name::parse(value).map_err(|error| error.to_string());
    match rtype {
        RecordType::Mx => Ok(RecordData::mx(record.priority.unwrap_or(0), host()?)),
        RecordType::Cname => host().map(RecordData::Cname),
        RecordType::Txt => Ok(RecordData::txt(value)),
    }
}

/// Puts value and TTL into a record as it came, or into an empty one.
fn encode(mut record: Value, set: &Rrset, value: &RecordData) -> Value {
    record["Ttl"] = set.ttl().into();
    match value {
        RecordData::Mx { preference, exchange } => {
            record["Priority"] = (*preference).into();
            record["Value"] = exchange.to_string().into();
        }
        RecordData::Cname(target) => record["Value"] = target.to_string().into(),
        // Others were refused.
        RecordData::Txt(bytes) => record["Value"] = text::plain(bytes).unwrap_or_default().into(),
    }
    record
}

#[async_trait]
impl SingleRecords for Bunny {
    /// Its number, and all of it as it came.
    type Record = (u64, Value);

    fn refuses(&self, set: &Rrset) -> Option<String> {
        set.values().iter().find_map(|value| match value {
            RecordData::Txt(bytes) if bytes.is_empty() => Some("bunny.net cannot hold an empty text".to_owned()),
            RecordData::Txt(bytes) if text::plain(bytes).is_none() => {
                Some("bunny.net is not known to hold a text of other than printable ASCII characters".to_owned())
            }
            RecordData::Mx { exchange, .. } if exchange.is_root() => Some("bunny.net is not known to hold a null MX".to_owned()),
            _ => None,
        })
    }

    async fn records(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Vec<Held<(u64, Value)>>> {
        let operation = format!("read {rtype} at {name}");
        let content: WireContent = self.get(Call::Read, &operation, &[&zone.id]).await?;
        let owner = relative(&zone.apex, name);
        let ours = |record: &WireRecord| {
            let held = record.name.as_deref().filter(|held| !held.is_empty()).unwrap_or("@");
            record.rtype.is(rtype) && held.eq_ignore_ascii_case(owner) && !record.disabled
        };
        let held = content.records.into_iter().filter_map(|raw| match WireRecord::deserialize(&raw) {
            Ok(record) if !ours(&record) => None,
            Ok(record) => Some(decode(&record, rtype).map(|value| Held { record: (record.id, raw), ttl: record.ttl, value })),
            Err(error) => Some(Err(error.to_string())),
        });
        held.collect::<Result<_, _>>().map_err(|message| Error::new(INFO.slug, &operation, Kind::Protocol, message))
    }

    async fn update(&self, zone: &Zone, (id, record): (u64, Value), set: &Rrset, value: &RecordData) -> Result<()> {
        let below = [&zone.id, "records", &*id.to_string()];
        let request = self.request(Call::Write, &guard::operation_on(set), Method::POST, &below);
        self.http.send(&request.json(&encode(record, set, value))).await.map(drop)
    }

    async fn add(&self, zone: &Zone, set: &Rrset, value: &RecordData) -> Result<()> {
        let record = json!({ "Type": number_of(set.rtype()), "Name": relative(&zone.apex, set.name()) });
        let request = self.request(Call::Write, &guard::operation_on(set), Method::PUT, &[&zone.id, "records"]);
        self.http.send(&request.json(&encode(record, set, value))).await.map(drop)
    }

    async fn remove(&self, zone: &Zone, (id, _): (u64, Value), set: &Rrset) -> Result<()> {
        let below = [&zone.id, "records", &*id.to_string()];
        let request = self.request(Call::Write, &guard::operation_on(set), Method::DELETE, &below);
        self.http.send(&request).await.map(drop)
    }
}

#[async_trait]
impl Provider for Bunny {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let fail = |kind, message: &str| Err(Error::new(INFO.slug, &operation, kind, message));
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let query = [("page", &*page.to_string()), ("perPage", PAGE), ("search", apex.as_str())];
            let request = self.request(Call::Zone, &operation, Method::GET, &[]).query(&query);
            let zones: WireZones = self.http.json(&request).await?;
            found.extend(zones.items.into_iter().filter(|zone| Name::parse(&zone.domain).as_ref() == Ok(apex)));
            if !zones.has_more_items {
                break;
            }
        }
        let Some(zone) = found.pop() else {
            return fail(Kind::NotFound, "this key sees no zone of that name");
        };
        if !found.is_empty() {
            return fail(Kind::Rejected, "this key sees several zones of that name");
        }
        let nameservers = [zone.nameserver1, zone.nameserver2].into_iter().flatten().filter_map(|name| Name::parse(&name).ok());
        Ok(Zone {
            id: zone.id.to_string(),
            apex: apex.clone(),
            nameservers: nameservers.collect(),
            ttl: 0..=TTL_MAX,
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
        let content: WireContent = self.get(Call::List, &operation, &[&zone.id]).await?;
        let ttls = content.records.iter().filter_map(|record| record["Ttl"].as_u64());
        Ok(ttls.filter_map(|ttl| u32::try_from(ttl).ok()).max())
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }
}

impl Bunny {
    async fn is_signed(&self, zone: &Zone, operation: &str) -> Result<bool> {
        let content: WireContent = self.get(Call::ReadSigning, operation, &[&zone.id]).await?;
        Ok(content.dns_sec_enabled)
    }

    async fn sign(&self, zone: &Zone, operation: &str, method: Method, signed: bool) -> Result<Outcome> {
        if self.is_signed(zone, operation).await? == signed {
            return Ok(Outcome::Unchanged);
        }
        self.http.send(&self.request(Call::WriteSigning, operation, method, &[&zone.id, "dnssec"])).await?;
        Ok(Outcome::Done)
    }
}

#[async_trait]
impl Signer for Bunny {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let signed = self.is_signed(zone, &format!("tell whether {} is signed", zone.apex)).await?;
        Ok(if signed { Signing::On(Vec::new()) } else { Signing::Off })
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        self.sign(zone, &format!("sign {}", zone.apex), Method::POST, true).await
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        self.sign(zone, &format!("stop signing {}", zone.apex), Method::DELETE, false).await
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
                let record = json!({ "Id": 7, "Type": number_of(set.rtype()), "Name": "@", "Comment": "kept" });
                let record = encode(record, &set, value);
                prop_assert_eq!(&record["Comment"], "kept");
                let wire: WireRecord = serde_json::from_value(record).unwrap();
                prop_assert!(wire.rtype.is(set.rtype()));
                if let RecordData::Txt(bytes) = value && text::plain(bytes).is_none() {
                    continue;
                }
                prop_assert_eq!(&decode(&wire, set.rtype()).unwrap(), value);
            }
        }
    }
}
