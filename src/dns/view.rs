//! What the DNS was seen to say, and by whom: plain data, serializable, judged elsewhere.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Data, Kind, Name, Record, Signatures, Soa};

/// Who gave an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The server's name, where it has one.
    pub server: Option<Name>,
    /// The address asked.
    pub address: SocketAddr,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.server {
            Some(name) => write!(f, "{name} ({})", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// The four states of RFC 4035, 4.3.
///
/// `Bogus` and `Indeterminate` together are what RFC 7672, 2.1.1 calls a lookup error: never an absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Status {
    /// Signed, and the signatures lead to the trust anchor. Also a proven absence.
    Secure,
    /// The zone is proven to be unsigned, or signed by algorithms nobody can check.
    Insecure,
    /// Ought to be signed and is not validly so.
    Bogus {
        /// What is wrong, as a sentence.
        why: String,
    },
    /// Could not tell.
    Indeterminate {
        /// What failed, as a sentence.
        why: String,
    },
}

impl Status {
    /// Whether this is `Secure`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        matches!(self, Self::Secure)
    }

    /// Whether this is `Insecure`.
    #[must_use]
    pub const fn is_insecure(&self) -> bool {
        matches!(self, Self::Insecure)
    }

    /// Whether this is a lookup error in the sense of RFC 7672, 2.1.1.
    #[must_use]
    pub const fn is_lookup_error(&self) -> bool {
        matches!(self, Self::Bogus { .. } | Self::Indeterminate { .. })
    }

    /// The reason, where there is one.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Bogus { why } | Self::Indeterminate { why } => Some(why),
            Self::Secure | Self::Insecure => None,
        }
    }

    /// The weaker of two links of a chain: one insecure link makes all after it insecure (RFC 7672, 2.1.3).
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        match (&self, &next) {
            (Self::Bogus { .. } | Self::Indeterminate { .. }, _) => self,
            (_, Self::Bogus { .. } | Self::Indeterminate { .. }) | (_, Self::Insecure) => next,
            _ => self,
        }
    }
}

/// What an answer contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The record set asked for, sorted.
    Records(Vec<Record>),
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// Nobody answered usably: not an absence.
    Unknown,
}

impl Answer {
    /// The records, or none.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        match self {
            Self::Records(records) => records,
            _ => &[],
        }
    }

    /// Whether the set is known not to exist (proven or insecure; see the status beside it).
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::NoData | Self::NxDomain)
    }
}

/// One link of a CNAME chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// Owner of the alias.
    pub from: Name,
    /// Where it points.
    pub to: Name,
    /// TTL in seconds.
    pub ttl: u32,
    /// This link's own status.
    pub status: Status,
}

/// An answer with this program's own verdict about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validated {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub kind: Kind,
    /// The verdict over the whole chain.
    pub status: Status,
    /// The content at the end of the chain. With a status of `Bogus` it is what was served, for the report only.
    pub answer: Answer,
    /// Aliases followed, in order.
    pub aliases: Vec<Alias>,
    /// Largest TTL of the final record set, or how long its absence may be cached. Seconds.
    pub ttl: Option<u32>,
    /// The SOA that came with an absence.
    pub soa: Option<Soa>,
    /// The earliest time at which a signature over the answer expires.
    pub signatures: Option<Signatures>,
    /// When.
    pub at: Timestamp,
    /// From whom the final answer came.
    pub from: Option<Source>,
}

impl Validated {
    /// The name at the end of the chain.
    #[must_use]
    pub fn final_name(&self) -> &str {
        self.aliases
            .last()
            .map_or(self.name.as_str(), |alias| alias.to.as_str())
    }

    /// The records, or none.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        self.answer.records()
    }
}

/// Why a question got no usable answer. None of these says that a record does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Failure {
    /// An error code such as SERVFAIL, REFUSED, NOTIMP.
    #[error("answered {code}{}", .explained.as_deref().map(|e| format!(" ({e})")).unwrap_or_default())]
    Rcode {
        /// The mnemonic, upper case.
        code: String,
        /// Extended error (RFC 8914), if one came along; made safe for a terminal.
        explained: Option<String>,
    },
    /// No answer in time.
    #[error("did not answer in time")]
    Timeout,
    /// Nothing listens there.
    #[error("refused the connection")]
    ConnectionRefused,
    /// This machine has no path to the address, for instance no IPv6. Not the server's fault.
    #[error("cannot be reached from this machine ({detail})")]
    NoRoute {
        /// The operating system's words.
        detail: String,
    },
    /// The server answered, but points elsewhere instead of answering: it does not serve the zone.
    #[error("does not serve the zone (it answered with a referral or without authority)")]
    Lame,
    /// The answer could not be read.
    #[error("answered with something that cannot be read ({detail})")]
    Malformed {
        /// What.
        detail: String,
    },
    /// There is nobody to ask.
    #[error("no name server with a known address ({detail})")]
    NoServer {
        /// Which zone, and why.
        detail: String,
    },
}

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

    /// The longest time that any of the answers about `kind` may be cached, seconds.
    #[must_use]
    pub fn longest_ttl(&self, kind: Kind) -> Option<u32> {
        self.answers(kind)
            .filter_map(ServerAnswer::cacheable_for)
            .max()
    }
}

/// What a recursive resolver said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VantageAnswer {
    /// The resolver's name in the settings.
    pub vantage: String,
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub kind: Kind,
    /// What it means.
    pub verdict: VantageVerdict,
    /// The records (of the final name, after aliases), sorted.
    pub records: Vec<Record>,
    /// The largest TTL left in the resolver's cache; for an absence what is left of that. Seconds.
    pub ttl: Option<u32>,
    /// Authentic data: the resolver says it validated. Evidence only, and without meaning on a failure.
    pub ad: bool,
    /// The response code's mnemonic; empty when no answer came.
    pub rcode: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub from: Source,
}

/// The meaning of a resolver's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VantageVerdict {
    /// Records came.
    Answer,
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// It refuses, but answers the same question with checking disabled: it takes the data for bogus.
    Bogus {
        /// Extended error (RFC 8914), if one came along.
        explained: Option<String>,
    },
    /// Could not tell: the servers behind it, or the resolver itself, are dead.
    Failed(Failure),
}
