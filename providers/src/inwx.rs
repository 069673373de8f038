//! INWX, host and registrar.
//!
//! Every call is a POST to one address (JSON-RPC) within a session, and answers 200 whatever came of it. Records are changed one
//! by one. Its automated DNSSEC signs a zone and publishes the DS, both, and tells no keys; what it has on file was given to it.

mod dnssec;
mod rpc;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::COOKIE;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use self::rpc::{Loose, Rpc, SignIn};
use crate::{
    Access, Call, Capabilities, Change, Delegation, Error, Field, HandsOver, Info, Kind, Name, Outcome, Provider, RecordData, RecordType,
    Registrar, Result, Right, Rrset, ShownBy, Signer, TTL_MAX, Takes, Writes, Zone,
    auth::{Bearer, totp},
    guard,
    http::Http,
    stepwise::{self, Held, SingleRecords},
    text,
};

pub(crate) static INFO: Info = Info {
    slug: "inwx",
    title: "INWX",
    docs: "https://www.inwx.com/en/help/apidoc",
    nameservers: &["inwx.de", "inwx.eu", "inwx.com", "inwx.net", "domrobot.com"],
    fields: &[
        Field { key: "user", meaning: "the name of the account", env: "INWX_USER", secret: false, default: None },
        Field { key: "password", meaning: "its password", env: "INWX_PASSWORD", secret: true, default: None },
        Field {
            key: "shared-secret",
            meaning: "the secret behind its one-time codes, where it has two factors",
            env: "INWX_SHARED_SECRET",
            secret: true,
            default: Some(""),
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "INWX_URL",
            secret: false,
            default: Some("https://api.domrobot.com/jsonrpc/"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: false,
        writes: Writes::Stepwise,
        delegation: Delegation::ByHand,
        registrar: Some(Takes::Dnskey),
        ttl_floor: "none is documented; 300 s is usual",
    },
    limits: &[],
    rights: "A subaccount with the roles DNS and Domain. With two factors, each code is good for one sign-in within 30 s.",
    access: Access {
        rights: &[
            Right { name: "role DNS", purpose: "read and change the MX and MTA-STS records", shown_by: ShownBy::Reading },
            Right { name: "role Domain", purpose: "sign the zone and publish the DS", shown_by: ShownBy::SigningStatus },
        ],
        made_at: "INWX, Settings, Account management, a subaccount with these roles.",
        told: "INWX does not tell an account its roles, only refuses what it may not do.",
    },
    connect: |fields, options| {
        let (password, shared) = (fields.secret("password"), fields.secret("shared-secret"));
        let shared = Some(shared).filter(|shared| !shared.expose_secret().is_empty());
        if shared.as_ref().is_some_and(|shared| totp(shared, 0).is_none()) {
            return Err(fields.wrong("shared-secret", "it is no base32 text; it is what an authenticator app is given"));
        }
        let http = || Http::new(&INFO, fields.text("url"), &[], rpc::explain, &options);
        let identity: Vec<_> = std::iter::once(&password).chain(&shared).cloned().collect();
        let mut plain = http()?;
        identity.iter().for_each(|secret| plain.hide(secret.clone()));
        let sign_in = SignIn { http: plain, user: fields.text("user").to_owned(), password, shared };
        let session = Arc::new(Bearer::sent_as(sign_in, COOKIE, ""));
        let http = http()?.authorized(&INFO, session.clone(), &identity, &options);
        Ok(Box::new(Inwx { rpc: Rpc { http, session } }))
    },
};

#[derive(Debug)]
struct Inwx {
    rpc: Rpc,
}

#[derive(Deserialize)]
struct WireZone {
    domain: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    record: Vec<WireRecord>,
}

/// Its numbers are texts at times.
#[derive(Deserialize)]
struct WireRecord {
    id: Value,
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    content: String,
    #[serde(alias = "TTL")]
    ttl: Loose,
    prio: Option<Loose>,
}

impl Inwx {
    async fn info(&self, call: Call, operation: &str, params: Value) -> Result<WireZone> {
        self.rpc.call(call, operation, "nameserver.info", params).await
    }

    async fn tell(&self, call: Call, operation: &str, method: &str, params: Value) -> Result<()> {
        self.rpc.call::<Option<Value>>(call, operation, method, params).await.map(drop)
    }
}

fn decode(record: &WireRecord, rtype: RecordType) -> Result<RecordData, String> {
    // Host names have no final dot; the null MX is a dot.
    let host = || Name::parse(&record.content).map_err(|error| error.to_string());
    match rtype {
        RecordType::Mx => {
            let preference = u16::try_from(record.prio.as_ref().map_or(0, |prio| prio.0)).map_err(|error| error.to_string())?;
            Ok(RecordData::mx(preference, host()?))
        }
        RecordType::Cname => host().map(RecordData::Cname),
        RecordType::Txt => {
            let typed_in = || record.content.clone().into_bytes();
            Ok(RecordData::Txt(text::unquoted(&record.content).unwrap_or_else(typed_in)))
        }
    }
}

fn encode(set: &Rrset, value: &RecordData) -> Value {
    let ttl = set.ttl();
    match value {
        RecordData::Mx { preference, exchange } => json!({ "content": exchange.to_string(), "ttl": ttl, "prio": preference }),
        RecordData::Cname(target) => json!({ "content": target.to_string(), "ttl": ttl }),
        RecordData::Txt(bytes) => json!({ "content": text::quoted(bytes), "ttl": ttl }),
    }
}

#[async_trait]
impl SingleRecords for Inwx {
    type Record = Value;

    fn refuses(&self, set: &Rrset) -> Option<String> {
        set.values().iter().find_map(|value| match value {
            RecordData::Txt(bytes) if bytes.is_empty() => Some("INWX cannot hold an empty text".to_owned()),
            RecordData::Txt(bytes) if bytes.ends_with(b" ") => Some("INWX drops the blank at the end of a text".to_owned()),
            RecordData::Txt(bytes) if bytes.contains(&b'`') => Some("INWX drops backticks from a text".to_owned()),
            _ => None,
        })
    }

    async fn records(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Vec<Held<Value>>> {
        let operation = format!("read {rtype} at {name}");
        let params = json!({ "domain": zone.id, "name": name.as_str(), "type": rtype.as_str() });
        let found = match self.info(Call::Read, &operation, params).await {
            // The zone is there; what is not is the record.
            Err(error) if error.kind == Kind::NotFound => return Ok(Vec::new()),
            found => found?,
        };
        let ours = |record: &WireRecord| record.rtype == rtype.as_str() && Name::parse(&record.name).as_ref() == Ok(name);
        let held = found.record.into_iter().filter(ours).map(|record| {
            let value = decode(&record, rtype)?;
            let ttl = u32::try_from(record.ttl.0).map_err(|error| error.to_string())?;
            Ok(Held { record: record.id, ttl, value })
        });
        held.collect::<Result<_, String>>().map_err(|message| Error::new(INFO.slug, &operation, Kind::Protocol, message))
    }

    async fn update(&self, _: &Zone, record: Value, set: &Rrset, value: &RecordData) -> Result<()> {
        let mut params = encode(set, value);
        params["id"] = record;
        self.tell(Call::Write, &guard::operation_on(set), "nameserver.updateRecord", params).await
    }

    async fn add(&self, zone: &Zone, set: &Rrset, value: &RecordData) -> Result<()> {
        let mut params = encode(set, value);
        params["domain"] = zone.id.as_str().into();
        params["name"] = set.name().as_str().into();
        params["type"] = set.rtype().as_str().into();
        self.tell(Call::Write, &guard::operation_on(set), "nameserver.createRecord", params).await
    }

    async fn remove(&self, _: &Zone, record: Value, set: &Rrset) -> Result<()> {
        self.tell(Call::Write, &guard::operation_on(set), "nameserver.deleteRecord", json!({ "id": record })).await
    }
}

#[async_trait]
impl Provider for Inwx {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let params = json!({ "domain": apex.as_str(), "name": apex.as_str(), "type": "NS" });
        let found = self.info(Call::Zone, &operation, params).await?;
        let fail = |kind, message: String| Err(Error::new(INFO.slug, &operation, kind, message));
        let domain = found.domain.unwrap_or_default();
        if Name::parse(&domain).as_ref() != Ok(apex) {
            return fail(Kind::NotFound, format!("INWX has {:?} instead", text::harmless(&domain, 80)));
        }
        if found.kind.as_deref() == Some("SLAVE") {
            return fail(Kind::Rejected, "INWX has only a copy of this zone (secondary); change it at its primary".to_owned());
        }
        let at_apex = |record: &&WireRecord| record.rtype == "NS" && Name::parse(&record.name).as_ref() == Ok(apex);
        let nameservers = found.record.iter().filter(at_apex).filter_map(|record| Name::parse(&record.content).ok());
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers: nameservers.collect(),
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
        let operation = format!("list the zone {}", zone.apex);
        let found = self.info(Call::List, &operation, json!({ "domain": zone.id })).await?;
        Ok(found.record.iter().filter_map(|record| u32::try_from(record.ttl.0).ok()).max())
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
                let mut body = encode(&set, value);
                body["id"] = "17".into();
                body["name"] = set.name().as_str().into();
                body["type"] = set.rtype().as_str().into();
                let wire: WireRecord = serde_json::from_value(body).unwrap();
                prop_assert_eq!(&decode(&wire, set.rtype()).unwrap(), value);
                prop_assert_eq!(wire.ttl.0, u64::from(set.ttl()));
            }
        }
    }
}
