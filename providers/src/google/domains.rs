//! Google Cloud Domains, the registrar: `projects.locations.registrations` of its interface.
//! <https://docs.cloud.google.com/domains/docs/reference/rest/v1/projects.locations.registrations>

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Google, INFO, PAUSES,
    wire::{ALGORITHMS, DIGESTS, number},
};
use crate::{
    Call, DelegationKey, Ds, Error, Kind, Name, Outcome, Registrar, Result,
    guard::{self, Verdict},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    #[serde(default)]
    state: String,
    #[serde(default)]
    dns_settings: Settings,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    custom_dns: Option<Servers>,
    google_domains_dns: Option<Servers>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Servers {
    name_servers: Vec<String>,
    ds_records: Vec<WireDs>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDs {
    /// Left away when it is 0.
    #[serde(default)]
    key_tag: u16,
    algorithm: String,
    digest_type: String,
    digest: String,
}

/// A change on its way.
#[derive(Deserialize)]
struct Task {
    name: String,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    error: Option<Failure>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    target: String,
}

fn decode(ds: &WireDs) -> Result<Ds, String> {
    let (algorithm, digest_type) = (number(ALGORITHMS, &ds.algorithm)?, number(DIGESTS, &ds.digest_type)?);
    let text = format!("{} {algorithm} {digest_type} {}", ds.key_tag, ds.digest);
    text.parse().map_err(|error: crate::KeyError| error.to_string())
}

/// `None` for an algorithm or digest that Cloud Domains has no name for.
fn encode(ds: &Ds) -> Option<WireDs> {
    let name = |of: &[(u8, &str)], number| {
        let found = of.iter().find(|(known, _)| *known == number);
        found.map(|(_, name)| name.to_ascii_uppercase())
    };
    Some(WireDs {
        key_tag: ds.key_tag,
        algorithm: name(ALGORITHMS, ds.algorithm)?,
        digest_type: name(DIGESTS, ds.digest_type)?,
        digest: crate::text::hex(&ds.digest),
    })
}

impl Google {
    fn place<'a>(&'a self, below: &[&'a str]) -> Vec<&'a str> {
        [&["projects", self.project.as_str(), "locations", "global"], below].concat()
    }

    async fn registration(&self, apex: &Name, operation: &str) -> Result<(Registration, Vec<Ds>)> {
        let path = self.place(&["registrations", apex.as_str()]);
        let request = self.domains.get(Call::ReadDelegation, operation, &path);
        let registration: Registration = self.domains.json(&request).await?;
        let Settings { custom_dns, google_domains_dns } = &registration.dns_settings;
        let on_file = [custom_dns, google_domains_dns].into_iter().flatten().flat_map(|servers| &servers.ds_records);
        let ds = on_file.map(decode).collect::<Result<_, _>>().map_err(|why| self.domains.unread(&request, why))?;
        Ok((registration, ds))
    }

    /// Whether a change of this registration is on its way. To send another would be to change twice.
    async fn is_busy(&self, apex: &Name, operation: &str) -> Result<bool> {
        let request = self.domains.get(Call::ReadDelegation, operation, &self.place(&["operations"]));
        let tasks: Vec<Task> = self.pages(&self.domains, request).await?;
        let ours = format!("/registrations/{apex}");
        Ok(tasks.iter().any(|task| !task.done && task.metadata.target.ends_with(&ours)))
    }
}

#[async_trait]
impl Registrar for Google {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        Ok(self.registration(apex, &format!("read the delegation of {apex}")).await?.1)
    }

    async fn set_delegation(&self, apex: &Name, before: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = guard::delegate(apex);
        let fail = |kind, message: &str| Err(Error::new(INFO.slug, &operation, kind, message));
        let (Registration { state, dns_settings }, live) = self.registration(apex, &operation).await?;
        let after: Vec<Ds> = keys.iter().filter_map(DelegationKey::preferred_ds).cloned().collect();
        if guard::compare_delegation(INFO.slug, apex, &live, before, &after)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        if !matches!(state.as_str(), "ACTIVE" | "") {
            let message = "Cloud Domains does not manage the domain now; the DS has to be entered where it is registered";
            return fail(Kind::Rejected, message);
        }
        let Some(servers) = dns_settings.custom_dns else {
            return fail(Kind::Rejected, "the domain is set to the name servers of Google Domains, whose DS only Google sets");
        };
        let Some(ds) = after.iter().map(encode).collect::<Option<Vec<_>>>() else {
            return fail(Kind::Rejected, "Cloud Domains has no name for the algorithm of the key");
        };
        if self.is_busy(apex, &operation).await? {
            return fail(Kind::Transient, "an earlier change of the domain is still on its way");
        }
        // Only what the mask names is changed; the name servers are a part that must not be missing.
        let body = json!({
            "dnsSettings": { "customDns": { "nameServers": servers.name_servers, "dsRecords": ds } },
            "updateMask": "customDns.dsRecords",
        });
        let registration = format!("{apex}:configureDnsSettings");
        let path = self.place(&["registrations", &registration]);
        let request = self.domains.request(Call::WriteDelegation, &operation, Method::POST, &path).json(&body);
        let mut task: Task = self.domains.json(&request).await?;
        let path: Vec<String> = task.name.split('/').map(str::to_owned).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        for pause in PAUSES {
            if task.done {
                break;
            }
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            // It was taken; how it goes on is only looked at.
            let look = self.domains.get(Call::ReadDelegation, &operation, &path);
            task = match self.domains.json(&look).await {
                Ok(task) => task,
                Err(_) => return Ok(Outcome::Done),
            };
        }
        match task.error {
            Some(failure) => {
                let message = format!("Cloud Domains took it, but it failed: {}", crate::text::harmless(&failure.message, 300));
                fail(Kind::Rejected, &message)
            }
            None => Ok(Outcome::Done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_with_a_name_comes_back() {
        for (algorithm, digest_type, length) in [(8, 1, 20), (13, 2, 32), (14, 4, 48), (16, 2, 32)] {
            let ds = Ds { key_tag: 0, algorithm, digest_type, digest: vec![0xab; length] };
            let wire = serde_json::to_value(encode(&ds).unwrap()).unwrap();
            assert_eq!(decode(&serde_json::from_value(wire).unwrap()), Ok(ds));
        }
        assert!(encode(&Ds { key_tag: 1, algorithm: 200, digest_type: 2, digest: vec![0; 32] }).is_none());
    }
}
