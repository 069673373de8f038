//! OVHcloud DNS, and OVHcloud as registrar.
//!
//! Records are single and changed in a copy; name servers get the whole zone when told to refresh it, with everything that others
//! left there unpublished. The copy does not tell which of its records are served. So when a refresh's answer was lost, or the
//! program was stopped before it, the same change asked for again finds its records right and may still have to publish them: it
//! does so when this process knows of a change without a refresh, or when OVHcloud says that the zone is not deployed. A refresh
//! repeated does no harm. What neither tells shows in DNS, where every change is watched.
//!
//! SPF, DKIM and DMARC made in the control panel are types of their own, without quotes; they are served as TXT.

mod registrar;
mod sign;
mod signer;

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Access, Call, Capabilities, Change, Delegation, Error, Field, HandsOver, Info, Kind, Name, Outcome, Provider, RecordData, RecordType,
    Registrar, Result, Right, Rrset, ShownBy, Signer, Standing, TTL_MAX, Takes, Writes, Zone,
    guard,
    http::{Explained, Http, Request},
    stepwise::{self, Held, SingleRecords},
    text,
};

pub(crate) static INFO: Info = Info {
    slug: "ovh",
    title: "OVHcloud",
    docs: "https://eu.api.ovh.com/console/#/domain",
    nameservers: &["ovh.net", "ovh.ca", "ovh.us", "anycast.me"],
    fields: &[
        Field {
            key: "application-key",
            meaning: "the key of an application, with its secret and a consumer key",
            env: "OVH_APPLICATION_KEY",
            secret: false,
            default: Some(""),
        },
        Field {
            key: "application-secret",
            meaning: "the secret of the application",
            env: "OVH_APPLICATION_SECRET",
            secret: true,
            default: Some(""),
        },
        Field {
            key: "consumer-key",
            meaning: "the consumer key that says what the application may do",
            env: "OVH_CONSUMER_KEY",
            secret: true,
            default: Some(""),
        },
        Field {
            key: "client-id",
            meaning: "instead of the three: the id of a service account (OAuth2), with its secret",
            env: "OVH_CLIENT_ID",
            secret: false,
            default: Some(""),
        },
        Field {
            key: "client-secret",
            meaning: "the secret of the service account",
            env: "OVH_CLIENT_SECRET",
            secret: true,
            default: Some(""),
        },
        Field {
            key: "url",
            meaning: "address of the interface: Europe, or https://ca.api.ovh.com/1.0, or https://api.us.ovhcloud.com/1.0",
            env: "OVH_URL",
            secret: false,
            default: Some("https://eu.api.ovh.com/1.0"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: false,
        writes: Writes::Stepwise,
        delegation: Delegation::ByHand,
        registrar: Some(Takes::Dnskey),
        ttl_floor: "60 s; a smaller one is taken and stored as 60 s",
    },
    limits: &[],
    rights: "An application with a consumer key for GET, POST, PUT and DELETE of /domain/zone/ZONE and /domain/zone/ZONE/*, and \
             for GET and POST of /domain/ZONE and /domain/ZONE/*. Or a service account with the same actions in an IAM policy.",
    access: Access {
        rights: &[
            Right {
                name: "GET /domain/zone/ZONE and /domain/zone/ZONE/*",
                purpose: "find the zone and read its records",
                shown_by: ShownBy::Reading,
            },
            Right {
                name: "POST, PUT and DELETE /domain/zone/ZONE/*",
                purpose: "change the MX and MTA-STS records, publish them and sign the zone",
                shown_by: ShownBy::Write,
            },
            Right {
                name: "GET and POST /domain/ZONE and /domain/ZONE/*, where OVHcloud is the registrar",
                purpose: "give the key to the registry",
                shown_by: ShownBy::Write,
            },
        ],
        made_at: "https://eu.api.ovh.com/createToken (or the same at ca.api.ovh.com or api.us.ovhcloud.com), with a validity \
                  that outlasts the rollout.",
        told: "OVHcloud says how a consumer key stands and when it ends (GET /auth/currentCredential).",
    },
    connect: |fields, options| {
        let http = Http::new(&INFO, fields.text("url"), &[], explain, &options)?;
        let proof = sign::proof(fields, &options)?;
        let consumer = !fields.text("consumer-key").is_empty();
        let http = http.authorized(&INFO, proof.authorize, &proof.identity, &options);
        Ok(Box::new(Ovh { http, consumer, unpublished: Mutex::default() }))
    },
};

#[derive(Debug)]
struct Ovh {
    http: Http,
    /// A consumer key is used, of which OVHcloud tells how it stands.
    consumer: bool,
    /// Zones of which this process changed records without knowing that a refresh was taken.
    unpublished: Mutex<BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireZone {
    name: Option<String>,
    #[serde(default)]
    name_servers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRecord {
    field_type: String,
    sub_domain: Option<String>,
    target: String,
    /// None or 0 is that of the zone.
    ttl: Option<u32>,
}

#[derive(Deserialize)]
struct WireSoa {
    ttl: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireStatus {
    is_deployed: Option<bool>,
}

#[derive(Deserialize)]
struct WireCredential {
    status: String,
    expiration: Option<String>,
}

/// What a record is called by, and whether it is of a type of OVHcloud's own, without quotes.
#[derive(Clone, Copy)]
struct Id {
    number: u64,
    native: bool,
}

fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        #[serde(alias = "error_description")]
        message: String,
        error_code: Option<String>,
        class: Option<String>,
    }
    let Ok(Body { message, error_code, class }) = serde_json::from_slice(body) else {
        return Explained::default();
    };
    // Statuses 400 and 403, as for a wrong request or a missing right.
    let kind = matches!(
        error_code.as_deref(),
        Some("INVALID_KEY" | "INVALID_SIGNATURE" | "INVALID_CREDENTIAL" | "NOT_CREDENTIAL" | "QUERY_TIME_OUT")
    );
    Explained { kind: kind.then_some(Kind::Auth), code: error_code.or(class).map(Into::into), message: Some(message) }
}

/// OVHcloud's types of what is served as `rtype`.
const fn types(rtype: RecordType) -> &'static [&'static str] {
    match rtype {
        RecordType::Mx => &["MX"],
        RecordType::Cname => &["CNAME"],
        RecordType::Txt => &["TXT", "SPF", "DKIM", "DMARC"],
    }
}

/// The name below the zone, empty at its apex.
fn relative<'a>(zone: &Zone, name: &'a Name) -> &'a str {
    name.relative_to(&zone.apex).unwrap_or(name.as_str())
}

/// Zone file text; what OVHcloud's own types hold is bare.
fn encode(value: &RecordData, native: bool) -> String {
    match value {
        // What is not ASCII was refused.
        RecordData::Txt(bytes) if native => String::from_utf8_lossy(bytes).into_owned(),
        _ => value.to_string(),
    }
}

impl Ovh {
    /// A request below a zone.
    fn request(&self, call: Call, operation: &str, method: Method, zone: &str, below: &[&str]) -> Request {
        self.http.request(call, operation, method, &[&["domain", "zone", zone], below].concat())
    }

    async fn get<T: DeserializeOwned>(&self, call: Call, operation: &str, zone: &str, below: &[&str]) -> Result<T> {
        self.http.json(&self.request(call, operation, Method::GET, zone, below)).await
    }

    async fn record(&self, call: Call, operation: &str, zone: &Zone, number: u64) -> Result<WireRecord> {
        self.get(call, operation, &zone.id, &["record", &number.to_string()]).await
    }

    /// The TTL of records that have none of their own.
    async fn usual_ttl(&self, call: Call, operation: &str, zone: &Zone) -> Result<u32> {
        Ok(self.get::<WireSoa>(call, operation, &zone.id, &["soa"]).await?.ttl)
    }

    fn unpublished(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A panic elsewhere cannot leave the set half changed.
        self.unpublished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request that changes the copy.
    async fn change(&self, zone: &Zone, set: &Rrset, method: Method, below: &[&str], body: Option<Value>) -> Result<()> {
        let request = self.request(Call::Write, &guard::operation_on(set), method, &zone.id, &[&["record"], below].concat());
        let request = if let Some(body) = &body { request.json(body) } else { request };
        // Before it is sent: whoever drops this future does not come to the end.
        let first = self.unpublished().insert(zone.id.clone());
        let sent = self.http.send(&request).await;
        if first && sent.as_ref().is_err_and(|error| !error.is_unknown()) {
            self.unpublished().remove(&zone.id);
        }
        sent.map(drop)
    }

    /// Whether the copy may hold what is not served.
    async fn is_behind(&self, zone: &Zone) -> Result<bool> {
        if self.unpublished().contains(&zone.id) {
            return Ok(true);
        }
        let operation = format!("tell whether {} is deployed", zone.apex);
        match self.get::<WireStatus>(Call::Zone, &operation, &zone.id, &["status"]).await {
            Ok(status) => Ok(status.is_deployed == Some(false)),
            // Without that right it is not told.
            Err(error) if matches!(error.kind, Kind::Forbidden | Kind::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl SingleRecords for Ovh {
    type Record = Id;

    fn refuses(&self, set: &Rrset) -> Option<String> {
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        let odd = |value: &RecordData| matches!(value, RecordData::Txt(bytes) if !bytes.iter().all(plain));
        set.values().iter().any(odd).then(|| {
            "OVHcloud cannot hold a TXT with a quote, a backslash or anything but printable ASCII".to_owned()
        })
    }

    async fn records(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Vec<Held<Id>>> {
        let operation = format!("read {rtype} at {name}");
        let relative = relative(zone, name);
        let (mut held, mut usual) = (Vec::new(), None);
        for of in types(rtype) {
            let list = self.request(Call::Read, &operation, Method::GET, &zone.id, &["record"]);
            let list = list.query(&[("fieldType", of), ("subDomain", relative)]);
            for number in self.http.json::<Vec<u64>>(&list).await? {
                let record = self.record(Call::Read, &operation, zone, number).await?;
                // Its filters take patterns.
                if record.field_type != *of || record.sub_domain.as_deref().unwrap_or_default() != relative {
                    continue;
                }
                let ttl = match (record.ttl, usual) {
                    (Some(ttl @ 1..), _) | (_, Some(ttl)) => ttl,
                    _ => *usual.insert(self.usual_ttl(Call::Read, &operation, zone).await?),
                };
                let value = RecordData::parse_below(&zone.apex, rtype, &record.target);
                let value = value.map_err(|error| Error::new(INFO.slug, &operation, Kind::Protocol, error.to_string()))?;
                held.push(Held { record: Id { number, native: *of != rtype.as_str() }, ttl, value });
            }
        }
        Ok(held)
    }

    async fn update(&self, zone: &Zone, record: Id, set: &Rrset, value: &RecordData) -> Result<()> {
        // The type cannot be changed, and must not be said.
        let target = encode(value, record.native);
        let body = json!({ "subDomain": relative(zone, set.name()), "target": target, "ttl": set.ttl() });
        self.change(zone, set, Method::PUT, &[&record.number.to_string()], Some(body)).await
    }

    async fn add(&self, zone: &Zone, set: &Rrset, value: &RecordData) -> Result<()> {
        let (relative, target) = (relative(zone, set.name()), encode(value, false));
        let body = json!({ "fieldType": set.rtype().as_str(), "subDomain": relative, "target": target, "ttl": set.ttl() });
        self.change(zone, set, Method::POST, &[], Some(body)).await
    }

    async fn remove(&self, zone: &Zone, record: Id, set: &Rrset) -> Result<()> {
        self.change(zone, set, Method::DELETE, &[&record.number.to_string()], None).await
    }

    async fn publish(&self, zone: &Zone, change: &Change) -> Result<()> {
        let request = self.request(Call::Write, &guard::operation(change), Method::POST, &zone.id, &["refresh"]);
        self.http.send(&request).await?;
        self.unpublished().remove(&zone.id);
        Ok(())
    }
}

#[async_trait]
impl Provider for Ovh {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let found: WireZone = self.get(Call::Zone, &operation, apex.as_str(), &[]).await?;
        let fail = |kind, message: String| Err(Error::new(INFO.slug, &operation, kind, message));
        if let Some(name) = found.name.filter(|name| Name::parse(name).as_ref() != Ok(apex)) {
            return fail(Kind::NotFound, format!("OVHcloud has {:?} instead", text::harmless(&name, 80)));
        }
        let nameservers = match found.name_servers.iter().map(|name| Name::parse(name)).collect::<Result<_, _>>() {
            Ok(nameservers) => nameservers,
            Err(error) => return fail(Kind::Protocol, error.to_string()),
        };
        let hands_over = if self.hands_over_itself(Call::Zone, &operation, apex).await? { HandsOver::Always } else { HandsOver::Never };
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers,
            ttl: 60..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over,
            notes: Vec::new(),
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        stepwise::read(self, zone, name, rtype).await
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        match stepwise::write(self, zone, change).await? {
            Outcome::Unchanged if self.is_behind(zone).await? => {
                self.publish(zone, change).await?;
                Ok(Outcome::Done)
            }
            outcome => Ok(outcome),
        }
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let numbers: Vec<u64> = self.get(Call::List, &operation, &zone.id, &["record"]).await?;
        let mut largest = None;
        for number in numbers {
            let ttl = self.record(Call::List, &operation, zone, number).await?.ttl;
            largest = largest.max(Some(ttl.unwrap_or(0)));
        }
        // Records without a TTL of their own have that of the zone, and so have its SOA and NS records.
        Ok(largest.max(Some(self.usual_ttl(Call::List, &operation, zone).await?)))
    }

    async fn standing(&self) -> Result<Option<Standing>> {
        if !self.consumer {
            return Ok(None);
        }
        let request = self.http.get(Call::Zone, "tell how the consumer key stands", &["auth", "currentCredential"]);
        let found: WireCredential = self.http.json(&request).await?;
        let said = text::harmless(&found.status, 40);
        let active = match said.as_str() {
            "validated" => Some(true),
            "expired" | "forbidden" | "refused" | "pendingValidation" => Some(false),
            _ => None,
        };
        Ok(Some(Standing { active, said, ends: found.expiration.map(|ends| text::harmless(&ends, 40)) }))
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
                let read = RecordData::parse_below(set.name(), set.rtype(), &encode(value, false));
                prop_assert_eq!(read.as_ref(), Ok(value));
            }
        }
    }
}
