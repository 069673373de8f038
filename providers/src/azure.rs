//! Azure DNS.
//!
//! A record set is replaced as a whole, and Azure itself compares: it knows a set's version by an ETag (`If-Match`). There is no
//! secret of its own: the program's sign-in at Microsoft Entra gives the tokens.

mod wire;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use self::wire::{Page, SetProperties, WireSet, WireSigning, WireZone, decode, encode, explain, group_of};
use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, Error, Field, HandsOver, Info, KeyError, Kind, Limit, Name, Outcome, Provider,
    RecordType, Result, Right, Rrset, ShownBy, Signer, Signing, TTL_MAX, Token, Tokens, Writes, Zone,
    auth::{Bearer, Issuer},
    guard::{self, Verdict},
    http::{Http, Request, onward},
    text::harmless,
};

pub(crate) static INFO: Info = Info {
    slug: "azure",
    title: "Azure DNS",
    docs: "https://learn.microsoft.com/rest/api/dns/",
    nameservers: &["azure-dns.com", "azure-dns.net", "azure-dns.org", "azure-dns.info"],
    fields: &[
        Field {
            key: "subscription",
            meaning: "id of the Azure subscription that holds the zone",
            env: "AZURE_SUBSCRIPTION_ID",
            secret: false,
            default: None,
        },
        Field {
            key: "resource-group",
            meaning: "the zone's resource group; it is looked up when not given",
            env: "AZURE_RESOURCE_GROUP",
            secret: false,
            default: Some(""),
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "AZURE_MANAGEMENT_URL",
            secret: false,
            default: Some("https://management.azure.com"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: true,
        writes: Writes::Guarded,
        delegation: Delegation::ByHand,
        registrar: None,
        ttl_floor: "1 s",
    },
    // Those of the provider Microsoft.Network, in each subscription:
    // https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
    limits: &[
        Limit::of_credential(Counts::Writes, 1000, Duration::from_secs(300)),
        Limit::of_credential(Counts::Reads, 10_000, Duration::from_secs(300)),
    ],
    rights: "The role DNS Zone Contributor on the zone, for the application or person of the domain file's Microsoft sign-in.",
    access: Access {
        rights: &[
            Right {
                name: "DNS Zone Contributor: Microsoft.Network/dnsZones/read",
                purpose: "find the zone and read its record sets",
                shown_by: ShownBy::Reading,
            },
            Right {
                name: "DNS Zone Contributor: Microsoft.Network/dnsZones/recordsets/read",
                purpose: "know the zone's largest TTL, which shortens the wait before the DS",
                shown_by: ShownBy::Listing,
            },
            Right {
                name: "DNS Zone Contributor: Microsoft.Network/dnsZones/MX, TXT and CNAME, write and delete",
                purpose: "change the MX and MTA-STS records",
                shown_by: ShownBy::Write,
            },
            Right {
                name: "DNS Zone Contributor: Microsoft.Network/dnsZones/dnssecConfigs, read, write and delete",
                purpose: "sign the zone and read its keys",
                shown_by: ShownBy::SigningStatus,
            },
        ],
        made_at: "Azure portal, the DNS zone, Access control (IAM), Add role assignment: DNS Zone Contributor for the \
                  application that signs in.",
        told: "Azure's DNS interface does not say which role the sign-in has, only refuses what it may not do.",
    },
    connect: |fields, options| {
        let Some(tokens) = options.tokens.clone() else {
            let message = "Azure DNS is reached with the domain file's Microsoft sign-in, and here is none: use a domain file \
                           that signs in, by an application or a person with the role DNS Zone Contributor";
            return Err(Error::new(INFO.slug, "start", Kind::Rejected, message));
        };
        let subscription = fields.text("subscription").to_owned();
        let http = Http::new(&INFO, fields.text("url"), &[], explain, &options)?
            .authorized(&INFO, Arc::new(Bearer::new(Entra(tokens))), &[], &options)
            .counted_for(&INFO, &subscription, &options);
        Ok(Box::new(Azure { http, subscription, group: fields.text("resource-group").to_owned() }))
    },
};

/// What a token must be good for.
const SCOPE: &str = "https://management.azure.com/.default";
/// Of the interface for zones and record sets.
const VERSION: &str = "2018-05-01";
/// Of the interface for signing: no later one is known to have it.
const SIGNING_VERSION: &str = "2023-07-01-preview";
/// Where an address goes on to zones.
const ZONES: [&str; 3] = ["providers", "Microsoft.Network", "dnsZones"];

#[derive(Debug)]
struct Azure {
    http: Http,
    subscription: String,
    /// Empty: to be looked up.
    group: String,
}

/// The program's own sign-in.
struct Entra(Arc<dyn Tokens>);

#[async_trait]
impl Issuer for Entra {
    async fn issue(&self) -> Result<Token> {
        let fail = |why: String| Error::new(INFO.slug, "sign in at Microsoft Entra", Kind::Auth, why.trim_end_matches('.'));
        self.0.token(SCOPE).await.map_err(fail)
    }
}

/// Whether the answer says that there is no such set: not that there is no such zone, group or subscription.
fn is_absent(error: &Error, zone: &Zone, rtype: RecordType) -> bool {
    let place = format!("/{}/{rtype}/", zone.apex).to_ascii_lowercase();
    error.is_not_found() && (error.code.as_deref() == Some("NotFound") || error.message.to_ascii_lowercase().contains(&place))
}

/// A set as Azure has it.
struct Live {
    etag: String,
    metadata: Option<Map<String, Value>>,
    /// `None` for a set without records, which Azure keeps and does not serve.
    set: Option<Rrset>,
}

impl Azure {
    fn request(&self, call: Call, method: Method, operation: &str, zone: &Zone, below: &[&str], version: &str) -> Request {
        let of_group = ["subscriptions", &self.subscription, "resourceGroups", &zone.id];
        let path = [&of_group[..], &ZONES, &[zone.apex.as_str()], below].concat();
        self.http.request(call, operation, method, &path).query(&[("api-version", version)])
    }

    fn record_set(&self, call: Call, method: Method, operation: &str, zone: &Zone, name: &Name, rtype: RecordType) -> Request {
        let owner = name.relative_to(&zone.apex).unwrap_or(name.as_str());
        let owner = if owner.is_empty() { "@" } else { owner };
        self.request(call, method, operation, zone, &[rtype.as_str(), owner], VERSION)
    }

    async fn pages<T: DeserializeOwned>(&self, mut request: Request) -> Result<Vec<T>> {
        let mut all = Vec::new();
        loop {
            let page: Page<T> = self.http.json(&request).await?;
            all.extend(page.value);
            let Some(link) = page.next_link.filter(|link| !link.is_empty()) else {
                return Ok(all);
            };
            let Some(next) = onward(&link, &request.url) else {
                return Err(self.http.unread(&request, "its next page is said to be elsewhere"));
            };
            request.url = next;
        }
    }

    /// The zones of that name with their resource groups.
    async fn zones(&self, apex: &Name, operation: &str) -> Result<Vec<(String, WireZone)>> {
        let get = |path: &[&str]| self.http.get(Call::Zone, operation, path).query(&[("api-version", VERSION)]);
        let of_subscription = ["subscriptions", &self.subscription];
        let zones = if self.group.is_empty() {
            self.pages(get(&[&of_subscription[..], &ZONES].concat())).await?
        } else {
            let path = [&of_subscription[..], &["resourceGroups", &self.group], &ZONES, &[apex.as_str()]].concat();
            vec![self.http.json(&get(&path)).await?]
        };
        let ours = |zone: &WireZone| Name::parse(&zone.name).as_ref() == Ok(apex);
        let grouped = |zone: WireZone| match group_of(&zone.id) {
            Some(group) => Ok((group, zone)),
            None => Err(Error::new(INFO.slug, operation, Kind::Protocol, "a zone's id names no resource group")),
        };
        zones.into_iter().filter(ours).map(grouped).collect()
    }

    async fn live(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Live>> {
        let operation = format!("read {rtype} at {name}");
        let request = self.record_set(Call::Read, Method::GET, &operation, zone, name, rtype);
        let WireSet { etag, properties } = match self.http.json(&request).await {
            Err(error) if is_absent(&error, zone, rtype) => return Ok(None),
            answered => answered?,
        };
        let aliases = [&properties.target_resource, &properties.traffic_management_profile];
        if aliases.into_iter().flatten().any(|alias| alias.id.as_ref().is_some_and(|id| !id.is_empty())) {
            let message = "the record set is an alias of another Azure resource, which decides what is served; replace the \
                           alias by plain records first";
            return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
        }
        let set = decode(&properties, name, rtype).map_err(|why| self.http.unread(&request, why))?;
        Ok(Some(Live { etag, metadata: properties.metadata, set }))
    }

    /// What is known about signing; `None` where it was never asked for. It is read from the list, which is empty then, while
    /// asking for the one that is not there would be answered as if the zone were not.
    async fn signing(&self, zone: &Zone, operation: &str) -> Result<Option<WireSigning>> {
        let request = self.request(Call::ReadSigning, Method::GET, operation, zone, &["dnssecConfigs"], SIGNING_VERSION);
        Ok(self.pages(request).await?.into_iter().next())
    }

    fn change_signing(&self, method: Method, operation: &str, zone: &Zone) -> Request {
        let below = ["dnssecConfigs", "default"];
        self.request(Call::WriteSigning, method, operation, zone, &below, SIGNING_VERSION)
    }
}

#[async_trait]
impl Provider for Azure {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let mut found = self.zones(apex, &operation).await?;
        let fail = |kind, message: String| Err(Error::new(INFO.slug, &operation, kind, message));
        let Some((group, zone)) = found.pop() else {
            return fail(Kind::NotFound, "the sign-in sees no zone of that name in the subscription".to_owned());
        };
        if let Some((other, _)) = found.pop() {
            let (one, other) = (harmless(&other, 90), harmless(&group, 90));
            let message = format!(
                "there are zones of that name in the resource groups {one:?} and {other:?}; say in resource_group which is meant"
            );
            return fail(Kind::Rejected, message);
        }
        if zone.properties.zone_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("Private")) {
            return fail(Kind::Rejected, "the zone is private: it is served only inside of virtual networks".to_owned());
        }
        let nameservers = zone.properties.name_servers.unwrap_or_default();
        let nameservers = nameservers.iter().map(|server| Name::parse(server)).collect::<Result<Vec<_>, _>>();
        let nameservers =
            nameservers.map_err(|error| Error::new(INFO.slug, &operation, Kind::Protocol, error.to_string()))?;
        let (apex, writes) = (apex.clone(), INFO.capabilities.writes);
        Ok(Zone { id: group, apex, nameservers, ttl: 1..=TTL_MAX, writes, hands_over: HandsOver::Never, notes: Vec::new() })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        Ok(self.live(zone, name, rtype).await?.and_then(|live| live.set))
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let operation = guard::operation(change);
        let wanted = change.after().map(|set| encode(set, None)).transpose();
        let wanted = wanted.map_err(|why| Error::new(INFO.slug, &operation, Kind::Rejected, why))?;
        let live = self.live(zone, change.name(), change.rtype()).await?;
        let set = live.as_ref().and_then(|live| live.set.as_ref());
        if guard::compare(INFO.slug, set, change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let method = if wanted.is_some() { Method::PUT } else { Method::DELETE };
        let mut request = self.record_set(Call::Write, method, &operation, zone, change.name(), change.rtype());
        request = match &live {
            Some(live) => request.header("if-match", &live.etag),
            None => request.header("if-none-match", "*"),
        };
        if let Some(properties) = wanted {
            // What is not sent is gone.
            let metadata = live.and_then(|live| live.metadata);
            request = request.json(&json!({ "properties": SetProperties { metadata, ..properties } }));
        }
        self.http.send(&request).await?;
        guard::confirm(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let request = self.request(Call::List, Method::GET, &operation, zone, &["recordsets"], VERSION);
        let sets: Vec<WireSet> = self.pages(request).await?;
        Ok(sets.iter().map(|set| set.properties.ttl).max())
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }
}

#[async_trait]
impl Signer for Azure {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        let Some(WireSigning { properties, .. }) = self.signing(zone, &operation).await? else {
            return Ok(Signing::Off);
        };
        match properties.provisioning_state.as_str() {
            "Succeeded" => {}
            "Failed" => {
                let message = "Azure reports that signing failed; look at the zone's DNSSEC page in the portal";
                return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
            }
            _ => return Ok(Signing::Pending),
        }
        let entries = properties.signing_keys.iter().filter(|key| key.is_entry_point());
        let keys = entries.map(|key| key.delegation(&zone.apex));
        let keys = keys
            .collect::<Result<Vec<_>, KeyError>>()
            .map_err(|error| Error::new(INFO.slug, operation, Kind::Protocol, error.to_string()))?;
        Ok(if keys.is_empty() { Signing::Pending } else { Signing::On(keys) })
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("sign {}", zone.apex);
        let request = self.change_signing(Method::PUT, &operation, zone);
        let request = match self.signing(zone, &operation).await? {
            None => request.header("if-none-match", "*"),
            Some(signing) => match signing.properties.provisioning_state.as_str() {
                "Failed" => request.header("if-match", &signing.etag),
                "Deleting" => {
                    let message = "Azure is still taking back the zone's last signing";
                    return Err(Error::new(INFO.slug, operation, Kind::Transient, message));
                }
                _ => return Ok(Outcome::Unchanged),
            },
        };
        // Without a body, but not without its length.
        self.http.send(&request.header("content-length", "0")).await?;
        Ok(Outcome::Done)
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("stop signing {}", zone.apex);
        let Some(signing) = self.signing(zone, &operation).await? else {
            return Ok(Outcome::Unchanged);
        };
        if signing.properties.provisioning_state == "Deleting" {
            return Ok(Outcome::Unchanged);
        }
        let request = self.change_signing(Method::DELETE, &operation, zone);
        self.http.send(&request.header("if-match", &signing.etag)).await?;
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct NoTokens;

    #[async_trait]
    impl Tokens for NoTokens {
        async fn token(&self, _: &str) -> Result<Token, String> {
            Err("the certificate ended. Make another one.".to_owned())
        }
    }

    #[tokio::test]
    async fn without_a_sign_in_nothing_is_sent() {
        let fields = [("subscription", "s"), ("url", "http://127.0.0.1:1")];
        let fields = fields.map(|(key, text)| (key.to_owned(), text.into())).into();
        let open = |tokens| INFO.open(&fields, crate::Options { tokens, ..crate::Options::default() });
        let none = open(None).unwrap_err();
        assert!(none.kind == Kind::Rejected && none.message.contains("Microsoft sign-in"), "{none}");
        let refused = open(Some(Arc::new(NoTokens))).unwrap().zone(&"example.test".parse().unwrap()).await.unwrap_err();
        assert!(refused.kind == Kind::Auth && refused.message == "the certificate ended. Make another one", "{refused}");
    }
}
