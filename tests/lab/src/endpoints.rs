//! Where a running laboratory can be reached and with which credentials.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Everything a client needs to live in the laboratory instead of the Internet.
///
/// Secrets are plain text here on purpose: they open nothing but this laboratory. Files that hold them are owner-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Port of every name server and resolver, UDP and TCP.
    pub dns_port: u16,
    /// The root name servers.
    pub root_hints: Vec<RootHint>,
    /// The root's key, to be trusted.
    pub trust_anchor: TrustAnchor,
    /// Caching, validating resolvers: the vantages.
    pub resolvers: Vec<SocketAddr>,
    /// Port of every mail host ("port 25").
    pub smtp_port: u16,
    /// Base of Entra's sign-in, without a final slash.
    pub authority: String,
    /// Base of Microsoft Graph, without `/v1.0`.
    pub graph: String,
    /// Base of Exchange admin, without `/adminapi`.
    pub exchange: String,
    /// Base of the PowerDNS-shaped API, without `/api/v1`.
    pub powerdns: String,
    /// Its `X-API-Key`.
    pub powerdns_key: String,
    /// The tenant's id.
    pub tenant_id: String,
    /// The tenant's initial domain.
    pub initial_domain: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// Certificate of the laboratory's CA (PEM): trust it for HTTPS, and for SMTP where names and chains matter.
    pub https_roots_pem: String,
    /// The MTA-STS policy host: TLS is served here for every `mta-sts.<domain>`. The port stands for 443.
    pub mta_sts: SocketAddr,
}

/// A root name server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootHint {
    /// Its name, with a final dot.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
}

/// The root key in the two forms that validators read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustAnchor {
    /// As a DNSKEY line: `. 4 IN DNSKEY 257 3 13 ...`
    pub dnskey: String,
    /// As a DS line with a SHA-256 digest.
    pub ds: String,
}
