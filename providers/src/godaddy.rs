//! GoDaddy: record sets replaced as wholes, and DS records handed to the registries of domains registered there.
//!
//! No call signs a zone. The interface is open only to larger accounts, which no answer of it says in words.

mod ds;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use self::ds::WireDs;
use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, DelegationKey, Ds, Error, Field, HandsOver, Info, Kind, Limit, Name, Outcome,
    Provider, RecordData, RecordType, Registrar, Result, Right, Rrset, ShownBy, Takes, Writes, Zone,
    guard::{self, Verdict},
    http::{Explained, Http, Request},
    text,
};

pub(crate) static INFO: Info = Info {
    slug: "godaddy",
    title: "GoDaddy",
    docs: "https://developer.godaddy.com/doc/endpoint/domains",
    nameservers: &["domaincontrol.com"],
    fields: &[
        Field { key: "key", meaning: "the key of a production API key", env: "GODADDY_API_KEY", secret: true, default: None },
        Field { key: "secret", meaning: "the secret of that key", env: "GODADDY_API_SECRET", secret: true, default: None },
        Field {
            key: "shopper-id",
            meaning: "the account's customer number of up to ten digits; without it, DS records are entered by hand",
            env: "GODADDY_SHOPPER_ID",
            secret: false,
            default: Some(""),
        },
        Field {
            key: "customer-id",
            meaning: "the account's customer id, a UUID; it is looked up by the shopper id where it is not given",
            env: "GODADDY_CUSTOMER_ID",
            secret: false,
            default: Some(""),
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "GODADDY_API_URL",
            secret: false,
            default: Some("https://api.godaddy.com"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: false,
        keys: false,
        writes: Writes::Atomic,
        delegation: Delegation::ByHand,
        registrar: Some(Takes::Ds),
        ttl_floor: "600 s",
    },
    // https://developer.godaddy.com/getstarted: for each endpoint; counted for all together here.
    limits: &[Limit::of_credential(Counts::All, 60, Duration::from_secs(60))],
    rights: "A production API key. It opens the whole account, which needs 10 domains or more or a Discount Domain Club plan.",
    access: Access {
        rights: &[Right {
            name: "a production API key of the account that holds the domain",
            purpose: "read and change every domain of the account",
            shown_by: ShownBy::Reading,
        }],
        made_at: "developer.godaddy.com, API Keys, Create New API Key, environment Production.",
        told: "GoDaddy's keys have no rights of their own, so a read with one shows all.",
    },
    connect: |fields, options| {
        let (key, secret) = (fields.secret("key"), fields.secret("secret"));
        let pair = format!("{}:{}", key.expose_secret(), secret.expose_secret());
        let header = ("authorization", "sso-key ", pair.into());
        let mut http = Http::new(&INFO, fields.text("url"), &[header], explain, &options)?;
        http.hide(key);
        http.hide(secret);
        let customer = Some(fields.text("customer-id")).filter(|id| !id.is_empty()).map(str::to_owned);
        let shopper = fields.text("shopper-id").to_owned();
        Ok(Box::new(GoDaddy { http, shopper, customer: OnceCell::new_with(customer) }))
    },
};

/// Most records in one answer. Whether `offset` counts records or pages is not documented, so a full answer is not followed.
const PAGE: usize = 500;
/// How long DS records that were taken may need to be on file before others are removed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at that.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct GoDaddy {
    http: Http,
    shopper: String,
    customer: OnceCell<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDomain {
    domain: String,
    #[serde(default)]
    name_servers: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
struct WireRecord {
    data: String,
    ttl: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireShopper {
    customer_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRegistration {
    #[serde(default)]
    actions: Vec<WireAction>,
    #[serde(default)]
    dnssec_records: Vec<WireDs>,
}

#[derive(Deserialize)]
struct WireAction {
    #[serde(rename = "type")]
    what: String,
    status: String,
}

impl WireAction {
    fn is_busy_with_ds(&self) -> bool {
        self.what.starts_with("DNSSEC_") && matches!(self.status.as_str(), "ACCEPTED" | "AWAITING" | "PENDING")
    }
}

fn explain(status: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
        #[serde(default)]
        fields: Vec<Complaint>,
        retry_after_sec: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Complaint {
        #[serde(default)]
        path: String,
        #[serde(default)]
        message: String,
    }
    let Ok(body) = serde_json::from_slice::<Body>(body) else {
        return Explained::default();
    };
    let complaints = body.fields.iter().map(|field| format!("{}: {}", field.path, field.message));
    let mut said = [body.message].into_iter().chain(complaints).filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ");
    if status == 403 {
        said.push_str(
            "; GoDaddy opens its interface only to accounts with 10 domains or more or a Discount Domain Club plan, and only for \
             their own domains. With a smaller account use the provider \"manual\"",
        );
    }
    let wait = body.retry_after_sec.map(Duration::from_secs).filter(|_| status == 429);
    Explained {
        kind: wait.map(|wait| Kind::Throttled(Some(wait))),
        code: (!body.code.is_empty()).then(|| body.code.into()),
        message: (!said.is_empty()).then_some(said),
    }
}

impl GoDaddy {
    /// A request about the records of one name and type.
    fn of_set(&self, call: Call, operation: &str, method: Method, zone: &Zone, name: &Name, rtype: RecordType) -> Request {
        let owner = name.relative_to(&zone.apex).unwrap_or(name.as_str());
        let owner = if owner.is_empty() { "@" } else { owner };
        self.http.request(call, operation, method, &["v1", "domains", &zone.id, "records", rtype.as_str(), owner])
    }

    /// A request about the registration of a domain.
    async fn registration(&self, call: Call, operation: &str, method: Method, apex: &Name, below: &[&str]) -> Result<Request> {
        let ask = || async {
            let request = self.http.get(Call::ReadDelegation, operation, &["v1", "shoppers", &self.shopper]);
            let found: WireShopper = self.http.json(&request.query(&[("includes", "customerId")])).await?;
            Ok(found.customer_id)
        };
        let customer = self.customer.get_or_try_init(ask).await?;
        let path = [&["v2", "customers", customer, "domains", apex.as_str()], below].concat();
        Ok(self.http.request(call, operation, method, &path))
    }

    /// The DS records on file, and whether an earlier change of them is still under way.
    async fn on_file(&self, apex: &Name, operation: &str) -> Result<(Vec<Ds>, bool)> {
        let request = self.registration(Call::ReadDelegation, operation, Method::GET, apex, &[]).await?;
        let request = request.query(&[("includes", "actions,dnssecRecords")]);
        let found: WireRegistration = self.http.json(&request).await?;
        let ds = found.dnssec_records.iter().map(WireDs::read).collect::<Option<Vec<_>>>();
        let ds = ds.ok_or_else(|| self.http.unread(&request, "a DNSSEC record is none that is known here"))?;
        Ok((ds, found.actions.iter().any(WireAction::is_busy_with_ds)))
    }

    /// Adds or removes DS records. GoDaddy takes them and hands them to the registry later.
    async fn tell(&self, apex: &Name, operation: &str, method: Method, ds: &[&Ds]) -> Result<()> {
        let wire = ds.iter().map(|ds| WireDs::new(ds)).collect::<Option<Vec<_>>>().ok_or_else(|| {
            let message = "GoDaddy has no word for the algorithm or the digest of a DS record";
            Error::new(INFO.slug, operation, Kind::Rejected, message)
        })?;
        let request = self.registration(Call::WriteDelegation, operation, method, apex, &["dnssecRecords"]).await?;
        self.http.send(&request.json(&wire)).await.map(drop)
    }
}

/// The records of one set; with the largest TTL, should they differ.
fn decode(records: &[WireRecord], apex: &Name, name: &Name, rtype: RecordType) -> Result<Option<Rrset>, String> {
    // `@` is the domain itself, as in its console.
    let host = |text: &str| if text == "@" { Ok(apex.clone()) } else { Name::parse(text) };
    let value = |record: &WireRecord| match rtype {
        RecordType::Mx => host(&record.data).map(|exchange| RecordData::mx(record.priority.unwrap_or(0), exchange)),
        RecordType::Cname => host(&record.data).map(RecordData::Cname),
        RecordType::Txt => Ok(RecordData::txt(record.data.as_str())),
    };
    let values = records.iter().map(value).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let Some(ttl) = records.iter().map(|record| record.ttl).max() else {
        return Ok(None);
    };
    Rrset::new(name.clone(), rtype, ttl, values).map(Some).map_err(|error| error.to_string())
}

/// The records of a set, hosts without final dot and texts without quotes.
fn encode(set: &Rrset) -> Result<Vec<WireRecord>, &'static str> {
    let record = |data, priority| Ok(WireRecord { data, ttl: set.ttl(), priority });
    let encode = |value: &RecordData| match value {
        RecordData::Mx { preference, exchange } => record(exchange.to_string(), Some(*preference)),
        RecordData::Cname(target) => record(target.to_string(), None),
        RecordData::Txt(bytes) => match std::str::from_utf8(bytes) {
            Ok("") => Err("GoDaddy cannot hold an empty text"),
            Ok(text) => record(text.to_owned(), None),
            Err(_) => Err("GoDaddy can hold only text that is UTF-8"),
        },
    };
    set.values().iter().map(encode).collect()
}

#[async_trait]
impl Provider for GoDaddy {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let request = self.http.get(Call::Zone, &operation, &["v1", "domains", apex.as_str()]);
        let found: WireDomain = self.http.json(&request).await?;
        if Name::parse(&found.domain).as_ref() != Ok(apex) {
            let message = format!("GoDaddy has {:?} instead", text::harmless(&found.domain, 80));
            return Err(Error::new(INFO.slug, operation, Kind::NotFound, message));
        }
        let nameservers = found.name_servers.unwrap_or_default();
        let nameservers = nameservers.iter().map(|name| Name::parse(name)).collect::<Result<Vec<_>, _>>();
        let nameservers = nameservers.map_err(|error| self.http.unread(&request, error))?;
        let mut notes = Vec::new();
        if !nameservers.is_empty() && !INFO.serves(&nameservers) {
            notes.push(format!("{apex} is at GoDaddy but served elsewhere: records that are changed at GoDaddy have no effect."));
        }
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers,
            ttl: 600..=604_800,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never,
            notes,
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        let request = self.of_set(Call::Read, &format!("read {rtype} at {name}"), Method::GET, zone, name, rtype);
        // What is absent is an empty list. Not found is the domain, which says nothing of the set.
        let records: Vec<WireRecord> = self.http.json(&request).await?;
        decode(&records, &zone.apex, name, rtype).map_err(|why| self.http.unread(&request, why))
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let operation = guard::operation(change);
        let records = change.after().map(encode).transpose();
        let records = records.map_err(|why| Error::new(INFO.slug, &operation, Kind::Rejected, why))?;
        let live = self.read(zone, change.name(), change.rtype()).await?;
        if guard::compare(INFO.slug, live.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let of_set = |method| self.of_set(Call::Write, &operation, method, zone, change.name(), change.rtype());
        let request = match records {
            Some(records) => of_set(Method::PUT).json(&records),
            // An empty list is refused.
            None => of_set(Method::DELETE),
        };
        self.http.send(&request).await?;
        guard::confirm(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let request = self.http.get(Call::List, &operation, &["v1", "domains", &zone.id, "records"]);
        let request = request.query(&[("limit", &PAGE.to_string())]);
        let records: Vec<WireRecord> = self.http.json(&request).await?;
        Ok(records.iter().map(|record| record.ttl).max().filter(|_| records.len() < PAGE))
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        let known = !self.shopper.is_empty() || self.customer.initialized();
        known.then_some(self as &dyn Registrar)
    }
}

#[async_trait]
impl Registrar for GoDaddy {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        Ok(self.on_file(apex, &format!("read the delegation of {apex}")).await?.0)
    }

    async fn set_delegation(&self, apex: &Name, before: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = guard::delegate(apex);
        let after: Vec<Ds> = keys.iter().filter_map(DelegationKey::preferred_ds).cloned().collect();
        let (live, busy) = self.on_file(apex, &operation).await?;
        if guard::compare_delegation(INFO.slug, apex, &live, before, &after)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        if busy {
            let message = "GoDaddy is still at work on an earlier change of the DS records, so nothing was sent";
            return Err(Error::new(INFO.slug, operation, Kind::Transient, message));
        }
        let add: Vec<_> = after.iter().filter(|ds| !live.contains(ds)).collect();
        let remove: Vec<_> = live.iter().filter(|ds| !after.contains(ds)).collect();
        if !add.is_empty() {
            self.tell(apex, &operation, Method::PATCH, &add).await?;
        }
        if remove.is_empty() {
            return Ok(Outcome::Done);
        }
        // The old ones go only when the new ones are on file: the parent must never be without.
        let begun = Instant::now();
        while !add.is_empty() {
            let (live, busy) = self.on_file(apex, &operation).await.map_err(|error| guard::halfway(error, 1))?;
            if !busy && add.iter().all(|ds| live.contains(ds)) {
                break;
            }
            if begun.elapsed() >= PATIENCE {
                let message = "GoDaddy took the new DS records but has them not on file yet, so the old ones were left there";
                return Err(Error::new(INFO.slug, operation, Kind::Unknown, message));
            }
            tokio::time::sleep(PAUSE).await;
        }
        let removed = self.tell(apex, &operation, Method::DELETE, &remove).await;
        removed.map_err(|error| guard::halfway(error, usize::from(!add.is_empty())))?;
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            // What it cannot hold is refused.
            if let Ok(records) = encode(&set) {
                let wire = serde_json::to_value(records).unwrap();
                let wire: Vec<WireRecord> = serde_json::from_value(wire).unwrap();
                prop_assert_eq!(decode(&wire, set.name(), set.name(), set.rtype()).unwrap(), Some(set));
            } else {
                let odd = |text: &[u8]| text.is_empty() || std::str::from_utf8(text).is_err();
                prop_assert!(set.values().iter().any(|value| matches!(value, RecordData::Txt(text) if odd(text))));
            }
        }
    }
}
