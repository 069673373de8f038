//! Signing: Route 53 signs with keys of its own, and signs those with a key-signing key that lies in the customer's KMS.

use async_trait::async_trait;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{INFO, Route53, halfway, wire};
use crate::{Call, DelegationKey, Dnskey, Ds, Error, Kind, KeyError, Outcome, Result, Signer, Signing, Zone, text::harmless};

const ACTIVE: &str = "ACTIVE";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireDnssec {
    status: WireStatus,
    #[serde(default)]
    key_signing_keys: KeyList,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireStatus {
    serve_signature: String,
    status_message: Option<String>,
}

#[derive(Default, Deserialize)]
struct KeyList {
    #[serde(rename = "KeySigningKey", alias = "member", default)]
    list: Vec<WireKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireKey {
    name: String,
    kms_arn: String,
    status: String,
    #[serde(rename = "DNSKEYRecord")]
    dnskey: Option<String>,
    #[serde(rename = "DSRecord")]
    ds: Option<String>,
}

#[derive(Serialize)]
#[serde(rename = "CreateKeySigningKeyRequest", rename_all = "PascalCase")]
struct WireNewKey<'a> {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    caller_reference: String,
    hosted_zone_id: &'a str,
    key_management_service_arn: &'a str,
    name: String,
    status: &'static str,
}

impl<'a> WireNewKey<'a> {
    /// Everything follows from the zone and the KMS key, the reference too: sent twice, it makes no second key.
    fn new(zone: &'a str, kms_key: &'a str) -> Self {
        let key = key_id(kms_key).unwrap_or_default();
        Self {
            namespace: wire::NAMESPACE,
            caller_reference: format!("rollout-{zone}-{key}"),
            hosted_zone_id: zone,
            key_management_service_arn: kms_key,
            name: format!("rollout_{}", key.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
            status: ACTIVE,
        }
    }
}

/// The last part of the ARN of a KMS key in the one region that Route 53 takes keys from.
pub(super) fn key_id(arn: &str) -> Option<&str> {
    match arn.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "kms", "us-east-1", account, key] if !account.is_empty() => {
            key.strip_prefix("key/").filter(|id| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        }
        _ => None,
    }
}

impl WireKey {
    fn delegation(&self, zone: &Zone) -> Result<DelegationKey, KeyError> {
        let dnskey = self.dnskey.as_deref().map(str::parse::<Dnskey>).transpose()?;
        let ds = self.ds.as_deref().map(str::parse::<Ds>).transpose()?;
        DelegationKey::checked(&zone.apex, dnskey, ds.into_iter().collect())
    }
}

impl WireDnssec {
    fn active(&self) -> impl Iterator<Item = &WireKey> {
        self.key_signing_keys.list.iter().filter(|key| key.status == ACTIVE)
    }

    fn signing(&self, zone: &Zone, operation: &str) -> Result<Signing> {
        let fail = |kind, message| Err(Error::new(INFO.slug, operation, kind, message));
        match self.status.serve_signature.as_str() {
            "NOT_SIGNING" => Ok(Signing::Off),
            "DELETING" => Ok(Signing::Pending),
            "SIGNING" => match self.active().map(|key| key.delegation(zone)).collect::<Result<Vec<_>, _>>() {
                Ok(keys) if keys.is_empty() => Ok(Signing::Pending),
                Ok(keys) => Ok(Signing::On(keys)),
                Err(error) => fail(Kind::Protocol, error.to_string()),
            },
            other => {
                let why = self.status.status_message.as_deref().unwrap_or("it does not say why");
                fail(Kind::Rejected, format!("signing is in the state {}: {}", harmless(other, 40), harmless(why, 500)))
            }
        }
    }
}

impl Route53 {
    async fn dnssec(&self, zone: &Zone, operation: &str) -> Result<WireDnssec> {
        self.xml(&self.request(Call::ReadSigning, operation, Method::GET, &["hostedzone", &zone.id, "dnssec"])).await
    }

    async fn post(&self, operation: &str, below: &[&str], body: String) -> Result<()> {
        let request = self.request(Call::WriteSigning, operation, Method::POST, below);
        let request = if body.is_empty() { request } else { request.body(wire::XML, body) };
        self.http.send(&request).await.map(drop)
    }

    /// Makes an active key-signing key: an inactive one of the same KMS key becomes active, else there is a new one.
    async fn key(&self, zone: &Zone, found: &WireDnssec, operation: &str) -> Result<()> {
        let Some(kms_key) = &self.kms_key else {
            let message = "the zone has no active key-signing key, and none can be made without the field kms_key: the ARN of a \
                           customer managed KMS key in us-east-1, ECC_NIST_P256, SIGN_VERIFY, whose policy lets \
                           dnssec-route53.amazonaws.com use it (DescribeKey, GetPublicKey, Sign, CreateGrant)";
            return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
        };
        let inactive = |key: &&WireKey| key.status == "INACTIVE" && key.kms_arn == *kms_key;
        if let Some(key) = found.key_signing_keys.list.iter().find(inactive) {
            return self.post(operation, &["keysigningkey", &zone.id, &key.name, "activate"], String::new()).await;
        }
        let body = quick_xml::se::to_string(&WireNewKey::new(&zone.id, kms_key))
            .map_err(|error| Error::new(INFO.slug, operation, Kind::Rejected, error.to_string()))?;
        self.post(operation, &["keysigningkey"], body).await
    }
}

#[async_trait]
impl Signer for Route53 {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        self.dnssec(zone, &operation).await?.signing(zone, &operation)
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("sign {}", zone.apex);
        let found = self.dnssec(zone, &operation).await?;
        match found.signing(zone, &operation)? {
            Signing::On(_) => return Ok(Outcome::Unchanged),
            Signing::Pending => {
                let message = "the end of the last signing is still under way";
                return Err(Error::new(INFO.slug, operation, Kind::Transient, message));
            }
            Signing::Off => {}
        }
        let sign = ["hostedzone", &zone.id, "enable-dnssec"];
        if found.active().next().is_some() {
            self.post(&operation, &sign, String::new()).await?;
        } else {
            self.key(zone, &found, &operation).await?;
            self.post(&operation, &sign, String::new()).await.map_err(halfway)?;
        }
        Ok(Outcome::Done)
    }

    /// The key-signing key stays, to be used again.
    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        if self.status(zone).await? == Signing::Off {
            return Ok(Outcome::Unchanged);
        }
        let operation = format!("stop signing {}", zone.apex);
        self.post(&operation, &["hostedzone", &zone.id, "disable-dnssec"], String::new()).await?;
        Ok(Outcome::Done)
    }
}
