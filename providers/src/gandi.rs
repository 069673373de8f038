//! Gandi LiveDNS, and Gandi as registrar.
//!
//! Record sets are replaced as wholes; a new one is refused where there is one already. Signing a zone and giving its key to
//! the registry are two things here: a key made under `livedns` is not published by itself.

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, DelegationKey, DigestType, Dnskey, Ds, Error, Field, HandsOver, Info, KeyError,
    Kind, Limit, Name, Outcome, Provider, RecordData, RecordType, Registrar, Result, Right, Rrset, ShownBy, Signer, Signing,
    Takes, Writes, Zone,
    guard::{self, Verdict},
    http::{Explained, Http, Request, next_page},
    text,
};

pub(crate) static INFO: Info = Info {
    slug: "gandi",
    title: "Gandi LiveDNS",
    docs: "https://api.gandi.net/docs/livedns/",
    nameservers: &["gandi.net"],
    fields: &[
        Field { key: "token", meaning: "a personal access token", env: "GANDI_TOKEN", secret: true, default: None },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "GANDI_URL",
            secret: false,
            default: Some("https://api.gandi.net/v5"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: true,
        writes: Writes::Atomic,
        delegation: Delegation::ByHand,
        registrar: Some(Takes::Dnskey),
        ttl_floor: "300 s",
    },
    // https://api.gandi.net/docs/reference/: of one address, over all tokens.
    limits: &[Limit::of_credential(Counts::All, 1000, Duration::from_secs(60))],
    rights: "A personal access token limited to this domain with \"See and renew domain names\" and \"Manage domain name \
             technical configurations\".",
    access: Access {
        rights: &[
            Right { name: "See and renew domain names", purpose: "find the domain", shown_by: ShownBy::Reading },
            Right {
                name: "Manage domain name technical configurations",
                purpose: "change the MX and MTA-STS records, sign the zone and give its key to the registry",
                shown_by: ShownBy::Write,
            },
        ],
        made_at: "admin.gandi.net, Organizations, the organization, Sharing, Personal Access Tokens, limited to this domain.",
        told: "This interface does not say which permissions a token has, only refuses what it may not do.",
    },
    connect: |fields, options| {
        let token = ("authorization", "Bearer ", fields.secret("token"));
        let http = Http::new(&INFO, fields.text("url"), &[token], explain, &options)?;
        Ok(Box::new(Gandi { http }))
    },
};

#[derive(Debug)]
struct Gandi {
    http: Http,
}

#[derive(Deserialize)]
struct WireDomain {
    fqdn: String,
}

/// Values are zone file text.
#[derive(Serialize, Deserialize)]
struct WireSet {
    rrset_ttl: u32,
    rrset_values: Vec<String>,
}

/// A key that signs. The list leaves the public key out. Keys that were deleted stay in it for a while.
#[derive(Deserialize)]
struct WireKey {
    id: String,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    status: String,
    algorithm: u8,
    flags: u16,
    ds: String,
    #[serde(default)]
    public_key: Option<String>,
}

/// A key on file at the registrar.
#[derive(Deserialize)]
struct WireFiled {
    id: u64,
    #[serde(rename = "type", default)]
    role: String,
    algorithm: u8,
    keytag: u16,
    digest_type: u8,
    digest: String,
    #[serde(default)]
    public_key: Option<String>,
}

/// `{"code", "message", "object", "cause"}`, or one complaint for each field.
fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    struct Body {
        message: Option<String>,
        #[serde(default)]
        errors: Vec<Complaint>,
    }
    #[derive(Deserialize)]
    struct Complaint {
        #[serde(default)]
        name: String,
        #[serde(default)]
        description: String,
    }
    let Ok(Body { message, errors }) = serde_json::from_slice(body) else {
        return Explained::default();
    };
    let complaints = errors.iter().map(|error| format!("{}: {}", error.name, error.description));
    let said: Vec<_> = message.into_iter().chain(complaints).collect();
    Explained { message: (!said.is_empty()).then(|| said.join("; ")), ..Explained::default() }
}

impl Gandi {
    /// A request below a zone.
    fn request(&self, call: Call, operation: &str, method: Method, zone: &str, below: &[&str]) -> Request {
        self.http.request(call, operation, method, &[&["livedns", "domains", zone], below].concat())
    }

    /// A request below a domain's keys at the registrar.
    fn filed(&self, call: Call, operation: &str, method: Method, apex: &Name, below: &[&str]) -> Request {
        self.http.request(call, operation, method, &[&["domain", "domains", apex.as_str(), "dnskeys"], below].concat())
    }

    /// A list with all its pages.
    async fn all<T: DeserializeOwned>(&self, mut request: Request) -> Result<Vec<T>> {
        let mut items = Vec::new();
        loop {
            let answer = self.http.send(&request).await?;
            let page: Vec<T> =
                serde_json::from_slice(&answer.body).map_err(|error| self.http.unread(&request, error))?;
            items.extend(page);
            let Some(next) = next_page(&answer.headers, &request.url) else {
                return Ok(items);
            };
            request.url = next;
        }
    }

    /// The keys that sign, or shall.
    async fn keys(&self, zone: &Zone, operation: &str) -> Result<Vec<WireKey>> {
        let keys = self.request(Call::ReadSigning, operation, Method::GET, &zone.id, &["keys"]);
        let keys: Vec<WireKey> = self.all(keys).await?;
        Ok(keys.into_iter().filter(|key| !key.deleted).collect())
    }

    async fn on_file(&self, apex: &Name) -> Result<Vec<(u64, Ds)>> {
        let operation = format!("read the delegation of {apex}");
        let keys: Vec<WireFiled> = self.all(self.filed(Call::ReadDelegation, &operation, Method::GET, apex, &[])).await?;
        keys.iter()
            .map(|key| key.ds(apex).map(|ds| (key.id, ds)))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::new(INFO.slug, operation, Kind::Protocol, error.to_string()))
    }
}

/// A key from its parts; the public key may be missing.
fn dnskey(flags: u16, algorithm: u8, public_key: Option<&str>) -> Result<Option<Dnskey>, KeyError> {
    let Some(key) = public_key.filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    format!("{flags} 3 {algorithm} {key}").parse().map(Some)
}

impl WireKey {
    fn is_active(&self) -> bool {
        self.flags == 257 && self.status == "active"
    }

    fn delegation(&self, apex: &Name) -> Result<DelegationKey, KeyError> {
        let dnskey = dnskey(self.flags, self.algorithm, self.public_key.as_deref())?;
        DelegationKey::checked(apex, dnskey, vec![self.ds.parse()?])
    }
}

impl WireFiled {
    /// The SHA-256 digest where the key is told, else the one that is told.
    fn ds(&self, apex: &Name) -> Result<Ds, KeyError> {
        let Self { keytag, algorithm, digest_type, digest, .. } = self;
        let ds: Ds = format!("{keytag} {algorithm} {digest_type} {digest}").parse()?;
        let flags = match self.role.as_str() {
            "ksk" => 257,
            "zsk" => 256,
            _ => return Ok(ds),
        };
        let Some(dnskey) = dnskey(flags, *algorithm, self.public_key.as_deref())? else {
            return Ok(ds);
        };
        let made = dnskey.ds(apex, DigestType::Sha256);
        DelegationKey::checked(apex, Some(dnskey), vec![ds]).map(|_| made)
    }
}

/// The name below the zone, `@` at its apex.
fn relative<'a>(zone: &Zone, name: &'a Name) -> &'a str {
    match name.relative_to(&zone.apex) {
        Some("") => "@",
        Some(below) => below,
        None => name.as_str(),
    }
}

fn decode(zone: &Zone, set: &WireSet, name: &Name, rtype: RecordType) -> Result<Rrset, String> {
    let values = set.rrset_values.iter().map(|value| RecordData::parse_below(&zone.apex, rtype, value));
    let values = values.collect::<Result<Vec<_>, _>>();
    values.and_then(|values| Rrset::new(name.clone(), rtype, set.rrset_ttl, values)).map_err(|error| error.to_string())
}

fn encode(set: &Rrset) -> WireSet {
    WireSet { rrset_ttl: set.ttl(), rrset_values: set.values().iter().map(ToString::to_string).collect() }
}

#[async_trait]
impl Provider for Gandi {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let get = |below| self.request(Call::Zone, &operation, Method::GET, apex.as_str(), below);
        let found: WireDomain = self.http.json(&get(&[])).await?;
        if Name::parse(&found.fqdn).as_ref() != Ok(apex) {
            let message = format!("Gandi has {:?} instead", text::harmless(&found.fqdn, 80));
            return Err(Error::new(INFO.slug, operation, Kind::NotFound, message));
        }
        let nameservers = get(&["nameservers"]);
        let servers: Vec<String> = self.http.json(&nameservers).await?;
        let servers = servers.iter().map(|server| Name::parse(server)).collect::<Result<_, _>>();
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers: servers.map_err(|error| self.http.unread(&nameservers, error))?,
            ttl: 300..=2_592_000,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never, notes: Vec::new(),
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        let operation = format!("read {rtype} at {name}");
        let below = ["records", relative(zone, name), rtype.as_str()];
        let request = self.request(Call::Read, &operation, Method::GET, &zone.id, &below);
        let Some(set) = self.http.found::<WireSet>(&request).await? else {
            return Ok(None);
        };
        decode(zone, &set, name, rtype).map(Some).map_err(|why| self.http.unread(&request, why))
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let live = self.read(zone, change.name(), change.rtype()).await?;
        if guard::compare(INFO.slug, live.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let method = match (change.before(), change.after()) {
            // Refused (409) where somebody else made one meanwhile.
            (None, Some(_)) => Method::POST,
            (_, Some(_)) => Method::PUT,
            (_, None) => Method::DELETE,
        };
        let below = ["records", relative(zone, change.name()), change.rtype().as_str()];
        let request = self.request(Call::Write, &guard::operation(change), method, &zone.id, &below);
        let request = match change.after() {
            Some(after) => request.json(&encode(after)),
            None => request,
        };
        self.http.send(&request).await?;
        guard::confirm(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let request = self.request(Call::List, &operation, Method::GET, &zone.id, &["records"]);
        let sets: Vec<WireSet> = self.all(request.query(&[("per_page", "100")])).await?;
        Ok(sets.iter().map(|set| set.rrset_ttl).max())
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        Some(self)
    }
}

#[async_trait]
impl Signer for Gandi {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        let keys = self.keys(zone, &operation).await?;
        if keys.is_empty() {
            return Ok(Signing::Off);
        }
        let mut active = Vec::new();
        for key in keys.iter().filter(|key| key.is_active()) {
            let whole = self.request(Call::ReadSigning, &operation, Method::GET, &zone.id, &["keys", &key.id]);
            let whole: WireKey = self.http.json(&whole).await?;
            let fail = |error: KeyError| Error::new(INFO.slug, &operation, Kind::Protocol, error.to_string());
            active.push(whole.delegation(&zone.apex).map_err(fail)?);
        }
        Ok(if active.is_empty() { Signing::Pending } else { Signing::On(active) })
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("sign {}", zone.apex);
        if self.keys(zone, &operation).await?.iter().any(|key| key.flags == 257) {
            return Ok(Outcome::Unchanged);
        }
        let request = self.request(Call::WriteSigning, &operation, Method::POST, &zone.id, &["keys"]);
        self.http.send(&request.json(&json!({ "flags": 257 }))).await?;
        Ok(Outcome::Done)
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("stop signing {}", zone.apex);
        let keys = self.keys(zone, &operation).await?;
        for (at, key) in keys.iter().enumerate() {
            let request = self.request(Call::WriteSigning, &operation, Method::DELETE, &zone.id, &["keys", &key.id]);
            self.http.send(&request).await.map_err(|error| guard::halfway(error, at))?;
        }
        Ok(if keys.is_empty() { Outcome::Unchanged } else { Outcome::Done })
    }
}

/// Gandi does not tell of a change that the registry has not made yet; the same change sent again only asks for the same again.
#[async_trait]
impl Registrar for Gandi {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        Ok(self.on_file(apex).await?.into_iter().map(|(_, ds)| ds).collect())
    }

    async fn set_delegation(&self, apex: &Name, before: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = guard::delegate(apex);
        let keys = guard::dnskeys(INFO.slug, apex, keys)?;
        let after: Vec<_> = keys.iter().map(|key| key.ds(apex, DigestType::Sha256)).collect();
        let (ids, live): (Vec<_>, Vec<_>) = self.on_file(apex).await?.into_iter().unzip();
        if guard::compare_delegation(INFO.slug, apex, &live, before, &after)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        if keys.is_empty() {
            for (at, id) in ids.iter().enumerate() {
                let request = self.filed(Call::WriteDelegation, &operation, Method::DELETE, apex, &[&id.to_string()]);
                self.http.send(&request).await.map_err(|error| guard::halfway(error, at))?;
            }
            return Ok(Outcome::Done);
        }
        // All at once, so that the domain is never without a key that it had and shall have.
        let keys: Vec<_> = keys
            .iter()
            .map(|key| {
                let role = if key.is_entry_point() { "ksk" } else { "zsk" };
                json!({ "algorithm": key.algorithm, "type": role, "public_key": STANDARD.encode(&key.public_key) })
            })
            .collect();
        let request = self.filed(Call::WriteDelegation, &operation, Method::PUT, apex, &[]);
        self.http.send(&request.json(&json!({ "keys": keys }))).await?;
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
            let zone = Zone {
                id: String::new(),
                apex: set.name().clone(),
                nameservers: vec![],
                ttl: 300..=2_592_000,
                writes: Writes::Atomic,
                hands_over: HandsOver::Never, notes: vec![],
            };
            let wire = serde_json::to_value(encode(&set)).unwrap();
            let wire: WireSet = serde_json::from_value(wire).unwrap();
            prop_assert_eq!(decode(&zone, &wire, set.name(), set.rtype()).unwrap(), set);
        }
    }
}
