//! The registrar: it takes keys, all at once, and hands them over in a task that runs minutes later.

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{INFO, Ovh};
use crate::{
    Call, DelegationKey, DigestType, Dnskey, Ds, Error, Kind, Name, Outcome, Registrar, Result,
    guard::{self, Verdict},
    http::Request,
    text,
};

/// What hands keys to the registry.
const DS_UPDATE: &str = "DomainDsUpdate";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDomain {
    /// `hosted`: OVHcloud's own, or `external`.
    name_server_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireKey {
    flags: u16,
    algorithm: u8,
    // Both spellings are in use.
    #[serde(alias = "publickey")]
    public_key: String,
    tag: u16,
    status: Option<String>,
}

#[derive(Deserialize)]
struct WireTask {
    function: String,
    status: String,
}

impl Ovh {
    /// A request below a domain, which is another service than its zone.
    fn of_domain(&self, call: Call, operation: &str, method: Method, apex: &Name, below: &[&str]) -> Request {
        self.http.request(call, operation, method, &[&["domain", apex.as_str()], below].concat())
    }

    async fn domain<T: DeserializeOwned>(&self, call: Call, operation: &str, apex: &Name, below: &[&str]) -> Result<T> {
        self.http.json(&self.of_domain(call, operation, Method::GET, apex, below)).await
    }

    /// Whether OVHcloud is the registrar and manages the DS itself, which it does for domains on its own name servers.
    /// <https://github.com/ovh/docs/blob/develop/pages/web_cloud/domains/api_domain_dns/guide.en-gb.md>
    pub(super) async fn hands_over_itself(&self, call: Call, operation: &str, apex: &Name) -> Result<bool> {
        match self.domain::<WireDomain>(call, operation, apex, &[]).await {
            Ok(domain) => Ok(domain.name_server_type.as_deref() == Some("hosted")),
            // Registered elsewhere, or not for these credentials to know.
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Forbidden) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Refuses while a task could still put other keys in place of what comes now.
    async fn no_task_is_left(&self, operation: &str, apex: &Name) -> Result<()> {
        let call = Call::ReadDelegation;
        let list = self.of_domain(call, operation, Method::GET, apex, &["task"]).query(&[("function", DS_UPDATE)]);
        for number in self.http.json::<Vec<u64>>(&list).await? {
            let task: WireTask = self.domain(call, operation, apex, &["task", &number.to_string()]).await?;
            let (kind, what) = match task.status.as_str() {
                _ if task.function != DS_UPDATE => continue,
                "done" | "cancelled" => continue,
                // https://github.com/ovh/docs/blob/develop/pages/web_cloud/domains/api_domain_tasks/guide.en-gb.md
                "error" => (Kind::Rejected, "an earlier change of the DS failed and may be run again; have it cancelled"),
                _ => (Kind::Transient, "a change of the DS is under way"),
            };
            return Err(Error::new(INFO.slug, operation, kind, format!("{what} (task {number}); nothing was sent")));
        }
        Ok(())
    }
}

#[async_trait]
impl Registrar for Ovh {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        let operation = format!("read the delegation of {apex}");
        let fail = |message: String| Error::new(INFO.slug, &operation, Kind::Protocol, message);
        let mut on_file = Vec::new();
        for number in self.domain::<Vec<u64>>(Call::ReadDelegation, &operation, apex, &["dsRecord"]).await? {
            let key: WireKey = self.domain(Call::ReadDelegation, &operation, apex, &["dsRecord", &number.to_string()]).await?;
            if key.status.as_deref() == Some("removed") {
                continue;
            }
            let line = format!("{} 3 {} {}", key.flags, key.algorithm, key.public_key);
            let dnskey: Dnskey = line.parse().map_err(|error: crate::KeyError| fail(error.to_string()))?;
            if dnskey.key_tag() != key.tag {
                let key = text::harmless(&line, 40);
                return Err(fail(format!("the key tag on file is not that of the key beside it, {key:?}")));
            }
            on_file.push(dnskey.ds(apex, DigestType::Sha256));
        }
        Ok(on_file)
    }

    async fn set_delegation(&self, apex: &Name, before: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = guard::delegate(apex);
        let keys = guard::dnskeys(INFO.slug, apex, keys)?;
        let after: Vec<_> = keys.iter().map(|key| key.ds(apex, DigestType::Sha256)).collect();
        let live = self.delegation(apex).await?;
        if guard::compare_delegation(INFO.slug, apex, &live, before, &after)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        if self.hands_over_itself(Call::ReadDelegation, &operation, apex).await? {
            let (kind, how) = if keys.is_empty() {
                (Kind::Unsupported, "takes it away when the zone is no longer signed")
            } else {
                (Kind::Transient, "gives that of its zone to the registry by itself")
            };
            let message = format!("the domain is on OVHcloud's own name servers, so OVHcloud manages its DS and {how}");
            return Err(Error::new(INFO.slug, operation, kind, message));
        }
        self.no_task_is_left(&operation, apex).await?;
        let keys: Vec<_> = keys
            .iter()
            .map(|key| {
                let public = STANDARD.encode(&key.public_key);
                json!({ "algorithm": key.algorithm, "flags": key.flags, "publicKey": public, "tag": key.key_tag() })
            })
            .collect();
        let request = self.of_domain(Call::WriteDelegation, &operation, Method::POST, apex, &["dsRecord"]);
        // It answers with the task.
        self.http.send(&request.json(&json!({ "keys": keys }))).await?;
        Ok(Outcome::Done)
    }
}
