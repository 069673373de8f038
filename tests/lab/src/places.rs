//! Where each part of the laboratory listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use serde::{Deserialize, Serialize};

use crate::error::LabError;
use crate::options::Places;

/// The chosen network and ports; a saved laboratory returns to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) network: (u8, u8),
    pub(crate) dns_port: u16,
    pub(crate) smtp_port: u16,
    pub(crate) https_port: u16,
    /// Entra, Graph, Exchange, DNS provider.
    pub(crate) api_ports: [u16; 4],
}

/// A name server's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Hosting {
    /// The root.
    Root,
    /// Every top-level domain.
    TopLevel,
    /// Microsoft's unsigned zones and the domains it hosts itself.
    Outlook,
    /// The legacy mail zone, on software that does not know TLSA.
    LegacyMail,
    /// `mx.microsoft` and its partitions.
    NewMail,
    /// The changeable customer zones.
    Customer,
}

impl Hosting {
    pub(crate) const ALL: [Self; 6] = [
        Self::Root,
        Self::TopLevel,
        Self::Outlook,
        Self::LegacyMail,
        Self::NewMail,
        Self::Customer,
    ];

    /// Its name in counts.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::TopLevel => "top-level",
            Self::Outlook => "outlook",
            Self::LegacyMail => "legacy-mail",
            Self::NewMail => "new-mail",
            Self::Customer => "customer",
        }
    }

    /// Names of its servers, all in the zone `net.`, with the last octet of each one's address.
    pub(crate) fn servers(self) -> &'static [(&'static str, u8)] {
        match self {
            Self::Root => &[("a.root-servers.net.", 1)],
            Self::TopLevel => &[("a.registry-dns.net.", 2), ("b.registry-dns.net.", 3)],
            Self::Outlook => &[("ns1.outlook-dns.net.", 4)],
            Self::LegacyMail => &[("ns1.protection-dns.net.", 5)],
            Self::NewMail => &[("ns1.mx-dns.net.", 6), ("ns2.mx-dns.net.", 7)],
            Self::Customer => &[("ns1.nameservice.net.", 8), ("ns2.nameservice.net.", 9)],
        }
    }
}

/// A mail host's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailRole {
    /// `*.mail.protection.outlook.com`
    Legacy,
    /// `*.<letter>-v1.mx.microsoft`
    New,
    /// A third party's filter.
    Gateway,
}

impl MailRole {
    pub(crate) const ALL: [Self; 3] = [Self::Legacy, Self::New, Self::Gateway];

    fn octets(self) -> &'static [u8] {
        match self {
            Self::Legacy => &[31, 32],
            Self::New => &[33, 34],
            Self::Gateway => &[35],
        }
    }
}

const RESOLVER_OCTET: u8 = 21;
/// More resolvers would run into the mail hosts' addresses.
pub(crate) const MOST_RESOLVERS: u8 = 9;
const POLICY_OCTET: u8 = 41;
const TRIES: usize = 64;

impl Layout {
    pub(crate) fn address(&self, last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, self.network.0, self.network.1, last))
    }

    /// Addresses of the servers with this part.
    pub(crate) fn servers(&self, hosting: Hosting) -> Vec<IpAddr> {
        hosting
            .servers()
            .iter()
            .map(|&(_, octet)| self.address(octet))
            .collect()
    }

    /// Addresses of the mail hosts with this part.
    pub(crate) fn mail(&self, role: MailRole) -> Vec<IpAddr> {
        role.octets().iter().map(|&o| self.address(o)).collect()
    }

    pub(crate) fn resolver(&self, position: u8) -> SocketAddr {
        SocketAddr::new(self.address(RESOLVER_OCTET + position), self.dns_port)
    }

    pub(crate) fn policy_host(&self) -> SocketAddr {
        SocketAddr::new(self.address(POLICY_OCTET), self.https_port)
    }

    pub(crate) fn api(&self, position: usize) -> String {
        format!("http://127.0.0.1:{}", self.api_ports[position])
    }
}

/// Both transports of one DNS address.
pub(crate) struct DnsSockets {
    pub(crate) address: IpAddr,
    pub(crate) udp: UdpSocket,
    pub(crate) tcp: TcpListener,
}

/// Every socket of a laboratory, bound and waiting.
pub(crate) struct Sockets {
    pub(crate) servers: Vec<DnsSockets>,
    pub(crate) resolvers: Vec<DnsSockets>,
    pub(crate) mail: Vec<(MailRole, IpAddr, TcpListener)>,
    pub(crate) policy: TcpListener,
    pub(crate) api: [TcpListener; 4],
}

/// Binds everything, trying other places as long as the options leave a choice.
pub(crate) fn bind(places: &Places, resolvers: u8) -> Result<(Layout, Sockets), LabError> {
    let mut last = None;
    for attempt in 0..TRIES {
        match try_bind(places, resolvers) {
            Ok(bound) => return Ok(bound),
            Err(error) => last = Some(error),
        }
        if attempt > 8 {
            // A laboratory that was just stopped may still hold the ports for a moment.
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    Err(last.unwrap_or_else(|| LabError::Bind {
        service: "anything",
        source: std::io::ErrorKind::AddrNotAvailable.into(),
    }))
}

fn try_bind(places: &Places, resolvers: u8) -> Result<(Layout, Sockets), LabError> {
    let network = places.network.unwrap_or_else(|| {
        let [a, b] = random();
        (64 + a % 128, b)
    });
    let mut layout = Layout {
        network,
        dns_port: places.dns_port.unwrap_or_else(random_port),
        smtp_port: places.smtp_port.unwrap_or_else(random_port),
        https_port: places.https_port.unwrap_or_else(random_port),
        api_ports: places.api_ports.unwrap_or_default(),
    };
    let dns = |address: IpAddr| -> Result<DnsSockets, LabError> {
        let place = SocketAddr::new(address, layout.dns_port);
        Ok(DnsSockets {
            address,
            udp: UdpSocket::bind(place).map_err(|e| failed("DNS", e))?,
            tcp: TcpListener::bind(place).map_err(|e| failed("DNS", e))?,
        })
    };
    let servers = Hosting::ALL
        .into_iter()
        .flat_map(|hosting| layout.servers(hosting))
        .map(dns)
        .collect::<Result<Vec<_>, _>>()?;
    let resolvers = (0..resolvers)
        .map(|position| dns(layout.resolver(position).ip()))
        .collect::<Result<Vec<_>, _>>()?;
    let mail = MailRole::ALL
        .into_iter()
        .flat_map(|role| layout.mail(role).into_iter().map(move |ip| (role, ip)))
        .map(|(role, ip)| Ok((role, ip, tcp(ip, layout.smtp_port, "SMTP")?)))
        .collect::<Result<Vec<_>, LabError>>()?;
    let policy = tcp(
        layout.policy_host().ip(),
        layout.https_port,
        "the MTA-STS policy host",
    )?;
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let [entra, graph, exchange, provider] = layout.api_ports;
    let api = [
        tcp(local, entra, "Entra")?,
        tcp(local, graph, "Graph")?,
        tcp(local, exchange, "Exchange")?,
        tcp(local, provider, "the DNS provider")?,
    ];
    for (port, listener) in layout.api_ports.iter_mut().zip(&api) {
        *port = listener
            .local_addr()
            .map_err(|e| failed("an API", e))?
            .port();
    }
    Ok((
        layout,
        Sockets {
            servers,
            resolvers,
            mail,
            policy,
            api,
        },
    ))
}

fn tcp(ip: IpAddr, port: u16, service: &'static str) -> Result<TcpListener, LabError> {
    let listener = TcpListener::bind((ip, port)).map_err(|e| failed(service, e))?;
    listener
        .set_nonblocking(true)
        .map_err(|e| failed(service, e))?;
    Ok(listener)
}

fn failed(service: &'static str, source: std::io::Error) -> LabError {
    LabError::Bind { service, source }
}

fn random_port() -> u16 {
    let [a, b] = random();
    20_000 + u16::from_be_bytes([a, b]) % 12_000
}

/// Random bytes; zeroes only if the system has none, which then shows as a port that is taken.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        tracing::error!("the system gives no random numbers");
    }
    bytes
}
