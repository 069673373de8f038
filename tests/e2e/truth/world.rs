//! What exists in the scene: zones and hosts, noted down before anything starts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rollout_servers::certificates::{Authority, HostCertificate};
use rollout_servers::crooked::Fault;
use rollout_servers::postfix::MailHost;
use rollout_servers::signer::Signing;

/// The top-level domain of all customers.
pub const TOP: &str = "example";

/// NSD, by both families.
pub const NSD: IpAddr = v4(127, 2, 1, 1);
pub const NSD_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x53));
pub const KNOT: IpAddr = v4(127, 2, 1, 2);
pub const BIND: IpAddr = v4(127, 2, 1, 3);
pub const POWERDNS: IpAddr = v4(127, 2, 1, 4);
/// Nobody is here.
pub const DEAD: IpAddr = v4(127, 2, 1, 9);
/// The proxy that spoils what NSD answers.
pub const CROOKED: IpAddr = v4(127, 2, 1, 5);

pub const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// Who serves a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// NSD, by IPv4.
    Nsd,
    /// NSD, by both families.
    NsdBoth,
    /// NSD, by IPv6 alone.
    NsdV6,
    Knot,
    Bind,
    /// Signs by itself.
    PowerDns,
    /// NSD behind the proxy, with this fault at TLSA questions.
    Crooked(Fault),
    /// NSD with what is right now, BIND with what was right before.
    NsdAndStaleBind,
    /// NSD, and an address where nobody is.
    NsdAndNobody,
}

/// The DS at the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ds {
    Right,
    None,
    /// Of a key that does not exist.
    Wrong,
}

/// A customer's zone.
#[derive(Clone, Debug)]
pub struct Zone {
    pub apex: String,
    pub at: At,
    pub signing: Option<Signing>,
    pub ds: Ds,
    pub records: String,
    /// What the stale server serves.
    pub stale: String,
}

impl Zone {
    /// The whole zone file, unsigned.
    pub fn file(&self, serial: u32, records: &str) -> String {
        let servers: Vec<IpAddr> = self.servers();
        let mut text = format!(
            "$ORIGIN {apex}.\n$TTL 5\n@ IN SOA ns1 hostmaster {serial} 60 30 3600 2\n",
            apex = self.apex
        );
        text.push_str(&self.delegation("@", &servers));
        text + records
    }

    /// NS records and addresses, as the parent has them too.
    pub fn delegation(&self, owner: &str, servers: &[IpAddr]) -> String {
        let suffix = if owner == "@" {
            String::new()
        } else {
            format!(".{owner}")
        };
        let mut text = String::new();
        for (number, server) in servers.iter().enumerate() {
            // Both addresses of one server share a name.
            let number = if self.at == At::NsdBoth {
                1
            } else {
                number + 1
            };
            let name = format!("ns{number}{suffix}");
            let kind = if server.is_ipv4() { "A" } else { "AAAA" };
            text.push_str(&format!("{owner} NS {name}\n{name} {kind} {server}\n"));
        }
        text
    }

    pub fn servers(&self) -> Vec<IpAddr> {
        match self.at {
            At::Nsd => vec![NSD],
            At::NsdBoth => vec![NSD, NSD_V6],
            At::NsdV6 => vec![NSD_V6],
            At::Knot => vec![KNOT],
            At::Bind => vec![BIND],
            At::PowerDns => vec![POWERDNS],
            At::Crooked(_) => vec![CROOKED],
            At::NsdAndStaleBind => vec![NSD, BIND],
            At::NsdAndNobody => vec![NSD, DEAD],
        }
    }
}

/// All that will run.
pub struct World {
    pub authority: Authority,
    pub zones: Vec<Zone>,
    /// Mail domains that are no zones of their own.
    pub inner: Vec<String>,
    pub hosts: Vec<MailHost>,
    /// Hosts that take connections and say nothing.
    pub mute: Vec<IpAddr>,
    used: u8,
}

impl World {
    pub fn new() -> Self {
        Self {
            authority: Authority::new("Truth table authority"),
            zones: Vec::new(),
            inner: Vec::new(),
            hosts: Vec::new(),
            mute: Vec::new(),
            used: 0,
        }
    }

    /// All mail domains.
    pub fn domains(&self) -> Vec<String> {
        let zones = self.zones.iter().map(|zone| zone.apex.clone());
        zones.chain(self.inner.iter().cloned()).collect()
    }

    /// An address that nobody has yet.
    pub fn address(&mut self) -> IpAddr {
        self.used += 1;
        v4(127, 25, 1, self.used)
    }

    pub fn address_v6(&mut self) -> IpAddr {
        self.used += 1;
        IpAddr::V6(Ipv6Addr::new(
            0xfd00,
            0,
            0,
            0,
            0,
            0,
            0x25,
            u16::from(self.used),
        ))
    }

    /// A Postfix at these addresses.
    pub fn postfix(
        &mut self,
        name: &str,
        addresses: &[IpAddr],
        certificate: &HostCertificate,
        settings: &[&str],
    ) {
        self.hosts.push(MailHost {
            name: name.to_owned(),
            addresses: addresses.to_vec(),
            certificate: certificate.clone(),
            accepts: Vec::new(),
            settings: settings.iter().map(|one| (*one).to_owned()).collect(),
        });
    }

    /// A certificate for `mx` in this domain.
    pub fn certificate(&self, label: &str) -> HostCertificate {
        self.authority.issue(&[&format!("mx.{label}.{TOP}")])
    }

    /// A Postfix called `mx` in this domain, and the records for it: MX, address, and this TLSA data.
    pub fn host(&mut self, label: &str, certificate: &HostCertificate, tlsa: &[String]) -> String {
        self.host_with(label, certificate, tlsa, &[])
    }

    pub fn host_with(
        &mut self,
        label: &str,
        certificate: &HostCertificate,
        tlsa: &[String],
        settings: &[&str],
    ) -> String {
        let address = self.address();
        self.postfix(
            &format!("mx.{label}.{TOP}"),
            &[address],
            certificate,
            settings,
        );
        format!("@ MX 10 mx\n{}", mx_records(&[address], tlsa))
    }

    /// A host that is right in every way.
    pub fn right(&mut self, label: &str) -> String {
        let certificate = self.certificate(label);
        self.host(label, &certificate, &[certificate.tlsa(3, 1, 1)])
    }

    pub fn zone(&mut self, label: &str, at: At, signing: Option<Signing>, ds: Ds, records: String) {
        self.zones.push(Zone {
            apex: format!("{label}.{TOP}"),
            at,
            signing,
            ds,
            records,
            stale: String::new(),
        });
    }

    /// A zone signed as it should be, at NSD.
    pub fn secure(&mut self, label: &str, records: String) {
        self.zone(label, At::Nsd, Some(Signing::default()), Ds::Right, records);
    }
}

/// Addresses and TLSA records of `mx`.
pub fn mx_records(addresses: &[IpAddr], tlsa: &[String]) -> String {
    let mut text = String::new();
    for address in addresses {
        let kind = if address.is_ipv4() { "A" } else { "AAAA" };
        text.push_str(&format!("mx {kind} {address}\n"));
    }
    for data in tlsa {
        text.push_str(&format!("_25._tcp.mx TLSA {data}\n"));
    }
    text
}
