//! Route 53 Domains, the registrar: takes keys, tells digests, and works through one task for a domain at a time.
//!
//! <https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations_Amazon_Route_53_Domains.html>

use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{INFO, Route53, halfway, kind_of};
use crate::{
    Call, DelegationKey, Dnskey, Ds, Error, Kind, Name, Outcome, Registrar, Result,
    guard::{self, Verdict},
    http::{Explained, Http},
    text::{harmless, unhex},
};

#[derive(Debug)]
pub(super) struct Domains(pub(super) Http);

/// How long one task is waited for where another must follow.
const PATIENCE: Duration = Duration::from_secs(120);
/// First pause before its state is asked for again; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireDomain {
    #[serde(default)]
    dnssec_keys: Vec<WireKey>,
}

/// What is on file. The algorithm is missing for some registries, and then part of the id only: `DS:tag-algorithm-type-digest`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireKey {
    id: String,
    key_tag: u16,
    algorithm: Option<u8>,
    digest_type: u8,
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireTask {
    operation_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireProgress {
    status: String,
    #[serde(default)]
    message: String,
}

impl WireKey {
    fn ds(&self) -> Option<Ds> {
        let in_id = || self.id.strip_prefix("DS:")?.split('-').nth(1)?.parse().ok();
        let (key_tag, digest_type) = (self.key_tag, self.digest_type);
        let ds = Ds { key_tag, algorithm: self.algorithm.or_else(in_id)?, digest_type, digest: unhex(&self.digest)? };
        ds.has_right_length().then_some(ds)
    }
}

/// `{"__type": ..., "message": ...}`; a domain of others is a wrong input like any other.
pub(super) fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "__type")]
        kind: String,
        #[serde(alias = "Message", default)]
        message: String,
    }
    let Ok(Body { kind, message }) = serde_json::from_slice(body) else {
        return Explained::default();
    };
    let code = kind.rsplit('#').next().unwrap_or_default();
    let kind = match code {
        "InvalidInput" if message.contains("not found") => Some(Kind::NotFound),
        // A task for the domain is running: this one was not begun.
        "DuplicateRequest" | "TLDInMaintenance" => Some(Kind::Transient),
        code => kind_of(code),
    };
    Explained { kind, code: Some(code.into()), message: Some(message).filter(|message| !message.is_empty()) }
}

impl Domains {
    async fn ask<T: DeserializeOwned>(&self, call: Call, operation: &str, action: &str, body: &Value) -> Result<T> {
        let request = self
            .0
            .request(call, operation, Method::POST, &[])
            .header("x-amz-target", &format!("Route53Domains_v20140515.{action}"))
            .body("application/x-amz-json-1.1", body.to_string());
        self.0.json(&request).await
    }

    /// What is on file, each with the id it is deleted by.
    async fn on_file(&self, apex: &Name, operation: &str) -> Result<Vec<(Ds, String)>> {
        let body = json!({ "DomainName": apex.as_str() });
        let domain: WireDomain = self.ask(Call::ReadDelegation, operation, "GetDomainDetail", &body).await?;
        let read = |key: WireKey| match key.ds() {
            Some(ds) => Ok((ds, key.id)),
            None => {
                let message = format!("what is on file is no DS: {:?}", harmless(&key.id, 120));
                Err(Error::new(INFO.slug, operation, Kind::Protocol, message))
            }
        };
        domain.dnssec_keys.into_iter().map(read).collect()
    }

    /// Waits until a task is done.
    async fn done(&self, task: &WireTask, operation: &str) -> Result<()> {
        let unsettled = |message: String| Err(Error::new(INFO.slug, operation, Kind::Unknown, message));
        let (begun, mut pause) = (Instant::now(), PAUSE);
        loop {
            let body = json!({ "OperationId": task.operation_id });
            let asked = self.ask(Call::ReadDelegation, operation, "GetOperationDetail", &body).await;
            let progress: WireProgress = asked.map_err(halfway)?;
            match progress.status.as_str() {
                "SUCCESSFUL" => return Ok(()),
                "ERROR" | "FAILED" => {
                    return unsettled(format!("the registrar began it and gave up: {}", harmless(&progress.message, 300)));
                }
                _ if begun.elapsed() > PATIENCE => {
                    return unsettled("the registrar still works on the first part; the rest was not sent".to_owned());
                }
                _ => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
    }
}

fn associate(apex: &Name, key: &Dnskey) -> (&'static str, Value) {
    let attributes = json!({ "Algorithm": key.algorithm, "Flags": key.flags, "PublicKey": STANDARD.encode(&key.public_key) });
    ("AssociateDelegationSignerToDomain", json!({ "DomainName": apex.as_str(), "SigningAttributes": attributes }))
}

fn disassociate(apex: &Name, id: &str) -> (&'static str, Value) {
    ("DisassociateDelegationSignerFromDomain", json!({ "DomainName": apex.as_str(), "Id": id }))
}

/// "Done" means accepted: the registry has it some minutes later. While a task runs the vendor begins no other for the domain.
#[async_trait]
impl Registrar for Route53 {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        let operation = format!("read the delegation of {apex}");
        Ok(self.domains.on_file(apex, &operation).await?.into_iter().map(|(ds, _)| ds).collect())
    }

    async fn set_delegation(&self, apex: &Name, before: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = guard::delegate(apex);
        let wanted = keys.iter().map(|key| key.preferred_ds().cloned().zip(key.dnskey.as_ref())).collect::<Option<Vec<_>>>();
        let Some(wanted) = wanted else {
            let message = "Route 53 Domains takes the key itself (DNSKEY), and only its digest is known here";
            return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
        };
        let on_file = self.domains.on_file(apex, &operation).await?;
        let live: Vec<Ds> = on_file.iter().map(|(ds, _)| ds.clone()).collect();
        let after: Vec<Ds> = wanted.iter().map(|(ds, _)| ds.clone()).collect();
        if guard::compare_delegation(INFO.slug, apex, &live, before, &after)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        // Additions first, so that the domain is never without a DS that fits.
        let missing = wanted.iter().filter(|(ds, _)| !live.contains(ds)).map(|(_, key)| associate(apex, key));
        let surplus = on_file.iter().filter(|(ds, _)| !after.contains(ds)).map(|(_, id)| disassociate(apex, id));
        let mut running: Option<WireTask> = None;
        for (action, body) in missing.chain(surplus) {
            if let Some(task) = &running {
                self.domains.done(task, &operation).await?;
            }
            let begun = self.domains.ask(Call::WriteDelegation, &operation, action, &body).await;
            running = Some(begun.map_err(|error| if running.is_some() { halfway(error) } else { error })?);
        }
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_file_is_read_in_every_form() {
        let digest = "C5FA911C093BD6B7D400FDC3AA6B9ADC7C537E50866B18E05EEE2F746CEAB73E";
        let ds: Ds = format!("32853 13 2 {digest}").parse().unwrap();
        let read = |key: Value| serde_json::from_value::<WireKey>(key).unwrap().ds();
        let id = format!("DS:32853-13-2-{digest}");
        assert_eq!(read(json!({ "DigestType": 2, "Digest": digest, "KeyTag": 32853, "Id": id })), Some(ds.clone()));
        let lower = digest.to_lowercase();
        let whole = json!({ "Algorithm": 13, "DigestType": 2, "Digest": lower, "KeyTag": 32853, "Id": "1352089" });
        assert_eq!(read(whole), Some(ds));
        for id in ["1352089", "DS:32853"] {
            assert_eq!(read(json!({ "DigestType": 2, "Digest": digest, "KeyTag": 32853, "Id": id })), None, "{id}");
        }
        assert_eq!(read(json!({ "Algorithm": 13, "DigestType": 2, "Digest": "C5FA", "KeyTag": 1, "Id": "1" })), None);
    }
}
