//! deSEC.
//!
//! Every zone is signed from its first day and announces its keys to the parent (CDS, CDNSKEY); signing cannot be switched off.
//! Record sets are replaced as wholes. Quotas on writes are small, so nothing is watched through the interface.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, DelegationKey, Dnskey, Ds, Error, Field, HandsOver, Info, Kind, Limit, Name,
    Outcome, Provider, RecordData, RecordType, Result, Right, Rrset, ShownBy, Signer, Signing, Writes, Zone,
    guard::{self, Verdict},
    http::{Explained, Http, Request},
};

pub(crate) static INFO: Info = Info {
    slug: "desec",
    title: "deSEC",
    docs: "https://desec.readthedocs.io/en/latest/dns/rrsets.html",
    nameservers: &["desec.io", "desec.org"],
    fields: &[
        Field { key: "token", meaning: "an API token", env: "DESEC_TOKEN", secret: true, default: None },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "DESEC_URL",
            secret: false,
            default: Some("https://desec.io/api/v1"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: true,
        writes: Writes::Atomic,
        delegation: Delegation::Announced,
        registrar: None,
        ttl_floor: "set for each domain, usually 3600 s; support lowers it on request",
    },
    // https://desec.readthedocs.io/en/latest/rate-limits.html
    limits: &[
        Limit::of_zone(Counts::Writes, 2, Duration::from_secs(1)),
        Limit::of_zone(Counts::Writes, 15, Duration::from_secs(60)),
        Limit::of_zone(Counts::Writes, 100, Duration::from_secs(3600)),
        Limit::of_zone(Counts::Writes, 300, Duration::from_secs(86_400)),
        Limit::of_credential(Counts::Reads, 10, Duration::from_secs(1)),
        Limit::of_credential(Counts::Reads, 50, Duration::from_secs(60)),
        Limit::of_credential(Counts::All, 2000, Duration::from_secs(86_400)),
    ],
    rights: "A token that may read the domain and write its MX, TXT and CNAME record sets; a token policy can limit it to them.",
    access: Access {
        rights: &[
            Right { name: "read access to the domain", purpose: "find the zone and its keys", shown_by: ShownBy::Reading },
            Right {
                name: "perm_write for the domain's record sets",
                purpose: "change the MX and MTA-STS records",
                shown_by: ShownBy::Write,
            },
        ],
        made_at: "desec.io, Token Management, a new token; its policies limit it to one domain.",
        told: "deSEC does not say which rights a token has, only refuses what it may not do.",
    },
    connect: |fields, options| {
        let token = ("authorization", "Token ", fields.secret("token"));
        let http = Http::new(&INFO, fields.text("url"), &[token], explain, &options)?;
        Ok(Box::new(Desec { http }))
    },
};

#[derive(Debug)]
struct Desec {
    http: Http,
}

/// The largest TTL that deSEC takes, in seconds.
const TTL_MOST: u32 = 86_400;

#[derive(Deserialize)]
struct WireDomain {
    name: String,
    minimum_ttl: u32,
    #[serde(default)]
    keys: Vec<WireKey>,
}

#[derive(Deserialize)]
struct WireKey {
    dnskey: String,
    /// Empty for a key that signs only records.
    #[serde(default)]
    ds: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct WireSet {
    ttl: u32,
    records: Vec<String>,
}

/// `{"detail": ...}`, or one list of complaints for each field, or an array of those.
fn explain(_: u16, body: &[u8]) -> Explained {
    fn words(value: &serde_json::Value) -> Vec<String> {
        match value {
            serde_json::Value::String(text) => vec![text.clone()],
            serde_json::Value::Array(items) => items.iter().flat_map(words).collect(),
            serde_json::Value::Object(fields) => fields.values().flat_map(words).collect(),
            _ => Vec::new(),
        }
    }
    let said = serde_json::from_slice(body).map_or_else(|_| Vec::new(), |value| words(&value));
    Explained { message: (!said.is_empty()).then(|| said.join("; ")), ..Explained::default() }
}

impl Desec {
    fn request(&self, call: Call, operation: &str, method: Method, zone: &str, below: &[&str]) -> Request {
        // Without the final slash it redirects, and redirects are not followed.
        let path = [&["domains", zone], below, &[""]].concat();
        self.http.request(call, operation, method, &path).of_zone(zone)
    }

    async fn domain(&self, call: Call, operation: &str, zone: &str) -> Result<WireDomain> {
        self.http.json(&self.request(call, operation, Method::GET, zone, &[])).await
    }
}

/// The name below the zone; empty at the apex, as a body has it. A path has `@` there.
fn relative<'a>(zone: &Zone, name: &'a Name) -> &'a str {
    name.relative_to(&zone.apex).unwrap_or(name.as_str())
}

fn decode(set: &WireSet, name: &Name, rtype: RecordType) -> Result<Rrset, String> {
    let values = set.records.iter().map(|text| RecordData::parse(rtype, text)).collect::<Result<Vec<_>, _>>();
    values.and_then(|values| Rrset::new(name.clone(), rtype, set.ttl, values)).map_err(|error| error.to_string())
}

/// No records: no set. The TTL of a set that goes is its own, since it must be one that is allowed.
fn encode(zone: &Zone, change: &Change) -> serde_json::Value {
    let records: Vec<_> = change.after().iter().flat_map(|set| set.values()).map(ToString::to_string).collect();
    let ttl = change.after().or_else(|| change.before()).map_or(TTL_MOST, Rrset::ttl);
    json!([{ "subname": relative(zone, change.name()), "type": change.rtype().as_str(), "ttl": ttl, "records": records }])
}

#[async_trait]
impl Provider for Desec {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let found = self.domain(Call::Zone, &operation, apex.as_str()).await?;
        if Name::parse(&found.name).as_ref() != Ok(apex) {
            let message = format!("deSEC has {:?} instead", crate::text::harmless(&found.name, 80));
            return Err(Error::new(INFO.slug, operation, Kind::NotFound, message));
        }
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers: Vec::new(),
            ttl: found.minimum_ttl..=TTL_MOST,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never, notes: Vec::new(),
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        let operation = format!("read {rtype} at {name}");
        let relative = relative(zone, name);
        let owner = if relative.is_empty() { "@" } else { relative };
        let request = self.request(Call::Read, &operation, Method::GET, &zone.id, &["rrsets", owner, rtype.as_str()]);
        let Some(set) = self.http.found::<WireSet>(&request).await? else {
            return Ok(None);
        };
        decode(&set, name, rtype).map(Some).map_err(|why| self.http.unread(&request, why))
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let live = self.read(zone, change.name(), change.rtype()).await?;
        if guard::compare(INFO.slug, live.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let request = self.request(Call::Write, &guard::operation(change), Method::PATCH, &zone.id, &["rrsets"]);
        self.http.send(&request.json(&encode(zone, change))).await?;
        guard::confirm(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let mut request =
            self.request(Call::List, &operation, Method::GET, &zone.id, &["rrsets"]).query(&[("cursor", "")]);
        let mut largest = None;
        loop {
            let answer = self.http.send(&request).await?;
            let sets: Vec<WireSet> =
                serde_json::from_slice(&answer.body).map_err(|error| self.http.unread(&request, error))?;
            largest = largest.max(sets.iter().map(|set| set.ttl).max());
            let Some(next) = crate::http::next_page(&answer.headers, &request.url) else {
                return Ok(largest);
            };
            request.url = next;
        }
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }
}

#[async_trait]
impl Signer for Desec {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("read the keys of {}", zone.apex);
        let keys = self.domain(Call::ReadSigning, &operation, &zone.id).await?.keys;
        let keys = keys.iter().filter(|key| !key.ds.is_empty()).map(|key| {
            let dnskey: Dnskey = key.dnskey.parse()?;
            let ds = key.ds.iter().map(|ds| ds.parse()).collect::<Result<Vec<Ds>, _>>()?;
            DelegationKey::checked(&zone.apex, Some(dnskey), ds)
        });
        let keys = keys
            .collect::<Result<Vec<_>, crate::KeyError>>()
            .map_err(|error| Error::new(INFO.slug, operation, Kind::Protocol, error.to_string()))?;
        Ok(if keys.is_empty() { Signing::Pending } else { Signing::On(keys) })
    }

    async fn enable(&self, _: &Zone) -> Result<Outcome> {
        Ok(Outcome::Unchanged)
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        let message = "deSEC signs every zone, always; the zone would have to move to another host";
        Err(Error::new(INFO.slug, format!("stop signing {}", zone.apex), Kind::Unsupported, message))
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
                ttl: 60..=TTL_MOST,
                writes: Writes::Atomic,
                hands_over: HandsOver::Never, notes: vec![],
            };
            let mut body = encode(&zone, &Change::create(set.clone()));
            prop_assert_eq!(&body[0]["subname"], "");
            let wire: WireSet = serde_json::from_value(body[0].take()).unwrap();
            prop_assert_eq!(decode(&wire, set.name(), set.rtype()).unwrap(), set);
        }
    }
}
