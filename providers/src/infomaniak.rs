//! Infomaniak.
//!
//! Records are changed one by one. Signing belongs to the domain, not to the zone: it works where the domain is registered there,
//! and then the DS is published, too. An error may come with a status of success.

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
    slug: "infomaniak",
    title: "Infomaniak",
    docs: "https://developer.infomaniak.com/docs/api/get/2/zones/%7Bzone%7D/records",
    nameservers: &["infomaniak.ch", "infomaniak.com"],
    fields: &[
        Field { key: "token", meaning: "an API token", env: "INFOMANIAK_TOKEN", secret: true, default: None },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "INFOMANIAK_URL",
            secret: false,
            default: Some("https://api.infomaniak.com"),
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
    rights: "An API token with the scopes dns:read and dns:write, and domain:write for signing.",
    access: Access {
        rights: &[
            Right { name: "dns:read", purpose: "find the zone and read its records", shown_by: ShownBy::Reading },
            Right { name: "dns:write", purpose: "change the MX and MTA-STS records", shown_by: ShownBy::Write },
            Right { name: "domain:write", purpose: "sign the domain", shown_by: ShownBy::Write },
        ],
        made_at: "Infomaniak Manager, the profile, Developer, API tokens.",
        told: "Infomaniak does not tell a token its scopes, only refuses what it may not do.",
    },
    connect: |fields, options| {
        let token = ("authorization", "Bearer ", fields.secret("token"));
        Ok(Box::new(Infomaniak { http: Http::new(&INFO, fields.text("url"), &[token], explain, &options)? }))
    },
};

/// Most records that one page holds.
const PAGE: usize = 100;
/// Pages read before something must be wrong.
const PAGES: usize = 1000;

#[derive(Debug)]
struct Infomaniak {
    http: Http,
}

#[derive(Deserialize)]
struct WireAnswer {
    result: String,
    #[serde(default)]
    data: Value,
    error: Option<WireError>,
    pages: Option<usize>,
}

#[derive(Deserialize)]
struct WireError {
    code: String,
    description: Option<String>,
    #[serde(default)]
    errors: Vec<Self>,
}

#[derive(Deserialize)]
struct WireZone {
    fqdn: String,
    #[serde(default)]
    nameservers: Vec<String>,
    #[serde(default)]
    dnssec: WireDnssec,
}

#[derive(Default, Deserialize)]
struct WireDnssec {
    #[serde(default)]
    is_enabled: bool,
}

#[derive(Deserialize)]
struct WireRecord {
    id: u64,
    #[serde(default)]
    source: String,
    #[serde(rename = "type")]
    rtype: String,
    target: String,
    ttl: u32,
}

impl WireError {
    fn words(&self) -> String {
        let own = self.description.clone().unwrap_or_else(|| self.code.clone());
        self.errors.iter().fold(own, |words, error| format!("{words}; {}", error.words()))
    }

    fn explained(&self) -> Explained {
        let kind = match self.code.as_str() {
            "object_not_found" | "not_found" => Some(Kind::NotFound),
            "not_authorized" | "unauthorized" => Some(Kind::Auth),
            "access_denied" | "forbidden" => Some(Kind::Forbidden),
            "too_many_requests" | "rate_limit" => Some(Kind::Throttled(None)),
            _ => None,
        };
        Explained { kind, code: Some(self.code.as_str().into()), message: Some(self.words()) }
    }
}

fn explain(status: u16, body: &[u8]) -> Explained {
    let answer: Option<WireAnswer> = serde_json::from_slice(body).ok();
    let explained = answer.and_then(|answer| answer.error).map(|error| error.explained()).unwrap_or_default();
    // Where the status says it, it is more certain than the word.
    let kind = explained.kind.filter(|_| !matches!(status, 401 | 403 | 404 | 429));
    Explained { kind, ..explained }
}

impl Infomaniak {
    fn request(&self, call: Call, operation: &str, method: Method, below: &[&str]) -> Request {
        let path = [&["2"], below].concat();
        self.http.request(call, operation, method, &path)
    }

    async fn answer(&self, request: &Request) -> Result<WireAnswer> {
        let answer: WireAnswer = self.http.json(request).await?;
        match &answer.error {
            Some(error) => Err(self.http.complaint(request, error.explained())),
            None if answer.result == "error" => Err(self.http.complaint(request, Explained::default())),
            None => Ok(answer),
        }
    }

    async fn read_as<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let answer = self.answer(request).await?;
        serde_json::from_value(answer.data).map_err(|error| self.http.unread(request, error))
    }

    /// All pages of the list of records.
    async fn list(&self, call: Call, operation: &str, zone: &Zone, filter: &[(&str, &str)]) -> Result<Vec<WireRecord>> {
        let mut records = Vec::new();
        for page in 1..=PAGES {
            let query = [("per_page", &*PAGE.to_string()), ("page", &*page.to_string())];
            let request = self.request(call, operation, Method::GET, &["zones", &zone.id, "records"]).query(filter).query(&query);
            let answer = self.answer(&request).await?;
            let part: Vec<WireRecord> =
                serde_json::from_value(answer.data).map_err(|error| self.http.unread(&request, error))?;
            let last = answer.pages.map_or(part.len() < PAGE, |pages| page >= pages);
            records.extend(part);
            if last {
                return Ok(records);
            }
        }
        Err(Error::new(INFO.slug, operation, Kind::Protocol, "the list has no end"))
    }

    async fn zone_of(&self, call: Call, operation: &str, apex: &str) -> Result<WireZone> {
        self.read_as(&self.request(call, operation, Method::GET, &["zones", apex])).await
    }
}

/// `.` at the apex.
fn source<'a>(zone: &Name, name: &'a Name) -> &'a str {
    match name.relative_to(zone) {
        Some("") => ".",
        other => other.unwrap_or(name.as_str()),
    }
}

fn decode(record: &WireRecord, rtype: RecordType) -> Result<RecordData, String> {
    // Host names have no final dot.
    let host = |text: &str| Name::parse(text.trim()).map_err(|error| error.to_string());
    match rtype {
        RecordType::Mx => {
            let (preference, exchange) = record.target.trim().split_once(' ').ok_or("an MX record without a preference")?;
            let preference = preference.parse().map_err(|_| "an MX record without a preference")?;
            Ok(RecordData::mx(preference, host(exchange)?))
        }
        RecordType::Cname => host(&record.target).map(RecordData::Cname),
        RecordType::Txt => {
            let typed_in = || record.target.clone().into_bytes();
            Ok(RecordData::Txt(text::unquoted(&record.target).unwrap_or_else(typed_in)))
        }
    }
}

fn encode(set: &Rrset, value: &RecordData) -> Value {
    let target = match value {
        RecordData::Mx { preference, exchange } => format!("{preference} {exchange}"),
        RecordData::Cname(target) => target.to_string(),
        RecordData::Txt(bytes) => text::quoted(bytes),
    };
    json!({ "target": target, "ttl": set.ttl() })
}

#[async_trait]
impl SingleRecords for Infomaniak {
    type Record = u64;

    fn refuses(&self, set: &Rrset) -> Option<String> {
        set.values().iter().find_map(|value| match value {
            // It takes quotes and backslashes with a backslash before them, but no numbers after one.
            RecordData::Txt(bytes) if bytes.is_empty() || text::plain(bytes).is_none() => {
                Some("Infomaniak is not known to hold a text that is empty or not of printable ASCII characters".to_owned())
            }
            RecordData::Mx { exchange, .. } if exchange.is_root() => Some("Infomaniak is not known to hold a null MX".to_owned()),
            _ => None,
        })
    }

    async fn records(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Vec<Held<u64>>> {
        let operation = format!("read {rtype} at {name}");
        let owner = source(&zone.apex, name);
        let filter = [("filter[source]", owner), ("filter[types][]", rtype.as_str())];
        let records = self.list(Call::Read, &operation, zone, &filter).await?;
        let ours = |record: &&WireRecord| {
            let held = if record.source.is_empty() { "." } else { record.source.as_str() };
            record.rtype == rtype.as_str() && held.eq_ignore_ascii_case(owner)
        };
        let held = records.iter().filter(ours).map(|record| {
            decode(record, rtype).map(|value| Held { record: record.id, ttl: record.ttl, value })
        });
        held.collect::<Result<_, _>>().map_err(|message| Error::new(INFO.slug, &operation, Kind::Protocol, message))
    }

    async fn update(&self, zone: &Zone, record: u64, set: &Rrset, value: &RecordData) -> Result<()> {
        let below = ["zones", &zone.id, "records", &record.to_string()];
        let request = self.request(Call::Write, &guard::operation_on(set), Method::PUT, &below);
        self.answer(&request.json(&encode(set, value))).await.map(drop)
    }

    async fn add(&self, zone: &Zone, set: &Rrset, value: &RecordData) -> Result<()> {
        let mut body = encode(set, value);
        body["source"] = source(&zone.apex, set.name()).into();
        body["type"] = set.rtype().as_str().into();
        let request = self.request(Call::Write, &guard::operation_on(set), Method::POST, &["zones", &zone.id, "records"]);
        self.answer(&request.json(&body)).await.map(drop)
    }

    async fn remove(&self, zone: &Zone, record: u64, set: &Rrset) -> Result<()> {
        let below = ["zones", &zone.id, "records", &record.to_string()];
        self.answer(&self.request(Call::Write, &guard::operation_on(set), Method::DELETE, &below)).await.map(drop)
    }
}

#[async_trait]
impl Provider for Infomaniak {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let found = self.zone_of(Call::Zone, &operation, apex.as_str()).await?;
        if Name::parse(&found.fqdn).as_ref() != Ok(apex) {
            let message = format!("Infomaniak has {:?} instead", text::harmless(&found.fqdn, 80));
            return Err(Error::new(INFO.slug, operation, Kind::NotFound, message));
        }
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers: found.nameservers.iter().filter_map(|name| Name::parse(name).ok()).collect(),
            ttl: 0..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Always,
            notes: Vec::new(),
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        stepwise::read(self, zone, name, rtype).await
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        stepwise::write(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let records = self.list(Call::List, &format!("list the zone {}", zone.apex), zone, &[]).await?;
        Ok(records.iter().map(|record| record.ttl).max())
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }
}

impl Infomaniak {
    async fn sign(&self, zone: &Zone, operation: &str, verb: &str, signed: bool) -> Result<Outcome> {
        if self.zone_of(Call::ReadSigning, operation, &zone.id).await?.dnssec.is_enabled == signed {
            return Ok(Outcome::Unchanged);
        }
        let request = self.request(Call::WriteSigning, operation, Method::POST, &["domains", &zone.id, "dnssec", verb]);
        match self.answer(&request).await {
            Err(error) if error.kind == Kind::NotFound => {
                let message = format!("only domains that are registered at Infomaniak are signed there ({})", error.message);
                Err(Error { kind: Kind::Rejected, message, ..error })
            }
            answered => answered.map(|_| Outcome::Done),
        }
    }
}

#[async_trait]
impl Signer for Infomaniak {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        let zone = self.zone_of(Call::ReadSigning, &operation, &zone.id).await?;
        Ok(if zone.dnssec.is_enabled { Signing::On(Vec::new()) } else { Signing::Off })
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        self.sign(zone, &format!("sign {}", zone.apex), "enable", true).await
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        self.sign(zone, &format!("stop signing {}", zone.apex), "disable", false).await
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
                body["id"] = 7.into();
                body["source"] = ".".into();
                body["type"] = set.rtype().as_str().into();
                let wire: WireRecord = serde_json::from_value(body).unwrap();
                prop_assert_eq!(&decode(&wire, set.rtype()).unwrap(), value);
            }
        }
    }
}
