//! A small signed internet of real servers: what a rollout needs from the outside world, without Microsoft's APIs.
//!
//! | address | what |
//! |---|---|
//! | 127.0.0.53, 127.0.0.54 | Unbound, two validating resolvers with caches of their own |
//! | 127.1.0.1 | the signed root (Knot) |
//! | 127.1.0.2 | all top-level domains, signed (Knot); a DS gets in by a TSIG update only |
//! | 127.1.0.3 | Microsoft's zones (Knot): `mx.microsoft` and `o-v1.mx.microsoft` signed, `outlook.com` and `mail.protection.outlook.com` not |
//! | 127.2.0.1 | customers on PowerDNS, changed by its API |
//! | 127.2.0.2 | customers on BIND, changed by RFC 2136 |
//! | 127.25.0.1 | the legacy MX of all customers (Postfix) |
//! | 127.25.0.2, 127.25.0.3 | the new MX of all customers (Postfix) |
//!
//! DNS is on port 53 and SMTP on port 25, so it runs inside [`crate::namespace::run_inside`] only. Customers' zones start
//! unsigned, with the legacy MX. TTLs are [`crate::zone::SHORT_TTL`].

pub mod microsoft;
mod start;

pub use start::write_anchors;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use hickory_proto::rr::RecordType;
use tempfile::TempDir;

use crate::bind::Bind;
use crate::certificates::{Authority, HostCertificate};
use crate::knot::Knot;
use crate::pdns::PowerDns;
use crate::postfix::Postfix;
use crate::unbound::Unbound;
use crate::{ServerError, ask, update};

/// The first resolver, which `/etc/resolv.conf` names.
pub const RESOLVER: IpAddr = address(127, 0, 0, 53);
/// The second resolver.
pub const SECOND_RESOLVER: IpAddr = address(127, 0, 0, 54);
/// The root server.
pub const ROOT: IpAddr = address(127, 1, 0, 1);
/// The server of all top-level domains.
pub const TOP_LEVEL: IpAddr = address(127, 1, 0, 2);
/// The server of Microsoft's zones.
pub const MICROSOFT: IpAddr = address(127, 1, 0, 3);
/// PowerDNS, for customers.
pub const POWERDNS: IpAddr = address(127, 2, 0, 1);
/// BIND, for customers.
pub const BIND: IpAddr = address(127, 2, 0, 2);
/// The legacy MX host.
pub const LEGACY_MX: IpAddr = address(127, 25, 0, 1);
/// Both addresses of the new MX host.
pub const NEW_MX: [IpAddr; 2] = [address(127, 25, 0, 2), address(127, 25, 0, 3)];

/// The port of every DNS server.
pub const DNS_PORT: u16 = 53;
/// The port of every mail host.
pub const SMTP_PORT: u16 = 25;

const fn address(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::new(a, b, c, d))
}

/// Who serves a customer's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsHost {
    /// PowerDNS with its HTTP API.
    PowerDns,
    /// BIND with TSIG updates.
    Bind,
}

/// A customer's domain, directly under a top-level domain.
#[derive(Clone, Debug)]
pub struct Customer {
    /// For example `contoso.com`.
    pub domain: String,
    /// Who serves its zone.
    pub host: DnsHost,
    /// The TTL of its MX at the start, in seconds.
    pub mx_ttl: u32,
    /// Further records in zone file format, names relative to the domain.
    pub records: String,
}

impl Customer {
    /// A customer with the legacy MX and nothing else.
    pub fn new(domain: &str, host: DnsHost) -> Self {
        Self {
            domain: domain.to_owned(),
            host,
            mx_ttl: crate::zone::SHORT_TTL,
            records: String::new(),
        }
    }
}

/// The running internet.
#[derive(Debug)]
pub struct Internet {
    /// The customers as they were when it started.
    pub customers: Vec<Customer>,
    /// Root server.
    pub root: Knot,
    /// Server of all top-level domains.
    pub top_level: Knot,
    /// Server of Microsoft's zones.
    pub microsoft: Knot,
    /// Server of the customers with [`DnsHost::PowerDns`].
    pub powerdns: PowerDns,
    /// Server of the customers with [`DnsHost::Bind`].
    pub bind: Bind,
    /// The legacy and the new MX host.
    pub postfix: Postfix,
    /// Both resolvers.
    pub resolvers: [Unbound; 2],
    /// Who signed the mail hosts' certificates.
    pub authority: Authority,
    /// What the new MX host shows.
    pub new_certificate: HostCertificate,
    /// The root's DS records as RDATA: the trust anchor.
    pub anchor: Vec<String>,
    // Last, so that all servers are gone when it goes.
    folder: TempDir,
}

impl Internet {
    /// The addresses of the root servers with their port.
    pub fn root_servers(&self) -> Vec<SocketAddr> {
        vec![self.root.dns_addr]
    }

    /// The trust anchor as a file of DNSKEY records, the form `rollout` reads.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("root.key")
    }

    /// The trust anchor as a file of DS records, the form Unbound and `ldns-dane` read.
    pub fn anchor_file(&self) -> PathBuf {
        self.folder.path().join("root.ds")
    }

    /// The trust anchor in BIND's form, for `delv -a`.
    pub fn bind_anchor_file(&self) -> PathBuf {
        self.folder.path().join("bind.keys")
    }

    /// The certification authority of the mail hosts as a PEM file.
    pub fn authority_file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A folder for the files of a test; it goes with the internet.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The authoritative server of a customer's zone.
    ///
    /// # Panics
    ///
    /// When `domain` is no customer.
    pub fn server_of(&self, domain: &str) -> SocketAddr {
        let customer = self
            .customers
            .iter()
            .find(|customer| customer.domain == domain)
            .unwrap_or_else(|| panic!("{domain} is not a customer of this internet"));
        match customer.host {
            DnsHost::PowerDns => self.powerdns.dns_addr,
            DnsHost::Bind => self.bind.dns_addr,
        }
    }

    /// The DS records (RDATA, SHA-256) that fit the keys which a customer's server serves now.
    pub fn ds_of(&self, domain: &str) -> Result<Vec<String>, ServerError> {
        update::ds_records(self.server_of(domain), domain)
    }

    /// Plays the registrar: the parent now has exactly these DS records for `domain`. None takes them away.
    pub fn publish_ds(&self, domain: &str, records: &[String]) -> Result<(), ServerError> {
        let mut changes = vec![format!("delete {domain}. DS")];
        for record in records {
            changes.push(format!(
                "add {domain}. {ttl} DS {record}",
                ttl = crate::zone::SHORT_TTL
            ));
        }
        let (_, top) = split(domain);
        update::update(self.top_level.dns_addr, &self.top_level.key, top, &changes)
    }

    /// The DS records (RDATA) that the parent serves for `domain`.
    pub fn ds_at_parent(&self, domain: &str) -> Vec<String> {
        ask::authoritative(self.top_level.dns_addr, domain, RecordType::DS)
            .iter()
            .map(ToString::to_string)
            .collect()
    }
}

/// `contoso.com` as its label and its top-level domain.
fn split(domain: &str) -> (&str, &str) {
    domain
        .split_once('.')
        .expect("a customer's domain has two labels")
}
