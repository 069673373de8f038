//! What DNSimple signs, and what it has on file at the registry.

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Dnsimple, INFO, Wire, WireRecord, shown};
use crate::{
    Call, DelegationKey, DigestType, Dnskey, Ds, Error, KeyError, Kind, Name, Outcome, Registrar, Result, Signer, Signing, Zone,
    guard::{self, Verdict},
    text,
};

#[derive(Deserialize)]
struct WireDomain {
    state: String,
}

#[derive(Deserialize)]
struct WireDnssec {
    enabled: bool,
    active: Option<bool>,
}

#[derive(Deserialize)]
struct WireTld {
    dnssec_interface_type: Option<String>,
}

/// Numbers are texts here. Of a domain whose registry takes keys only the key is kept.
#[derive(Deserialize)]
struct WireDs {
    id: u64,
    algorithm: String,
    digest: Option<String>,
    digest_type: Option<String>,
    keytag: Option<String>,
    public_key: Option<String>,
}

impl WireDs {
    fn ds(&self, zone: &Name) -> Result<Ds, String> {
        let field = |field: &Option<String>| field.clone().unwrap_or_default();
        if field(&self.digest).is_empty() {
            let key: Dnskey = format!("257 3 {} {}", self.algorithm, field(&self.public_key)).parse().map_err(shown)?;
            return Ok(key.ds(zone, DigestType::Sha256));
        }
        let [tag, kind, digest] = [&self.keytag, &self.digest_type, &self.digest].map(field);
        format!("{tag} {} {kind} {digest}", self.algorithm).parse().map_err(shown)
    }
}

impl Dnsimple {
    async fn signing(&self, zone: &Zone, operation: &str) -> Result<WireDnssec> {
        self.one(Call::ReadSigning, operation, &["domains", &zone.id, "dnssec"]).await
    }

    async fn ds_records(&self, call: Call, operation: &str, apex: &str) -> Result<Vec<WireDs>> {
        self.all(call, operation, &["domains", apex, "ds_records"], &[]).await
    }

    /// The zone's own DNSKEY records; none where they are not among its records.
    async fn dnskeys(&self, zone: &Zone, operation: &str) -> Result<Vec<Dnskey>> {
        let below = ["zones", &zone.id, "records"];
        match self.all::<WireRecord>(Call::ReadSigning, operation, &below, &[("type", "DNSKEY")]).await {
            Err(error) if error.kind == Kind::Rejected => Ok(Vec::new()),
            records => Ok(records?.iter().filter(|r| r.rtype == "DNSKEY").filter_map(|r| r.content.parse().ok()).collect()),
        }
    }

    /// What is on file at the registry, with DNSimple's numbers for it.
    async fn on_file(&self, operation: &str, apex: &Name) -> Result<Vec<(u64, Ds)>> {
        let domain: WireDomain = self.one(Call::ReadDelegation, operation, &["domains", apex.as_str()]).await?;
        if domain.state != "registered" {
            let message = format!(
                "DNSimple is not the registrar of the domain (its state there is {:?}); give the DS to the one who is",
                text::harmless(&domain.state, 40)
            );
            return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
        }
        let records = self.ds_records(Call::ReadDelegation, operation, apex.as_str()).await?;
        records
            .iter()
            .map(|record| record.ds(apex).map(|ds| (record.id, ds)))
            .collect::<Result<_, _>>()
            .map_err(|message| Error::new(INFO.slug, operation, Kind::Protocol, message))
    }

    /// Whether the registry takes keys, not digests.
    async fn takes_keys(&self, operation: &str, apex: &Name) -> Result<bool> {
        let tld = apex.parent().unwrap_or_else(Name::root);
        let request = self.http.get(Call::ReadDelegation, operation, &["tlds", tld.as_str()]);
        let tld: Option<Wire<WireTld>> = self.http.found(&request).await?;
        Ok(tld.and_then(|tld| tld.data.dnssec_interface_type).is_some_and(|takes| takes == "key"))
    }
}

#[async_trait]
impl Signer for Dnsimple {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        let signing = self.signing(zone, &operation).await?;
        if !signing.enabled {
            return Ok(Signing::Off);
        }
        if signing.active == Some(false) {
            return Ok(Signing::Pending);
        }
        let unread = |message| Error::new(INFO.slug, &operation, Kind::Protocol, message);
        let records = self.ds_records(Call::ReadSigning, &operation, &zone.id).await?;
        let digests = records.iter().map(|record| record.ds(&zone.apex)).collect::<Result<Vec<_>, _>>().map_err(unread)?;
        let dnskeys = if digests.is_empty() { Vec::new() } else { self.dnskeys(zone, &operation).await? };
        let keys = digests.into_iter().map(|ds| {
            let dnskey = dnskeys.iter().find(|key| key.key_tag() == ds.key_tag && key.algorithm == ds.algorithm);
            DelegationKey::checked(&zone.apex, dnskey.cloned(), vec![ds])
        });
        let keys: Vec<_> = keys.collect::<Result<_, KeyError>>().map_err(|error| unread(error.to_string()))?;
        Ok(if keys.is_empty() { Signing::Pending } else { Signing::On(keys) })
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("sign {}", zone.apex);
        if self.signing(zone, &operation).await?.enabled {
            return Ok(Outcome::Unchanged);
        }
        self.send(Call::WriteSigning, &operation, Method::POST, &["domains", &zone.id, "dnssec"], None).await?;
        Ok(Outcome::Done)
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("stop signing {}", zone.apex);
        if !self.signing(zone, &operation).await?.enabled {
            return Ok(Outcome::Unchanged);
        }
        self.send(Call::WriteSigning, &operation, Method::DELETE, &["domains", &zone.id, "dnssec"], None).await?;
        Ok(Outcome::Done)
    }
}

#[async_trait]
impl Registrar for Dnsimple {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        let on_file = self.on_file(&format!("read the delegation of {apex}"), apex).await?;
        Ok(on_file.into_iter().map(|(_, ds)| ds).collect())
    }

    async fn set_delegation(&self, apex: &Name, before: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = guard::delegate(apex);
        let on_file = self.on_file(&operation, apex).await?;
        let live: Vec<_> = on_file.iter().map(|(_, ds)| ds.clone()).collect();
        let wanted: Vec<_> = keys.iter().filter_map(|key| key.preferred_ds().map(|ds| (key, ds))).collect();
        let after: Vec<_> = wanted.iter().map(|(_, ds)| (*ds).clone()).collect();
        if guard::compare_delegation(INFO.slug, apex, &live, before, &after)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let new: Vec<_> = wanted.into_iter().filter(|(_, ds)| !live.contains(ds)).collect();
        let by_key = !new.is_empty() && self.takes_keys(&operation, apex).await?;
        let mut bodies = Vec::new();
        for (key, ds) in new {
            let algorithm = ds.algorithm.to_string();
            bodies.push(match (by_key, &key.dnskey) {
                (false, _) => json!({
                    "algorithm": algorithm,
                    "digest": text::hex(&ds.digest),
                    "digest_type": ds.digest_type.to_string(),
                    "keytag": ds.key_tag.to_string(),
                }),
                (true, Some(dnskey)) => json!({ "algorithm": algorithm, "public_key": STANDARD.encode(&dnskey.public_key) }),
                (true, None) => {
                    let message = "the registry takes keys, and of this one only the digest is known";
                    return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
                }
            });
        }
        // Additions first: the chain of trust never ends between.
        let mut taken = 0;
        for body in &bodies {
            let below = ["domains", apex.as_str(), "ds_records"];
            let answer = self.send(Call::WriteDelegation, &operation, Method::POST, &below, Some(body)).await;
            answer.map_err(|error| guard::halfway(error, taken))?;
            taken += 1;
        }
        for (id, _) in on_file.iter().filter(|(_, ds)| !after.contains(ds)) {
            let below = ["domains", apex.as_str(), "ds_records", &id.to_string()];
            let answer = self.send(Call::WriteDelegation, &operation, Method::DELETE, &below, None).await;
            answer.map_err(|error| guard::halfway(error, taken))?;
            taken += 1;
        }
        Ok(Outcome::Done)
    }
}
