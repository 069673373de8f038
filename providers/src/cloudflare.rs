//! Cloudflare DNS.
//!
//! A set is changed record by record within one batch, which is one transaction at Cloudflare but reaches its name servers
//! record by record. A batch carries deletions out first, so records are changed in place wherever one goes and one comes.

mod api;
mod call;

use ::cloudflare::framework::{Environment, auth::Credentials};
use async_trait::async_trait;
use secrecy::ExposeSecret;
use std::time::Duration;

use self::api::{Batch, Body, Delete, Dnssec, Patch, Post, Records, VerifyToken, WireDnssec, WireRecord, Zones};
use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, Error, Field, HandsOver, Info, Kind, Limit, Name, Outcome, Provider, RecordData,
    RecordType, Result, Right, Rrset, ShownBy, Signer, Signing, Standing, Writes, Zone,
    guard::{self, Verdict},
    http::{Http, checked_base},
};

pub(crate) static INFO: Info = Info {
    slug: "cloudflare",
    title: "Cloudflare",
    docs: "https://developers.cloudflare.com/api/resources/dns/",
    nameservers: &["ns.cloudflare.com", "foundationdns.com", "foundationdns.net", "foundationdns.org"],
    fields: &[
        Field {
            key: "token",
            meaning: "an API token for this zone",
            env: "CLOUDFLARE_API_TOKEN",
            secret: true,
            default: None,
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "CLOUDFLARE_API_URL",
            secret: false,
            default: Some("https://api.cloudflare.com/client/v4"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: true,
        writes: Writes::Stepwise,
        delegation: Delegation::Announced,
        registrar: None,
        ttl_floor: "60 s, in Enterprise zones 30 s",
    },
    // Per user, over all tokens; beyond it everything is refused for five minutes.
    limits: &[Limit::of_credential(Counts::All, 1200, Duration::from_secs(300))],
    rights: "An API token limited to this zone with Zone:Read and DNS:Edit. If signing is refused with it, Zone Settings:Edit besides.",
    access: Access {
        rights: &[
            Right { name: "Zone > Zone > Read", purpose: "find the zone", shown_by: ShownBy::Reading },
            Right { name: "Zone > DNS > Edit", purpose: "change the MX and MTA-STS records", shown_by: ShownBy::Write },
            Right {
                name: "Zone > DNS > Edit, or Zone > Zone Settings > Edit where that is refused",
                purpose: "sign the zone",
                shown_by: ShownBy::Write,
            },
        ],
        made_at: "Cloudflare dashboard, My Profile, API Tokens, Create Token, limited to this zone under Zone Resources.",
        told: "Cloudflare says whether a user's token is in force (GET /user/tokens/verify), but not which permissions it has.",
    },
    connect: |fields, options| {
        let credentials = Credentials::UserAuthToken { token: fields.secret("token").expose_secret().to_owned() };
        let headers: Vec<_> = credentials
            .headers()
            .into_iter()
            .filter(|(header, _)| *header == "Authorization")
            .map(|(_, value)| ("authorization", "", value.into()))
            .collect();
        let base = checked_base(fields.text("url")).map_err(|error| fields.wrong("url", error))?;
        // Without the final slash, joining a path would drop the last part of the base.
        let base = format!("{}/", base.as_str().trim_end_matches('/'));
        let mut http = Http::new(&INFO, &base, &headers, call::explain, &options)?;
        // The header is a secret by itself; the bare token inside is too.
        http.hide(fields.secret("token"));
        Ok(Box::new(Cloudflare { http, environment: Environment::Custom(base) }))
    },
};

/// Most operations in one batch on the smallest plan.
const BATCH: usize = 200;

#[derive(Debug)]
struct Cloudflare {
    http: Http,
    environment: Environment,
}

impl Cloudflare {
    async fn records(&self, call: Call, operation: &str, zone: &str, of: Option<(&Name, RecordType)>) -> Result<Vec<WireRecord>> {
        call::all(&self.http, &self.environment, call, operation, |page| Records { zone, of, page }).await
    }

    /// The records of one set with their values.
    async fn live(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Vec<(WireRecord, RecordData)>> {
        let operation = format!("read {rtype} at {name}");
        let records = self.records(Call::Read, &operation, &zone.id, Some((name, rtype))).await?;
        records
            .into_iter()
            // The filter of the interface is not relied on.
            .filter(|record| record.is_of(name, rtype))
            .map(|record| {
                if record.proxied {
                    let message = "the record is proxied: name servers give Cloudflare's own addresses instead of it. \
                                   Switch its proxy off (DNS only) first";
                    return Err(Error::new(INFO.slug, &operation, Kind::Rejected, message));
                }
                match record.value(rtype) {
                    Ok(value) => Ok((record, value)),
                    Err(message) => Err(Error::new(INFO.slug, &operation, Kind::Protocol, message)),
                }
            })
            .collect()
    }

    async fn dnssec(&self, zone: &Zone, set: Option<&'static str>, operation: &str) -> Result<WireDnssec> {
        let call = if set.is_some() { Call::WriteSigning } else { Call::ReadSigning };
        call::one(&self.http, &self.environment, call, operation, &Dnssec { zone: &zone.id, set }).await
    }
}

/// The set as it is served: with the largest TTL, should the records differ.
fn set_of(live: &[(WireRecord, RecordData)], name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
    let Some(ttl) = live.iter().map(|(record, _)| record.served_ttl()).max() else {
        return Ok(None);
    };
    Rrset::new(name.clone(), rtype, ttl, live.iter().map(|(_, value)| value.clone()))
        .map(Some)
        .map_err(|error| Error::new(INFO.slug, format!("read {rtype} at {name}"), Kind::Protocol, error.to_string()))
}

/// The batch that makes of `live` what `change` wants; additions and deletions never meet in one.
fn batch(zone: &Zone, live: Vec<(WireRecord, RecordData)>, change: &Change) -> Batch {
    let name = change.name();
    let (ttl, want) = change.after().map_or((0, &[] as &[_]), |after| (after.ttl(), after.values()));
    let steps = guard::steps(live, want);
    let stale = steps.keep.into_iter().filter(|(record, _)| record.served_ttl() != ttl);
    Batch {
        zone: zone.id.clone(),
        deletes: steps.delete.into_iter().map(|record| Delete { id: record.id }).collect(),
        patches: (steps.change.into_iter().chain(stale))
            .map(|(record, value)| Patch { id: record.id, record: Body::new(name, ttl, &value) })
            .collect(),
        posts: steps.add.iter().map(|value| Post { record: Body::new(name, ttl, value), proxied: false }).collect(),
    }
}

#[async_trait]
impl Provider for Cloudflare {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let found = call::all(&self.http, &self.environment, Call::Zone, &operation, |page| Zones::named(apex, page)).await?;
        let mut found: Vec<_> = found.into_iter().filter(|zone| Name::parse(&zone.name).as_ref() == Ok(apex)).collect();
        let fail = |kind, message: &str| Err(Error::new(INFO.slug, &operation, kind, message));
        let Some(zone) = found.pop() else {
            return fail(Kind::NotFound, "this token sees no zone of that name");
        };
        if !found.is_empty() {
            return fail(Kind::Rejected, "this token sees several zones of that name; use one that sees only the right one");
        }
        match zone.kind.as_str() {
            "partial" => return fail(Kind::Rejected, "Cloudflare holds only some names of this zone (partial setup); its DNS is hosted elsewhere"),
            "secondary" => return fail(Kind::Rejected, "Cloudflare has only a copy of this zone (secondary); change it at its primary"),
            _ => {}
        }
        let nameservers = zone.name_servers.iter().map(|name| Name::parse(name)).collect::<Result<Vec<_>, _>>();
        let nameservers =
            nameservers.map_err(|error| Error::new(INFO.slug, &operation, Kind::Protocol, error.to_string()))?;
        let enterprise = zone.plan.and_then(|plan| plan.legacy_id).is_some_and(|plan| plan == "enterprise");
        let mut notes = Vec::new();
        if !zone.status.is_empty() && zone.status != "active" {
            notes.push(format!("Cloudflare calls the zone {apex} {:?}: the domain may not be delegated to it.", crate::text::harmless(&zone.status, 40)));
        }
        Ok(Zone {
            id: zone.id.0,
            apex: apex.clone(),
            nameservers,
            ttl: if enterprise { 30 } else { 60 }..=86_400,
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
        let operation = guard::operation(change);
        let refuse = |message: &str| Err(Error::new(INFO.slug, &operation, Kind::Rejected, message));
        if live.iter().any(|(record, _)| record.is_read_only()) {
            return refuse("another Cloudflare service, such as Email Routing, owns the record; switch that service off first");
        }
        let batch = batch(zone, live, change);
        if batch.deletes.len() + batch.patches.len() + batch.posts.len() > BATCH {
            return refuse("the record set is larger than one batch can change");
        }
        call::one(&self.http, &self.environment, Call::Write, &operation, &batch).await?;
        guard::confirm(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let records = self.records(Call::List, &operation, &zone.id, None).await?;
        Ok(records.iter().map(WireRecord::served_ttl).max())
    }

    /// Only a user's token is known to this endpoint; one of an account is not, though it works.
    async fn standing(&self) -> Result<Option<Standing>> {
        let token = call::one(&self.http, &self.environment, Call::Zone, "tell how the token stands", &VerifyToken).await?;
        let said = crate::text::harmless(&token.status, 40);
        let active = match said.as_str() {
            "active" => Some(true),
            "disabled" | "expired" => Some(false),
            _ => None,
        };
        Ok(Some(Standing { active, said, ends: token.expires_on.map(|ends| crate::text::harmless(&ends, 40)) }))
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }
}

#[async_trait]
impl Signer for Cloudflare {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        let dnssec = self.dnssec(zone, None, &operation).await?;
        let fail = |kind, message: String| Err(Error::new(INFO.slug, &operation, kind, message));
        match dnssec.status.as_str() {
            "disabled" => Ok(Signing::Off),
            // "pending" is signed and waiting for the parent.
            "active" | "pending" => match dnssec.key(&zone.apex) {
                Ok(Some(key)) => Ok(Signing::On(vec![key])),
                Ok(None) => Ok(Signing::Pending),
                Err(error) => fail(Kind::Protocol, error.to_string()),
            },
            "pending-disabled" => Ok(Signing::Pending),
            "error" => fail(Kind::Rejected, "Cloudflare reports an error of its own about signing; look at the zone there".to_owned()),
            other => fail(Kind::Protocol, format!("the status {:?} is not known", crate::text::harmless(other, 40))),
        }
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("sign {}", zone.apex);
        if matches!(self.dnssec(zone, None, &operation).await?.status.as_str(), "active" | "pending") {
            return Ok(Outcome::Unchanged);
        }
        self.dnssec(zone, Some("active"), &operation).await?;
        Ok(Outcome::Done)
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("stop signing {}", zone.apex);
        if matches!(self.dnssec(zone, None, &operation).await?.status.as_str(), "disabled" | "pending-disabled") {
            return Ok(Outcome::Unchanged);
        }
        self.dnssec(zone, Some("disabled"), &operation).await?;
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn record(mut body: Value) -> WireRecord {
        body["id"] = "0a".into();
        serde_json::from_value(body).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            let (name, rtype) = (set.name(), set.rtype());
            let live: Vec<_> = set
                .values()
                .iter()
                .map(|value| record(serde_json::to_value(Body::new(name, set.ttl(), value)).unwrap()))
                .map(|record| record.value(rtype).map(|value| (record, value)))
                .collect::<Result<_, _>>()
                .unwrap();
            prop_assert!(live.iter().all(|(record, _)| record.is_of(name, rtype)));
            prop_assert_eq!(set_of(&live, name, rtype).unwrap(), Some(set));
        }
    }

    #[test]
    fn records_of_one_set_that_differ_in_ttl_are_evened_out() {
        let mx = |id: &str, host: &str, ttl: u32| {
            let mut record = record(json!({ "type": "MX", "name": "a.example", "content": host, "priority": 0, "ttl": ttl }));
            record.id = id.to_owned().try_into().unwrap();
            let value = record.value(RecordType::Mx).unwrap();
            (record, value)
        };
        let live = vec![mx("1", "one.example", 300), mx("2", "two.example", 3600)];
        let name = "a.example".parse().unwrap();
        let before = set_of(&live, &name, RecordType::Mx).unwrap().unwrap();
        assert_eq!(before.ttl(), 3600);
        let change = Change::replace(before.clone(), before.with_ttl(300).unwrap()).unwrap();
        let zone = Zone {
            id: "9".to_owned(),
            apex: name,
            nameservers: vec![],
            ttl: 60..=86_400,
            writes: Writes::Stepwise,
            hands_over: HandsOver::Never, notes: vec![],
        };
        let batch = serde_json::to_value(batch(&zone, live, &change)).unwrap();
        assert_eq!(
            batch,
            json!({ "patches": [{ "id": "2", "name": "a.example", "type": "MX", "content": "two.example", "priority": 0, "ttl": 300 }] })
        );
    }

    #[test]
    fn an_id_cannot_change_the_path() {
        for id in ["", "../zones", "a/b", "a?b", "a b"] {
            assert!(api::Id::try_from(id.to_owned()).is_err(), "{id:?}");
        }
    }
}
