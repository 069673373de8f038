//! Google Cloud DNS, and Google Cloud Domains as its registrar.
//!
//! A change names the record sets it removes exactly as they are, TTL included, and those it adds; Google makes it as one step
//! or, if one of them is another by then, not at all. So the deletion of what was seen is the guard.

mod domains;
mod sign_in;
mod wire;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::json;

use self::{
    sign_in::{Account, SignIn},
    wire::{Page, WireKey, WireOperation, WireSet, WireZone, decode, encode, explain},
};
use crate::{
    Access, Call, Capabilities, Change, Delegation, Error, Field, HandsOver, Info, Kind, Name, Outcome, Provider, RecordType, Registrar,
    Result, Right, Rrset, ShownBy, Signer, Signing, TTL_MAX, Takes, Writes, Zone,
    auth::Bearer,
    guard::{self, Verdict},
    http::{Http, Request},
    text::harmless,
};

pub(crate) static INFO: Info = Info {
    slug: "google",
    title: "Google Cloud DNS",
    docs: "https://docs.cloud.google.com/dns/docs/reference/rest/v1",
    nameservers: &["googledomains.com"],
    fields: &[
        Field {
            key: "service-account",
            meaning: "a service account's key, the JSON text as Google's console makes it",
            env: "GOOGLE_SERVICE_ACCOUNT_JSON",
            secret: true,
            default: None,
        },
        Field {
            key: "project",
            meaning: "id of the project that holds the zone; that of the key when not given",
            env: "GOOGLE_CLOUD_PROJECT",
            secret: false,
            default: Some(""),
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "GOOGLE_DNS_URL",
            secret: false,
            default: Some("https://dns.googleapis.com/dns/v1"),
        },
        Field {
            key: "domains-url",
            meaning: "address of the registrar's interface (Cloud Domains)",
            env: "GOOGLE_DOMAINS_URL",
            secret: false,
            default: Some("https://domains.googleapis.com/v1"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: true,
        writes: Writes::Guarded,
        delegation: Delegation::ByHand,
        registrar: Some(Takes::Ds),
        ttl_floor: "none known",
    },
    // Each project has its own: https://docs.cloud.google.com/dns/quotas
    limits: &[],
    rights: "A service account with the role DNS Administrator in the zone's project; Cloud Domains Admin besides where Cloud \
             Domains is the registrar.",
    access: Access {
        rights: &[
            Right {
                name: "roles/dns.admin: dns.managedZones.list and get, dns.resourceRecordSets.list",
                purpose: "find the zone and read its record sets",
                shown_by: ShownBy::Reading,
            },
            Right {
                name: "roles/dns.admin: dns.changes.create, dns.resourceRecordSets.create, update and delete",
                purpose: "change the MX and MTA-STS records",
                shown_by: ShownBy::Write,
            },
            Right {
                name: "roles/dns.admin: dns.dnsKeys.list",
                purpose: "read the zone's keys",
                shown_by: ShownBy::SigningStatus,
            },
            Right {
                name: "roles/dns.admin: dns.managedZones.update, dns.managedZoneOperations.get",
                purpose: "sign the zone",
                shown_by: ShownBy::Write,
            },
            Right {
                name: "roles/domains.admin: domains.registrations.get and configureDns, domains.operations.list and get",
                purpose: "hand the DS over where Cloud Domains is the registrar",
                shown_by: ShownBy::Write,
            },
        ],
        made_at: "Google Cloud console, IAM & Admin, Service Accounts: a new account and its JSON key; its roles under IAM.",
        told: "Cloud DNS does not say which roles the account has, only refuses what it may not do.",
    },
    connect: |fields, options| {
        let secret = fields.secret("service-account");
        let account = Account::parse(secret.expose_secret()).map_err(|why| fields.wrong("service-account", why))?;
        let project = match fields.text("project") {
            "" => account.project.clone(),
            project => project.to_owned(),
        };
        if project.is_empty() {
            return Err(fields.wrong("project", "it is said neither there nor in the service account's key"));
        }
        let bare = Http::new(&INFO, fields.text("url"), &[], explain, &options)?;
        let identity = [secret, account.private_key.clone()];
        let account = Arc::new(account);
        let signed_in = |url: &str, scope| {
            let http = bare.beside(&account.token_address)?;
            let bearer = Bearer::new(SignIn { http, account: account.clone(), scope });
            Ok::<_, Error>(bare.beside(fields.text(url))?.authorized(&INFO, Arc::new(bearer), &identity, &options))
        };
        // The wider scope, the only one that Cloud Domains knows, is asked for when that is.
        let dns = signed_in("url", "https://www.googleapis.com/auth/ndev.clouddns.readwrite")?;
        let domains = signed_in("domains-url", "https://www.googleapis.com/auth/cloud-platform")?;
        Ok(Box::new(Google { dns, domains, project }))
    },
};

/// Milliseconds between looks at something that Google took and is still at, some ten seconds in all.
const PAUSES: &[u64] = &[100, 200, 400, 800, 1600, 2000, 2000, 3000];
/// How long Google may take to list what it took.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Google {
    dns: Http,
    domains: Http,
    project: String,
}

impl Google {
    fn request(&self, call: Call, method: Method, operation: &str, below: &[&str]) -> Request {
        let path = [&["projects", self.project.as_str(), "managedZones"], below].concat();
        self.dns.request(call, operation, method, &path)
    }

    async fn pages<T: DeserializeOwned>(&self, http: &Http, request: Request) -> Result<Vec<T>> {
        let (mut all, mut next) = (Vec::new(), request.clone());
        loop {
            let page: Page<T> = http.json(&next).await?;
            all.extend(page.items);
            let Some(token) = page.next_page_token.filter(|token| !token.is_empty()) else {
                return Ok(all);
            };
            let after = request.clone().query(&[("pageToken", &token)]);
            if after.url == next.url {
                return Err(http.unread(&next, "its next page is the same page"));
            }
            next = after;
        }
    }

    /// The set as Google has it, to be removed exactly so, and as we have it.
    async fn live(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<(WireSet, Rrset)>> {
        let operation = format!("read {rtype} at {name}");
        let request = self.request(Call::Read, Method::GET, &operation, &[&zone.id, "rrsets"]);
        let request = request.query(&[("name", &name.fqdn()), ("type", rtype.as_str())]);
        let sets: Vec<WireSet> = self.pages(&self.dns, request.clone()).await?;
        // The filter of the interface is not relied on.
        let ours = |set: &WireSet| set.rtype == rtype.as_str() && Name::parse(&set.name).as_ref() == Ok(name);
        let Some(set) = sets.into_iter().find(ours) else {
            return Ok(None);
        };
        if set.routing_policy.is_some() {
            let message = "the record set has a routing policy: what is served depends on who asks; replace it by plain \
                           records first";
            return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
        }
        let decoded = decode(&set, name, rtype).map_err(|why| self.dns.unread(&request, why))?;
        Ok(Some((set, decoded)))
    }

    async fn is_signed(&self, zone: &Zone, operation: &str) -> Result<bool> {
        let request = self.request(Call::ReadSigning, Method::GET, operation, &[&zone.id]);
        let zone: WireZone = self.dns.json(&request).await?;
        match zone.dnssec_config.and_then(|config| config.state).as_deref() {
            // `transfer` is signed with keys of another host besides.
            Some("on" | "transfer" | "ON" | "TRANSFER") => Ok(true),
            None | Some("off" | "OFF") => Ok(false),
            Some(other) => Err(self.dns.unread(&request, format!("the state {:?} is not known", harmless(other, 40)))),
        }
    }

    /// Signs or unsigns, and waits a while for Google to get it done.
    async fn set_signing(&self, zone: &Zone, state: &str, operation: &str) -> Result<Outcome> {
        let request = self.request(Call::WriteSigning, Method::PATCH, operation, &[&zone.id]);
        let mut task: WireOperation = self.dns.json(&request.json(&json!({ "dnssecConfig": { "state": state } }))).await?;
        let id = task.id.clone();
        for pause in PAUSES {
            if !task.status.eq_ignore_ascii_case("pending") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            let look = self.request(Call::ReadSigning, Method::GET, operation, &[&zone.id, "operations", &id]);
            // It was taken; how it goes on is only looked at.
            task = match self.dns.json(&look).await {
                Ok(task) => task,
                Err(_) => break,
            };
        }
        Ok(Outcome::Done)
    }
}

#[async_trait]
impl Provider for Google {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let request = self.request(Call::Zone, Method::GET, &operation, &[]).query(&[("dnsName", &apex.fqdn())]);
        let mut found: Vec<WireZone> = self.pages(&self.dns, request).await?;
        found.retain(|zone| {
            let private = zone.visibility.as_deref().is_some_and(|visibility| visibility.eq_ignore_ascii_case("private"));
            !private && Name::parse(&zone.dns_name).as_ref() == Ok(apex)
        });
        let fail = |kind, message: String| Err(Error::new(INFO.slug, &operation, kind, message));
        let Some(zone) = found.pop() else {
            return fail(Kind::NotFound, format!("the project {:?} has no public zone of that name", harmless(&self.project, 80)));
        };
        if let Some(other) = found.pop() {
            let (one, other) = (harmless(&other.name, 80), harmless(&zone.name, 80));
            let message = format!(
                "the project has two public zones of that name, {one:?} and {other:?}; remove the one that is not delegated"
            );
            return fail(Kind::Rejected, message);
        }
        let nameservers = zone.name_servers.iter().map(|server| Name::parse(server)).collect::<Result<Vec<_>, _>>();
        let nameservers =
            nameservers.map_err(|error| Error::new(INFO.slug, &operation, Kind::Protocol, error.to_string()))?;
        let (apex, writes) = (apex.clone(), INFO.capabilities.writes);
        Ok(Zone { id: zone.name, apex, nameservers, ttl: 0..=TTL_MAX, writes, hands_over: HandsOver::Never, notes: Vec::new() })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        Ok(self.live(zone, name, rtype).await?.map(|(_, set)| set))
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let live = self.live(zone, change.name(), change.rtype()).await?;
        let (deletions, set) = live.unzip();
        if guard::compare(INFO.slug, set.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let (additions, deletions) = (Vec::from_iter(change.after().map(encode)), Vec::from_iter(deletions));
        let request = self.request(Call::Write, Method::POST, &guard::operation(change), &[&zone.id, "changes"]);
        self.dns.send(&request.json(&json!({ "additions": additions, "deletions": deletions }))).await?;
        guard::confirm_within(self, zone, change, PATIENCE).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let request = self.request(Call::List, Method::GET, &operation, &[&zone.id, "rrsets"]);
        let sets: Vec<WireSet> = self.pages(&self.dns, request).await?;
        Ok(sets.iter().map(|set| set.ttl).max())
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        Some(self)
    }
}

#[async_trait]
impl Signer for Google {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        if !self.is_signed(zone, &operation).await? {
            return Ok(Signing::Off);
        }
        let request = self.request(Call::ReadSigning, Method::GET, &operation, &[&zone.id, "dnsKeys"]);
        let keys: Vec<WireKey> = self.pages(&self.dns, request.query(&[("digestType", "sha256")])).await?;
        let keys = keys.iter().filter(|key| key.is_entry_point()).map(|key| key.delegation(&zone.apex));
        let keys = keys.collect::<Result<Vec<_>, _>>().map_err(|why| Error::new(INFO.slug, operation, Kind::Protocol, why))?;
        Ok(if keys.is_empty() { Signing::Pending } else { Signing::On(keys) })
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("sign {}", zone.apex);
        if self.is_signed(zone, &operation).await? {
            return Ok(Outcome::Unchanged);
        }
        self.set_signing(zone, "on", &operation).await
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("stop signing {}", zone.apex);
        if !self.is_signed(zone, &operation).await? {
            return Ok(Outcome::Unchanged);
        }
        self.set_signing(zone, "off", &operation).await
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der},
        rsa::{KeyPair, KeySize},
    };
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;
    use crate::FieldValue;

    #[test]
    fn the_addresses_are_all_of_the_laboratory_or_none_is() {
        let der: Pkcs8V1Der = KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
        let open = |token_uri: &str, url: &str, project: &str| {
            let private_key = STANDARD.encode(der.as_ref());
            let key = json!({
                "client_email": "a@b.test", "project_id": project, "token_uri": token_uri, "private_key": private_key,
            });
            let fields = [
                ("service-account", FieldValue::Secret(key.to_string().into())),
                ("url", url.into()),
                ("domains-url", url.into()),
            ];
            INFO.open(&fields.map(|(key, value)| (key.to_owned(), value)).into(), crate::Options::default()).map(drop)
        };
        let (real, laboratory) = ("https://google.test/x", "http://127.0.0.1:1/x");
        assert_eq!(open(real, real, "p"), Ok(()));
        assert_eq!(open(laboratory, laboratory, "p"), Ok(()));
        for (token_uri, url) in [(real, laboratory), (laboratory, real)] {
            let error = open(token_uri, url, "p").unwrap_err();
            assert!(error.kind == Kind::Rejected && error.message.contains("do not go together"), "{error}");
        }
        let error = open(real, real, "").unwrap_err();
        assert!(error.kind == Kind::Rejected && error.message.contains("\"project\""), "{error}");
    }
}
