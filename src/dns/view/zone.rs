//! A zone as each address of each of its servers shows it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::{Failure, Source, Validated};
use crate::dns::record::{Data, Kind, Name, Record, Signatures, Soa};

/// What one server said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Records are in [`ServerAnswer::records`].
    Answer,
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// Could not tell.
    Failed(Failure),
}

/// One question to one server address, without recursion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerAnswer {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub kind: Kind,
    /// What came back.
    pub outcome: Outcome,
    /// The response code's mnemonic; empty when no answer came.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub rcode: Cow<'static, str>,
    /// Extended error (RFC 8914), if one came along; made safe for a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained: Option<String>,
    /// Over UDP the answer came cut off, so that it was asked for over TCP (RFC 7766, 5). With a failure as the outcome
    /// it is TCP that failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// Authoritative answer bit.
    pub aa: bool,
    /// Largest TTL of the record set, seconds, as served.
    pub ttl: Option<u32>,
    /// The records of the name and type asked for (or the alias there), sorted.
    pub records: Vec<Record>,
    /// Signatures over them.
    pub signatures: Option<Signatures>,
    /// The SOA from the authority section (or the answer, when SOA was asked).
    pub soa: Option<Soa>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub from: Source,
    /// How long it took.
    pub took_ms: u64,
}

impl ServerAnswer {
    /// Whether the server gave an answer, be it an absence.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self.outcome, Outcome::Failed(_))
    }

    /// How long what this server said may stay in a cache: the TTL, or for an absence the negative TTL.
    #[must_use]
    pub fn cacheable_for(&self) -> Option<u32> {
        match self.outcome {
            Outcome::Answer => self.ttl,
            Outcome::NoData | Outcome::NxDomain => self.soa.as_ref().map(Soa::negative_ttl),
            Outcome::Failed(_) => None,
        }
    }

    /// The contents without owner and TTL, sorted: for comparing servers.
    #[must_use]
    pub fn contents(&self) -> Vec<&Data> {
        let mut all: Vec<&Data> = self.records.iter().map(|r| &r.data).collect();
        all.sort();
        all
    }
}

/// An authoritative server of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its name.
    pub name: Name,
    /// All its addresses, sorted: from glue and from its own records.
    pub addresses: Vec<IpAddr>,
    /// Named in the parent's delegation.
    pub in_parent: bool,
    /// Named in the zone's own NS set. `None`: the zone's own set could not be read.
    pub in_child: Option<bool>,
    /// Why it has no address, or fewer than it should.
    pub trouble: Option<String>,
}

/// The delegation that contains a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneCut {
    /// Name of the zone.
    pub apex: Name,
    /// The zone that delegates it.
    pub parent: Name,
    /// Its servers: all that the parent or the zone itself names.
    pub servers: Vec<Server>,
    /// The servers of the parent.
    pub parent_servers: Vec<Server>,
    /// When.
    pub at: Timestamp,
}

impl ZoneCut {
    /// Servers that only the parent or only the zone names.
    pub fn differences(&self) -> impl Iterator<Item = &Server> {
        self.servers
            .iter()
            .filter(|s| s.in_child.is_some_and(|c| c != s.in_parent))
    }
}

/// Everything asked of one address of one authoritative server of the zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerView {
    /// Name of the server.
    pub server: Name,
    /// The address.
    pub address: SocketAddr,
    /// MX at the domain.
    pub mx: ServerAnswer,
    /// SOA at the apex.
    pub soa: ServerAnswer,
    /// DNSKEY at the apex.
    pub dnskey: ServerAnswer,
    /// NS at the apex.
    pub ns: ServerAnswer,
    /// CDS at the apex.
    pub cds: ServerAnswer,
    /// TXT at the domain.
    pub txt: ServerAnswer,
    /// TLSA at `_25._tcp` of the domain: does the server deny rightly (or fail, as old ones do)?
    pub denial: ServerAnswer,
}

impl ServerView {
    /// All answers.
    pub fn answers(&self) -> impl Iterator<Item = &ServerAnswer> {
        [
            &self.mx,
            &self.soa,
            &self.dnskey,
            &self.ns,
            &self.cds,
            &self.txt,
            &self.denial,
        ]
        .into_iter()
    }
}

/// What one address of a server of the parent says about the delegation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentView {
    /// Name of the server.
    pub server: Name,
    /// The address.
    pub address: SocketAddr,
    /// DS at the apex; an absence carries the parent's negative TTL in its SOA.
    pub ds: ServerAnswer,
}

/// One look at a domain's zone: every address of every server, kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneView {
    /// The mail domain.
    pub domain: Name,
    /// Its zone.
    pub cut: ZoneCut,
    /// Per address of the zone's servers.
    pub servers: Vec<ServerView>,
    /// Per address of the parent's servers.
    pub parents: Vec<ParentView>,
    /// Addresses of a family (mostly IPv6) to which this machine has no path at all: not asked, left out of `servers`
    /// and `parents`. They say nothing against the servers, and nothing for them.
    pub out_of_reach: Vec<Source>,
    /// The MX record set with our own verdict.
    pub mx: Validated,
    /// When the look began.
    pub at: Timestamp,
}

impl ZoneView {
    /// The answers about `kind`, one per address.
    pub fn answers(&self, kind: Kind) -> impl Iterator<Item = &ServerAnswer> {
        let zone = self
            .servers
            .iter()
            .flat_map(ServerView::answers)
            .filter(move |a| a.kind == kind);
        let parent = self
            .parents
            .iter()
            .map(|p| &p.ds)
            .filter(move |a| a.kind == kind);
        zone.chain(parent)
    }
}
