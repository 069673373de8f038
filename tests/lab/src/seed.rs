//! The first state of a laboratory: the tree of zones, the tenant, the customers.

use std::collections::BTreeMap;
use std::time::Duration;

use hickory_proto::dnssec::DigestType;
use jiff::Timestamp;

use crate::dns::content::{ZoneContent, dotted};
use crate::dns::keys::{StoredKey, ds_text};
use crate::error::LabError;
use crate::options::{DomainKind, DomainSeed, Options};
use crate::places::{Hosting, Layout, MailRole, random};
use crate::state::{HostedZone, MailDomain, State, StsPolicy};

/// The third-party filter's host.
pub(crate) const GATEWAY_HOST: &str = "mx1.filter-service.net";
/// The zone of the legacy hosts.
pub(crate) const LEGACY_ZONE: &str = "mail.protection.outlook.com.";
/// The zone above the partitions.
pub(crate) const NEW_ZONE: &str = "mx.microsoft.";
/// The owner of the one TLSA set that every new host's name is an alias of.
pub(crate) const SHARED_TLSA: &str = "_25._tcp.smtpdane.mx.microsoft.";
/// Letters of the partitions; which one a domain gets is Microsoft's choice.
const PARTITIONS: [&str; 5] = ["e", "j", "o", "p", "r"];
const TOP_LEVEL: [&str; 4] = ["com.", "ch.", "net.", "microsoft."];

/// Names of the partition zones, without a final dot.
pub(crate) fn partitions() -> Vec<String> {
    PARTITIONS
        .iter()
        .map(|letter| format!("{letter}-v1.mx.microsoft"))
        .collect()
}

/// The whole first state.
pub(crate) fn state(
    options: &Options,
    layout: &Layout,
    live_key: &[u8],
) -> Result<State, LabError> {
    let mut tree = Tree {
        options,
        layout,
        zones: BTreeMap::new(),
    };
    tree.top()?;
    tree.microsoft(live_key)?;
    let mut domains = BTreeMap::new();
    let mut policies = BTreeMap::new();
    for seed in &options.domains {
        let domain = mail_domain(seed, options.partition);
        tree.customer(seed, &domain)?;
        if seed.kind == DomainKind::EnforcingMtaSts {
            let policy = StsPolicy {
                mode: "enforce".to_owned(),
                mx: vec![domain.legacy_host.clone()],
                max_age: options.timing.sts_max_age,
            };
            policies.insert(seed.name.clone(), policy);
        }
        domains.insert(seed.name.clone(), domain);
    }
    Ok(State {
        zones: tree.zones,
        domains,
        coming_ds: BTreeMap::new(),
        next_scan: Timestamp::now(),
        policies,
        policy_files: BTreeMap::new(),
        connectors: Vec::new(),
    })
}

/// What Exchange knows of a domain at the start.
fn mail_domain(seed: &DomainSeed, partition: Option<char>) -> MailDomain {
    let label = if seed.kind == DomainKind::Initial {
        seed.name.split('.').next().unwrap_or_default().to_owned()
    } else {
        seed.name.replace('.', "-")
    };
    let now = Timestamp::UNIX_EPOCH;
    let moved = seed.kind.starts_on_new_host();
    MailDomain {
        kind: seed.kind,
        legacy_host: format!("{label}.{}", LEGACY_ZONE.trim_end_matches('.')),
        assigned_host: moved.then(|| assign_host(&seed.name, partition)),
        dnssec_since: moved.then_some(now),
        dane_since: (seed.kind == DomainKind::Finished).then_some(now),
        ipv6: false,
    }
}

/// A new host's name: label and partition are chosen by Microsoft and cannot be derived.
pub(crate) fn assign_host(domain: &str, partition: Option<char>) -> String {
    let [pick, a, b] = random();
    let letter = match partition {
        Some(letter) => letter.to_string(),
        None => PARTITIONS[usize::from(pick) % PARTITIONS.len()].to_owned(),
    };
    let label = domain.replace('.', "-");
    if domain.contains('-') {
        // "a-b.com" and "a.b.com" must not meet.
        format!("{label}-{a:02x}{b:02x}.{letter}-v1.mx.microsoft")
    } else {
        format!("{label}.{letter}-v1.mx.microsoft")
    }
}

struct Tree<'a> {
    options: &'a Options,
    layout: &'a Layout,
    zones: BTreeMap<String, HostedZone>,
}

impl Tree<'_> {
    fn ttl(&self) -> u32 {
        self.options.timing.infrastructure_ttl
    }

    /// Adds a zone and its delegation; `signed` also gives it a key and puts its DS at the parent.
    fn zone(
        &mut self,
        origin: &str,
        hosting: Hosting,
        ttl: u32,
        signed: bool,
    ) -> Result<&mut HostedZone, LabError> {
        let timing = &self.options.timing;
        let servers = hosting.servers();
        let names: Vec<&str> = servers.iter().map(|(name, _)| *name).collect();
        let mut content = ZoneContent::new(
            origin,
            names.first().copied().unwrap_or("."),
            timing.negative_ttl,
            timing.dnskey_ttl,
        );
        content.set(origin, "NS", ttl, names.iter().copied());
        let mut ds = Vec::new();
        if signed {
            let key = StoredKey::generate(1, true, true)?;
            ds.push(ds_text(&key.ds(&content.name()?, DigestType::SHA256)?));
            content.keys.push(key);
        }
        if let Some(parent) = self.parent(origin) {
            let glue_ttl = self.ttl();
            let ds_ttl = timing.ds_ttl;
            if let Some(parent) = self.zones.get_mut(&parent) {
                parent.content.set(origin, "NS", ttl, names);
                if !ds.is_empty() {
                    parent.content.set(origin, "DS", ds_ttl, ds);
                }
                if parent.hosting == Hosting::Root {
                    for (name, octet) in servers {
                        let address = self.layout.address(*octet).to_string();
                        parent.content.set(name, "A", glue_ttl, [address]);
                    }
                }
            }
        }
        let zone = HostedZone {
            content,
            hosting,
            lag: Duration::ZERO,
            in_api: hosting == Hosting::Customer,
            metadata: BTreeMap::new(),
            api_rectify: false,
        };
        Ok(self.zones.entry(dotted(origin)).or_insert(zone))
    }

    fn parent(&self, origin: &str) -> Option<String> {
        let mut rest = origin;
        while let Some((_, above)) = rest.split_once('.') {
            let candidate = if above.is_empty() { "." } else { above };
            if rest == "." {
                return None;
            }
            if self.zones.contains_key(candidate) {
                return Some(candidate.to_owned());
            }
            rest = above;
        }
        None
    }

    fn top(&mut self) -> Result<(), LabError> {
        let ttl = self.ttl();
        let layout = self.layout.clone();
        let root = self.zone(".", Hosting::Root, ttl, true)?;
        for (name, octet) in Hosting::Root.servers() {
            let address = layout.address(*octet).to_string();
            root.content.set(name, "A", ttl, [address]);
        }
        for origin in TOP_LEVEL {
            self.zone(origin, Hosting::TopLevel, ttl, true)?;
        }
        if let Some(net) = self.zones.get_mut("net.") {
            for hosting in Hosting::ALL {
                for (name, octet) in hosting.servers() {
                    let address = layout.address(*octet).to_string();
                    net.content.set(name, "A", ttl, [address]);
                }
            }
            let filter: Vec<String> = addresses(&layout, MailRole::Gateway);
            net.content.set(GATEWAY_HOST, "A", ttl, filter);
        }
        Ok(())
    }

    fn microsoft(&mut self, live_key: &[u8]) -> Result<(), LabError> {
        let ttl = self.ttl();
        let short = self.options.timing.microsoft_ttl;
        let outlook = self.zone("outlook.com.", Hosting::Outlook, ttl, false)?;
        outlook
            .content
            .set("autodiscover.outlook.com.", "A", ttl, ["192.0.2.25"]);
        self.zone("onmicrosoft.com.", Hosting::Outlook, ttl, false)?;
        self.zone(LEGACY_ZONE, Hosting::LegacyMail, ttl, false)?;
        let new = self.zone(NEW_ZONE, Hosting::NewMail, ttl, true)?;
        // Several records, one of which matches: Microsoft keeps the next key published.
        let other: [u8; 32] = random();
        let tlsa = [live_key, &other].map(|d| format!("3 1 1 {}", crate::dns::keys::hex(d)));
        new.content.set(SHARED_TLSA, "TLSA", short, tlsa);
        for partition in partitions() {
            self.zone(&dotted(&partition), Hosting::NewMail, ttl, true)?;
        }
        Ok(())
    }

    fn customer(&mut self, seed: &DomainSeed, domain: &MailDomain) -> Result<(), LabError> {
        let hosted_by_microsoft =
            matches!(seed.kind, DomainKind::Initial | DomainKind::FullyDelegated);
        let hosting = if hosted_by_microsoft {
            Hosting::Outlook
        } else {
            Hosting::Customer
        };
        let ttl = self.options.timing.record_ttl;
        let name = dotted(&seed.name);
        if self.parent(&name).is_none_or(|parent| parent == ".") {
            return Err(LabError::UnknownZone(name));
        }
        let policy_host = self.layout.policy_host().ip().to_string();
        let zone = self.zone(&name, hosting, ttl, seed.signed && !hosted_by_microsoft)?;
        zone.lag = seed.second_server_lag;
        if seed.publishes_cds && hosting == Hosting::Customer {
            zone.metadata
                .insert("PUBLISH-CDS".to_owned(), vec!["2".to_owned()]);
            zone.metadata
                .insert("PUBLISH-CDNSKEY".to_owned(), vec!["1".to_owned()]);
            zone.content.cds_digests = vec![2];
            zone.content.cdnskey = true;
        }
        let host = match seed.kind {
            DomainKind::Gateway | DomainKind::Unverified => GATEWAY_HOST,
            DomainKind::Moved | DomainKind::Finished => {
                domain.assigned_host.as_deref().unwrap_or(GATEWAY_HOST)
            }
            _ => &domain.legacy_host,
        };
        let content = &mut zone.content;
        let mx = format!("{} {host}.", seed.preference);
        content.set(&name, "MX", ttl, [mx]);
        content.set(&name, "A", ttl, ["192.0.2.10"]);
        let spf = "\"v=spf1 include:spf.protection.outlook.com -all\"";
        content.set(&name, "TXT", ttl, [spf]);
        content.set(&format!("www.{name}"), "A", ttl, ["192.0.2.10"]);
        let autodiscover = ["autodiscover.outlook.com."];
        content.set(&format!("autodiscover.{name}"), "CNAME", ttl, autodiscover);
        if seed.kind == DomainKind::EnforcingMtaSts {
            let id = ["\"v=STSv1; id=20260101000000\""];
            content.set(&format!("_mta-sts.{name}"), "TXT", ttl, id);
            content.set(&format!("mta-sts.{name}"), "A", ttl, [policy_host]);
        }
        if matches!(
            seed.kind,
            DomainKind::EnforcingMtaSts | DomainKind::Finished
        ) {
            let report = format!("\"v=TLSRPTv1; rua=mailto:tls-reports@{}\"", seed.name);
            content.set(&format!("_smtp._tls.{name}"), "TXT", ttl, [report]);
        }
        Ok(())
    }
}

/// Addresses of the mail hosts with this part, as record contents.
pub(crate) fn addresses(layout: &Layout, role: MailRole) -> Vec<String> {
    layout.mail(role).iter().map(ToString::to_string).collect()
}
