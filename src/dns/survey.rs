//! A zone by every address of every server, over UDP and TCP.
//!
//! The rules: `verification.md` 49 to 53 (RFC 4035, 2, 3.1 and 5.2; RFC 6840, 5.11; RFC 9276), with 10 to 12.

mod keys;
mod look;
mod proof;
mod server;
mod signed;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::record::{Data, Kind, Name};
use super::view::{Outcome, ServerAnswer, ServerView, Status, ZoneView};

pub use super::keys::DsFit;
pub use server::{
    Denial, DsLink, KeyView, Probe, ProvenBy, ServedSet, ServerSurvey, Signed, TcpView,
};

/// One deep look at a domain's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// What each server says.
    pub zone: ZoneView,
    /// What the parents prove about the delegation: `Secure` where a DS stands that leads up to the trust anchor,
    /// `Insecure` where its absence is proven (here or further up).
    pub delegation: Status,
    /// Per address of the zone's servers, in the order of [`ZoneView::servers`].
    pub servers: Vec<ServerSurvey>,
    /// The random name of [`Probe::RandomName`].
    pub random_name: Name,
}

/// Addresses that say the same about one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Camp {
    /// What they say.
    pub outcome: Outcome,
    /// The contents, sorted.
    pub contents: Vec<Data>,
    /// Who.
    pub addresses: Vec<SocketAddr>,
}

impl Survey {
    /// The addresses by what they say about `kind` (SOA, NS, DNSKEY, MX, CDS, TXT; TLSA for the denial). More than one camp
    /// is a disagreement (RFC 4035, 2; RFC 1034, 4.3.5). Addresses that gave no answer are in none.
    #[must_use]
    pub fn camps(&self, kind: Kind) -> Vec<Camp> {
        let mut camps: Vec<Camp> = Vec::new();
        for answer in self.zone.servers.iter().flat_map(ServerView::answers) {
            if answer.kind != kind || !answer.is_known() {
                continue;
            }
            let address = answer.from.address;
            let contents: Vec<Data> = answer.contents().into_iter().cloned().collect();
            match camps
                .iter_mut()
                .find(|c| c.outcome == answer.outcome && c.contents == contents)
            {
                Some(camp) if camp.addresses.contains(&address) => {}
                Some(camp) => camp.addresses.push(address),
                None => camps.push(Camp {
                    outcome: answer.outcome.clone(),
                    contents,
                    addresses: vec![address],
                }),
            }
        }
        camps
    }

    /// What the address was asked at every look, where the survey goes deeper.
    #[must_use]
    pub fn view(&self, of: &ServerSurvey) -> Option<&ServerView> {
        let mut views = self.zone.servers.iter();
        views.find(|v| v.address == of.address && v.server == of.server)
    }

    /// The signature that expires first, on any server.
    #[must_use]
    pub fn horizon(&self) -> Option<&Signed> {
        let first = self.servers.iter().filter_map(ServerSurvey::horizon);
        first.min_by_key(|signed| signed.expires)
    }
}

/// Whether two answers to one question, both given, are not the same.
fn differs(one: &ServerAnswer, other: &ServerAnswer) -> bool {
    one.is_known()
        && other.is_known()
        && (one.outcome != other.outcome || one.contents() != other.contents())
}
