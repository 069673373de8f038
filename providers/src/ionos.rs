//! IONOS hosting DNS. That of the IONOS cloud is another product with another interface.
//!
//! One call replaces all records of a name and type; there is none that removes them, so a set goes record by record. Zones are
//! not signed through it.

use async_trait::async_trait;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Access, Call, Capabilities, Change, Delegation, Error, Field, HandsOver, Info, Kind, Name, Outcome, Provider, RecordData, RecordType,
    Result, Right, Rrset, ShownBy, TTL_MAX, Writes, Zone,
    guard::{self, Verdict},
    http::{Explained, Http},
};

pub(crate) static INFO: Info = Info {
    slug: "ionos",
    title: "IONOS hosting DNS",
    docs: "https://developer.hosting.ionos.com/docs/dns",
    nameservers: &["ui-dns.com", "ui-dns.org", "ui-dns.de", "ui-dns.biz"],
    fields: &[
        Field {
            key: "api-key",
            meaning: "an API key: its public prefix, a dot, and its secret",
            env: "IONOS_API_KEY",
            secret: true,
            default: None,
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "IONOS_API_URL",
            secret: false,
            default: Some("https://api.hosting.ionos.com/dns/v1"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: false,
        keys: false,
        writes: Writes::Atomic,
        delegation: Delegation::ByHand,
        registrar: None,
        ttl_floor: "60 s",
    },
    limits: &[],
    rights: "An API key of the contract that holds the domain. It opens all domains of the contract.",
    access: Access {
        rights: &[Right {
            name: "an API key of the contract that holds the domain",
            purpose: "read and change every zone of the contract",
            shown_by: ShownBy::Reading,
        }],
        made_at: "developer.hosting.ionos.com, Manage keys, Create new key.",
        told: "IONOS's keys have no rights of their own, so a read with one shows all.",
    },
    connect: |fields, options| {
        let key = fields.secret("api-key");
        let header = ("x-api-key", "", key.clone());
        let mut http = Http::new(&INFO, fields.text("url"), &[header], explain, &options)?;
        if let Some((_, secret)) = key.expose_secret().split_once('.') {
            http.hide(secret.to_owned().into());
        }
        Ok(Box::new(Ionos { http }))
    },
};

/// The smallest TTL, in seconds: what IONOS's own Terraform provider lets through. Some programs keep to 300.
const TTL_LEAST: u32 = 60;

#[derive(Debug)]
struct Ionos {
    http: Http,
}

#[derive(Deserialize)]
struct WireZone {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct WireRecords {
    #[serde(default)]
    records: Vec<WireRecord>,
}

#[derive(Clone, Serialize, Deserialize)]
struct WireRecord {
    /// Given by IONOS, never sent.
    #[serde(skip_serializing)]
    id: String,
    /// In full, without final dot.
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    content: String,
    ttl: u32,
    /// Refused for types that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prio: Option<u16>,
    /// Kept, but not served.
    #[serde(default)]
    disabled: bool,
}

impl WireRecord {
    fn new(name: &Name, ttl: u32, value: &RecordData) -> Self {
        let (content, prio) = match value {
            RecordData::Mx { preference, exchange } => (exchange.to_string(), Some(*preference)),
            RecordData::Cname(target) => (target.to_string(), None),
            RecordData::Txt(_) => (value.to_string(), None),
        };
        let rtype = value.rtype().to_string();
        Self { id: String::new(), name: name.to_string(), rtype, content, ttl, prio, disabled: false }
    }

    fn is_of(&self, name: &Name, rtype: RecordType) -> bool {
        self.rtype == rtype.as_str() && Name::parse(&self.name).as_ref() == Ok(name)
    }

    fn value(&self, rtype: RecordType) -> Result<RecordData, String> {
        let host = || Name::parse(&self.content).map_err(|error| error.to_string());
        match rtype {
            RecordType::Mx => Ok(RecordData::mx(self.prio.unwrap_or(0), host()?)),
            RecordType::Cname => Ok(RecordData::Cname(host()?)),
            RecordType::Txt => RecordData::parse(rtype, &self.content).map_err(|error| error.to_string()),
        }
    }
}

/// An array of complaints, some with the fields that are wrong.
fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    struct Complaint {
        code: String,
        #[serde(default)]
        message: Option<String>,
        #[serde(default)]
        parameters: Value,
    }
    impl Complaint {
        fn words(&self) -> String {
            let message = self.message.as_deref().unwrap_or(&self.code);
            let lists = ["invalid", "invalidFields", "requiredFields"].map(|list| self.parameters[list].as_array());
            let fields: Vec<_> = lists.into_iter().flatten().flatten().filter_map(Value::as_str).collect();
            if fields.is_empty() { message.to_owned() } else { format!("{message} ({})", fields.join(", ")) }
        }
    }
    let Ok(complaints) = serde_json::from_slice::<Vec<Complaint>>(body) else {
        return Explained::default();
    };
    let join = |part: fn(&Complaint) -> String, between: &str| {
        (!complaints.is_empty()).then(|| complaints.iter().map(part).collect::<Vec<_>>().join(between))
    };
    let code = join(|complaint| complaint.code.clone(), ", ").map(Into::into);
    Explained { kind: None, code, message: join(Complaint::words, "; ") }
}

impl Ionos {
    /// All records of one name and type, also those that are switched off.
    async fn records(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Vec<WireRecord>> {
        let operation = format!("read {rtype} at {name}");
        let request = self.http.get(Call::Read, &operation, &["zones", &zone.id]);
        let request = request.query(&[("recordName", name.as_str()), ("recordType", rtype.as_str())]);
        let mut found: WireRecords = self.http.json(&request).await?;
        // The filter of the interface is not relied on.
        found.records.retain(|record| record.is_of(name, rtype));
        Ok(found.records)
    }
}

/// The set as it is served; with the largest TTL, should the records differ.
fn decode(records: &[WireRecord], name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
    let served = records.iter().filter(|record| !record.disabled);
    let Some(ttl) = served.clone().map(|record| record.ttl).max() else {
        return Ok(None);
    };
    let values = served.map(|record| record.value(rtype)).collect::<Result<Vec<_>, _>>();
    values
        .and_then(|values| Rrset::new(name.clone(), rtype, ttl, values).map_err(|error| error.to_string()))
        .map(Some)
        .map_err(|why| Error::new(INFO.slug, format!("read {rtype} at {name}"), Kind::Protocol, why))
}

/// The records as they shall be. Those that are switched off are sent along, because what is not sent is deleted.
fn encode(after: &Rrset, live: &[WireRecord]) -> Vec<WireRecord> {
    let wanted = after.values().iter().map(|value| WireRecord::new(after.name(), after.ttl(), value));
    wanted.chain(live.iter().filter(|record| record.disabled).cloned()).collect()
}

#[async_trait]
impl Provider for Ionos {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let mut zones: Vec<WireZone> = self.http.json(&self.http.get(Call::Zone, &operation, &["zones"])).await?;
        zones.retain(|zone| Name::parse(&zone.name).as_ref() == Ok(apex));
        let fail = |kind, message: &str| Err(Error::new(INFO.slug, &operation, kind, message));
        let Some(zone) = zones.pop() else {
            return fail(Kind::NotFound, "this key sees no zone of that name");
        };
        if !zones.is_empty() {
            return fail(Kind::Rejected, "this key sees several zones of that name");
        }
        if zone.kind != "NATIVE" {
            return fail(Kind::Rejected, "IONOS has only a copy of this zone (a secondary); change it at its primary");
        }
        Ok(Zone {
            id: zone.id,
            apex: apex.clone(),
            nameservers: Vec::new(),
            ttl: TTL_LEAST..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never, notes: Vec::new(),
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        decode(&self.records(zone, name, rtype).await?, name, rtype)
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let records = self.records(zone, change.name(), change.rtype()).await?;
        let live = decode(&records, change.name(), change.rtype())?;
        if guard::compare(INFO.slug, live.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let operation = guard::operation(change);
        if let Some(after) = change.after() {
            let request = self.http.request(Call::Write, &operation, Method::PATCH, &["zones", &zone.id]);
            self.http.send(&request.json(&encode(after, &records))).await?;
            return guard::confirm(self, zone, change).await;
        }
        for (done, record) in records.iter().filter(|record| !record.disabled).enumerate() {
            let path = ["zones", &zone.id, "records", &record.id];
            match self.http.send(&self.http.request(Call::Write, &operation, Method::DELETE, &path)).await {
                // Somebody else was faster.
                Err(error) if error.kind == Kind::NotFound => {}
                Err(error) => return Err(guard::halfway(error, done)),
                Ok(_) => {}
            }
        }
        guard::confirm(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let found: WireRecords = self.http.json(&self.http.get(Call::List, &operation, &["zones", &zone.id])).await?;
        Ok(found.records.iter().map(|record| record.ttl).max())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            let mut wire = serde_json::to_value(encode(&set, &[])).unwrap();
            wire.as_array_mut().unwrap().iter_mut().for_each(|record| record["id"] = "1".into());
            let wire: Vec<WireRecord> = serde_json::from_value(wire).unwrap();
            prop_assert!(wire.iter().all(|record| record.is_of(set.name(), set.rtype())));
            prop_assert_eq!(decode(&wire, set.name(), set.rtype()).unwrap(), Some(set));
        }
    }
}
