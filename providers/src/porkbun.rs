//! Porkbun: single records, and DS records for the domains registered there.
//!
//! Everything is a POST, also what only asks, and both keys are in the body of each. It does not sign zones. That a request was
//! refused can come with any status, 200 too.

mod wire;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, json};

use self::wire::{Live, WireDs, WireRecord, decode, encode, explain};
use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, DelegationKey, Ds, Error, Field, HandsOver, Info, Kind, Limit, Name, Outcome,
    Provider, RecordData, RecordType, Registrar, Result, Right, Rrset, ShownBy, Standing, TTL_MAX, Takes, Writes, Zone,
    guard::{self, Verdict},
    http::{Http, Request},
    text,
};

pub(crate) static INFO: Info = Info {
    slug: "porkbun",
    title: "Porkbun",
    docs: "https://porkbun.com/api/json/v3/documentation",
    nameservers: &["porkbun.com"],
    fields: &[
        Field {
            key: "api-key",
            meaning: "the API key, which begins with pk1_",
            env: "PORKBUN_API_KEY",
            secret: true,
            default: None,
        },
        Field {
            key: "secret-api-key",
            meaning: "its secret key, which begins with sk1_",
            env: "PORKBUN_SECRET_API_KEY",
            secret: true,
            default: None,
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "PORKBUN_API_URL",
            secret: false,
            default: Some("https://api.porkbun.com/api/json/v3"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: false,
        keys: false,
        writes: Writes::Stepwise,
        delegation: Delegation::ByHand,
        registrar: Some(Takes::Ds),
        ttl_floor: "600 s",
    },
    // https://porkbun.com/api/json/v3/spec
    limits: &[Limit::of_credential(Counts::All, 20, Duration::from_secs(2))],
    rights: "An API key, best limited to this domain. API access must be switched on for the account and for the domain.",
    access: Access {
        rights: &[
            Right { name: "API ACCESS of the domain", purpose: "find the zone", shown_by: ShownBy::Reading },
            Right {
                name: "API ACCESS of the domain",
                purpose: "change the MX and MTA-STS records and the DS records",
                shown_by: ShownBy::Reading,
            },
        ],
        made_at: "porkbun.com, Account, API Access, Create API Key; then Domain Management, the domain's Details, API Access.",
        told: "Porkbun says whether the keys are valid (POST /ping); they can be limited to domains, but not to reads.",
    },
    connect: |fields, options| {
        let keys = [fields.secret("api-key"), fields.secret("secret-api-key")];
        let http = Http::new(&INFO, fields.text("url"), &[], explain, &options)?;
        Ok(Box::new(Porkbun { http: http.identified(&INFO, &keys, &options), keys }))
    },
};

/// The smallest TTL that is documented, in seconds.
const TTL_LEAST: u32 = 600;

#[derive(Debug)]
struct Porkbun {
    http: Http,
    keys: [SecretString; 2],
}

#[derive(Deserialize)]
struct WireStatus {
    status: String,
}

#[derive(Deserialize)]
struct WirePing {
    #[serde(rename = "credentialsValid")]
    credentials_valid: Option<bool>,
}

#[derive(Deserialize)]
struct WireServers {
    ns: Vec<String>,
}

#[derive(Deserialize)]
struct WireRecords {
    records: Vec<WireRecord>,
}

#[derive(Deserialize)]
struct WireDelegation {
    /// By key tag; an empty list where there is none.
    #[serde(default)]
    records: Value,
}

impl Porkbun {
    fn post(&self, call: Call, operation: &str, path: &[&str], mut body: Value) -> Request {
        let [key, secret] = &self.keys;
        body["apikey"] = key.expose_secret().into();
        body["secretapikey"] = secret.expose_secret().into();
        self.http.request(call, operation, Method::POST, path).json(&body)
    }

    async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let answer = self.http.send(request).await?;
        let unread = |error| self.http.unread(request, error);
        let WireStatus { status } = serde_json::from_slice(&answer.body).map_err(unread)?;
        if status != "SUCCESS" {
            return Err(self.http.complaint(request, explain(200, &answer.body)));
        }
        serde_json::from_slice(&answer.body).map_err(unread)
    }

    async fn live(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Vec<Live>> {
        let owner = relative(zone, name);
        let path = ["dns", "retrieveByNameType", &zone.id, rtype.as_str(), owner];
        // At the apex there is no last segment.
        let path = if owner.is_empty() { &path[..4] } else { &path };
        let request = self.post(Call::Read, &format!("read {rtype} at {name}"), path, json!({}));
        let WireRecords { records } = self.ask(&request).await?;
        // The filter of the interface is not relied on.
        let of_set = |record: &&WireRecord| record.rtype == rtype.as_str() && Name::parse(&record.name).as_ref() == Ok(name);
        let records: Result<Vec<_>, String> = records.iter().filter(of_set).map(|record| decode(record, rtype)).collect();
        records.map_err(|why| self.http.unread(&request, why))
    }

    /// The requests that make of `live` what `change` wants: in-place changes, then additions, then deletions.
    fn requests(&self, zone: &Zone, live: Vec<Live>, change: &Change) -> Result<Vec<Request>> {
        let operation = guard::operation(change);
        let (ttl, want) = change.after().map_or((0, &[] as &[_]), |after| (after.ttl(), after.values()));
        let post = |path: &[&str], body| self.post(Call::Write, &operation, path, body);
        let body = |value: &RecordData| {
            let refused = |why| Error::new(INFO.slug, &operation, Kind::Rejected, why);
            encode(relative(zone, change.name()), ttl, value).map_err(refused)
        };
        let steps = guard::steps(live, want);
        let stale = steps.keep.into_iter().filter(|((_, old), _)| *old != ttl);
        let mut requests = Vec::new();
        for ((id, _), value) in steps.change.into_iter().chain(stale) {
            // What is not said of a record, such as its notes, stays.
            requests.push(post(&["dns", "edit", &zone.id, &id.to_string()], body(&value)?));
        }
        for value in &steps.add {
            requests.push(post(&["dns", "create", &zone.id], body(value)?));
        }
        for (id, _) in steps.delete {
            requests.push(post(&["dns", "delete", &zone.id, &id.to_string()], json!({})));
        }
        Ok(requests)
    }

    /// Sends what changes something, one after the other.
    async fn send(&self, requests: &[Request]) -> Result<()> {
        for (done, request) in requests.iter().enumerate() {
            let sent = self.ask::<IgnoredAny>(request).await;
            sent.map_err(|error| guard::halfway(error, done))?;
        }
        Ok(())
    }

    async fn on_file(&self, apex: &Name, operation: &str) -> Result<Vec<Ds>> {
        let request = self.post(Call::ReadDelegation, operation, &["dns", "getDnssecRecords", apex.as_str()], json!({}));
        let WireDelegation { records } = self.ask(&request).await?;
        let records = match records {
            Value::Object(records) => records.into_values().collect(),
            Value::Array(records) => records,
            _ => Vec::new(),
        };
        let read = |record| serde_json::from_value(record).ok().and_then(|ds: WireDs| ds.read());
        let ds: Option<Vec<_>> = records.into_iter().map(read).collect();
        ds.ok_or_else(|| self.http.unread(&request, "a DNSSEC record on file is no DS record"))
    }
}

/// The name below the zone; empty at the apex.
fn relative<'a>(zone: &Zone, name: &'a Name) -> &'a str {
    name.relative_to(&zone.apex).unwrap_or(name.as_str())
}

/// The set as it is served; with the largest TTL, should the records differ.
fn set_of(live: &[Live], name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
    let Some(ttl) = live.iter().map(|((_, ttl), _)| *ttl).max() else {
        return Ok(None);
    };
    Rrset::new(name.clone(), rtype, ttl, live.iter().map(|(_, value)| value.clone()))
        .map(Some)
        .map_err(|error| Error::new(INFO.slug, format!("read {rtype} at {name}"), Kind::Protocol, error.to_string()))
}

#[async_trait]
impl Provider for Porkbun {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let request = self.post(Call::Zone, &operation, &["domain", "getNs", apex.as_str()], json!({}));
        let WireServers { ns } = self.ask(&request).await?;
        let nameservers = ns.iter().map(|name| Name::parse(name)).collect::<Result<Vec<_>, _>>();
        let nameservers = nameservers.map_err(|error| self.http.unread(&request, error))?;
        let mut notes = Vec::new();
        if !nameservers.is_empty() && !INFO.serves(&nameservers) {
            notes.push(format!("{apex} is at Porkbun but served elsewhere: records that are changed at Porkbun have no effect."));
        }
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers,
            ttl: TTL_LEAST..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never,
            notes,
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        set_of(&self.live(zone, name, rtype).await?, name, rtype)
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let live = self.live(zone, change.name(), change.rtype()).await?;
        let set = set_of(&live, change.name(), change.rtype())?;
        if guard::compare(INFO.slug, set.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        self.send(&self.requests(zone, live, change)?).await?;
        guard::confirm(self, zone, change).await
    }

    /// Its own name servers at the apex are not in the list.
    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let request = self.post(Call::List, &operation, &["dns", "retrieve", &zone.id], json!({}));
        let WireRecords { records } = self.ask(&request).await?;
        let ttls: Option<Vec<u32>> = records.iter().map(|record| record.ttl.get()).collect();
        Ok(ttls.ok_or_else(|| self.http.unread(&request, "a TTL is no number"))?.into_iter().max())
    }

    async fn standing(&self) -> Result<Option<Standing>> {
        let request = self.post(Call::Zone, "tell how the keys stand", &["ping"], json!({}));
        let active = self.ask::<WirePing>(&request).await?.credentials_valid;
        Ok(active.map(|active| Standing { active: Some(active), said: format!("credentialsValid: {active}"), ends: None }))
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        Some(self)
    }
}

#[async_trait]
impl Registrar for Porkbun {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        self.on_file(apex, &format!("read the delegation of {apex}")).await
    }

    async fn set_delegation(&self, apex: &Name, before: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = guard::delegate(apex);
        let after: Vec<Ds> = keys.iter().filter_map(DelegationKey::preferred_ds).cloned().collect();
        let live = self.on_file(apex, &operation).await?;
        if guard::compare_delegation(INFO.slug, apex, &live, before, &after)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let add = after.iter().filter(|ds| !live.contains(ds));
        let remove = live.iter().filter(|ds| !after.contains(ds));
        if let Some(twin) = remove.clone().find(|old| after.iter().any(|new| new.key_tag == old.key_tag)) {
            let message = format!(
                "Porkbun removes DS records by their key tag, and {} is also the tag of one that stays; do it in its console",
                twin.key_tag
            );
            return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
        }
        let post = |path: &[&str], body| self.post(Call::WriteDelegation, &operation, path, body);
        // The new ones first: the parent must never be without.
        let add = add.map(|ds| {
            let body = json!({
                "keyTag": ds.key_tag.to_string(),
                "alg": ds.algorithm.to_string(),
                "digestType": ds.digest_type.to_string(),
                "digest": text::hex(&ds.digest),
            });
            post(&["dns", "createDnssecRecord", apex.as_str()], body)
        });
        let delete = |ds: &Ds| post(&["dns", "deleteDnssecRecord", apex.as_str(), &ds.key_tag.to_string()], json!({}));
        let remove = remove.map(delete);
        self.send(&add.chain(remove).collect::<Vec<_>>()).await?;
        Ok(Outcome::Done)
    }
}
