//! Hetzner DNS, by the interface of its cloud; that of the former DNS console has other tokens and ends.
//!
//! The records of a set are replaced at once, its TTL is an action of its own, and both end some time after they were taken.
//! Zones are not signed.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, Error, Field, HandsOver, Info, Kind, Limit, Name, Outcome, Provider, RecordData,
    RecordType, Result, Right, Rrset, ShownBy, TTL_MAX, Writes, Zone,
    guard::{self, Verdict},
    http::{Explained, Http, Request},
    text::harmless,
};

pub(crate) static INFO: Info = Info {
    slug: "hetzner",
    title: "Hetzner DNS",
    docs: "https://docs.hetzner.cloud/reference/cloud#dns",
    nameservers: &["ns.hetzner.com", "ns.hetzner.de"],
    fields: &[
        Field {
            key: "token",
            meaning: "an API token of the project that holds the zone",
            env: "HETZNER_API_TOKEN",
            secret: true,
            default: None,
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "HETZNER_API_URL",
            secret: false,
            default: Some("https://api.hetzner.cloud/v1"),
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
    // https://docs.hetzner.cloud/reference/cloud#rate-limiting: per project; one more is allowed each second.
    limits: &[Limit::of_credential(Counts::All, 3600, Duration::from_secs(3600))],
    rights: "An API token with the permission Read & Write. It opens the whole project: keep the zone in a project of its own.",
    access: Access {
        rights: &[
            Right { name: "Read & Write", purpose: "find the zone", shown_by: ShownBy::Reading },
            Right { name: "Read & Write", purpose: "change the MX and MTA-STS records", shown_by: ShownBy::Write },
        ],
        made_at: "Hetzner Console, the project with the zone, Security, API Tokens, Generate API Token.",
        told: "Hetzner does not say whether a token may write; it refuses a write with a token that only reads.",
    },
    connect: |fields, options| {
        let token = ("authorization", "Bearer ", fields.secret("token"));
        let http = Http::new(&INFO, fields.text("url"), &[token], explain, &options)?;
        Ok(Box::new(Hetzner { http }))
    },
};

/// Sets on one page, the most there can be.
const PAGE: &str = "50";
/// How long an action may take; such a one is usually over in a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// First pause before asking whether an action is over; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Hetzner {
    http: Http,
}

#[derive(Deserialize)]
struct OneZone {
    zone: WireZone,
}

#[derive(Deserialize)]
struct WireZone {
    id: u64,
    name: String,
    mode: String,
    /// Of the sets that have none of their own.
    ttl: u32,
    #[serde(default)]
    authoritative_nameservers: WireServers,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireServers {
    assigned: Vec<String>,
    delegation_status: Option<String>,
}

#[derive(Deserialize)]
struct OneSet {
    rrset: WireSet,
}

#[derive(Deserialize)]
struct WireSet {
    ttl: Option<u32>,
    records: Vec<WireRecord>,
}

#[derive(Serialize, Deserialize)]
struct WireRecord {
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Deserialize)]
struct Sets {
    rrsets: Vec<WireSet>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    next_page: Option<u32>,
}

#[derive(Deserialize)]
struct OneAction {
    action: WireAction,
}

#[derive(Deserialize)]
struct WireAction {
    id: u64,
    status: String,
    error: Option<Complaint>,
}

#[derive(Deserialize)]
struct Complaint {
    code: String,
    message: String,
    #[serde(default)]
    details: Value,
}

impl Complaint {
    /// Its message, and what is wrong with each field where it says so.
    fn words(&self) -> String {
        let fields = self.details["fields"].as_array().map_or(&[] as &[_], Vec::as_slice);
        let words = fields.iter().filter_map(|field| field["messages"].as_array()).flatten().filter_map(Value::as_str);
        [self.message.as_str()].into_iter().chain(words).collect::<Vec<_>>().join("; ")
    }
}

fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    struct Body {
        error: Complaint,
    }
    let Ok(Body { error }) = serde_json::from_slice(body) else {
        return Explained::default();
    };
    let kind = match error.code.as_str() {
        "token_readonly" => Some(Kind::Forbidden),
        // The set is protected against changes: a switch in the console.
        "protected" => Some(Kind::Rejected),
        // Another action is at work, so this one was not begun.
        "locked" => Some(Kind::Transient),
        _ => None,
    };
    Explained { kind, message: Some(error.words()), code: Some(error.code.into()) }
}

/// A set as it is served, and its records with their comments.
type Live = (Option<Rrset>, Vec<(WireRecord, RecordData)>);

/// Which set.
type Set<'a> = (&'a Name, RecordType);

impl Hetzner {
    /// A request about one set.
    fn of_set(&self, call: Call, operation: &str, method: Method, zone: &Zone, set: Set<'_>, below: &[&str]) -> Request {
        let path = [&["zones", &zone.id, "rrsets", relative(zone, set.0), set.1.as_str()], below].concat();
        self.http.request(call, operation, method, &path)
    }

    async fn zone_of(&self, call: Call, operation: &str, zone: &str) -> Result<WireZone> {
        Ok(self.http.json::<OneZone>(&self.http.get(call, operation, &["zones", zone])).await?.zone)
    }

    async fn live(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Live> {
        let operation = format!("read {rtype} at {name}");
        let request = self.of_set(Call::Read, &operation, Method::GET, zone, (name, rtype), &[]);
        let Some(OneSet { rrset }) = self.http.found(&request).await? else {
            return Ok((None, Vec::new()));
        };
        let ttl = match rrset.ttl {
            Some(ttl) => ttl,
            None => self.zone_of(Call::Read, &operation, &zone.id).await?.ttl,
        };
        decode(rrset.records, ttl, name, rtype).map_err(|why| self.http.unread(&request, why))
    }

    /// Sends what begins an action, and waits for its end.
    async fn act(&self, request: Request) -> Result<()> {
        let fail = |kind, message| Err(Error::new(INFO.slug, request.operation.clone(), kind, message));
        let begun = Instant::now();
        let mut pause = PAUSE;
        let mut answer = self.http.json(&request).await;
        loop {
            let WireAction { id, status, error } = match answer {
                Ok(OneAction { action }) => action,
                // It was there when it was read.
                Err(error) if error.kind == Kind::NotFound => return Err(Error { kind: Kind::Conflict, ..error }),
                Err(error) => return Err(error),
            };
            match status.as_str() {
                "success" => return Ok(()),
                "running" if begun.elapsed() < PATIENCE => {}
                "running" => return fail(Kind::Unknown, format!("it was taken, but was not over after {} s", PATIENCE.as_secs())),
                _ => {
                    let words = error.map_or_else(|| status.clone(), |error| error.words());
                    return fail(Kind::Unknown, format!("it was taken and then failed: {}", harmless(&words, 300)));
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let ask = self.http.get(Call::Read, &request.operation, &["actions", &id.to_string()]);
            answer = self.http.json(&ask).await.map_err(|error| guard::halfway(error, 1));
        }
    }

    /// Changes a set that is there: its records, its TTL, or both.
    ///
    /// Both are two actions. No version of the set may be served with a larger TTL than the caller knows of it, since it counts
    /// its waits from that: so a TTL is lowered before the records change, and raised after they did.
    async fn replace(&self, zone: &Zone, change: &Change, before: &Rrset, after: &Rrset, live: Live) -> Result<()> {
        let operation = guard::operation(change);
        let set = (change.name(), change.rtype());
        let action = |what| self.of_set(Call::Write, &operation, Method::POST, zone, set, &["actions", what]);
        let ttl = || self.act(action("change_ttl").json(&json!({ "ttl": after.ttl() })));
        let records = |(_, live): Live| {
            self.act(action("set_records").json(&json!({ "records": encode(live, after.values()) })))
        };
        if before.values() == after.values() {
            return ttl().await;
        }
        if after.ttl() >= before.ttl() {
            records(live).await?;
            return if after.ttl() == before.ttl() { Ok(()) } else { ttl().await.map_err(|error| guard::halfway(error, 1)) };
        }
        ttl().await?;
        // An action has passed since the last look.
        let now = self.live(zone, set.0, set.1).await.map_err(|error| guard::halfway(error, 1))?;
        if now.0.as_ref().map(Rrset::values) != Some(before.values()) {
            let message = "somebody else changed the records while the TTL was lowered; they were left alone";
            return Err(Error::new(INFO.slug, operation.clone(), Kind::Conflict, message));
        }
        records(now).await.map_err(|error| guard::halfway(error, 1))
    }
}

/// The name below the zone, `@` at the apex.
fn relative<'a>(zone: &Zone, name: &'a Name) -> &'a str {
    name.relative_to(&zone.apex).map_or(name.as_str(), |below| if below.is_empty() { "@" } else { below })
}

fn decode(records: Vec<WireRecord>, ttl: u32, name: &Name, rtype: RecordType) -> Result<Live, String> {
    let records: Vec<_> = records
        .into_iter()
        .map(|record| RecordData::parse(rtype, &record.value).map(|value| (record, value)))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    if records.is_empty() {
        return Ok((None, records));
    }
    let set = Rrset::new(name.clone(), rtype, ttl, records.iter().map(|(_, value)| value.clone()));
    Ok((Some(set.map_err(|error| error.to_string())?), records))
}

/// The records as they shall be. A comment stays with its record, also when the record's value becomes another.
fn encode(live: Vec<(WireRecord, RecordData)>, wanted: &[RecordData]) -> Vec<WireRecord> {
    let steps = guard::steps(live, wanted);
    let kept = steps.keep.into_iter().map(|(record, _)| record);
    let changed = steps.change.into_iter().map(|(record, value)| WireRecord { value: value.to_string(), ..record });
    let added = steps.add.iter().map(|value| WireRecord { value: value.to_string(), comment: None });
    kept.chain(changed).chain(added).collect()
}

#[async_trait]
impl Provider for Hetzner {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let found = self.zone_of(Call::Zone, &operation, apex.as_str()).await?;
        let fail = |kind, message: String| Err(Error::new(INFO.slug, &operation, kind, message));
        if Name::parse(&found.name).as_ref() != Ok(apex) {
            return fail(Kind::NotFound, format!("Hetzner has {:?} instead", harmless(&found.name, 80)));
        }
        if found.mode != "primary" {
            let message = "Hetzner has only a copy of this zone (mode secondary); change it at its primary";
            return fail(Kind::Rejected, message.to_owned());
        }
        let WireServers { assigned, delegation_status } = found.authoritative_nameservers;
        let nameservers = assigned.iter().map(|name| Name::parse(name)).collect::<Result<Vec<_>, _>>();
        let nameservers = nameservers.map_err(|error| Error::new(INFO.slug, &operation, Kind::Protocol, error.to_string()))?;
        let mut notes = Vec::new();
        let astray = |status: &String| matches!(status.as_str(), "invalid" | "lame" | "unregistered");
        if let Some(status) = delegation_status.filter(astray) {
            notes.push(format!("Hetzner calls the delegation of {apex} {status:?}: the domain may not be delegated to it."));
        }
        Ok(Zone {
            id: found.id.to_string(),
            apex: apex.clone(),
            nameservers,
            ttl: 60..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never,
            notes,
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        Ok(self.live(zone, name, rtype).await?.0)
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let (name, rtype) = (change.name(), change.rtype());
        let live = self.live(zone, name, rtype).await?;
        if guard::compare(INFO.slug, live.0.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let operation = guard::operation(change);
        match (change.before(), change.after()) {
            (Some(before), Some(after)) => self.replace(zone, change, before, after, live).await?,
            (None, Some(after)) => {
                // Refused when there is one meanwhile.
                let set = json!({
                    "name": relative(zone, name),
                    "type": rtype.as_str(),
                    "ttl": after.ttl(),
                    "records": encode(Vec::new(), after.values()),
                });
                let request = self.http.request(Call::Write, &operation, Method::POST, &["zones", &zone.id, "rrsets"]);
                self.act(request.json(&set)).await?;
            }
            _ => self.act(self.of_set(Call::Write, &operation, Method::DELETE, zone, (name, rtype), &[])).await?,
        }
        guard::confirm(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let (mut sets, mut page) = (Vec::new(), 1);
        loop {
            let request = self.http.get(Call::List, &operation, &["zones", &zone.id, "rrsets"]);
            let found: Sets = self.http.json(&request.query(&[("page", &page.to_string()), ("per_page", PAGE)])).await?;
            sets.extend(found.rrsets);
            match found.meta.pagination.next_page {
                Some(next) if next > page => page = next,
                _ => break,
            }
        }
        let own = sets.iter().filter_map(|set| set.ttl).max();
        if sets.iter().all(|set| set.ttl.is_some()) {
            return Ok(own);
        }
        Ok(own.max(Some(self.zone_of(Call::List, &operation, &zone.id).await?.ttl)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            let wire = serde_json::to_value(encode(Vec::new(), set.values())).unwrap();
            let wire: Vec<WireRecord> = serde_json::from_value(wire).unwrap();
            let (found, _) = decode(wire, set.ttl(), set.name(), set.rtype()).unwrap();
            prop_assert_eq!(found, Some(set));
        }
    }

    #[test]
    fn comments_stay() {
        let record = |value: &str, comment: &str| WireRecord { value: value.to_owned(), comment: Some(comment.to_owned()) };
        let live = vec![record("0 old.example.", "legacy"), record("10 stays.example.", "spare")];
        let name: Name = "example.com".parse().unwrap();
        let (_, live) = decode(live, 300, &name, RecordType::Mx).unwrap();
        let wanted: Vec<_> = ["0 new.example.", "10 stays.example.", "20 more.example."]
            .iter()
            .map(|text| RecordData::parse(RecordType::Mx, text).unwrap())
            .collect();
        assert_eq!(
            serde_json::to_value(encode(live, &wanted)).unwrap(),
            json!([
                { "value": "10 stays.example.", "comment": "spare" },
                { "value": "0 new.example.", "comment": "legacy" },
                { "value": "20 more.example." },
            ])
        );
    }
}
