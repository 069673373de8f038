//! PowerDNS Authoritative by its HTTP API.
//!
//! A set is replaced as a whole in one request; the server does not compare, so it is read directly before and after.
//! Reading one key by its id would return the private key: only the list of keys is ever asked for.

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Access, Call, Capabilities, Change, Delegation, DelegationKey, Ds, Error, Field, HandsOver, Info, Instructions, Kind, Name,
    Outcome, Provider, RecordData, RecordType, Registrar, Result, Right, Rrset, ShownBy, Signer, Signing, TTL_MAX, Writes, Zone,
    guard::{self, Verdict},
    http::{Explained, Http, Request},
};

pub(crate) static INFO: Info = Info {
    slug: "powerdns",
    title: "PowerDNS Authoritative",
    docs: "https://doc.powerdns.com/authoritative/http-api/",
    nameservers: &[],
    fields: &[
        Field {
            key: "url",
            meaning: "address of the server's interface, such as https://ns1.example:8443",
            env: "POWERDNS_URL",
            secret: false,
            default: None,
        },
        Field {
            key: "api-key",
            meaning: "the server's setting api-key",
            env: "POWERDNS_API_KEY",
            secret: true,
            default: None,
        },
        Field {
            key: "server",
            meaning: "the server's id in its interface",
            env: "POWERDNS_SERVER",
            secret: false,
            default: Some("localhost"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: true,
        writes: Writes::Atomic,
        delegation: Delegation::Announced,
        registrar: None,
        ttl_floor: "none",
    },
    limits: &[],
    rights: "The API key opens the whole server. Let the interface listen only where this program runs, and put TLS before it elsewhere.",
    access: Access {
        rights: &[Right {
            name: "the server's api-key",
            purpose: "read, change and sign every zone of the server",
            shown_by: ShownBy::Reading,
        }],
        made_at: "The server's configuration: api=yes, api-key=..., and webserver-allow-from for this machine.",
        told: "PowerDNS knows one key that opens everything, so a read with it shows all.",
    },
    connect: |fields, options| {
        let key = ("x-api-key", "", fields.secret("api-key"));
        let http = Http::new(&INFO, fields.text("url"), &[key], explain, &options)?;
        Ok(Box::new(PowerDns { http, server: fields.text("server").to_owned() }))
    },
};

#[derive(Debug)]
struct PowerDns {
    http: Http,
    server: String,
}

#[derive(Deserialize)]
struct WireZone {
    name: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    dnssec: bool,
    #[serde(default)]
    presigned: bool,
    #[serde(default)]
    soa_edit_api: String,
    #[serde(default)]
    rrsets: Vec<WireSet>,
}

#[derive(Deserialize)]
struct WireSet {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: u32,
    records: Vec<WireRecord>,
}

#[derive(Deserialize)]
struct WireRecord {
    content: String,
    #[serde(default)]
    disabled: bool,
}

/// Without its private part, which the list does not have.
#[derive(Deserialize)]
struct WireKey {
    keytype: String,
    active: bool,
    #[serde(default = "yes")]
    published: bool,
    dnskey: String,
    #[serde(default)]
    ds: Vec<String>,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct WireMetadata {
    #[serde(default)]
    metadata: Vec<String>,
}

fn explain(status: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    struct Body {
        error: String,
        #[serde(default)]
        errors: Vec<String>,
    }
    let Ok(Body { error, errors }) = serde_json::from_slice(body) else {
        return Explained::default();
    };
    let kind = (status == 422 && error.starts_with("Could not find domain")).then_some(Kind::NotFound);
    Explained { kind, code: None, message: Some([&[error], errors.as_slice()].concat().join("; ")) }
}

impl PowerDns {
    /// A request below one zone.
    fn request(&self, call: Call, method: Method, operation: String, zone: &str, below: &[&str]) -> Request {
        let mut path = vec!["api", "v1", "servers", &self.server, "zones", zone];
        path.extend(below);
        self.http.request(call, &operation, method, &path)
    }

    async fn settings(&self, zone: &Zone, call: Call, operation: String) -> Result<WireZone> {
        let request = self.request(call, Method::GET, operation, &zone.id, &[]).query(&[("rrsets", "false")]);
        self.http.json(&request).await
    }

    /// The zone with one of its sets; a server too old to filter sends all.
    async fn with_set(&self, call: Call, operation: String, id: &str, name: &Name, rtype: &str) -> Result<WireZone> {
        let name = name.fqdn();
        let request = self.request(call, Method::GET, operation, id, &[]).query(&[("rrset_name", &name), ("rrset_type", rtype)]);
        let mut zone: WireZone = self.http.json(&request).await?;
        zone.rrsets.retain(|set| set.name.eq_ignore_ascii_case(&name) && set.rtype == rtype);
        Ok(zone)
    }

    async fn live(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<(Option<Rrset>, Vec<RecordData>)> {
        let operation = format!("read {rtype} at {name}");
        let found = self.with_set(Call::Read, operation.clone(), &zone.id, name, rtype.as_str()).await?;
        decode(&found.rrsets, name, rtype)
            .map_err(|message| Error::new(INFO.slug, operation, Kind::Protocol, message))
    }

    async fn keys(&self, zone: &Zone, operation: &str) -> Result<Vec<DelegationKey>> {
        let request = self.request(Call::ReadSigning, Method::GET, operation.to_owned(), &zone.id, &["cryptokeys"]);
        let keys: Vec<WireKey> = self.http.json(&request).await?;
        keys.into_iter()
            .filter(|key| key.active && key.published && matches!(key.keytype.as_str(), "csk" | "ksk"))
            .map(|key| {
                let dnskey = key.dnskey.parse()?;
                let ds = key.ds.iter().map(|ds| ds.parse()).collect::<Result<Vec<Ds>, _>>()?;
                DelegationKey::checked(&zone.apex, Some(dnskey), ds)
            })
            .collect::<Result<_, crate::KeyError>>()
            .map_err(|error| Error::new(INFO.slug, operation, Kind::Protocol, error.to_string()))
    }

    /// Sets one item of a zone's metadata, if it is not so already.
    async fn publish(&self, zone: &str, item: &str, wanted: &str, operation: &str) -> Result<()> {
        let below = ["metadata", item];
        let ask = self.request(Call::ReadDelegation, Method::GET, operation.to_owned(), zone, &below);
        let have: WireMetadata = self.http.json(&ask).await?;
        if have.metadata == [wanted] {
            return Ok(());
        }
        let tell = self.request(Call::WriteDelegation, Method::PUT, operation.to_owned(), zone, &below).json(&json!({ "kind": item, "metadata": [wanted] }));
        self.http.send(&tell).await.map(drop)
    }
}

/// The set as it is served, and the values that are kept but switched off.
fn decode(sets: &[WireSet], name: &Name, rtype: RecordType) -> Result<(Option<Rrset>, Vec<RecordData>), String> {
    let (mut live, mut disabled, mut ttl) = (Vec::new(), Vec::new(), 0);
    for set in sets {
        ttl = set.ttl;
        for record in &set.records {
            let value = RecordData::parse(rtype, &record.content).map_err(|error| error.to_string())?;
            if record.disabled { disabled.push(value) } else { live.push(value) }
        }
    }
    if live.is_empty() {
        return Ok((None, disabled));
    }
    let set = Rrset::new(name.clone(), rtype, ttl, live).map_err(|error| error.to_string())?;
    Ok((Some(set), disabled))
}

/// The change as a request body. Comments are left out and so stay; records that are switched off are sent along, because
/// what is not sent is deleted.
fn encode(change: &Change, disabled: &[RecordData]) -> Value {
    let wanted = change.after().map_or(&[] as &[_], Rrset::values);
    let mut records: Vec<Value> =
        wanted.iter().map(|value| json!({ "content": value.to_string(), "disabled": false })).collect();
    let off = disabled.iter().filter(|value| !wanted.contains(value));
    records.extend(off.map(|value| json!({ "content": value.to_string(), "disabled": true })));
    let mut set = json!({
        "name": change.name().fqdn(),
        "type": change.rtype().as_str(),
        "changetype": if records.is_empty() { "DELETE" } else { "REPLACE" },
    });
    if !records.is_empty() {
        // A deletion must not carry a TTL.
        set["ttl"] = change.after().or_else(|| change.before()).map_or(0, Rrset::ttl).into();
        set["records"] = records.into();
    }
    json!({ "rrsets": [set] })
}

#[async_trait]
impl Provider for PowerDns {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let found = self.with_set(Call::Zone, operation.clone(), &apex.fqdn(), apex, "NS").await?;
        let fail = |kind, message: String| Err(Error::new(INFO.slug, &operation, kind, message));
        if Name::parse(&found.name).as_ref() != Ok(apex) {
            return fail(Kind::NotFound, format!("the server has {:?} instead", found.name));
        }
        if matches!(found.kind.as_str(), "Slave" | "Secondary" | "Consumer") {
            return fail(
                Kind::Rejected,
                "this server has only a copy of the zone (a secondary); use the one that holds the original".to_owned(),
            );
        }
        let mut nameservers = Vec::new();
        for record in found.rrsets.iter().flat_map(|set| &set.records).filter(|record| !record.disabled) {
            match Name::parse(&record.content) {
                Ok(name) => nameservers.push(name),
                Err(error) => return fail(Kind::Protocol, error.to_string()),
            }
        }
        let mut notes = Vec::new();
        if found.soa_edit_api.is_empty() {
            notes.push(format!(
                "The zone {apex} has no SOA-EDIT-API: changes by this program leave its serial where it is, and secondary servers \
                 that go by the serial will not fetch them. Set it: pdnsutil set-meta {apex} SOA-EDIT-API DEFAULT."
            ));
        }
        Ok(Zone { id: apex.fqdn(), apex: apex.clone(), nameservers, ttl: 0..=TTL_MAX, writes: INFO.capabilities.writes, hands_over: HandsOver::Never, notes })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        Ok(self.live(zone, name, rtype).await?.0)
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let (live, disabled) = self.live(zone, change.name(), change.rtype()).await?;
        if guard::compare(INFO.slug, live.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let request = self.request(Call::Write, Method::PATCH, guard::operation(change), &zone.id, &[]).json(&encode(change, &disabled));
        self.http.send(&request).await?;
        guard::confirm(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let request = self.request(Call::List, Method::GET, operation, &zone.id, &[]);
        let zone: WireZone = self.http.json(&request).await?;
        Ok(zone.rrsets.iter().map(|set| set.ttl).max())
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        Some(self)
    }
}

#[async_trait]
impl Signer for PowerDns {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        let settings = self.settings(zone, Call::ReadSigning, operation.clone()).await?;
        if settings.presigned {
            let message = "the zone comes signed from elsewhere; look there, or ask DNS";
            return Err(Error::new(INFO.slug, operation, Kind::Unsupported, message));
        }
        if !settings.dnssec {
            return Ok(Signing::Off);
        }
        let keys = self.keys(zone, &operation).await?;
        Ok(if keys.is_empty() { Signing::Pending } else { Signing::On(keys) })
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        if matches!(self.status(zone).await?, Signing::On(_)) {
            return Ok(Outcome::Unchanged);
        }
        let operation = format!("sign {}", zone.apex);
        let request = self.request(Call::WriteSigning, Method::PUT, operation.clone(), &zone.id, &[]).json(&json!({ "dnssec": true, "api_rectify": true }));
        self.http.send(&request).await?;
        if matches!(self.status(zone).await?, Signing::On(_)) {
            return Ok(Outcome::Done);
        }
        // There were keys, none of them active: make one that is.
        let request = self.request(Call::WriteSigning, Method::POST, operation, &zone.id, &["cryptokeys"]).json(&json!({ "keytype": "csk", "active": true, "published": true }));
        // The answer holds the private key: it is dropped unread.
        self.http.send(&request).await?;
        Ok(Outcome::Done)
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        if self.status(zone).await? == Signing::Off {
            return Ok(Outcome::Unchanged);
        }
        let operation = format!("stop signing {}", zone.apex);
        let request = self.request(Call::WriteSigning, Method::PUT, operation, &zone.id, &[]).json(&json!({ "dnssec": false }));
        self.http.send(&request).await?;
        Ok(Outcome::Done)
    }
}

/// PowerDNS does not reach the parent, but announces to it (CDS and CDNSKEY, RFC 8078). It does so only here, not when signing
/// begins: a registry that looks would otherwise publish the DS while unsigned answers still live in caches.
#[async_trait]
impl Registrar for PowerDns {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        let message = "the server does not know what the parent has; the parent's servers are to be asked";
        Err(Error::new(INFO.slug, format!("read the delegation of {apex}"), Kind::Unsupported, message))
    }

    async fn set_delegation(&self, apex: &Name, _: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = format!("announce the delegation of {apex}");
        // 2 is SHA-256, 0 asks the parent to remove the DS (RFC 8078, section 4).
        let (cds, cdnskey) = if keys.is_empty() { ("0", "0") } else { ("2", "1") };
        self.publish(&apex.fqdn(), "PUBLISH-CDS", cds, &operation).await?;
        self.publish(&apex.fqdn(), "PUBLISH-CDNSKEY", cdnskey, &operation).await?;
        Ok(Outcome::Asked(Instructions::announced(apex, keys)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            let mut body = encode(&Change::create(set.clone()), &[]);
            let sets: Vec<WireSet> = serde_json::from_value(body["rrsets"].take()).unwrap();
            prop_assert_eq!(decode(&sets, set.name(), set.rtype()).unwrap(), (Some(set), vec![]));
        }
    }

    #[test]
    fn a_deletion_has_no_ttl_and_spares_what_is_switched_off() {
        let set = Rrset::new("a.example".parse().unwrap(), RecordType::Txt, 60, [RecordData::txt("x")]).unwrap();
        let body = encode(&Change::delete(set.clone()), &[]);
        assert_eq!(body, json!({ "rrsets": [{ "name": "a.example.", "type": "TXT", "changetype": "DELETE" }] }));
        let body = encode(&Change::delete(set), &[RecordData::txt("off")]);
        assert_eq!(body["rrsets"][0]["changetype"], "REPLACE");
        assert_eq!(body["rrsets"][0]["records"], json!([{ "content": "\"off\"", "disabled": true }]));
    }
}
