//! Starting the internet, from the leaves to the root: a parent needs its children's DS records.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use hickory_proto::rr::RecordType;

use super::microsoft::{LEGACY_HOST, LEGACY_ZONE, NEW_HOST, NEW_ZONE};
use super::{
    BIND, Customer, DNS_PORT, DnsHost, Internet, LEGACY_MX, MICROSOFT, NEW_MX, POWERDNS, RESOLVER,
    ROOT, SECOND_RESOLVER, SMTP_PORT, TOP_LEVEL, split,
};
use crate::bind::Bind;
use crate::certificates::{Authority, HostCertificate};
use crate::knot::{Knot, KnotZone};
use crate::pdns::PowerDns;
use crate::postfix::{MailHost, Postfix};
use crate::unbound::{Options, Start, Unbound};
use crate::zone::SHORT_TTL;
use crate::{ServerError, ask, namespace, process, update};

/// Everything that must be installed for [`Internet::start`] and the judges.
pub const PROGRAMS: [&str; 17] = [
    "named",
    "named-checkconf",
    "rndc",
    "knotd",
    "pdns_server",
    "pdnsutil",
    "sqlite3",
    "unbound",
    "unbound-control",
    "postfix",
    "postmap",
    "nsupdate",
    "dnssec-dsfromkey",
    "delv",
    "posttls-finger",
    "danetool",
    "ldns-dane",
];

/// Microsoft's zones that can be changed while all runs.
pub(super) const MICROSOFT_ZONES: [&str; 4] =
    ["mx.microsoft", NEW_ZONE, "outlook.com", LEGACY_ZONE];

/// Timers and the negative TTL (2 s) of every zone here.
const SOA: &str = "hostmaster.invalid. 1 60 30 3600 2";

impl Internet {
    /// What must be installed, judges included.
    pub const PROGRAMS: &'static [&'static str] = &PROGRAMS;

    /// Starts all servers with the zones of `customers`. Returns when every server answers.
    pub fn start(customers: &[Customer]) -> Result<Self, ServerError> {
        if !namespace::is_inside() {
            return Err(ServerError::Unfit(
                "ports 53 and 25 of many addresses are needed: call this inside namespace::run_inside".into(),
            ));
        }
        namespace::add_address(BIND)?;
        let folder = process::folder("internet")?;
        let authority = Authority::new("Laboratory mail authority");
        let new_certificate = authority.issue(&[NEW_HOST, "*.o-v1.mx.microsoft"]);
        let postfix = mail_hosts(customers, &authority, &new_certificate)?;

        let powerdns = {
            let zones = customer_zones(customers, DnsHost::PowerDns);
            PowerDns::start_at(at(POWERDNS), &borrowed(&zones))?
        };
        let bind = {
            let zones = customer_zones(customers, DnsHost::Bind);
            Bind::start_at(at(BIND), &borrowed(&zones), None)?
        };
        let microsoft = Knot::start_at(at(MICROSOFT), &microsoft_zones(), None)?;
        let inner = update::ds_records(microsoft.dns_addr, NEW_ZONE)?;
        update::update(
            microsoft.dns_addr,
            &microsoft.key,
            "mx.microsoft",
            &added_ds(NEW_ZONE, &inner)
                .into_iter()
                .chain(shared_tlsa(&new_certificate))
                .collect::<Vec<_>>(),
        )?;
        update::update(
            microsoft.dns_addr,
            &microsoft.key,
            LEGACY_ZONE,
            &legacy_addresses(customers),
        )?;

        let top_level = Knot::start_at(at(TOP_LEVEL), &top_level_zones(customers), None)?;
        let keys = update::ds_records(microsoft.dns_addr, "mx.microsoft")?;
        update::update(
            top_level.dns_addr,
            &top_level.key,
            "microsoft",
            &added_ds("mx.microsoft", &keys),
        )?;

        let root = Knot::start_at(at(ROOT), &[root_zone(customers)], None)?;
        let mut delegations = Vec::new();
        for top in top_level_domains(customers) {
            let keys = update::ds_records(top_level.dns_addr, &top)?;
            delegations.extend(added_ds(&top, &keys));
        }
        update::update(root.dns_addr, &root.key, "", &delegations)?;

        let anchor = update::ds_records(root.dns_addr, "")?;
        let keys = ask::authoritative(root.dns_addr, ".", RecordType::DNSKEY)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        write_anchors(folder.path(), &anchor, &keys, &authority)?;
        let resolver = |address: IpAddr| {
            Unbound::start(&Options {
                listen: Some(at(address)),
                start: Start::RootHints(vec![ROOT]),
                trust_anchors: anchor.iter().map(|ds| format!(". IN DS {ds}")).collect(),
                settings: Vec::new(),
            })
        };
        let resolvers = [resolver(RESOLVER)?, resolver(SECOND_RESOLVER)?];
        namespace::use_resolver(RESOLVER, folder.path())?;
        Ok(Self {
            customers: customers.to_vec(),
            root,
            top_level,
            microsoft,
            powerdns,
            bind,
            postfix,
            resolvers,
            authority,
            new_certificate,
            anchor,
            folder,
        })
    }
}

fn at(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, DNS_PORT)
}

fn mail_hosts(
    customers: &[Customer],
    authority: &Authority,
    new_certificate: &HostCertificate,
) -> Result<Postfix, ServerError> {
    let hosts = [
        MailHost {
            name: LEGACY_HOST.to_owned(),
            addresses: vec![LEGACY_MX],
            certificate: authority.issue(&[LEGACY_HOST, "*.mail.protection.outlook.com"]),
            accepts: customers
                .iter()
                .map(|customer| customer.domain.clone())
                .collect(),
            settings: Vec::new(),
        },
        MailHost {
            name: NEW_HOST.to_owned(),
            addresses: NEW_MX.to_vec(),
            certificate: new_certificate.clone(),
            accepts: Vec::new(),
            settings: Vec::new(),
        },
    ];
    Postfix::start(&hosts, SMTP_PORT)
}

fn customer_zones(customers: &[Customer], host: DnsHost) -> Vec<(String, String)> {
    customers
        .iter()
        .filter(|customer| customer.host == host)
        .map(|customer| {
            let legacy = Internet::legacy_mx(&customer.domain);
            let records = format!("@ {} MX 0 {legacy}.\n{}", customer.mx_ttl, customer.records);
            (customer.domain.clone(), records)
        })
        .collect()
}

fn borrowed(zones: &[(String, String)]) -> Vec<(&str, &str)> {
    zones
        .iter()
        .map(|(apex, records)| (apex.as_str(), records.as_str()))
        .collect()
}

fn microsoft_zones() -> Vec<KnotZone> {
    let head = |server: &str| format!("@ IN SOA {server} {SOA}\n@ IN NS {server}\n");
    vec![
        KnotZone::signed(
            "mx.microsoft",
            format!(
                "{head}ns1 A {MICROSOFT}\no-v1 NS ns1\n",
                head = head("ns1.mx.microsoft.")
            ),
        ),
        KnotZone::signed(NEW_ZONE, head("ns1.mx.microsoft.")),
        KnotZone::unsigned(
            "outlook.com",
            format!(
                "{head}ns1 A {MICROSOFT}\nmail.protection NS ns1\n",
                head = head("ns1.outlook.com.")
            ),
        ),
        KnotZone::unsigned(LEGACY_ZONE, head("ns1.outlook.com.")),
    ]
}

/// One record that matches the new host, and one that does not: Microsoft announces that some will not.
fn shared_tlsa(certificate: &HostCertificate) -> Vec<String> {
    let other = format!("3 1 1 {}", "00".repeat(32));
    [&certificate.tlsa_3_1_1, &other]
        .iter()
        .map(|data| {
            format!(
                "add {}. {SHORT_TTL} TLSA {data}",
                super::microsoft::SHARED_TLSA
            )
        })
        .collect()
}

fn legacy_addresses(customers: &[Customer]) -> Vec<String> {
    customers
        .iter()
        .map(|customer| {
            let name = Internet::legacy_mx(&customer.domain);
            format!("add {name}. {SHORT_TTL} A {LEGACY_MX}")
        })
        .collect()
}

fn added_ds(zone: &str, records: &[String]) -> Vec<String> {
    records
        .iter()
        .map(|record| format!("add {zone}. {SHORT_TTL} DS {record}"))
        .collect()
}

fn top_level_domains(customers: &[Customer]) -> BTreeSet<String> {
    customers
        .iter()
        .map(|customer| split(&customer.domain).1.to_owned())
        .chain(["com".to_owned(), "microsoft".to_owned()])
        .collect()
}

/// Delegations without a DS: who wants one has it published.
fn top_level_zones(customers: &[Customer]) -> Vec<KnotZone> {
    let mut zones: BTreeMap<String, String> = top_level_domains(customers)
        .into_iter()
        .map(|top| {
            let server = "a.tld-servers.";
            (top, format!("@ IN SOA {server} {SOA}\n@ IN NS {server}\n"))
        })
        .collect();
    let mut delegate = |domain: &str, address: IpAddr| {
        let (label, top) = split(domain);
        zones.entry(top.to_owned()).or_default().push_str(&format!(
            "{label} NS ns1.{label}\nns1.{label} A {address}\n"
        ));
    };
    delegate("mx.microsoft", MICROSOFT);
    delegate("outlook.com", MICROSOFT);
    for customer in customers {
        let server = match customer.host {
            DnsHost::PowerDns => POWERDNS,
            DnsHost::Bind => BIND,
        };
        delegate(&customer.domain, server);
    }
    zones
        .into_iter()
        .map(|(top, records)| KnotZone::signed(&top, records))
        .collect()
}

fn root_zone(customers: &[Customer]) -> KnotZone {
    let mut records = format!(
        "@ IN SOA a.root-servers. {SOA}\n@ IN NS a.root-servers.\n\
         a.root-servers. A {ROOT}\na.tld-servers. A {TOP_LEVEL}\n"
    );
    for top in top_level_domains(customers) {
        records.push_str(&format!("{top}. NS a.tld-servers.\n"));
    }
    KnotZone::signed("", records)
}

/// Writes the root's DS and DNSKEY data into `folder` in the forms that its readers want: `root.ds` (Unbound, ldns),
/// `root.key` (`rollout`), `bind.keys` (delv); and the authority's certificate as `authority.pem`.
pub fn write_anchors(
    folder: &Path,
    anchor: &[String],
    keys: &[String],
    authority: &Authority,
) -> Result<(), ServerError> {
    let entry_points: String = keys
        .iter()
        .filter(|key| key.starts_with("257 "))
        .map(|key| format!(". 3600 IN DNSKEY {key}\n"))
        .collect();
    let mut records = String::new();
    let mut clauses = String::from("trust-anchors {\n");
    for data in anchor {
        records.push_str(&format!(". 3600 IN DS {data}\n"));
        let mut fields = data.splitn(4, ' ');
        let mut field = || fields.next().unwrap_or_default().replace(' ', "");
        let (tag, algorithm, kind, digest) = (field(), field(), field(), field());
        clauses.push_str(&format!(
            "\t. static-ds {tag} {algorithm} {kind} \"{digest}\";\n"
        ));
    }
    clauses.push_str("};\n");
    for (name, text) in [
        ("root.ds", records.as_str()),
        ("root.key", entry_points.as_str()),
        ("bind.keys", clauses.as_str()),
        ("authority.pem", authority.pem()),
    ] {
        std::fs::write(folder.join(name), text)
            .map_err(ServerError::io(format!("writing {name}")))?;
    }
    Ok(())
}
