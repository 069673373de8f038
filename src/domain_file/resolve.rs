//! How names are resolved, which resolvers are vantages, and where SMTP and HTTPS are looked for.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DomainName, Place, ServerAddress, TextOrFile};

/// The port of DNS.
pub const DNS_PORT: u16 = 53;
/// The port of SMTP between servers.
pub const SMTP_PORT: u16 = 25;

/// How names are resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resolve {
    /// Root servers to start from; by default those of the IANA.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<RootServer>,
    /// Forwarders to ask instead of walking down from the root. Authoritative servers are still asked directly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forwarders: Vec<ServerAddress>,
    /// The port of every root and authoritative server.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// DNSKEY or DS records of the root as text, or file:PATH; by default those of the IANA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_anchor: Option<TextOrFile>,
    /// The resolvers used as vantages.
    pub resolvers: Vec<Resolver>,
    /// Look through the resolvers that this machine is set up with as well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub system: bool,
}

/// A root server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RootServer {
    /// Its name, as in `a.root-servers.net`.
    pub name: String,
    /// Its address; the port is that of `resolve.port`.
    pub address: IpAddr,
}

/// A resolver that shows what senders see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolver {
    /// What output calls it.
    pub name: String,
    /// Its address, with port 53 unless written.
    pub address: ServerAddress,
}

impl Resolver {
    /// Its socket address.
    pub fn socket(&self) -> SocketAddr {
        self.address.or_port(DNS_PORT)
    }
}

/// The public resolvers that validate DNSSEC and answer anybody.
pub fn public_resolvers() -> Vec<Resolver> {
    [
        ("google", [8, 8, 8, 8]),
        ("cloudflare", [1, 1, 1, 1]),
        ("quad9", [9, 9, 9, 9]),
    ]
    .into_iter()
    .map(|(name, ip)| Resolver {
        name: name.to_owned(),
        address: ServerAddress {
            ip: ip.into(),
            port: None,
        },
    })
    .collect()
}

impl Default for Resolve {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            forwarders: Vec::new(),
            port: DNS_PORT,
            trust_anchor: None,
            resolvers: public_resolvers(),
            system: false,
        }
    }
}

/// How hosts are probed over SMTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// The port of every MX host.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Whether a probe that cannot tell holds the rollout up.
    pub probe: Probe,
    /// The name given in EHLO; by default this machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helo: Option<DomainName>,
}

/// What an SMTP probe that cannot tell means, as where port 25 is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// The rollout stands until the hosts are proven.
    #[default]
    Required,
    /// The rollout goes on; the report says what was not proven.
    Advisory,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            port: SMTP_PORT,
            probe: Probe::Required,
            helo: None,
        }
    }
}

/// What a laboratory replaces about HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Https {
    /// PEM file of the root certificates to trust, instead of the operating system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<Place>,
    /// Where the MTA-STS policy host is reached, instead of port 443 of its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mta_sts_address: Option<SocketAddr>,
}
