//! What INWX signs by itself, and the keys it was given for the registry.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{INFO, Inwx, rpc::Loose};
use crate::{
    Call, DelegationKey, DigestType, Dnskey, Ds, Error, Kind, Name, Outcome, Registrar, Result, Signer, Signing, Zone,
    guard::{self, Verdict},
    text,
};

#[derive(Deserialize)]
struct WireStates {
    #[serde(default)]
    data: Vec<WireState>,
}

#[derive(Deserialize)]
struct WireState {
    domain: String,
    #[serde(rename = "keyCount", default)]
    keys: Option<Loose>,
    #[serde(rename = "dnssecStatus", alias = "dnsSecStatus")]
    status: Option<String>,
}

#[derive(Deserialize)]
struct WireKey {
    id: Value,
    #[serde(rename = "keyTag")]
    tag: Loose,
    #[serde(rename = "flagId")]
    flags: Option<Loose>,
    #[serde(rename = "algorithmId")]
    algorithm: Loose,
    #[serde(rename = "publicKey")]
    key: Option<String>,
    #[serde(rename = "digestTypeId")]
    digest_type: Option<Loose>,
    digest: Option<String>,
    status: Option<String>,
}

/// By name, as documented, or the bare list that also comes.
#[derive(Deserialize)]
#[serde(untagged)]
enum WireKeys {
    Named { dnskey: Vec<WireKey> },
    Bare(Vec<WireKey>),
    Nothing {},
}

impl WireKey {
    fn ds(&self, zone: &Name) -> Result<Ds, String> {
        let shown = |error: crate::KeyError| error.to_string();
        let (algorithm, flags) = (self.algorithm.0, self.flags.as_ref().map_or(257, |flags| flags.0));
        match (&self.digest, &self.digest_type, &self.key) {
            (Some(digest), Some(kind), _) if !digest.is_empty() => {
                format!("{} {algorithm} {} {digest}", self.tag.0, kind.0).parse().map_err(shown)
            }
            (_, _, Some(key)) => {
                let key: Dnskey = format!("{flags} 3 {algorithm} {key}").parse().map_err(shown)?;
                Ok(key.ds(zone, DigestType::Sha256))
            }
            _ => Err("a key on file has neither key nor digest".to_owned()),
        }
    }
}

/// What automated DNSSEC does for a domain.
#[derive(PartialEq)]
enum Automatic {
    On,
    Leaving,
    Off,
}

impl Inwx {
    /// `None` where the domain is not registered there. DNSSEC calls want names in Unicode.
    async fn automatic(&self, call: Call, operation: &str, apex: &Name) -> Result<Option<Automatic>> {
        let params = json!({ "domains": [apex.unicode()] });
        let states = match self.rpc.call::<Option<WireStates>>(call, operation, "dnssec.info", params).await {
            Err(error) if error.kind == Kind::NotFound => None,
            answered => answered?,
        };
        let mut states = states.into_iter().flat_map(|states| states.data);
        let Some(state) = states.find(|state| Name::parse(&state.domain).as_ref() == Ok(apex)) else {
            return Ok(None);
        };
        match state.status.as_deref() {
            // The list of words in the documents does not have this one.
            Some("AUTO") => Ok(Some(Automatic::On)),
            Some("DELETE_ALL") => Ok(Some(Automatic::Leaving)),
            Some("MANUAL" | "UPDATE") | None => Ok(Some(Automatic::Off)),
            Some(_) if state.keys.is_none_or(|keys| keys.0 == 0) => Ok(Some(Automatic::Off)),
            Some(other) => {
                let message = format!("the DNSSEC status {:?} is not known", text::harmless(other, 40));
                Err(Error::new(INFO.slug, operation, Kind::Protocol, message))
            }
        }
    }

    /// The keys on file at the registry that were given to INWX.
    async fn on_file(&self, operation: &str, apex: &Name) -> Result<Vec<(Value, Ds)>> {
        let params = json!({ "domainName": apex.unicode(), "active": 1 });
        let keys: Option<WireKeys> = self.rpc.call(Call::ReadDelegation, operation, "dnssec.listkeys", params).await?;
        let keys = match keys {
            Some(WireKeys::Named { dnskey: keys } | WireKeys::Bare(keys)) => keys,
            Some(WireKeys::Nothing {}) | None => Vec::new(),
        };
        keys.into_iter()
            .filter(|key| !matches!(key.status.as_deref(), Some("DELETED" | "IGNORE")))
            .map(|key| key.ds(apex).map(|ds| (key.id, ds)))
            .collect::<Result<_, _>>()
            .map_err(|message| Error::new(INFO.slug, operation, Kind::Protocol, message))
    }

    async fn registered(&self, operation: &str, apex: &Name) -> Result<Automatic> {
        let state = self.automatic(Call::ReadDelegation, operation, apex).await?;
        state.ok_or_else(|| Error::new(INFO.slug, operation, Kind::NotFound, "this account has registered no such domain"))
    }
}

#[async_trait]
impl Signer for Inwx {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        Ok(match self.automatic(Call::ReadSigning, &operation, &zone.apex).await? {
            Some(Automatic::On) => Signing::On(Vec::new()),
            Some(Automatic::Leaving) => Signing::Pending,
            Some(Automatic::Off) | None => Signing::Off,
        })
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("sign {}", zone.apex);
        match self.automatic(Call::ReadSigning, &operation, &zone.apex).await? {
            Some(Automatic::On) => return Ok(Outcome::Unchanged),
            Some(Automatic::Off | Automatic::Leaving) => {}
            None => {
                let message = "INWX signs only domains that are registered there, too; move the zone, or the domain";
                return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
            }
        }
        let params = json!({ "domainName": zone.apex.unicode() });
        self.tell(Call::WriteSigning, &operation, "dnssec.enablednssec", params).await?;
        Ok(Outcome::Done)
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("stop signing {}", zone.apex);
        if self.automatic(Call::ReadSigning, &operation, &zone.apex).await? != Some(Automatic::On) {
            return Ok(Outcome::Unchanged);
        }
        let params = json!({ "domainName": zone.apex.unicode() });
        self.tell(Call::WriteSigning, &operation, "dnssec.disablednssec", params).await?;
        Ok(Outcome::Done)
    }
}

#[async_trait]
impl Registrar for Inwx {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        let operation = format!("read the delegation of {apex}");
        if self.registered(&operation, apex).await? == Automatic::On {
            let message = "INWX keeps the DS by itself and does not tell it; the parent's servers are to be asked";
            return Err(Error::new(INFO.slug, operation, Kind::Unsupported, message));
        }
        Ok(self.on_file(&operation, apex).await?.into_iter().map(|(_, ds)| ds).collect())
    }

    async fn set_delegation(&self, apex: &Name, before: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = guard::delegate(apex);
        let refuse = |message| Err(Error::new(INFO.slug, &operation, Kind::Rejected, message));
        match (self.registered(&operation, apex).await?, keys) {
            (Automatic::On, []) => return refuse("INWX keeps the DS by itself while it signs; it goes when signing ends"),
            // Published by itself, with signing.
            (Automatic::On, _) => return Ok(Outcome::Unchanged),
            (Automatic::Off | Automatic::Leaving, _) => {}
        }
        let on_file = self.on_file(&operation, apex).await?;
        let live: Vec<_> = on_file.iter().map(|(_, ds)| ds.clone()).collect();
        let wanted: Vec<_> = keys.iter().filter_map(|key| key.preferred_ds().map(|ds| (key, ds))).collect();
        let after: Vec<_> = wanted.iter().map(|(_, ds)| (*ds).clone()).collect();
        if guard::compare_delegation(INFO.slug, apex, &live, before, &after)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let mut added = Vec::new();
        for (key, _) in wanted.into_iter().filter(|(_, ds)| !live.contains(ds)) {
            let Some(dnskey) = &key.dnskey else {
                return refuse("INWX takes keys, and of this one only the digest is known");
            };
            let (name, line) = (apex.unicode(), dnskey.line(apex));
            added.push(json!({ "domainName": name, "dnskey": line, "calculateDigest": true, "digestType": 2 }));
        }
        // Additions first: the chain of trust never ends between.
        let gone = on_file.into_iter().filter(|(_, ds)| !after.contains(ds));
        let steps = (added.into_iter().map(|params| ("dnssec.adddnskey", params)))
            .chain(gone.map(|(id, _)| ("dnssec.deletednskey", json!({ "key": id }))));
        for (taken, (method, params)) in steps.enumerate() {
            let answer = self.tell(Call::WriteDelegation, &operation, method, params).await;
            answer.map_err(|error| guard::halfway(error, taken))?;
        }
        Ok(Outcome::Done)
    }
}
